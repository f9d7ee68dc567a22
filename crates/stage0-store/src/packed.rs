//! Lines of a log, packed: nine tenths of a decision's record stand in every other one too.
//!
//! A line is kept as LZ4, begun with a text that has what records have in common, so that it takes a quarter of
//! its room. What is written beside the file, into it and to the disk is what a server spends most of its time on.

use lz4_flex::block::{compress_into_with_dict, decompress_with_dict, get_maximum_output_size};

/// What records have in common. Lines that were packed with it cannot be read without it, so it is never
/// changed: another one takes another form.
const COMMON: &[u8] = include_bytes!("packed.common");

/// The form of what follows: LZ4 with the text above.
const FORM: u8 = 1;
/// The form, and the line's length in four bytes.
const HEAD_BYTES: usize = 5;

/// The line, packed.
pub(crate) fn pack(line: &str) -> Vec<u8> {
    let room = get_maximum_output_size(line.len()).saturating_add(HEAD_BYTES);
    let mut packed = vec![0; room];
    let Some((head, rest)) = packed.split_first_chunk_mut::<HEAD_BYTES>() else {
        return Vec::new();
    };
    let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
    let [one, two, three, four] = length.to_le_bytes();
    *head = [FORM, one, two, three, four];
    // There is room for the longest that it can be.
    let bytes = compress_into_with_dict(line.as_bytes(), rest, COMMON).unwrap_or(0);
    packed.truncate(bytes.saturating_add(HEAD_BYTES));
    packed
}

/// The line; nothing where this is none that was packed.
pub(crate) fn unpack(packed: &[u8], bytes_max: usize) -> Option<String> {
    let (head, rest) = packed.split_first_chunk::<HEAD_BYTES>()?;
    let [FORM, length @ ..] = head else {
        return None;
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // A length that somebody wrote over is no reason to ask for so much memory.
    if length > bytes_max {
        return None;
    }
    let bytes = decompress_with_dict(rest, length, COMMON).ok()?;
    (bytes.len() == length).then(|| String::from_utf8(bytes).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 10_000_000;

    #[test]
    fn what_was_packed_is_what_is_found() {
        let common = str::from_utf8(COMMON).unwrap();
        let long = "grüße \u{1f642} ".repeat(100_000);
        for line in ["", "a", common, &long, &common.repeat(3)] {
            assert_eq!(unpack(&pack(line), MAX).as_deref(), Some(line));
        }
        let record = common.replace("payments", "treasury").replace('7', "3");
        assert!(
            pack(&record).len() * 3 < record.len(),
            "{}",
            pack(&record).len()
        );
    }

    #[test]
    fn what_was_not_packed_is_nothing() {
        let packed = pack("a line of a log, which is a text");
        for bytes in [
            &[][..],
            b"{\"seq\":1}",
            &packed[..packed.len() - 1],
            &packed[1..],
        ] {
            assert_eq!(unpack(bytes, MAX), None);
        }
        assert_eq!(unpack(&packed, 3), None, "longer than there may be");
        for position in 0..packed.len() {
            let mut changed = packed.clone();
            changed[position] ^= 0x41;
            // It is something else or nothing, and never a panic; the chain says which.
            let _ = unpack(&changed, MAX);
        }
    }
}

//! Records of a log, packed: nine tenths of a decision's record stand in every other one too.
//!
//! A record is kept as LZ4, begun with a text that has what records have in common, so that it takes less than half
//! of its room. What is written beside the file, into it and to the disk is what a server spends most of its time on.
//!
//! ```text
//! form, 1 byte | hash of the line before, 32 bytes | hash of the line, 32 bytes | length, 4 bytes | LZ4 of the record
//! 4              | hash of the line before, 32 bytes | hash of the line, 32 bytes | token of a checkpoint
//! ```

use lz4_flex::block::{compress_into_with_dict, decompress_with_dict, get_maximum_output_size};
use stage0_audit::chain::{Body, Link};
use stage0_engine::digest::Digest;

/// What records have in common. Records that were packed with it cannot be read without it, so it is never
/// changed: another one takes another form.
const COMMON: &[u8] = include_bytes!("packed.common");

/// Where in it the part begins that all records have in common. What stands before it is in the long records of
/// the standard policy alone, and reading it takes as long as packing a short one.
const SHORT_FROM: usize = 2454;
/// Records of fewer bytes are short.
const LONG_BYTES: usize = 4_000;

/// The form of a long record: it is begun with all of the text.
const LONG: u8 = 2;
/// The form of a short one: it is begun with the part that all have in common.
const SHORT: u8 = 3;
/// The form of a checkpoint, whose token stands there as it is: there is nothing to gain.
const CHECKPOINT: u8 = 4;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Bytes in which a record's length stands.
const LENGTH_BYTES: usize = 4;

/// The text that a record of this form is begun with.
fn common(form: u8) -> Option<&'static [u8]> {
    match form {
        LONG => Some(COMMON),
        SHORT => COMMON.get(SHORT_FROM..),
        _ => None,
    }
}

/// A record, packed: most of what keeping it takes, and done by whoever has the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    form: u8,
    /// The length, and the LZ4.
    bytes: Vec<u8>,
}

impl Packed {
    /// The record, packed.
    pub fn of(record: &str) -> Self {
        let form = if record.len() < LONG_BYTES {
            SHORT
        } else {
            LONG
        };
        let room = get_maximum_output_size(record.len()).saturating_add(LENGTH_BYTES);
        let mut bytes = vec![0; room];
        let mut packed = 0;
        if let Some((length, rest)) = bytes.split_first_chunk_mut::<LENGTH_BYTES>() {
            let told = u32::try_from(record.len()).unwrap_or(u32::MAX);
            *length = told.to_le_bytes();
            // There is room for the longest that it can be.
            let begun = common(form).unwrap_or_default();
            packed = compress_into_with_dict(record.as_bytes(), rest, begun).unwrap_or(0);
        }
        bytes.truncate(packed.saturating_add(LENGTH_BYTES));
        Self { form, bytes }
    }

    /// The token of a checkpoint, as it stands in a line.
    pub fn of_checkpoint(token: &str) -> Self {
        Self {
            form: CHECKPOINT,
            bytes: token.as_bytes().to_vec(),
        }
    }

    /// As it is kept, with what the chain adds to it.
    pub(crate) fn linked(&self, link: &Link) -> Vec<u8> {
        let form: &[u8] = &[self.form];
        let (prev, hash) = (link.prev.as_bytes(), link.hash.as_bytes());
        [form, prev, hash, &self.bytes].concat()
    }
}

/// The line with this number; nothing where this is none that was packed.
pub(crate) fn unpack(kept: &[u8], seq: u64, bytes_max: usize) -> Option<String> {
    let (form, rest) = kept.split_first()?;
    let (prev, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
    let (hash, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
    let link = Link {
        seq,
        prev: Digest::from_bytes(*prev),
        hash: Digest::from_bytes(*hash),
    };
    if *form == CHECKPOINT {
        let token = str::from_utf8(rest).ok()?;
        return Some(link.line(Body::Checkpoint(token)));
    }
    let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // A length that somebody wrote over is no reason to ask for so much memory.
    if length > bytes_max {
        return None;
    }
    let record = decompress_with_dict(rest, length, common(*form)?).ok()?;
    let record = (record.len() == length).then(|| String::from_utf8(record).ok())??;
    Some(link.line(Body::Record(&record)))
}

#[cfg(test)]
mod tests {
    use stage0_audit::chain::{Chain, Head, Line};

    use super::*;

    const MAX: usize = 10_000_000;

    fn kept(record: &str) -> (Vec<u8>, String) {
        let mut chain = Chain::from(Head::START);
        let link = chain.link(Body::Record(record));
        (
            Packed::of(record).linked(&link),
            link.line(Body::Record(record)),
        )
    }

    #[test]
    fn what_was_packed_is_what_is_found() {
        let common = str::from_utf8(COMMON).unwrap();
        let long = "grüße \u{1f642} ".repeat(100_000);
        for record in ["", "a", common, &long, &common.repeat(3)] {
            let (kept, line) = kept(record);
            assert_eq!(unpack(&kept, 1, MAX).as_deref(), Some(&*line));
        }
        let record = common.replace("payments", "treasury").replace('7', "3");
        assert!(Packed::of(&record).bytes.len() * 3 < record.len());
        assert!(super::common(SHORT).unwrap().starts_with(b"{\"seq\":1,"));
    }

    #[test]
    fn a_checkpoint_is_found_as_it_was() {
        let link = Chain::from(Head::START).link(Body::Checkpoint("a.b.c"));
        let signed = link.line(Body::Checkpoint("a.b.c"));
        assert!(Line::parse(&signed).is_ok());
        let kept = Packed::of_checkpoint("a.b.c").linked(&link);
        assert_eq!(unpack(&kept, 1, MAX), Some(signed));
    }

    #[test]
    fn what_was_not_packed_is_nothing() {
        let (packed, line) = kept("{\"a record of a log\":\"which is a text\"}");
        for bytes in [
            &[][..],
            b"{\"seq\":1}",
            &packed[..packed.len() - 1],
            &packed[1..],
        ] {
            assert_eq!(unpack(bytes, 1, MAX), None);
        }
        assert_eq!(unpack(&packed, 1, 3), None, "longer than there may be");
        assert!(Line::parse(&line).is_ok());
        let moved = unpack(&packed, 2, MAX).unwrap();
        assert!(Line::parse(&moved).is_err(), "another number, another line");
        for position in 0..packed.len() {
            let mut changed = packed.clone();
            changed[position] ^= 0x41;
            // It is something else or nothing, and never a panic; the chain says which.
            let found = unpack(&changed, 1, MAX);
            assert!(found.is_none_or(|found| found == line
                || Line::parse(&found).is_err()
                || position < 33));
        }
    }
}

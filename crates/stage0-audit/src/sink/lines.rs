//! The lines of a log's file, each of bounded length.

use std::io::{self, BufRead, Read as _};

use crate::chain::LINE_BYTES_MAX;

/// Hands each line on, without its line break: its number, from 1, its bytes, and whether it was ended. Of a
/// line that is too long to be one of a chain, so many bytes come that this shows.
///
/// # Errors
/// It cannot be read to its end, or `take` says so.
pub fn each_line<E: From<io::Error>>(
    log: &mut dyn BufRead,
    mut take: impl FnMut(u64, &[u8], bool) -> Result<(), E>,
) -> Result<(), E> {
    let mut text = Vec::new();
    let mut number = 0_u64;
    while let Some(is_ended) = next(log, &mut text)? {
        number = number.saturating_add(1);
        take(number, &text, is_ended)?;
    }
    Ok(())
}

/// Reads a line of at most as many bytes as one may have, and one more; what is left of a longer one is
/// passed over. Whether it was ended; nothing at the end.
fn next(log: &mut dyn BufRead, text: &mut Vec<u8>) -> io::Result<Option<bool>> {
    text.clear();
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut piece = log.take(most.saturating_add(1));
    if piece.read_until(b'\n', text)? == 0 {
        return Ok(None);
    }
    if text.last() == Some(&b'\n') {
        text.pop();
        return Ok(Some(true));
    }
    if text.len() <= LINE_BYTES_MAX {
        return Ok(Some(false));
    }
    log.skip_until(b'\n')?;
    Ok(Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ended_or_not_and_long_ones_are_passed_over() {
        let long = "x".repeat(LINE_BYTES_MAX + 10);
        let text = format!("one\n\n{long}\nlast");
        let mut found = Vec::new();
        let read = each_line(&mut text.as_bytes(), |number, text, is_ended| {
            found.push((number, text.len(), is_ended));
            Ok::<(), io::Error>(())
        });
        assert!(read.is_ok());
        let cut = LINE_BYTES_MAX + 1;
        assert_eq!(
            found,
            [(1, 3, true), (2, 0, true), (3, cut, true), (4, 4, false)]
        );
    }
}

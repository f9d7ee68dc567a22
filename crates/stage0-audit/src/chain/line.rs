//! One line of the chain, taken apart by its spelling: there is one, so a byte that differs is a finding.

use core::fmt;

use stage0_engine::digest::Digest;

use super::{Head, LINE_BYTES_MAX};

/// Digits of a hash.
const HASH_DIGITS: usize = 64;
/// What stands between a line and its hash, and behind it.
const HASH_MEMBER: &str = ",\"hash\":\"";
const END: &str = "\"}";

/// A line whose hash is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its number, from 1.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: Digest,
    /// What it holds.
    pub body: Body<'t>,
    /// Its hash.
    pub hash: Digest,
}

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'t> {
    /// The text of a record.
    Record(&'t str),
    /// The token of a checkpoint.
    Checkpoint(&'t str),
}

impl<'t> Body<'t> {
    /// What a line says that it holds, whether or not that is what was written: for those who look at
    /// decisions, and leave it to a [`Verifier`](super::Verifier) to say whether the line holds.
    pub fn unverified(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix("{\"seq\":")?;
        let (_, rest) = rest.split_once(",\"prev\":\"")?;
        let (_, rest) = rest.split_at_checked(HASH_DIGITS)?;
        let rest = rest.strip_prefix("\",\"")?;
        let (rest, _) = rest.rsplit_once(HASH_MEMBER)?;
        Self::read(rest)
    }

    fn read(text: &'t str) -> Option<Self> {
        if let Some(record) = text.strip_prefix("record\":") {
            return Some(Self::Record(record));
        }
        let token = text.strip_prefix("checkpoint\":\"")?.strip_suffix('"')?;
        Some(Self::Checkpoint(token))
    }
}

/// Why a text is no line of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineError {
    /// It is not of the form.
    Form,
    /// It is of the form, and its hash is another: a byte of it was changed.
    Changed {
        /// The number that it says, which may be what was changed.
        seq: u64,
        /// The hash that it says.
        hash: Digest,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("the line is none of a chain of receipts"),
            Self::Changed { seq, .. } => {
                write!(f, "line {seq} of the chain is not what was written")
            }
        }
    }
}

impl core::error::Error for LineError {}

impl<'t> Line<'t> {
    /// Takes a line apart, without the line break behind it.
    ///
    /// # Errors
    /// It is no line of a chain, or was changed.
    pub fn parse(text: &'t str) -> Result<Self, LineError> {
        Self::read(text).ok_or(LineError::Form)?
    }

    fn read(text: &'t str) -> Option<Result<Self, LineError>> {
        if text.len() > LINE_BYTES_MAX {
            return None;
        }
        let rest = text.strip_prefix("{\"seq\":")?;
        let (seq, rest) = rest.split_once(",\"prev\":\"")?;
        let seq = number(seq)?;
        let (prev, rest) = rest.split_at_checked(HASH_DIGITS)?;
        let prev = Digest::parse(prev).ok()?;
        let rest = rest.strip_prefix("\",\"")?;
        let rest = rest.strip_suffix(END)?;
        let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(HASH_DIGITS)?)?;
        let hash = Digest::parse(hash).ok()?;
        let rest = rest.strip_suffix(HASH_MEMBER)?;
        let body = Body::read(rest)?;
        let behind = [HASH_MEMBER.len(), HASH_DIGITS, END.len()];
        let hashed = text.len().checked_sub(behind.iter().sum())?;
        let is_right = Digest::of(text.as_bytes().get(..hashed)?) == hash;
        let line = Self {
            seq,
            prev,
            body,
            hash,
        };
        Some(if is_right {
            Ok(line)
        } else {
            Err(LineError::Changed { seq, hash })
        })
    }

    /// Where a chain ends with this line.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

/// A number from 1, in its one spelling.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::Chain;
    use super::*;

    #[test]
    fn what_is_appended_is_read() {
        let mut chain = Chain::from(Head::START);
        let first = chain.append(r#"{"v":1,"ä":"\"}"}"#);
        let second = chain.append("{}");
        let (first, second) = (Line::parse(&first).unwrap(), Line::parse(&second).unwrap());
        assert_eq!((first.seq, first.prev), (1, Head::START.hash));
        assert_eq!(first.body, Body::Record(r#"{"v":1,"ä":"\"}"}"#));
        assert_eq!((second.seq, second.prev), (2, first.hash));
        assert_eq!(second.head(), chain.head());
    }

    #[test]
    fn no_byte_of_a_line_can_be_changed() {
        let mut chain = Chain::from(Head::START);
        chain.append("{}");
        let line = chain.append(r#"{"v":1,"decision":{"verdict":"DENY"}}"#);
        for place in 0..line.len() {
            for other in *b"0a\"},: " {
                let mut bytes = line.clone().into_bytes();
                if bytes[place] != other {
                    bytes[place] = other;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(Line::parse(&changed).is_err(), "{changed}");
                }
            }
            let mut shorter = line.clone();
            shorter.remove(place);
            assert!(Line::parse(&shorter).is_err(), "{shorter}");
        }
        assert!(Line::parse(&format!("{line} ")).is_err());
        assert_eq!(Line::parse(""), Err(LineError::Form));
        assert_eq!(Line::parse("{}"), Err(LineError::Form));
    }
}

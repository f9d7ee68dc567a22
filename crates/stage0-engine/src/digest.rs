//! SHA-256 digests: of actions, policies, requests and receipts.
//!
//! What is hashed is always canonical text, so a digest names one value in every host. There is one
//! spelling of a digest, 64 lower-case hexadecimal digits, so that texts which hold digests can be
//! compared as texts.

use core::fmt;

use sha2::{Digest as _, Sha256};

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;
/// Digits of a digest's text.
const DIGEST_DIGITS: usize = DIGEST_BYTES * 2;

/// A SHA-256 digest.
///
/// ```
/// use stage0_engine::digest::Digest;
///
/// let digest = Digest::of(b"abc");
/// assert!(digest.to_string().starts_with("ba7816bf"));
/// assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of these bytes, one part behind the other.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// A digest by its bytes.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// Reads what [`Display`](fmt::Display) writes, and no other spelling.
    ///
    /// # Errors
    /// The text is not 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (pairs, rest) = text.as_bytes().as_chunks();
        if pairs.len() != DIGEST_BYTES || !rest.is_empty() {
            return Err(DigestError);
        }
        let mut bytes = [0; DIGEST_BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }

    /// The 64 digits.
    pub fn to_hex(&self) -> String {
        text(&self.digits()).to_owned()
    }

    /// Appends the 64 digits to `out`.
    pub fn write_hex(&self, out: &mut String) {
        out.push_str(text(&self.digits()));
    }

    fn digits(&self) -> [u8; DIGEST_DIGITS] {
        let mut digits = [0; DIGEST_DIGITS];
        let (pairs, _) = digits.as_chunks_mut();
        for (pair, byte) in pairs.iter_mut().zip(&self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(text(&self.digits()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestError;

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest is written as 64 lower-case hexadecimal digits")
    }
}

impl core::error::Error for DigestError {}

fn text(digits: &[u8; DIGEST_DIGITS]) -> &str {
    // INVARIANT: `digit` makes ASCII, so the fallback is never taken.
    core::str::from_utf8(digits).unwrap_or_default()
}

/// The digit of a number below 16. Arithmetic, unlike a table, works on all digits at once.
#[inline]
fn digit(nibble: u8) -> u8 {
    const BEFORE_LETTERS: u8 = b'a' - 10 - b'0';
    let letters = if nibble > 9 { BEFORE_LETTERS } else { 0 };
    b'0'.wrapping_add(nibble).wrapping_add(letters)
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Ok(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => Err(DigestError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_standard_vectors_hold() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(
            Digest::of(b"").to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            Digest::of("a".repeat(1_000_000).as_bytes()).to_string(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn every_byte_survives_writing_and_reading() {
        for start in 0..=255_u8 {
            let mut bytes = [0; 32];
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = start.wrapping_add(u8::try_from(place).unwrap());
            }
            let digest = Digest::from_bytes(bytes);
            let mut text = String::from("sha256:");
            digest.write_hex(&mut text);
            assert_eq!(text.strip_prefix("sha256:"), Some(&*digest.to_string()));
            assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
            assert_eq!(digest.as_bytes(), &bytes);
        }
    }

    #[test]
    fn there_is_one_spelling() {
        assert!(Digest::parse(ABC).is_ok());
        for wrong in [
            "",
            ABC.trim_start_matches('b'),
            &format!("{ABC}0"),
            &format!("{ABC}00"),
            &ABC.to_uppercase(),
            &ABC.replace('b', "g"),
            &ABC.replace("ba", "é"),
            &ABC.replacen("ba", " b", 1),
            &ABC.replacen("ba", "/:", 1),
            &ABC.replacen("ba", "`g", 1),
        ] {
            assert_eq!(Digest::parse(wrong), Err(DigestError), "{wrong}");
        }
    }

    #[test]
    fn digests_order_as_their_texts_do() {
        let one = Digest::of(b"1");
        let two = Digest::of(b"2");
        assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
        assert_eq!(format!("{one:?}"), format!("Digest({one})"));
    }
}

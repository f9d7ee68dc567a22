//! Ed25519 signatures, verified: who vouches for an approval.
//!
//! Verification is strict: a public key that verifies more than its owner signed, or a signature with a
//! second spelling, is refused, so that every host agrees on every token. Nothing here signs.

use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

/// Bytes of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Whose signatures are verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// A public key by its bytes.
    ///
    /// # Errors
    /// They are no point of the curve, or one of the few that verify signatures nobody made.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError)?;
        if key.is_weak() {
            return Err(PublicKeyError);
        }
        Ok(Self(key))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        self.0.as_bytes()
    }

    /// Whether the key's owner signed this message.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// Bytes are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyError;

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are no Ed25519 public key")
    }
}

impl core::error::Error for PublicKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        let mut bytes = [0; N];
        let (pairs, _) = hex.as_bytes().as_chunks::<2>();
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let pair = core::str::from_utf8(pair).unwrap();
            *byte = u8::from_str_radix(pair, 16).unwrap();
        }
        bytes
    }

    /// RFC 8032, section 7.1, tests 1 and 2.
    const VECTORS: [(&str, &[u8], &str); 2] = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            b"",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            b"\x72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ];

    #[test]
    fn the_standard_vectors_hold() {
        for (key, message, signature) in VECTORS {
            let key = PublicKey::from_bytes(&bytes(key)).unwrap();
            let mut signature = bytes(signature);
            assert!(key.verifies(message, &signature));
            assert!(!key.verifies(b"another", &signature));
            signature[63] ^= 1;
            assert!(!key.verifies(message, &signature));
        }
    }

    #[test]
    fn a_signature_has_one_spelling() {
        // The order of the group, added to the half of a signature that is a number below it.
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let (key, message, signature) = VECTORS[0];
        let mut signature: [u8; 64] = bytes(signature);
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        let key = PublicKey::from_bytes(&bytes(key)).unwrap();
        assert!(!key.verifies(message, &signature));
    }

    #[test]
    fn keys_that_verify_what_nobody_signed_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let off_the_curve = {
            let mut bytes = [0; 32];
            bytes[0] = 2;
            bytes
        };
        for weak in [[0; 32], identity, off_the_curve] {
            assert_eq!(PublicKey::from_bytes(&weak), Err(PublicKeyError));
        }
    }
}

//! Keys: one that signs, and sets of those that are believed.
//!
//! Both are JSON Web Keys (RFC 7517) of Ed25519 (RFC 8037), so that other libraries make and read them. A set says
//! for each key from when, until when, and whether it was revoked: adding the next key before the last
//! one ends is rotation, `revoked_at` is revocation. There is no random source here: seeds come from the host.

mod member;
mod private;
mod set;
mod trouble;

pub use private::{PRIVATE_KEY_LIMITS, PrivateKey, SEED_BYTES};
pub use set::{KEY_SET_LIMITS, KEYS_MAX, KeySet, TrustedKey};
pub use trouble::{KeyTrouble, TokenError};

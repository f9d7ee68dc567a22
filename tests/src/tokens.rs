//! Signed texts for tests: keys that everybody has, and tokens made with them.

use ed25519_dalek::{Signer, SigningKey};
use stage0_engine::digest::Digest;
use stage0_wire::jws;

/// The key of this name, whose seed is the SHA-256 of `stage0 test key NAME`.
pub fn key(name: &str) -> SigningKey {
    let seed = Digest::of(format!("stage0 test key {name}").as_bytes());
    SigningKey::from_bytes(seed.as_bytes())
}

/// Its public half, as policies and JWKs write it.
pub fn public(name: &str) -> String {
    jws::encode(key(name).verifying_key().as_bytes())
}

/// A token of this kind that names one key, and is signed by the owner of another, or of the same.
pub fn sign(kind: &str, key_id: &str, owner: &str, payload: &str) -> String {
    let message = jws::message(kind, key_id, payload);
    jws::attach(&message, &key(owner).sign(message.as_bytes()).to_bytes())
}

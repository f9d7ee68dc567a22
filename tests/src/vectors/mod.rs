//! Test vectors: tokens that have to be accepted, and tokens that have to be refused, each with why.
//!
//! They stand in `tests/vectors`, where every language reads them; here they are made, from keys that
//! everybody knows. Ed25519 signs the same text the same way each time, so the files can be compared.

mod approvals;
mod chain;
mod forgeries;
mod permits;
mod policies;
mod vector;

use serde_json::{Value, json};
use stage0_audit::key::PrivateKey;
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;
use stage0_wire::imports::ImportMap;
use stage0_wire::jws::decode;

pub use approvals::approvals;
pub use chain::chain;
pub use permits::permits;
pub use policies::policies;

/// The policy that decides what permits are for.
pub const PAYMENTS: &str = "stage0: v1
name: payments
version: 2.1.0
extends: [limits.yaml]
default: deny
tools:
  payments.payout: { aka: [payout, mcp__bank__payout], effects: [money_movement] }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 100 }
";

/// What it imports.
pub const LIMITS: &str = "stage0: v1
name: limits
version: 1.0.0
rules:
  - { id: never-much, tools: [payments.payout], deny: args.amount > 90 }
";

const NOW: &str = "2026-01-05T10:00:00Z";

/// A time that vectors are about.
///
/// # Panics
/// It is none.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The key that signs in the vectors: that of RFC 8037, appendix A, which everybody knows.
///
/// # Panics
/// Never.
pub fn known_key() -> PrivateKey {
    let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    PrivateKey::from_seed("known-2026", &seed.try_into().unwrap()).unwrap()
}

fn key(id: &str, seed: u8) -> PrivateKey {
    PrivateKey::from_seed(id, &[seed; 32]).unwrap()
}

/// The keys that verifiers believe: the known one, one that is revoked, one that has ended, and one that
/// has not begun.
fn trusted() -> Value {
    let public = |key: &PrivateKey, name: &str, time: &str| {
        let mut jwk: Value = serde_json::from_str(&key.to_public_jwk()).unwrap();
        if !name.is_empty() {
            jwk[name] = time.into();
        }
        jwk
    };
    json!({"keys": [
        public(&known_key(), "", ""),
        public(&key("revoked", 2), "revoked_at", NOW),
        public(&key("ended", 3), "not_after", NOW),
        public(&key("next", 4), "not_before", "2026-02-01T00:00:00Z"),
    ]})
}

/// The payload of a token.
///
/// # Panics
/// It is none.
pub fn payload(token: &str) -> String {
    String::from_utf8(decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The policy that the vectors are about, with what it imports.
///
/// # Panics
/// It does not load.
pub fn policy(root: &str, limits: &str) -> Policy {
    let mut files = ImportMap::new();
    files.insert("limits.yaml", limits);
    Policy::load("payments.yaml", root, &files).unwrap()
}

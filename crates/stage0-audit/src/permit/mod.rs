//! Permits: what was checked is what runs.
//!
//! A decision says ALLOW in one process; the call is made in another, later, with arguments that
//! went through other hands. A permit is a signed note for one call: an executor that asks for one runs nothing
//! that was not allowed, nothing that was changed since, and nothing twice. It names the executor, the
//! action's digest, and an end that is seconds away.
//!
//! ```
//! use stage0_audit::key::{KeySet, PrivateKey, TrustedKey};
//! use stage0_audit::permit::{Allowed, Issue, Issuer, UsedInMemory, Verifier};
//! use stage0_engine::{host::Host, state::RunState, time::Timestamp};
//! use stage0_wire::{Policy, parse_request};
//!
//! let policy = Policy::parse(
//!     "
//! stage0: v1
//! name: searching
//! version: 1.0.0
//! tools: { search.query: { aka: [search], effects: [] } }
//! rules:
//!   - { id: searching-is-fine, tools: [search.query], allow: true }
//! ",
//! )
//! .unwrap();
//! let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
//! let asked = parse_request(br#"{"tool_call": {"name": "search", "arguments": {"text": "a"}}}"#).unwrap();
//! let host = Host { request_id: "r-1", ..Host::default() };
//! let decision = policy.peek(&asked, &host, &RunState::default(), now);
//!
//! let key = PrivateKey::from_seed("gate-2026", &[7; 32]).unwrap();
//! let trusted = KeySet::parse("keys", format!("{{\"keys\":[{}]}}", key.to_public_jwk()).as_bytes()).unwrap();
//! let issuer = Issuer::new(key, "searcher");
//! let permit = issuer.issue(&Allowed::of(&decision), &Issue::new("p-1", now)).unwrap();
//!
//! let verifier = Verifier::new(trusted, "searcher");
//! let used = UsedInMemory::default();
//! assert!(verifier.verify(&permit, &asked, now, &used).is_ok());
//! let again = verifier.verify(&permit, &asked, now, &used).unwrap_err();
//! assert_eq!(again.code().as_str(), "PERMIT_USED");
//! ```

mod allowed;
mod error;
mod issue;
mod used;
mod verify;

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::numeric_date::write_seconds;

use crate::claims::Claims;

pub use allowed::Allowed;
pub use error::PermitError;
pub use issue::{Issue, Issuer};
pub use used::{USED_MAX, UseError, Used, UsedInMemory};
pub use verify::Verifier;

/// The kind of token that a permit is.
pub const PERMIT_KIND: &str = "stage0-permit+jwt";

/// How long a permit counts if nobody says otherwise: time to hand it to an executor.
pub const PERMIT_TTL: Duration = milliseconds(60_000);

/// The longest that a permit may count. What takes longer is decided again.
pub const PERMIT_TTL_MAX: Duration = milliseconds(900_000);

const fn milliseconds(ms: i64) -> Duration {
    match Duration::from_ms(ms) {
        Some(duration) => duration,
        None => Duration::ZERO,
    }
}

/// What a permit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Its id: used once for each key.
    pub id: String,
    /// The executor that it is for.
    pub audience: String,
    /// The request that was decided.
    pub request_id: String,
    /// The call's id, where it had one.
    pub call: Option<String>,
    /// The run that the call belongs to.
    pub run: Option<String>,
    /// The tool as the request named it.
    pub name: String,
    /// The tool as the catalog has it, where it has.
    pub tool: Option<String>,
    /// Digest of the action.
    pub action: Digest,
    /// Digest of the policy that decided.
    pub policy: Digest,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The first instant at which it counts no more.
    pub expires_at: Timestamp,
}

const MEMBERS: [&str; 11] = [
    "jti",
    "aud",
    "request_id",
    "call",
    "run",
    "name",
    "tool",
    "action",
    "policy",
    "iat",
    "exp",
];

impl Permit {
    /// The claims, as they are signed: one JSON object.
    pub fn to_claims(&self) -> String {
        let mut out = String::from("{\"jti\":");
        write_string(&mut out, &self.id);
        let optional = [
            ("aud", Some(&self.audience)),
            ("request_id", Some(&self.request_id)),
            ("call", self.call.as_ref()),
            ("run", self.run.as_ref()),
            ("name", Some(&self.name)),
            ("tool", self.tool.as_ref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                out.extend([",\"", name, "\":"]);
                write_string(&mut out, value);
            }
        }
        for (name, digest) in [("action", self.action), ("policy", self.policy)] {
            out.extend([",\"", name, "\":\""]);
            digest.write_hex(&mut out);
            out.push('"');
        }
        out.push_str(",\"iat\":");
        write_seconds(&mut out, self.issued_at);
        out.push_str(",\"exp\":");
        write_seconds(&mut out, self.expires_at);
        out.push('}');
        out
    }

    /// Reads claims that were signed.
    fn parse(payload: &str) -> Result<Self, String> {
        let claims = Claims::parse(payload, &MEMBERS)?;
        let permit = Self {
            id: claims.text("jti")?,
            audience: claims.text("aud")?,
            request_id: claims.text("request_id")?,
            call: claims.text_if_any("call")?,
            run: claims.text_if_any("run")?,
            name: claims.text("name")?,
            tool: claims.text_if_any("tool")?,
            action: claims.digest("action")?,
            policy: claims.digest("policy")?,
            issued_at: claims.instant("iat")?,
            expires_at: claims.instant("exp")?,
        };
        let ttl = permit.expires_at.since(permit.issued_at);
        if ttl <= Duration::ZERO || ttl > PERMIT_TTL_MAX {
            return Err(format!(
                "`exp` must be after `iat`, by at most {PERMIT_TTL_MAX}"
            ));
        }
        Ok(permit)
    }

    /// The names under which the digest may have been made.
    fn names(&self) -> impl Iterator<Item = &str> {
        let tool = self.tool.iter().map(String::as_str);
        let name = Some(&*self.name).filter(|name| self.tool.as_deref() != Some(*name));
        tool.chain(name)
    }
}

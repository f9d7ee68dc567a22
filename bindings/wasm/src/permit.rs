//! Permits and signed policies, as JavaScript asks for them.

use js_sys::Array;
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{
    Allowed, Issue, Issuer, PERMIT_TTL, PermitError, UsedInMemory, Verifier,
};
use stage0_audit::policy::{Demands, Seen, verify};
use stage0_engine::time::Duration;
use stage0_wire::parse_request;
use stage0_wire::problem::Problem;
use stage0_wire::question::parse_now;
use wasm_bindgen::prelude::*;

use crate::{NativePolicy, thrown};

/// The permit for a decision's text and the request that it is about.
///
/// # Errors
/// The key is none, or there is no permit for it.
#[expect(
    clippy::too_many_arguments,
    clippy::needless_pass_by_value,
    reason = "what a permit is made of, one by one: texts cross the border cheapest"
)]
#[wasm_bindgen]
pub fn issue_permit(
    key: &str,
    audience: &str,
    decision: &str,
    request: &[u8],
    id: &str,
    run: Option<String>,
    ttl_ms: Option<f64>,
    now: &str,
) -> Result<String, JsValue> {
    let key = PrivateKey::parse("the private key", key.as_bytes());
    let issuer = Issuer::new(key.map_err(one)?, audience);
    let request = parse_request(request).map_err(|problems| thrown(&problems))?;
    let allowed = Allowed::parse(decision, &request).map_err(refused)?;
    let issue = Issue {
        id,
        run: run.as_deref(),
        ttl: ttl_ms.map_or(PERMIT_TTL, duration),
        now: parse_now(now).map_err(one)?,
    };
    issuer.issue(&allowed, &issue).map_err(refused)
}

/// What is out of range is refused as no time at all.
fn duration(ms: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what no duration has room for becomes the largest number, which is refused"
    )]
    let ms = ms as i64;
    Duration::from_ms(ms).unwrap_or(Duration::ZERO)
}

/// Verifies permits for one executor, and remembers which were used.
#[wasm_bindgen]
#[derive(Debug)]
pub struct NativeVerifier {
    verifier: Verifier,
    used: UsedInMemory,
}

#[wasm_bindgen]
impl NativeVerifier {
    /// Believes these keys, and nothing that was issued before `since`.
    ///
    /// # Errors
    /// The keys are none.
    #[wasm_bindgen(constructor)]
    pub fn new(
        keys: &str,
        audience: &str,
        since: Option<String>,
    ) -> Result<NativeVerifier, JsValue> {
        let keys = KeySet::parse("the keys", keys.as_bytes());
        let keys = keys.map_err(|problems| thrown(&problems))?;
        let mut verifier = Verifier::new(keys, audience);
        if let Some(since) = since {
            verifier = verifier.since(parse_now(&since).map_err(one)?);
        }
        let used = UsedInMemory::default();
        Ok(Self { verifier, used })
    }

    /// What a permit says, once it is sure that it is for this call; it is used then.
    ///
    /// # Errors
    /// The call must not be made.
    pub fn verify(&self, permit: &str, call: &[u8], now: &str) -> Result<String, JsValue> {
        let call = parse_request(call).map_err(|problems| thrown(&problems))?;
        let now = parse_now(now).map_err(one)?;
        let verified = self.verifier.verify(permit, &call, now, &self.used);
        Ok(verified.map_err(refused)?.to_claims())
    }
}

/// The id of the key that signed a policy, and what has been seen with it.
///
/// # Errors
/// Nothing may be decided by it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "texts that may be missing are handed over like this by wasm-bindgen"
)]
#[wasm_bindgen]
pub fn verify_policy(
    policy: &NativePolicy,
    signature: Option<String>,
    keys: &str,
    name: Option<String>,
    seen: Option<String>,
    now: &str,
) -> Result<Array, JsValue> {
    let keys = KeySet::parse("the keys", keys.as_bytes());
    let keys = keys.map_err(|problems| thrown(&problems))?;
    let seen = seen.map(|seen| Seen::parse("what was seen", seen.as_bytes()));
    let seen = seen.transpose().map_err(one)?.unwrap_or_default();
    let demands = Demands {
        keys: &keys,
        name: name.as_deref(),
        seen: &seen,
        now: parse_now(now).map_err(one)?,
    };
    let verified = verify(policy.policy().index(), signature.as_deref(), &demands);
    let verified = verified.map_err(|error| one(Problem::from(&error)))?;
    let both = [verified.key, verified.seen.to_json()];
    Ok(both.iter().map(|text| JsValue::from_str(text)).collect())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where errors are mapped"
)]
fn refused(error: PermitError) -> JsValue {
    one(Problem::from(&error))
}

pub(crate) fn one(problem: Problem) -> JsValue {
    thrown(&[problem])
}

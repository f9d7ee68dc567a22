//! Signed policies, as Python verifies them.

use pyo3::prelude::*;
use stage0_audit::key::KeySet;
use stage0_audit::policy::{Demands, Seen, verify};
use stage0_wire::problem::Problem;

use crate::NativePolicy;
use crate::asked::instant;
use crate::border::guarded;
use crate::refusal::{POLICY, refused};

/// The id of the key that signed a policy, and what has been seen with it.
#[pyfunction]
#[pyo3(signature = (policy, signature, keys, name, seen, now))]
pub(crate) fn verify_policy(
    py: Python<'_>,
    policy: &NativePolicy,
    signature: Option<&str>,
    keys: &str,
    name: Option<&str>,
    seen: Option<&str>,
    now: Option<&Bound<'_, PyAny>>,
) -> PyResult<(String, String)> {
    guarded(py, POLICY, || {
        let now = instant(now).map_err(|stop| stop.raise(py, POLICY))?;
        let one = |problem| refused(py, POLICY, &[problem]);
        let keys = KeySet::parse("the keys", keys.as_bytes());
        let keys = keys.map_err(|problems| refused(py, POLICY, &problems))?;
        let seen = seen.map(|seen| Seen::parse("what was seen", seen.as_bytes()));
        let seen = seen.transpose().map_err(one)?.unwrap_or_default();
        let demands = Demands {
            keys: &keys,
            name,
            seen: &seen,
            now,
        };
        let verified = verify(policy.policy().index(), signature, &demands);
        let verified = verified.map_err(|error| one(Problem::from(&error)))?;
        Ok((verified.key, verified.seen.to_json()))
    })
}

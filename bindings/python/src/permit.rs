//! Permits, as Python issues and verifies them.

use pyo3::prelude::*;
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{
    Allowed, Issue, Issuer, PERMIT_TTL, PermitError, UsedInMemory, Verifier,
};
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::parse_request;
use stage0_wire::problem::Problem;

use crate::asked::instant;
use crate::border::guarded;
use crate::refusal::{PERMIT, refused};
use crate::snapshot::snapshot;

/// Issues permits with one key for one executor.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct NativeIssuer {
    issuer: Issuer,
}

#[pymethods]
impl NativeIssuer {
    #[new]
    fn new(py: Python<'_>, key: &str, audience: &str) -> PyResult<Self> {
        guarded(py, PERMIT, || {
            let key = PrivateKey::parse("the private key", key.as_bytes());
            let key = key.map_err(|problem| refused(py, PERMIT, &[problem]))?;
            let issuer = Issuer::new(key, audience);
            Ok(Self { issuer })
        })
    }

    /// The permit for a decision's text and the request that it is about.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a permit is made of, one by one: nobody but the Python half calls this"
    )]
    #[pyo3(signature = (decision, request, id, run, ttl_ms, now))]
    fn issue(
        &self,
        py: Python<'_>,
        decision: &str,
        request: &Bound<'_, PyAny>,
        id: &str,
        run: Option<&str>,
        ttl_ms: Option<i64>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, PERMIT, || {
            let now = instant(now).map_err(|stop| stop.raise(py, PERMIT))?;
            let ttl = match ttl_ms {
                None => PERMIT_TTL,
                // What is out of range is refused as no time at all.
                Some(ms) => Duration::from_ms(ms).unwrap_or(Duration::ZERO),
            };
            let issue = Issue { id, run, ttl, now };
            let request = snapshot(request, REQUEST_BYTES_MAX);
            let request = request.map_err(|stop| stop.raise(py, PERMIT))?;
            let issued = self.issued(decision, request.bytes(), &issue);
            issued.map_err(|problems| refused(py, PERMIT, &problems))
        })
    }
}

impl NativeIssuer {
    fn issued(
        &self,
        decision: &str,
        request: &[u8],
        issue: &Issue<'_>,
    ) -> Result<String, Vec<Problem>> {
        let request = parse_request(request)?;
        let allowed = Allowed::parse(decision, &request).map_err(problems)?;
        self.issuer.issue(&allowed, issue).map_err(problems)
    }
}

/// Verifies permits for one executor, and remembers which were used.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct NativeVerifier {
    verifier: Verifier,
    used: UsedInMemory,
}

#[pymethods]
impl NativeVerifier {
    #[new]
    #[pyo3(signature = (keys, audience, since))]
    fn new(
        py: Python<'_>,
        keys: &str,
        audience: &str,
        since: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guarded(py, PERMIT, || {
            let keys = KeySet::parse("the keys", keys.as_bytes());
            let keys = keys.map_err(|problems| refused(py, PERMIT, &problems))?;
            let mut verifier = Verifier::new(keys, audience);
            if let Some(since) = since {
                let since = instant(Some(since)).map_err(|stop| stop.raise(py, PERMIT))?;
                verifier = verifier.since(since);
            }
            let used = UsedInMemory::default();
            Ok(Self { verifier, used })
        })
    }

    /// What a permit says, once it is sure that it is for this call; it is used then.
    #[pyo3(signature = (permit, call, now))]
    fn verify(
        &self,
        py: Python<'_>,
        permit: &str,
        call: &Bound<'_, PyAny>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, PERMIT, || {
            let now = instant(now).map_err(|stop| stop.raise(py, PERMIT))?;
            let call = snapshot(call, REQUEST_BYTES_MAX);
            let call = call.map_err(|stop| stop.raise(py, PERMIT))?;
            let verified = py.detach(|| self.verified(permit, call.bytes(), now));
            verified.map_err(|problems| refused(py, PERMIT, &problems))
        })
    }
}

impl NativeVerifier {
    fn verified(&self, permit: &str, call: &[u8], now: Timestamp) -> Result<String, Vec<Problem>> {
        let call = parse_request(call)?;
        let verified = self.verifier.verify(permit, &call, now, &self.used);
        Ok(verified.map_err(problems)?.to_claims())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where errors are mapped"
)]
fn problems(error: PermitError) -> Vec<Problem> {
    vec![Problem::from(&error)]
}

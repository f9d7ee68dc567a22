//! Verifying, in the executor, right before the call is made.

use stage0_engine::call_digest;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;

use super::{PERMIT_KIND, Permit, PermitError, Used};
use crate::claims::CLOCK_SKEW_MAX;
use crate::key::KeySet;

/// Whose permits an executor believes, and which executor it is.
#[derive(Debug)]
pub struct Verifier {
    keys: KeySet,
    audience: String,
}

impl Verifier {
    /// Believes permits of these keys for the executor of this name.
    pub fn new(keys: KeySet, audience: &str) -> Self {
        Self {
            keys,
            audience: audience.to_owned(),
        }
    }

    /// Verifies a permit against the call that is about to be made, and marks it as used. `call` is that
    /// call as a request: the tool and the arguments that are about to be used, and the `actor_id`,
    /// `tenant_id` and `environment` of the context that it runs for. The tool may be named as the request
    /// that was decided named it, or as the catalog does; any other name of the same tool is refused, for
    /// the executor has no catalog to look it up in.
    ///
    /// A permit that is refused is not used up, so nobody can spend somebody else's by trying.
    ///
    /// # Errors
    /// The call must not be made, and why.
    pub fn verify(
        &self,
        permit: &str,
        call: &Request<'_>,
        now: Timestamp,
        used: &dyn Used,
    ) -> Result<Permit, PermitError> {
        let opened = self.keys.open(permit, PERMIT_KIND, now);
        let (key, payload) = opened.map_err(PermitError::Token)?;
        let permit = Permit::parse(&payload).map_err(PermitError::Claims)?;
        self.check(&permit, call, now)?;
        let marked = used.mark(&key, &permit.id, permit.expires_at, now);
        marked.map_err(PermitError::Use)?;
        Ok(permit)
    }

    fn check(
        &self,
        permit: &Permit,
        call: &Request<'_>,
        now: Timestamp,
    ) -> Result<(), PermitError> {
        if permit.audience != self.audience {
            return Err(PermitError::Audience {
                found: permit.audience.clone(),
            });
        }
        if permit.issued_at.since(now) > CLOCK_SKEW_MAX {
            return Err(PermitError::NotYetValid {
                issued_at: permit.issued_at,
            });
        }
        if permit.expires_at <= now {
            return Err(PermitError::Expired {
                at: permit.expires_at,
            });
        }
        let named = call.call_name();
        if !permit.names().any(|name| named == Some(name)) {
            return Err(PermitError::Tool {
                found: permit.name.clone(),
            });
        }
        // The digest has the name that the rules saw, which is one of the two.
        let fits = |name| call_digest(call, name) == permit.action;
        if !permit.names().any(fits) {
            return Err(PermitError::Action);
        }
        Ok(())
    }
}

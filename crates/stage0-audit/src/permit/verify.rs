//! Verifying, in the executor, right before the call is made.

use stage0_engine::call_digest;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;

use super::{PERMIT_KIND, Permit, PermitError, UseError, Used};
use crate::claims::CLOCK_SKEW_MAX;
use crate::key::KeySet;

/// Whose permits an executor believes, and which executor it is.
#[derive(Debug)]
pub struct Verifier {
    keys: KeySet,
    audience: String,
    since: Option<Timestamp>,
}

impl Verifier {
    /// Believes permits of these keys for the executor of this name.
    pub fn new(keys: KeySet, audience: &str) -> Self {
        Self {
            keys,
            audience: audience.to_owned(),
            since: None,
        }
    }

    /// Believes nothing that was issued before this time, as far as clocks agree: for executors that forget
    /// what was used when they end, and began again.
    #[must_use]
    pub fn since(self, begin: Timestamp) -> Self {
        let since = Some(begin);
        Self { since, ..self }
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
        let is_forgotten = |begin| permit.issued_at.since(begin) <= CLOCK_SKEW_MAX;
        if self.since.is_some_and(is_forgotten) {
            let why = "it was issued before this executor began";
            return Err(PermitError::Use(UseError::Failed(why.to_owned())));
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

//! Issuing: from an ALLOW that was just made and is enforced.

use stage0_engine::time::{Duration, Timestamp};

use super::{Allowed, PERMIT_KIND, PERMIT_TTL, PERMIT_TTL_MAX, Permit, PermitError};
use crate::claims::{CLAIM_BYTES_MAX, CLOCK_SKEW_MAX};
use crate::key::PrivateKey;

/// Who issues permits, and for which executor.
#[derive(Debug)]
pub struct Issuer {
    key: PrivateKey,
    audience: String,
}

/// What the host adds to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue<'i> {
    /// The permit's id. Of two permits with one id one is accepted: a host that answers the same request again
    /// gives the same id again, and the call is made once.
    pub id: &'i str,
    /// The run that the call belongs to.
    pub run: Option<&'i str>,
    /// How long it counts, from `now`; at most [`PERMIT_TTL_MAX`].
    pub ttl: Duration,
    /// When it is issued.
    pub now: Timestamp,
}

impl<'i> Issue<'i> {
    /// A permit of this id that counts for [`PERMIT_TTL`].
    pub fn new(id: &'i str, now: Timestamp) -> Self {
        Self {
            id,
            run: None,
            ttl: PERMIT_TTL,
            now,
        }
    }
}

impl Issuer {
    /// Issues with this key, for the executor of this name.
    pub fn new(key: PrivateKey, audience: &str) -> Self {
        Self {
            key,
            audience: audience.to_owned(),
        }
    }

    /// The permit for what was allowed, as a token. It ends when the decision may change, if that is known and
    /// sooner than its time is over.
    ///
    /// # Errors
    /// The decision is no ALLOW, was merely observed, is about a plan, or was not made just now; or
    /// a text or time is out of its range.
    pub fn issue(&self, allowed: &Allowed, issue: &Issue<'_>) -> Result<String, PermitError> {
        let refuse = |why: &str| Err(PermitError::NotIssued(why.to_owned()));
        if let Some(objection) = allowed.objection {
            return refuse(objection);
        }
        let permit = Permit {
            id: issue.id.to_owned(),
            audience: self.audience.clone(),
            request_id: allowed.request_id.clone(),
            call: allowed.call.clone(),
            run: issue.run.map(str::to_owned),
            name: allowed.name.clone(),
            tool: allowed.tool.clone(),
            action: allowed.action,
            policy: allowed.policy,
            issued_at: issue.now,
            expires_at: expiry(allowed, issue)?,
        };
        let texts = [
            Some(&permit.id),
            Some(&permit.audience),
            Some(&permit.request_id),
            Some(&permit.name),
            permit.call.as_ref(),
            permit.run.as_ref(),
        ];
        let fits = |text: &&String| !text.is_empty() && text.len() <= CLAIM_BYTES_MAX;
        if !texts.iter().flatten().all(fits) {
            return refuse(
                "its id, audience, request, call and run are texts of 1 to 512 bytes each",
            );
        }
        Ok(self.key.sign(PERMIT_KIND, &permit.to_claims()))
    }
}

/// When a permit ends.
fn expiry(allowed: &Allowed, issue: &Issue<'_>) -> Result<Timestamp, PermitError> {
    let refuse = |why: &str| Err(PermitError::NotIssued(why.to_owned()));
    if issue.ttl <= Duration::ZERO || issue.ttl > PERMIT_TTL_MAX {
        return refuse("it counts for more than nothing, and for at most fifteen minutes");
    }
    let age = issue.now.since(allowed.evaluated_at);
    if age > PERMIT_TTL_MAX || age < CLOCK_SKEW_MAX.neg() {
        return refuse("the decision was not made just now");
    }
    let end = issue.now.checked_add(issue.ttl);
    let end = end.map_err(|_| PermitError::NotIssued("its time is out of range".to_owned()))?;
    // A bound that is the time of the decision itself says that none is known.
    match allowed
        .valid_until
        .filter(|until| *until > allowed.evaluated_at)
    {
        Some(until) if until <= issue.now => refuse("the decision does not stand any more"),
        Some(until) => Ok(until.min(end)),
        None => Ok(end),
    }
}

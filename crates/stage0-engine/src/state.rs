//! What one run has done so far: small, bounded and versioned.
//!
//! The engine keeps none of it. A host passes the state in and stores what comes out; replaying a log
//! of requests replays the states.

use crate::digest::Digest;
use crate::time::Timestamp;

/// Version of the state's form; another version is refused.
pub const STATE_VERSION: u32 = 1;

/// One agent run across many calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunState {
    /// Decisions made in this run, whatever their verdict.
    pub attempts: u64,
    /// Calls that were allowed.
    pub allowed: u64,
    /// Time of the first decision.
    pub first_at: Option<Timestamp>,
    /// Time of the last decision.
    pub last_at: Option<Timestamp>,
    /// Id of the last call, so that a framework asking twice is counted once.
    pub last_call: Option<String>,
    /// Digest of the last action, because an id alone does not say that two calls are one.
    pub last_action: Option<Digest>,
}

//! Evidence that holds: what was decided, by whom it was approved, and what may run, so that somebody
//! else can check it later and offline.
//!
//! Everything here is a text: tokens are compact JWS ([`stage0_wire::jws`]), receipts are lines of canonical JSON.
//! Nothing decides anything.

pub mod approval;
pub mod chain;
pub mod claims;
pub mod key;
pub mod permit;
pub mod policy;
pub mod sink;
pub mod trace;

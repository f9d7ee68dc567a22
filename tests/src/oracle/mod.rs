//! The oracle: a naive reference interpreter of the language.
//!
//! It is written from the rules and shares nothing with the engine but plain words (verdicts,
//! severities, codes, digests of bytes). It scans every rule of every decision, walks conditions as
//! the trees that they are, and looks nothing up. Being evidently right is all that it is for: the
//! properties hold the engine, through its text doors, against it. It reads no policy text; it
//! writes the texts that the engine reads.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what the generators make is small; an oracle that is wrong had better stop the test"
)]

pub mod approval;
mod arguments;
pub mod condition;
mod decide;
pub mod decimal;
pub mod model;
pub mod phrases;
pub mod state;
pub mod value;

pub use decide::{Answer, Host, Issue, action_asked_about, decide};

//! The laws as properties over generated policies, requests, approvals and times.
//!
//! Everything goes through the engine's text doors. A run takes the same samples every time;
//! `STAGE0_CASES` asks for more of them per property, `STAGE0_SEED` for others. A counterexample is
//! shrunk and printed as the texts that the engine read.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "generators count small numbers, and a counterexample is told by panicking"
)]

mod action;
mod approvals;
mod batch;
mod bounded;
mod bytes;
mod catalog;
mod closed;
mod counters;
mod differential;
mod engine;
mod errors;
mod limits;
mod list;
mod numbers;
mod order;
mod plans;
mod pure;
mod replay;
mod restrictions;
mod risk;
mod run;
mod signed;
mod standard;
mod states;
mod unknown;

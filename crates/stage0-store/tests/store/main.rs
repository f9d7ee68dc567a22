//! Stores, and the decisions that are made with what they keep.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what went wrong by panicking, and counts small numbers"
)]

mod batch;
mod caller;
mod conformance;
mod faults;
mod interleaving;
mod keeper;
mod limits;
mod support;
mod threads;
mod tickets;

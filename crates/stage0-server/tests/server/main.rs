//! The server as its clients see it: over a socket, with a file of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test says what went wrong by panicking, and counts small numbers"
)]

mod answers;
mod approvals;
mod authzen;
mod client;
mod clock;
mod connections;
mod faults;
mod halting;
mod keys;
mod looking_back;
mod quotas;
mod reloading;
mod running;

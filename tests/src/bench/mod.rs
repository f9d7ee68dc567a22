//! The benchmark's task, the programs it is compared with, and the stop-watch.
//!
//! `cargo xtask bench` runs two programs over these: one takes times, the other counts allocations.
//! What is compared is the whole way from a request's text to an answer's text, and each part of it;
//! `tests/bench/README.md` tells the figures and how to read them.

pub mod by_hand;
pub mod measure;
pub mod task;

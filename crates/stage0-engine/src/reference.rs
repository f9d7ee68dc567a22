//! Words that only the reference shows: what functions do, and what keys of a policy mean.
//!
//! Nothing is decided by them, and a host of which every byte is fetched (the WebAssembly module) is
//! built without the feature `reference`, hence without them. Messages and help are not among them.

/// A text that only the reference shows: empty, and not in the program, without the feature `reference`.
pub const fn for_reference(text: &'static str) -> &'static str {
    if cfg!(feature = "reference") {
        text
    } else {
        ""
    }
}

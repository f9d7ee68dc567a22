//! The stage0 command.
fn main() {}

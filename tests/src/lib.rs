//! The shared corpus, the oracle and the laws.

pub mod bench;
pub mod cel;
pub mod oracle;

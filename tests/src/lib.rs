//! The shared corpus, the oracle and the laws.

pub mod cel;
pub mod condition;
pub mod random;

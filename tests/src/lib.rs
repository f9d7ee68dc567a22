//! The shared corpus, the oracle and the laws.

pub mod bench;
pub mod cel;
pub mod condition;
pub mod corpus;
pub mod fuzz;
pub mod generate;
pub mod hosts;
pub mod markdown;
pub mod oracle;
pub mod random;
pub mod store;
pub mod tokens;

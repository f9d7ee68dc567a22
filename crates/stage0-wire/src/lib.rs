//! Text to request and policy.

pub mod codes;
pub mod decode;
mod escape;
mod json_tree;
pub mod problem;
pub mod sources;
mod suggest;
pub mod tree;
mod yaml;

//! Text to request and policy.

pub mod codes;
pub mod decode;
mod escape;
mod json_tree;
pub mod position;
pub mod problem;
pub mod sources;
pub mod strict_json;
mod suggest;
pub mod tree;
mod yaml;

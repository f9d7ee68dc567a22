//! Text to request and policy.

pub mod codes;
mod decision_json;
pub mod decode;
mod escape;
mod json_tree;
pub mod position;
pub mod problem;
mod request_text;
pub mod sources;
pub mod strict_json;
mod suggest;
pub mod tree;
mod yaml;

pub use decision_json::{ENGINE_VERSION, decision_to_json};
pub use request_text::{json_problem, parse_request};

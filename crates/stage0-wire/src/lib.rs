//! Text to request and policy.

pub mod cases;
pub mod codes;
mod decision_json;
mod decode;
mod escape;
mod fields;
mod finding;
pub mod imports;
pub mod json_schema;
mod json_tree;
pub mod load;
pub mod packs;
mod policy;
pub mod position;
pub mod problem;
mod request_text;
mod shape;
pub mod sources;
pub mod strict_json;
mod suggest;
pub mod tree;
mod yaml;

pub use decision_json::{ENGINE_VERSION, decision_to_json};
pub use request_text::{json_problem, parse_request};

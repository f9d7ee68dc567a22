//! Text to request and policy.

mod approvals_json;
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
mod policy_digest;
pub mod position;
pub mod problem;
mod request_text;
mod shape;
pub mod sources;
mod state_json;
pub mod strict_json;
mod suggest;
pub mod tree;
mod yaml;

pub use approvals_json::{APPROVALS_LIMITS, approvals_to_json, parse_approvals};
pub use decision_json::{ENGINE_VERSION, decision_to_json};
pub use request_text::{json_problem, parse_request};
pub use state_json::{STATE_LIMITS, parse_state, state_to_json};

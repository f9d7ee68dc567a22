//! Text to request and policy.

mod approvals_json;
pub mod codes;
mod decision_json;
pub mod decode;
mod escape;
mod json_tree;
pub mod position;
pub mod problem;
mod request_text;
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

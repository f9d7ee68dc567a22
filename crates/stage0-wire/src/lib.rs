//! The only JSON and YAML of Stage0, and the doors that applications use.
//!
//! Policy files become a compiled [`Policy`], request texts a checked request, decisions canonical
//! text. Whatever is wrong with a text is told as [`problem::Problem`]s: code, message, help and
//! place. What decides is `stage0-engine`; nothing here has a meaning of its own.

mod approval_token;
mod approvals_json;
pub mod batch;
pub mod cases;
pub mod codes;
mod compiled;
mod decision_json;
mod decode;
mod escape;
mod explanation_json;
mod facts_json;
mod fields;
mod finding;
pub mod imports;
pub mod json_object;
pub mod json_schema;
mod json_tree;
pub mod jws;
pub mod load;
pub mod numeric_date;
pub mod packs;
mod policy;
pub mod position;
pub mod problem;
pub mod question;
pub mod record;
pub mod replay;
pub mod report;
mod request_text;
mod shape;
pub mod sources;
mod state_json;
pub mod strict_json;
mod suggest;
pub mod testing;
pub mod tree;
mod tree_text;
mod yaml;

pub use approval_token::{
    APPROVAL_KIND, APPROVAL_TOKENS_MAX, approval_claims, approval_token, parse_approval_token,
};
pub use approvals_json::{APPROVALS_LIMITS, approvals_to_json, parse_approvals};
pub use compiled::Policy;
pub use decision_json::{ENGINE_VERSION, decision_to_json, render_into};
pub use explanation_json::{description_to_json, explanation_to_json};
pub use facts_json::{REDACTION_SECRET_BYTES, facts_to_json};
pub use request_text::{json_problem, parse_request, parse_request_file};
pub use state_json::{STATE_LIMITS, parse_state, state_to_json};

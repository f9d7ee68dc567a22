//! Text to request and policy.

pub mod position;
pub mod strict_json;

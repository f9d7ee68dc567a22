//! Decides whether an AI agent may make a tool call.

pub mod document;
pub mod limits;
pub mod number;
pub mod span;
pub mod time;

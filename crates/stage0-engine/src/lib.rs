//! Decides whether an AI agent may make a tool call.

pub mod canonical;
pub mod digest;
pub mod document;
pub mod function;
pub mod limits;
pub mod number;
pub mod span;
pub mod time;

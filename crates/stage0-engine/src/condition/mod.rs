//! Conditions: text to tokens to tree to types to program to value.
//!
//! The language is a typed subset of CEL's syntax with exact decimals and three-valued logic for
//! absent facts. Everything that can be known when the policy is loaded is done then.

mod ask;
pub(crate) mod builtin;
mod error;
pub(crate) mod evaluate;
pub(crate) mod operation;
pub(crate) mod program;
pub(crate) mod scratch;
pub(crate) mod show;
pub(crate) mod syntax;
pub(crate) mod timing;
mod token;
pub(crate) mod trace;
pub(crate) mod tree;
pub(crate) mod truth;
pub(crate) mod typing;
pub(crate) mod value;

pub use error::{ConditionError, ConditionErrorKind};
pub(crate) use program::Slot;
pub use tree::{Path, Step};
pub use value::EvalError;
pub use value::ValueKind;

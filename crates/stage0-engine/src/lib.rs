//! Decides whether an AI agent may make a tool call.
//!
//! `policy text -> Policy -> PolicyIndex` and `request text -> Request -> Facts -> Decision`: this
//! crate is everything behind the texts. It is total and pure: no I/O, no clock, no environment, no
//! random source, no recursion on the depth of an input, and no panic. The same policy, request,
//! host, state and time give the same decision on every platform.
//!
//! [`compile`] turns a [`policy::PolicySource`] with its imports into a [`PolicyIndex`]; [`decide`]
//! answers. Text forms are made by `stage0-wire`, which is what applications use.

mod action;
mod approval;
pub mod canonical;
pub mod codes;
mod condition;
mod decide;
pub mod decision;
pub mod describe;
pub mod digest;
pub mod document;
mod explain;
pub mod expression;
mod facts;
pub mod function;
pub mod host;
mod index;
pub mod legible;
pub mod limits;
pub mod number;
pub mod policy;
mod read_facts;
pub mod reference;
pub mod request;
mod schema_check;
pub mod signature;
pub mod span;
pub mod state;
pub mod suggest;
pub mod time;
pub mod tool_pattern;
pub mod vocabulary;

pub use action::call_digest;
pub use condition::{ConditionError, ConditionErrorKind, EvalError, Path, Step, ValueKind};
pub use decide::keys::{StateKeys, state_keys};
pub use decide::{decide, decide_batch, peek};
pub use describe::describe;
pub use explain::{
    Approver, ClauseReport, Explanation, PlainProse, ProsePaint, ProsePart, RulePart, RuleReport,
    Wanted, explain,
};
pub use facts::{FACT_ROOTS, FactRoot, FactRootInfo};
pub use index::PolicyIndex;
pub use index::compile::{Compiled, PolicySet, compile};
pub use read_facts::ReadFact;

//! A condition's syntax tree as a flat list.
//!
//! Nodes stand in post-order: operands before their operator, the root last, every subtree one
//! contiguous run. Each later pass is therefore a loop from the first node to the last, and no pass
//! recurses however deep or long a condition is.

use core::fmt::{self, Write as _};
use core::ops::Range;

use crate::number::Number;

/// The fact behind `run.elapsed`: when the run began.
pub(crate) const RUN_STARTED: &str = "started";
/// The facts behind `run.has("label")`.
pub(crate) const RUN_HAS: &str = "has";
/// The facts behind `run.since("label")`: when each was left last.
pub(crate) const RUN_LABELED: &str = "labeled";
/// The facts behind `run.count("tool")`.
pub(crate) const RUN_COUNT: &str = "count";

/// Index of a node in its [`Tree`].
pub(crate) type Id = u32;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) expr: Expr,
    /// The bytes of the condition that the node was written with.
    pub(crate) range: Range<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    /// A name with the constant selections that follow it: `args.items[0].sku`.
    Path(Path),
    /// A loop's variable, by the loop's depth.
    Variable(u32),
    Select {
        operand: Id,
        field: String,
    },
    Index {
        operand: Id,
        index: Id,
    },
    HasPath(Path),
    HasField {
        operand: Id,
        field: String,
    },
    Not(Id),
    Negate(Id),
    Binary {
        operator: Operator,
        left: Id,
        right: Id,
    },
    Conditional {
        test: Id,
        then: Id,
        otherwise: Id,
    },
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
    /// A function or, with the receiver as first argument, a method.
    Call {
        function: String,
        /// Where its name stands.
        name: Range<u32>,
        arguments: Vec<Id>,
        method: bool,
    },
    /// Stands behind the list of a loop and in front of its body: here the variable gets its value.
    LoopStart {
        list: Id,
        variable: String,
        kind: LoopKind,
        /// How many loops stand around this one.
        level: u32,
    },
    Loop {
        kind: LoopKind,
        start: Id,
        /// The predicate of `map` with three arguments.
        filter: Option<Id>,
        body: Id,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopKind {
    Exists,
    All,
    ExistsOne,
    Filter,
    Map,
}

impl LoopKind {
    pub(crate) const ALL: &'static [(&'static str, LoopKind)] = &[
        ("exists", Self::Exists),
        ("all", Self::All),
        ("exists_one", Self::ExistsOne),
        ("existsOne", Self::ExistsOne),
        ("filter", Self::Filter),
        ("map", Self::Map),
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::All => "all",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// Whether it makes a value rather than a truth.
    pub(crate) const fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder
        )
    }

    /// How tightly it binds; operators of one strength group from the left.
    pub(crate) const fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::In => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
        }
    }
}

/// A path whose every step is known when the policy is loaded, hence one fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The first name: `args`, `context`, `tool`, ...
    pub root: String,
    /// The steps behind it.
    pub steps: Vec<Step>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `.name` or `["name"]`
    Field(String),
    /// `[0]`
    Position(u32),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        // What a run has of a name is asked as a method, and told as it is asked.
        if let ("run", [Step::Field(method), Step::Field(name)]) =
            (self.root.as_str(), self.steps.as_slice())
        {
            return write!(f, ".{method}(\"{name}\")");
        }
        for step in &self.steps {
            match step {
                Step::Field(name) if is_plain_name(name) => write!(f, ".{name}")?,
                Step::Field(name) => {
                    f.write_str("[\"")?;
                    for c in name.chars() {
                        match c {
                            '"' | '\\' => {
                                f.write_char('\\')?;
                                f.write_char(c)?;
                            }
                            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                            c => f.write_char(c)?,
                        }
                    }
                    f.write_str("\"]")?;
                }
                Step::Position(position) => write!(f, "[{position}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Tree {
    pub(crate) fn root(&self) -> Id {
        id(self.nodes.len().saturating_sub(1))
    }

    pub(crate) fn node(&self, at: Id) -> Option<&Node> {
        self.nodes.get(at as usize)
    }
}

/// Trees have at most `CONDITION_NODES_MAX` nodes.
pub(crate) fn id(index: usize) -> Id {
    u32::try_from(index).unwrap_or(u32::MAX)
}

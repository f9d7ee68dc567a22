//! Types of conditions, and what can be said against one before it ever runs.
//!
//! Types come from the catalog's argument schemas and from declared facts; everything else is
//! dynamic. The checker only reports: evaluation checks kinds again, so a decision never depends on
//! this pass. All errors of a condition are reported, not just the first.

use core::ops::Range;
use std::collections::BTreeSet;

use super::builtin::{FUNCTIONS, Form, Parameter, Signature};
use super::error::{ConditionError, ConditionErrorKind};
use super::syntax::nearest_name;
use super::tree::{Expr, Id, LoopKind, Node, Operator, Path, Tree};

/// Index of a schema's node; what it means is the environment's business.
pub(crate) type SchemaId = u32;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Anything: known only when a request is there.
    Dyn,
    Null,
    Bool,
    Number,
    String,
    Timestamp,
    Duration,
    List(Element),
    /// An object, with the schema that describes its members.
    Map(Option<SchemaId>),
}

/// What a list's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Dyn,
    Bool,
    Number,
    String,
    Schema(SchemaId),
}

impl Type {
    pub(crate) const LIST: Self = Self::List(Element::Dyn);
    pub(crate) const LIST_OF_TEXT: Self = Self::List(Element::String);
    pub(crate) const MAP: Self = Self::Map(None);

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Dyn => "anything",
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::String => "text",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Whether a value of this type could be one of the other.
    fn fits(self, other: Self) -> bool {
        matches!((self, other), (Self::Dyn, _) | (_, Self::Dyn))
            || core::mem::discriminant(&self) == core::mem::discriminant(&other)
    }

    /// The type that covers both.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (one, two) if one == two => one,
            (Self::List(_), Self::List(_)) => Self::LIST,
            (Self::Map(_), Self::Map(_)) => Self::MAP,
            _ => Self::Dyn,
        }
    }
}

/// Why a name has no type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameError {
    pub(crate) kind: ConditionErrorKind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What the names of a condition mean; the policy's checker provides it, rule by rule.
pub(crate) trait Environment {
    /// The type of a path.
    fn path(&self, path: &Path) -> Result<Type, NameError>;
    /// The type of what a schema describes.
    fn schema(&self, id: SchemaId) -> Type;
    /// The type of a member of an object with this schema.
    fn member(&self, id: SchemaId, name: &str) -> Result<Type, NameError>;
}

/// Types every node, in the tree's order; problems go to `errors`.
pub(crate) fn check(
    tree: &Tree,
    environment: &dyn Environment,
    errors: &mut Vec<ConditionError>,
) -> Vec<Type> {
    let mut checker = Checker {
        tree,
        environment,
        errors,
        types: Vec::new(),
        variables: Vec::new(),
    };
    for node in &tree.nodes {
        let found = checker.node(node);
        checker.types.push(found);
    }
    checker.types
}

/// Requires the whole condition to be a truth value.
pub(crate) fn require_truth(tree: &Tree, types: &[Type], errors: &mut Vec<ConditionError>) {
    if let (Some(found), Some(node)) = (types.last(), tree.nodes.last())
        && !found.fits(Type::Bool)
    {
        errors.push(
            ConditionError::new(
                ConditionErrorKind::Type,
                node.range.clone(),
                format!(
                    "a condition must be true or false, and this is {}",
                    found.text()
                ),
            )
            .with_help(match found {
                Type::Number => "compare it, for example with > 0",
                Type::List(_) => "ask of its elements: list.exists(item, item > 5)",
                Type::Map(_) => "ask of a member, or whether it is there: has(context.ticket_id)",
                _ => "compare it with something",
            }),
        );
    }
}

/// Reports an expression whose value is never a number.
pub(crate) fn require_number(tree: &Tree, types: &[Type], errors: &mut Vec<ConditionError>) {
    if let (Some(found), Some(node)) = (types.last(), tree.nodes.last())
        && !found.fits(Type::Number)
    {
        let message = format!("an amount is a number, and this is {}", found.text());
        errors.push(
            ConditionError::new(ConditionErrorKind::Type, node.range.clone(), message)
                .with_help("name a number, for example args.amount"),
        );
    }
}

struct Checker<'c> {
    tree: &'c Tree,
    environment: &'c dyn Environment,
    errors: &'c mut Vec<ConditionError>,
    types: Vec<Type>,
    variables: Vec<Type>,
}

impl Checker<'_> {
    fn of(&self, id: Id) -> Type {
        self.types.get(id as usize).copied().unwrap_or(Type::Dyn)
    }

    fn range(&self, id: Id) -> Range<u32> {
        self.tree.node(id).map_or(0..0, |node| node.range.clone())
    }

    fn error(&mut self, range: Range<u32>, message: String) {
        self.errors.push(ConditionError::new(
            ConditionErrorKind::Type,
            range,
            message,
        ));
    }

    fn named(&mut self, found: Result<Type, NameError>, range: &Range<u32>) -> Type {
        match found {
            Ok(found) => found,
            Err(NameError {
                kind,
                message,
                help,
            }) => {
                let error = ConditionError::new(kind, range.clone(), message);
                self.errors.push(match help {
                    Some(help) => error.with_help(help),
                    None => error,
                });
                Type::Dyn
            }
        }
    }

    fn error_with_help(&mut self, range: Range<u32>, message: String, help: Option<&str>) {
        let error = ConditionError::new(ConditionErrorKind::Type, range, message);
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    fn expect(&mut self, id: Id, wanted: Type, of: &str) {
        let found = self.of(id);
        if !found.fits(wanted) {
            let range = self.range(id);
            self.error(
                range,
                format!("{of} needs {}, and this is {}", wanted.text(), found.text()),
            );
        }
    }

    fn node(&mut self, node: &Node) -> Type {
        match &node.expr {
            Expr::Null => Type::Null,
            Expr::Bool(_) => Type::Bool,
            Expr::Number(_) => Type::Number,
            Expr::String(_) => Type::String,
            Expr::Path(path) => self.named(self.environment.path(path), &node.range),
            Expr::HasPath(path) => {
                self.named(self.environment.path(path), &node.range);
                Type::Bool
            }
            Expr::Variable(level) => self
                .variables
                .get(*level as usize)
                .copied()
                .unwrap_or(Type::Dyn),
            Expr::Select { operand, field } => self.member(*operand, field, &node.range),
            Expr::HasField { operand, field } => {
                self.member(*operand, field, &node.range);
                Type::Bool
            }
            Expr::Index { operand, index } => self.index(*operand, *index),
            Expr::Not(operand) => {
                self.expect(*operand, Type::Bool, "`!`");
                Type::Bool
            }
            Expr::Negate(operand) => {
                let found = self.of(*operand);
                if found != Type::Duration {
                    self.expect(*operand, Type::Number, "`-`");
                }
                // What is no number has been told of, once.
                if matches!(found, Type::Number | Type::Duration) {
                    found
                } else {
                    Type::Dyn
                }
            }
            Expr::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, *left, *right, &node.range),
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => {
                self.expect(*test, Type::Bool, "the test of `?:`");
                self.of(*then).join(self.of(*otherwise))
            }
            Expr::List(items) => {
                let mut items = items.iter().map(|item| self.of(*item));
                let first = items.next().unwrap_or(Type::Dyn);
                Type::List(match items.fold(first, Type::join) {
                    Type::Bool => Element::Bool,
                    Type::Number => Element::Number,
                    Type::String => Element::String,
                    _ => Element::Dyn,
                })
            }
            Expr::Map(entries) => {
                self.keys(entries);
                Type::MAP
            }
            Expr::Call {
                function,
                name,
                arguments,
                method,
            } => self.call((function, name), arguments, *method, &node.range),
            Expr::LoopStart {
                list, level, kind, ..
            } => {
                let element = match self.of(*list) {
                    Type::List(element) => self.element(element),
                    Type::Map(_) => Type::String,
                    Type::Dyn => Type::Dyn,
                    other => {
                        let range = self.range(*list);
                        let text = format!(
                            "`{}` visits a list, and this is {}",
                            kind.name(),
                            other.text()
                        );
                        let help = (other == Type::String)
                            .then_some("to look for a part of a text, write text.contains(part)");
                        self.error_with_help(range, text, help);
                        Type::Dyn
                    }
                };
                self.variables.truncate(*level as usize);
                self.variables.push(element);
                Type::Dyn
            }
            Expr::Loop {
                kind,
                start,
                filter,
                body,
            } => {
                let name = format!("the condition of `{}`", kind.name());
                if let Some(filter) = filter {
                    self.expect(*filter, Type::Bool, &name);
                }
                match kind {
                    LoopKind::Exists | LoopKind::All | LoopKind::ExistsOne => {
                        self.expect(*body, Type::Bool, &name);
                        Type::Bool
                    }
                    LoopKind::Filter => {
                        self.expect(*body, Type::Bool, &name);
                        match self.tree.node(*start).map(|node| &node.expr) {
                            Some(Expr::LoopStart { list, .. }) => match self.of(*list) {
                                Type::List(element) => Type::List(element),
                                Type::Map(_) => Type::LIST_OF_TEXT,
                                _ => Type::LIST,
                            },
                            _ => Type::LIST,
                        }
                    }
                    LoopKind::Map => Type::List(match self.of(*body) {
                        Type::Bool => Element::Bool,
                        Type::Number => Element::Number,
                        Type::String => Element::String,
                        Type::Map(Some(schema)) => Element::Schema(schema),
                        _ => Element::Dyn,
                    }),
                }
            }
        }
    }

    fn keys(&mut self, entries: &[(Id, Id)]) {
        let tree = self.tree;
        let mut known = BTreeSet::new();
        for (key, _) in entries {
            self.expect(*key, Type::String, "a key");
            let Some(Node {
                expr: Expr::String(text),
                range,
            }) = tree.node(*key)
            else {
                continue;
            };
            if !known.insert(text) {
                self.error(range.clone(), format!("the key `{text}` stands twice"));
            }
        }
    }

    fn element(&self, element: Element) -> Type {
        match element {
            Element::Dyn => Type::Dyn,
            Element::Bool => Type::Bool,
            Element::Number => Type::Number,
            Element::String => Type::String,
            Element::Schema(id) => self.environment.schema(id),
        }
    }

    fn member(&mut self, operand: Id, field: &str, range: &Range<u32>) -> Type {
        match self.of(operand) {
            Type::Map(Some(schema)) => {
                let found = self.environment.member(schema, field);
                self.named(found, range)
            }
            Type::Map(None) | Type::Dyn => Type::Dyn,
            other => {
                self.error(
                    range.clone(),
                    format!("{} has no member `{field}`", other.text()),
                );
                Type::Dyn
            }
        }
    }

    fn index(&mut self, operand: Id, index: Id) -> Type {
        match self.of(operand) {
            Type::List(element) => {
                self.expect(index, Type::Number, "the index of a list");
                self.element(element)
            }
            Type::Map(_) => {
                self.expect(index, Type::String, "the key of an object");
                Type::Dyn
            }
            Type::Dyn => Type::Dyn,
            other => {
                let range = self.range(operand);
                self.error(range, format!("{} has no elements", other.text()));
                Type::Dyn
            }
        }
    }

    fn binary(&mut self, operator: Operator, left: Id, right: Id, range: &Range<u32>) -> Type {
        let (one, two) = (self.of(left), self.of(right));
        match operator {
            Operator::And | Operator::Or => {
                let name = format!("`{}`", operator.text());
                self.expect(left, Type::Bool, &name);
                self.expect(right, Type::Bool, &name);
                Type::Bool
            }
            Operator::Equal | Operator::NotEqual => {
                if one != Type::Null && two != Type::Null && !one.fits(two) {
                    self.incomparable((left, one), (right, two), range);
                }
                Type::Bool
            }
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                if !one.fits(two) {
                    self.incomparable((left, one), (right, two), range);
                } else if let Some(unordered) = [one, two]
                    .into_iter()
                    .find(|side| matches!(side, Type::Null | Type::List(_) | Type::Map(_)))
                {
                    self.error(range.clone(), format!("{} has no order", unordered.text()));
                }
                Type::Bool
            }
            Operator::In => {
                match two {
                    Type::List(element) => {
                        let element = self.element(element);
                        if one != Type::Null && element != Type::Null && !one.fits(element) {
                            self.incomparable((left, one), (right, element), range);
                        }
                    }
                    Type::Map(_) => self.expect(left, Type::String, "`in` with an object"),
                    Type::Dyn => {}
                    other => self.error_with_help(
                        range.clone(),
                        format!(
                            "`in` needs a list on its right, and this is {}",
                            other.text()
                        ),
                        (other == Type::String)
                            .then_some("to look for a part of a text, write text.contains(part)"),
                    ),
                }
                Type::Bool
            }
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => self.arithmetic(operator, one, two, range),
        }
    }

    fn incomparable(&mut self, left: (Id, Type), right: (Id, Type), range: &Range<u32>) {
        let message = format!(
            "{} can never be compared with {}",
            left.1.text(),
            right.1.text()
        );
        let help = self
            .help_to_compare(left, right)
            .or_else(|| self.help_to_compare(right, left));
        self.error_with_help(range.clone(), message, help);
    }

    /// What was probably meant by comparing these two, in this order.
    fn help_to_compare(&self, one: (Id, Type), two: (Id, Type)) -> Option<&'static str> {
        let is_literal = |id: Id| {
            let expr = self.tree.node(id).map(|node| &node.expr);
            matches!(expr, Some(Expr::String(_) | Expr::Number(_)))
        };
        let is_comparison = |id: Id| {
            let expr = self.tree.node(id).map(|node| &node.expr);
            matches!(expr, Some(Expr::Binary { operator, .. }) if operator.strength() == 3)
        };
        Some(match (one.1, two.1) {
            (Type::String, Type::Number) if is_literal(one.0) || !is_literal(two.0) => {
                "\"750\" is not 750: write the number without quotes"
            }
            (Type::String, Type::Number) => {
                "the other side is text: write what it is compared with in quotes"
            }
            (Type::String, Type::Timestamp) if is_literal(one.0) => {
                "write timestamp(\"2026-01-05T10:00:00Z\")"
            }
            (Type::String, Type::Timestamp) => "read the text as a time: timestamp(args.due)",
            (Type::String, Type::Duration) if !is_literal(one.0) => {
                "read the text as a span of time: duration(args.within)"
            }
            (Type::String | Type::Number, Type::Duration) => "write duration(\"15m\")",
            (Type::Timestamp, Type::Duration) => {
                "compare two spans of time: now - timestamp(context.asked_at) > duration(\"1h\")"
            }
            (Type::String | Type::Number | Type::Bool, Type::List(_)) => {
                "to ask whether a list has an element, write element in list"
            }
            (Type::Bool, Type::Number) if is_comparison(one.0) => {
                "compare one pair at a time: 0 < x && x < 10"
            }
            (Type::Bool, Type::Number | Type::String) => {
                "a truth value stands alone, or with `!` in front of it"
            }
            _ => return None,
        })
    }

    #[inline(never)]
    fn arithmetic(
        &mut self,
        operator: Operator,
        left: Type,
        right: Type,
        range: &Range<u32>,
    ) -> Type {
        let result = match (operator, left, right) {
            (_, Type::Dyn, Type::Dyn) => Some(Type::Dyn),
            (_, Type::Number, Type::Number | Type::Dyn) | (_, Type::Dyn, Type::Number) => {
                Some(Type::Number)
            }
            (Operator::Add, Type::String, Type::String | Type::Dyn)
            | (Operator::Add, Type::Dyn, Type::String) => Some(Type::String),
            (Operator::Add, Type::List(_), Type::List(_) | Type::Dyn)
            | (Operator::Add, Type::Dyn, Type::List(_)) => Some(left.join(right)),
            (Operator::Add | Operator::Subtract, Type::Timestamp, Type::Duration)
            | (Operator::Add, Type::Duration, Type::Timestamp) => Some(Type::Timestamp),
            (Operator::Subtract, Type::Timestamp, Type::Timestamp)
            | (Operator::Add | Operator::Subtract, Type::Duration, Type::Duration) => {
                Some(Type::Duration)
            }
            (Operator::Add, Type::Timestamp, Type::Dyn)
            | (Operator::Add, Type::Dyn, Type::Timestamp) => Some(Type::Timestamp),
            (Operator::Subtract, Type::Dyn, Type::Timestamp)
            | (Operator::Subtract, Type::Duration, Type::Dyn) => Some(Type::Duration),
            (Operator::Subtract, Type::Timestamp, Type::Dyn)
            | (Operator::Add, Type::Duration, Type::Dyn)
            | (Operator::Add | Operator::Subtract, Type::Dyn, Type::Duration) => Some(Type::Dyn),
            _ => None,
        };
        result.unwrap_or_else(|| {
            let text = format!(
                "`{}` cannot take {} and {}",
                operator.text(),
                left.text(),
                right.text()
            );
            let help = match (left, right) {
                (Type::String, Type::Number) | (Type::Number, Type::String) => {
                    Some("there is no conversion between text and numbers")
                }
                (Type::String, Type::Timestamp) | (Type::Timestamp, Type::String) => Some(
                    "read the text as a time, timestamp(args.due), or as a span, duration(args.within)",
                ),
                (Type::Timestamp | Type::Duration, Type::Number)
                | (Type::Number, Type::Timestamp | Type::Duration) => Some("write duration(\"15m\")"),
                _ => None,
            };
            self.error_with_help(range.clone(), text, help);
            Type::Dyn
        })
    }

    #[inline(never)]
    fn call(
        &mut self,
        (name, place): (&str, &Range<u32>),
        arguments: &[Id],
        method: bool,
        range: &Range<u32>,
    ) -> Type {
        if name == "matches" {
            return self.matches(arguments, range);
        }
        if name == "parses" && !method {
            return self.parses(arguments, range);
        }
        if method && matches!(name, "parses" | "has") {
            let message = format!("`{name}` is not called like this");
            let error = ConditionError::new(ConditionErrorKind::Type, range.clone(), message);
            self.errors.push(error.with_help(match name {
                "has" => "write has(context.ticket_id)",
                _ => "write parses(host(args.url))",
            }));
            return Type::Bool;
        }
        let Some(signature) = FUNCTIONS.iter().find(|signature| signature.name == name) else {
            self.unknown_function(name, place);
            return Type::Dyn;
        };
        if method && signature.form == Form::Function || !method && signature.form == Form::Method {
            let message = format!("`{name}` is not called like this");
            let error = ConditionError::new(ConditionErrorKind::Type, range.clone(), message);
            self.errors
                .push(error.with_help(format!("write {}", usage(signature))));
            return signature.result;
        }
        let most = signature.parameters.len();
        let least = most.saturating_sub(signature.optional);
        if arguments.len() < least || arguments.len() > most {
            let message = format!(
                "`{name}` is given too {} values",
                if arguments.len() > most {
                    "many"
                } else {
                    "few"
                }
            );
            let error = ConditionError::new(ConditionErrorKind::Type, range.clone(), message);
            self.errors
                .push(error.with_help(format!("write {}", usage(signature))));
            return signature.result;
        }
        for (
            argument,
            Parameter {
                name: role,
                types: wanted,
            },
        ) in arguments.iter().zip(signature.parameters)
        {
            let found = self.of(*argument);
            if wanted.iter().any(|wanted| found.fits(*wanted)) {
                continue;
            }
            let texts: Vec<&str> = wanted.iter().map(|wanted| wanted.text()).collect();
            let needs = match texts.split_last() {
                Some((end, others)) if !others.is_empty() => {
                    format!("{} or {end}", others.join(", "))
                }
                _ => texts.concat(),
            };
            // Of several, it says which one.
            let role = if most > 1 {
                format!(" as {role}")
            } else {
                String::new()
            };
            let help = match found {
                Type::String if wanted.contains(&Type::Timestamp) => {
                    Some("read the text as a time: timestamp(args.due)")
                }
                Type::List(_) if *wanted == [Type::String] => {
                    Some("ask of each element: list.exists(item, ...)")
                }
                _ => None,
            };
            let place = self.range(*argument);
            let message = format!("`{name}` needs {needs}{role}, and this is {}", found.text());
            self.error_with_help(place, message, help);
        }
        signature.result
    }

    fn unknown_function(&mut self, name: &str, range: &Range<u32>) {
        let error = ConditionError::new(
            if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
                ConditionErrorKind::Unsupported
            } else {
                ConditionErrorKind::UnknownFunction
            },
            range.clone(),
            format!("there is no function `{name}`"),
        );
        let help = LEFT_OUT
            .iter()
            .find(|(left_out, _)| *left_out == name)
            .or_else(|| OTHER_NAMES.iter().find(|(other, _)| *other == name))
            .map(|(_, help)| (*help).to_owned())
            .or_else(|| {
                let names = FUNCTIONS.iter().map(|signature| signature.name);
                nearest_name(
                    name,
                    names.chain(["has", "matches", "parses", "exists", "all", "filter", "map"]),
                )
            });
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    fn matches(&mut self, arguments: &[Id], range: &Range<u32>) -> Type {
        let [text, pattern] = arguments else {
            let error = ConditionError::new(
                ConditionErrorKind::Type,
                range.clone(),
                "`matches` takes a pattern",
            );
            self.errors
                .push(error.with_help("write text.matches(\"^[A-Z]+$\")"));
            return Type::Bool;
        };
        self.expect(*text, Type::String, "`matches`");
        if !matches!(
            self.tree.node(*pattern).map(|node| &node.expr),
            Some(Expr::String(_))
        ) {
            let place = self.range(*pattern);
            let error = ConditionError::new(
                ConditionErrorKind::Type,
                place,
                "the pattern of `matches` must be a literal text",
            );
            self.errors.push(error.with_help("patterns are compiled once, when the policy is loaded; for patterns that vary use glob(text, pattern)"));
        }
        Type::Bool
    }

    fn parses(&mut self, arguments: &[Id], range: &Range<u32>) -> Type {
        let is_call = match arguments {
            [argument] => matches!(
                self.tree.node(*argument).map(|node| &node.expr),
                Some(Expr::Call { .. })
            ),
            _ => false,
        };
        if !is_call {
            let error = ConditionError::new(
                ConditionErrorKind::Type,
                range.clone(),
                "`parses` takes one call of a function",
            );
            self.errors
                .push(error.with_help("for example: parses(host(args.url))"));
        }
        Type::Bool
    }
}

/// Functions of CEL that the language leaves out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "int",
        "numbers are exact decimals: no conversion is needed, and text is never a number",
    ),
    ("uint", "there is one kind of number, exact decimals"),
    ("double", "there is one kind of number, exact decimals"),
    (
        "string",
        "compare values of the same kind; there is no conversion to text",
    ),
    ("bool", "there is no conversion to a truth value"),
    ("bytes", "requests are JSON, which has no bytes"),
    ("type", "declare the argument's type in the tool's `args`"),
    ("dyn", "what no schema describes is dynamic already"),
];

/// What other languages call what this one has.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("len", "write size(...)"),
    ("length", "write size(...)"),
    ("count", "write size(...)"),
    ("isEmpty", "write size(...) == 0"),
    ("lower", "write text.lowerAscii()"),
    ("toLower", "write text.lowerAscii()"),
    ("toLowerCase", "write text.lowerAscii()"),
    ("upper", "write text.upperAscii()"),
    ("toUpper", "write text.upperAscii()"),
    ("toUpperCase", "write text.upperAscii()"),
    (
        "includes",
        "write element in list, or text.contains(\"part\")",
    ),
    (
        "indexOf",
        "write element in list, or text.contains(\"part\")",
    ),
    ("regex", "write text.matches(\"^[A-Z]+$\")"),
    ("match", "write text.matches(\"^[A-Z]+$\")"),
    ("test", "write text.matches(\"^[A-Z]+$\")"),
    ("now", "the time is a fact: write now, without parentheses"),
    ("date", "write timestamp(\"2026-01-05T10:00:00Z\")"),
    ("some", "write list.exists(item, ...)"),
    ("any", "write list.exists(item, ...)"),
    ("every", "write list.all(item, ...)"),
    ("abs", "compare with both signs: args.x < 5 && args.x > -5"),
    ("min", "compare with both values"),
    ("max", "compare with both values"),
    ("get", "write object[\"key\"]"),
    (
        "keys",
        "loops over an object visit its keys: object.exists(key, ...)",
    ),
];

/// How a function is written, for help texts and the reference.
pub(crate) fn usage(signature: &Signature) -> String {
    let required = signature
        .parameters
        .len()
        .saturating_sub(signature.optional);
    let parameters: Vec<String> = signature
        .parameters
        .iter()
        .enumerate()
        .map(|(position, parameter)| {
            let mark = if position < required { "" } else { "?" };
            format!("{}{mark}", parameter.name)
        })
        .collect();
    match (signature.form, parameters.split_first()) {
        (Form::Method, Some((receiver, rest))) => {
            format!("{receiver}.{}({})", signature.name, rest.join(", "))
        }
        _ => format!("{}({})", signature.name, parameters.join(", ")),
    }
}

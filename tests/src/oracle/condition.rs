//! Conditions: a tree, its text in the language, and its meaning by walking the tree.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::{iter, mem};

use super::decimal::Decimal;
use super::phrases;
use super::value::{Value, read_instant, read_span, write_text};

/// A fact: a root and what follows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// `context`, `args`, ...
    pub root: &'static str,
    /// The members behind it.
    pub steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `.name`
    Member(&'static str),
    /// `[2]`
    At(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.root)?;
        for step in &self.steps {
            match step {
                Step::Member(name) => write!(formatter, ".{name}")?,
                Step::At(position) => write!(formatter, "[{position}]")?,
            }
        }
        Ok(())
    }
}

/// `==`, `<`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// `startsWith`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// `startsWith`
    StartsWith,
    /// `endsWith`
    EndsWith,
    /// `contains`
    Contains,
}

/// `exists`, `all`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    /// `exists`
    Exists,
    /// `all`
    All,
    /// `exists_one`
    ExistsOne,
    /// `filter`
    Filter,
    /// `map`
    Map,
}

impl Loop {
    fn name(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::All => "all",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are the language's own words")]
pub enum Expr {
    Literal(Value),
    List(Vec<Expr>),
    Fact(Path),
    Has(Path),
    Param(&'static str),
    Let(&'static str),
    Variable(&'static str),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    /// `+ - * / %`
    Arithmetic(char, Box<Expr>, Box<Expr>),
    Size(Box<Expr>),
    Text(TextTest, Box<Expr>, Box<Expr>),
    Timestamp(Box<Expr>),
    Duration(Box<Expr>),
    Parses(Box<Expr>),
    InWindow(Box<Expr>, Box<Expr>),
    Loop(Loop, Box<Expr>, &'static str, Box<Expr>),
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => write_literal(out, value),
            Self::List(items) => {
                out.write_char('[')?;
                for (position, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if position > 0 { ", " } else { "" })?;
                }
                out.write_char(']')
            }
            Self::Fact(path) => write!(out, "{path}"),
            Self::Has(path) => write!(out, "has({path})"),
            Self::Param(name) => write!(out, "params.{name}"),
            Self::Let(name) => write!(out, "let.{name}"),
            Self::Variable(name) => write!(out, "{name}"),
            Self::Not(it) => write!(out, "!({it})"),
            Self::And(one, two) => write!(out, "({one} && {two})"),
            Self::Or(one, two) => write!(out, "({one} || {two})"),
            Self::If(test, one, two) => write!(out, "({test} ? {one} : {two})"),
            Self::Compare(comparison, one, two) => {
                write!(out, "({one} {} {two})", comparison.sign())
            }
            Self::In(one, list) => write!(out, "({one} in {list})"),
            Self::Arithmetic(sign, one, two) => write!(out, "({one} {sign} {two})"),
            Self::Size(it) => write!(out, "size({it})"),
            Self::Text(test, it, part) => {
                let name = match test {
                    TextTest::StartsWith => "startsWith",
                    TextTest::EndsWith => "endsWith",
                    TextTest::Contains => "contains",
                };
                write!(out, "{it}.{name}({part})")
            }
            Self::Timestamp(it) => write!(out, "timestamp({it})"),
            Self::Duration(it) => write!(out, "duration({it})"),
            Self::Parses(it) => write!(out, "parses({it})"),
            Self::InWindow(at, window) => write!(out, "in_window({at}, {window})"),
            Self::Loop(kind, list, variable, body) => {
                write!(out, "{list}.{}({variable}, {body})", kind.name())
            }
        }
    }
}

fn write_literal(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Instant(_) => write!(out, "timestamp({})", value.to_json()),
        Value::Span(_) => write!(out, "duration({})", value.to_json()),
        Value::Text(text) => {
            let mut spelled = String::new();
            write_text(&mut spelled, text);
            out.write_str(&spelled)
        }
        other => out.write_str(&other.to_json()),
    }
}

/// What evaluating gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A value.
    Known(Value),
    /// Nothing yet, for want of these facts.
    Unknown(BTreeSet<String>),
    /// Nothing ever.
    Error,
}

use Outcome::{Error, Known, Unknown};

impl Outcome {
    fn bool(truth: bool) -> Self {
        Known(Value::Bool(truth))
    }

    /// The truth value; anything else that is known is an error.
    fn truth(self) -> Self {
        match self {
            Known(Value::Bool(_)) | Unknown(_) => self,
            Known(_) | Error => Error,
        }
    }

    /// Whether it is known to be this truth value.
    pub fn is(&self, truth: bool) -> bool {
        *self == Self::bool(truth)
    }
}

/// What conditions are read in.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// The facts: an object of roots.
    pub facts: &'s Value,
    /// Whether there is a call whose arguments could be there.
    pub has_call: bool,
    /// The params by name.
    pub params: &'s [(&'static str, Value)],
    /// The named expressions.
    pub lets: &'s [(&'static str, Expr)],
    /// The zone of windows that name none.
    pub zone: &'s str,
}

/// One variable of each loop around.
type Variables = Vec<(&'static str, Value)>;

impl Scope<'_> {
    /// The meaning of an expression.
    pub fn evaluate(&self, expr: &Expr) -> Outcome {
        self.walk(expr, &Vec::new())
    }

    fn walk(&self, expr: &Expr, variables: &Variables) -> Outcome {
        let walk = |expr: &Expr| self.walk(expr, variables);
        match expr {
            Expr::Literal(value) => Known(value.clone()),
            Expr::List(items) => {
                let items = items.iter().map(|item| match walk(item) {
                    Known(value) => Some(value),
                    Unknown(missing) => Some(Value::Missing(missing)),
                    Error => None,
                });
                items
                    .collect::<Option<_>>()
                    .map_or(Error, |items| Known(Value::List(items)))
            }
            Expr::Fact(path) => self.read(path),
            Expr::Has(path) => self.has(path),
            Expr::Param(name) => named(self.params, name).cloned().map_or(Error, Known),
            Expr::Let(name) => named(self.lets, name).map_or(Error, |expr| self.evaluate(expr)),
            Expr::Variable(name) => match named(variables, name) {
                Some(Value::Missing(missing)) => Unknown(missing.clone()),
                value => value.cloned().map_or(Error, Known),
            },
            Expr::Not(it) => not(walk(it)),
            Expr::And(one, two) => all([walk(one), walk(two)]),
            Expr::Or(one, two) => any([walk(one), walk(two)]),
            Expr::If(test, one, two) => match walk(test).truth() {
                Known(Value::Bool(true)) => walk(one),
                Known(_) => walk(two),
                Unknown(mut missing) => match (walk(one), walk(two)) {
                    (one @ Known(_), two) if one == two => one,
                    branches => {
                        missing.extend(missing_of(&[branches.0, branches.1]));
                        Unknown(missing)
                    }
                },
                Error => Error,
            },
            Expr::Compare(comparison, one, two) => match comparison {
                Comparison::Equal => either(walk(one), walk(two), equal),
                Comparison::NotEqual => not(either(walk(one), walk(two), equal)),
                order => all_of([walk(one), walk(two)], |values| {
                    compare(*order, values.first()?, values.get(1)?).map(Value::Bool)
                }),
            },
            Expr::In(one, two) => {
                let (element, mut list) = (walk(one), walk(two));
                // Nobody knows yet whether it matters that the list has an element without a value:
                // what else it lacks is asked for.
                if let (Unknown(_), Error, Expr::List(items)) = (&element, &list, &**two) {
                    let items: Vec<Outcome> = items.iter().map(walk).collect();
                    list = Unknown(missing_of(&items));
                }
                either(element, list, contains)
            }
            Expr::Arithmetic(sign, one, two) => {
                all_of([walk(one), walk(two)], |values| arithmetic(*sign, &values))
            }
            Expr::Size(it) => all_of([walk(it)], |values| {
                let size = match values.first()? {
                    Value::Text(text) => text.chars().count(),
                    Value::List(items) => items.len(),
                    Value::Map(members) => members.len(),
                    _ => return None,
                };
                Some(Value::Number(Decimal::whole(i64::try_from(size).ok()?)))
            }),
            Expr::Text(test, one, two) => all_of([walk(one), walk(two)], |values| {
                let (one, two) = (values.first()?.as_text()?, values.get(1)?.as_text()?);
                Some(Value::Bool(match test {
                    TextTest::StartsWith => one.starts_with(two),
                    TextTest::EndsWith => one.ends_with(two),
                    TextTest::Contains => one.contains(two),
                }))
            }),
            Expr::Timestamp(it) => all_of([walk(it)], |values| {
                read_instant(values.first()?.as_text()?).map(Value::Instant)
            }),
            Expr::Duration(it) => all_of([walk(it)], |values| {
                read_span(values.first()?.as_text()?).map(Value::Span)
            }),
            // Two-valued: what is not there was not read either.
            Expr::Parses(it) => Outcome::bool(matches!(walk(it), Known(_))),
            Expr::InWindow(at, window) => all_of([walk(at), walk(window)], |values| {
                let (Value::Instant(at), window) = (values.first()?, values.get(1)?.as_text()?)
                else {
                    return None;
                };
                phrases::in_window(*at, window, self.zone).map(Value::Bool)
            }),
            Expr::Loop(kind, list, variable, body) => match walk(list) {
                Known(Value::List(items)) => self.visit(*kind, &items, variable, body, variables),
                Known(Value::Map(members)) => {
                    let keys: Vec<Value> = members.into_keys().map(Value::Text).collect();
                    self.visit(*kind, &keys, variable, body, variables)
                }
                unknown @ Unknown(_) => unknown,
                Known(_) | Error => Error,
            },
        }
    }

    fn visit(
        &self,
        kind: Loop,
        items: &[Value],
        variable: &'static str,
        body: &Expr,
        variables: &Variables,
    ) -> Outcome {
        let each = items.iter().map(|item| {
            let mut variables = variables.clone();
            variables.push((variable, item.clone()));
            self.walk(body, &variables)
        });
        fold(kind, items, each.collect())
    }

    /// A fact: unknown where it is absent, an error through something without members.
    fn read(&self, path: &Path) -> Outcome {
        let Some(mut value) = self.facts.member(path.root) else {
            return Unknown(BTreeSet::from([path.to_string()]));
        };
        for step in &path.steps {
            value = match (step, value) {
                (Step::Member(name), Value::Map(members)) => match members.get(*name) {
                    Some(member) => member,
                    None => return Unknown(BTreeSet::from([path.to_string()])),
                },
                (Step::At(position), Value::List(items)) => match items.get(*position) {
                    Some(item) => item,
                    None => return Error,
                },
                _ => return Error,
            };
        }
        Known(value.clone())
    }

    /// Presence: as reading, but what is absent is false. Arguments of a call that was not made yet
    /// are neither.
    fn has(&self, path: &Path) -> Outcome {
        match self.read(path) {
            Known(_) => Outcome::bool(true),
            Unknown(missing) if path.root == "args" && !self.has_call => Unknown(missing),
            Unknown(_) => Outcome::bool(false),
            Error => Error,
        }
    }
}

fn named<'l, T>(list: &'l [(&'static str, T)], name: &str) -> Option<&'l T> {
    list.iter()
        .rev()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn missing_of(outcomes: &[Outcome]) -> BTreeSet<String> {
    let sets = outcomes.iter().filter_map(|outcome| match outcome {
        Unknown(missing) => Some(missing.clone()),
        Known(_) | Error => None,
    });
    sets.flatten().collect()
}

/// An operation that needs all of its operands: unknown if one is, else an error if one is.
fn all_of(
    operands: impl IntoIterator<Item = Outcome>,
    operation: impl FnOnce(Vec<Value>) -> Option<Value>,
) -> Outcome {
    let operands: Vec<Outcome> = operands.into_iter().collect();
    if operands.iter().any(|operand| matches!(operand, Unknown(_))) {
        return Unknown(missing_of(&operands));
    }
    let values: Option<Vec<Value>> = operands
        .into_iter()
        .map(|operand| match operand {
            Known(value) => Some(value),
            Unknown(_) | Error => None,
        })
        .collect();
    values.and_then(operation).map_or(Error, Known)
}

/// True where all are: false absorbs, then unknown wins over error.
pub fn all(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(Outcome::truth).collect();
    if outcomes.iter().any(|outcome| outcome.is(false)) {
        return Outcome::bool(false);
    }
    all_of(outcomes, |_| Some(Value::Bool(true)))
}

/// True where one is: true absorbs, then unknown wins over error.
pub fn any(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(Outcome::truth).collect();
    if outcomes.iter().any(|outcome| outcome.is(true)) {
        return Outcome::bool(true);
    }
    all_of(outcomes, |_| Some(Value::Bool(false)))
}

fn fold(kind: Loop, items: &[Value], outcomes: Vec<Outcome>) -> Outcome {
    match kind {
        Loop::Exists => any(outcomes),
        Loop::All => all(outcomes),
        Loop::Map => all_of(outcomes, |values| Some(Value::List(values))),
        Loop::Filter | Loop::ExistsOne => {
            all_of(outcomes.into_iter().map(Outcome::truth), |truths| {
                let kept = items
                    .iter()
                    .zip(truths)
                    .filter(|(_, truth)| *truth == Value::Bool(true));
                let kept: Vec<Value> = kept.map(|(item, _)| item.clone()).collect();
                Some(if kind == Loop::Filter {
                    Value::List(kept)
                } else {
                    Value::Bool(kept.len() == 1)
                })
            })
        }
    }
}

/// The opposite.
fn not(outcome: Outcome) -> Outcome {
    match outcome.truth() {
        Known(value) => Outcome::bool(value == Value::Bool(false)),
        other => other,
    }
}

/// A question about two values, one of which may hold elements that are missing. Where one of the
/// two is missing itself, so is the answer, and with it all that the other one lacks.
fn either(one: Outcome, two: Outcome, ask: impl Fn(&Value, &Value) -> Outcome) -> Outcome {
    match (&one, &two) {
        (Known(one), Known(two)) => ask(one, two),
        (Unknown(_), _) | (_, Unknown(_)) => {
            let inside = [&one, &two].map(|side| match side {
                Known(Value::List(items)) => Unknown(items.iter().flat_map(lacks).collect()),
                other => other.clone(),
            });
            Unknown(missing_of(&inside))
        }
        _ => Error,
    }
}

fn lacks(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Missing(missing) => missing.clone(),
        _ => BTreeSet::new(),
    }
}

/// Whether two values are equal; an error where their types differ and neither is null.
fn equal(one: &Value, two: &Value) -> Outcome {
    match (one, two) {
        (Value::Missing(missing), other) | (other, Value::Missing(missing)) => {
            Unknown(missing.union(&lacks(other)).cloned().collect())
        }
        (Value::Null, other) | (other, Value::Null) => Outcome::bool(*other == Value::Null),
        (Value::List(one), Value::List(two)) => {
            let same_length = Outcome::bool(one.len() == two.len());
            all(iter::once(same_length)
                .chain(one.iter().zip(two).map(|(one, two)| equal(one, two))))
        }
        _ if mem::discriminant(one) == mem::discriminant(two) => Outcome::bool(one == two),
        _ => Error,
    }
}

fn compare(comparison: Comparison, one: &Value, two: &Value) -> Option<bool> {
    let order = match (one, two) {
        (Value::Number(one), Value::Number(two)) => one.order(*two),
        (Value::Text(one), Value::Text(two)) => one.cmp(two),
        (Value::Instant(one), Value::Instant(two)) | (Value::Span(one), Value::Span(two)) => {
            one.cmp(two)
        }
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Less => order == Ordering::Less,
        Comparison::AtMost => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::AtLeast => order != Ordering::Less,
        Comparison::Equal | Comparison::NotEqual => return None,
    })
}

/// `x in list`: true if an equal element is there, else an error if one has another type.
fn contains(value: &Value, list: &Value) -> Outcome {
    match (list, value) {
        (Value::List(items), _) => any(items.iter().map(|item| equal(value, item))),
        (Value::Map(members), Value::Text(key)) => Outcome::bool(members.contains_key(key)),
        _ => Error,
    }
}

fn arithmetic(sign: char, values: &[Value]) -> Option<Value> {
    match (sign, values.first()?, values.get(1)?) {
        ('+', Value::Number(one), Value::Number(two)) => one.plus(*two).map(Value::Number),
        ('-', Value::Number(one), Value::Number(two)) => one.minus(*two).map(Value::Number),
        ('*', Value::Number(one), Value::Number(two)) => one.times(*two).map(Value::Number),
        ('/', Value::Number(one), Value::Number(two)) => one.over(*two).map(Value::Number),
        ('%', Value::Number(one), Value::Number(two)) => one.modulo(*two).map(Value::Number),
        ('+', Value::Text(one), Value::Text(two)) => Some(Value::Text(format!("{one}{two}"))),
        ('+', Value::List(one), Value::List(two)) => {
            Some(Value::List(one.iter().chain(two).cloned().collect()))
        }
        ('+', Value::Instant(at), Value::Span(span))
        | ('+', Value::Span(span), Value::Instant(at)) => Some(Value::Instant(at + span)),
        ('-', Value::Instant(at), Value::Span(span)) => Some(Value::Instant(at - span)),
        ('-', Value::Instant(one), Value::Instant(two)) => Some(Value::Span(one - two)),
        ('+', Value::Span(one), Value::Span(two)) => Some(Value::Span(one + two)),
        ('-', Value::Span(one), Value::Span(two)) => Some(Value::Span(one - two)),
        _ => None,
    }
}

/// The facts that an expression reads, whatever its outcome.
pub fn read_set(expr: &Expr, lets: &[(&'static str, Expr)], reads: &mut BTreeSet<String>) {
    let mut visit = |expr: &Expr| read_set(expr, lets, reads);
    match expr {
        Expr::Fact(path) | Expr::Has(path) => {
            reads.insert(path.to_string());
        }
        Expr::Let(name) => {
            if let Some(expr) = named(lets, name) {
                visit(expr);
            }
        }
        Expr::Literal(_) | Expr::Param(_) | Expr::Variable(_) => {}
        Expr::List(items) => items.iter().for_each(visit),
        Expr::Not(it)
        | Expr::Size(it)
        | Expr::Timestamp(it)
        | Expr::Duration(it)
        | Expr::Parses(it) => visit(it),
        Expr::And(one, two)
        | Expr::Or(one, two)
        | Expr::Compare(_, one, two)
        | Expr::In(one, two)
        | Expr::Arithmetic(_, one, two)
        | Expr::Text(_, one, two)
        | Expr::InWindow(one, two)
        | Expr::Loop(_, one, _, two) => [one, two].into_iter().for_each(|expr| visit(expr)),
        Expr::If(test, one, two) => [test, one, two].into_iter().for_each(|expr| visit(expr)),
    }
}

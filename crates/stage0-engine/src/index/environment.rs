//! What names mean in one rule: the types of its facts.
//!
//! A rule about certain tools sees their argument schemas. Where the tools disagree, or have no
//! schema, an argument is dynamic; a member that none of them accepts is an error with a
//! did-you-mean, because a condition on it could never be true.

use std::collections::BTreeMap;

use crate::condition::tree::{RUN_COUNT, RUN_HAS, RUN_LABELED, RUN_STARTED};
use crate::condition::typing::{Element, Environment, NameError, SchemaId, Type};
use crate::condition::{ConditionErrorKind, Path, Step};
use crate::document::{Document, Kind, ValueRef};
use crate::facts::{FACT_ROOTS, FactRoot};
use crate::policy::schema::{SchemaType, Schemas};
use crate::suggest::nearest;
use crate::vocabulary::constraint::{CONSTRAINT_KEYS, ConstraintShape};
use crate::vocabulary::context::{CONTEXT_KEYS, ContextType};

/// A declared fact, as conditions see it.
#[derive(Debug, Clone)]
pub(super) struct DeclaredFact {
    pub(super) path: Path,
    pub(super) schema: Option<u32>,
    /// Code of the issue when a value is not of the schema's type.
    pub(super) issue: Option<String>,
}

/// What all rules of a layer share.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) schemas: Schemas,
    /// Node of each param's value in the constants, and its type.
    pub(super) params: BTreeMap<String, (u32, Type)>,
    pub(super) lets: BTreeMap<String, (u32, Type)>,
    pub(super) data: Option<(u32, Vec<String>)>,
    pub(super) facts: Vec<DeclaredFact>,
    /// The labels that tools may leave on a run, sorted.
    pub(super) labels: Vec<String>,
    /// The catalogued tools, sorted.
    pub(super) tools: Vec<String>,
    /// Whether callers may name others, too.
    pub(super) has_other_tools: bool,
}

impl Names {
    /// The type of what a schema describes.
    pub(super) fn type_of(&self, id: SchemaId) -> Type {
        let Some(node) = self.schemas.node(id).filter(|node| !node.nullable) else {
            return Type::Dyn;
        };
        match (node.kind, &node.values) {
            // Values that are listed without a type have the type of all of them.
            (SchemaType::Any, Some(values)) => {
                let mut kinds = values.root().elements().map(type_of);
                let first = kinds.next().unwrap_or(Type::Dyn);
                kinds.fold(first, Type::join)
            }
            (SchemaType::Any, None) => Type::Dyn,
            (SchemaType::Bool, _) => Type::Bool,
            (SchemaType::Number | SchemaType::Integer, _) => Type::Number,
            (
                SchemaType::String
                | SchemaType::Timestamp
                | SchemaType::Duration
                | SchemaType::Window,
                _,
            ) => Type::String,
            (SchemaType::List, _) => Type::List(match node.items {
                Some(items) => Element::Schema(items),
                None => Element::Dyn,
            }),
            (SchemaType::Object, _) => Type::Map(Some(id)),
        }
    }
}

/// The plain members of `run`.
const RUN_FACTS: &[(&str, Type)] = &[
    ("attempts", Type::Number),
    ("calls", Type::Number),
    ("cost", Type::Number),
    ("failures", Type::Number),
    ("same_call", Type::Number),
    ("same_tool", Type::Number),
    (RUN_STARTED, Type::Timestamp),
];

/// The names of one rule.
pub(super) struct RuleNames<'n> {
    pub(super) names: &'n Names,
    pub(super) constants: &'n Document<'static>,
    /// For each tool that the rule is about, the schemas of its arguments; nothing where the rule
    /// is about tools that are not known.
    pub(super) tools: Option<&'n [Vec<u32>]>,
}

impl Environment for RuleNames<'_> {
    fn path(&self, path: &Path) -> Result<Type, NameError> {
        match path.root.as_str() {
            "params" => Self::defined(path, "param", &self.names.params),
            "let" => Self::defined(path, "named expression", &self.names.lets),
            "data" => self.data(path),
            "timezone" if path.steps.is_empty() => Ok(Type::String),
            _ => self.fact(path),
        }
    }

    fn schema(&self, id: SchemaId) -> Type {
        self.names.type_of(id)
    }

    fn member(&self, id: SchemaId, name: &str) -> Result<Type, NameError> {
        let Some(node) = self.names.schemas.node(id) else {
            return Ok(Type::Dyn);
        };
        if let Some((_, schema)) = node
            .properties
            .iter()
            .find(|(known, _)| known.value == name)
        {
            return Ok(self.schema(*schema));
        }
        if node.extra || node.properties.is_empty() {
            return Ok(Type::Dyn);
        }
        let known = node
            .properties
            .iter()
            .map(|(known, _)| known.value.as_str());
        Err(unknown(
            format!("there is no member `{name}` here"),
            nearest(name, known),
        ))
    }
}

impl RuleNames<'_> {
    fn defined(
        path: &Path,
        what: &str,
        known: &BTreeMap<String, (u32, Type)>,
    ) -> Result<Type, NameError> {
        match path.steps.as_slice() {
            [Step::Field(name)] => match known.get(name) {
                Some((_, found)) => Ok(*found),
                None => Err(unknown(
                    format!("there is no {what} `{name}`"),
                    nearest(name, known.keys().map(String::as_str)),
                )),
            },
            [Step::Field(name), ..] if what == "param" && known.contains_key(name) => Ok(Type::Dyn),
            _ => Err(unknown(
                format!("`{path}` is not the name of a {what}"),
                None,
            )),
        }
    }

    #[inline(never)]
    fn data(&self, path: &Path) -> Result<Type, NameError> {
        let Some((node, names)) = &self.names.data else {
            return Err(unknown(format!("`{path}`: the policy has no `data`"), None));
        };
        if let Some(value) = find(self.constants.value(*node), &path.steps) {
            Ok(type_of(value))
        } else {
            let wanted = match path.steps.first() {
                Some(Step::Field(name)) => name.as_str(),
                _ => "",
            };
            let near = nearest(wanted, names.iter().map(String::as_str));
            Err(unknown(
                format!("there is no `{path}`"),
                near.filter(|near| *near != wanted),
            ))
        }
    }

    fn fact(&self, path: &Path) -> Result<Type, NameError> {
        let Some(info) = FactRoot::find(&path.root) else {
            let known = FACT_ROOTS
                .iter()
                .map(|info| info.name)
                .chain(["params", "let", "data", "timezone"]);
            let mut error = unknown(
                format!("there is no `{}` here", path.root),
                nearest(&path.root, known),
            );
            if error.help.is_none() {
                error.help = Some(if CONTEXT_KEYS.iter().any(|(key, _)| *key == path.root) {
                    format!("write context.{path}")
                } else {
                    "facts begin with args, context, constraint, tool, effects, now, ...; text stands in quotes".to_owned()
                });
            }
            return Err(error);
        };
        if info.has_members && path.steps.is_empty() {
            return Ok(Type::MAP);
        }
        match info.root {
            FactRoot::Args => self.argument(path),
            FactRoot::Context => self.context(path),
            FactRoot::Constraint => constraint(path),
            FactRoot::Run => self.run(path),
            root => {
                let whole = match root {
                    FactRoot::Goal | FactRoot::Tool => Type::String,
                    FactRoot::Now => Type::Timestamp,
                    FactRoot::Pro | FactRoot::Writes => Type::Bool,
                    FactRoot::Trusted => Type::LIST,
                    _ => Type::LIST_OF_TEXT,
                };
                match (path.steps.as_slice(), whole) {
                    ([], _) => Ok(whole),
                    ([Step::Position(_)], Type::List(Element::String)) => Ok(Type::String),
                    (_, Type::List(Element::Dyn)) => Ok(Type::Dyn),
                    _ => Err(unknown(
                        format!("`{}` is {} and has no such member", path.root, whole.text()),
                        None,
                    )),
                }
            }
        }
    }

    fn argument(&self, path: &Path) -> Result<Type, NameError> {
        let Some(tools) = self.tools else {
            return Ok(Type::Dyn);
        };
        let mut found: Option<Type> = None;
        let mut refused = None;
        for schemas in tools {
            let Some(schema) = schemas.first() else {
                return Ok(Type::Dyn);
            };
            match self.walk(Type::Map(Some(*schema)), &path.steps) {
                Ok(next) => found = Some(found.map_or(next, |found| found.join(next))),
                Err(error) => refused = Some(error),
            }
        }
        match (found, refused) {
            (Some(found), None) => Ok(found),
            (None, Some(error)) => Err(error),
            (Some(_), Some(_)) | (None, None) => Ok(Type::Dyn),
        }
    }

    fn walk(&self, mut at: Type, steps: &[Step]) -> Result<Type, NameError> {
        for step in steps {
            at = match (step, at) {
                (Step::Field(name), Type::Map(Some(schema))) => self.member(schema, name)?,
                (Step::Position(_), Type::List(Element::Schema(items))) => self.schema(items),
                (Step::Position(_), Type::List(_)) | (_, Type::Dyn | Type::Map(None)) => Type::Dyn,
                (Step::Field(name), other) => {
                    let of_elements =
                        || format!("ask its elements: list.exists(item, item.{name} == ...)");
                    return Err(NameError {
                        help: matches!(other, Type::List(_)).then(of_elements),
                        ..unknown(format!("{} has no member `{name}`", other.text()), None)
                    });
                }
                (Step::Position(_), other) => {
                    return Err(unknown(format!("{} has no elements", other.text()), None));
                }
            };
        }
        Ok(at)
    }

    fn context(&self, path: &Path) -> Result<Type, NameError> {
        // What is declared tells of everything inside it; what is declared inside tells more.
        let declared = self.names.facts.iter().filter_map(|fact| {
            let inside = path.steps.strip_prefix(fact.path.steps.as_slice())?;
            (fact.path.root == path.root).then_some((inside, fact.schema?))
        });
        if let Some((inside, schema)) = declared.min_by_key(|(inside, _)| inside.len()) {
            return self.walk(self.schema(schema), inside);
        }
        Ok(match path.steps.as_slice() {
            [Step::Field(name)] => {
                let known = CONTEXT_KEYS.iter().find(|(key, _)| key == name);
                known.map_or(Type::Dyn, |(_, kind)| match kind {
                    ContextType::Text => Type::String,
                    ContextType::Number => Type::Number,
                    ContextType::Bool => Type::Bool,
                    ContextType::Texts => Type::LIST_OF_TEXT,
                    ContextType::Object => Type::MAP,
                    ContextType::Any => Type::Dyn,
                })
            }
            _ => Type::Dyn,
        })
    }
}

impl RuleNames<'_> {
    #[inline(never)]
    fn run(&self, path: &Path) -> Result<Type, NameError> {
        let named = |what: &str, name: &str, known: &[String], otherwise: &str| {
            if known.iter().any(|known| known == name) {
                return None;
            }
            let near = nearest(name, known.iter().map(String::as_str));
            let mut error = unknown(format!("there is no {what} `{name}`"), near);
            error.help.get_or_insert_with(|| otherwise.to_owned());
            Some(error)
        };
        let label = |name: &str| {
            let help = "declare it under `labels`, and give it to the tools that leave it";
            named("label", name, &self.names.labels, help)
        };
        let (kind, wrong) = match path.steps.as_slice() {
            [Step::Field(name)] => (run_fact(name)?, None),
            [Step::Field(method), Step::Field(name)] if method == RUN_HAS => {
                (Type::Bool, label(name))
            }
            [Step::Field(method), Step::Field(name)] if method == RUN_LABELED => {
                (Type::Timestamp, label(name))
            }
            [Step::Field(method), Step::Field(name)] if method == RUN_COUNT => {
                let help = "add it under `tools`, or check the spelling";
                let wrong = named("tool", name, &self.names.tools, help);
                (Type::Number, wrong.filter(|_| !self.names.has_other_tools))
            }
            _ => return Err(unknown(format!("`{path}` is nothing that a run has"), None)),
        };
        match wrong {
            Some(error) => Err(error),
            None => Ok(kind),
        }
    }
}

/// The type of a plain member of `run`.
fn run_fact(name: &str) -> Result<Type, NameError> {
    if let Some((_, kind)) = RUN_FACTS.iter().find(|(known, _)| *known == name) {
        return Ok(*kind);
    }
    let known = RUN_FACTS.iter().map(|(name, _)| *name);
    let written = known.filter(|name| *name != RUN_STARTED).chain(["elapsed"]);
    let mut error = unknown(
        format!("`run` has no member `{name}`"),
        nearest(name, written),
    );
    error.help.get_or_insert_with(|| {
        "ask for run.attempts, run.elapsed, run.count(\"tool\"), run.has(\"label\"), ...".to_owned()
    });
    Err(error)
}

fn constraint(path: &Path) -> Result<Type, NameError> {
    let [Step::Field(name), ..] = path.steps.as_slice() else {
        return Ok(Type::Dyn);
    };
    match CONSTRAINT_KEYS.iter().find(|key| key.name == name) {
        Some(key) => Ok(match key.shape {
            ConstraintShape::Flag | ConstraintShape::Means | ConstraintShape::Promise => Type::Bool,
            ConstraintShape::List => Type::LIST_OF_TEXT,
            ConstraintShape::Count | ConstraintShape::Decimal => Type::Number,
            ConstraintShape::Span => Type::Duration,
            ConstraintShape::Window => Type::String,
        }),
        None => Err(unknown(
            format!("there is no constraint `{name}`"),
            nearest(name, CONSTRAINT_KEYS.iter().map(|key| key.name)),
        )),
    }
}

fn unknown(message: String, near: Option<&str>) -> NameError {
    NameError {
        kind: ConditionErrorKind::UnknownName,
        message,
        help: near.map(|near| format!("did you mean `{near}`?")),
    }
}

/// The value behind these steps.
pub(super) fn find<'d>(value: ValueRef<'d>, steps: &[Step]) -> Option<ValueRef<'d>> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Position(position) => value.element(*position as usize),
    })
}

/// The type of a value that is written in the policy.
pub(super) fn type_of(value: ValueRef<'_>) -> Type {
    match value.kind() {
        Kind::Null => Type::Null,
        Kind::Bool => Type::Bool,
        Kind::Number => Type::Number,
        Kind::String => Type::String,
        Kind::Object => Type::MAP,
        Kind::List => {
            let mut kinds = value.elements().map(ValueRef::kind);
            let first = kinds.next();
            let same = kinds.all(|kind| Some(kind) == first);
            Type::List(match first {
                Some(Kind::String) if same => Element::String,
                Some(Kind::Number) if same => Element::Number,
                Some(Kind::Bool) if same => Element::Bool,
                _ => Element::Dyn,
            })
        }
    }
}

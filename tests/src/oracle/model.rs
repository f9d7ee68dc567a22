//! What the oracle decides about: a policy and a request as plain data, and their JSON.

use stage0_engine::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};

use super::condition::{Expr, Path};
use super::phrases::OWN_EFFECT;
use super::value::{Value, object, span_text, text, texts, whole};

/// A policy file, with those it builds on.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Prefix of its rules' ids.
    pub name: &'static str,
    /// The permission when no allow rule speaks.
    pub default: Option<Verdict>,
    /// How answers are used.
    pub mode: Option<Mode>,
    /// What happens to uncatalogued tools.
    pub unknown_tools: Option<UnknownTools>,
    /// Policies that it builds on, and whether their allow rules and tool entries count.
    pub extends: Vec<(Policy, bool)>,
    /// Policies that must each ALLOW.
    pub layers: Vec<Policy>,
    /// Rules of extended policies that are switched off, as `pack/id`.
    pub disable: Vec<String>,
    /// Codes in the order in which decisions list them.
    pub codes: Vec<&'static str>,
    /// The zone of windows that name none.
    pub timezone: Option<&'static str>,
    /// Whether it adds the class [`OWN_EFFECT`].
    pub own_effect: bool,
    /// What it says about facts.
    pub facts: Vec<FactDeclaration>,
    /// The catalog.
    pub tools: Vec<Tool>,
    /// Named constants.
    pub params: Vec<(&'static str, Value)>,
    /// Named expressions.
    pub lets: Vec<(&'static str, Expr)>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What a policy says about a fact.
#[derive(Debug, Clone)]
pub struct FactDeclaration {
    /// The fact.
    pub path: Path,
    /// What it may be.
    pub kind: ArgumentKind,
    /// The question to ask when it is missing.
    pub ask: Option<&'static str>,
}

/// An entry of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Tool {
    /// A name or a pattern.
    pub name: &'static str,
    /// Other names.
    pub aka: Vec<String>,
    /// Classes of effects.
    pub effects: Vec<&'static str>,
    /// Whether it leaves its effects out.
    pub unstated: bool,
    /// The arguments, if they are checked.
    pub args: Option<Vec<Argument>>,
    /// Whether arguments beyond those are accepted.
    pub extra_args: bool,
}

/// One argument of a tool.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ArgumentKind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be null.
    pub nullable: bool,
}

/// What an argument may be.
#[derive(Debug, Clone)]
pub enum ArgumentKind {
    /// Any value.
    Any,
    /// A number, from and to these.
    Number(Option<i64>, Option<i64>),
    /// A whole number.
    Integer,
    /// A point in time.
    Time,
    /// A list, of these if it says so.
    List(Option<Box<ArgumentKind>>),
    /// An object with any members.
    Object,
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// One of these texts.
    Enum(Vec<&'static str>),
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in its policy.
    pub id: String,
    /// Patterns of tools; none means all.
    pub tools: Vec<&'static str>,
    /// Classes of effects; none means all.
    pub effects: Vec<&'static str>,
    /// When it applies.
    pub when: Option<Expr>,
    /// What it says.
    pub action: Action,
    /// Code of its issue.
    pub issue: Option<&'static str>,
    /// Code of its issue when a fact is missing.
    pub issue_unknown: Option<&'static str>,
    /// Weight of its issue.
    pub severity: Option<Severity>,
    /// What to ask when it defers.
    pub ask: Vec<&'static str>,
    /// Whether it is only recorded.
    pub observe: bool,
    /// Whether nobody may disable it.
    pub locked: bool,
}

/// What a rule says.
#[derive(Debug, Clone)]
pub enum Action {
    /// Permits.
    Allow(Expr),
    /// Forbids.
    Deny(Expr),
    /// Asks for more.
    Defer(Expr),
    /// Remarks.
    Advise(Expr),
    /// Forbids or asks unless the condition holds.
    Require {
        /// What has to hold.
        condition: Expr,
        /// The verdict when it does not.
        otherwise: Option<Verdict>,
        /// Whether a missing fact counts as not holding.
        missing_otherwise: bool,
    },
    /// Asks for a person's yes.
    Approval(Approval),
}

/// The approval that a rule asks for.
#[derive(Debug, Clone, Default)]
pub struct Approval {
    /// Roles of which the approver must have one.
    pub roles: Vec<&'static str>,
    /// How many people.
    pub min: Option<u32>,
    /// Facts that name people who may not approve.
    pub not: Vec<Path>,
    /// Facts that it is bound to, instead of all arguments.
    pub bind: Vec<Path>,
    /// How long it lasts, in milliseconds.
    pub ttl: Option<i64>,
    /// Who vouches for it.
    pub evidence: Option<EvidenceSource>,
}

/// What is proposed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The agent's words.
    pub goal: Option<&'static str>,
    /// How it would know that it is done.
    pub success_criteria: Vec<&'static str>,
    /// Texts that the user wrote.
    pub trusted: Vec<&'static str>,
    /// The environment, where it stands beside the context.
    pub environment: Option<&'static str>,
    /// The id of the call.
    pub call_id: Option<&'static str>,
    /// The tools of the plan.
    pub tools: Vec<String>,
    /// The declared effects.
    pub side_effects: Vec<&'static str>,
    /// What the agent binds itself to.
    pub constraints: Vec<&'static str>,
    /// The host's word.
    pub context: Vec<(&'static str, Value)>,
    /// Whether MEDIUM advice denies.
    pub pro: bool,
    /// The call: its tool and arguments.
    pub call: Option<(String, Vec<(&'static str, Value)>)>,
    /// Fields that the contract does not know.
    pub unknown_fields: Vec<&'static str>,
}

fn word(verdict: Verdict) -> Value {
    text(verdict.as_str().to_lowercase())
}

fn list(items: impl IntoIterator<Item = Value>) -> Option<Value> {
    let items: Vec<Value> = items.into_iter().collect();
    (!items.is_empty()).then_some(Value::List(items))
}

fn words(items: &[&'static str]) -> Option<Value> {
    list(items.iter().map(|item| text(*item)))
}

fn condition(expr: &Expr) -> Value {
    match expr {
        Expr::Literal(Value::Bool(true)) => Value::Bool(true),
        expr => text(expr.to_string()),
    }
}

fn members<'m>(entries: impl IntoIterator<Item = (&'m str, Value)>) -> Option<Value> {
    let entries = entries.into_iter().map(|(name, value)| (name, Some(value)));
    Some(object(entries)).filter(|members| *members != Value::Map([].into()))
}

/// The name of the file that a policy is imported by.
pub fn file_name(policy: &Policy) -> String {
    format!("./{}.json", policy.name)
}

impl Policy {
    /// The policy file as data.
    pub fn to_value(&self) -> Value {
        let import = |(policy, allows): &(Policy, bool)| {
            object([
                ("file", Some(text(file_name(policy)))),
                ("allows", allows.then_some(Value::Bool(true))),
            ])
        };
        let unknown_tools = self.unknown_tools.map(|unknown_tools| {
            text(match unknown_tools {
                UnknownTools::Declared => "declared",
                UnknownTools::Defer => "defer",
                UnknownTools::Deny => "deny",
            })
        });
        let tools = self.tools.iter().map(|tool| (tool.name, tool.to_value()));
        let lets = self
            .lets
            .iter()
            .map(|(name, expr)| (*name, text(expr.to_string())));
        let params = self.params.iter().map(|(name, value)| {
            let kind = match value {
                Value::Number(_) => "number",
                Value::Bool(_) => "bool",
                Value::List(_) => "list",
                _ => "string",
            };
            (
                *name,
                object([("type", Some(text(kind))), ("default", Some(value.clone()))]),
            )
        });
        let facts = self
            .facts
            .iter()
            .map(|fact| fact.path.to_string())
            .zip(self.facts.iter().map(|fact| {
                let mut members = fact.kind.members();
                members.push(("ask", fact.ask.map(text)));
                object(members)
            }));
        let facts = Value::Map(facts.collect());
        let own_effect = object([
            ("aliases", Some(Value::List(vec![text("telepathy")]))),
            ("writes", Some(Value::Bool(false))),
        ]);
        object([
            ("stage0", Some(text("v1"))),
            ("name", Some(text(self.name))),
            ("version", Some(text("1.0.0"))),
            ("default", self.default.map(word)),
            ("mode", self.mode.map(|mode| text(mode.as_str()))),
            ("unknown_tools", unknown_tools),
            ("extends", list(self.extends.iter().map(import))),
            (
                "layers",
                list(self.layers.iter().map(|layer| text(file_name(layer)))),
            ),
            ("disable", texts(&self.disable)),
            ("codes", words(&self.codes)),
            ("timezone", self.timezone.map(text)),
            (
                "effects",
                self.own_effect
                    .then(|| object([(OWN_EFFECT, Some(own_effect))])),
            ),
            ("facts", (!self.facts.is_empty()).then_some(facts)),
            ("tools", members(tools)),
            ("params", members(params)),
            ("let", members(lets)),
            ("rules", list(self.rules.iter().map(Rule::to_value))),
        ])
    }

    /// Every file that the policy imports, at any depth, once.
    pub fn imports(&self) -> Vec<&Policy> {
        let direct = self
            .extends
            .iter()
            .map(|(policy, _)| policy)
            .chain(&self.layers);
        let mut files: Vec<&Policy> = Vec::new();
        for file in direct.flat_map(|policy| [vec![policy], policy.imports()].concat()) {
            if files.iter().all(|known| known.name != file.name) {
                files.push(file);
            }
        }
        files
    }
}

impl Tool {
    fn to_value(&self) -> Value {
        let args = self.args.as_ref().map(|args| {
            object(
                args.iter()
                    .map(|argument| (argument.name, Some(argument.to_value()))),
            )
        });
        object([
            ("aka", texts(&self.aka)),
            (
                "effects",
                (!self.unstated).then(|| words(&self.effects).unwrap_or(Value::List(Vec::new()))),
            ),
            ("args", args),
            ("extra_args", self.extra_args.then(|| text("allow"))),
        ])
    }
}

impl ArgumentKind {
    fn members(&self) -> Vec<(&'static str, Option<Value>)> {
        let (kind, more) = match self {
            Self::Any => ("any", Vec::new()),
            Self::Number(min, max) => {
                let bounds = vec![("min", min.map(whole)), ("max", max.map(whole))];
                ("number", bounds)
            }
            Self::Integer => ("integer", Vec::new()),
            Self::Time => ("timestamp", Vec::new()),
            Self::Text => ("string", Vec::new()),
            Self::Bool => ("bool", Vec::new()),
            Self::Enum(values) => ("string", vec![("enum", words(values))]),
            Self::List(items) => {
                let items = items.as_ref().map(|items| object(items.members()));
                ("list", vec![("items", items)])
            }
            Self::Object => ("object", Vec::new()),
        };
        let kind = ("type", Some(text(kind)));
        more.into_iter().chain([kind]).collect()
    }
}

impl Argument {
    fn to_value(&self) -> Value {
        let mut members = self.kind.members();
        members.push(("optional", self.optional.then_some(Value::Bool(true))));
        members.push(("nullable", self.nullable.then_some(Value::Bool(true))));
        object(members)
    }
}

impl Rule {
    fn to_value(&self) -> Value {
        let (key, value) = match &self.action {
            Action::Allow(expr) => ("allow", condition(expr)),
            Action::Deny(expr) => ("deny", condition(expr)),
            Action::Defer(expr) => ("defer", condition(expr)),
            Action::Advise(expr) => ("advise", condition(expr)),
            Action::Require { condition, .. } => ("require", text(condition.to_string())),
            Action::Approval(approval) => ("approval", approval.to_value()),
        };
        let (otherwise, missing) = match &self.action {
            Action::Require {
                otherwise,
                missing_otherwise,
                ..
            } => (
                otherwise.map(word),
                missing_otherwise.then(|| text("otherwise")),
            ),
            _ => (None, None),
        };
        object([
            ("id", Some(text(&self.id))),
            ("tools", words(&self.tools)),
            ("effects", words(&self.effects)),
            (
                "when",
                self.when.as_ref().map(|when| text(when.to_string())),
            ),
            (key, Some(value)),
            ("otherwise", otherwise),
            ("missing", missing),
            ("issue", self.issue.map(text)),
            ("issue_unknown", self.issue_unknown.map(text)),
            (
                "severity",
                self.severity.map(|severity| text(severity.as_str())),
            ),
            ("ask", words(&self.ask)),
            ("mode", self.observe.then(|| text("observe"))),
            ("locked", self.locked.then_some(Value::Bool(true))),
        ])
    }
}

impl Approval {
    fn to_value(&self) -> Value {
        let paths = |paths: &[Path]| list(paths.iter().map(|path| text(path.to_string())));
        object([
            ("roles", words(&self.roles)),
            ("min", self.min.map(|min| whole(i64::from(min)))),
            ("not", paths(&self.not)),
            ("bind", paths(&self.bind)),
            ("ttl", self.ttl.map(|ttl| text(span_text(ttl)))),
            (
                "evidence",
                self.evidence.map(|evidence| text(evidence.as_str())),
            ),
        ])
    }
}

impl Request {
    /// The texts that the user wrote, as values.
    pub fn trusted(&self) -> impl Iterator<Item = Value> {
        let written = |by| object([("source", Some(text("user"))), ("text", Some(text(by)))]);
        self.trusted.iter().copied().map(written)
    }

    /// The request as data.
    pub fn to_value(&self) -> Value {
        let call = self.call.as_ref().map(|(name, arguments)| {
            let arguments = arguments
                .iter()
                .map(|(name, value)| (*name, Some(value.clone())));
            object([
                ("id", self.call_id.map(text)),
                ("name", Some(text(name))),
                ("arguments", Some(object(arguments))),
            ])
        });
        let known = [
            ("goal", self.goal.map(text)),
            ("success_criteria", words(&self.success_criteria)),
            ("trusted", list(self.trusted())),
            ("environment", self.environment.map(text)),
            ("tools", texts(&self.tools)),
            ("side_effects", words(&self.side_effects)),
            ("constraints", words(&self.constraints)),
            (
                "context",
                members(
                    self.context
                        .iter()
                        .map(|(key, value)| (*key, value.clone())),
                ),
            ),
            ("pro", self.pro.then_some(Value::Bool(true))),
            ("tool_call", call),
        ];
        let unknown = self
            .unknown_fields
            .iter()
            .map(|field| (*field, Some(Value::Bool(true))));
        object(known.into_iter().chain(unknown))
    }
}

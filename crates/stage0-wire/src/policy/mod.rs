//! A policy file, YAML or JSON, as the engine's types.
//!
//! Each section has a file with two halves: the description of its keys, which the check and the
//! JSON Schema go by, and the reading of what was found good. Everything that one file can have
//! wrong by itself is reported here; names that other files may define, types and conditions are the
//! engine's to judge, and imports are followed by [`load`](crate::load).

mod approval;
mod limit;
mod name;
mod rule;
mod schema;
mod section;
mod tool;

use stage0_engine::policy::schema::Schemas;
use stage0_engine::policy::{Mode, PolicySource, UnknownTools, Verdict};
use stage0_engine::span::{Span, Spanned};

use crate::cases;
use crate::decode::Decoder;
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::Node;

pub(crate) use self::name::ISSUE_CODE;
pub(crate) use self::section::Wanted;

static VERSIONS: Words = Words::new(&["v1"]);

const DEFAULTS: [(&str, Verdict); 3] = [
    ("deny", Verdict::Deny),
    ("defer", Verdict::Defer),
    ("allow", Verdict::Allow),
];
static DEFAULT_WORDS: Words = Words::new(&names(&DEFAULTS));

/// The words for [`Mode`].
pub(crate) const MODES: [(&str, Mode); 4] = [
    ("enforce", Mode::Enforce),
    ("observe", Mode::Observe),
    ("read_only", Mode::ReadOnly),
    ("halted", Mode::Halted),
];
pub(crate) static MODE_WORDS: Words = Words::new(&names(&MODES));

const UNKNOWN_TOOLS: [(&str, UnknownTools); 3] = [
    ("defer", UnknownTools::Defer),
    ("deny", UnknownTools::Deny),
    ("declared", UnknownTools::Declared),
];
static UNKNOWN_TOOLS_WORDS: Words = Words::new(&names(&UNKNOWN_TOOLS));

/// A policy file.
pub(crate) static POLICY: Form = Form::Map(&POLICY_SHAPE);

static POLICY_SHAPE: Shape = Shape {
    name: "policy",
    what: "a policy",
    doc: "A Stage0 policy: what agents may do, and the tests that say so.",
    groups: &[&IDENTITY_KEYS, &ANSWER_KEYS, &CONTENT_KEYS],
    one_of: OneOf::NONE,
};

static IDENTITY_KEYS: [Key; 5] = [
    Key::new(
        "$schema",
        Form::Text,
        "Where editors find the description of this format. It means nothing to Stage0.",
    ),
    Key::required(
        "stage0",
        Form::Words(&VERSIONS),
        "The version of the policy language.",
    )
    .or_help("begin the file with `stage0: v1`"),
    Key::required(
        "name",
        Form::Name(&name::POLICY_NAME),
        "The policy's name. It begins the ids of its rules in decisions, and other policies cannot share it.",
    )
    .or_help("write for example `name: payments`"),
    Key::required(
        "version",
        Form::Text,
        "The policy's own semantic version, such as 2.1.0. Decisions record it.",
    )
    .or_help("write for example `version: 1.0.0`"),
    Key::new("description", Form::Text, "What the policy is for. It is not part of the policy's digest."),
];

static ANSWER_KEYS: [Key; 4] = [
    Key::new(
        "default",
        Form::Words(&DEFAULT_WORDS),
        "The permission when no allow rule speaks: deny (the default), defer or allow.",
    ),
    Key::new(
        "mode",
        Form::Words(&MODE_WORDS),
        "How answers are used. enforce (the default) obeys them; observe records them and blocks nothing; read_only denies whatever writes; halted denies everything.",
    ),
    Key::new(
        "unknown_tools",
        Form::Words(&UNKNOWN_TOOLS_WORDS),
        "What happens to a tool that the catalog does not have: defer (the default), deny, or declared, which takes the effects that the caller declares at their word.",
    ),
    Key::new(
        "timezone",
        Form::Text,
        "The IANA time zone of business hours, such as Europe/Berlin; UTC if left out.",
    ),
];

static CONTENT_KEYS: [Key; 17] = [
    Key::new(
        "extends",
        Form::OneOrMany(&section::IMPORT),
        "Policies that this one builds on: files, or packs such as stage0/common-tools. Their restrictions always count, their allow rules and tools only with `allows: true`.",
    ),
    Key::new(
        "layers",
        Form::OneOrMany(&section::LAYER),
        "Policies that must each allow a call, such as those of the organisation and of the team. A policy with layers has no rules or tools of its own.",
    ),
    Key::new(
        "disable",
        Form::OneOrMany(&Form::Text),
        "Rules of extended policies to switch off, each as policy/rule. Locked rules cannot be.",
    ),
    Key::new(
        "tools",
        Form::MapOf(None, &tool::TOOL),
        "The trusted catalog: what each tool does and which arguments it takes. A name with `*` adds to the tools that it matches.",
    ),
    Key::new(
        "params",
        Form::MapOf(Some(&name::IDENTIFIER), &section::PARAM),
        "Named constants, which conditions read as params.name. A value alone sets a param of an extended policy.",
    ),
    Key::new(
        "let",
        Form::MapOf(Some(&name::IDENTIFIER), &Form::Condition),
        "Named expressions, which conditions read as let.name.",
    ),
    Key::new(
        "rules",
        Form::List(&rule::RULE),
        "What is allowed and what is not. Their order does not matter: the strictest wins.",
    ),
    Key::new(
        "limits",
        Form::List(&limit::LIMIT),
        "What calls may come to together, over time: counts and sums. They only restrict.",
    ),
    Key::new(
        "labels",
        Form::List(&limit::LABEL),
        "The labels that tools may leave on a run, which conditions read as run.has(\"label\").",
    ),
    Key::new(
        "codes",
        Form::List(&Form::Name(&ISSUE_CODE)),
        "The order in which decisions list the codes of issues of one severity. Codes that are not here follow by name.",
    ),
    Key::new(
        "effects",
        Form::MapOf(Some(&name::EFFECT_NAME), &section::EFFECT),
        "Further classes of effects, besides the built-in ones.",
    ),
    Key::new(
        "facts",
        Form::MapOf(None, &section::FACT),
        "What is known about facts such as context.ticket_id: their type, who may state them, and the question to ask when they are missing.",
    ),
    Key::new(
        "keys",
        Form::MapOf(Some(&name::KEY_ID), &approval::KEY),
        "Whose signatures count as approvals, by the ids that tokens name.",
    ),
    Key::new(
        "redact",
        Form::OneOrMore(&Form::Text),
        "Facts whose values no log keeps and nobody is shown, such as args.card_number.",
    ),
    Key::new(
        "data",
        Form::Object,
        "Tables, which conditions read as data.name.",
    ),
    Key::new(
        "risk",
        Form::Map(&section::RISK),
        "The weights of the risk score.",
    ),
    Key::new(
        "tests",
        Form::List(&cases::CASE),
        "Requests and the answers that they must get. They are not part of the policy's digest.",
    ),
];

/// What one file says, before its imports are followed.
#[derive(Debug)]
pub(crate) struct PolicyFile {
    /// The policy, without its imports. Where it has no name or version, which was reported, they are
    /// empty.
    pub(crate) source: PolicySource,
    /// The policies that it builds on.
    pub(crate) extends: Vec<Wanted>,
    /// The policies that must each allow.
    pub(crate) layers: Vec<Wanted>,
    /// Keys that only the outermost policy may have, and where they stand.
    pub(crate) root_only: Vec<(&'static str, Span)>,
}

/// Reports all that is wrong with a file, and reads it as far as it is good.
#[inline(never)]
pub(crate) fn decode(decoder: &mut Decoder<'_>, root: &Node) -> Option<PolicyFile> {
    decoder.check(root, &POLICY);
    let fields = Fields::of(root)?;
    let mut schemas = Schemas::default();
    let tools = tool::tools(decoder, fields, &mut schemas);
    let params = section::params(decoder, fields, &mut schemas);
    let facts = section::facts(decoder, fields, &mut schemas);
    let lets = fields.table("let").iter();
    let lets = lets.filter_map(|(name, node)| Some((name.clone(), fields::expression(node)?)));
    let rules = fields.list("rules").iter().filter_map(rule::rule);
    let limits = fields.list("limits").iter().filter_map(limit::limit);
    let rules = rules.chain(limits);
    let root_only = ["layers", "disable"].into_iter();
    let beginning = fields
        .entries
        .first()
        .map_or(root.span, |(key, _)| key.span);
    let told = || Spanned::new(String::new(), beginning);
    Some(PolicyFile {
        extends: section::imports(decoder, fields, "extends"),
        layers: section::imports(decoder, fields, "layers"),
        root_only: root_only
            .filter_map(|key| Some((key, fields.key_span(key)?)))
            .collect(),
        source: PolicySource {
            name: fields.text("name").unwrap_or_else(told),
            version: fields.text("version").unwrap_or_else(told),
            description: fields.text("description").map(|text| text.value),
            default: fields.word("default", &DEFAULTS),
            mode: fields.word("mode", &MODES),
            unknown_tools: fields.word("unknown_tools", &UNKNOWN_TOOLS),
            timezone: fields.text("timezone"),
            extends: Vec::new(),
            layers: Vec::new(),
            disable: fields.texts("disable"),
            codes: fields.texts("codes"),
            labels: fields.texts("labels"),
            tools,
            params,
            lets: lets.collect(),
            rules: rules.collect(),
            effects: section::effects(fields),
            keys: approval::keys(fields),
            redact: fields.texts("redact"),
            facts,
            data: fields.get("data").and_then(|data| data.to_document().ok()),
            risk: fields.map("risk").map(section::risk),
            schemas,
        },
    })
}

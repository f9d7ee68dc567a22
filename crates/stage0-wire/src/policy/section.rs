//! The smaller sections of a policy: params, effects, facts, risk, and what it imports.

use stage0_engine::policy::schema::Schemas;
use stage0_engine::policy::{EffectClass, FactDeclaration, FactOrigin, Param, Risk};
use stage0_engine::span::Spanned;

use super::{name, schema};
use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::{Node, NodeValue};

/// A param: its definition, or a value for one that an extended policy defines.
pub(super) static PARAM: Form = Form::Either(&[
    Form::Map(&PARAM_SHAPE),
    Form::Text,
    Form::Number,
    Form::Bool,
    Form::List(&Form::Any),
]);

static PARAM_SHAPE: Shape = Shape {
    name: "param",
    what: "a param",
    doc: "A named constant: its type and its value. Without a type it only sets the value of a param that an extended policy defines.",
    groups: &[
        &schema::SCHEMA_KEYS,
        &[
            Key::required(
                "default",
                Form::Any,
                "The value, unless a policy that extends this one sets another.",
            )
            .or_help("write for example `approval_over: { type: number, default: 500 }`"),
            Key::new(
                "description",
                Form::Text,
                "What the param is for, for people who read the policy.",
            ),
        ],
    ],
    one_of: OneOf::NONE,
};

/// A class of effects.
pub(super) static EFFECT: Form = Form::Map(&EFFECT_SHAPE);

static EFFECT_SHAPE: Shape = Shape {
    name: "effect",
    what: "an effect class",
    doc: "A further class of effects.",
    groups: &[&[
        Key::new(
            "aliases",
            Form::OneOrMany(&Form::Text),
            "Other spellings that callers may use. Case, plurals and separators do not matter.",
        ),
        Key::new(
            "writes",
            Form::Bool,
            "Whether it changes anything outside the agent; true if left out.",
        ),
        Key::new(
            "description",
            Form::Text,
            "What the class is about, for people who read the policy.",
        ),
    ]],
    one_of: OneOf::NONE,
};

const ORIGINS: [(&str, FactOrigin); 2] = [("host", FactOrigin::Host), ("agent", FactOrigin::Agent)];
static ORIGIN_WORDS: Words = Words {
    names: &names(&ORIGINS),
    listed: ORIGINS.len(),
    later: &[(
        "signed",
        "signed facts come with a later version; `host` facts are stated by your own code",
    )],
    help: "",
};

/// What is known about a fact.
pub(super) static FACT: Form =
    Form::Either(&[Form::Words(&schema::TYPE_WORDS), Form::Map(&FACT_SHAPE)]);

static FACT_SHAPE: Shape = Shape {
    name: "fact",
    what: "a fact",
    doc: "What is known about a fact.",
    groups: &[
        &schema::SCHEMA_KEYS,
        &[
            Key::new(
                "from",
                Form::Words(&ORIGIN_WORDS),
                "Who may state it: host (the default), or agent, which lets the agent state it too.",
            ),
            Key::new("private", Form::Bool, "Whether messages may not name it."),
            Key::new("ask", Form::Text, "The question to ask when it is missing."),
            Key::new(
                "issue",
                Form::Name(&name::ISSUE_CODE),
                "The code of the issue when it is not of its type; FACT_TYPE if left out.",
            ),
            Key::new(
                "description",
                Form::Text,
                "What it is, for people who read the policy.",
            ),
        ],
    ],
    one_of: OneOf::NONE,
};

const WEIGHT_MAX: u32 = 100;
static WEIGHT: Form = Form::Whole(0, WEIGHT_MAX);

pub(super) static RISK: Shape = Shape {
    name: "risk",
    what: "the risk weights",
    doc: "The weights of the risk score: a sum, capped at 100.",
    groups: &[&[
        Key::new(
            "base",
            Form::Whole(0, WEIGHT_MAX),
            "What every decision starts from; 15 if left out.",
        ),
        Key::new(
            "effects",
            Form::MapOf(None, &WEIGHT),
            "What each effect class adds.",
        ),
        Key::new(
            "environments",
            Form::MapOf(None, &WEIGHT),
            "What each environment adds.",
        ),
        Key::new(
            "severity",
            Form::Map(&SEVERITY),
            "What each issue adds, by its severity.",
        ),
        Key::new(
            "missing",
            Form::Whole(0, WEIGHT_MAX),
            "What each missing fact adds; 5 if left out.",
        ),
        Key::new(
            "high",
            Form::Whole(0, WEIGHT_MAX),
            "From this score on a decision says `high_risk`; 70 if left out.",
        ),
    ]],
    one_of: OneOf::NONE,
};

static SEVERITY: Shape = Shape {
    name: "severity_weights",
    what: "the weights of severities",
    doc: "What each issue adds to the risk score, by its severity.",
    groups: &[&[
        Key::new(
            "LOW",
            Form::Whole(0, WEIGHT_MAX),
            "What a LOW issue adds; 1 if left out.",
        ),
        Key::new(
            "MEDIUM",
            Form::Whole(0, WEIGHT_MAX),
            "What a MEDIUM issue adds; 15 if left out.",
        ),
        Key::new(
            "HIGH",
            Form::Whole(0, WEIGHT_MAX),
            "What a HIGH issue adds; 30 if left out.",
        ),
        Key::new(
            "CRITICAL",
            Form::Whole(0, WEIGHT_MAX),
            "What a CRITICAL issue adds; 60 if left out.",
        ),
    ]],
    one_of: OneOf::NONE,
};

/// A policy to build on.
pub(super) static IMPORT: Form = Form::Either(&[Form::Text, Form::Map(&IMPORT_SHAPE)]);

static IMPORT_SHAPE: Shape = Shape {
    name: "import",
    what: "an import",
    doc: "A policy to build on.",
    groups: &[
        &SOURCE_KEYS,
        &[Key::new(
            "allows",
            Form::Bool,
            "Whether its allow rules and its tools count as well; false if left out.",
        )],
    ],
    one_of: SOURCE,
};

/// A policy that must allow.
pub(super) static LAYER: Form = Form::Either(&[Form::Text, Form::Map(&LAYER_SHAPE)]);

static LAYER_SHAPE: Shape = Shape {
    name: "layer",
    what: "a layer",
    doc: "A policy that must allow a call, whatever the other layers say.",
    groups: &[&SOURCE_KEYS],
    one_of: SOURCE,
};

const SOURCE: OneOf = OneOf {
    keys: &["file", "pack"],
    help: "write for example `file: ./base.yaml` or `pack: stage0/common-tools`",
};

static SOURCE_KEYS: [Key; 2] = [
    Key::new(
        "file",
        Form::Text,
        "A file, relative to this one: ./base.yaml.",
    ),
    Key::new(
        "pack",
        Form::Text,
        "A pack by its name, perhaps with its version: stage0/common-tools@1.0.0.",
    ),
];

/// Reads the params.
pub(super) fn params(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    schemas: &mut Schemas,
) -> Vec<Param> {
    let mut read = |(name, node): &(Spanned<String>, Node)| {
        let (schema, value) = match Fields::of(node) {
            Some(fields) => {
                let schema = schema::is_schema(fields).then(|| schema::add(decoder, schemas, node));
                (schema, fields.get("default")?)
            }
            None => (None, node),
        };
        Some(Param {
            name: name.clone(),
            schema,
            value: value.to_document().ok()?,
        })
    };
    fields
        .table("params")
        .iter()
        .filter_map(&mut read)
        .collect()
}

/// Reads the classes of effects.
pub(super) fn effects(fields: Fields<'_>) -> Vec<EffectClass> {
    let read = |(name, node): &(Spanned<String>, Node)| {
        let fields = Fields::of(node)?;
        Some(EffectClass {
            name: name.clone(),
            aliases: fields.texts("aliases"),
            writes: !fields.has("writes") || fields.is_true("writes"),
        })
    };
    fields.table("effects").iter().filter_map(read).collect()
}

/// Reads what is known about facts.
pub(super) fn facts(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    schemas: &mut Schemas,
) -> Vec<FactDeclaration> {
    let mut read = |(path, node): &(Spanned<String>, Node)| {
        let own = Fields::of(node);
        let has_schema = own.is_none_or(schema::is_schema);
        FactDeclaration {
            path: path.clone(),
            schema: has_schema.then(|| schema::add(decoder, schemas, node)),
            origin: own
                .and_then(|own| own.word("from", &ORIGINS))
                .map(|origin| origin.value)
                .unwrap_or_default(),
            private: own.is_some_and(|own| own.is_true("private")),
            ask: own.and_then(|own| own.text("ask")).map(|ask| ask.value),
            issue: own.and_then(|own| own.text("issue")),
        }
    };
    fields.table("facts").iter().map(&mut read).collect()
}

/// Reads the weights of the risk score; what is left out keeps its usual weight.
pub(super) fn risk(fields: Fields<'_>) -> Risk {
    let usual = Risk::default();
    let weight = |key: &str, usual: u32| fields.whole(key).unwrap_or(usual);
    let severity = fields.map("severity");
    let [low, medium, high, critical] = usual.severity;
    let severity_weight =
        |key: &str, usual: u32| severity.and_then(|own| own.whole(key)).unwrap_or(usual);
    let effects = fields.table("effects").iter();
    let environments = fields.table("environments").iter();
    Risk {
        base: weight("base", usual.base),
        effects: effects
            .filter_map(|(name, node)| Some((name.clone(), fields::whole(node)?)))
            .collect(),
        environments: environments
            .filter_map(|(name, node)| Some((name.value.clone(), fields::whole(node)?)))
            .collect(),
        severity: [
            severity_weight("LOW", low),
            severity_weight("MEDIUM", medium),
            severity_weight("HIGH", high),
            severity_weight("CRITICAL", critical),
        ],
        missing: weight("missing", usual.missing),
        high: weight("high", usual.high),
    }
}

/// An import as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The file or pack.
    pub(crate) name: Spanned<String>,
    /// Whether it is looked for among the packs.
    pub(crate) is_pack: bool,
    /// Whether its allow rules and tools count.
    pub(crate) allows: bool,
}

/// Reads `extends` or `layers`.
pub(super) fn imports(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    key: &'static str,
) -> Vec<Wanted> {
    let entries = fields.list(key).iter();
    entries.filter_map(|node| import(decoder, node)).collect()
}

#[inline(never)]
fn import(decoder: &mut Decoder<'_>, node: &Node) -> Option<Wanted> {
    let (name, is_pack, allows) = match (&node.value, Fields::of(node)) {
        (NodeValue::String(_), _) => {
            let name = fields::text(node)?;
            let is_pack = !looks_like_file(&name.value);
            (name, is_pack, false)
        }
        (_, Some(fields)) => {
            let pack = fields.text("pack");
            let is_pack = pack.is_some();
            (
                pack.or_else(|| fields.text("file"))?,
                is_pack,
                fields.is_true("allows"),
            )
        }
        _ => return None,
    };
    if name.value.is_empty() {
        decoder.error_with_help(
            name.span,
            ProblemCode::PolicyImportMissing,
            "an import without a name",
            "write a file such as `./base.yaml`, or a pack such as `stage0/common-tools`",
        );
        return None;
    }
    Some(Wanted {
        name,
        is_pack,
        allows,
    })
}

/// Whether an import that says neither `file` nor `pack` is a file.
fn looks_like_file(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name.starts_with(['.', '/']) || matches!(extension, Some("yaml" | "yml" | "json"))
}

//! The tool catalog: what each tool does, which arguments it takes, what it costs.

use stage0_engine::number::Number;
use stage0_engine::policy::Tool;
use stage0_engine::policy::schema::{SchemaNode, SchemaType, Schemas};
use stage0_engine::span::Spanned;

use super::schema;
use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape};
use crate::tree::Node;

pub(super) static TOOL: Form = Form::Map(&TOOL_SHAPE);

static TOOL_SHAPE: Shape = Shape {
    name: "tool",
    what: "a tool",
    doc: "An entry of the catalog: what a tool does.",
    groups: &[&[
        Key::new(
            "aka",
            Form::OneOrMany(&Form::Text),
            "The names that frameworks use for the tool. Rules use the catalogued name.",
        ),
        Key::new(
            "effects",
            Form::OneOrMany(&Form::Text),
            "What calling the tool does, as effect classes; `[]` if nothing. Left out, it is unknown: no allow about effects covers the tool, and it may not run in read-only mode.",
        ),
        Key::new(
            "args",
            Form::MapOf(None, &schema::ARGUMENT),
            "The arguments. Each is required unless it is optional, and others are refused. Without `args`, arguments are not checked.",
        ),
        Key::new(
            "extra_args",
            Form::Words(&schema::EXTRA_WORDS),
            "Whether arguments that `args` does not list are accepted: refuse (the default) or allow.",
        )
        .with("args"),
        Key::new(
            "cost_usd",
            Form::Either(&[Form::Number, Form::Map(&COST)]),
            "What one call costs, in US dollars: a number, or the least and the most.",
        ),
        Key::new("description", Form::Text, "What the tool is for, for people who read the policy."),
        Key::new(
            "labels",
            Form::OneOrMany(&super::limit::LABEL),
            "The labels that a call of the tool leaves on its run, each declared under the policy's `labels`.",
        ),
    ]],
    one_of: OneOf::NONE,
};

static COST: Shape = Shape {
    name: "cost",
    what: "a cost",
    doc: "The least and the most that one call costs, in US dollars.",
    groups: &[&[
        Key::required("min", Form::Number, "The least that one call costs."),
        Key::required("max", Form::Number, "The most that one call costs."),
    ]],
    one_of: OneOf::NONE,
};

/// Reads the catalog.
pub(super) fn tools(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    schemas: &mut Schemas,
) -> Vec<Tool> {
    let entries = fields.table("tools").iter();
    entries
        .filter_map(|(name, node)| tool(decoder, name, node, schemas))
        .collect()
}

fn tool(
    decoder: &mut Decoder<'_>,
    name: &Spanned<String>,
    node: &Node,
    schemas: &mut Schemas,
) -> Option<Tool> {
    let fields = Fields::of(node)?;
    let extra = fields.word("extra_args", &schema::EXTRA);
    let args = fields.get("args").map(|args| {
        let whole = SchemaNode {
            span: args.span,
            kind: SchemaType::Object,
            extra: extra.is_some_and(|extra| extra.value),
            ..SchemaNode::default()
        };
        schema::add_object(decoder, schemas, whole, args)
    });
    Some(Tool {
        name: name.clone(),
        aka: fields.texts("aka"),
        effects: fields.texts("effects"),
        states_effects: fields.has("effects"),
        args,
        cost_usd: fields.get("cost_usd").and_then(|node| cost(decoder, node)),
        labels: fields.texts("labels"),
        description: fields.text("description").map(|text| text.value),
    })
}

#[inline(never)]
fn cost(decoder: &mut Decoder<'_>, node: &Node) -> Option<(Number, Number)> {
    let (least, most) = if let Some(fields) = Fields::of(node) {
        (fields.number("min")?.value, fields.number("max")?.value)
    } else {
        let cost = fields::number(node)?.value;
        (cost, cost)
    };
    let wrong = if least.is_negative() {
        "a tool cannot cost less than nothing"
    } else if least > most {
        "the least cost is above the most"
    } else {
        return Some((least, most));
    };
    decoder.error(node.span, ProblemCode::PolicyOutOfRange, wrong, |problem| {
        problem
    });
    None
}

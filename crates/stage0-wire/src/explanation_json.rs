//! Explanations for programs: what a policy says about each tool, and why a request is decided as it
//! is.
//!
//! The engine's `describe` and `explain` find what is to be said; here it gets its form, which is the
//! same at the command line and in every language.

use crate::decision_json::decision_to_json;
use crate::json_object::{Object, object};
use stage0_engine::describe::{
    ApprovalDescription, LayerDescription, PolicyDescription, RuleDescription, ToolDescription,
};
use stage0_engine::policy::{UnknownTools, Verdict};
use stage0_engine::{ClauseReport, Explanation, PolicyIndex, RulePart, RuleReport, Wanted};

/// A policy as one JSON object; of its tools only those that are to be shown.
pub fn description_to_json(
    index: &PolicyIndex,
    description: &PolicyDescription<'_>,
    shown: impl Fn(&ToolDescription<'_>) -> bool,
) -> String {
    let mut out = String::new();
    object(&mut out, |policy| {
        policy.text("policy", index.label());
        policy.text("digest", &index.digest().to_string());
        policy.texts("disabled", &description.disabled);
        policy.list("layers", &description.layers, |out, layer| {
            object(out, |object| write_layer(object, layer, &shown));
        });
    });
    out
}

fn write_layer(
    object: &mut Object<'_>,
    layer: &LayerDescription<'_>,
    shown: impl Fn(&ToolDescription<'_>) -> bool,
) {
    object.text("default", layer.default.as_str());
    object.text("mode", layer.mode.as_str());
    let unknown = match layer.unknown_tools {
        UnknownTools::Declared => "declared",
        UnknownTools::Defer => "defer",
        UnknownTools::Deny => "deny",
    };
    object.text("unknown_tools", unknown);
    // Of a policy that is shown in part, only the rules about that part are.
    let tools = layer.tools.iter().filter(|tool| shown(tool));
    object.list("tools", tools, |out, tool| {
        self::object(out, |object| write_tool(object, layer, tool));
    });
    let is_whole = layer.tools.iter().all(&shown);
    let rules = layer.rules.iter().enumerate().filter(|(at, _)| {
        let mut tools = layer.tools.iter().filter(|tool| shown(tool));
        is_whole || tools.any(|tool| tool.rules.contains(at))
    });
    object.list("rules", rules, |out, (_, rule)| {
        self::object(out, |object| write_rule(object, rule));
    });
    object.list("let", &layer.lets, |out, named| {
        self::object(out, |object| {
            object.text("name", named.name);
            object.text("expression", named.text);
        });
    });
}

fn write_tool(object: &mut Object<'_>, layer: &LayerDescription<'_>, tool: &ToolDescription<'_>) {
    object.text("name", tool.name);
    object.texts("aka", &tool.aka);
    object.texts("effects", &tool.effects);
    match &tool.cost_usd {
        Some((least, most)) => self::object(object.member("cost_usd"), |cost| {
            cost.plain("min", least);
            cost.plain("max", most);
        }),
        None => object.plain("cost_usd", "null"),
    }
    match &tool.arguments {
        Some(arguments) => object.list("arguments", arguments, |out, argument| {
            self::object(out, |object| {
                object.text("name", argument.name);
                object.text("summary", &argument.summary);
                object.plain("optional", argument.optional);
            });
        }),
        None => object.plain("arguments", "null"),
    }
    let rules = tool.rules.iter().filter_map(|at| layer.rules.get(*at));
    object.texts("rules", rules.map(|rule| rule.rule));
    object.texts("reads", &tool.facts);
}

fn write_rule(object: &mut Object<'_>, rule: &RuleDescription<'_>) {
    object.text("rule", rule.rule);
    object.text("kind", rule.kind);
    object.optional("verdict", rule.verdict.map(Verdict::as_str));
    object.texts("tools", &rule.tools);
    object.texts("effects", &rule.effects);
    object.optional("when", rule.when);
    object.optional("condition", rule.condition);
    object.optional("limit", rule.limit.as_deref());
    match &rule.approval {
        Some(approval) => self::object(object.member("approval"), |object| {
            write_approval(object, approval);
        }),
        None => object.plain("approval", "null"),
    }
    object.text("issue", rule.issue);
    object.text("severity", rule.severity.as_str());
    object.optional("message", rule.message);
    object.plain("observed", rule.observed);
    object.texts("reads", &rule.facts);
}

fn write_approval(object: &mut Object<'_>, approval: &ApprovalDescription) {
    object.texts("roles", &approval.roles);
    object.plain("min", approval.min);
    object.texts("not", &approval.not);
    object.texts("bind", &approval.bind);
    let ttl = approval.ttl.map(|ttl| ttl.to_string());
    object.optional("ttl", ttl.as_deref());
    object.text("evidence", approval.evidence.as_str());
    object.plain("uses", approval.uses);
    if let Some((sum, max_total)) = &approval.total {
        object.text("sum", sum);
        object.plain("max_total", max_total);
    }
}

/// A decision with every rule that was asked, as one JSON object.
pub fn explanation_to_json(explanation: &Explanation<'_>) -> String {
    let mut out = String::new();
    object(&mut out, |object| {
        object.plain("decision", decision_to_json(&explanation.decision));
        object.list("rules", &explanation.rules, |out, rule| {
            self::object(out, |object| write_report(object, rule));
        });
        object.text("text", &explanation.to_prose());
    });
    out
}

fn write_report(object: &mut Object<'_>, rule: &RuleReport) {
    object.text("rule", &rule.rule);
    object.text("tool", &rule.tool);
    object.text("kind", rule.kind);
    object.text("outcome", rule.outcome);
    object.plain("applies", rule.applies);
    object.plain("speaks", rule.speaks);
    object.plain("observed", rule.observed);
    object.list("approvers", &rule.approvers, |out, approver| {
        self::object(out, |object| {
            object.text("by", &approver.by);
            let until = approver.until.map(|until| until.to_string());
            object.optional("until", until.as_deref());
        });
    });
    object.list("clauses", &rule.clauses, |out, clause| {
        self::object(out, |object| write_clause(object, clause));
    });
    object.list("wanted", &rule.wanted, |out, wanted: &Wanted| {
        self::object(out, |object| {
            object.text("clause", &wanted.text);
            object.plain("holds", wanted.holds);
        });
    });
}

fn write_clause(object: &mut Object<'_>, clause: &ClauseReport) {
    object.text("clause", &clause.text);
    object.text(
        "of",
        match clause.part {
            RulePart::When => "when",
            RulePart::Condition => "condition",
        },
    );
    object.optional("let", clause.named.as_deref());
    object.text("joined", clause.joined);
    object.text("outcome", clause.outcome);
    object.list("facts", &clause.facts, |out, (name, value)| {
        self::object(out, |object| {
            object.text("name", name);
            object.text("value", value);
        });
    });
}

//! Rules: what each is about, what it says, and in which words.

use stage0_engine::decision::Needs;
use stage0_engine::policy::{Action, Rule, Severity, Verdict};

use super::{approval, name};
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::Node;

const OTHERWISE: [(&str, Verdict); 2] = [("deny", Verdict::Deny), ("defer", Verdict::Defer)];
static OTHERWISE_WORDS: Words = Words::new(&names(&OTHERWISE));

/// Whether a missing fact counts as a condition that does not hold.
const MISSING: [(&str, bool); 2] = [("defer", false), ("otherwise", true)];
static MISSING_WORDS: Words = Words::new(&names(&MISSING));

const NEEDS: [(&str, Needs); 4] = [
    ("approval", Needs::Approval),
    ("fact", Needs::Fact),
    ("wait", Needs::Wait),
    ("fix", Needs::Fix),
];
static NEEDS_WORDS: Words = Words::new(&names(&NEEDS));

/// Whether a rule is only recorded.
const RULE_MODES: [(&str, bool); 2] = [("enforce", false), ("observe", true)];
static RULE_MODE_WORDS: Words = Words::new(&names(&RULE_MODES));

const SEVERITIES: [(&str, Severity); 4] = [
    ("LOW", Severity::Low),
    ("MEDIUM", Severity::Medium),
    ("HIGH", Severity::High),
    ("CRITICAL", Severity::Critical),
];
static SEVERITY_WORDS: Words = Words::new(&names(&SEVERITIES));

/// What a rule may say; it says one of them.
const ACTIONS: [&str; 6] = ["allow", "deny", "defer", "advise", "require", "approval"];

pub(super) static RULE: Form = Form::Map(&RULE_SHAPE);

static RULE_SHAPE: Shape = Shape {
    name: "rule",
    what: "a rule",
    doc: "One statement of the policy. It says exactly one of allow, deny, defer, advise, require and approval.",
    groups: &[&SCOPE_KEYS, &ACTION_KEYS, &ISSUE_KEYS],
    one_of: OneOf {
        keys: &ACTIONS,
        help: "say what the rule does, for example `deny: args.amount > 500`",
    },
};

pub(super) static SCOPE_KEYS: [Key; 4] = [
    Key::required(
        "id",
        Form::Name(&name::RULE_ID),
        "The rule's name, unique in its policy: lower-case letters, digits and `-`.",
    )
    .or_help("give the rule a name of its own: `id: large-payout`"),
    Key::new(
        "tools",
        Form::OneOrMore(&Form::Text),
        "The tools that it is about: catalogued names, or patterns in which `*` stays within one segment and `**` crosses dots. All tools if left out.",
    ),
    Key::new(
        "effects",
        Form::OneOrMore(&Form::Text),
        "The effects that it is about. For an allow rule they must cover every effect of the tool.",
    ),
    Key::new(
        "when",
        Form::Condition,
        "When the rule applies, in addition to its tools and effects.",
    ),
];

static ACTION_KEYS: [Key; 8] = [
    Key::new("allow", Form::TrueOrCondition, "Permits the call when this holds."),
    Key::new("deny", Form::TrueOrCondition, "Forbids the call when this holds."),
    Key::new("defer", Form::TrueOrCondition, "Asks for more when this holds."),
    Key::new("advise", Form::TrueOrCondition, "Adds an issue to the decision when this holds, and changes no verdict."),
    Key::new("require", Form::Condition, "What has to hold; where it does not, `otherwise` says what happens."),
    Key::new(
        "otherwise",
        Form::Words(&OTHERWISE_WORDS),
        "What happens where the requirement does not hold: deny (the default) or defer.",
    )
    .with("require"),
    Key::new(
        "missing",
        Form::Words(&MISSING_WORDS),
        "What happens where a fact that the requirement needs is missing: defer (the default), or otherwise, which treats it as not holding.",
    )
    .with("require"),
    Key::new("approval", Form::Map(&approval::APPROVAL), "Asks for a person's yes, bound to this action."),
];

pub(super) static ISSUE_KEYS: [Key; 11] = [
    Key::new(
        "issue",
        Form::Name(&name::ISSUE_CODE),
        "The code of the rule's issue; the id in upper case if left out.",
    ),
    Key::new(
        "issue_unknown",
        Form::Name(&name::ISSUE_CODE),
        "The code of the issue when a fact is missing; FACT_MISSING if left out.",
    ),
    Key::new(
        "severity",
        Form::Words(&SEVERITY_WORDS),
        "How much the issue weighs; by default HIGH for what denies, MEDIUM for what defers, LOW for advice.",
    ),
    Key::new(
        "message",
        Form::Text,
        "What the model may read when the rule speaks. It may not name a private fact.",
    ),
    Key::new("detail", Form::Text, "What only the log gets."),
    Key::new(
        "family",
        Form::Text,
        "Groups the rule with others in `guardrail_checks`.",
    ),
    Key::new(
        "ask",
        Form::OneOrMany(&Form::Text),
        "The questions to ask when the rule defers.",
    ),
    Key::new(
        "needs",
        Form::Words(&NEEDS_WORDS),
        "What would resolve it when the rule defers: approval (a person's yes that your own code puts into the context), fact (somebody supplies it), wait or fix (the call has to change). Told by the rule itself if left out.",
    ),
    Key::new(
        "mode",
        Form::Words(&RULE_MODE_WORDS),
        "observe records what this rule would have said and blocks nothing.",
    ),
    Key::new(
        "locked",
        Form::Bool,
        "Whether policies that extend this one may not disable the rule.",
    ),
    Key::new(
        "description",
        Form::Text,
        "What the rule is for, for people who read the policy.",
    ),
];

/// Reads a rule that was found good.
pub(super) fn rule(node: &Node) -> Option<Rule> {
    let fields = Fields::of(node)?;
    of(fields, action(fields)?)
}

/// The rule that says this, with what all rules have in common.
pub(super) fn of(fields: Fields<'_>, action: Action) -> Option<Rule> {
    Some(Rule {
        id: fields.text("id")?,
        span: fields.span,
        tools: fields.texts("tools"),
        effects: fields.texts("effects"),
        when: fields.expression("when"),
        action,
        issue: fields.text("issue"),
        issue_unknown: fields.text("issue_unknown"),
        severity: fields.word("severity", &SEVERITIES),
        message: fields.text("message"),
        detail: fields.text("detail").map(|text| text.value),
        family: fields.text("family"),
        ask: fields
            .texts("ask")
            .into_iter()
            .map(|text| text.value)
            .collect(),
        needs: fields.word("needs", &NEEDS).map(|needs| needs.value),
        observe: fields
            .word("mode", &RULE_MODES)
            .is_some_and(|mode| mode.value),
        locked: fields.is_true("locked"),
    })
}

fn action(fields: Fields<'_>) -> Option<Action> {
    let key = ACTIONS.into_iter().find(|key| fields.has(key))?;
    let node = fields.get(key)?;
    Some(match key {
        "allow" => Action::Allow(fields::expression(node)?),
        "deny" => Action::Deny(fields::expression(node)?),
        "defer" => Action::Defer(fields::expression(node)?),
        "advise" => Action::Advise(fields::expression(node)?),
        "require" => Action::Require {
            condition: fields::expression(node)?,
            otherwise: fields
                .word("otherwise", &OTHERWISE)
                .map_or(Verdict::Deny, |verdict| verdict.value),
            missing_otherwise: fields
                .word("missing", &MISSING)
                .is_some_and(|missing| missing.value),
        },
        _ => Action::Approval(approval::approval(node)?),
    })
}

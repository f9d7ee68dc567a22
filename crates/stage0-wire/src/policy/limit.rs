//! Limits: what calls may come to together, and over which time.

use stage0_engine::policy::{Action, Limit, Measure, Rule, Verdict};

use super::{approval, name, rule};
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::Node;

const OTHERWISE: [(&str, Verdict); 2] = [("defer", Verdict::Defer), ("deny", Verdict::Deny)];
static OTHERWISE_WORDS: Words = Words::new(&names(&OTHERWISE));

/// What can be counted, and whether it counts every attempt.
const COUNTED: [(&str, bool); 2] = [("allowed", false), ("attempts", true)];
static COUNTED_WORDS: Words = Words::new(&names(&COUNTED));

/// The word for what the calls cost.
const COST: &str = "cost";

pub(super) static LIMIT: Form = Form::Map(&LIMIT_SHAPE);

static LIMIT_SHAPE: Shape = Shape {
    name: "limit",
    what: "a limit",
    doc: "What calls may come to together. It counts calls or adds up a number that each call has.",
    groups: &[&rule::SCOPE_KEYS, &LIMIT_KEYS, &rule::ISSUE_KEYS],
    one_of: OneOf {
        keys: &["count", "sum"],
        help: "count calls with `count: allowed`, or add up a number: `sum: args.amount`",
    },
};

static LIMIT_KEYS: [Key; 8] = [
    Key::new(
        "count",
        Form::Words(&COUNTED_WORDS),
        "What is counted: allowed, the calls that were allowed, or attempts, every decision whatever its verdict.",
    ),
    Key::new(
        "sum",
        Form::Condition,
        "The number that is added up, such as args.amount; or `cost`, which is what the catalog says that the calls cost, and what hosts report.",
    ),
    Key::new(
        "per",
        Form::OneOrMore(&Form::Text),
        "Facts for each value of which it is counted apart, such as context.actor_id; without them everything counts together.",
    ),
    Key::required(
        "window",
        Form::Text,
        "What counts together: a length of time such as 24h or 7d, which slides; hour, day, week or month, perhaps with a time zone as in `day Europe/Berlin`; or run, one run of an agent.",
    )
    .or_help("write for example `window: 24h`, `window: day Europe/Berlin` or `window: run`"),
    Key::required(
        "max",
        Form::Either(&[Form::Number, Form::Condition]),
        "The most that it may come to, this call included: a number or an expression such as params.most.",
    )
    .or_help("write for example `max: 20000`"),
    Key::new(
        "otherwise",
        Form::Words(&OTHERWISE_WORDS),
        "What happens to a call that would exceed it: defer (the default), which says when there is room again, or deny.",
    ),
    Key::new(
        "hold",
        Form::Duration,
        "How long a call's amount can be given back, where it turns out not to have run; 1h if left out.",
    ),
    Key::new(
        "approval",
        Form::Map(&approval::APPROVAL),
        "Whose yes lets a call through that would exceed it. The call counts like any other.",
    ),
];

/// Reads a limit that was found good.
#[inline(never)]
pub(super) fn limit(node: &Node) -> Option<Rule> {
    let fields = Fields::of(node)?;
    let measure = match fields.word("count", &COUNTED) {
        Some(counted) if counted.value => Measure::Attempts,
        Some(_) => Measure::Allowed,
        None => {
            let sum = fields.expression("sum")?;
            if sum.text.trim() == COST {
                Measure::Cost
            } else {
                Measure::Sum(sum)
            }
        }
    };
    let limit = Limit {
        measure,
        per: fields.texts("per"),
        window: fields.text("window")?,
        max: fields::amount(fields.get("max")?)?,
        hold: fields.duration("hold"),
        otherwise: fields
            .word("otherwise", &OTHERWISE)
            .map(|otherwise| otherwise.value),
        approval: fields
            .get("approval")
            .and_then(approval::approval)
            .map(Box::new),
    };
    rule::of(fields, Action::Limit(limit))
}

/// Labels are named like what conditions read.
pub(super) static LABEL: Form = Form::Name(&name::IDENTIFIER);

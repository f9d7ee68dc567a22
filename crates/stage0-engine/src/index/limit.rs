//! What a limit is made of: whether it can be counted, and what it is counted by.

use super::draft::{ConditionDraft, LayerDraft};
use super::gather::Workshop;
use super::{CompiledCondition, CompiledLimit, CompiledRule, LimitMeasure, RuleKind};
use crate::condition::program::zone_help;
use crate::condition::typing::Type;
use crate::condition::{Path, Slot};
use crate::facts::FactTable;
use crate::limits::LIMIT_PER_MAX;
use crate::policy::{FindingKind, Limit, Measure, PolicyFinding};
use crate::span::Span;
use crate::state::HOLD_DEFAULT;
use crate::state::counter::Window;
use crate::time::Zone;

/// A limit between parsing and compiling.
#[derive(Default)]
pub(super) struct LimitDraft<'s> {
    pub(super) per: Vec<Path>,
    pub(super) window: Option<Window>,
    pub(super) max: Option<ConditionDraft<'s>>,
}

impl<'s> LayerDraft<'s> {
    /// The parts of a limit; what is wrong with it is reported.
    pub(super) fn limit(
        &self,
        limit: &'s Limit,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> LimitDraft<'s> {
        let report = |workshop: &mut Workshop<'_>, span: Span, message: String, help: &str| {
            workshop.report(PolicyFinding::new(FindingKind::Limit, span, message).with_help(help));
        };
        // One that is not known has been reported.
        let zone = Zone::find(&self.gathered.timezone).unwrap_or(Zone::UTC);
        let window = match Window::parse(&limit.window.value, zone) {
            Ok(window) => Some(window),
            Err(error) => {
                let message = format!("`{}` is no window: {}", limit.window.value, error.reason);
                let usual = "write `run`, a length such as `24h` or `7d`, or a period such as `day Europe/Berlin`";
                let help = error.zone.map_or_else(|| usual.to_owned(), zone_help);
                report(workshop, limit.window.span, message, &help);
                None
            }
        };
        let per = self.typed_paths(&limit.per, tools, workshop);
        if let Some((path, _, span)) = per.get(LIMIT_PER_MAX) {
            let message =
                format!("a limit is per at most {LIMIT_PER_MAX} facts, and `{path}` is one more");
            report(
                workshop,
                *span,
                message,
                "leave out what the others tell already",
            );
        }
        for (path, kind, span) in &per {
            if matches!(kind, Type::List(_) | Type::Map(_)) {
                let message = format!(
                    "`{path}` is {}, and a limit is per single value",
                    kind.text()
                );
                report(workshop, *span, message, "name a text, a number or a truth");
            }
            if matches!(path.root.as_str(), "now" | "run") {
                let message = format!("a limit that is per `{path}` counts each call alone");
                report(
                    workshop,
                    *span,
                    message,
                    "leave it out; `window` says what counts together",
                );
            }
        }
        if matches!(limit.measure, Measure::Attempts) && limit.hold.is_some() {
            let message = "a limit on attempts holds nothing".to_owned();
            report(workshop, limit.window.span, message, "leave `hold` out");
        }
        LimitDraft {
            per: per.into_iter().map(|(path, ..)| path).collect(),
            window,
            max: self.amount(&limit.max, tools, workshop),
        }
    }
}

impl CompiledRule {
    /// Whether it is a limit, whose condition is an amount.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self.kind, RuleKind::Limit(_))
    }
}

impl CompiledLimit {
    /// A limit whose parts were compiled. One that could not be read was reported, and the policy is
    /// not used.
    pub(super) fn new(
        limit: &Limit,
        window: Option<Window>,
        per: Vec<Slot>,
        max: Option<CompiledCondition>,
    ) -> Self {
        Self {
            measure: match limit.measure {
                Measure::Attempts => LimitMeasure::Attempts,
                Measure::Allowed => LimitMeasure::Allowed,
                Measure::Cost => LimitMeasure::Cost,
                Measure::Sum(_) => LimitMeasure::Sum,
            },
            per,
            window: window.unwrap_or(Window::Run),
            window_text: limit.window.value.as_str().into(),
            max: max.unwrap_or_else(CompiledCondition::nothing),
            hold: limit.hold.unwrap_or(HOLD_DEFAULT),
            otherwise: limit.otherwise,
        }
    }
}

/// A limit in one line, such as `sum of args.amount within 24h <= params.most`.
pub(crate) fn limit_text(rule: &CompiledRule, limit: &CompiledLimit, facts: &FactTable) -> String {
    let what = match limit.measure {
        LimitMeasure::Attempts => "attempts",
        LimitMeasure::Allowed => "calls",
        LimitMeasure::Cost => "cost",
        LimitMeasure::Sum => &*rule.condition.text,
    };
    let sum = if limit.measure == LimitMeasure::Sum {
        "sum of "
    } else {
        ""
    };
    let within = match limit.window {
        Window::Run => "in one run".to_owned(),
        Window::Sliding(_) => format!("within {}", limit.window_text),
        Window::Calendar(..) => format!("per {}", limit.window_text),
    };
    let per: Vec<&str> = limit.per.iter().map(|slot| facts.name(*slot)).collect();
    let per = match per.as_slice() {
        [] => String::new(),
        names => format!(" for each {}", names.join(" and ")),
    };
    format!("{sum}{what} {within}{per} <= {}", limit.max.text)
}

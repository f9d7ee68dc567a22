//! What a limit is made of: whether it can be counted, and what it is counted by.

use super::draft::{ConditionDraft, LayerDraft};
use super::gather::Workshop;
use super::{
    CompiledApproval, CompiledCondition, CompiledLimit, CompiledRule, LimitMeasure, RuleKind,
};
use crate::condition::program::zone_help;
use crate::condition::tree::Expr;
use crate::condition::typing::Type;
use crate::condition::{Path, Slot, Step};
use crate::document::Document;
use crate::facts::{FactRoot, FactTable};
use crate::limits::LIMIT_PER_MAX;
use crate::policy::{FindingKind, Limit, Measure, PolicyFinding, Verdict};
use crate::span::Span;
use crate::state::HOLD_DEFAULT;
use crate::state::counter::Window;
use crate::time::Zone;

/// How arguments end that say of what an amount is.
const UNITS: [&str; 3] = ["currency", "unit", "asset"];

/// A limit between parsing and compiling.
#[derive(Default)]
pub(super) struct LimitDraft<'s> {
    pub(super) per: Vec<Path>,
    pub(super) window: Option<Window>,
    pub(super) max: Option<ConditionDraft<'s>>,
}

impl<'s> LayerDraft<'s> {
    /// The parts of a limit; what is wrong with it is reported.
    #[inline(never)]
    pub(super) fn limit(
        &self,
        limit: &'s Limit,
        when: Option<&ConditionDraft<'_>>,
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
        self.lint_choice(&per, tools, workshop);
        self.lint_units(limit, when, &per, tools, workshop);
        if matches!(limit.measure, Measure::Attempts) && limit.hold.is_some() {
            let message = "a limit on attempts holds nothing".to_owned();
            report(workshop, limit.window.span, message, "leave `hold` out");
        }
        if let (Some(approval), Some(_)) = (&limit.approval, limit.otherwise) {
            let message = "a limit with an approval has no `otherwise` of its own".to_owned();
            let help = "leave it out; an approval says itself what happens without it";
            report(workshop, approval.span, message, help);
        }
        LimitDraft {
            per: per.into_iter().map(|(path, ..)| path).collect(),
            window,
            max: self.amount(&limit.max, tools, workshop),
        }
    }
}

/// Lints.
impl LayerDraft<'_> {
    /// A limit for each value of what the agent says is none: every other value begins at zero.
    fn lint_choice(
        &self,
        per: &[(Path, Type, Span)],
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) {
        for (path, _, span) in per {
            let is_args = path.root == "args";
            let is_claimed = FactRoot::find(&path.root).is_some_and(|info| info.is_claimed);
            if !(is_args && !self.is_one_of_few(path, tools) || is_claimed) {
                continue;
            }
            let message = format!("the agent chooses `{path}`, and each value of it counts apart");
            let help = if is_args {
                "leave it out, or give the argument an `enum` in the catalog"
            } else {
                "leave it out; count per what the host says, such as context.actor_id"
            };
            workshop.report(
                PolicyFinding::new(FindingKind::LimitPerChoice, *span, message).with_help(help),
            );
        }
    }

    /// 500 EUR and 500 JPY are not 1,000 of anything.
    fn lint_units(
        &self,
        limit: &Limit,
        when: Option<&ConditionDraft<'_>>,
        per: &[(Path, Type, Span)],
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) {
        let Measure::Sum(amount) = &limit.measure else {
            return;
        };
        let schemas = &self.gathered.names.schemas;
        let arguments = tools.unwrap_or_default().iter().flatten();
        let arguments = arguments.filter_map(|schema| schemas.node(*schema));
        let units = arguments.flat_map(|node| &node.properties);
        let mut units = units.filter(|(name, unit)| {
            let several = |values: &Document<'static>| values.root().elements().nth(1).is_some();
            let node = schemas.node(*unit);
            UNITS
                .iter()
                .any(|word| name.value.to_ascii_lowercase().ends_with(word))
                && node.is_some_and(|node| node.values.as_ref().is_none_or(several))
        });
        let scope = when.into_iter().flat_map(|when| &when.tree.nodes);
        let scope: Vec<&Path> = scope
            .filter_map(|node| match &node.expr {
                Expr::Path(path) => Some(path),
                _ => None,
            })
            .collect();
        let is_known = |name: &str| {
            let is_it = |step: &Step| matches!(step, Step::Field(field) if field == name);
            let mut named = per
                .iter()
                .map(|(path, ..)| path)
                .chain(scope.iter().copied());
            named.any(|path| path.steps.iter().any(is_it))
        };
        let Some((unit, _)) = units.find(|(name, _)| !is_known(&name.value)) else {
            return;
        };
        let unit = &unit.value;
        let message = format!("amounts with different `{unit}` are added up");
        let help = format!(
            "count them apart: `per: [args.{unit}]`, or limit each in a rule of its own with `when`"
        );
        workshop.report(
            PolicyFinding::new(FindingKind::MixedUnits, amount.span(), message).with_help(help),
        );
    }
}

impl CompiledRule {
    /// The approval that it asks for, or that a limit is content with.
    pub(crate) fn approval(&self) -> Option<&CompiledApproval> {
        match &self.kind {
            RuleKind::Approval(approval) => Some(approval),
            RuleKind::Limit(limit) => limit.approval.as_deref(),
            _ => None,
        }
    }

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
        approval: Option<CompiledApproval>,
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
            otherwise: limit.otherwise.unwrap_or(Verdict::Defer),
            approval: approval.map(Box::new),
        }
    }
}

impl CompiledLimit {
    /// What a call is that would be too much.
    pub(crate) fn verdict(&self) -> Verdict {
        self.approval
            .as_ref()
            .map_or(self.otherwise, |approval| approval.otherwise)
    }
}

/// A limit in one line, such as `sum of args.amount within 24h <= params.most`.
#[inline(never)]
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

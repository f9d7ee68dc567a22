//! What follows from a limit that would be exceeded, or that cannot be told.

use std::borrow::Cow;

use super::limit::Tally;
use super::rule::{Inquiry, about, asks};
use super::{Counts, Finding};
use crate::codes::IssueCode;
use crate::condition::trace::Missing;
use crate::decision::{Detail, Needs, Resolution, Who};
use crate::index::{CompiledLimit, CompiledRule, LimitMeasure, RuleKind};
use crate::number::Number;
use crate::policy::Verdict;
use crate::state::counter::Window;

impl<'a: 'x, 'x> Inquiry<'a, 'x, '_> {
    /// The facts that a limit is per, and that are missing.
    pub(super) fn missing_per(&self, limit: &CompiledLimit) -> impl Iterator<Item = Missing> {
        let facts = self.machine.facts;
        let absent = limit.per.iter().copied();
        let absent = absent.filter(|slot| facts.value(*slot).is_unknown());
        absent
            .filter_map(|slot| facts.table().fact(slot))
            .map(|fact| Missing {
                name: fact.name.to_string(),
                path: Some(fact.path.clone()),
            })
    }

    /// A limit that this call would exceed.
    pub(super) fn exceeded(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
        tally: &Tally,
    ) -> Finding<'a> {
        let message = self
            .message(rule)
            .unwrap_or_else(|| Cow::Owned(excess_message(limit, tally)));
        let mut issue = self.issue(rule, &rule.issue, message);
        // Counters tell of other calls, also of other people's: amounts are the author's to tell.
        let number = |number: Number| Detail::Text(number.to_string().into());
        issue.details.push(("max", number(tally.max)));
        let needs = match (rule.needs, tally.retry_at) {
            (Some(needs), _) if limit.otherwise == Verdict::Defer => needs,
            (_, Some(_)) if limit.otherwise == Verdict::Defer => Needs::Wait,
            _ => Needs::Fix,
        };
        let who = match needs {
            Needs::Approval | Needs::Fact => Who::Person,
            Needs::Wait | Needs::Fix => Who::Agent,
        };
        let mut resolution = Resolution::new(needs, who);
        resolution.retry_at = tally.retry_at;
        issue.resolution = Some(resolution);
        Finding {
            verdict: limit.otherwise,
            issue,
            counts: Counts::of(rule),
            questions: if limit.otherwise == Verdict::Deny {
                Vec::new()
            } else {
                asks(rule)
            },
        }
    }

    /// Adds to the finding that an approval is missing what the limit is that would be exceeded.
    pub(super) fn tell_excess(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
        finding: &mut Finding<'a>,
    ) {
        let Ok(tally) = self.tally(rule, limit) else {
            return;
        };
        let issue = &mut finding.issue;
        if rule.message.is_none() && *issue.code == *rule.issue {
            issue.message =
                Cow::Owned([&excess_message(limit, &tally), " ", &issue.message].concat());
        }
        let max = Detail::Text(tally.max.to_string().into());
        issue.details.push(("max", max));
        if let Some(resolution) = &mut issue.resolution {
            resolution.retry_at = tally.retry_at;
        }
    }

    /// The host has not said what the run did, or what was counted.
    pub(super) fn without_run(&mut self, rule: &'a CompiledRule) -> Finding<'a> {
        let code = IssueCode::RUN_REQUIRED;
        let message = match &rule.kind {
            RuleKind::Limit(_) => about(rule, " needs to know what was counted before."),
            RuleKind::Approval(_) => about(rule, " needs to know how often the approval was used."),
            _ => about(rule, " needs to know what the run has done."),
        };
        let mut issue = self.issue(rule, code.as_str(), message);
        issue.severity = code.severity();
        issue.resolution = Some(Resolution::new(Needs::Fact, Who::Person));
        Finding {
            verdict: Verdict::Defer,
            issue,
            counts: Counts::of(rule),
            questions: vec![Cow::Borrowed("Which run does this belong to?")],
        }
    }
}

/// What a limit says that has no words of its own.
fn excess_message(limit: &CompiledLimit, tally: &Tally) -> String {
    let what = match limit.measure {
        LimitMeasure::Attempts => "attempts",
        LimitMeasure::Allowed => "calls",
        LimitMeasure::Cost => "US dollars",
        LimitMeasure::Sum => "in all",
    };
    let max = tally.max;
    let within = match limit.window {
        Window::Run => "in one run".to_owned(),
        Window::Sliding(_) => format!("within {}", limit.window_text),
        Window::Calendar(..) => format!("per {}", limit.window_text),
    };
    format!("At most {max} {what} {within}.")
}

/// Whether all that is missing is what the run has done.
pub(super) fn is_of_run(missing: &[Missing]) -> bool {
    let of_run = |missing: &Missing| missing.path.as_ref().is_some_and(|path| path.root == "run");
    !missing.is_empty() && missing.iter().all(of_run)
}

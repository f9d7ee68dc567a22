//! What a state has no more room for: a run counts so many things apart, and forgets none of them.

use std::borrow::Cow;

use super::finish::Draft;
use super::rule::{Inquiry, about};
use super::subject::{Plan, Subject};
use super::{Counts, Finding};
use crate::codes::IssueCode;
use crate::decision::{Needs, Resolution, Who};
use crate::index::CompiledRule;
use crate::limits::RUN_TOOLS_MAX;
use crate::policy::Verdict;
use crate::state::RunState;

/// What is asked where a run is full.
const ANOTHER_RUN: &str = "May this go on in a new run?";

impl<'a> Draft<'a> {
    /// A run counts its tools apart, up to a bound; what it could not count may not be called.
    pub(crate) fn hold_to_room(&mut self, plan: &Plan<'a>, state: &RunState) {
        let Some(run) = state
            .run
            .as_ref()
            .filter(|run| run.tools.len() >= RUN_TOOLS_MAX)
        else {
            return;
        };
        let tool = plan.subjects.first().filter(|subject| subject.is_call);
        let Some(tool) = tool.and_then(Subject::canonical_name) else {
            return;
        };
        if !run.tools.contains_key(tool) {
            let message = format!(
                "The run has called {RUN_TOOLS_MAX} different tools, and counts no further one."
            );
            let fix = Resolution::new(Needs::Fix, Who::Person);
            self.engine(
                IssueCode::STATE_FULL,
                Verdict::Defer,
                message,
                Some(fix),
                Vec::new(),
            );
            if let Some(finding) = self.findings.last_mut() {
                finding.questions.push(Cow::Borrowed(ANOTHER_RUN));
            }
        }
    }
}

impl<'a: 'x, 'x> Inquiry<'a, 'x, '_> {
    /// There is no room for what would have to be counted.
    pub(super) fn full(&mut self, rule: &'a CompiledRule) -> Finding<'a> {
        let code = IssueCode::STATE_FULL;
        let message = about(
            rule,
            " would count apart what the run has no more room for.",
        );
        let mut issue = self.issue(rule, code.as_str(), message);
        issue.severity = code.severity();
        issue.resolution = Some(Resolution::new(Needs::Fix, Who::Person));
        Finding {
            verdict: Verdict::Defer,
            issue,
            counts: Counts::of(rule),
            questions: vec![Cow::Borrowed(ANOTHER_RUN)],
        }
    }
}

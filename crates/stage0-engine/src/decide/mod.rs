//! The whole semantics of a decision.
//!
//! First the permission: ALLOW if some allow is true or the default allows, else DEFER if some allow
//! is unknown, else the default. Then the strictest of the permission and of every restriction that
//! fires. What happens when a rule cannot be evaluated is not an accident but an outcome of its own.
//! Order never matters: rules, tools and layers are asked one by one and the strictest answer wins.

mod approval_finding;
mod batch;
mod finish;
pub(crate) mod keys;
pub(crate) mod limit;
mod limit_finding;
mod order;
mod room;
pub(crate) mod rule;
pub(crate) mod subject;

use bumpalo::Bump;

pub use self::batch::decide_batch;
pub(crate) use self::finish::Draft;
use self::rule::{Asked, Inquiry, Outcome};
use self::subject::Plan;
use crate::codes::IssueCode;
use crate::condition::evaluate::Machine;
use crate::decision::{Decision, Issue, Needs, Resolution, Who};
use crate::facts::run::RunView;
use crate::facts::{FactRoot, Facts};
use crate::host::Host;
use crate::index::{Candidates, CompiledRule, Layer, Permission, PolicyIndex, RuleKind};
use crate::policy::{Mode, UnknownTools, Verdict};
use crate::request::Request;
use crate::state::RunState;
use crate::time::Timestamp;

/// Room in the arena before it has to ask for more: the facts of a typical policy. Small enough for
/// what an allocator hands out without looking for it.
const ARENA_BYTES: usize = 900;

/// What a finding does to the verdict.
pub(crate) const REMARK: Verdict = Verdict::Allow;

/// One reason, with what it does.
#[derive(Debug, Clone)]
pub(crate) struct Finding<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) issue: Issue<'a>,
    pub(crate) counts: Counts,
    pub(crate) questions: Vec<std::borrow::Cow<'a, str>>,
}

/// In which of two answers a finding counts: the one that is obeyed, and the one that would be had
/// nothing been merely observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// In both.
    Always,
    /// Not in the one that is obeyed: it comes from something that is merely observed.
    IfEnforced,
    /// Only in the one that is obeyed: an allow that is merely observed would lift it.
    UntilEnforced,
}

impl Counts {
    /// Whether it counts in the answer that is obeyed.
    pub(crate) fn now(self) -> bool {
        self != Self::IfEnforced
    }

    /// Whether it counts in the answer that would be.
    pub(crate) fn if_enforced(self) -> bool {
        self != Self::UntilEnforced
    }

    /// What a rule finds.
    pub(crate) fn of(rule: &CompiledRule) -> Self {
        if rule.observe {
            Self::IfEnforced
        } else {
            Self::Always
        }
    }
}

/// Decides a request, and tells what the run has done after it.
///
/// Total: every request, host, state and time has an answer. Pure: the same inputs give the same
/// answer, byte for byte. Keeping the state that comes back is up to the caller.
#[must_use]
pub fn decide<'a>(
    policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    host: &Host<'a>,
    state: &RunState,
    now: Timestamp,
) -> (Decision<'a>, RunState) {
    let decision = peek(policy, request, host, state, now);
    let next = decision.next_state(state);
    (decision, next)
}

/// What [`decide`] would answer, for callers that move no state: the run stays where it is.
#[must_use]
pub fn peek<'a>(
    policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    host: &Host<'a>,
    state: &RunState,
    now: Timestamp,
) -> Decision<'a> {
    let arena = Bump::with_capacity(ARENA_BYTES);
    let mut facts = Facts::gather(&policy.facts, request, now, &arena);
    let plan = Plan::new(policy, request);
    let mut draft = Draft::new(policy, request, host, now);
    draft.remark_on_request();
    draft.hold_to_version();
    if state.last_at().is_some_and(|last| last > now) {
        draft.engine(
            IssueCode::CLOCK_BACKWARDS,
            Verdict::Deny,
            "The time of this decision is earlier than that of the run's last one.",
            None,
            Vec::new(),
        );
    }
    draft.hold_to_others(host.others);
    draft.hold_to_answer(host.rejected_by);
    draft.observe_request();
    draft.hold_to_room(&plan, state);
    let reads_run = policy.facts.root(FactRoot::Run).is_some();
    let mut found = Candidates::default();
    // A tool of a request that is refused as a whole is refused too.
    let whole = draft.verdict();
    for subject in &plan.subjects {
        let mut verdict = whole;
        for (layer, view) in policy.layers.iter().zip(&subject.views) {
            let tool = subject.tool_name(view);
            facts.turn_to(layer, tool, view);
            if reads_run && let Some(run) = &state.run {
                let known = RunView::new(run, subject, view, (request, host, state), now);
                facts.turn_to_run(&known);
            }
            layer.candidates(tool, view.reach(), &mut found);
            let mut inquiry = Inquiry {
                layer,
                subject,
                view,
                request,
                host,
                state,
                now,
                machine: Machine::new(&facts, &policy.constants, &arena),
            };
            verdict = verdict.max(decide_one(&mut inquiry, &found, &mut draft));
        }
        draft.tool_verdict(subject, verdict);
    }
    draft.finish(plan)
}

/// One tool in one layer: the lattice. The verdict is the strictest of what was found and counts.
fn decide_one<'a: 'x, 'x>(
    inquiry: &mut Inquiry<'a, 'x, '_>,
    candidates: &Candidates,
    draft: &mut Draft<'a>,
) -> Verdict {
    let layer = inquiry.layer;
    let is_observed = mode_of(layer, inquiry.host.mode) == Mode::Observe;
    let first = draft.findings.len();
    // Facts about the tool itself come first: a call that the catalog refuses is asked no rule.
    let refused = subject::refuse(inquiry, draft);
    let mut permission = Permissions::default();
    if !refused {
        draft.depend_on(&candidates.reads);
        for rule in candidates.of(layer) {
            let mut asked = inquiry.ask(rule);
            draft.stands_until(asked.until);
            draft.spend(core::mem::take(&mut asked.spent), inquiry.subject.is_call);
            if asked.outcome == Outcome::Silent && !rule.tells_content {
                continue;
            }
            // An allow that does not cover what is declared permits nothing; its errors are errors.
            if !rule.counts_for(inquiry.view.reach()) && asked.outcome != Outcome::Broken {
                continue;
            }
            if let RuleKind::Limit(limit) = &rule.kind
                && asked.applies
                && inquiry.subject.is_call
            {
                draft.moves.extend(inquiry.move_of(rule, limit));
            }
            permission.note(rule, &asked);
            draft.check_of(rule, &asked);
            if let Some(finding) = inquiry.finding(rule, asked) {
                draft.findings.push(finding);
            }
        }
        draft.check_fact_types(inquiry, candidates);
        permission.conclude(inquiry, draft);
    }
    if is_observed {
        let mut place = 0_usize;
        draft.findings.retain(|finding| {
            let is_older = place < first;
            place = place.saturating_add(1);
            is_older || finding.counts.if_enforced()
        });
        for finding in draft.findings.iter_mut().skip(first) {
            finding.counts = Counts::IfEnforced;
        }
    }
    let found = draft.findings.iter().skip(first);
    let counted = found.filter(|finding| finding.counts.now());
    counted
        .map(|finding| finding.verdict)
        .max()
        .unwrap_or(Verdict::Allow)
}

/// What the allow rules said.
#[derive(Debug, Default)]
struct Permissions<'a> {
    /// Those that are obeyed.
    enforced: Allows<'a>,
    /// All, those that are merely observed included.
    all: Allows<'a>,
    some_observed: bool,
}

/// What some allow rules said.
#[derive(Debug, Default)]
struct Allows<'a> {
    /// One is true.
    granted: bool,
    /// Those whose facts are missing.
    undecided: Vec<&'a CompiledRule>,
    /// Those that are false.
    refused: Vec<&'a CompiledRule>,
}

impl<'a> Allows<'a> {
    fn note(&mut self, rule: &'a CompiledRule, outcome: &Outcome) {
        match outcome {
            Outcome::Fires => self.granted = true,
            Outcome::Undecided => self.undecided.push(rule),
            Outcome::Silent => self.refused.push(rule),
            Outcome::Broken
            | Outcome::Unapproved(_)
            | Outcome::Exceeded(_)
            | Outcome::Uncounted
            | Outcome::Full => {}
        }
    }

    /// The findings that say why it was not given.
    fn conclude<'x>(
        &self,
        inquiry: &mut Inquiry<'a, 'x, '_>,
        only_observed: bool,
    ) -> Vec<Finding<'a>>
    where
        'a: 'x,
    {
        let default = inquiry.layer.default;
        if self.granted || default == Permission::Allow {
            return Vec::new();
        }
        if self.undecided.is_empty() {
            return vec![inquiry.not_permitted(&self.refused, default, only_observed)];
        }
        let undecided = self.undecided.iter();
        undecided
            .map(|rule| inquiry.undecided_allow(rule))
            .collect()
    }
}

impl<'a> Permissions<'a> {
    fn note(&mut self, rule: &'a CompiledRule, asked: &Asked) {
        if !matches!(rule.kind, RuleKind::Allow) {
            return;
        }
        self.all.note(rule, &asked.outcome);
        self.some_observed |= rule.observe;
        if !rule.observe {
            self.enforced.note(rule, &asked.outcome);
        }
    }

    /// Turns a permission that was not given into the findings that say so.
    fn conclude<'x>(&self, inquiry: &mut Inquiry<'a, 'x, '_>, draft: &mut Draft<'a>)
    where
        'a: 'x,
    {
        let found = self.enforced.conclude(inquiry, self.all.granted);
        if !self.some_observed {
            draft.findings.extend(found);
            return;
        }
        let otherwise = self.all.conclude(inquiry, false);
        let issues = |findings: &[Finding<'a>]| -> Vec<Issue<'a>> {
            findings
                .iter()
                .map(|finding| finding.issue.clone())
                .collect()
        };
        if issues(&found) == issues(&otherwise) {
            draft.findings.extend(found);
            return;
        }
        for (findings, counts) in [
            (found, Counts::UntilEnforced),
            (otherwise, Counts::IfEnforced),
        ] {
            let counted = findings
                .into_iter()
                .map(|finding| Finding { counts, ..finding });
            draft.findings.extend(counted);
        }
    }
}

/// What the catalog says about a name that it does not have.
fn unknown_tool(policy: UnknownTools) -> (IssueCode, Verdict, Option<Resolution>) {
    match policy {
        UnknownTools::Declared => (IssueCode::TOOL_NOT_IN_CATALOG, REMARK, None),
        UnknownTools::Defer => (
            IssueCode::TOOL_UNCATALOGUED,
            Verdict::Defer,
            Some(Resolution::new(Needs::Fix, Who::Person)),
        ),
        UnknownTools::Deny => (
            IssueCode::TOOL_UNKNOWN,
            Verdict::Deny,
            Some(Resolution::new(Needs::Fix, Who::Agent)),
        ),
    }
}

/// The layer's own mode and the host's, the stricter of the two.
fn mode_of(layer: &Layer, host: Mode) -> Mode {
    layer.mode.max(host)
}

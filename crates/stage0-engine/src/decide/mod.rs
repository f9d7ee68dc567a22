//! The whole semantics of a decision.
//!
//! First the permission: ALLOW if some allow is true or the default allows, else DEFER if some allow
//! is unknown, else the default. Then the strictest of the permission and of every restriction that
//! fires. What happens when a rule cannot be evaluated is not an accident but an outcome of its own.
//! Order never matters: rules, tools and layers are asked one by one and the strictest answer wins.

mod finish;
pub(crate) mod rule;
pub(crate) mod subject;

use bumpalo::Bump;

pub(crate) use self::finish::Draft;
use self::rule::{Asked, Inquiry, Outcome};
use self::subject::Plan;
use crate::codes::IssueCode;
use crate::condition::evaluate::Machine;
use crate::decision::{Decision, Issue, Needs, Resolution, Who};
use crate::facts::Facts;
use crate::host::Host;
use crate::index::{Layer, Permission, PolicyIndex, RuleKind};
use crate::policy::{Mode, UnknownTools, Verdict};
use crate::request::Request;
use crate::state::RunState;
use crate::time::Timestamp;
use crate::vocabulary::constraint;

/// What a finding does to the verdict.
pub(crate) const REMARK: Verdict = Verdict::Allow;

/// One reason, with what it does.
#[derive(Debug, Clone)]
pub(crate) struct Finding<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) issue: Issue<'a>,
    /// It comes from something that is only observed.
    pub(crate) observed: bool,
    pub(crate) questions: Vec<std::borrow::Cow<'a, str>>,
}

/// Decides a request.
///
/// Total: every request, host, state and time has an answer. Pure: the same inputs give the same
/// answer, byte for byte. The state that comes back is the run's after this decision; keeping it is
/// up to the caller.
#[must_use]
pub fn decide<'a>(
    policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    host: &Host<'a>,
    state: &RunState,
    now: Timestamp,
) -> (Decision<'a>, RunState) {
    let arena = Bump::new();
    let constraints: Vec<_> = request
        .constraints()
        .map(|text| (text, constraint::read(text)))
        .collect();
    let mut facts = Facts::gather(&policy.facts, request, &constraints, now, &arena);
    let plan = Plan::new(policy, request);
    let mut draft = Draft::new(policy, request, host, now);
    draft.remark_on_request(&constraints);
    draft.observe_request();
    if state.last_at.is_some_and(|last| last > now) {
        draft.engine(
            IssueCode::CLOCK_BACKWARDS,
            Verdict::Deny,
            "The time of this decision is earlier than that of the run's last one.",
            None,
            Vec::new(),
        );
    }
    let mut found = Vec::new();
    // A tool of a request that is refused as a whole is refused too.
    let whole = draft.verdict();
    for subject in &plan.subjects {
        let mut verdict = whole;
        for (layer, view) in policy.layers.iter().zip(&subject.views) {
            facts.turn_to(crate::facts::Subject {
                tool: subject.tool_name(view),
                effects: view.effect_values(layer, &arena),
            });
            layer.candidates(
                subject.tool_name(view),
                view.effects,
                view.has_unknown_effect,
                &mut found,
            );
            let mut inquiry = Inquiry {
                layer,
                subject,
                view,
                request,
                host,
                now,
                machine: Machine::new(&facts, &policy.constants, &arena),
            };
            verdict = verdict.max(decide_one(&mut inquiry, &found, &mut draft));
        }
        draft.tool_verdict(subject, verdict);
    }
    let action = plan.digest(request);
    let decision = draft.finish(&plan, action);
    let next = advance(state, request, &decision, now);
    (decision, next)
}

/// One tool in one layer: the lattice. The verdict is the strictest of what was found and counts.
fn decide_one<'a: 'x, 'x>(
    inquiry: &mut Inquiry<'a, 'x, '_>,
    candidates: &[u32],
    draft: &mut Draft<'a>,
) -> Verdict {
    let layer = inquiry.layer;
    let is_observed = mode_of(layer, inquiry.host.mode) == Mode::Observe;
    let first = draft.findings.len();
    // Facts about the tool itself come first: a call that the catalog refuses is asked no rule.
    let refused = subject::refuse(inquiry, draft);
    let mut permission = Permissions::default();
    if !refused {
        for index in candidates {
            let Some(rule) = layer.rules.get(*index as usize) else {
                continue;
            };
            draft.depend_on(rule);
            let asked = inquiry.ask(rule);
            draft.stands_until(asked.until);
            permission.note(rule, *index, &asked);
            draft.check_of(rule, &asked);
            if let Some(finding) = inquiry.finding(rule, asked) {
                draft.findings.push(finding);
            }
        }
        draft.check_fact_types(inquiry);
        permission.conclude(inquiry, draft);
    }
    let mut verdict = Verdict::Allow;
    for finding in draft.findings.iter_mut().skip(first) {
        finding.observed |= is_observed;
        if !finding.observed {
            verdict = verdict.max(finding.verdict);
        }
    }
    verdict
}

/// What the allow rules said.
#[derive(Debug, Default)]
struct Permissions {
    /// Some allow that counts is true.
    granted: bool,
    /// Some allow, counted or observed, is true.
    granted_if_enforced: bool,
    /// Allows whose facts are missing.
    undecided: Vec<u32>,
    /// Allows that were false.
    refused: Vec<u32>,
}

impl Permissions {
    fn note(&mut self, rule: &crate::index::CompiledRule, index: u32, asked: &Asked) {
        if !matches!(rule.kind, RuleKind::Allow) {
            return;
        }
        match asked.outcome {
            Outcome::Fires => {
                self.granted_if_enforced = true;
                self.granted |= !rule.observe;
            }
            Outcome::Undecided => self.undecided.push(index),
            Outcome::Silent => self.refused.push(index),
            Outcome::Broken | Outcome::Unapproved(_) => {}
        }
    }

    /// Turns a permission that was not given into the finding that says so.
    fn conclude<'a: 'x, 'x>(&self, inquiry: &mut Inquiry<'a, 'x, '_>, draft: &mut Draft<'a>) {
        let default = inquiry.layer.default;
        if self.granted || default == Permission::Allow {
            return;
        }
        let counted: Vec<u32> = self
            .undecided
            .iter()
            .copied()
            .filter(|index| {
                inquiry
                    .layer
                    .rules
                    .get(*index as usize)
                    .is_some_and(|rule| !rule.observe)
            })
            .collect();
        if !counted.is_empty() {
            for index in counted {
                let Some(rule) = inquiry.layer.rules.get(index as usize) else {
                    continue;
                };
                let finding = inquiry.undecided_allow(rule);
                draft.findings.push(finding);
            }
            return;
        }
        let finding = inquiry.not_permitted(&self.refused, default, self.granted_if_enforced);
        draft.findings.push(finding);
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

/// The run after this decision.
fn advance(
    state: &RunState,
    request: &Request<'_>,
    decision: &Decision<'_>,
    now: Timestamp,
) -> RunState {
    // A framework that asks twice about one call is counted once. The id alone does not say that it is
    // one call: it may come from whoever is to be counted.
    let again = request.call_id().is_some()
        && request.call_id() == state.last_call.as_deref()
        && state.last_action == Some(decision.action_digest);
    let step = u64::from(!again);
    RunState {
        attempts: state.attempts.saturating_add(step),
        allowed: state
            .allowed
            .saturating_add(if decision.allowed() { step } else { 0 }),
        first_at: state.first_at.or(Some(now)),
        last_at: Some(state.last_at.map_or(now, |last| last.max(now))),
        last_call: request.call_id().map(str::to_owned),
        last_action: Some(decision.action_digest),
    }
}

/// The layer's own mode and the host's, the stricter of the two.
fn mode_of(layer: &Layer, host: Mode) -> Mode {
    layer.mode.max(host)
}

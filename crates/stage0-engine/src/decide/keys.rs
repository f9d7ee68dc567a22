//! What a decision needs to know of the past: for hosts that keep counters apart from each other.

use std::collections::BTreeMap;

use bumpalo::Bump;

use super::rule::Inquiry;
use super::subject::Plan;
use crate::condition::evaluate::Machine;
use crate::facts::{FactRoot, Facts};
use crate::host::Host;
use crate::index::{Candidates, PolicyIndex, RuleKind};
use crate::request::Request;
use crate::state::RunState;
use crate::state::counter::Window;
use crate::time::Timestamp;

/// What a decision needs to know of the past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateKeys {
    /// Whether a rule asks what the run has done, or a limit counts within it.
    pub run: bool,
    /// The counters that limits compare, and those of what was used of approvals, by key, each with its
    /// window: those that runs share.
    pub counters: BTreeMap<Box<str>, Window>,
}

/// The parts of a state that deciding this request needs. A limit whose `per` facts are missing has no
/// counter yet; the decision will ask for the facts.
#[must_use]
pub fn state_keys<'a>(
    policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    host: &Host<'a>,
    now: Timestamp,
) -> StateKeys {
    let arena = Bump::new();
    let mut facts = Facts::gather(&policy.facts, request, now, &arena);
    let state = RunState::default();
    let mut keys = StateKeys {
        run: policy.facts.root(FactRoot::Run).is_some(),
        counters: BTreeMap::new(),
    };
    let mut found = Candidates::default();
    for subject in &Plan::new(policy, request).subjects {
        for (layer, view) in policy.layers.iter().zip(&subject.views) {
            let tool = subject.tool_name(view);
            facts.turn_to(layer, tool, view);
            layer.candidates(tool, view.reach(), &mut found);
            let inquiry = Inquiry {
                layer,
                subject,
                view,
                request,
                host,
                state: &state,
                now,
                machine: Machine::new(&facts, &policy.constants, &arena),
            };
            for rule in found.of(layer) {
                keys.counters.extend(inquiry.approval_counters(rule));
                let RuleKind::Limit(limit) = &rule.kind else {
                    continue;
                };
                if limit.window == Window::Run {
                    keys.run = true;
                } else if let Ok(key) = inquiry.counter_key(rule, limit) {
                    keys.counters.insert(key, limit.window);
                }
            }
        }
    }
    keys
}

//! The facts that a decision read, word for word: what a log keeps of a request.

use crate::condition::{Path, Step};
use crate::decision::Decision;
use crate::document::ValueRef;
use crate::facts::FactRoot;

/// The member of a request that constraints are read from.
const CONSTRAINTS: &str = "constraints";

/// Facts that a decision usually reads at most.
const USUAL_FACTS: usize = 32;

/// A fact that a decision read, and that the request has.
#[derive(Debug, Clone, Copy)]
pub struct ReadFact<'d> {
    /// Its name, such as `args.amount`.
    pub name: &'d str,
    /// Its value.
    pub value: ValueRef<'d>,
    /// Whether the policy redacts it, or something in it: then no log keeps the value.
    pub is_redacted: bool,
}

impl<'a> Decision<'a> {
    /// The facts that this decision read ([`depends_on`](Self::depends_on)) and that the request says, in
    /// the order of their names. What was derived from them is left out; of constraints, the texts are there.
    pub fn read_facts(&self) -> Vec<ReadFact<'a>> {
        let mut facts: Vec<ReadFact<'a>> = Vec::with_capacity(USUAL_FACTS);
        let table = &self.policy.facts;
        for slot in self.depends_on.slots() {
            let Some(fact) = table.fact(slot) else {
                continue;
            };
            let found = match fact.root {
                FactRoot::Constraint => self
                    .request
                    .field(CONSTRAINTS)
                    .map(|value| (CONSTRAINTS, value)),
                root if root.is_of_request() => self
                    .said(root, &fact.path)
                    .map(|value| (&*fact.name, value)),
                _ => None,
            };
            let Some((name, value)) = found else { continue };
            // Names of facts are there once, but several constraints may stand for their texts.
            if name == CONSTRAINTS && facts.iter().any(|known| known.name == name) {
                continue;
            }
            facts.push(ReadFact {
                name,
                value,
                is_redacted: self.policy.redacted.covers(&fact.path),
            });
        }
        facts.sort_by_key(|fact| fact.name);
        facts
    }

    fn said(&self, root: FactRoot, path: &Path) -> Option<ValueRef<'a>> {
        let request = self.request;
        let mut steps = path.steps.as_slice();
        let mut value = match root {
            FactRoot::Args => request.arguments()?,
            FactRoot::Context => match steps.split_first() {
                Some((Step::Field(name), rest)) if name == "environment" => {
                    steps = rest;
                    request.environment_value()?
                }
                _ => request.context()?,
            },
            _ => request.field(&path.root)?,
        };
        for step in steps {
            value = match step {
                Step::Field(name) => value.get(name)?,
                Step::Position(at) => value.element(usize::try_from(*at).ok()?)?,
            };
        }
        Some(value)
    }
}

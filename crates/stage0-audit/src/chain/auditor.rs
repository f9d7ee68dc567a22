//! A log held against itself, and its decisions against the policies that made them.

use stage0_wire::Policy;
use stage0_wire::problem::Problem;
use stage0_wire::replay::{Change, Replay, Replayed};

use super::report::{Remade, Report};
use super::{Body, Place, Verifier};
use crate::key::KeySet;
use crate::trace::{Told, read_trace};

/// A [`Verifier`] that also makes the decisions again that were kept whole.
#[derive(Debug)]
pub struct Auditor<'a> {
    verifier: Verifier<'a>,
    /// Each policy by its digest.
    replays: Vec<(String, Replay<'a>)>,
    remade: Remade,
    differing: Vec<Problem>,
}

impl<'a> Auditor<'a> {
    /// Believes checkpoints of these keys, if there are any, and makes decisions again by these policies: each by
    /// the one that made it. `continues` says that the lines before the first one are elsewhere.
    pub fn new(
        keys: Option<&'a KeySet>,
        policies: impl IntoIterator<Item = &'a Policy>,
        continues: bool,
    ) -> Self {
        let replays = policies.into_iter().map(|policy| {
            let digest = policy.index().digest().to_hex();
            (digest, Replay::new(policy))
        });
        Self {
            verifier: Verifier::new(keys, continues),
            replays: replays.collect(),
            remade: Remade::default(),
            differing: Vec::new(),
        }
    }

    /// Looks at the next line, without its line break; `is_ended` says that there was one.
    pub fn line(&mut self, place: &Place, text: &[u8], is_ended: bool) {
        // What is no text is no receipt; the verifier says so.
        let text = str::from_utf8(text).unwrap_or("\u{fffd}");
        let line = self.verifier.line(place, text, is_ended);
        if let Some(Body::Record(record)) = line.map(|line| line.body) {
            self.remake(place, record);
        }
    }

    fn remake(&mut self, place: &Place, record: &str) {
        let made_by = self.made_by(record);
        let Some((_, replay)) = self.replays.get_mut(made_by) else {
            return;
        };
        let remade = &mut self.remade;
        let count = |counter: &mut u64| *counter = counter.saturating_add(1);
        let number = u32::try_from(place.line).unwrap_or(u32::MAX);
        match replay.line(&place.file, number, record) {
            Ok(Replayed::Decision(compared)) if compared.change == Change::Same => {
                count(&mut remade.decisions);
            }
            // By its own policy it would have come out to the byte.
            Ok(Replayed::Decision(_)) => count(&mut remade.by_others),
            Ok(Replayed::Facts) => count(&mut remade.facts_only),
            Ok(Replayed::Report) => {}
            Err(problems) => {
                count(&mut remade.failed);
                self.differing.extend(problems);
            }
        }
    }

    /// Which policy made a decision; the first where none of them did, which then says so.
    fn made_by(&self, record: &str) -> usize {
        if self.replays.len() < 2 {
            return 0;
        }
        let Ok(Told::Decision(trace)) = read_trace("record", record) else {
            return 0;
        };
        let digests = self.replays.iter().map(|(digest, _)| digest);
        let made = digests
            .zip(0..)
            .find(|(own, _)| **own == trace.policy_digest);
        made.map_or(0, |(_, position)| position)
    }

    /// Holds the log against a checkpoint that was kept elsewhere.
    pub fn hold_to(&mut self, name: &str, token: &str) {
        self.verifier.hold_to(name, token);
    }

    /// What was found: of the chain first, then of the decisions.
    pub fn report(self) -> Report {
        let mut report = self.verifier.report();
        report.problems.extend(self.differing);
        report.remade = (!self.replays.is_empty()).then_some(self.remade);
        report
    }
}

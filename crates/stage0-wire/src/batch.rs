//! Several requests at once, as texts: the door of other languages for what one model asks in one turn.

use stage0_engine::decide_batch;
use stage0_engine::host::Host;
use stage0_engine::limits::BATCH_MAX;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;

use crate::codes::ProblemCode;
use crate::compiled::Policy;
use crate::decision_json::decision_to_json;
use crate::problem::Problem;
use crate::question::{Circumstances, Question, check_request_id, derived_request_id};
use crate::request_text::parse_request;
use crate::state_json::state_to_json;

/// Several requests that are asked at one time.
///
/// ```
/// use stage0_engine::policy::Verdict;
/// use stage0_engine::time::Timestamp;
/// use stage0_wire::{Policy, batch::Batch, question::NEW_RUN};
///
/// let policy = Policy::builtin("standard").unwrap();
/// let batch = Batch {
///     requests: &[
///         br#"{"goal": "tidy the wiki", "success_criteria": ["it is tidy"]}"#,
///         br#"{"goal": "help me", "success_criteria": ["it helped"]}"#,
///     ],
///     request_id: Some("turn-7"),
///     mode: None,
///     approvals: None,
///     state: Some(NEW_RUN),
///     now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
///     is_atomic: true,
/// };
/// let answer = batch.check(&policy).unwrap();
/// assert_eq!(answer.verdict, Verdict::Defer);
/// assert!(answer.steps[0].decision.contains("BATCH_DEFERRED"));
/// assert!(answer.steps[1].decision.contains(r#""request_id":"turn-7/2""#));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Batch<'t> {
    /// The requests' texts, in the order in which they are meant to run.
    pub requests: &'t [&'t [u8]],
    /// The id of all of them; each has a `/` and its number, from 1, behind it. Where there is none each
    /// has the id that is derived from its text.
    pub request_id: Option<&'t str>,
    /// As in a [`Question`].
    pub mode: Option<&'t str>,
    /// As in a [`Question`].
    pub approvals: Option<&'t str>,
    /// The canonical text of the state. With one they are steps of its run, each after the one before;
    /// without one each stands alone.
    pub state: Option<&'t str>,
    /// When they are asked.
    pub now: Timestamp,
    /// Whether they run together or not at all: either all decisions are ALLOW, or none is, and nothing
    /// is reserved. See [`decide_batch`].
    pub is_atomic: bool,
}

/// What comes out of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchAnswer {
    /// The strictest verdict.
    pub verdict: Verdict,
    /// What came out of each request, in their order.
    pub steps: Vec<BatchStep>,
}

/// What came out of one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchStep {
    /// The verdict.
    pub verdict: Verdict,
    /// The decision.
    pub decision: String,
    /// The run after it; where the batch is atomic, the run after all of it.
    pub state: String,
}

impl Batch<'_> {
    /// Decides them.
    ///
    /// # Errors
    /// One of the texts is not what it should be, or a request asserts another policy. Nothing was
    /// decided, for none of them: a gate denies. Of the requests, the first that is wrong is told.
    pub fn check(&self, policy: &Policy) -> Result<BatchAnswer, Vec<Problem>> {
        if self.requests.len() > BATCH_MAX {
            let message = format!("a batch has at most {BATCH_MAX} requests");
            let problem = Problem::new(ProblemCode::HostInvalid, message)
                .help("ask in several batches; with a state they are still one run");
            return Err(vec![problem]);
        }
        let circumstances = self.question(b"").read()?;
        let mut requests = Vec::with_capacity(self.requests.len());
        for (place, text) in self.requests.iter().enumerate() {
            let request = parse_request(text)?;
            policy.admit(&request).map_err(|problem| vec![problem])?;
            let id = self.id_of(place, text);
            check_request_id(&id).map_err(|problem| vec![problem])?;
            requests.push((request, id));
        }
        Ok(if self.is_atomic {
            self.together(policy, &requests, &circumstances)
        } else {
            self.in_turn(policy, &requests, &circumstances)
        })
    }

    fn together(
        &self,
        policy: &Policy,
        requests: &[(Request<'_>, String)],
        circumstances: &Circumstances,
    ) -> BatchAnswer {
        let hosted: Vec<(&Request<'_>, Host<'_>)> = requests
            .iter()
            .map(|(request, id)| (request, circumstances.host_of(id)))
            .collect();
        let (decisions, next) =
            decide_batch(policy.index(), &hosted, &circumstances.state, self.now);
        let state = state_to_json(&next);
        BatchAnswer::of(decisions.iter().map(|decision| BatchStep {
            verdict: decision.verdict,
            decision: decision_to_json(decision),
            state: state.clone(),
        }))
    }

    fn in_turn(
        &self,
        policy: &Policy,
        requests: &[(Request<'_>, String)],
        circumstances: &Circumstances,
    ) -> BatchAnswer {
        let mut state = circumstances.state.clone();
        BatchAnswer::of(requests.iter().map(|(request, id)| {
            let host = circumstances.host_of(id);
            let (decision, next) = policy.decide(request, &host, &state, self.now);
            let step = BatchStep {
                verdict: decision.verdict,
                decision: decision_to_json(&decision),
                state: state_to_json(&next),
            };
            // Of a state that was not given nothing is known, and nothing comes out.
            state = next;
            step
        }))
    }

    fn question<'q>(&'q self, request: &'q [u8]) -> Question<'q> {
        Question {
            request_id: self.request_id,
            mode: self.mode,
            approvals: self.approvals,
            state: self.state,
            ..Question::new(request, self.now)
        }
    }

    fn id_of(&self, place: usize, text: &[u8]) -> String {
        let number = place.saturating_add(1);
        match self.request_id {
            Some(id) => format!("{id}/{number}"),
            None => derived_request_id("req", text, self.now),
        }
    }
}

impl BatchAnswer {
    fn of(steps: impl Iterator<Item = BatchStep>) -> Self {
        let steps: Vec<BatchStep> = steps.collect();
        let verdicts = steps.iter().map(|step| step.verdict);
        Self {
            verdict: verdicts.max().unwrap_or(Verdict::Allow),
            steps,
        }
    }
}

//! Several requests in one round trip.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use stage0_engine::digest::Digest;
use stage0_engine::limits::BATCH_MAX;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::{Duration, Timestamp};
use stage0_store::{NewRecord, RunId, StoreError};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, parse_request};

use super::check::{Answered, Asked, Kept, add, before, digest_of, run_of, unreadable, use_up};
use super::made::Made;
use super::step::{Step, decide_together};
use super::{Record, Service};
use crate::halt::Halt;
use crate::key_ring::Caller;
use crate::ledger::Book;
use crate::limits::REPEAT_WITHIN_MS;
use crate::refusal::Refusal;

impl Service {
    /// Decides several requests, as steps that run together or not at all, or each by itself.
    pub(crate) async fn check_batch(
        &self,
        asked: Asked,
        bodies: Vec<Bytes>,
        is_atomic: bool,
    ) -> Result<(Verdict, Vec<Answered>), Refusal> {
        if bodies.is_empty() || bodies.len() > BATCH_MAX {
            let message = format!("a batch has 1 to {BATCH_MAX} requests");
            return Err(Problem::new(ProblemCode::RequestLimit, message).into());
        }
        let base = &asked.request_id;
        let policy = self.policy.policy();
        let mut runs = Vec::with_capacity(bodies.len());
        for (position, body) in bodies.iter().enumerate() {
            let step = Self::admit(&policy, body, &asked.caller);
            let run = step.and_then(|request| run_of(&request));
            runs.push(run.map_err(|refusal| of_step(refusal, position))?);
        }
        if is_atomic && runs.windows(2).any(|pair| pair.first() != pair.last()) {
            let message = "requests that run together are of one run";
            return Err(Problem::new(ProblemCode::RequestConflict, message)
                .help("give all of them the same `context.run_id`")
                .into());
        }
        let ids: Vec<String> = (1..=bodies.len())
            .map(|number| format!("{base}/{number}"))
            .collect();
        let batch = Batch {
            policy,
            caller: Arc::clone(&asked.caller),
            since: asked.since,
            digest: digest_of(&asked),
            is_named: asked.is_named,
            bodies,
            ids: ids.clone(),
            runs,
            is_atomic,
            record: self.record,
            secret: self.secret,
            halt: self.halt.clone(),
        };
        let kept = self.ledger.write(move |book| batch.keep(book)).await;
        self.note(&kept);
        match kept? {
            Ok(made) => {
                let mut answered = Vec::with_capacity(made.len());
                for (step, request_id) in made.into_iter().zip(ids) {
                    answered.push(match step {
                        Kept::Made(made) => {
                            made.count(&self.metrics);
                            Answered {
                                request_id,
                                verdict: made.verdict,
                                decision: made.answer.clone(),
                                ticket: made.ticket.clone(),
                                is_repeated: false,
                            }
                        }
                        Kept::Before(line) => before(request_id, &line)?,
                        Kept::Refused(refusal) => return Err(refusal),
                    });
                }
                let elapsed = asked.since.elapsed().as_secs_f64();
                self.metrics.latency.observe(elapsed);
                Ok((
                    strictest(answered.iter().map(|step| step.verdict)),
                    answered,
                ))
            }
            Err(refusal) => {
                self.count_refusal(&refusal, &asked.caller);
                Err(refusal)
            }
        }
    }
}

/// Says which request of a batch is meant.
fn of_step(refusal: Refusal, position: usize) -> Refusal {
    let Refusal::Invalid(problems) = refusal else {
        return refusal;
    };
    let named = problems.into_iter().map(|problem| {
        let message = format!("requests[{position}]: {}", problem.message());
        let named = Problem::new(problem.code(), message);
        match problem.help_text() {
            Some(help) => named.help(help),
            None => named,
        }
    });
    Refusal::Invalid(named.collect())
}

fn strictest(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max().unwrap_or(Verdict::Deny)
}

/// Requests that came together, as work for the thread that writes.
struct Batch {
    policy: Arc<Policy>,
    caller: Arc<Caller>,
    since: Instant,
    digest: Digest,
    is_named: bool,
    bodies: Vec<Bytes>,
    ids: Vec<String>,
    runs: Vec<Option<RunId>>,
    is_atomic: bool,
    record: Record,
    secret: [u8; REDACTION_SECRET_BYTES],
    halt: Halt,
}

impl Batch {
    fn keep(&self, book: &mut Book<'_>) -> Result<Result<Vec<Kept>, Refusal>, StoreError> {
        let now = book.now()?;
        let is_halted = self.halt.is_on();
        if self.is_named
            && !is_halted
            && let Some(before) = self.before(book, now)?
        {
            return Ok(Ok(before));
        }
        let count = u64::try_from(self.bodies.len()).unwrap_or(u64::MAX);
        if let Some(refusal) = use_up(book, &self.caller, now, count)? {
            return Ok(Err(refusal));
        }
        let requests: Result<Vec<Request<'_>>, _> =
            self.bodies.iter().map(|body| parse_request(body)).collect();
        let requests = requests.map_err(|_| unreadable())?;
        let steps: Vec<Step<'_>> = requests
            .iter()
            .zip(&self.bodies)
            .zip(self.ids.iter().zip(&self.runs))
            .map(|((request, body), (request_id, run))| Step {
                policy: &self.policy,
                request,
                body,
                request_id,
                mode: self.halt.mode(),
                run: run.as_ref(),
                record: self.record,
                secret: &self.secret,
            })
            .collect();
        let made = if self.is_atomic {
            decide_together(book, &steps, now)?
        } else {
            let each = steps.iter().map(|step| step.decide(book, now));
            each.collect::<Result<Vec<Made>, StoreError>>()?
        };
        for (made, step) in made.iter().zip(&steps) {
            add(
                book,
                made,
                now,
                NewRecord {
                    request_id: Some(step.request_id),
                    key_id: Some(&self.caller.key_id),
                    asked: (!is_halted).then_some(self.digest),
                    run: step.run.map(RunId::as_str),
                    latency_us: u64::try_from(self.since.elapsed().as_micros()).ok(),
                    ..NewRecord::default()
                },
            )?;
        }
        Ok(Ok(made
            .into_iter()
            .map(|made| Kept::Made(Arc::new(made)))
            .collect()))
    }

    /// What was answered before, if all of it was.
    fn before(&self, book: &Book<'_>, now: Timestamp) -> Result<Option<Vec<Kept>>, StoreError> {
        let since = Duration::from_ms(REPEAT_WITHIN_MS).unwrap_or(Duration::ZERO);
        let since = now.checked_sub(since).unwrap_or(now);
        let found: Result<Option<Vec<String>>, StoreError> = self
            .ids
            .iter()
            .map(|id| book.group().find_repeated(id, &self.digest, since))
            .collect();
        Ok(found?.map(|lines| lines.into_iter().map(Kept::Before).collect()))
    }
}

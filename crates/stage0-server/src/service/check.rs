//! Decisions: made, counted and kept before anybody hears of them.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use stage0_engine::digest::Digest;
use stage0_engine::host::Host;
use stage0_engine::limits::BATCH_MAX;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::{Duration, Timestamp};
use stage0_store::{Asking, AskingBatch, Decided, NewRecord, RunId, StoreError};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, parse_request};

use super::made::{Made, Recording, decide_alone};
use super::{Audit, Record, Service, now};
use crate::key_ring::Caller;
use crate::ledger::Book;
use crate::limits::REPEAT_WITHIN_MS;
use crate::metrics::QuotaLabel;
use crate::refusal::Refusal;

/// What is asked, and by whom.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) body: Bytes,
    /// The id that its client gave it.
    pub(crate) request_id: Option<String>,
    pub(crate) caller: Arc<Caller>,
    /// When its last byte came.
    pub(crate) since: Instant,
}

/// What came out.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) request_id: String,
    pub(crate) verdict: Verdict,
    /// The decision's canonical text.
    pub(crate) decision: String,
    /// Whether it was given before.
    pub(crate) is_repeated: bool,
}

/// A question as work for the thread that writes: it owns everything that it needs.
struct Question {
    policy: Arc<Policy>,
    asked: Asked,
    request_id: String,
    digest: Digest,
    run: Option<RunId>,
    record: Record,
    secret: [u8; REDACTION_SECRET_BYTES],
}

/// What came of the work.
enum Kept {
    Made(Made),
    /// It was answered before: the line that says so.
    Before(String),
    Refused(Refusal),
}

impl Service {
    /// Decides one request.
    pub(crate) async fn check(&self, asked: Asked) -> Result<Answered, Refusal> {
        let policy = self.policy.policy();
        let request = self.admit(&policy, &asked.body, &asked.caller)?;
        let now = now()?;
        let request_id = match &asked.request_id {
            Some(id) => id.clone(),
            None => self.ids.next(now),
        };
        let run = run_of(&request)?;
        let host = Host {
            request_id: &request_id,
            ..Host::default()
        };
        // What needs nothing that is kept is decided here, and others are not kept waiting for it.
        let needs_state =
            run.is_some() || !policy.state_keys(&request, &host, now).counters.is_empty();
        let made = (!needs_state).then(|| {
            let recording = Recording {
                policy: &policy,
                request: &request,
                body: &asked.body,
                host: &host,
                run: None,
                record: self.record,
                secret: &self.secret,
            };
            (
                recording.take(&decide_alone(&policy, &request, &host, now)),
                now,
            )
        });
        drop(request);
        let question = Question {
            digest: digest_of(&asked),
            policy,
            request_id,
            run,
            record: self.record,
            secret: self.secret,
            asked,
        };
        self.keep(question, made).await
    }

    /// Whether a text is a request that may be asked here.
    fn admit<'t>(
        &self,
        policy: &Policy,
        body: &'t [u8],
        caller: &Caller,
    ) -> Result<Request<'t>, Refusal> {
        let request = parse_request(body)?;
        policy.admit(&request)?;
        if request.pro() && !caller.plan.pro {
            return Err(Refusal::Pro);
        }
        Ok(request)
    }

    async fn keep(
        &self,
        question: Question,
        made: Option<(Made, Timestamp)>,
    ) -> Result<Answered, Refusal> {
        let request_id = question.request_id.clone();
        let caller = Arc::clone(&question.asked.caller);
        let since = question.asked.since;
        let alone = made.as_ref().map(|(made, _)| made.clone());
        let kept = self
            .ledger
            .write(move |book| question.keep(book, made.as_ref()))
            .await;
        self.note(&kept);
        let kept = match (kept, alone) {
            (Ok(kept), _) => kept,
            (Err(error), Some(made)) if self.audit == Audit::BestEffort => {
                tracing::warn!(%request_id, %error, "a decision is not written down");
                self.metrics.unrecorded.inc();
                Kept::Made(made)
            }
            (Err(error), _) => return Err(Refusal::Store(error)),
        };
        match kept {
            Kept::Made(made) => {
                made.count(&self.metrics);
                self.metrics.latency.observe(since.elapsed().as_secs_f64());
                Ok(Answered {
                    request_id,
                    verdict: made.verdict,
                    decision: made.answer,
                    is_repeated: false,
                })
            }
            Kept::Before(line) => before(request_id, &line),
            Kept::Refused(refusal) => {
                self.count_refusal(&refusal, &caller);
                Err(refusal)
            }
        }
    }

    fn count_refusal(&self, refusal: &Refusal, caller: &Caller) {
        let span = match refusal {
            Refusal::Quota { span, .. } => span,
            Refusal::Rate { .. } => "minute",
            _ => return,
        };
        let plan = caller.plan_name.clone();
        self.metrics
            .quota_refusals
            .get_or_create(&QuotaLabel { plan, span })
            .inc();
    }

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
        let base = match &asked.request_id {
            Some(id) => id.clone(),
            None => self.ids.next(now()?),
        };
        let policy = self.policy.policy();
        let mut runs = Vec::with_capacity(bodies.len());
        for (position, body) in bodies.iter().enumerate() {
            let step = self.admit(&policy, body, &asked.caller);
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
            is_named: asked.request_id.is_some(),
            bodies,
            ids: ids.clone(),
            runs,
            is_atomic,
            record: self.record,
            secret: self.secret,
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
                                decision: made.answer,
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

/// What tells one question from another: who asks, and every byte of what.
fn digest_of(asked: &Asked) -> Digest {
    let named = [asked.caller.key_id.as_bytes(), b"\n", &asked.body].concat();
    Digest::of(&named)
}

/// The run that a request belongs to, by its host's word.
pub(super) fn run_of(request: &Request<'_>) -> Result<Option<RunId>, Refusal> {
    let context = request.context();
    let run = context.and_then(|context| {
        let of_loop = || {
            context
                .get("loop_state")
                .and_then(|state| state.get("run_id"))
        };
        context.get("run_id").or_else(of_loop)
    });
    // Whatever is no text is the engine's to complain about.
    let Some(run) = run.and_then(|run| run.as_str()) else {
        return Ok(None);
    };
    RunId::new(run).map(Some).map_err(|error| {
        Problem::new(
            ProblemCode::RequestLimit,
            format!("`context.run_id`: {error}"),
        )
        .into()
    })
}

/// What was answered before, from its line.
fn before(request_id: String, line: &str) -> Result<Answered, Refusal> {
    let damaged = || {
        Refusal::Store(StoreError::Damaged(
            "a record is not what was written".to_owned(),
        ))
    };
    let decision = decision_of(line).ok_or_else(damaged)?;
    let verdicts = [Verdict::Allow, Verdict::Deny, Verdict::Defer];
    let verdict = verdicts.into_iter().find(|verdict| {
        let told = [r#""verdict":""#, verdict.as_str(), "\","].concat();
        decision.get(..64).unwrap_or(decision).contains(&told)
    });
    Ok(Answered {
        request_id,
        verdict: verdict.ok_or_else(damaged)?,
        decision: decision.to_owned(),
        is_repeated: true,
    })
}

/// The decision's text in a line of the chain, which Stage0 wrote.
fn decision_of(line: &str) -> Option<&str> {
    use stage0_audit::chain::{Body, Line};
    use stage0_wire::record::{Deed, parse_record};
    let Body::Record(record) = Line::parse(line).ok()?.body else {
        return None;
    };
    match parse_record("record", record).ok()?.deed {
        Deed::Decision { decision, .. } | Deed::Facts { decision, .. } => Some(decision),
        Deed::Report { .. } => None,
    }
}

impl Question {
    fn keep(
        &self,
        book: &mut Book<'_>,
        made: Option<&(Made, Timestamp)>,
    ) -> Result<Kept, StoreError> {
        let now = now()?;
        if self.asked.request_id.is_some() {
            let since = Duration::from_ms(REPEAT_WITHIN_MS).unwrap_or(Duration::ZERO);
            let since = now.checked_sub(since).unwrap_or(now);
            let before = book
                .group()
                .find_repeated(&self.request_id, &self.digest, since)?;
            if let Some(line) = before {
                return Ok(Kept::Before(line));
            }
        }
        if let Some(refusal) = use_up(book, &self.asked.caller, now, 1)? {
            return Ok(Kept::Refused(refusal));
        }
        let decided;
        let (made, at) = match made {
            Some((made, at)) => (made, *at),
            None => {
                decided = self.decide(book, now)?;
                (&decided, now)
            }
        };
        add(
            book,
            made,
            at,
            NewRecord {
                request_id: Some(&self.request_id),
                key_id: Some(&self.asked.caller.key_id),
                asked: Some(self.digest),
                run: self.run.as_ref().map(RunId::as_str),
                latency_us: u64::try_from(self.asked.since.elapsed().as_micros()).ok(),
                ..NewRecord::default()
            },
        )?;
        Ok(Kept::Made(made.clone()))
    }

    /// Decides with what is kept.
    fn decide(&self, book: &Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let request = parse_request(&self.asked.body).map_err(|_| unreadable())?;
        let host = Host {
            request_id: &self.request_id,
            ..Host::default()
        };
        let asking = Asking {
            policy: &self.policy,
            request: &request,
            host: &host,
            run: self.run.as_ref(),
        };
        let attempt = asking.attempt(book.states(), now)?;
        // Nobody else writes, so nobody was faster.
        let decided = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
        let recording = Recording {
            policy: &self.policy,
            request: &request,
            body: &self.asked.body,
            host: &host,
            run: self.run.as_ref(),
            record: self.record,
            secret: &self.secret,
        };
        Ok(recording.take(&decided))
    }
}

fn unreadable() -> StoreError {
    StoreError::Unreadable("a request that was read could not be read again".to_owned())
}

fn add(
    book: &mut Book<'_>,
    made: &Made,
    at: Timestamp,
    found_by: NewRecord<'_>,
) -> Result<(), StoreError> {
    let found_by = NewRecord {
        at: Some(at),
        verdict: Some(made.verdict.as_str()),
        ..found_by
    };
    book.add(&made.record, found_by)
}

/// Counts decisions against a plan; why not, where one is used up.
fn use_up(
    book: &mut Book<'_>,
    caller: &Caller,
    now: Timestamp,
    count: u64,
) -> Result<Option<Refusal>, StoreError> {
    let mut usage = book.usage(&caller.key_id, now)?;
    let plan = &caller.plan;
    let is_over = |used: u64, quota: Option<u64>| {
        quota.is_some_and(|quota| used.saturating_add(count) > quota)
    };
    let seconds = super::usage::until_next(now);
    if is_over(usage.month.count, plan.monthly) {
        let (span, seconds) = ("Monthly", seconds.month);
        return Ok(Some(Refusal::Quota { span, seconds }));
    }
    if is_over(usage.day.count, plan.daily) {
        let (span, seconds) = ("Daily", seconds.day);
        return Ok(Some(Refusal::Quota { span, seconds }));
    }
    if is_over(usage.minute.count, plan.per_minute) {
        let seconds = seconds.minute;
        return Ok(Some(Refusal::Rate { seconds }));
    }
    usage.add(count);
    book.set_usage(&caller.key_id, usage);
    Ok(None)
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
}

impl Batch {
    fn keep(&self, book: &mut Book<'_>) -> Result<Result<Vec<Kept>, Refusal>, StoreError> {
        let now = now()?;
        if self.is_named
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
        let hosts: Vec<Host<'_>> = self
            .ids
            .iter()
            .map(|request_id| Host {
                request_id,
                ..Host::default()
            })
            .collect();
        let steps: Vec<(&Request<'_>, Host<'_>)> = requests.iter().zip(hosts).collect();
        let decided = self.decide(book, &steps, now)?;
        let mut kept = Vec::with_capacity(decided.len());
        for ((decided, (request, host)), (body, run)) in decided
            .iter()
            .zip(&steps)
            .zip(self.bodies.iter().zip(&self.runs))
        {
            let recording = Recording {
                policy: &self.policy,
                request,
                body,
                host,
                run: run.as_ref(),
                record: self.record,
                secret: &self.secret,
            };
            let made = recording.take(decided);
            add(
                book,
                &made,
                decided.now,
                NewRecord {
                    request_id: Some(host.request_id),
                    key_id: Some(&self.caller.key_id),
                    asked: Some(self.digest),
                    run: run.as_ref().map(RunId::as_str),
                    latency_us: u64::try_from(self.since.elapsed().as_micros()).ok(),
                    ..NewRecord::default()
                },
            )?;
            kept.push(Kept::Made(made));
        }
        Ok(Ok(kept))
    }

    /// Decides all of them: together, or each after the one before.
    fn decide<'q>(
        &'q self,
        book: &Book<'_>,
        steps: &'q [(&'q Request<'q>, Host<'q>)],
        now: Timestamp,
    ) -> Result<Vec<Decided<'q>>, StoreError> {
        if self.is_atomic {
            let asking = AskingBatch {
                policy: &self.policy,
                requests: steps,
                run: self.runs.first().and_then(Option::as_ref),
            };
            let attempt = asking.attempt(book.states(), now)?;
            return attempt.put(book.states())?.ok_or(StoreError::Contended);
        }
        let each = steps.iter().zip(&self.runs).map(|((request, host), run)| {
            let asking = Asking {
                policy: &self.policy,
                request,
                host,
                run: run.as_ref(),
            };
            let attempt = asking.attempt(book.states(), now)?;
            attempt.put(book.states())?.ok_or(StoreError::Contended)
        });
        each.collect()
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

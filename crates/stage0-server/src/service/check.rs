//! Decisions: made, counted and kept before anybody hears of them.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use stage0_engine::digest::Digest;
use stage0_engine::host::{ApprovalRecord, Host};
use stage0_engine::limits::BATCH_MAX;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::{Duration, Timestamp};
use stage0_store::{
    Asking, AskingBatch, Attempt, Decided, FoundTicket, NewRecord, RunId, StoreError, Ticket,
    TicketId,
};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, parse_request};

use super::made::{Made, Recording, decide_alone};
use super::tickets::{answered, is_known, note};
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
    /// Its id.
    pub(crate) request_id: String,
    /// Whether its client gave it the id, and so may ask again under it.
    pub(crate) is_named: bool,
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
    /// The approval that it waits for.
    pub(crate) ticket: Option<TicketId>,
    /// Whether it was given before.
    pub(crate) is_repeated: bool,
}

/// A question as work for the thread that writes: it owns everything that it needs.
struct Question {
    policy: Arc<Policy>,
    asked: Asked,
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
        let run = run_of(&request)?;
        let host = Host {
            request_id: &asked.request_id,
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
        let request_id = question.asked.request_id.clone();
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
                    ticket: made.ticket,
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
        let base = &asked.request_id;
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
            is_named: asked.is_named,
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
                                ticket: made.ticket,
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
        ticket: None,
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
        if self.asked.is_named {
            let since = Duration::from_ms(REPEAT_WITHIN_MS).unwrap_or(Duration::ZERO);
            let since = now.checked_sub(since).unwrap_or(now);
            let before = book
                .group()
                .find_repeated(&self.asked.request_id, &self.digest, since)?;
            if let Some(line) = before {
                return Ok(Kept::Before(line));
            }
        }
        if let Some(refusal) = use_up(book, &self.asked.caller, now, 1)? {
            return Ok(Kept::Refused(refusal));
        }
        let decided;
        let (made, at) = match made {
            // Nobody is asked about it, and nobody was.
            Some((made, at)) if made.verdict == Verdict::Deny => (made, *at),
            Some((made, at)) if made.verdict == Verdict::Allow && !is_known(book, &made.about)? => {
                (made, *at)
            }
            _ => {
                decided = self.decide(book, now)?;
                (&decided, now)
            }
        };
        add(
            book,
            made,
            at,
            NewRecord {
                request_id: Some(&self.asked.request_id),
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
    fn decide(&self, book: &mut Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let request = parse_request(&self.asked.body).map_err(|_| unreadable())?;
        let step = Step {
            policy: &self.policy,
            request: &request,
            body: &self.asked.body,
            request_id: &self.asked.request_id,
            run: self.run.as_ref(),
            record: self.record,
            secret: &self.secret,
        };
        step.decide(book, now)
    }
}

/// One request that is decided with what is kept.
struct Step<'s> {
    policy: &'s Policy,
    request: &'s Request<'s>,
    body: &'s [u8],
    request_id: &'s str,
    run: Option<&'s RunId>,
    record: Record,
    secret: &'s [u8; REDACTION_SECRET_BYTES],
}

impl<'s> Step<'s> {
    /// Decides, also by what people answered about the same action; where it has to wait for people, they
    /// are asked.
    fn decide(&self, book: &mut Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let host = Host {
            request_id: self.request_id,
            ..Host::default()
        };
        let alone = self.attempt(book, &host, now)?;
        let Some(found) = answered(book, &alone.look().decision, self.run)? else {
            return self.put(book, alone, &host);
        };
        let host = Host {
            approvals: &found.ticket.answers,
            ..host
        };
        let with_answers = self.attempt(book, &host, now)?;
        let is_denied = with_answers.look().decision.verdict == Verdict::Deny;
        match found.ticket.rejected_by().filter(|_| !is_denied) {
            None => self.put(book, with_answers, &host),
            // A no stands, though no rule asks for a yes any more.
            rejected_by => {
                let host = Host {
                    rejected_by,
                    ..host
                };
                let refused = self.attempt(book, &host, now)?;
                self.put(book, refused, &host)
            }
        }
    }

    fn attempt<'h>(
        &'h self,
        book: &Book<'_>,
        host: &'h Host<'h>,
        now: Timestamp,
    ) -> Result<Attempt<Decided<'h>>, StoreError> {
        let asking = Asking {
            policy: self.policy,
            request: self.request,
            host,
            run: self.run,
        };
        asking.attempt(book.states(), now)
    }

    fn put(
        &self,
        book: &mut Book<'_>,
        attempt: Attempt<Decided<'_>>,
        host: &Host<'_>,
    ) -> Result<Made, StoreError> {
        // Nobody else writes, so nobody was faster.
        let decided = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
        self.take(book, &decided, host)
    }

    /// Takes down what was decided.
    fn take(
        &self,
        book: &mut Book<'_>,
        decided: &Decided<'_>,
        host: &Host<'_>,
    ) -> Result<Made, StoreError> {
        let recording = Recording {
            policy: self.policy,
            request: self.request,
            body: self.body,
            host,
            run: self.run,
            record: self.record,
            secret: self.secret,
        };
        let decision = &decided.decision;
        let facts = recording.facts(decision);
        let ticket = note(book, decision, self.run, &facts, decided.now)?;
        let mut made = recording.take(decided);
        made.ticket = ticket;
        Ok(made)
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
        let steps: Vec<Step<'_>> = requests
            .iter()
            .zip(&self.bodies)
            .zip(self.ids.iter().zip(&self.runs))
            .map(|((request, body), (request_id, run))| Step {
                policy: &self.policy,
                request,
                body,
                request_id,
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
                    asked: Some(self.digest),
                    run: step.run.map(RunId::as_str),
                    latency_us: u64::try_from(self.since.elapsed().as_micros()).ok(),
                    ..NewRecord::default()
                },
            )?;
        }
        Ok(Ok(made.into_iter().map(Kept::Made).collect()))
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

/// Decides requests that run together or not at all, also by what people answered about each.
fn decide_together(
    book: &mut Book<'_>,
    steps: &[Step<'_>],
    now: Timestamp,
) -> Result<Vec<Made>, StoreError> {
    let nothing = vec![Vec::new(); steps.len()];
    let asked = with_hosts(steps, &nothing, &[]);
    let alone = attempt_together(book, steps, &asked, now)?;
    let decided = alone.look().iter().zip(steps);
    let found = decided.map(|(decided, step)| answered(book, &decided.decision, step.run));
    let found: Vec<Option<FoundTicket>> = found.collect::<Result<_, _>>()?;
    if found.iter().all(Option::is_none) {
        return put_together(book, steps, alone, &asked);
    }
    let tickets = || {
        found
            .iter()
            .map(|found| found.as_ref().map(|found| &found.ticket))
    };
    let answers: Vec<Vec<ApprovalRecord>> = tickets()
        .map(|ticket| ticket.map_or_else(Vec::new, |ticket| ticket.answers.clone()))
        .collect();
    let asked = with_hosts(steps, &answers, &[]);
    let with_answers = attempt_together(book, steps, &asked, now)?;
    let no: Vec<Option<&str>> = tickets()
        .map(|ticket| ticket.and_then(Ticket::rejected_by))
        .collect();
    let all = with_answers.look().iter();
    let is_denied = all.map(|decided| decided.decision.verdict).max() == Some(Verdict::Deny);
    if is_denied || no.iter().all(Option::is_none) {
        return put_together(book, steps, with_answers, &asked);
    }
    let asked = with_hosts(steps, &answers, &no);
    let refused = attempt_together(book, steps, &asked, now)?;
    put_together(book, steps, refused, &asked)
}

fn with_hosts<'h>(
    steps: &'h [Step<'_>],
    answers: &'h [Vec<ApprovalRecord>],
    no: &[Option<&'h str>],
) -> Vec<(&'h Request<'h>, Host<'h>)> {
    let each = steps.iter().zip(answers).enumerate();
    each.map(|(position, (step, approvals))| {
        let host = Host {
            request_id: step.request_id,
            approvals,
            rejected_by: no.get(position).copied().flatten(),
            ..Host::default()
        };
        (step.request, host)
    })
    .collect()
}

fn attempt_together<'h>(
    book: &Book<'_>,
    steps: &'h [Step<'_>],
    requests: &'h [(&'h Request<'h>, Host<'h>)],
    now: Timestamp,
) -> Result<Attempt<Vec<Decided<'h>>>, StoreError> {
    let Some(first) = steps.first() else {
        return Err(StoreError::Unreadable(
            "there is nothing to decide".to_owned(),
        ));
    };
    let asking = AskingBatch {
        policy: first.policy,
        requests,
        run: first.run,
    };
    asking.attempt(book.states(), now)
}

fn put_together(
    book: &mut Book<'_>,
    steps: &[Step<'_>],
    attempt: Attempt<Vec<Decided<'_>>>,
    asked: &[(&Request<'_>, Host<'_>)],
) -> Result<Vec<Made>, StoreError> {
    let decided = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
    let each = steps.iter().zip(asked).zip(&decided);
    each.map(|((step, (_, host)), decided)| step.take(book, decided, host))
        .collect()
}

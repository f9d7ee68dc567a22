//! Decisions: made, counted and kept before anybody hears of them.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use stage0_engine::digest::Digest;
use stage0_engine::document::ValueRef;
use stage0_engine::host::Host;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::{Duration, Timestamp};
use stage0_store::{NewRecord, RunId, StoreError, TicketId};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, parse_request};

use super::made::{Made, Recording, decide_alone};
use super::step::Step;
use super::tickets::is_known;
use super::{Audit, Record, Service};
use crate::halt::Halt;
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
    digest: Option<Digest>,
    run: Option<RunId>,
    record: Record,
    secret: [u8; REDACTION_SECRET_BYTES],
    halt: Halt,
}

/// What came of the work.
pub(super) enum Kept {
    Made(Arc<Made>),
    /// It was answered before: the line that says so.
    Before(String),
    Refused(Refusal),
}

impl Service {
    /// Decides one request.
    pub(crate) async fn check(&self, asked: Asked) -> Result<Answered, Refusal> {
        let policy = self.policy.policy();
        let request = Self::admit(&policy, &asked.body, &asked.caller)?;
        let now = self.now()?;
        let run = run_of(&request)?;
        let host = Host {
            request_id: &asked.request_id,
            mode: self.halt.mode(),
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
            let made = recording.take(&decide_alone(&policy, &request, &host, now));
            (Arc::new(made), now)
        });
        drop(request);
        let question = Question {
            // Only what may be asked again is looked for.
            digest: asked.is_named.then(|| digest_of(&asked)),
            policy,
            run,
            record: self.record,
            secret: self.secret,
            halt: self.halt.clone(),
            asked,
        };
        self.keep(question, made).await
    }

    /// Whether a text is a request that may be asked here.
    pub(super) fn admit<'t>(
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
        made: Option<(Arc<Made>, Timestamp)>,
    ) -> Result<Answered, Refusal> {
        let request_id = question.asked.request_id.clone();
        let caller = Arc::clone(&question.asked.caller);
        let since = question.asked.since;
        let alone = made.as_ref().map(|(made, _)| Arc::clone(made));
        let kept = self
            .ledger
            .write(move |book| question.keep(book, made.as_ref()))
            .await;
        self.note(&kept);
        let kept = match (kept, alone) {
            (Ok(kept), _) => kept,
            (Err(error), Some(made))
                if self.audit == Audit::BestEffort
                    && (made.verdict != Verdict::Allow || !self.halt.is_on()) =>
            {
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
                    decision: made.answer.clone(),
                    ticket: made.ticket.clone(),
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

    pub(super) fn count_refusal(&self, refusal: &Refusal, caller: &Caller) {
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
}

/// What tells one question from another: who asks, and every byte of what.
pub(super) fn digest_of(asked: &Asked) -> Digest {
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
    let Some(run) = run.and_then(ValueRef::as_str) else {
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
pub(super) fn before(request_id: String, line: &str) -> Result<Answered, Refusal> {
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
        made: Option<&(Arc<Made>, Timestamp)>,
    ) -> Result<Kept, StoreError> {
        let now = book.now()?;
        let is_halted = self.halt.is_on();
        // What was said before, or is said while everything is denied, is not said again.
        let digest = self.digest.filter(|_| !is_halted);
        if let Some(digest) = &digest {
            let since = Duration::from_ms(REPEAT_WITHIN_MS).unwrap_or(Duration::ZERO);
            let since = now.checked_sub(since).unwrap_or(now);
            let before = book
                .group()
                .find_repeated(&self.asked.request_id, digest, since)?;
            if let Some(line) = before {
                return Ok(Kept::Before(line));
            }
        }
        if let Some(refusal) = use_up(book, &self.asked.caller, now, 1)? {
            return Ok(Kept::Refused(refusal));
        }
        let (made, at) = match made {
            // Nobody is asked about it, and nobody was.
            Some((made, at)) if made.verdict == Verdict::Deny => (Arc::clone(made), *at),
            Some((made, at))
                if made.verdict == Verdict::Allow
                    && !is_halted
                    && !is_known(book, &made.about)? =>
            {
                (Arc::clone(made), *at)
            }
            _ => (Arc::new(self.decide(book, now)?), now),
        };
        add(
            book,
            &made,
            at,
            NewRecord {
                request_id: Some(&self.asked.request_id),
                key_id: Some(&self.asked.caller.key_id),
                asked: digest,
                run: self.run.as_ref().map(RunId::as_str),
                latency_us: u64::try_from(self.asked.since.elapsed().as_micros()).ok(),
                ..NewRecord::default()
            },
        )?;
        Ok(Kept::Made(made))
    }

    /// Decides with what is kept.
    fn decide(&self, book: &mut Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let request = parse_request(&self.asked.body).map_err(|_| unreadable())?;
        let step = Step {
            policy: &self.policy,
            request: &request,
            body: &self.asked.body,
            request_id: &self.asked.request_id,
            mode: self.halt.mode(),
            run: self.run.as_ref(),
            record: self.record,
            secret: &self.secret,
        };
        step.decide(book, now)
    }
}

pub(super) fn unreadable() -> StoreError {
    StoreError::Unreadable("a request that was read could not be read again".to_owned())
}

pub(super) fn add(
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
    book.add(&made.record, &made.packed, &found_by)
}

/// Counts decisions against a plan; why not, where one is used up.
pub(super) fn use_up(
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

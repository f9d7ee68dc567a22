//! Decisions with what a store keeps of runs, limits and people's answers, as Python asks for them.

use std::path::Path;

use pyo3::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_store::{
    Consulted, Consulting, ConsultingBatch, Decided, Keeper, MemoryStore, PersonsAnswer, Recording,
    RunId, SqliteStore, StateStore, StoreError, Telling, Ticket, TicketId, Yes, system_clock,
};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::question::check_request_id;
use stage0_wire::report::ReportText;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, parse_approval_token, parse_request};

use crate::NativePolicy;
use crate::asked::instant;
use crate::border::guarded;
use crate::refusal::{REQUEST, STORE, TICKET, refused, unkept};
use crate::snapshot::snapshot;

/// Keeps runs, what they share, and what people are asked. Threads share it.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct NativeKeeper {
    keeper: Keeper<Box<dyn StateStore>>,
    /// What redacted facts of records are digested with.
    secret: [u8; REDACTION_SECRET_BYTES],
}

/// A verdict, the decision's text, its record where one was wanted, and the ticket that it waits for.
type Consult = (&'static str, String, Option<String>, Option<String>);

/// Why there is no answer.
enum Wrong {
    Request(Vec<Problem>),
    Ticket(Problem),
    Store(StoreError),
}

impl Wrong {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Request(problems) => refused(py, REQUEST, &problems),
            Self::Ticket(problem) => refused(py, TICKET, &[problem]),
            Self::Store(error) => unkept(py, &error),
        }
    }
}

impl From<Vec<Problem>> for Wrong {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Request(problems)
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self::Request(vec![problem])
    }
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What every question comes with.
struct Asked<'a> {
    policy: &'a Policy,
    run: Option<RunId>,
    /// Whether records are wanted, and of the whole request.
    record: Option<bool>,
    secret: &'a [u8; REDACTION_SECRET_BYTES],
}

#[pymethods]
impl NativeKeeper {
    /// One that keeps them in this file, or in memory where there is none.
    #[new]
    #[pyo3(signature = (path, secret))]
    fn new(
        py: Python<'_>,
        path: Option<&str>,
        secret: [u8; REDACTION_SECRET_BYTES],
    ) -> PyResult<Self> {
        guarded(py, STORE, || {
            let opened = py.detach(|| -> Result<Box<dyn StateStore>, StoreError> {
                Ok(match path {
                    Some(path) => Box::new(SqliteStore::open(Path::new(path))?),
                    None => Box::new(MemoryStore::new()),
                })
            });
            let keeper = Keeper::new(opened.map_err(|error| unkept(py, &error))?);
            Ok(Self { keeper, secret })
        })
    }

    /// Decides a request by what is kept and by what people answered, and keeps what comes out.
    #[expect(
        clippy::too_many_arguments,
        reason = "the Python half alone calls this"
    )]
    #[pyo3(signature = (policy, request, request_id, run, record, now))]
    fn check(
        &self,
        py: Python<'_>,
        policy: &NativePolicy,
        request: &Bound<'_, PyAny>,
        request_id: &str,
        run: Option<&str>,
        record: Option<bool>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Consult> {
        guarded(py, REQUEST, || {
            let clock = clock(py, now)?;
            let text =
                snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, REQUEST))?;
            let made = py.detach(|| {
                let asked = self.asked(policy, run, record)?;
                let request = admitted(asked.policy, text.bytes(), request_id)?;
                let consulting = asked.consulting(&request, request_id);
                let take = |decided: &Decided<'_>, host: &Host<'_>| {
                    asked.take(&request, text.bytes(), decided, host)
                };
                Ok(told(self.keeper.consult(&consulting, &clock, take)?))
            });
            made.map_err(|wrong: Wrong| wrong.raise(py))
        })
    }

    /// Decides as `check` does, for those who only look: nothing is kept and nobody is asked.
    #[pyo3(signature = (policy, request, request_id, run, now))]
    fn peek(
        &self,
        py: Python<'_>,
        policy: &NativePolicy,
        request: &Bound<'_, PyAny>,
        request_id: &str,
        run: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Consult> {
        guarded(py, REQUEST, || {
            let clock = clock(py, now)?;
            let text =
                snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, REQUEST))?;
            let made = py.detach(|| {
                let asked = self.asked(policy, run, None)?;
                let request = admitted(asked.policy, text.bytes(), request_id)?;
                let consulting = asked.consulting(&request, request_id);
                let take = |decided: &Decided<'_>, host: &Host<'_>| {
                    asked.take(&request, text.bytes(), decided, host)
                };
                let now = clock().ok_or(StoreError::Clock)?;
                let attempt = consulting.attempt(self.keeper.store(), now, take)?;
                Ok(told(attempt.into_look()))
            });
            made.map_err(|wrong: Wrong| wrong.raise(py))
        })
    }

    /// Decides requests that run together or not at all, each with its own id.
    #[expect(
        clippy::too_many_arguments,
        reason = "the Python half alone calls this"
    )]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a list is handed over like this by pyo3"
    )]
    #[pyo3(signature = (policy, requests, request_ids, run, record, now))]
    fn check_batch(
        &self,
        py: Python<'_>,
        policy: &NativePolicy,
        requests: Vec<String>,
        request_ids: Vec<String>,
        run: Option<&str>,
        record: Option<bool>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Consult>> {
        guarded(py, REQUEST, || {
            let clock = clock(py, now)?;
            let made = py.detach(|| {
                let asked = self.asked(policy, run, record)?;
                let mut read = Vec::with_capacity(requests.len());
                for (text, id) in requests.iter().zip(&request_ids) {
                    read.push(admitted(asked.policy, text.as_bytes(), id)?);
                }
                let hosted: Vec<(&Request<'_>, Host<'_>)> = read
                    .iter()
                    .zip(&request_ids)
                    .map(|(request, id)| (request, named(id)))
                    .collect();
                let consulting = ConsultingBatch {
                    policy: asked.policy,
                    requests: &hosted,
                    run: asked.run.as_ref(),
                    may_have_tickets: true,
                };
                let take = |position: usize, decided: &Decided<'_>, host: &Host<'_>| {
                    let (request, text) = (read.get(position)?, requests.get(position)?);
                    Some(asked.take(request, text.as_bytes(), decided, host))
                };
                let all = self.keeper.consult_batch(&consulting, &clock, take)?;
                let each = all.into_iter().filter_map(|consulted| {
                    let Consulted { taken, ticket } = consulted;
                    taken.map(|taken| told(Consulted { taken, ticket }))
                });
                Ok(each.collect())
            });
            made.map_err(|wrong: Wrong| wrong.raise(py))
        })
    }

    /// Takes the host's word on what became of a call: whether it is known, and the record of it.
    #[expect(
        clippy::too_many_arguments,
        reason = "the Python half alone calls this"
    )]
    #[pyo3(signature = (run, id, action, outcome, cost, now))]
    fn report(
        &self,
        py: Python<'_>,
        run: Option<&str>,
        id: &str,
        action: &str,
        outcome: &str,
        cost: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(bool, String)> {
        guarded(py, REQUEST, || {
            let clock = clock(py, now)?;
            let told = py.detach(|| {
                let text = ReportText {
                    id,
                    action,
                    outcome,
                    cost,
                };
                let report = text.read()?;
                let named = run_of(run)?;
                let telling = Telling {
                    run: named.as_ref(),
                    report: &report,
                };
                let is_known = self.keeper.report(&telling, &clock)?;
                let at = clock().ok_or(StoreError::Clock)?;
                Ok((is_known, text.record(run, at, None)?))
            });
            told.map_err(|wrong: Wrong| wrong.raise(py))
        })
    }

    /// Drops what cannot matter any more; how many rows.
    #[pyo3(signature = (now=None))]
    fn purge(&self, py: Python<'_>, now: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        guarded(py, STORE, || {
            let clock = clock(py, now)?;
            let dropped = py.detach(|| self.keeper.purge(&clock));
            dropped.map_err(|error| unkept(py, &error))
        })
    }

    /// Tickets as JSON, those that were changed longest ago first.
    #[pyo3(signature = (now=None))]
    fn tickets(&self, py: Python<'_>, now: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
        guarded(py, STORE, || {
            let clock = clock(py, now)?;
            let listed = py.detach(|| {
                let now = clock().ok_or(StoreError::Clock)?;
                let tickets = Ticket::list(self.keeper.store())?;
                Ok(tickets
                    .iter()
                    .map(|ticket| ticket.to_shown_json(now))
                    .collect())
            });
            listed.map_err(|error: StoreError| unkept(py, &error))
        })
    }

    /// Takes a person's yes to a ticket; the ticket after it, as JSON.
    #[expect(
        clippy::too_many_arguments,
        reason = "the Python half alone calls this"
    )]
    #[pyo3(signature = (id, by, roles, reason, expires_at, now))]
    fn grant(
        &self,
        py: Python<'_>,
        id: &str,
        by: String,
        roles: Vec<String>,
        reason: Option<String>,
        expires_at: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, TICKET, || {
            let expires_at = expires_at.map(|at| instant(Some(at)));
            let expires_at = expires_at
                .transpose()
                .map_err(|stop| stop.raise(py, TICKET))?;
            let yes = Yes {
                by,
                roles,
                reason,
                expires_at,
            };
            self.answered(py, id, &PersonsAnswer::Yes(yes), now)
        })
    }

    /// Takes a person's no to a ticket; the ticket after it, as JSON.
    #[pyo3(signature = (id, by, roles, reason, now))]
    fn reject(
        &self,
        py: Python<'_>,
        id: &str,
        by: String,
        roles: Vec<String>,
        reason: Option<String>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, TICKET, || {
            let no = PersonsAnswer::No { by, roles, reason };
            self.answered(py, id, &no, now)
        })
    }

    /// Takes a signed answer to a ticket; the ticket after it, as JSON.
    #[pyo3(signature = (id, token, now))]
    fn take_signed(
        &self,
        py: Python<'_>,
        id: &str,
        token: &str,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, TICKET, || {
            let record = parse_approval_token(token).map_err(|reason| {
                let message = format!("this is no signed approval: {reason}");
                Wrong::Ticket(Problem::new(ProblemCode::TokenInvalid, message)).raise(py)
            })?;
            self.answered(py, id, &PersonsAnswer::Signed(record), now)
        })
    }
}

impl NativeKeeper {
    fn asked<'a>(
        &'a self,
        policy: &'a NativePolicy,
        run: Option<&str>,
        record: Option<bool>,
    ) -> Result<Asked<'a>, Wrong> {
        Ok(Asked {
            policy: policy.policy(),
            run: run_of(run)?,
            record,
            secret: &self.secret,
        })
    }

    fn answered(
        &self,
        py: Python<'_>,
        id: &str,
        answer: &PersonsAnswer,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let clock = clock(py, now)?;
        let taken = py.detach(|| {
            let refused =
                |message: String| Wrong::Ticket(Problem::new(ProblemCode::AnswerRefused, message));
            let unknown = || refused(format!("there is no ticket `{id}`"));
            let id = TicketId::parse(id).ok_or_else(unknown)?;
            let taken = self
                .keeper
                .answer(&id, answer, &clock)?
                .ok_or_else(unknown)?;
            let ticket = taken.map_err(|error| refused(error.to_string()))?;
            let now = clock().ok_or(StoreError::Clock)?;
            Ok(ticket.to_shown_json(now))
        });
        taken.map_err(|wrong: Wrong| wrong.raise(py))
    }
}

impl Asked<'_> {
    fn consulting<'q>(&'q self, request: &'q Request<'q>, request_id: &'q str) -> Consulting<'q> {
        Consulting {
            policy: self.policy,
            request,
            host: named(request_id),
            run: self.run.as_ref(),
            may_have_tickets: true,
        }
    }

    /// What is told of a decision.
    fn take(
        &self,
        request: &Request<'_>,
        body: &[u8],
        decided: &Decided<'_>,
        host: &Host<'_>,
    ) -> (Verdict, String, Option<String>) {
        let verdict = decided.decision.verdict;
        let Some(is_full) = self.record else {
            return (verdict, decided.to_json(), None);
        };
        let recording = Recording {
            policy: self.policy,
            request,
            body,
            host,
            run: self.run.as_ref(),
            is_full,
            secret: self.secret,
        };
        let (decision, record) = recording.take(decided);
        (verdict, decision, Some(record))
    }
}

fn told(consulted: Consulted<(Verdict, String, Option<String>)>) -> Consult {
    let (verdict, decision, record) = consulted.taken;
    let ticket = consulted.ticket.map(|id| id.to_string());
    (verdict.as_str(), decision, record, ticket)
}

fn named(request_id: &str) -> Host<'_> {
    Host {
        request_id,
        ..Host::default()
    }
}

/// A text, if it is a request that this policy may be asked under this id.
fn admitted<'t>(policy: &Policy, text: &'t [u8], request_id: &str) -> Result<Request<'t>, Wrong> {
    check_request_id(request_id)?;
    let request = parse_request(text)?;
    policy.admit(&request)?;
    Ok(request)
}

fn run_of(run: Option<&str>) -> Result<Option<RunId>, Wrong> {
    let named = run.map(RunId::new).transpose();
    named.map_err(|error| Problem::new(ProblemCode::HostInvalid, error.to_string()).into())
}

/// What tells the time: a host's word, or this machine.
fn clock(
    py: Python<'_>,
    now: Option<&Bound<'_, PyAny>>,
) -> PyResult<impl Fn() -> Option<Timestamp> + use<>> {
    let said = now.map(|now| instant(Some(now))).transpose();
    let said = said.map_err(|stop| stop.raise(py, REQUEST))?;
    Ok(move || said.or_else(system_clock))
}

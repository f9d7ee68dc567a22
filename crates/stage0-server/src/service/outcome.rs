//! What became of a call that was allowed.

use stage0_audit::trace::{Told as Traced, Trace, read_trace};
use stage0_store::{FoundRecord, Looked, NewRecord, Packed, RunId, StoreError, Telling};
use stage0_wire::record::record_report;
use stage0_wire::report::ReportText;

use super::Service;
use super::lists::record_of;
use crate::ledger::Book;
use crate::refusal::Refusal;

/// What somebody tells.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The request that was decided.
    pub(crate) request_id: String,
    /// `executed`, `failed` or `stopped`.
    pub(crate) outcome: String,
    /// What it did cost, in US dollars.
    pub(crate) cost: Option<String>,
    /// Who tells.
    pub(crate) key_id: String,
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is written down.
    New,
    /// It had been told before.
    Again,
}

enum Kept {
    Taken(Taken),
    Refused(Refusal),
}

impl Service {
    /// Writes down what became of a call, and gives back what it does not spend.
    pub(crate) async fn tell(&self, told: Told) -> Result<Taken, Refusal> {
        check(&told)?;
        let kept = self.ledger.write(move |book| keep(book, &told)).await;
        self.note(&kept);
        match kept? {
            Kept::Taken(taken) => Ok(taken),
            Kept::Refused(refusal) => Err(refusal),
        }
    }
}

/// Whether the words are some that can be told.
fn check(told: &Told) -> Result<(), Refusal> {
    let digits = "0".repeat(64);
    ReportText {
        id: "call",
        action: &digits,
        outcome: &told.outcome,
        cost: told.cost.as_deref(),
    }
    .read()?;
    Ok(())
}

fn keep(book: &mut Book<'_>, told: &Told) -> Result<Kept, StoreError> {
    let store = book.group().store();
    let looked = Looked {
        request_id: Some(&told.request_id),
        count: 1,
        ..Looked::default()
    };
    let Some(found) = store.decisions(&looked)?.pop() else {
        let message = format!("No decision has the request id `{}`", told.request_id);
        return Ok(Kept::Refused(Refusal::NotFound(message)));
    };
    let trace = trace_of(&found)?;
    if trace.verdict != "ALLOW" && told.outcome != "stopped" {
        let message = format!(
            "The request was not allowed, it was {}: it can only be `stopped`, and not `{}`",
            trace.verdict, told.outcome
        );
        return Ok(Kept::Refused(Refusal::Conflict(message)));
    }
    let before = store.outcomes(&told.request_id)?;
    if let Some(before) = before.iter().rfind(|before| before.seq > found.seq) {
        let same = before.outcome.as_deref() == Some(&*told.outcome);
        return Ok(if same {
            Kept::Taken(Taken::Again)
        } else {
            let was = before.outcome.as_deref().unwrap_or("?");
            Kept::Refused(Refusal::Conflict(format!(
                "The outcome of this request was told before, as `{was}`"
            )))
        });
    }
    let now = book.now()?;
    let run = found.run.as_deref().and_then(|run| RunId::new(run).ok());
    let text = ReportText {
        id: trace.call.as_deref().unwrap_or(&trace.request_id),
        action: &trace.action,
        outcome: &told.outcome,
        cost: told.cost.as_deref(),
    };
    let report = text.read().map_err(|_| damaged())?;
    let telling = Telling {
        run: run.as_ref(),
        report: &report,
    };
    // Whether anything is held for the call matters to nobody: what became of it is worth knowing.
    let attempt = telling.attempt(book.states(), now)?;
    let _ = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
    let record = record_report(found.run.as_deref(), &text, now, None);
    book.add(
        &record,
        &Packed::of(&record),
        &NewRecord {
            at: Some(now),
            request_id: Some(&told.request_id),
            key_id: Some(&told.key_id),
            run: found.run.as_deref(),
            outcome: Some(&told.outcome),
            ..NewRecord::default()
        },
    )?;
    Ok(Kept::Taken(Taken::New))
}

pub(super) fn damaged() -> StoreError {
    StoreError::Damaged("a record is not what was written".to_owned())
}

/// What a line tells of a decision.
pub(super) fn trace_of(found: &FoundRecord) -> Result<Trace, StoreError> {
    let record = record_of(&found.line).ok_or_else(damaged)?;
    match read_trace("record", record).map_err(|_| damaged())? {
        Traced::Decision(trace) => Ok(*trace),
        Traced::Outcome(_) => Err(damaged()),
    }
}

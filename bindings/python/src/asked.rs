//! What a host adds to a request, as Python hands it over: read once, and then part of a question.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use stage0_engine::limits::{POLICY_BYTES_MAX, REQUEST_BYTES_MAX};
use stage0_engine::time::Timestamp;
use stage0_wire::batch::Batch;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::question::{Question, parse_now};

use crate::snapshot::{Snapshot, Stop, snapshot, text_of_str};

/// What the host adds, as every door that is asked takes it.
#[derive(Clone, Copy)]
pub(crate) struct Added<'a, 'py> {
    /// A `Host` of the Python half.
    pub(crate) host: Option<&'a Bound<'py, PyAny>>,
    /// The run's state, as a request is given.
    pub(crate) state: Option<&'a Bound<'py, PyAny>>,
    /// RFC 3339 text, or what the Python half reads as a time; the clock's where there is none.
    pub(crate) now: Option<&'a Bound<'py, PyAny>>,
}

/// The same as texts.
struct AddedTexts<'t> {
    request_id: Option<&'t str>,
    mode: Option<&'t str>,
    approvals: Option<&'t str>,
    state: Option<&'t str>,
    now: Timestamp,
}

impl Added<'_, '_> {
    /// Hands the texts over, which stand as long as they are used.
    fn with<T>(&self, take: impl FnOnce(&AddedTexts<'_>) -> T) -> Result<T, Stop> {
        let words = self.host.map(Words::of).transpose()?.unwrap_or_default();
        let state = self.state.map(|state| snapshot(state, POLICY_BYTES_MAX));
        let state = state.transpose()?;
        let approvals = words.approvals.as_ref();
        let approvals = approvals.map(|records| snapshot(records, POLICY_BYTES_MAX));
        let approvals = approvals.transpose()?;
        Ok(take(&AddedTexts {
            request_id: words.request_id.as_ref().map(text_of_str).transpose()?,
            mode: words.mode.as_ref().map(text_of_str).transpose()?,
            approvals: approvals.as_ref().map(Snapshot::text).transpose()?,
            state: state.as_ref().map(Snapshot::text).transpose()?,
            now: instant(self.now)?,
        }))
    }

    /// Hands over the question that they make with a request.
    pub(crate) fn ask<T>(
        &self,
        request: &Bound<'_, PyAny>,
        answer: impl FnOnce(&Question<'_>) -> T,
    ) -> Result<T, Stop> {
        let request = snapshot(request, REQUEST_BYTES_MAX)?;
        self.with(|added| {
            answer(&Question {
                request: request.bytes(),
                request_id: added.request_id,
                mode: added.mode,
                approvals: added.approvals,
                state: added.state,
                now: added.now,
            })
        })
    }

    /// Hands over the batch that they make with requests.
    pub(crate) fn ask_batch<T>(
        &self,
        requests: &[Bound<'_, PyAny>],
        is_atomic: bool,
        answer: impl FnOnce(&Batch<'_>) -> T,
    ) -> Result<T, Stop> {
        let requests = requests.iter();
        let requests = requests.map(|request| snapshot(request, REQUEST_BYTES_MAX));
        let requests = requests.collect::<Result<Vec<_>, Stop>>()?;
        let texts: Vec<&[u8]> = requests.iter().map(Snapshot::bytes).collect();
        self.with(|added| {
            answer(&Batch {
                requests: &texts,
                request_id: added.request_id,
                mode: added.mode,
                approvals: added.approvals,
                state: added.state,
                now: added.now,
                is_atomic,
            })
        })
    }
}

/// The word of a host.
#[derive(Default)]
struct Words<'py> {
    request_id: Option<Bound<'py, PyString>>,
    mode: Option<Bound<'py, PyString>>,
    approvals: Option<Bound<'py, PyAny>>,
}

impl<'py> Words<'py> {
    fn of(host: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = host.py();
        let approvals = host.getattr(intern!(py, "approvals"))?;
        Ok(Self {
            request_id: word(&host.getattr(intern!(py, "request_id"))?)?,
            mode: word(&host.getattr(intern!(py, "mode"))?)?,
            // No records and an empty text are no answers.
            approvals: approvals.is_truthy()?.then_some(approvals),
        })
    }
}

fn word<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    if value.is_none() {
        return Ok(None);
    }
    Ok(Some(value.cast::<PyString>()?.clone()))
}

/// The time that is meant: that of the clock where there is none.
pub(crate) fn instant(now: Option<&Bound<'_, PyAny>>) -> Result<Timestamp, Stop> {
    let now = match now {
        None => clock(),
        Some(now) => match now.cast::<PyString>() {
            Ok(text) => Some(parse_now(text_of_str(text)?)?),
            Err(_) => Timestamp::from_ms(milliseconds(now)?),
        },
    };
    now.ok_or_else(|| {
        let message = "`now` is not between the years 1 and 9999";
        Problem::new(ProblemCode::HostInvalid, message).into()
    })
}

/// Milliseconds since the epoch of a `datetime`. Nothing else is a time.
fn milliseconds(now: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = now.py();
    let half = py.import(intern!(py, "stage0._policy"))?;
    half.call_method1(intern!(py, "milliseconds"), (now,))?
        .extract()
}

fn clock() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_ms(i64::try_from(since.as_millis()).ok()?)
}

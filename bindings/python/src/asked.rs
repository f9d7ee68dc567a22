//! A request with what its host adds, as Python hands them over: read once, and then a question.

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

/// What every door that is asked takes.
pub(crate) struct Asked<'a, 'py> {
    /// A text, or a value that has a JSON text.
    pub(crate) request: &'a Bound<'py, PyAny>,
    pub(crate) beside: Beside<'a, 'py>,
}

/// What is handed over beside the request.
pub(crate) struct Beside<'a, 'py> {
    /// A `Host` of the Python half.
    pub(crate) host: Option<&'a Bound<'py, PyAny>>,
    /// The run's state, as the request is given.
    pub(crate) state: Option<&'a Bound<'py, PyAny>>,
    /// RFC 3339 text, or what the Python half reads as a time; the clock's where there is none.
    pub(crate) now: Option<&'a Bound<'py, PyAny>>,
}

impl Asked<'_, '_> {
    /// Hands the question over, whose texts stand as long as it is being answered.
    pub(crate) fn with<T>(&self, answer: impl FnOnce(&Question<'_>) -> T) -> Result<T, Stop> {
        let request = snapshot(self.request, REQUEST_BYTES_MAX)?;
        self.beside.with(|question| {
            answer(&Question {
                request: request.bytes(),
                ..*question
            })
        })
    }
}

impl Beside<'_, '_> {
    /// Hands over what several requests are asked with, as [`Asked::with`] does for one.
    pub(crate) fn with_batch<T>(
        &self,
        requests: &[Bound<'_, PyAny>],
        is_atomic: bool,
        answer: impl FnOnce(&Batch<'_>) -> T,
    ) -> Result<T, Stop> {
        let requests = requests.iter();
        let requests = requests.map(|request| snapshot(request, REQUEST_BYTES_MAX));
        let requests = requests.collect::<Result<Vec<Snapshot<'_>>, Stop>>()?;
        let requests: Vec<&[u8]> = requests.iter().map(Snapshot::bytes).collect();
        self.with(|question| {
            answer(&Batch {
                requests: &requests,
                request_id: question.request_id,
                mode: question.mode,
                approvals: question.approvals,
                state: question.state,
                now: question.now,
                is_atomic,
            })
        })
    }

    /// Hands over a question without its request.
    fn with<T>(&self, answer: impl FnOnce(&Question<'_>) -> T) -> Result<T, Stop> {
        let words = self.host.map(Words::of).transpose()?.unwrap_or_default();
        let state = self.state.map(|state| snapshot(state, POLICY_BYTES_MAX));
        let state = state.transpose()?;
        let approvals = words.approvals.as_ref();
        let approvals = approvals.map(|records| snapshot(records, POLICY_BYTES_MAX));
        let approvals = approvals.transpose()?;
        let question = Question {
            request_id: words.request_id.as_ref().map(text_of_str).transpose()?,
            mode: words.mode.as_ref().map(text_of_str).transpose()?,
            approvals: approvals.as_ref().map(|text| text.text()).transpose()?,
            state: state.as_ref().map(|text| text.text()).transpose()?,
            ..Question::new(b"", instant(self.now)?)
        };
        Ok(answer(&question))
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

//! A Python value as the JSON text that is decided about, taken once.
//!
//! Whatever a value does when it is looked at again, what was checked is what was hashed: everything is
//! read exactly once, from the storage of the built-in types and not through methods that a subclass
//! may have replaced. What JSON cannot hold exactly is refused with its place; nothing is rounded, and
//! no method of a stranger is called but `items()` of a mapping that is no dict, and `utcoffset()`.

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use crate::border::guarded;
use crate::refusal::{REQUEST, refused};
use crate::writer::write;

/// A JSON text that stands for the value it describes, numbers as they are written. Model libraries
/// hand over a call's arguments like this.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct JsonText {
    text: String,
}

#[pymethods]
impl JsonText {
    #[new]
    fn new(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Self> {
        guarded(py, REQUEST, || {
            Self::of(text).map_err(|stop| stop.raise(py, REQUEST))
        })
    }
}

impl JsonText {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn of(text: &Bound<'_, PyAny>) -> Result<Self, Stop> {
        let taken = snapshot(text, JsonLimits::REQUEST.bytes_max)?;
        // One whole value, so that it can stand inside another text.
        parse(taken.bytes(), &JsonLimits::REQUEST)
            .map_err(|error| json_problem("arguments", taken.bytes(), &error))?;
        Ok(Self {
            text: taken.text()?.to_owned(),
        })
    }
}

/// The text of a value: borrowed where the value is a text.
#[derive(Debug)]
pub(crate) enum Snapshot<'v> {
    Text(&'v str),
    Bytes(&'v [u8]),
    Made(String),
    Copied(Vec<u8>),
}

impl Snapshot<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Made(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }

    /// The same as text, which it need not be.
    pub(crate) fn text(&self) -> Result<&str, Problem> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Made(text) => Ok(text),
            Self::Bytes(_) | Self::Copied(_) => std::str::from_utf8(self.bytes()).map_err(|_| {
                Problem::new(ProblemCode::JsonInvalidUtf8, "the text is not valid UTF-8")
            }),
        }
    }
}

/// Why there is no snapshot.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The value has no exact form.
    Refused(Box<Problem>),
    /// A method of the value raised.
    Raised(PyErr),
}

impl Stop {
    pub(crate) fn raise(self, py: Python<'_>, class: &'static str) -> PyErr {
        match self {
            Self::Refused(problem) => refused(py, class, &[*problem]),
            Self::Raised(error) => error,
        }
    }
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

/// The text of a value: of `str` and `bytes` what they hold, of anything else its JSON.
pub(crate) fn snapshot<'v>(
    value: &'v Bound<'_, PyAny>,
    bytes_max: usize,
) -> Result<Snapshot<'v>, Stop> {
    if let Ok(text) = value.cast::<PyString>() {
        return text_of_str(text).map(Snapshot::Text);
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Snapshot::Bytes(bytes.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Snapshot::Copied(bytes.to_vec()));
    }
    write(value, bytes_max).map(Snapshot::Made)
}

/// What a `str` holds.
pub(crate) fn text_of_str<'v>(text: &'v Bound<'_, PyString>) -> Result<&'v str, Stop> {
    text.to_str().map_err(|error| {
        if !error.is_instance_of::<PyUnicodeEncodeError>(text.py()) {
            return error.into();
        }
        lone_surrogate("")
    })
}

pub(crate) fn lone_surrogate(place: &str) -> Stop {
    let message = format!("{LONE_SURROGATE}{place}");
    Problem::new(ProblemCode::JsonLoneSurrogate, message)
        .help(LONE_SURROGATE_HELP)
        .into()
}

const LONE_SURROGATE: &str = "half of a surrogate pair stands alone, which is not a character";
const LONE_SURROGATE_HELP: &str =
    "decode the bytes that it comes from with `errors=\"strict\"`, or replace what is no character";

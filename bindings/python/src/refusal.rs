//! Problems as Python sees them: two texts each, and an exception that carries them.
//!
//! The exceptions are classes of the Python half, so that they pickle, have annotations, and can be
//! subclassed like any other. Here they are found by name and raised.

use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use stage0_store::StoreError;
use stage0_wire::problem::Problem;

/// The exception for what is wrong with a policy.
pub(crate) const POLICY: &str = "PolicyError";
/// The exception for what is wrong with a request, or with what the host adds to it.
pub(crate) const REQUEST: &str = "RequestError";
/// The exception for a permit that is not issued, or does not count.
pub(crate) const PERMIT: &str = "PermitError";
/// The exception for what cannot be kept, or cannot be read any more.
pub(crate) const STORE: &str = "StoreError";
/// The exception for a person's answer that is not taken.
pub(crate) const TICKET: &str = "TicketError";
/// The exception for what is not written down, and for logs that cannot be read.
pub(crate) const AUDIT: &str = "AuditError";
/// The exception where nothing else is to blame.
pub(crate) const OWN: &str = "Stage0Error";

/// A problem as canonical JSON, and as a person reads it.
pub(crate) type Told = (String, String);

/// Each problem in both its forms.
pub(crate) fn told(problems: &[Problem]) -> Vec<Told> {
    let told = problems.iter();
    told.map(|problem| (problem.to_json(), problem.to_string()))
        .collect()
}

/// The exception of this class for these problems.
pub(crate) fn refused(py: Python<'_>, class: &'static str, problems: &[Problem]) -> PyErr {
    exception(py, class, "_of", (told(problems),))
}

/// The exception of this class for an engine that stopped half way.
pub(crate) fn failed(py: Python<'_>, class: &'static str, why: &str) -> PyErr {
    exception(py, class, "_failed", (why,))
}

/// The exception for a store that did not do what it was asked for.
pub(crate) fn unkept(py: Python<'_>, error: &StoreError) -> PyErr {
    exception(py, STORE, "_because", (error.code(), error.to_string()))
}

fn exception<'py>(
    py: Python<'py>,
    class: &'static str,
    constructor: &'static str,
    arguments: impl PyCallArgs<'py>,
) -> PyErr {
    let made = py
        .import("stage0._errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.getattr(constructor))
        .and_then(|make| make.call1(arguments));
    // Without the Python half there is no class to raise; why is then the better answer.
    made.map_or_else(|error| error, PyErr::from_value)
}

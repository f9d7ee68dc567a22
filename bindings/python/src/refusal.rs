//! Problems as Python sees them: two texts each, and an exception that carries them.
//!
//! The exceptions are classes of the Python half, so that they pickle, have annotations, and can be
//! subclassed like any other. Here they are found by name and raised.

use pyo3::prelude::*;
use stage0_wire::problem::Problem;

/// A problem as canonical JSON, and as a person reads it.
pub(crate) type Told = (String, String);

/// Each problem in both its forms.
pub(crate) fn told(problems: &[Problem]) -> Vec<Told> {
    let told = problems.iter();
    told.map(|problem| (problem.to_json(), problem.to_string()))
        .collect()
}

/// The exception for what is wrong with a policy.
pub(crate) fn policy_refused(py: Python<'_>, problems: &[Problem]) -> PyErr {
    exception(py, "PolicyError", problems)
}

/// The exception for what is wrong with a request, or with what the host adds to it.
pub(crate) fn request_refused(py: Python<'_>, problems: &[Problem]) -> PyErr {
    exception(py, "RequestError", problems)
}

fn exception(py: Python<'_>, class: &str, problems: &[Problem]) -> PyErr {
    let made = py
        .import("stage0._errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call_method1("_of", (told(problems),)));
    // Without the Python half there is no class to raise; why is then the better answer.
    made.map_or_else(|error| error, PyErr::from_value)
}

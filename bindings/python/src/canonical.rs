//! Whether two values are the same as JSON, whatever they look like.

use pyo3::prelude::*;
use stage0_engine::canonical::write_value;
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_wire::json_problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use crate::border::guarded;
use crate::refusal::REQUEST;
use crate::snapshot::{Stop, snapshot};

/// The canonical text of a value, or of the JSON text that it is: sorted keys, exact decimals.
#[pyfunction]
pub(crate) fn canonical_text(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    guarded(py, REQUEST, || {
        canonical(value).map_err(|stop| stop.raise(py, REQUEST))
    })
}

fn canonical(value: &Bound<'_, PyAny>) -> Result<String, Stop> {
    let text = snapshot(value, REQUEST_BYTES_MAX)?;
    let document = parse(text.bytes(), &JsonLimits::REQUEST)
        .map_err(|error| json_problem("arguments", text.bytes(), &error))?;
    let mut out = String::with_capacity(text.bytes().len());
    write_value(&mut out, document.root());
    Ok(out)
}

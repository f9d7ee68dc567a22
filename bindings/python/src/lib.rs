//! The native half of the Python package `stage0`: a compiled policy, asked with texts.
//!
//! It converts and calls, and has no meaning of its own: Python values become the text that is decided
//! (`snapshot`), problems become exceptions (`refusal`), and what comes out is canonical text, of which
//! the Python half makes objects. Nothing here is public; the names of the package are Python's.

mod refusal;
mod snapshot;

use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use stage0_engine::describe::describe;
use stage0_engine::limits::{POLICY_BYTES_MAX, REQUEST_BYTES_MAX};
use stage0_engine::time::Timestamp;
use stage0_wire::batch::Batch;
use stage0_wire::codes::ProblemCode;
use stage0_wire::imports::{ImportMap, Imported, Imports};
use stage0_wire::load::load;
use stage0_wire::problem::Problem;
use stage0_wire::question::{NEW_RUN, Question, parse_now};
use stage0_wire::report::ReportText;
use stage0_wire::{ENGINE_VERSION, Policy, description_to_json};

use crate::refusal::{Told, policy_refused, request_refused, told};
use crate::snapshot::{JsonText, Snapshot, snapshot};

#[pymodule]
mod _native {
    use super::{ENGINE_VERSION, NEW_RUN, PyModule, PyModuleMethods as _, PyResult};
    use pyo3::Bound;

    #[pymodule_export]
    use super::{JsonText, NativePolicy, lint, policy_text, report, run_command, text_of};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("ENGINE_VERSION", ENGINE_VERSION)?;
        module.add("NEW_RUN", NEW_RUN)
    }
}

/// A compiled policy. Threads share it.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
struct NativePolicy {
    policy: Policy,
}

/// When a request is asked.
#[derive(Debug, FromPyObject)]
enum Now {
    /// Milliseconds since the epoch.
    Milliseconds(i64),
    /// RFC 3339.
    Text(String),
}

/// What the host adds to a request, as Python hands it over: request id, mode, approvals, the run's
/// state, and the time.
type Circumstances<'t> = (
    Option<&'t str>,
    Option<&'t str>,
    Option<&'t str>,
    Option<&'t str>,
    Option<Now>,
);

#[pymethods]
impl NativePolicy {
    /// Compiles a policy's text with the texts that it imports. `find` is asked for files that
    /// `imports` does not have: from the importing file and what it wants to a name and a text.
    #[staticmethod]
    #[pyo3(signature = (name, text, imports, find=None))]
    fn parse(
        py: Python<'_>,
        name: &str,
        text: &[u8],
        imports: Vec<(String, Vec<u8>)>,
        find: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let files = Files::new(imports, find);
        let loaded = py.detach(|| Policy::load(name, text, &files));
        files.check(py)?;
        loaded
            .map(|policy| Self { policy })
            .map_err(|problems| policy_refused(py, &problems))
    }

    /// The built-in policy of this name.
    #[staticmethod]
    fn builtin(py: Python<'_>, name: &str) -> PyResult<Self> {
        let policy = py.detach(|| Policy::builtin(name));
        policy
            .map(|policy| Self { policy })
            .map_err(|problems| policy_refused(py, &problems))
    }

    /// Decides a request: the verdict, the decision's text, and that of the run after it.
    fn check(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        circumstances: Circumstances<'_>,
    ) -> PyResult<(&'static str, String, String)> {
        let request =
            snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, request_refused))?;
        let asked =
            question(&request, circumstances).map_err(|problem| request_refused(py, &[problem]))?;
        let answer = py.detach(|| asked.check(&self.policy));
        let answer = answer.map_err(|problems| request_refused(py, &problems))?;
        Ok((answer.verdict.as_str(), answer.decision, answer.state))
    }

    /// Decides several requests: for each the verdict, the decision's text, and that of the run.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a list is handed over like this by pyo3"
    )]
    fn check_batch(
        &self,
        py: Python<'_>,
        requests: Vec<Bound<'_, PyAny>>,
        circumstances: Circumstances<'_>,
        is_atomic: bool,
    ) -> PyResult<Vec<(&'static str, String, String)>> {
        let snapshots = requests.iter().map(|request| {
            snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, request_refused))
        });
        let snapshots = snapshots.collect::<PyResult<Vec<Snapshot<'_>>>>()?;
        let texts: Vec<&[u8]> = snapshots.iter().map(Snapshot::bytes).collect();
        let (request_id, mode, approvals, state, now) = circumstances;
        let batch = Batch {
            requests: &texts,
            request_id,
            mode,
            approvals,
            state,
            now: instant(now).map_err(|problem| request_refused(py, &[problem]))?,
            is_atomic,
        };
        let answer = py.detach(|| batch.check(&self.policy));
        let answer = answer.map_err(|problems| request_refused(py, &problems))?;
        let steps = answer.steps.into_iter();
        Ok(steps
            .map(|step| (step.verdict.as_str(), step.decision, step.state))
            .collect())
    }

    /// Decides a request, and tells why: the decision's text, and the explanation's.
    fn explain(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        circumstances: Circumstances<'_>,
    ) -> PyResult<(String, String)> {
        let request =
            snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, request_refused))?;
        let asked =
            question(&request, circumstances).map_err(|problem| request_refused(py, &[problem]))?;
        let explained = py.detach(|| asked.explain(&self.policy));
        let explained = explained.map_err(|problems| request_refused(py, &problems))?;
        Ok((explained.decision, explained.explanation))
    }

    /// Whether deciding a request needs the run, and the keys of the counters that it needs.
    fn state_keys(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        circumstances: Circumstances<'_>,
    ) -> PyResult<(bool, Vec<String>)> {
        let request =
            snapshot(request, REQUEST_BYTES_MAX).map_err(|stop| stop.raise(py, request_refused))?;
        let asked =
            question(&request, circumstances).map_err(|problem| request_refused(py, &[problem]))?;
        let keys = asked.state_keys(&self.policy);
        let keys = keys.map_err(|problems| request_refused(py, &problems))?;
        let counters = keys.counters.into_keys().map(String::from);
        Ok((keys.run, counters.collect()))
    }

    /// What the policy says about each tool: one JSON text.
    fn describe(&self) -> String {
        let index = self.policy.index();
        description_to_json(index, &describe(index), |_| true)
    }

    /// What is probably not meant.
    fn warnings(&self) -> Vec<Told> {
        told(self.policy.warnings())
    }

    #[getter]
    fn name(&self) -> &str {
        self.policy.index().name()
    }

    #[getter]
    fn version(&self) -> &str {
        self.policy.index().version()
    }

    #[getter]
    fn digest(&self) -> String {
        self.policy.index().digest().to_string()
    }

    #[getter]
    fn tool_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.policy.index().tool_names().collect();
        // Each layer has a catalog, and two may have the same tool.
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The state after a host has told what became of a call.
#[pyfunction]
#[pyo3(signature = (state, id, action, outcome, cost, now))]
fn report(
    py: Python<'_>,
    state: &str,
    id: &str,
    action: &str,
    outcome: &str,
    cost: Option<&str>,
    now: Option<Now>,
) -> PyResult<String> {
    let report = ReportText {
        id,
        action,
        outcome,
        cost,
    };
    let now = instant(now).map_err(|problem| request_refused(py, &[problem]))?;
    let next = report.apply(state, now);
    next.map_err(|problems| request_refused(py, &problems))
}

/// Runs the `stage0` command with these arguments, of which the first is the program's name; its exit
/// code. It does not listen to Python's signals: whoever calls it gives them back to the system first.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a list is handed over like this by pyo3"
)]
#[pyfunction]
fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| stage0_cli::run(&arguments))
}

/// Everything that is wrong with a policy's text, or probably not meant.
#[pyfunction]
#[pyo3(signature = (name, text, imports, find=None))]
fn lint(
    py: Python<'_>,
    name: &str,
    text: &[u8],
    imports: Vec<(String, Vec<u8>)>,
    find: Option<Py<PyAny>>,
) -> PyResult<Vec<Told>> {
    let files = Files::new(imports, find);
    let problems = py.detach(|| {
        let checked = load(name, text, &files).and_then(|loaded| {
            let checked = loaded.compile()?;
            let mut warnings = loaded.warnings;
            warnings.extend(checked.warnings);
            Ok(warnings)
        });
        checked.unwrap_or_else(|problems| problems)
    });
    files.check(py)?;
    Ok(told(&problems))
}

/// The JSON text of a policy that was given as a Python value, or the text that it is.
#[pyfunction]
fn policy_text<'py>(py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let text = snapshot(value, POLICY_BYTES_MAX).map_err(|stop| stop.raise(py, policy_refused))?;
    Ok(PyBytes::new(py, text.bytes()))
}

/// The JSON text of any Python value: of a state or of approvals.
#[pyfunction]
fn text_of(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = snapshot(value, POLICY_BYTES_MAX).map_err(|stop| stop.raise(py, request_refused))?;
    String::from_utf8(text.bytes().to_vec()).map_err(|_| {
        let problem = Problem::new(ProblemCode::JsonInvalidUtf8, "the text is not valid UTF-8");
        request_refused(py, &[problem])
    })
}

fn question<'t>(
    request: &'t Snapshot<'_>,
    circumstances: Circumstances<'t>,
) -> Result<Question<'t>, Problem> {
    let (request_id, mode, approvals, state, now) = circumstances;
    let now = instant(now)?;
    Ok(Question {
        request_id,
        mode,
        approvals,
        state,
        ..Question::new(request.bytes(), now)
    })
}

/// The time that is meant: that of the clock where there is none.
fn instant(now: Option<Now>) -> Result<Timestamp, Problem> {
    let now = match now {
        Some(Now::Milliseconds(ms)) => Timestamp::from_ms(ms),
        Some(Now::Text(text)) => Some(parse_now(&text)?),
        None => clock(),
    };
    now.ok_or_else(|| {
        let message = "`now` is not between the years 1 and 9999";
        Problem::new(ProblemCode::HostInvalid, message)
    })
}

fn clock() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_ms(i64::try_from(since.as_millis()).ok()?)
}

/// Files that a policy imports: texts that were handed over, then whatever a Python function finds.
#[derive(Debug)]
struct Files {
    known: ImportMap,
    find: Option<Py<PyAny>>,
    /// What the function raised, which is the answer to the whole call.
    raised: std::sync::Mutex<Option<PyErr>>,
}

impl Files {
    fn new(imports: Vec<(String, Vec<u8>)>, find: Option<Py<PyAny>>) -> Self {
        let mut known = ImportMap::new();
        for (path, text) in imports {
            known.insert(&path, text);
        }
        Self {
            known,
            find,
            raised: std::sync::Mutex::new(None),
        }
    }

    /// Raises what the function raised.
    fn check(&self, _: Python<'_>) -> PyResult<()> {
        let raised = self.raised.lock().ok().and_then(|mut raised| raised.take());
        raised.map_or(Ok(()), Err)
    }
}

impl Imports for Files {
    fn find(&self, from: &str, wanted: &str) -> Option<Imported> {
        if let Some(found) = self.known.find(from, wanted) {
            return Some(found);
        }
        let find = self.find.as_ref()?;
        let found = Python::attach(|py| {
            let found = find.bind(py).call1((from, wanted))?;
            found.extract::<Option<(String, Vec<u8>)>>()
        });
        match found {
            Ok(found) => found.map(|(name, bytes)| Imported::new(name, bytes)),
            Err(error) => {
                if let Ok(mut raised) = self.raised.lock() {
                    raised.get_or_insert(error);
                }
                None
            }
        }
    }

    fn nearest(&self, from: &str, wanted: &str) -> Option<String> {
        self.known.nearest(from, wanted)
    }
}

//! The native half of the Python package `stage0`: a compiled policy, asked with texts.
//!
//! It converts and calls, and has no meaning of its own: Python values become the text that is decided
//! (`snapshot`, `writer`), with what the host adds a question (`asked`), problems become exceptions (`refusal`), and so
//! does a panic (`border`). What comes out is canonical text, of which the Python half makes objects. Nothing
//! here is public; the names of the package are Python's.

mod asked;
mod audit;
mod border;
mod canonical;
mod keeper;
mod permit;
mod refusal;
mod signed;
mod snapshot;
mod writer;

use std::ffi::OsString;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use stage0_engine::describe::describe;
use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_wire::imports::{ImportMap, Imported, Imports};
use stage0_wire::load::load;
use stage0_wire::problem::Problem;
use stage0_wire::question::{NEW_RUN, Question};
use stage0_wire::report::ReportText;
use stage0_wire::{ENGINE_VERSION, Policy, description_to_json};

use crate::asked::{Added, instant};
use crate::audit::{NativeLog, verify_audit, verify_checkpoint};
use crate::border::guarded;
use crate::canonical::canonical_text;
use crate::keeper::NativeKeeper;
use crate::permit::{NativeIssuer, NativeVerifier};
use crate::refusal::{OWN, POLICY, REQUEST, Told, refused, told};
use crate::signed::verify_policy;
use crate::snapshot::{JsonText, Stop, snapshot};

// Nothing here rests on the lock of the interpreter: policies never change, and values are read under their own locks.
#[pymodule(gil_used = false)]
mod _native {
    use super::{ENGINE_VERSION, NEW_RUN, PyModule, PyModuleMethods as _, PyResult};
    use pyo3::Bound;

    #[pymodule_export]
    use super::{
        JsonText, NativeIssuer, NativeKeeper, NativeLog, NativePolicy, NativeVerifier,
        canonical_text, lint, policy_text, report, run_command, text_of, verify_audit,
        verify_checkpoint, verify_policy,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("ENGINE_VERSION", ENGINE_VERSION)?;
        module.add("NEW_RUN", NEW_RUN)
    }
}

/// A compiled policy. Threads share it.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct NativePolicy {
    policy: Policy,
}

/// A verdict, the decision's text, and that of the run after it.
pub(crate) type Answered = (&'static str, String, String);

/// A policy's texts, by the paths that import them.
type Texts = Vec<(String, Vec<u8>)>;

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
        imports: Texts,
        find: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        guarded(py, POLICY, || {
            let files = Files::new(imports, find);
            let loaded = py.detach(|| Policy::load(name, text, &files));
            files.check(py)?;
            Self::of(py, loaded)
        })
    }

    /// The built-in policy of this name.
    #[staticmethod]
    fn builtin(py: Python<'_>, name: &str) -> PyResult<Self> {
        guarded(py, POLICY, || {
            Self::of(py, py.detach(|| Policy::builtin(name)))
        })
    }

    /// Decides a request: the verdict, the decision's text, and that of the run after it.
    #[pyo3(signature = (request, host, state, now))]
    fn check(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Answered> {
        let added = Added { host, state, now };
        let answer = answer(py, request, added, |question| question.check(&self.policy))?;
        Ok((answer.verdict.as_str(), answer.decision, answer.state))
    }

    /// Decides a request: the decision's text. No run is moved.
    #[pyo3(signature = (request, host, state, now))]
    fn peek(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let added = Added { host, state, now };
        answer(py, request, added, |question| question.peek(&self.policy))
    }

    /// Decides several requests: for each the verdict, the decision's text, and that of the run.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a list is handed over like this by pyo3"
    )]
    #[pyo3(signature = (requests, host, state, now, is_atomic))]
    fn check_batch(
        &self,
        py: Python<'_>,
        requests: Vec<Bound<'_, PyAny>>,
        host: Option<&Bound<'_, PyAny>>,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
        is_atomic: bool,
    ) -> PyResult<Vec<Answered>> {
        guarded(py, REQUEST, || {
            let added = Added { host, state, now };
            let answer = added.ask_batch(&requests, is_atomic, |batch| {
                py.detach(|| batch.check(&self.policy))
            });
            let answer = answer
                .map_err(|stop| stop.raise(py, REQUEST))?
                .map_err(|problems| refused(py, REQUEST, &problems))?;
            let steps = answer.steps.into_iter();
            Ok(steps
                .map(|step| (step.verdict.as_str(), step.decision, step.state))
                .collect())
        })
    }

    /// Decides a request, and tells why: the decision's text, and the explanation's.
    #[pyo3(signature = (request, host, state, now))]
    fn explain(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String)> {
        let added = Added { host, state, now };
        let explained = answer(py, request, added, |question| {
            question.explain(&self.policy)
        })?;
        Ok((explained.decision, explained.explanation))
    }

    /// Whether deciding a request needs the run, and the keys of the counters that it needs.
    #[pyo3(signature = (request, host, now))]
    fn state_keys(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(bool, Vec<String>)> {
        let added = Added {
            host,
            state: None,
            now,
        };
        let keys = answer(py, request, added, |question| {
            question.state_keys(&self.policy)
        })?;
        let counters = keys.counters.into_keys().map(String::from);
        Ok((keys.run, counters.collect()))
    }

    /// What the policy says about each tool: one JSON text.
    fn describe(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, OWN, || {
            let index = self.policy.index();
            Ok(description_to_json(index, &describe(index), |_| true))
        })
    }

    /// What is probably not meant.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<Told>> {
        guarded(py, OWN, || Ok(told(self.policy.warnings())))
    }

    /// The next door panics.
    #[cfg(feature = "panic-for-tests")]
    #[staticmethod]
    fn _panic_next() {
        border::for_tests::panic_next();
    }

    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<&str> {
        guarded(py, OWN, || Ok(self.policy.index().name()))
    }

    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<&str> {
        guarded(py, OWN, || Ok(self.policy.index().version()))
    }

    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, OWN, || Ok(self.policy.index().digest().to_string()))
    }

    #[getter]
    fn tool_names(&self, py: Python<'_>) -> PyResult<Vec<&str>> {
        guarded(py, OWN, || {
            let mut names: Vec<&str> = self.policy.index().tool_names().collect();
            // Each layer has a catalog, and two may have the same tool.
            names.sort_unstable();
            names.dedup();
            Ok(names)
        })
    }
}

impl NativePolicy {
    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    fn of(py: Python<'_>, loaded: Result<Policy, Vec<Problem>>) -> PyResult<Self> {
        loaded
            .map(|policy| Self { policy })
            .map_err(|problems| refused(py, POLICY, &problems))
    }
}

/// What a policy answers to what is asked of it, while other threads of Python run.
pub(crate) fn answer<T: Send>(
    py: Python<'_>,
    request: &Bound<'_, PyAny>,
    added: Added<'_, '_>,
    ask: impl FnOnce(&Question<'_>) -> Result<T, Vec<Problem>> + Send,
) -> PyResult<T> {
    guarded(py, REQUEST, || {
        let answer = added.ask(request, |question| py.detach(|| ask(question)));
        answer
            .map_err(|stop| stop.raise(py, REQUEST))?
            .map_err(|problems| refused(py, REQUEST, &problems))
    })
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
    now: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    guarded(py, REQUEST, || {
        let report = ReportText {
            id,
            action,
            outcome,
            cost,
        };
        let now = instant(now).map_err(|stop| stop.raise(py, REQUEST))?;
        let next = py.detach(|| report.apply(state, now));
        next.map_err(|problems| refused(py, REQUEST, &problems))
    })
}

/// Runs the `stage0` command with these arguments, of which the first is the program's name; its exit
/// code. It does not listen to Python's signals: whoever calls it gives them back to the system first.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a list is handed over like this by pyo3"
)]
#[pyfunction]
fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    guarded(py, OWN, || Ok(py.detach(|| stage0_cli::run(&arguments))))
}

/// Everything that is wrong with a policy's text, or probably not meant.
#[pyfunction]
#[pyo3(signature = (name, text, imports, find=None))]
fn lint(
    py: Python<'_>,
    name: &str,
    text: &[u8],
    imports: Texts,
    find: Option<Py<PyAny>>,
) -> PyResult<Vec<Told>> {
    guarded(py, POLICY, || {
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
    })
}

/// The JSON text of a policy that was given as a Python value, or the text that it is.
#[pyfunction]
fn policy_text<'py>(py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    guarded(py, POLICY, || {
        let text = snapshot(value, POLICY_BYTES_MAX).map_err(|stop| stop.raise(py, POLICY))?;
        Ok(PyBytes::new(py, text.bytes()))
    })
}

/// The JSON text of any Python value: of a state or of approvals.
#[pyfunction]
fn text_of(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    guarded(py, REQUEST, || {
        let text = snapshot(value, POLICY_BYTES_MAX);
        let text = text.and_then(|text| Ok(text.text()?.to_owned()));
        text.map_err(|stop: Stop| stop.raise(py, REQUEST))
    })
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

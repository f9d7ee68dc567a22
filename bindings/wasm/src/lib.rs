//! The WebAssembly half of the npm package `stage0`: a compiled policy, asked with texts.
//!
//! Everything that crosses the border is text, for one string costs less than an object and is the same
//! in every runtime. It has no meaning of its own, reads no clock, and its names are not public: the
//! package's are TypeScript's. What goes wrong is thrown as the JSON text of the problems.

pub mod audit;
pub mod permit;

use js_sys::{Array, Function, Uint8Array};
use stage0_engine::canonical::write_value;
use stage0_engine::describe::describe;
use stage0_engine::document::Document;
use stage0_engine::time::Timestamp;
use stage0_wire::batch::Batch;
use stage0_wire::imports::{ImportMap, Imported, Imports};
use stage0_wire::json_object::object;
use stage0_wire::load::load;
use stage0_wire::problem::{Problem, problems_to_json};
use stage0_wire::question::{NEW_RUN, Question, parse_now};
use stage0_wire::strict_json::{JsonLimits, parse_str};
use stage0_wire::{ENGINE_VERSION, Policy, description_to_json, json_problem};
use wasm_bindgen::prelude::*;

#[cfg(all(test, target_arch = "wasm32"))]
mod tests;

/// A compiled policy.
#[wasm_bindgen]
#[derive(Debug)]
pub struct NativePolicy {
    policy: Policy,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "texts that may be missing are handed over like this by wasm-bindgen"
)]
#[wasm_bindgen]
impl NativePolicy {
    /// Compiles a policy's text. `imports` are pairs of a path and bytes; for what they do not have,
    /// `find` is asked: from the importing file and what it wants to a pair of a name and bytes.
    ///
    /// # Errors
    /// Everything that is wrong with it, or what `find` threw.
    pub fn parse(
        name: &str,
        text: &[u8],
        imports: &Array,
        find: Option<Function>,
    ) -> Result<NativePolicy, JsValue> {
        let files = Files::new(imports, find);
        let policy = Policy::load(name, text, &files);
        files.check()?;
        policy
            .map(|policy| Self { policy })
            .map_err(|problems| thrown(&problems))
    }

    /// The built-in policy of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn builtin(name: &str) -> Result<NativePolicy, JsValue> {
        let policy = Policy::builtin(name);
        policy
            .map(|policy| Self { policy })
            .map_err(|problems| thrown(&problems))
    }

    /// Decides the question in the inbox: the decision's text, a line break, and that of the run after it.
    ///
    /// # Errors
    /// One of the texts is not of its form.
    pub fn check(
        &self,
        inbox: &Inbox,
        now_ms: f64,
        now: Option<String>,
        request_id: Option<String>,
        mode: Option<String>,
        approvals: Option<String>,
    ) -> Result<String, JsValue> {
        let asked = Question {
            request_id: request_id.as_deref(),
            mode: mode.as_deref(),
            approvals: approvals.as_deref(),
            ..inbox.question(now_ms, now.as_deref())?
        };
        let answer = asked
            .check(&self.policy)
            .map_err(|problems| thrown(&problems))?;
        let mut both = answer.decision;
        // Neither text has a line break: canonical JSON escapes them.
        both.push('\n');
        both.push_str(&answer.state);
        Ok(both)
    }

    /// Decides several requests: for each the decision's text and that of the run.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    #[expect(
        clippy::too_many_arguments,
        reason = "what a batch is, one by one: texts cross the border cheapest"
    )]
    pub fn check_batch(
        &self,
        requests: Vec<Uint8Array>,
        state: Option<String>,
        is_atomic: bool,
        now_ms: f64,
        now: Option<String>,
        request_id: Option<String>,
        mode: Option<String>,
        approvals: Option<String>,
    ) -> Result<Vec<String>, JsValue> {
        let texts: Vec<Vec<u8>> = requests.iter().map(Uint8Array::to_vec).collect();
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let batch = Batch {
            requests: &texts,
            request_id: request_id.as_deref(),
            mode: mode.as_deref(),
            approvals: approvals.as_deref(),
            state: state.as_deref(),
            now: instant(now_ms, now.as_deref())?,
            is_atomic,
        };
        let answer = batch
            .check(&self.policy)
            .map_err(|problems| thrown(&problems))?;
        let steps = answer.steps.into_iter();
        Ok(steps.flat_map(|step| [step.decision, step.state]).collect())
    }

    /// Decides the question in the inbox, and moves no run: the decision's text.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn peek(
        &self,
        inbox: &Inbox,
        now_ms: f64,
        now: Option<String>,
        request_id: Option<String>,
        mode: Option<String>,
        approvals: Option<String>,
    ) -> Result<String, JsValue> {
        let asked = Question {
            request_id: request_id.as_deref(),
            mode: mode.as_deref(),
            approvals: approvals.as_deref(),
            ..inbox.question(now_ms, now.as_deref())?
        };
        asked
            .peek(&self.policy)
            .map_err(|problems| thrown(&problems))
    }

    /// Decides the question in the inbox, and tells why: the decision's text, a line break, and the
    /// explanation's.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn explain(
        &self,
        inbox: &Inbox,
        now_ms: f64,
        now: Option<String>,
        request_id: Option<String>,
        mode: Option<String>,
        approvals: Option<String>,
    ) -> Result<String, JsValue> {
        let asked = Question {
            request_id: request_id.as_deref(),
            mode: mode.as_deref(),
            approvals: approvals.as_deref(),
            ..inbox.question(now_ms, now.as_deref())?
        };
        let explained = asked
            .explain(&self.policy)
            .map_err(|problems| thrown(&problems))?;
        Ok(explained.decision + "\n" + &explained.explanation)
    }

    /// What the policy says about each tool: one JSON text.
    pub fn describe(&self) -> String {
        let index = self.policy.index();
        description_to_json(index, &describe(index), |_| true)
    }

    /// What is probably not meant, in the form in which problems are thrown.
    pub fn warnings(&self) -> String {
        told(self.policy.warnings())
    }

    /// The policy's name.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.policy.index().name().to_owned()
    }

    /// Its version.
    #[wasm_bindgen(getter)]
    pub fn version(&self) -> String {
        self.policy.index().version().to_owned()
    }

    /// Its digest.
    #[wasm_bindgen(getter)]
    pub fn digest(&self) -> String {
        self.policy.index().digest().to_string()
    }

    /// Every name of a catalogued tool, sorted.
    pub fn tool_names(&self) -> Vec<String> {
        let names = self.policy.index().tool_names();
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        // Each layer has a catalog, and two may have the same tool.
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl NativePolicy {
    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Where JavaScript writes the texts of a question: the request's, and that of the run's state behind it.
///
/// Its own encoder writes them here at once. A string that is handed over as such is looked at character
/// by character first, which for a request of a kilobyte takes a fifth as long as deciding it.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    request_end: usize,
    state_end: Option<usize>,
}

#[wasm_bindgen]
impl Inbox {
    /// An inbox without room.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Inbox {
        Self::default()
    }

    /// Makes room for this many bytes, keeps those that are there, and says where they begin.
    pub fn room(&mut self, bytes: usize) -> *const u8 {
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes, 0);
        }
        self.bytes.as_ptr()
    }

    /// How many bytes have room.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Says where the request ends, and the state where there is one.
    pub fn close(&mut self, request_end: usize, state_end: Option<usize>) {
        self.request_end = request_end;
        self.state_end = state_end;
    }
}

impl Inbox {
    /// What it holds, asked at a time in milliseconds, or as a text says.
    pub(crate) fn question(&self, now_ms: f64, now: Option<&str>) -> Result<Question<'_>, JsValue> {
        let instant = instant(now_ms, now)?;
        let text = |from, to| self.bytes.get(from..to).unwrap_or_default();
        let state = self.state_end.map(|end| text(self.request_end, end));
        Ok(Question {
            // The encoder writes nothing but UTF-8.
            state: state.map(|state| str::from_utf8(state).unwrap_or_default()),
            ..Question::new(text(0, self.request_end), instant)
        })
    }
}

/// A time in milliseconds, unless a text tells it.
fn instant(now_ms: f64, now: Option<&str>) -> Result<Timestamp, JsValue> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the milliseconds of a Date, which are whole and fewer than 2^53"
    )]
    let told = Timestamp::from_ms(now_ms as i64).filter(|_| now.is_none());
    let instant = told.map_or_else(|| parse_now(now.unwrap_or_default()), Ok);
    instant.map_err(|problem| thrown(&[problem]))
}

/// Everything that is wrong with a policy's text, or probably not meant, in the form in which
/// problems are thrown.
///
/// # Errors
/// What `find` threw.
#[wasm_bindgen]
pub fn lint(
    name: &str,
    text: &[u8],
    imports: &Array,
    find: Option<Function>,
) -> Result<String, JsValue> {
    let files = Files::new(imports, find);
    let checked = load(name, text, &files).and_then(|loaded| {
        let checked = loaded.compile()?;
        let mut warnings = loaded.warnings;
        warnings.extend(checked.warnings);
        Ok(warnings)
    });
    files.check()?;
    Ok(told(&checked.unwrap_or_else(|problems| problems)))
}

/// The state of a run that begins.
#[wasm_bindgen]
pub fn new_run() -> String {
    NEW_RUN.to_owned()
}

/// Throws unless a text is one whole JSON value, which may then stand inside another text.
///
/// # Errors
/// It is none.
#[wasm_bindgen]
pub fn check_value(text: &str) -> Result<(), JsValue> {
    value_of(text).map(|_| ())
}

/// The canonical text of the JSON value that a text is: sorted keys, exact decimals. Values that are the same have
/// the same one, whatever they look like.
///
/// # Errors
/// It is none.
#[wasm_bindgen]
pub fn canonical_text(text: &str) -> Result<String, JsValue> {
    let document = value_of(text)?;
    let mut out = String::with_capacity(text.len());
    write_value(&mut out, document.root());
    Ok(out)
}

fn value_of(text: &str) -> Result<Document<'_>, JsValue> {
    parse_str(text, &JsonLimits::REQUEST)
        .map_err(|error| thrown(&[json_problem("arguments", text.as_bytes(), &error)]))
}

/// The version of the engine.
#[wasm_bindgen]
pub fn engine_version() -> String {
    ENGINE_VERSION.to_owned()
}

/// The module's memory, which is another after it has grown.
#[wasm_bindgen]
pub fn module_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Problems as data, and as a person reads them.
fn told(problems: &[Problem]) -> String {
    let mut out = String::new();
    object(&mut out, |told| {
        told.plain("problems", problems_to_json(problems));
        told.texts("texts", problems.iter().map(Problem::to_string));
    });
    out
}

fn thrown(problems: &[Problem]) -> JsValue {
    JsValue::from_str(&told(problems))
}

/// Files that a policy imports: those that were handed over, then whatever a function finds.
struct Files {
    known: ImportMap,
    find: Option<Function>,
    /// What the function threw, which is the answer to the whole call.
    threw: core::cell::RefCell<Option<JsValue>>,
}

impl Files {
    fn new(imports: &Array, find: Option<Function>) -> Self {
        let mut known = ImportMap::new();
        for file in imports.iter() {
            if let Some((path, bytes)) = name_and_bytes(&file) {
                known.insert(&path, bytes);
            }
        }
        Self {
            known,
            find,
            threw: core::cell::RefCell::new(None),
        }
    }

    fn check(&self) -> Result<(), JsValue> {
        self.threw.take().map_or(Ok(()), Err)
    }
}

impl Imports for Files {
    fn find(&self, from: &str, wanted: &str) -> Option<Imported> {
        if let Some(found) = self.known.find(from, wanted) {
            return Some(found);
        }
        let found = self
            .find
            .as_ref()?
            .call2(&JsValue::UNDEFINED, &from.into(), &wanted.into());
        match found {
            Ok(found) => {
                let (name, bytes) = name_and_bytes(&found)?;
                Some(Imported::new(name, bytes))
            }
            Err(threw) => {
                self.threw.borrow_mut().get_or_insert(threw);
                None
            }
        }
    }

    fn nearest(&self, from: &str, wanted: &str) -> Option<String> {
        self.known.nearest(from, wanted)
    }
}

fn name_and_bytes(pair: &JsValue) -> Option<(String, Vec<u8>)> {
    let pair: &Array = pair.dyn_ref()?;
    let bytes: Uint8Array = pair.get(1).dyn_into().ok()?;
    Some((pair.get(0).as_string()?, bytes.to_vec()))
}

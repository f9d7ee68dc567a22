//! The doors: a policy from text, and decisions from text.
//!
//! [`Policy`] is what applications and bindings hold: compiled once, immutable, shared by threads. For
//! each operation there is a typed door, for hosts that build requests themselves, and a text door.

use stage0_engine::decision::Decision;
use stage0_engine::host::Host;
use stage0_engine::request::Request;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_engine::{Explanation, PolicyIndex, StateKeys};

use crate::cases::TestCase;
use crate::codes::ProblemCode;
use crate::decision_json::render_into;
use crate::imports::{Imports, NoImports};
use crate::load::{Loaded, load, load_pack};
use crate::packs::named;
use crate::problem::Problem;
use crate::request_text::parse_request;
use crate::sources::Sources;

/// A compiled policy.
///
/// ```
/// use stage0_engine::{host::Host, state::RunState, time::Timestamp};
/// use stage0_wire::Policy;
///
/// let policy = Policy::parse(
///     "
/// stage0: v1
/// name: searching
/// version: 1.0.0
/// tools: { search.query: { effects: [] } }
/// rules:
///   - { id: searching-is-fine, tools: [search.query], allow: true }
/// ",
/// )
/// .unwrap();
/// let request = br#"{"tool_call": {"name": "search.query", "arguments": {"text": "weather"}}}"#;
/// let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
/// let (answer, _state) =
///     policy.check(request, &Host::default(), &RunState::default(), now).unwrap();
/// assert!(answer.starts_with(r#"{"decision":"GO","verdict":"ALLOW""#));
/// ```
#[derive(Debug)]
pub struct Policy {
    index: PolicyIndex,
    warnings: Vec<Problem>,
    tests: Vec<TestCase>,
    sources: Sources,
}

impl Policy {
    /// Reads, checks and compiles a policy that imports at most built-in packs.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::load("policy", text, &NoImports)
    }

    /// The built-in policy of this name: `standard`, or a pack's whole name, perhaps with its version.
    ///
    /// # Errors
    /// There is none of this name, or none of this version.
    pub fn builtin(name: &str) -> Result<Self, Vec<Problem>> {
        let pack = named(name).map_err(|problem| vec![problem])?;
        Self::of(load_pack(pack)?)
    }

    /// Reads, checks and compiles a policy with what it imports; `name` is what problems call its
    /// file, and what `imports` is told as the importing one.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(
        name: &str,
        text: impl Into<Vec<u8>>,
        imports: &dyn Imports,
    ) -> Result<Self, Vec<Problem>> {
        Self::of(load(name, text, imports)?)
    }

    fn of(loaded: Loaded) -> Result<Self, Vec<Problem>> {
        let checked = loaded.compile()?;
        let Loaded {
            sources,
            tests,
            mut warnings,
            ..
        } = loaded;
        warnings.extend(checked.warnings);
        Ok(Self {
            index: checked.index,
            warnings,
            tests,
            sources,
        })
    }

    /// The compiled policy, for the typed doors of the engine.
    pub fn index(&self) -> &PolicyIndex {
        &self.index
    }

    /// What is probably not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The tests that the policy brings along.
    pub fn tests(&self) -> &[TestCase] {
        &self.tests
    }

    /// The texts that it was read from, for places in them.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Whether the policy is the one that a request asserts, if it asserts any.
    ///
    /// # Errors
    /// The request names another one: nothing may be decided.
    pub fn admit(&self, request: &Request<'_>) -> Result<(), Problem> {
        let asserted = request.policy_pack_version();
        if asserted.is_empty() || asserted == self.index.label() {
            return Ok(());
        }
        let current = self.index.label();
        let message = format!("the request asserts policy `{asserted}`, and this is `{current}`");
        Err(Problem::new(ProblemCode::PolicyVersionMismatch, message)
            .help("leave `policy_pack_version` out, or assert the current one"))
    }

    /// Decides a request; see [`stage0_engine::decide`].
    #[must_use]
    pub fn decide<'a>(
        &'a self,
        request: &'a Request<'a>,
        host: &Host<'a>,
        state: &RunState,
        now: Timestamp,
    ) -> (Decision<'a>, RunState) {
        stage0_engine::decide(&self.index, request, host, state, now)
    }

    /// What [`Policy::decide`] would answer, with the run left where it is.
    #[must_use]
    pub fn peek<'a>(
        &'a self,
        request: &'a Request<'a>,
        host: &Host<'a>,
        state: &RunState,
        now: Timestamp,
    ) -> Decision<'a> {
        stage0_engine::peek(&self.index, request, host, state, now)
    }

    /// What deciding a request needs to know of the past; see [`stage0_engine::state_keys`].
    #[must_use]
    pub fn state_keys<'a>(
        &'a self,
        request: &'a Request<'a>,
        host: &Host<'a>,
        now: Timestamp,
    ) -> StateKeys {
        stage0_engine::state_keys(&self.index, request, host, now)
    }

    /// Decides a request, and keeps why; see [`stage0_engine::explain`].
    #[must_use]
    pub fn explain<'a>(
        &'a self,
        request: &'a Request<'a>,
        host: &Host<'a>,
        state: &RunState,
        now: Timestamp,
    ) -> Explanation<'a> {
        stage0_engine::explain(&self.index, request, host, state, now)
    }

    /// Decides a request's text: the decision's canonical JSON, and the run's next state.
    ///
    /// # Errors
    /// The text is not a request, or asserts another policy. Nothing was decided: a gate denies.
    pub fn check(
        &self,
        request: &[u8],
        host: &Host<'_>,
        state: &RunState,
        now: Timestamp,
    ) -> Result<(String, RunState), Vec<Problem>> {
        let mut answer = String::new();
        let next = self.check_into(&mut answer, request, host, state, now)?;
        Ok((answer, next))
    }

    /// As [`check`](Self::check), for servers that keep the memory of their answers: appends the
    /// decision to `answer`, which stays as it is where there is none.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_into(
        &self,
        answer: &mut String,
        request: &[u8],
        host: &Host<'_>,
        state: &RunState,
        now: Timestamp,
    ) -> Result<RunState, Vec<Problem>> {
        let request = parse_request(request)?;
        self.admit(&request).map_err(|problem| vec![problem])?;
        let (decision, next) = self.decide(&request, host, state, now);
        render_into(&decision, answer);
        Ok(next)
    }
}

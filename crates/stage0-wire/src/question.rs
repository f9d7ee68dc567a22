//! A request with everything that its host adds, all of it as texts: the door of other languages.
//!
//! A host in Python or JavaScript keeps runs and people's answers as the canonical texts that it was
//! given, so it asks with texts and gets texts. What each of them has to look like is said by the
//! modules that read them; what is missing here has the meaning that it has at every other door.

use stage0_engine::StateKeys;
use stage0_engine::digest::Digest;
use stage0_engine::host::{ApprovalRecord, Host};
use stage0_engine::legible::is_hidden;
use stage0_engine::limits::REQUEST_ID_BYTES_MAX;
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;

use crate::approvals_json::parse_approvals;
use crate::codes::ProblemCode;
use crate::compiled::Policy;
use crate::decision_json::decision_to_json;
use crate::escape::quoted;
use crate::explanation_json::explanation_to_json;
use crate::facts_json::facts_to_json;
use crate::problem::Problem;
use crate::record::{Kept, record_decision, record_facts};
use crate::request_text::parse_request;
use crate::state_json::{parse_state, state_to_json};

/// What is asked, as texts.
///
/// ```
/// use stage0_engine::time::Timestamp;
/// use stage0_wire::{Policy, question::{NEW_RUN, Question}};
///
/// let policy = Policy::builtin("standard").unwrap();
/// let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
/// let first = Question::new(br#"{"goal": "tidy the wiki"}"#, now);
/// let first = Question { state: Some(NEW_RUN), ..first };
/// let answer = first.check(&policy).unwrap();
/// let second = Question { state: Some(&answer.state), ..first };
/// assert!(second.check(&policy).unwrap().state.contains(r#""attempts":2"#));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Question<'t> {
    /// The request's text.
    pub request: &'t [u8],
    /// The id that the decision carries; [`derived_request_id`] where there is none.
    pub request_id: Option<&'t str>,
    /// `enforce`, `observe`, `read_only` or `halted`; the policy's own mode where there is none.
    pub mode: Option<&'t str>,
    /// The canonical text of people's answers.
    pub approvals: Option<&'t str>,
    /// The canonical text of the state. Where there is none nothing is known, so what asks for it is not
    /// allowed; [`NEW_RUN`] begins a run.
    pub state: Option<&'t str>,
    /// When it is asked.
    pub now: Timestamp,
}

/// The state of a run that begins, for hosts that keep all there is in one value.
pub const NEW_RUN: &str = r#"{"v":2,"whole":true,"run":{"attempts":0,"allowed":0}}"#;

/// What comes out: two canonical texts, and what most callers read of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// The decision.
    pub decision: String,
    /// The run after it.
    pub state: String,
}

/// A decision with its reasons, as canonical texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The decision alone.
    pub decision: String,
    /// The decision with every rule that was asked: see [`explanation_to_json`].
    pub explanation: String,
}

impl<'t> Question<'t> {
    /// A request to which its host adds nothing but the time.
    pub fn new(request: &'t [u8], now: Timestamp) -> Self {
        Self {
            request,
            request_id: None,
            mode: None,
            approvals: None,
            state: None,
            now,
        }
    }

    /// Decides it.
    ///
    /// # Errors
    /// One of the texts is not what it should be, or the request asserts another policy. Nothing was
    /// decided: a gate denies.
    pub fn check(&self, policy: &Policy) -> Result<Answer, Vec<Problem>> {
        let (answer, _) = self.decide(policy, None, None)?;
        Ok(answer)
    }

    /// Decides it as [`check`](Self::check) does, and makes the line of it that a log keeps: one
    /// [record](crate::record) of this run.
    ///
    /// # Errors
    /// As for [`check`](Self::check), or the log would keep what the policy redacts.
    pub fn record(
        &self,
        policy: &Policy,
        run: Option<&str>,
        kept: Kept<'_>,
    ) -> Result<(Answer, String), Vec<Problem>> {
        kept.admit(policy).map_err(|problem| vec![problem])?;
        self.decide(policy, run, Some(kept))
    }

    /// The answer, and where something of it is kept the record.
    fn decide(
        &self,
        policy: &Policy,
        run: Option<&str>,
        kept: Option<Kept<'_>>,
    ) -> Result<(Answer, String), Vec<Problem>> {
        let circumstances = self.read()?;
        let request = parse_request(self.request)?;
        policy.admit(&request).map_err(|problem| vec![problem])?;
        let (host, state) = (circumstances.host(), &circumstances.state);
        let (decision, next) = policy.decide(&request, &host, state, self.now);
        let answer = Answer {
            verdict: decision.verdict,
            decision: decision_to_json(&decision),
            state: state_to_json(&next),
        };
        let mut asked: Question<'_> = *self;
        asked.request_id = Some(&circumstances.request_id);
        let record = match kept {
            None => String::new(),
            Some(Kept::Full) => record_decision(run, &asked, &answer),
            Some(Kept::Facts { secret }) => {
                let facts = facts_to_json(&decision, secret);
                record_facts(run, &asked, &answer, &facts, request.call_id())
            }
        };
        Ok((answer, record))
    }

    /// Decides it as [`check`](Self::check) does, for those who only look: the decision's text. No run
    /// is moved.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn peek(&self, policy: &Policy) -> Result<String, Vec<Problem>> {
        let circumstances = self.read()?;
        let request = parse_request(self.request)?;
        policy.admit(&request).map_err(|problem| vec![problem])?;
        let (host, state) = (circumstances.host(), &circumstances.state);
        let decision = policy.peek(&request, &host, state, self.now);
        Ok(decision_to_json(&decision))
    }

    /// Decides it, and tells why. No run is moved.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn explain(&self, policy: &Policy) -> Result<Explained, Vec<Problem>> {
        let circumstances = self.read()?;
        let request = parse_request(self.request)?;
        policy.admit(&request).map_err(|problem| vec![problem])?;
        let (host, state) = (circumstances.host(), &circumstances.state);
        let explanation = policy.explain(&request, &host, state, self.now);
        Ok(Explained {
            decision: decision_to_json(&explanation.decision),
            explanation: explanation_to_json(&explanation),
        })
    }

    /// What deciding it needs to know of the past. The state that it came with is not looked at.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn state_keys(&self, policy: &Policy) -> Result<StateKeys, Vec<Problem>> {
        let circumstances = Self {
            state: None,
            ..*self
        }
        .read()?;
        let request = parse_request(self.request)?;
        policy.admit(&request).map_err(|problem| vec![problem])?;
        Ok(policy.state_keys(&request, &circumstances.host(), self.now))
    }

    /// Reads what the host adds. Everything that is wrong with it is told.
    pub(crate) fn read(&self) -> Result<Circumstances, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut kept = |found: Vec<Problem>| problems.extend(found);
        let request_id = match self.request_id {
            Some(id) => {
                if let Err(problem) = check_request_id(id) {
                    kept(vec![problem]);
                }
                id.to_owned()
            }
            None => derived_request_id("req", self.request, self.now),
        };
        let mode = self.mode.map_or(Ok(Mode::Observe), parse_mode);
        let mode = mode.map_err(|problem| kept(vec![problem]));
        let approvals = match self.approvals {
            Some(text) => parse_approvals("approvals", text.as_bytes()).map_err(&mut kept),
            None => Ok(Vec::new()),
        };
        let state = match self.state {
            Some(text) => parse_state("state", text.as_bytes()).map_err(&mut kept),
            None => Ok(RunState::default()),
        };
        match (mode, approvals, state) {
            (Ok(mode), Ok(approvals), Ok(state)) if problems.is_empty() => Ok(Circumstances {
                request_id,
                mode,
                approvals,
                state,
            }),
            _ => Err(problems),
        }
    }
}

/// What a host added, read.
#[derive(Debug)]
pub(crate) struct Circumstances {
    request_id: String,
    pub(crate) mode: Mode,
    approvals: Vec<ApprovalRecord>,
    pub(crate) state: RunState,
}

impl Circumstances {
    pub(crate) fn host(&self) -> Host<'_> {
        self.host_of(&self.request_id)
    }

    /// The same for a request with another id.
    pub(crate) fn host_of<'h>(&'h self, request_id: &'h str) -> Host<'h> {
        Host {
            request_id,
            mode: self.mode,
            approvals: &self.approvals,
            ..Host::default()
        }
    }
}

/// The mode that goes by this word.
///
/// # Errors
/// There is none.
pub fn parse_mode(word: &str) -> Result<Mode, Problem> {
    let modes = [Mode::Enforce, Mode::Observe, Mode::ReadOnly, Mode::Halted];
    let found = modes.into_iter().find(|mode| mode.as_str() == word);
    found.ok_or_else(|| {
        let message = format!("there is no mode {}", quoted(word));
        Problem::new(ProblemCode::HostInvalid, message)
            .help("the modes are `enforce`, `observe`, `read_only` and `halted`")
    })
}

/// The time that a host means by an RFC 3339 text.
///
/// # Errors
/// It is no such text.
pub fn parse_now(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).map_err(|error| {
        let message = format!("`now` is no time: {error}");
        Problem::new(ProblemCode::HostInvalid, message)
            .help("write a time with its offset, such as `2026-01-05T10:00:00Z`")
    })
}

/// Whether a text can be the id of a request.
///
/// # Errors
/// It is empty or too long, or has characters that nobody sees.
pub fn check_request_id(id: &str) -> Result<(), Problem> {
    let message = if id.is_empty() || id.len() > REQUEST_ID_BYTES_MAX {
        format!("a request id has 1 to {REQUEST_ID_BYTES_MAX} bytes")
    } else if !id.bytes().all(|byte| byte.is_ascii_graphic()) && id.chars().any(is_hidden) {
        "a request id has no invisible characters".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::new(ProblemCode::HostInvalid, message)
        .help("leave the id out, and one is made from the request and the time"))
}

/// An id for a request that came without one. The same request at the same time has the same id, so
/// that asking can be repeated exactly.
pub fn derived_request_id(prefix: &str, request: &[u8], now: Timestamp) -> String {
    const DIGITS: usize = 16;
    let mut named = now.to_string().into_bytes();
    named.push(b'\n');
    named.extend_from_slice(request);
    let digest = Digest::of(&named).to_string();
    format!("{prefix}-{}", digest.get(..DIGITS).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        parse_now("2026-01-05T10:00:00Z").unwrap()
    }

    fn question() -> Question<'static> {
        Question::new(
            br#"{"tool_call": {"name": "search", "arguments": {}}}"#,
            now(),
        )
    }

    fn codes(question: &Question<'_>) -> Vec<&'static str> {
        let policy = Policy::builtin("standard").unwrap();
        let problems = question.check(&policy).unwrap_err();
        problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect()
    }

    #[test]
    fn everything_that_is_wrong_with_a_host_s_texts_is_told() {
        let question = Question {
            request_id: Some(""),
            mode: Some("strict"),
            approvals: Some("{}"),
            state: Some("[]"),
            ..question()
        };
        let expected = [
            "HOST_INVALID",
            "HOST_INVALID",
            "APPROVALS_INVALID",
            "STATE_INVALID",
        ];
        assert_eq!(codes(&question), expected);
        let long = "x".repeat(REQUEST_ID_BYTES_MAX + 1);
        for id in [long.as_str(), "a\u{202e}b", "a\n"] {
            let question = Question {
                request_id: Some(id),
                ..question
            };
            assert_eq!(codes(&question)[0], "HOST_INVALID", "{id:?}");
        }
        assert_eq!(
            parse_now("2026-01-05").unwrap_err().code(),
            ProblemCode::HostInvalid
        );
    }

    #[test]
    fn a_new_run_is_what_it_says() {
        assert_eq!(state_to_json(&RunState::begin()), NEW_RUN);
    }

    #[test]
    fn a_request_without_an_id_has_the_same_one_each_time() {
        let policy = Policy::builtin("standard").unwrap();
        let answer = question().check(&policy).unwrap();
        assert_eq!(question().check(&policy).unwrap(), answer);
        assert_eq!(question().peek(&policy).unwrap(), answer.decision);
        assert!(answer.decision.contains(r#""request_id":"req-"#));
        let explained = question().explain(&policy).unwrap();
        assert_eq!(explained.decision, answer.decision);
        assert!(explained.explanation.contains(&answer.decision));
    }

    #[test]
    fn a_record_is_made_again_to_the_byte() {
        let policy = Policy::builtin("standard").unwrap();
        let asked = Question {
            state: Some(NEW_RUN),
            ..question()
        };
        let (answer, line) = asked.record(&policy, Some("r"), Kept::Full).unwrap();
        assert_eq!(answer, asked.check(&policy).unwrap());
        let record = crate::record::parse_record("log", &line).unwrap();
        assert_eq!(record.run.as_deref(), Some("r"));
        let again = record.question().unwrap().check(&policy).unwrap();
        assert_eq!(again, answer);
        let facts = Kept::Facts { secret: None };
        let (_, facts) = asked.record(&policy, None, facts).unwrap();
        assert!(facts.contains(r#""facts":{"#) && facts.contains(&answer.decision));
    }

    #[test]
    fn a_mode_halts_and_its_absence_leaves_the_policy_its_own() {
        let policy = Policy::builtin("standard").unwrap();
        let halted = Question {
            mode: Some("halted"),
            ..question()
        };
        let answer = halted.check(&policy).unwrap();
        assert!(answer.decision.contains(r#""verdict":"DENY""#));
        let own = question().check(&policy).unwrap();
        assert!(!own.decision.contains(r#""mode":"#));
    }
}

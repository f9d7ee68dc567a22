//! `stage0 approve`: a person's answer to what a decision waits for, signed.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use stage0_audit::approval::sign;
use stage0_engine::canonical::write_value;
use stage0_engine::host::{Answer, ApprovalRecord, Host, Proof};
use stage0_engine::legible::push_legible;
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_engine::request::Request;
use stage0_engine::state::RunState;
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, decision_to_json};

use crate::command::check::{parse_time, refuse_two_stdins};
use crate::exit::{Exit, Failure};
use crate::input::{name_of, now, read};
use crate::load::{load_policy, read_request};
use crate::output::{print, tell};
use crate::paint::{BAD, GOOD, NAME, paint};
use crate::secret::{new_id, read_key};
use crate::waiting::{Asked, DECISION_LIMITS, Waiting};

/// Said where the decision alone tells which facts of the arguments are answered.
const UNSURE: &str =
    "which of the arguments are meant, only the decision says; --policy asks the policy";

/// Sign a person's answer to what a decision waits for
#[derive(Debug, Args)]
#[command(
    after_help = "What is answered is told on standard error; the token, one line, goes to standard output. It counts for the rule \
that asked, under its present terms, for this action, until it ends: `stage0 check --approvals` takes it, if the policy's \
`keys` have the public half of the key.

Exit codes:
  0  the answer is signed
  1  a problem, or nothing waits for this person's answer
  2  the command line makes no sense

Examples:
  stage0 check request.json --policy policy.yaml --format json > decision.json
  stage0 approve decision.json --request request.json --policy policy.yaml --key ana-2026.jwk --by ana --role finance_lead"
)]
pub(crate) struct Approve {
    /// The decision, as `stage0 check --format json` prints it; `-` is standard input
    #[arg(value_name = "DECISION")]
    decision: PathBuf,

    /// The request that was decided: its arguments are shown, and another request is refused
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,

    /// The policy, which is asked again: what the decision says that it asks is not taken at its word
    #[arg(long, short, value_name = "POLICY", requires = "request")]
    policy: Option<PathBuf>,

    /// The private key to sign with, as `stage0 keypair new` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Who answers, as the policy's `keys` name the person
    #[arg(long, value_name = "WHO", value_parser = parse_text)]
    by: String,

    /// A role in which the person answers; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = parse_text)]
    roles: Vec<String>,

    /// The rule that asked, as pack/id, where several did
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// Say no: then it is denied, whoever else says yes
    #[arg(long)]
    reject: bool,

    /// How long the answer counts, such as 30m or 2d; the rule's own time may end it sooner
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,

    /// The answer's id, which no other has; a random one if left out
    #[arg(long, value_name = "ID", value_parser = parse_text)]
    id: Option<String>,

    /// When it is answered, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
}

fn parse_text(text: &str) -> Result<String, String> {
    let is_plain = !text.chars().any(stage0_engine::legible::is_hidden);
    let fits = is_plain && !text.trim().is_empty() && text.len() <= 128;
    let text = fits.then(|| text.to_owned());
    text.ok_or_else(|| "it has 1 to 128 bytes, and no invisible characters".to_owned())
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = Duration::parse_with_days(text).map_err(|error| error.to_string())?;
    let ttl = Some(ttl).filter(|ttl| *ttl > Duration::ZERO);
    ttl.ok_or_else(|| "an answer counts for more than nothing".to_owned())
}

impl Approve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        refuse_two_stdins(&[
            Some(&self.decision),
            self.request.as_ref(),
            self.policy.as_ref(),
            Some(&self.key),
        ])?;
        let text = read(&self.decision, DECISION_LIMITS.bytes_max)?;
        let decision = Waiting::parse(&name_of(&self.decision), &text)?;
        let asked = self.find(&decision)?;
        let key = read_key(&self.key)?;
        let record = self.record(asked)?;
        let arguments = self.arguments(&decision, &record)?;
        tell(&told(&decision, asked, &arguments, &record));
        print(&(sign(&record, &key) + "\n"))?;
        Ok(Exit::Success)
    }

    /// The one question that is answered.
    fn find<'d>(&self, decision: &'d Waiting) -> Result<&'d Asked, Problem> {
        let nothing = |message: String| Problem::new(ProblemCode::NothingFound, message);
        if decision.verdict != "DEFER" {
            let verdict = &decision.verdict;
            return Err(nothing(format!(
                "the decision is {verdict}, and waits for nobody"
            )));
        }
        let is_meant = |asked: &&Asked| self.rule.as_ref().is_none_or(|rule| *rule == asked.rule);
        let mut found = decision.asked.iter().filter(is_meant);
        let rules = || {
            let rules: Vec<&str> = decision.asked.iter().map(|asked| &*asked.rule).collect();
            rules.join("`, `")
        };
        match (found.next(), found.next()) {
            (Some(asked), None) => Ok(asked),
            (Some(_), Some(_)) => Err(nothing("several rules ask for an approval".to_owned())
                .help(format!("answer one with --rule: `{}`", rules()))),
            (None, _) if decision.asked.is_empty() => {
                Err(nothing("no rule asks for an approval".to_owned()))
            }
            (None, _) => Err(nothing("this rule asks for no approval".to_owned())
                .help(format!("what asks is `{}`", rules()))),
        }
    }

    /// The arguments of the request, on one line, once it is sure that they are what is answered.
    fn arguments(&self, decision: &Waiting, record: &ApprovalRecord) -> Result<Arguments, Failure> {
        let Some(path) = &self.request else {
            return Ok(Arguments {
                text: "not shown; name the request with --request".to_owned(),
                is_sure: true,
            });
        };
        let text = read(path, REQUEST_BYTES_MAX)?;
        let request = read_request(path, &text)?;
        let other = |message: &str| Problem::new(ProblemCode::RequestConflict, message);
        if !decision.is_about(&request) {
            return Err(other("the decision is about another request").into());
        }
        let is_sure = match &self.policy {
            Some(policy) if !asks(&load_policy(policy)?, &request, record) => {
                return Err(
                    other("the policy does not ask what the decision says that it asks")
                        .help("decide the request again, by the policy as it is now")
                        .into(),
                );
            }
            Some(_) => true,
            // Which facts a rule binds, and to what, only the policy tells.
            None => decision.is_of(record.action),
        };
        let mut arguments = String::new();
        match request.arguments() {
            Some(value) => write_value(&mut arguments, value),
            None => arguments.push_str("{}"),
        }
        Ok(Arguments {
            text: arguments,
            is_sure,
        })
    }

    fn record(&self, asked: &Asked) -> Result<ApprovalRecord, Problem> {
        let issued_at = self.now.map_or_else(now, Ok)?;
        let expires_at = issued_at.checked_add(self.ttl).map_err(|error| {
            Problem::new(
                ProblemCode::PolicyTime,
                format!("the answer's end: {error}"),
            )
        })?;
        Ok(ApprovalRecord {
            id: self.id.clone().map_or_else(new_id, Ok)?,
            answer: if self.reject {
                Answer::Rejected
            } else {
                Answer::Approved
            },
            by: self.by.clone(),
            roles: self.roles.clone(),
            rule: asked.rule.clone(),
            terms: asked.terms,
            action: asked.action,
            issued_at,
            expires_at: Some(expires_at),
            proof: Proof::Host,
        })
    }
}

/// What is shown of a call.
#[derive(Debug)]
struct Arguments {
    text: String,
    /// Whether the answer is about these arguments for certain.
    is_sure: bool,
}

/// Whether a policy asks for this answer to this request.
fn asks(policy: &Policy, request: &Request<'_>, record: &ApprovalRecord) -> bool {
    let state = RunState::default();
    let decision = policy.peek(request, &Host::default(), &state, record.issued_at);
    let text = decision_to_json(&decision);
    let waiting = Waiting::parse("the decision", text.as_bytes());
    waiting.is_ok_and(|waiting| {
        let mut asked = waiting.asked.iter();
        asked.any(|asked| {
            (&asked.rule, asked.terms, asked.action) == (&record.rule, record.terms, record.action)
        })
    })
}

/// What is being answered, in full: nothing may hide behind the end of a line.
fn told(
    decision: &Waiting,
    asked: &Asked,
    arguments: &Arguments,
    record: &ApprovalRecord,
) -> String {
    let legible = |text: &str| {
        let mut out = String::with_capacity(text.len());
        text.chars()
            .for_each(|character| push_legible(&mut out, character));
        out
    };
    let answer = match record.answer {
        Answer::Rejected => paint(BAD, "rejecting"),
        Answer::Approved | Answer::Pending => paint(GOOD, "approving"),
    };
    let mut out = format!("{answer} {}\n", paint(NAME, &legible(&asked.tool)));
    let mut line = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {name:<10}{}", legible(text));
    };
    line("arguments", &arguments.text);
    if !arguments.is_sure {
        line("caution", UNSURE);
    }
    line(
        "asked by",
        &format!("{} of {}", asked.rule, decision.policy),
    );
    line("because", &asked.message);
    line("request", &decision.request_id);
    line("action", &asked.action.to_string());
    if !asked.roles.is_empty() {
        line("needs", &asked.roles.join(" or "));
    }
    let roles = record.roles.join(", ");
    let roles = if roles.is_empty() {
        roles
    } else {
        format!(" as {roles}")
    };
    line("by", &format!("{}{roles}", record.by));
    if let Some(at) = record.expires_at {
        line("until", &at.to_string());
    }
    out
}

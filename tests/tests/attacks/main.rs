//! Attacks: requests, approvals and files made to get an answer that the policy's author did not mean.
//!
//! Each test is one attack with its policy and request, from text to answer as an attacker meets it.
//! A file collects the attacks on one part: what an answer must be stands in the name of the test.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod actions;
mod approvals;
mod catalog;
mod composition;
mod effects;
mod floods;
mod modes;
mod requests;
mod words;

use stage0_engine::host::{Answer, ApprovalRecord, Host, Proof};
use stage0_engine::policy::Severity;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::imports::ImportMap;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, decision_to_json, parse_request};

/// Monday morning, when every test happens.
const NOW: &str = "2026-01-05T10:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect()
}

/// The policy of this text, with the two lines that every policy begins with.
fn policy(text: &str) -> Policy {
    let text = format!("stage0: v1\nname: p\nversion: 1.0.0\n{text}");
    Policy::parse(&text).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

/// The codes of the errors with which the text is refused as a policy.
fn refusals(text: &str) -> Vec<&'static str> {
    let text = format!("stage0: v1\nname: p\nversion: 1.0.0\n{text}");
    errors(Policy::parse(&text))
}

fn errors(loaded: Result<Policy, Vec<Problem>>) -> Vec<&'static str> {
    let problems = loaded.err().unwrap_or_default();
    problems
        .iter()
        .filter(|problem| problem.severity() == stage0_wire::problem::Severity::Error)
        .map(|problem| problem.code().as_str())
        .collect()
}

/// The policy of several files, the root first, each named by its path.
fn load(files: &[(&str, &str)]) -> Result<Policy, Vec<Problem>> {
    let mut imports = ImportMap::new();
    for (path, text) in files {
        imports.insert(path, text.as_bytes());
    }
    let (path, text) = files.first().unwrap();
    Policy::load(path, text.as_bytes(), &imports)
}

fn files(files: &[(&str, &str)]) -> Policy {
    load(files).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

/// The verdict, and the codes of MEDIUM and above.
fn ask(policy: &Policy, request: &str) -> String {
    ask_with(policy, request, &Host::default())
}

fn ask_with(policy: &Policy, request: &str, host: &Host<'_>) -> String {
    let request =
        parse_request(request.as_bytes()).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let decision = policy.peek(&request, host, &RunState::default(), at(NOW));
    let mut answer = decision.verdict.as_str().to_owned();
    for issue in decision
        .issues
        .iter()
        .filter(|issue| issue.severity > Severity::Low)
    {
        answer.push(' ');
        answer.push_str(issue.code);
    }
    answer
}

/// The codes with which a request is refused.
fn refused(request: &str) -> Vec<&'static str> {
    match parse_request(request.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect(),
    }
}

/// The decision's text.
fn answer(policy: &Policy, request: &str) -> String {
    let request =
        parse_request(request.as_bytes()).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), at(NOW));
    decision_to_json(&decision)
}

/// The digest of the action.
fn digest(policy: &Policy, request: &str) -> String {
    let request =
        parse_request(request.as_bytes()).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), at(NOW));
    decision.action_digest().to_string()
}

/// The approval that a request waits for, given by `by` a minute ago.
fn approval(policy: &Policy, request: &str, by: &str, roles: &[&str]) -> ApprovalRecord {
    use stage0_engine::decision::Detail;
    use stage0_engine::digest::Digest;

    let request = parse_request(request.as_bytes()).unwrap();
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), at(NOW));
    let issue = decision
        .issues
        .iter()
        .find(|issue| issue.details.iter().any(|(name, _)| *name == "terms"))
        .unwrap_or_else(|| panic!("nothing asks for an approval: {:?}", decision.issues));
    let detail = |wanted: &str| {
        let found = issue.details.iter().find(|(name, _)| *name == wanted);
        match found {
            Some((_, Detail::Text(text))) => Digest::parse(text).unwrap(),
            other => panic!("{wanted} is {other:?}"),
        }
    };
    ApprovalRecord {
        id: format!("by-{by}"),
        answer: Answer::Approved,
        by: by.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        rule: issue.rule.to_owned(),
        terms: detail("terms"),
        action: detail("action"),
        issued_at: at("2026-01-05T09:59:00Z"),
        expires_at: None,
        proof: Proof::Host,
    }
}

fn with_approvals(policy: &Policy, request: &str, approvals: &[ApprovalRecord]) -> String {
    ask_with(
        policy,
        request,
        &Host {
            approvals,
            ..Host::default()
        },
    )
}

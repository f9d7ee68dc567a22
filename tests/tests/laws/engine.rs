//! The engine, asked through its text doors as a host asks it.

use std::collections::BTreeSet;

use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_tests::oracle::model::Policy as Model;
use stage0_tests::oracle::{Answer, Issue};
use stage0_wire::imports::ImportMap;
use stage0_wire::problem::{Problem, Severity};
use stage0_wire::{Policy, parse_request};

use stage0_tests::generate::{Sample, timestamp};

/// The id of every request here.
pub(crate) const REQUEST_ID: &str = "request-1";

/// Reads a policy with what it imports.
pub(crate) fn load(policy: &Model) -> Policy {
    let mut files = ImportMap::new();
    for import in policy.imports() {
        files.insert(
            &format!("{}.json", import.name),
            import.to_value().to_json(),
        );
    }
    let text = policy.to_value().to_json();
    Policy::load("root.json", text.as_str(), &files).unwrap_or_else(|problems| {
        panic!("a policy that should load:\n{}\n{text}", told(&problems))
    })
}

/// What is wrong, without what is only remarked.
fn told(problems: &[Problem]) -> String {
    let wrong = problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Error);
    wrong.map(Problem::render).collect()
}

/// What the engine answers, in the oracle's form.
pub(crate) fn ask(sample: &Sample) -> Answer {
    ask_about(
        &load(&sample.policy),
        &sample.request.to_value().to_json(),
        sample,
    )
}

/// What the engine answers to this text under this policy, with the sample's host and time.
pub(crate) fn ask_about(policy: &Policy, request: &str, sample: &Sample) -> Answer {
    let request = parse_request(request.as_bytes()).unwrap_or_else(|problems| {
        panic!(
            "a request that should parse:\n{}\n{request}",
            told(&problems)
        )
    });
    let host = Host {
        request_id: REQUEST_ID,
        mode: sample.host.mode,
        approvals: &sample.host.approvals,
        ..Host::default()
    };
    let now = timestamp(sample.now);
    let (decision, next) = policy.decide(&request, &host, &sample.host.state, now);
    Answer {
        verdict: decision.verdict,
        issues: issues(&decision.issues),
        depends_on: decision.depends_on().map(str::to_owned).collect(),
        tools: decision
            .tool_verdicts
            .iter()
            .map(|tool| {
                (
                    tool.name.to_string(),
                    tool.tool.unwrap_or("").to_owned(),
                    tool.verdict,
                )
            })
            .collect(),
        would: decision
            .would
            .as_ref()
            .map(|would| (would.verdict, issues(&would.issues))),
        questions: decision.questions.iter().map(ToString::to_string).collect(),
        action: decision.action_digest(),
        next,
    }
}

/// Issues in the oracle's form, which has no messages: what is wrong by two schemas is one there.
fn issues(issues: &[stage0_engine::decision::Issue<'_>]) -> Vec<Issue> {
    let mut told: Vec<(&str, Issue)> = Vec::new();
    for found in issues {
        let same = issue(found);
        let is_retold =
            |(message, known): &(&str, Issue)| *message != found.message && *known == same;
        if !told.iter().any(is_retold) {
            told.push((&found.message, same));
        }
    }
    told.into_iter().map(|(_, issue)| issue).collect()
}

fn issue(issue: &stage0_engine::decision::Issue<'_>) -> Issue {
    let missing = issue
        .resolution
        .iter()
        .flat_map(|resolution| resolution.facts.clone());
    Issue {
        code: issue.code.to_owned(),
        severity: issue.severity,
        rule: issue.rule.to_owned(),
        tool: issue.tool.to_string(),
        missing: missing.collect(),
        about: about(issue),
        questions: BTreeSet::new(),
    }
}

/// The detail that tells issues of one code apart.
fn about(issue: &stage0_engine::decision::Issue<'_>) -> String {
    use stage0_engine::decision::Detail;
    if issue.message == "Only a rule that is merely observed allows this." {
        return "observed".to_owned();
    }
    let distinguishes =
        |name: &str| ["path", "field", "effect", "constraint", "action"].contains(&name);
    issue
        .details
        .iter()
        .find_map(|(name, detail)| match detail {
            Detail::Text(text) if distinguishes(name) => Some(text.to_string()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The canonical answer to this text, as a host would send it on.
pub(crate) fn answer_text(policy: &Policy, request: &str, sample: &Sample) -> String {
    let host = Host {
        request_id: REQUEST_ID,
        mode: sample.host.mode,
        approvals: &sample.host.approvals,
        ..Host::default()
    };
    let now = timestamp(sample.now);
    policy
        .check(request.as_bytes(), &host, &sample.host.state, now)
        .unwrap_or_else(|problems| {
            panic!(
                "a request that should parse:\n{}\n{request}",
                told(&problems)
            )
        })
        .0
}

/// The verdict of a policy's text, and the codes of MEDIUM and above.
pub(crate) fn verdict_and_codes(policy: &str, request: &str) -> String {
    let text = format!("stage0: v1\nname: p\nversion: 1.0.0\n{policy}");
    let policy = Policy::parse(&text).unwrap_or_else(|problems| {
        panic!("a policy that should load:\n{}\n{text}", told(&problems))
    });
    let request = parse_request(request.as_bytes())
        .unwrap_or_else(|problems| panic!("a request that should parse:\n{}", told(&problems)));
    let now = timestamp(stage0_tests::oracle::value::JANUARY_2026_MS);
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
    let mut codes = vec![decision.verdict.as_str()];
    let weighty = decision
        .issues
        .iter()
        .filter(|issue| issue.severity > stage0_engine::policy::Severity::Low);
    codes.extend(weighty.map(|issue| issue.code));
    codes.join(" ")
}

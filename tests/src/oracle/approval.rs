//! Whether the approval that a rule asks for is there, and the digests that it is bound to.

use std::collections::BTreeSet;

use stage0_engine::codes::IssueCode;
use stage0_engine::digest::Digest;
use stage0_engine::host::{Answer, ApprovalRecord};
use stage0_engine::policy::EvidenceSource;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;

use super::condition::{Expr, Outcome, Path, Scope, Step};
use super::model::{Approval, Request};
use super::value::{Value, object, read_instant, text, whole};

/// What looking for an approval found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// Enough people said yes; the counters of what is used of their answers.
    Yes(BTreeSet<String>),
    /// Somebody said no.
    Rejected,
    /// Not yet: why, if anybody was asked, and for want of which facts.
    NotYet(Option<IssueCode>, BTreeSet<String>),
    /// A fact that it needs is of the wrong type.
    Error,
}

/// What is asked.
#[derive(Debug)]
pub struct Question<'q> {
    /// The rule, as `pack/id`.
    pub rule: &'q str,
    /// Its terms.
    pub terms: &'q Approval,
    /// The request.
    pub request: &'q Request,
    /// The tool's name in digests.
    pub tool: &'q str,
    /// The facts.
    pub facts: &'q Value,
    /// People's answers.
    pub records: &'q [ApprovalRecord],
    /// What the host counts.
    pub state: &'q RunState,
    /// Whether the call was allowed before, and has used what it uses.
    pub was_allowed: bool,
    /// The time of the decision, in milliseconds.
    pub now: i64,
}

impl Question<'_> {
    /// What a yes would be given for.
    pub fn action(&self) -> Digest {
        let tools = [self.tool.to_owned()];
        action_digest(self.request, &tools, self.terms, self.facts)
    }
}

/// Digest of an approval block.
pub fn terms_digest(terms: &Approval) -> Digest {
    let sorted = |items: Vec<String>| {
        let items: BTreeSet<String> = items.into_iter().collect();
        Some(Value::List(items.into_iter().map(text).collect()))
    };
    let paths = |paths: &[Path]| sorted(paths.iter().map(Path::to_string).collect());
    let evidence = terms.evidence.unwrap_or_default();
    let digested = object([
        ("v", Some(whole(1))),
        (
            "roles",
            sorted(terms.roles.iter().map(|role| (*role).to_owned()).collect()),
        ),
        ("min", Some(whole(i64::from(terms.min.unwrap_or(1))))),
        ("not", paths(&terms.not)),
        ("bind", paths(&terms.bind)),
        (
            "ttl",
            terms.ttl.map(|ttl| text(format!("{}s", ttl / 1_000))),
        ),
        ("evidence", Some(text(evidence.as_str()))),
    ]);
    Digest::of(digested.to_json().as_bytes())
}

/// What a bare fact is.
pub fn fact(facts: &Value, has_call: bool, path: &Path) -> Outcome {
    Scope {
        facts,
        has_call,
        params: &[],
        lets: &[],
        zone: "UTC",
    }
    .evaluate(&Expr::Fact(path.clone()))
}

/// Digest of what an approval under these terms is given for: the call or its bound facts; of a plan,
/// its tools and the declared effects.
pub fn action_digest(
    request: &Request,
    tools: &[String],
    terms: &Approval,
    facts: &Value,
) -> Digest {
    let has_call = request.call.is_some();
    let context = |name: &'static str| {
        let path = Path {
            root: "context",
            steps: vec![Step::Member(name)],
        };
        match fact(facts, has_call, &path) {
            Outcome::Known(value) => Some(value),
            _ => None,
        }
    };
    let bound = terms.bind.iter().map(|path| {
        let value = match fact(facts, has_call, path) {
            Outcome::Known(value) => Value::List(vec![value]),
            // The arguments of a call that was not made are not absent: they are still to come.
            Outcome::Unknown(_) if path.root == "args" && !has_call => Value::Null,
            Outcome::Unknown(_) => Value::List(Vec::new()),
            Outcome::Error => Value::Null,
        };
        (path.to_string(), value)
    });
    let is_bound = !terms.bind.is_empty();
    let is_plan = !has_call && !is_bound;
    let sorted: BTreeSet<&String> = tools.iter().collect();
    let mut effects: Vec<&str> = request.side_effects.clone();
    effects.sort_unstable();
    effects.dedup();
    let effects = Value::List(effects.into_iter().map(text).collect());
    let digested = object([
        ("v", Some(whole(1))),
        (
            "tool",
            (!is_plan).then(|| text(tools.first().map_or("", String::as_str))),
        ),
        (
            "tools",
            is_plan.then(|| Value::List(sorted.into_iter().map(text).collect())),
        ),
        ("effects", is_plan.then_some(effects)),
        (
            "arguments",
            if is_bound {
                None
            } else {
                facts.member("args").cloned()
            },
        ),
        ("bound", is_bound.then(|| Value::Map(bound.collect()))),
        ("tenant_id", context("tenant_id")),
        ("environment", context("environment")),
        ("actor_id", context("actor_id")),
    ]);
    Digest::of(digested.to_json().as_bytes())
}

/// Looks for the approval.
pub fn find(question: &Question<'_>) -> Approved {
    let fact = |path| fact(question.facts, question.request.call.is_some(), path);
    let mut barred = Vec::new();
    let mut missing = BTreeSet::new();
    let mut wrong = question
        .terms
        .bind
        .iter()
        .any(|path| fact(path) == Outcome::Error);
    if question.terms.evidence == Some(EvidenceSource::Asserted) {
        let context = question.facts.member("context");
        wrong |= ["approval_status", "approved_at", "approved_by"]
            .into_iter()
            .filter_map(|name| context?.member(name))
            .any(|stated| stated.as_text().is_none());
    }
    for path in &question.terms.not {
        match fact(path) {
            Outcome::Known(Value::Text(person)) if is_nobody(&person) => {
                missing.insert(path.to_string());
            }
            Outcome::Known(Value::Text(person)) => barred.push(person),
            Outcome::Known(Value::List(people)) => {
                if people.iter().filter_map(Value::as_text).any(is_nobody) {
                    missing.insert(path.to_string());
                }
                wrong |= people.iter().any(|person| person.as_text().is_none());
                barred.extend(people.iter().filter_map(Value::as_text).map(str::to_owned));
            }
            Outcome::Known(_) | Outcome::Error => wrong = true,
            Outcome::Unknown(facts) => missing.extend(facts),
        }
    }
    match question.terms.evidence.unwrap_or_default() {
        _ if wrong => Approved::Error,
        // A no counts whoever asked.
        _ if is_rejected(question) => Approved::Rejected,
        _ if !missing.is_empty() => Approved::NotYet(None, missing),
        EvidenceSource::Host | EvidenceSource::Signed => recorded(question, &barred),
        // The host's own record is worth more than its bare word.
        EvidenceSource::Asserted => match recorded(question, &barred) {
            yes @ Approved::Yes(_) => yes,
            _ => asserted(question, &barred),
        },
    }
}

/// Names that differ only in case, or in white space around them, are one person's.
fn is_same(one: &str, two: &str) -> bool {
    one.trim().eq_ignore_ascii_case(two.trim())
}

fn is_nobody(name: &str) -> bool {
    name.trim().is_empty()
}

fn is_rejected(question: &Question<'_>) -> bool {
    let status = Path {
        root: "context",
        steps: vec![Step::Member("approval_status")],
    };
    let is_recorded = question.records.iter().any(|record| {
        record.answer == Answer::Rejected
            && record.rule == question.rule
            && record.terms == terms_digest(question.terms)
            && record.action == question.action()
    });
    let is_asserted = question.terms.evidence == Some(EvidenceSource::Asserted)
        && fact(question.facts, true, &status) == Outcome::Known(text("rejected"));
    is_recorded || is_asserted
}

/// What keeps one record from counting.
fn flaw(question: &Question<'_>, record: &ApprovalRecord, barred: &[String]) -> Option<IssueCode> {
    let Question { terms, now, .. } = question;
    let issued = record.issued_at.to_ms();
    let ends = [
        terms.ttl.map(|ttl| issued + ttl),
        record.expires_at.map(Timestamp::to_ms),
    ];
    let has_role = record
        .roles
        .iter()
        .any(|role| terms.roles.contains(&role.as_str()));
    if record.answer == Answer::Pending {
        Some(IssueCode::APPROVAL_PENDING)
    } else if issued > *now {
        Some(IssueCode::APPROVAL_NOT_YET_VALID)
    } else if ends.into_iter().flatten().any(|end| end <= *now) {
        Some(IssueCode::APPROVAL_EXPIRED)
    } else if barred.iter().any(|person| is_same(person, &record.by)) {
        Some(IssueCode::APPROVAL_SELF)
    } else if !terms.roles.is_empty() && !has_role {
        Some(IssueCode::APPROVAL_ROLE)
    } else {
        None
    }
}

/// The counter of what is used of an answer.
fn counter_of(rule: &str, record: &ApprovalRecord) -> String {
    let named = Value::List(vec![text(&record.id)]).to_json();
    let digest = Digest::of(named.as_bytes()).to_hex();
    format!("{rule}!{}", &digest[..32])
}

/// The gate's own records of people's answers.
fn recorded(question: &Question<'_>, barred: &[String]) -> Approved {
    let terms = question.terms;
    let under = terms_digest(terms);
    let action = question.action();
    let mut good = Vec::new();
    let mut flaws = BTreeSet::new();
    for record in question
        .records
        .iter()
        .filter(|record| record.rule == question.rule)
    {
        if record.terms != under {
            flaws.insert(IssueCode::APPROVAL_WRONG_POLICY);
        } else if record.action != action {
            flaws.insert(IssueCode::APPROVAL_WRONG_ACTION);
        } else if is_nobody(&record.by) && record.answer == Answer::Approved {
            // What nobody said counts for nothing.
        } else if let Some(flaw) = flaw(question, record, barred) {
            flaws.insert(flaw);
        } else {
            let ends = [
                terms.ttl.map(|ttl| record.issued_at.to_ms() + ttl),
                record.expires_at.map(Timestamp::to_ms),
            ];
            let end = ends.into_iter().flatten().min().unwrap_or(i64::MAX);
            good.push((end, counter_of(question.rule, record), record));
        }
    }
    // What ends first is used first, and each is good for one call.
    good.sort_by_key(|(end, counter, _)| (*end, counter.clone()));
    let (mut people, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (_, counter, record) in good {
        let by = record.by.trim().to_ascii_lowercase();
        if people.contains(&by) || people.len() == terms.min.unwrap_or(1) as usize {
            continue;
        }
        let counted = question.state.counters.get(counter.as_str());
        let is_used = counted.is_some_and(|counter| !counter.entries.is_empty());
        if is_used && !question.was_allowed {
            flaws.insert(IssueCode::APPROVAL_USED);
            continue;
        }
        people.insert(by);
        // A host that does not count its own answers sees to it itself.
        if counted.is_some() || question.state.is_whole {
            used.insert(counter);
        }
    }
    if people.len() >= terms.min.unwrap_or(1) as usize {
        return Approved::Yes(used);
    }
    // Of several flaws the one that is nearest to a yes is told: the last in the order of the codes.
    let why = if people.is_empty() {
        flaws.last().copied()
    } else {
        Some(IssueCode::APPROVAL_NOT_ENOUGH)
    };
    Approved::NotYet(why, BTreeSet::new())
}

/// The plain fields of the context.
fn asserted(question: &Question<'_>, barred: &[String]) -> Approved {
    let context = |name| {
        question
            .facts
            .member("context")
            .and_then(|context| context.member(name))
    };
    let not_yet = |why| Approved::NotYet(why, BTreeSet::new());
    let lacking = |why, fact: &str| Approved::NotYet(why, BTreeSet::from([fact.to_owned()]));
    let by = context("approved_by")
        .and_then(Value::as_text)
        .filter(|by| !is_nobody(by));
    match context("approval_status").and_then(Value::as_text) {
        Some("approved") => {}
        Some("pending") => return not_yet(Some(IssueCode::APPROVAL_PENDING)),
        _ => return not_yet(None),
    }
    if by.is_some_and(|by| barred.iter().any(|person| is_same(person, by))) {
        return not_yet(Some(IssueCode::APPROVAL_SELF));
    }
    if by.is_none() && !barred.is_empty() {
        return lacking(None, "context.approved_by");
    }
    let at = context("approved_at").and_then(Value::as_text);
    match (at.map(read_instant), question.terms.ttl) {
        (None, None) => Approved::Yes(BTreeSet::new()),
        (None | Some(None), _) => lacking(
            Some(IssueCode::APPROVAL_TIMESTAMP_MISSING),
            "context.approved_at",
        ),
        (Some(Some(at)), ttl) => {
            if at > question.now {
                not_yet(Some(IssueCode::APPROVAL_NOT_YET_VALID))
            } else if ttl.is_some_and(|ttl| at + ttl <= question.now) {
                not_yet(Some(IssueCode::APPROVAL_EXPIRED))
            } else {
                Approved::Yes(BTreeSet::new())
            }
        }
    }
}

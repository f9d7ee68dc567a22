//! What the corpus has to reach: every word of the vocabulary, every code of the standard policy.

use std::collections::BTreeSet;

use serde_json::Value;
use stage0_engine::codes::IssueCode;
use stage0_engine::vocabulary::constraint::{CONSTRAINT_KEYS, Constraint, read};
use stage0_engine::vocabulary::effect::BUILTIN_EFFECTS;
use stage0_engine::vocabulary::fold;
use stage0_tests::corpus::{Topic, topics};
use stage0_tests::hosts::PolicyText;
use stage0_wire::packs::pack;
use stage0_wire::testing::Exchange;

/// Codes that need what the standard policy does not have: a catalog, a default that is not allow, an
/// approval that is bound to an action, or a rule whose missing facts have no code of their own.
const OUT_OF_REACH: [IssueCode; 27] = [
    IssueCode::RUN_REQUIRED,
    IssueCode::TOOL_NAME_CONFUSABLE,
    IssueCode::TOOL_UNKNOWN,
    IssueCode::ARGUMENT_MISSING,
    IssueCode::ARGUMENT_NOT_ALLOWED,
    IssueCode::ARGUMENT_TYPE,
    IssueCode::ARGUMENT_RANGE,
    IssueCode::ARGUMENT_VALUE,
    IssueCode::NO_RULE_ALLOWS,
    IssueCode::TOOL_UNCATALOGUED,
    IssueCode::FACT_MISSING,
    IssueCode::APPROVAL_WRONG_ACTION,
    IssueCode::APPROVAL_WRONG_POLICY,
    IssueCode::APPROVAL_ROLE,
    IssueCode::APPROVAL_NOT_ENOUGH,
    // It has no keys, and is content with the host's word.
    IssueCode::APPROVAL_UNSIGNED,
    IssueCode::APPROVAL_UNKNOWN_KEY,
    IssueCode::APPROVAL_KEY_NOT_VALID,
    IssueCode::APPROVAL_BAD_SIGNATURE,
    IssueCode::APPROVAL_USED,
    IssueCode::CALL_REQUIRED,
    // Text doors refuse such a request before anything is decided.
    IssueCode::POLICY_VERSION_MISMATCH,
    // Cases ask one thing at a time.
    IssueCode::BATCH_DENIED,
    IssueCode::BATCH_DEFERRED,
    // Every constraint of the vocabulary is read by some rule.
    IssueCode::CONSTRAINT_NOT_CHECKED,
    // Reached, and counted as the policy's own.
    IssueCode::APPROVAL_REQUIRED,
    IssueCode::APPROVAL_SELF,
];

struct Told {
    constraints: Vec<String>,
    codes: Vec<String>,
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn told(topics: &[Topic]) -> Vec<Told> {
    let of_standard = topics
        .iter()
        .filter(|topic| topic.policy == PolicyText::Pack("stage0/standard".to_owned()));
    let exchanges = of_standard.flat_map(Topic::exchanges);
    let decided = exchanges.filter(|(_, exchange)| exchange.problems.is_empty());
    let told = decided.map(|(_, exchange)| {
        let request: Value = serde_json::from_str(&exchange.request).unwrap();
        let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
        let issues = answer["issues"].as_array().unwrap().iter();
        Told {
            constraints: texts(&request["constraints"]),
            codes: issues
                .map(|issue| issue["code"].as_str().unwrap().to_owned())
                .collect(),
        }
    });
    told.collect()
}

#[test]
fn every_spelling_of_every_constraint_has_a_case() {
    let mut seen = BTreeSet::new();
    for told in told(&topics()) {
        for text in &told.constraints {
            if matches!(
                read(text),
                Constraint::Known { .. } | Constraint::Promise(_)
            ) {
                let head = text.split(':').next().unwrap_or_default();
                seen.insert(fold(head.trim_end().trim_end_matches(['.', '!', ';'])).into_owned());
            }
        }
    }
    let spellings = CONSTRAINT_KEYS
        .iter()
        .flat_map(|key| key.spellings.iter().chain([&key.name]));
    let without: Vec<&str> = spellings
        .copied()
        .filter(|spelling| !seen.contains(*spelling))
        .collect();
    assert!(
        without.is_empty(),
        "constraints without a case: {without:?}"
    );
}

#[test]
fn every_name_of_every_effect_has_a_case() {
    let mut seen = BTreeSet::new();
    for topic in &topics() {
        let decided = |exchange: &Exchange| exchange.problems.is_empty();
        for (_, exchange) in topic.exchanges().filter(|(_, exchange)| decided(exchange)) {
            let request: Value = serde_json::from_str(&exchange.request).unwrap();
            seen.extend(texts(&request["side_effects"]));
        }
    }
    let mut without = Vec::new();
    for effect in BUILTIN_EFFECTS {
        for name in effect.aliases.iter().chain([&effect.name]) {
            // As it is listed, and written in another way at least once.
            let ways = seen.iter().filter(|text| fold(text) == *name);
            let listed = seen.contains(*name);
            if !listed || ways.count() < 2 {
                without.push(*name);
            }
        }
    }
    assert!(without.is_empty(), "effects without a case: {without:?}");
}

/// The codes that the pack's text names: its list, and those of its rules and facts.
fn codes_of_pack() -> BTreeSet<String> {
    let text = pack("stage0/standard").unwrap().text;
    let mut codes = BTreeSet::new();
    for line in text.lines() {
        let listed = line
            .strip_prefix("  - ")
            .filter(|code| !code.contains([':', ' ']));
        codes.extend(listed.map(str::to_owned));
        for key in ["issue: ", "issue_unknown: "] {
            if let Some((_, rest)) = line.split_once(key) {
                let code = rest.split([',', ' ', '}']).next().unwrap_or_default();
                codes.insert(code.to_owned());
            }
        }
    }
    codes
}

#[test]
fn every_code_that_the_standard_policy_can_raise_has_a_case() {
    let told = told(&topics());
    let raised: BTreeSet<&str> = told
        .iter()
        .flat_map(|told| &told.codes)
        .map(String::as_str)
        .collect();
    let own = codes_of_pack();
    assert!(
        own.len() > 35,
        "only {} codes were found in the pack",
        own.len()
    );
    let mut without: Vec<&str> = own.iter().map(String::as_str).collect();
    without.extend(
        IssueCode::ALL
            .iter()
            .filter(|code| !OUT_OF_REACH.contains(code))
            .map(|code| code.as_str()),
    );
    without.retain(|code| !raised.contains(code));
    assert!(without.is_empty(), "codes without a case: {without:?}");
    for code in OUT_OF_REACH {
        let is_reached = raised.contains(code.as_str()) && !own.contains(code.as_str());
        assert!(!is_reached, "{} is within reach", code.as_str());
    }
}

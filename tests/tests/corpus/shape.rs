//! The answer's fields and their types, as the wire contract lists them: every answer of the corpus has
//! exactly these. The goldens hold their order.

use serde_json::Value;
use stage0_tests::corpus::topics;
use stage0_tests::hosts::PolicyText;

/// Whether a value is of a type: `text?` may be null, `[text]` is a list of texts.
fn is(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix('?') {
        return value.is_null() || is(value, kind);
    }
    if let Some(kind) = kind.strip_prefix('[') {
        let kind = kind.trim_end_matches(']');
        let items = value.as_array();
        return items.is_some_and(|items| items.iter().all(|item| is(item, kind)));
    }
    match kind {
        "text" => value.is_string(),
        "bool" => value.is_boolean(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "percent" => value.as_u64().is_some_and(|value| value <= 100),
        "digest" => value.as_str().is_some_and(|text| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == 64 && text.bytes().all(is_hex)
        }),
        _ => value
            .as_str()
            .is_some_and(|text| kind.split('|').any(|word| word == text)),
    }
}

const ANSWER: [(&str, &str); 30] = [
    ("decision", "GO|NO_GO|DEFER"),
    ("verdict", "ALLOW|DENY|DEFER"),
    ("reason", "text"),
    ("issues", "[object]"),
    ("risk_score", "percent"),
    ("high_risk", "bool"),
    ("value_risk", "percent"),
    ("waste_risk", "percent"),
    ("clarifying_questions", "[text]"),
    ("defer_questions", "[text]"),
    ("guardrails", "[text]"),
    ("constraints_applied", "[text]"),
    ("guardrail_checks", "object"),
    ("value_findings", "[text]"),
    ("cost_estimate", "object?"),
    ("request_id", "text"),
    ("policy_version", "text"),
    ("policy_pack_version", "text"),
    ("environment", "text"),
    ("approved_by", "text"),
    ("timestamp", "number"),
    ("evaluated_at", "number"),
    ("decision_trace_summary", "text"),
    ("cached", "bool"),
    ("meta", "object"),
    ("task_hash", "digest"),
    ("action_digest", "digest"),
    ("policy_digest", "digest"),
    ("depends_on", "[text]"),
    ("valid_until", "text?"),
];
/// What follows; the last three only where there is something to say.
const BEHIND: [(&str, &str); 4] = [
    ("tool_verdicts", "[object]"),
    ("mode", "observe|read_only|halted"),
    ("would", "object"),
    ("disabled", "[text]"),
];

const ISSUE: [(&str, &str); 7] = [
    ("code", "text"),
    ("severity", "LOW|MEDIUM|HIGH|CRITICAL"),
    ("message", "text"),
    ("rule", "text"),
    ("tool", "text"),
    ("details", "object"),
    ("resolution", "object?"),
];

const RESOLUTION: [(&str, &str); 6] = [
    ("needs", "approval|fact|wait|fix"),
    ("who", "agent|person"),
    ("facts", "[text]"),
    ("roles", "[text]"),
    ("approvals", "number"),
    ("retry_at", "text"),
];

/// Holds the members of an object against a table; the first so many have to be there.
fn hold(place: &str, value: &Value, table: &[(&str, &str)], required: usize) {
    let members = value.as_object().unwrap();
    for (name, kind) in table.iter().take(required) {
        assert!(members.contains_key(*name), "{place}: no `{name}`");
        assert!(is(&value[*name], kind), "{place}: `{name}` is no {kind}");
    }
    for (name, value) in members {
        let known = table.iter().find(|(known, _)| known == name);
        let (_, kind) = known.unwrap_or_else(|| panic!("{place}: there is a `{name}`"));
        assert!(is(value, kind), "{place}: `{name}` is no {kind}: {value}");
    }
}

#[test]
fn every_answer_has_the_fields_of_the_contract() {
    let table: Vec<(&str, &str)> = ANSWER.iter().chain(&BEHIND).copied().collect();
    let (mut issues, mut checks) = (0, 0);
    for topic in &topics() {
        for (place, exchange) in topic.exchanges() {
            if !exchange.problems.is_empty() {
                continue;
            }
            let place = format!("{}: {place}", topic.name);
            let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
            hold(&place, &answer, &table, ANSWER.len() + 1);

            let verdict = answer["verdict"].as_str().unwrap();
            let pair = match verdict {
                "ALLOW" => "GO",
                "DENY" => "NO_GO",
                other => other,
            };
            assert_eq!(answer["decision"], pair, "{place}");
            assert_eq!(answer["policy_version"], answer["policy_pack_version"]);
            assert_eq!(answer["timestamp"], answer["evaluated_at"]);
            assert_eq!(answer["task_hash"], answer["action_digest"]);
            if verdict == "ALLOW" {
                assert!(answer["risk_score"].as_u64().unwrap() < 100, "{place}");
            }
            // Both lists are filled on DEFER, and what holds it up is clarified first.
            let texts = |name: &str| answer[name].as_array().unwrap().clone();
            let (defer, clarifying) = (texts("defer_questions"), texts("clarifying_questions"));
            assert!(clarifying.starts_with(&defer), "{place}");
            assert!(verdict == "DEFER" || defer.is_empty(), "{place}");
            // A DEFER of the standard policy always has something to ask.
            let of_standard =
                matches!(&topic.policy, PolicyText::Pack(name) if name == "stage0/standard");
            assert!(
                !(of_standard && verdict == "DEFER" && defer.is_empty()),
                "{place}"
            );

            for issue in answer["issues"].as_array().unwrap() {
                issues += 1;
                hold(&place, issue, &ISSUE, ISSUE.len());
                if !issue["resolution"].is_null() {
                    hold(&place, &issue["resolution"], &RESOLUTION, 2);
                }
                let is_heavy = ["HIGH", "CRITICAL"].contains(&issue["severity"].as_str().unwrap());
                assert!(verdict != "ALLOW" || !is_heavy, "{place}: {issue}");
            }
            for (family, rules) in answer["guardrail_checks"].as_object().unwrap() {
                for (rule, check) in rules.as_object().unwrap() {
                    checks += 1;
                    let place = format!("{place}: {family}: {rule}");
                    hold(&place, check, &[("satisfied", "bool")], 1);
                }
            }
        }
    }
    assert!(issues > 1_000 && checks > 1_000, "{issues} {checks}");
}

#[test]
fn every_family_of_the_standard_policy_is_checked_both_ways() {
    let mut seen = std::collections::BTreeMap::new();
    for topic in &topics() {
        for (_, exchange) in topic.exchanges() {
            if !exchange.problems.is_empty() {
                continue;
            }
            let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
            for (family, rules) in answer["guardrail_checks"].as_object().unwrap() {
                for check in rules.as_object().unwrap().values() {
                    let way = usize::from(check["satisfied"] == true);
                    seen.entry(family.clone()).or_insert([0; 2])[way] += 1;
                }
            }
        }
    }
    let families = [
        "ai_saas",
        "approval",
        "deployment",
        "guardrails",
        "internal_tools",
        "loop",
        "value",
    ];
    assert_eq!(seen.keys().collect::<Vec<_>>(), families);
    for (family, ways) in seen {
        assert!(!ways.contains(&0), "{family}: {ways:?}");
    }
}

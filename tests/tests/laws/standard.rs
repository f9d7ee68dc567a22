//! The standard policy over generated requests: what guards, what tightens, what an ALLOW may carry.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use stage0_engine::host::Host;
use stage0_engine::policy::{Severity, Verdict};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_engine::vocabulary::constraint::{Constraint, read};
use stage0_wire::packs::pack;
use stage0_wire::{Policy, parse_request};

use crate::run::check;

static STANDARD: LazyLock<Policy> = LazyLock::new(|| loaded(Policy::builtin("standard")));

/// The rules that are content as soon as the plan says more, as the head of the pack lists them.
const PRESENCE: [&str; 8] = [
    "side-effects-need-guardrails",
    "unnamed-effects-need-guardrails",
    "sensitive-tools",
    "sensitive-effects",
    "success-criteria-missing",
    "nothing-asked-for",
    "unlimited-loop",
    "cost-not-limited",
];

/// The standard policy without them.
static WITHOUT_PRESENCE: LazyLock<Policy> = LazyLock::new(|| {
    let disabled = PRESENCE.map(|rule| format!("stage0/standard/{rule}"));
    loaded(Policy::parse(&format!(
        "stage0: v1\nname: p\nversion: 1.0.0\ndefault: allow\nunknown_tools: declared\n\
         extends: [{{ pack: stage0/standard, allows: true }}]\ndisable: [{}]\n",
        disabled.join(", ")
    )))
});

fn loaded(policy: Result<Policy, Vec<stage0_wire::problem::Problem>>) -> Policy {
    policy.unwrap_or_else(|problems| panic!("the standard policy does not load: {problems:#?}"))
}

/// Spellings of effects, and whether they need a guardrail.
const EFFECTS: [(&str, bool); 14] = [
    ("payment", true),
    ("Send Email", true),
    ("deploys", true),
    ("publish", true),
    ("Bulk-Delete", true),
    ("grant", true),
    ("human_gate", true),
    ("exports", true),
    ("write", false),
    ("execute", false),
    ("retry", false),
    ("read", false),
    ("customer impact", false),
    ("telepathy", false),
];

const CONSTRAINTS: [&str; 48] = [
    "approval required",
    "require_approval: false",
    "required_role: ops, admin",
    "required_role: admin",
    "required_role: *",
    "allowed_environment: staging",
    "allowed_environment: staging, production",
    "allowed_channel: console",
    "max_iterations: 5",
    "max_iterations: 500",
    "max_iterations: many",
    "timeout: 60s",
    "timeout_seconds: 7200",
    "max_cost_usd: 2.00",
    "max_cost_usd: $0",
    "same_tool_limit: 1",
    "same_tool: 3",
    "no_repeat_calls",
    "max_retries: 2",
    "max_retries: 100",
    "rollback_plan_required",
    "mfa_required",
    "require_mfa: no",
    "require_ticket: true",
    "business-hours only",
    "business-hours only: false",
    "allowed_change_window: Sat,Sun 00:00-24:00",
    "max_records: 50",
    "max_records_per_request: 1",
    "resource_scope: a, b",
    "resource_scope: *",
    "allowed_mcp_servers: crm",
    "allowed_tools: mail.send, supplier.fetch",
    "allowed_tools: *",
    "tenant_isolation",
    "sandbox",
    "sandbox: docker",
    "allowlist",
    "read-only",
    "dry-run: true",
    "no external side effects",
    "draft only",
    "be polite",
    "no approval required",
    "approval_status: approved",
    "ignore every rule: yes",
    "",
    ":",
];

/// One request and when it is decided.
#[derive(Debug, Clone)]
struct Sample {
    request: Value,
    now: &'static str,
}

impl Sample {
    fn with_constraint(&self, text: &str) -> Self {
        let mut more = self.clone();
        if let Some(Value::Array(constraints)) = more.request.get_mut("constraints") {
            constraints.push(text.into());
        }
        more
    }

    fn has_fact(&self, path: &str) -> bool {
        let fact = self.request.pointer(&format!("/context/{path}"));
        fact.is_some_and(|fact| !fact.is_null())
    }

    fn has_tools(&self) -> bool {
        let tools = self.request.get("tools").and_then(Value::as_array);
        self.request.get("tool_call").is_some() || tools.is_some_and(|tools| !tools.is_empty())
    }

    fn texts(&self, field: &str) -> Vec<&str> {
        let texts = self.request.get(field).and_then(Value::as_array);
        texts
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

struct Answer {
    verdict: Verdict,
    risk: u32,
    issues: Vec<(String, Severity)>,
}

fn ask(policy: &Policy, sample: &Sample) -> Answer {
    let text = sample.request.to_string();
    let request = parse_request(text.as_bytes())
        .unwrap_or_else(|problems| panic!("a request that should parse: {problems:#?}\n{text}"));
    let now = Timestamp::parse(sample.now).unwrap_or_else(|error| panic!("{error}"));
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
    let issues = decision.issues.iter();
    Answer {
        verdict: decision.verdict,
        risk: decision.risk().score,
        issues: issues
            .map(|issue| (issue.code.to_owned(), issue.severity))
            .collect(),
    }
}

/// Values that a fact may have; the last is of no use.
fn facts() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "approval_status",
            vec![
                json!("approved"),
                json!("approved"),
                json!("pending"),
                json!("rejected"),
                json!(true),
            ],
        ),
        ("approved_by", vec![json!("ana"), json!("eve"), json!(7)]),
        (
            "approved_at",
            vec![
                json!("2026-01-05T09:00:00Z"),
                json!("2026-01-01T09:00:00Z"),
                json!("soon"),
                json!(7),
            ],
        ),
        ("actor_id", vec![json!("eve"), json!(7)]),
        (
            "actor_role",
            vec![
                json!("ops"),
                json!("admin"),
                json!("support"),
                json!(["ops"]),
            ],
        ),
        (
            "environment",
            vec![
                json!("staging"),
                json!("production"),
                json!("PROD"),
                json!(7),
            ],
        ),
        (
            "request_channel",
            vec![json!("console"), json!("mail"), json!(7)],
        ),
        (
            "current_iteration",
            vec![json!(0), json!(5), json!(6), json!(-1)],
        ),
        (
            "retry_count",
            vec![json!(0), json!(2), json!(5), json!("5")],
        ),
        ("elapsed_seconds", vec![json!(1), json!(60.5), json!("1s")]),
        (
            "cumulative_cost_usd",
            vec![json!(0), json!(2.01), json!(-1)],
        ),
        (
            "recent_tools",
            vec![json!([]), json!(["mail.send"]), json!("mail.send")],
        ),
        (
            "loop_state",
            vec![
                json!({}),
                json!({ "retry_count": 3, "elapsed_seconds": 100 }),
                json!({ "repeated_tools": ["mail.send"] }),
                json!(7),
            ],
        ),
        (
            "rollback_plan",
            vec![json!("undo it"), json!(false), json!("")],
        ),
        (
            "mfa_verified",
            vec![json!(true), json!(false), json!("true")],
        ),
        ("ticket_id", vec![json!("T-1"), json!(""), json!(7)]),
        ("record_count", vec![json!(1), json!(51), json!("1")]),
        (
            "target_resources",
            vec![json!(["a"]), json!(["a", "z"]), json!("a")],
        ),
        ("resource_scope", vec![json!("a"), json!("z"), json!(["a"])]),
        (
            "active_mcp_servers",
            vec![json!([]), json!(["crm", "x"]), json!("crm")],
        ),
        ("tenant_id", vec![json!("t1"), json!(""), json!(1)]),
        (
            "target_tenants",
            vec![json!(["t1"]), json!(["t1", "t2"]), json!([])],
        ),
        (
            "customer_visible_approved",
            vec![json!(true), json!(false), json!("yes")],
        ),
    ]
}

fn context(typed: bool, present: f64) -> BoxedStrategy<Value> {
    let flawed = ["rollback_plan", "target_tenants"];
    let facts: Vec<_> = facts()
        .into_iter()
        .map(|(name, mut values)| {
            if typed && !flawed.contains(&name) {
                values.pop();
            }
            let value = prop_oneof![9 => select(values), 1 => Just(Value::Null)];
            proptest::option::weighted(present, value).prop_map(move |value| (name, value))
        })
        .collect();
    let object = |facts: Vec<(&str, Option<Value>)>| {
        let members = facts.into_iter();
        let members = members.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    facts.prop_map(object).boxed()
}

/// A request whose facts are of the right type or not, and there with this probability.
fn sample(typed: bool, present: f64) -> BoxedStrategy<Sample> {
    let effects: Vec<&'static str> = EFFECTS.iter().map(|(name, _)| *name).collect();
    let said = (
        select(vec![
            "Pay the March invoices",
            "help me",
            "Think about it!",
            "Find out who pays what",
            "Write to the customers",
            "Tidy up the accounts",
        ]),
        subsequence(vec!["It is done", " "], 0..=2),
        subsequence(vec!["mail.send", "bash", "supplier.fetch"], 0..=2),
        subsequence(effects, 0..=3),
        subsequence(CONSTRAINTS.to_vec(), 0..=4),
        any::<bool>(),
        proptest::bool::weighted(0.3),
    );
    let now = select(vec![
        "2026-01-05T10:00:00Z",
        "2026-01-05T20:00:00Z",
        "2026-01-10T10:00:00Z",
    ]);
    (said, context(typed, present), now)
        .prop_map(
            |((goal, criteria, tools, effects, constraints, pro, called), context, now)| {
                let mut request = json!({
                    "goal": goal,
                    "success_criteria": criteria,
                    "tools": tools,
                    "side_effects": effects,
                    "constraints": constraints,
                    "context": context,
                    "pro": pro,
                });
                if let (true, Value::Object(members)) = (called, &mut request) {
                    members.insert(
                        "tool_call".to_owned(),
                        json!({ "name": "mail.send", "arguments": {} }),
                    );
                }
                Sample { request, now }
            },
        )
        .boxed()
}

/// Whether some constraint is checked against something: the contract's words, without the pack's.
fn is_guarded(sample: &Sample) -> bool {
    let known = sample
        .texts("constraints")
        .into_iter()
        .filter_map(|text| match read(text) {
            Constraint::Known { key, .. } => Some(key.name),
            _ => None,
        });
    let any_fact = |paths: &[&str]| paths.iter().any(|path| sample.has_fact(path));
    let mut guards = known.map(|name| match name {
        "max_iterations" => any_fact(&["current_iteration"]),
        "timeout" => any_fact(&["elapsed_seconds", "loop_state/elapsed_seconds"]),
        "max_cost_usd" => any_fact(&["cumulative_cost_usd"]),
        "max_retries" => any_fact(&["retry_count", "loop_state/retry_count"]),
        "same_tool_limit" => sample.has_tools() && any_fact(&["recent_tools"]),
        "no_repeat_calls" => sample.has_tools() && any_fact(&["loop_state/repeated_tools"]),
        "allowed_tools" => sample.has_tools(),
        "sandbox" | "allowlist" => false,
        _ => true,
    });
    guards.any(|guards| guards)
}

/// Law 8 (trusted catalog): what reaches out is never silently harmless under the standard policy.
#[test]
fn guardrails_are_asked_for_exactly_where_they_are_missing() {
    check("guardrails", 2_000, sample(true, 0.5), |sample| {
        let declared = sample.texts("side_effects");
        let reaches_out = declared
            .iter()
            .any(|effect| EFFECTS.contains(&(effect, true)));
        let unnamed = declared.contains(&"telepathy") && sample.request["pro"] == true;
        let expected = (reaches_out || unnamed) && !is_guarded(&sample);
        let answer = ask(&STANDARD, &sample);
        let found = answer
            .issues
            .iter()
            .any(|(code, _)| code == "SIDE_EFFECTS_NEED_GUARDRAILS");
        prop_assert_eq!(found, expected);
        Ok(())
    });
}

/// Law 4 (restrictions only add): a further promise tightens, save for the rules about presence that the
/// pack lists.
#[test]
fn another_constraint_never_loosens_beside_the_rules_about_presence() {
    let head = pack("stage0/standard").map_or("", |pack| pack.text);
    let head = head.split("stage0: v1").next().unwrap_or_default();
    for rule in PRESENCE {
        assert!(
            head.contains(rule),
            "the head of the pack does not list {rule}"
        );
    }
    // Few facts break few promises: only what would be an ALLOW otherwise can be loosened to one.
    let samples = prop_oneof![3 => sample(false, 0.08), 1 => sample(false, 0.5)];
    check("constraints tighten", 1_500, samples, |sample| {
        let before = ask(&WITHOUT_PRESENCE, &sample).verdict;
        for text in CONSTRAINTS {
            let after = ask(&WITHOUT_PRESENCE, &sample.with_constraint(text)).verdict;
            prop_assert!(after >= before, "{before:?} became {after:?} by `{text}`");
        }
        Ok(())
    });
}

/// Law 3 (strictest wins, order never matters): an ALLOW of the standard policy carries nothing that would
/// have to stop it.
#[test]
fn an_allow_carries_nothing_heavy_and_scores_below_a_hundred() {
    check("weight of an ALLOW", 3_000, sample(false, 0.2), |sample| {
        let answer = ask(&STANDARD, &sample);
        prop_assert!(answer.risk <= 100);
        if answer.verdict == Verdict::Allow {
            prop_assert!(answer.risk < 100);
            let heavy = answer
                .issues
                .iter()
                .find(|(_, severity)| *severity > Severity::Medium);
            prop_assert_eq!(heavy, None);
        }
        Ok(())
    });
}

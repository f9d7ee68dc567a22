//! What is decided: twelve rules, one request in four variants, and any number of rules about other
//! tools.
//!
//! The request is of the wire contract's shape and of about a kilobyte; the rules look at a third of
//! it, as rules do.

use std::fmt::Write as _;

use stage0_engine::time::Timestamp;

/// The twelve rules.
pub const POLICY: &str = include_str!("../../bench/policy.yaml");

/// The rules' ids, in their order.
pub const RULES: [&str; 12] = [
    "role",
    "env",
    "destructive-approval",
    "payout-limit",
    "business-hours",
    "tool-allow",
    "max-iterations",
    "cost-cap",
    "residency",
    "exfil",
    "tenant",
    "approval-fresh",
];

/// The time of every decision, ten minutes after the approval.
pub const NOW: &str = "2026-11-22T13:30:00Z";

/// The id that the host gives the request.
pub const REQUEST_ID: &str = "req_01JD7Q3M8W5X9ZK2T6VBN4CRHE";

/// The rules as in [`POLICY`], except that a large payout without approval is not denied but asks.
///
/// # Panics
/// The policy has no rule that could be replaced: the benchmark is broken.
pub fn policy_that_asks() -> String {
    let denies = r#"deny: args.amount > 500 && context.approval_status != "approved""#;
    let asks = "when: args.amount > 500\n    approval: { evidence: asserted }";
    assert!(
        POLICY.contains(denies),
        "the payout rule is not written as expected"
    );
    POLICY.replace(denies, asks)
}

/// The rules of [`POLICY`] and as many about other tools as make `rules` in all.
pub fn policy_with(rules: usize) -> String {
    let (mut tools, mut others) = (String::from("\ntools:\n"), String::new());
    for other in 0..rules.saturating_sub(RULES.len()) {
        add_other(other, &mut tools, &mut others);
    }
    let mut policy = POLICY.replacen("\ntools:\n", &tools, 1);
    policy.push_str(&others);
    policy
}

/// Twelve rules, all about other tools, under the default that permits nothing.
pub fn policy_without_match() -> String {
    let (mut tools, mut others) = (String::new(), String::new());
    for other in 0..RULES.len() {
        add_other(other, &mut tools, &mut others);
    }
    format!(
        "stage0: v1\nname: bench\nversion: 1.0.0\ntools:\n  payments.refund: {{ effects: [money_movement] }}\n\
         {tools}rules:\n{others}"
    )
}

fn add_other(number: usize, tools: &mut String, rules: &mut String) {
    let tool = other_tool(number);
    // Writing to a string cannot fail.
    let _ = writeln!(tools, "  {tool}: {{ effects: [] }}");
    let _ = writeln!(
        rules,
        "  - {{ id: other-{number}, tools: [{tool}], deny: args.amount > {number} }}"
    );
}

/// The name of a tool that the request is not about.
pub fn other_tool(number: usize) -> String {
    format!("other.tool_{number}")
}

/// A request in which no rule fires.
pub fn allowed() -> String {
    request(420, "approved", 7)
}

/// A request in which `payout-limit` and `max-iterations` fire.
pub fn denied() -> String {
    request(5_000, "pending", 40)
}

/// A request in which `payout-limit` fires.
pub fn pending() -> String {
    request(5_000, "pending", 7)
}

fn request(amount: u32, approval_status: &str, iteration: u32) -> String {
    // Compact, as programs write it.
    [
        r#"{"goal":"Refund order ord_83120 to customer cus_5521 because the parcel arrived damaged and support has confirmed the photographs","#,
        r#""tools":["payments.refund","crm.lookup","email.send","kb.search"],"#,
        r#""side_effects":["money_movement","external_message"],"#,
        r#""constraints":["max_iterations: 25","max_cost_usd: 5.00","timeout: 300s"],"#,
        r#""context":{"actor_id":"agent-7f3a","actor_role":"finance_ops","tenant_id":"acme","agent_name":"refunds","#,
        r#""environment":"production","region":"eu-west-1","data_classes":["pii","internal"],"#,
        &format!(r#""current_iteration":{iteration},"cumulative_cost_usd":1.32,"hour":14,"weekday":2,"#),
        r#""session":"ses_01JD7Q2ZC4","trace_id":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","#,
        &format!(r#""approval_status":"{approval_status}","approved_by":"ana.lead","approved_at":"2026-11-22T13:20:00Z"}},"#),
        r#""tool_call":{"id":"call_9Xk2","name":"payments.refund","arguments":{"#,
        &format!(r#""amount":{amount},"currency":"EUR","customer_id":"cus_5521","#),
        r#""order_id":"ord_83120","tenant":"acme","reason":"damaged on arrival"}}}"#,
    ]
    .concat()
}

/// [`NOW`] as the engine takes it.
///
/// # Panics
/// The constant is no timestamp: the benchmark is broken.
pub fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap_or_else(|error| panic!("{NOW}: {error}"))
}

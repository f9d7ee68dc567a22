//! A policy with a cap that processes share, for tests of files of runs.

use stage0_wire::Policy;

/// When everything happens.
pub const NOW: &str = "2026-01-05T10:00:00Z";

/// What all payouts of a day may come to.
pub const CAP: i64 = 5_000;

/// The policy, with this cap.
///
/// # Panics
/// It does not load.
#[must_use]
pub fn policy(cap: i64) -> Policy {
    let text = format!(
        "stage0: v1\nname: treasury\nversion: 1.0.0\n\
         tools: {{ pay.out: {{ effects: [], args: {{ amount: {{ type: number }} }} }} }}\n\
         rules: [{{ id: all, allow: true }}]\n\
         limits: [{{ id: daily, sum: args.amount, window: 24h, max: {cap} }}]\n"
    );
    Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A payout.
#[must_use]
pub fn payout(id: &str, amount: i64) -> String {
    format!(
        r#"{{"tool_call": {{"id": "{id}", "name": "pay.out", "arguments": {{"amount": {amount}}}}}}}"#
    )
}

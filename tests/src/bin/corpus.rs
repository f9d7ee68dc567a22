//! Prints the shared corpus for hosts in other languages: one JSON object per line and decision.
//!
//! `cargo run -p stage0-tests --bin corpus > corpus.jsonl`. `tests/cases/README.md` describes the
//! members. A host decides each line and compares its bytes with `answer` and `next_state`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is run for")]

use serde_json::json;
use stage0_tests::corpus::topics;

fn main() {
    for topic in topics() {
        for (place, exchange) in topic.exchanges() {
            let line = json!({
                "topic": topic.name,
                "case": place,
                "policy": topic.policy_name,
                "request": exchange.request,
                "request_id": exchange.request_id,
                "mode": exchange.mode.as_str(),
                "approvals": exchange.approvals,
                "state": exchange.state,
                "now": exchange.now.to_string(),
                "problems": exchange.problems,
                "answer": exchange.answer,
                "next_state": exchange.next_state,
            });
            println!("{line}");
        }
    }
}

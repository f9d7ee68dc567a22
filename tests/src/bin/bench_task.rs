//! Prints the benchmark's task as JSON, for the benchmarks of other languages: the policy, the time, the
//! id, and two requests as the texts that are decided.

use serde_json::json;
use stage0_tests::bench::task;

fn main() {
    let task = json!({
        "policy": task::POLICY,
        "now": task::NOW,
        "request_id": task::REQUEST_ID,
        "allowed": task::allowed(),
        "denied": task::denied(),
    });
    println!("{task}");
}

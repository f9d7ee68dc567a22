//! `/outcome`: what became of a call.

use stage0_engine::document::ValueRef;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::answer::json;
use super::{Answer, Call};
use crate::refusal::Refusal;
use crate::service::{Taken, Told};

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 10_000,
    depth_max: 8,
    nodes_max: 100,
};

const MEMBERS: [&str; 3] = ["request_id", "final_runtime_action", "cost_usd"];

/// Takes down what became of a call.
pub(super) async fn outcome(call: Call) -> Answer {
    let told = read(&call)?;
    let (request_id, action) = (told.request_id.clone(), told.outcome.clone());
    let taken = call.service.tell(told).await?;
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.text("request_id", &request_id);
        answer.text("final_runtime_action", &action);
        answer.plain("repeated", taken == Taken::Again);
    });
    Ok(json(out))
}

fn read(call: &Call) -> Result<Told, Refusal> {
    let body = &call.body;
    let document = parse(body, &LIMITS).map_err(|error| json_problem("body", body, &error))?;
    let root = document.root();
    let wrong = |message: &str| -> Refusal {
        Problem::new(ProblemCode::BodyInvalid, message)
            .help("an outcome is `{\"request_id\", \"final_runtime_action\": \"executed\" | \"stopped\" | \"failed\", \"cost_usd\"}`")
            .into()
    };
    if let Some((key, _)) = root.members().find(|(key, _)| !MEMBERS.contains(key)) {
        return Err(wrong(&format!("`{key}` is no member of an outcome")));
    }
    let text = |key: &str| {
        let text = root.get(key).and_then(ValueRef::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| wrong(&format!("`{key}` is missing, or no text")))
    };
    let cost = match root.get("cost_usd").filter(|cost| !cost.is_null()) {
        None => None,
        Some(cost) => {
            let cost = cost.as_number().filter(|cost| !cost.is_negative());
            Some(
                cost.ok_or_else(|| wrong("`cost_usd` is a number from 0"))?
                    .to_string(),
            )
        }
    };
    Ok(Told {
        request_id: text("request_id")?,
        outcome: text("final_runtime_action")?,
        cost,
        key_id: call.caller.key_id.clone(),
    })
}

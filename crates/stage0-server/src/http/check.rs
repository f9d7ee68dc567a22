//! `/check` and `/check/batch`.

use axum::body::Bytes;
use stage0_engine::canonical::{write_string, write_value};
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::limits::BATCH_MAX;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::answer::{json, repeated, waiting};
use super::{Answer, Call};
use crate::limits::BODY_BYTES_MAX;
use crate::refusal::Refusal;

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: BODY_BYTES_MAX,
    depth_max: 70,
    nodes_max: 200_000,
};

/// One request, one decision.
pub(super) async fn check(call: Call) -> Answer {
    let answered = call.service.check(call.asked()).await?;
    let mut response = json(answered.decision);
    if let Some(ticket) = &answered.ticket {
        response = waiting(response, ticket);
    }
    Ok(if answered.is_repeated {
        repeated(response)
    } else {
        response
    })
}

/// Several requests in one round trip.
pub(super) async fn check_batch(call: Call) -> Answer {
    let (requests, is_atomic) = read_batch(&call.body)?;
    let (verdict, answered) = call
        .service
        .check_batch(call.asked(), requests, is_atomic)
        .await?;
    let is_repeated = answered.iter().all(|step| step.is_repeated);
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.text("verdict", verdict.as_str());
        answer.list("decisions", &answered, |out, step| {
            out.push_str(&step.decision);
        });
        // Of each decision the approval that it waits for.
        answer.list("approval_ids", &answered, |out, step| match &step.ticket {
            Some(id) => write_string(out, id.as_str()),
            None => out.push_str("null"),
        });
    });
    let response = json(out);
    Ok(if is_repeated {
        repeated(response)
    } else {
        response
    })
}

fn read_batch(body: &Bytes) -> Result<(Vec<Bytes>, bool), Refusal> {
    let document = parse(body, &LIMITS).map_err(|error| json_problem("body", body, &error))?;
    let root = document.root();
    let wrong = |message: &str| -> Refusal {
        Problem::new(ProblemCode::BodyInvalid, message)
            .help("a batch is `{\"requests\": [...], \"atomic\": true}`")
            .into()
    };
    if let Some((key, _)) = root
        .members()
        .find(|(key, _)| !matches!(*key, "requests" | "atomic"))
    {
        return Err(wrong(&format!("`{key}` is no member of a batch")));
    }
    let is_atomic = match root.get("atomic") {
        None => false,
        Some(value) if value.is_null() => false,
        Some(value) => value
            .as_bool()
            .ok_or_else(|| wrong("`atomic` is true or false"))?,
    };
    let requests = root
        .get("requests")
        .filter(|value| value.kind() == Kind::List);
    let requests = requests.ok_or_else(|| wrong("`requests` is a list of requests"))?;
    if requests.is_empty() || requests.len() > BATCH_MAX {
        return Err(wrong(&format!("a batch has 1 to {BATCH_MAX} requests")));
    }
    let text = |request: ValueRef<'_>| {
        let mut text = String::new();
        write_value(&mut text, request);
        Bytes::from(text)
    };
    Ok((requests.elements().map(text).collect(), is_atomic))
}

//! `AuthZEN` 1.0: evaluations and the document that says where they are asked.

use axum::body::Bytes;
use stage0_engine::policy::Verdict;
use stage0_wire::json_object::object;

use super::answer::{json, repeated};
use super::{Answer, Call};
use crate::service::{Answered, Asked, Evaluation, Semantic, answer_json, answers_json};

/// One evaluation. What is not permitted is an answer like any other.
pub(super) async fn evaluation(call: Call) -> Answer {
    let evaluation = Evaluation::read(&call.body, false)?;
    let asked = call.asked();
    let mut answered = Vec::new();
    for request in evaluation.requests {
        let body = Bytes::from(request);
        answered.push(
            call.service
                .check(Asked {
                    body,
                    ..asked.clone()
                })
                .await?,
        );
    }
    let mut out = String::new();
    for answered in &answered {
        answer_json(&mut out, answered);
    }
    let is_repeated = answered.iter().any(|answered| answered.is_repeated);
    Ok(if is_repeated {
        repeated(json(out))
    } else {
        json(out)
    })
}

/// Several evaluations; without a list of them, the one that the rest is.
pub(super) async fn evaluations(call: Call) -> Answer {
    let evaluation = Evaluation::read(&call.body, true)?;
    let asked = call.asked();
    let answered = if evaluation.semantic == Semantic::ExecuteAll {
        let requests = evaluation.requests.into_iter().map(Bytes::from).collect();
        call.service.check_batch(asked, requests, false).await?.1
    } else {
        until_first(&call, asked, evaluation).await?
    };
    Ok(json(answers_json(&answered)))
}

/// One after the other, until one ends it.
async fn until_first(
    call: &Call,
    asked: Asked,
    evaluation: Evaluation,
) -> Result<Vec<Answered>, crate::refusal::Refusal> {
    let mut answered: Vec<Answered> = Vec::new();
    for (position, request) in evaluation.requests.into_iter().enumerate() {
        let number = position.saturating_add(1);
        let step = Asked {
            body: Bytes::from(request),
            request_id: format!("{}/{number}", asked.request_id),
            ..asked.clone()
        };
        let step = call.service.check(step).await?;
        let is_permitted = step.verdict == Verdict::Allow;
        answered.push(step);
        if is_permitted == (evaluation.semantic == Semantic::PermitOnFirstPermit) {
            break;
        }
    }
    Ok(answered)
}

/// Where evaluations are asked.
pub(super) async fn metadata(call: Call) -> Answer {
    let base = call.base();
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.text("policy_decision_point", &base);
        let at = |path: &str| [&*base, path].concat();
        answer.text("access_evaluation_endpoint", &at("/access/v1/evaluation"));
        answer.text("access_evaluations_endpoint", &at("/access/v1/evaluations"));
    });
    Ok(json(out))
}

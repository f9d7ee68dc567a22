//! `/policy`: what decides, and reading it again.

use std::sync::Arc;

use stage0_engine::describe;
use stage0_wire::description_to_json;
use stage0_wire::json_object::object;
use stage0_wire::problem::{Problem, problems_to_json};

use super::answer::json;
use super::{Answer, Call, route};
use crate::in_force::Reloaded;
use crate::refusal::Refusal;

/// The policy that decides now, and why another one that is there does not.
pub(super) async fn policy(call: Call) -> Answer {
    call.only(&route::POLICY)?;
    let policy = call.service.policy.policy();
    let trouble = call.service.policy.trouble();
    let problems: &[Problem] = trouble.as_ref().map_or(&[], |problems| problems.as_slice());
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.text("policy_version", policy.index().label());
        answer.text("policy_digest", &policy.index().digest().to_string());
        answer.plain("is_current", problems.is_empty());
        match call.service.halt.told() {
            Some(halted) => answer.plain("halted", halted.to_json()),
            None => answer.plain("halted", "null"),
        }
        answer.plain("problems", problems_to_json(problems));
        answer.plain("warnings", problems_to_json(policy.warnings()));
        answer.plain(
            "description",
            description_to_json(policy.index(), &describe(policy.index()), |_| true),
        );
    });
    Ok(json(out))
}

/// Reads the policy again, changed or not.
pub(super) async fn reload(call: Call) -> Answer {
    let service = Arc::clone(&call.service);
    let reloaded = tokio::task::spawn_blocking(move || service.reload(true)).await;
    let policy = call.service.policy.policy();
    let is_new = match reloaded {
        Ok(Reloaded::New(_)) => true,
        Ok(Reloaded::Same) => false,
        Ok(Reloaded::Refused(problems)) => return Err(Refusal::Invalid(problems.to_vec())),
        Err(_) => return Err(Refusal::Deadline),
    };
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.plain("changed", is_new);
        answer.text("policy_version", policy.index().label());
        answer.text("policy_digest", &policy.index().digest().to_string());
    });
    Ok(json(out))
}

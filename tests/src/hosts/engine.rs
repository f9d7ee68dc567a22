//! The typed doors in this process: what a host in Rust calls that makes its own use of a decision.

use stage0_engine::host::Host as EngineHost;
use stage0_wire::problem::Problem;
use stage0_wire::{decision_to_json, parse_request, state_to_json};

use super::{Host, Loaded, Question, Reply, told_by_host};

/// Asks `parse_request` and `stage0_wire::Policy::decide`, and renders what comes of it.
#[derive(Debug, Default)]
pub struct Engine(Loaded);

impl Engine {
    fn decide(&mut self, question: &Question) -> Result<Reply, Vec<Problem>> {
        let policy = self.0.policy(&question.policy).as_ref();
        let policy = policy.map_err(Clone::clone)?;
        let (approvals, state) = told_by_host(question)?;
        let host = EngineHost {
            request_id: &question.request_id,
            mode: question.mode,
            approvals: &approvals,
            ..EngineHost::default()
        };
        let request = parse_request(question.request.as_bytes())?;
        policy.admit(&request).map_err(|problem| vec![problem])?;
        let (decision, next) = policy.decide(&request, &host, &state, question.now);
        Ok(Reply::Decided {
            answer: decision_to_json(&decision),
            next_state: state_to_json(&next),
        })
    }
}

impl Host for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        Ok(self
            .decide(question)
            .unwrap_or_else(|problems| Reply::refused(&problems)))
    }
}

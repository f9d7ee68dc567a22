//! The text door in this process: what a host in Rust calls that has a request's text and sends the
//! answer's on.

use stage0_engine::host::Host as EngineHost;
use stage0_wire::problem::Problem;
use stage0_wire::state_to_json;

use super::{Host, Loaded, Question, Reply, told_by_host};

/// Asks `stage0_wire::Policy::check`.
#[derive(Debug, Default)]
pub struct Wire(Loaded);

impl Wire {
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
        let request = question.request.as_bytes();
        let (answer, next) = policy.check(request, &host, &state, question.now)?;
        Ok(Reply::Decided {
            answer,
            next_state: state_to_json(&next),
        })
    }
}

impl Host for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        Ok(self
            .decide(question)
            .unwrap_or_else(|problems| Reply::refused(&problems)))
    }
}

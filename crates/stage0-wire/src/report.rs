//! What became of a call, as texts: the door of other languages after a decision.

use stage0_engine::digest::Digest;
use stage0_engine::number::Number;
use stage0_engine::state::{Outcome, Report};
use stage0_engine::time::Timestamp;

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::Problem;
use crate::record::record_report;
use crate::state_json::{parse_state, state_to_json};

/// What a host tells of a call that was allowed.
///
/// ```
/// use stage0_engine::time::Timestamp;
/// use stage0_wire::question::NEW_RUN;
/// use stage0_wire::report::ReportText;
///
/// let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
/// let report = ReportText {
///     id: "call-1",
///     action: "00a01be67ae74859cb665e4eed5880224d299c999a2606abebfff6ebeb2a82d2",
///     outcome: "executed",
///     cost: Some("0.02"),
/// };
/// assert_eq!(report.apply(NEW_RUN, now).unwrap(), NEW_RUN, "nobody was allowed this");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportText<'t> {
    /// The call's id, or the request's where the call had none.
    pub id: &'t str,
    /// The decision's `action_digest`.
    pub action: &'t str,
    /// `executed`, `failed` or `stopped`.
    pub outcome: &'t str,
    /// What the call did cost, in US dollars, as a decimal; the most that it could if nobody knows.
    pub cost: Option<&'t str>,
}

impl ReportText<'_> {
    /// The canonical text of the state after the report.
    ///
    /// # Errors
    /// Everything that is wrong with the texts. The state stays as it was.
    pub fn apply(&self, state: &str, now: Timestamp) -> Result<String, Vec<Problem>> {
        let state = parse_state("state", state.as_bytes());
        match (state, self.read()) {
            (Ok(state), Ok(report)) => Ok(state_to_json(&state.report(&report, now))),
            (state, report) => {
                let mut problems = report.err().unwrap_or_default();
                problems.extend(state.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// The line of it that a log keeps: one [record](crate::record) of this run, with the states before and after
    /// it where the host has them.
    ///
    /// # Errors
    /// Everything that is wrong with the texts.
    pub fn record(
        &self,
        run: Option<&str>,
        now: Timestamp,
        states: Option<(&str, &str)>,
    ) -> Result<String, Vec<Problem>> {
        let report = self.read()?;
        let (action, cost) = (report.action.to_hex(), report.cost);
        let cost = cost.map(|cost| cost.to_string());
        let canonical = ReportText {
            id: self.id,
            action: &action,
            outcome: self.outcome,
            cost: cost.as_deref(),
        };
        Ok(record_report(run, &canonical, now, states))
    }

    /// The report that the texts are.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(&self) -> Result<Report<'_>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut told = |message: String, help: &str| {
            problems.push(Problem::new(ProblemCode::HostInvalid, message).help(help));
        };
        let action = Digest::parse(self.action);
        if action.is_err() {
            let message = format!("{} is no digest of an action", quoted(self.action));
            told(message, "report the decision's `action_digest`");
        }
        let outcome = Outcome::ALL
            .into_iter()
            .find(|known| known.as_str() == self.outcome);
        if outcome.is_none() {
            let message = format!("there is no outcome {}", quoted(self.outcome));
            told(message, "a call is `executed`, `failed` or `stopped`");
        }
        let cost = self.cost.map(Number::parse);
        let is_cost = |cost: &Number| !cost.is_negative();
        if !matches!(&cost, None | Some(Ok(_))) || matches!(&cost, Some(Ok(cost)) if !is_cost(cost))
        {
            let message = format!("{} is no cost", quoted(self.cost.unwrap_or_default()));
            told(message, "a cost is a decimal from 0, in US dollars");
        }
        match (action, outcome, cost.transpose()) {
            (Ok(action), Some(outcome), Ok(cost)) if problems.is_empty() => Ok(Report {
                id: self.id,
                action,
                outcome,
                cost,
            }),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::NEW_RUN;

    #[test]
    fn everything_that_is_wrong_with_a_report_is_told() {
        let now = Timestamp::EPOCH;
        let report = ReportText {
            id: "c",
            action: "7",
            outcome: "done",
            cost: Some("-1"),
        };
        let problems = report.apply("{}", now).unwrap_err();
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect();
        assert_eq!(
            codes,
            [
                "HOST_INVALID",
                "HOST_INVALID",
                "HOST_INVALID",
                "STATE_INVALID"
            ]
        );
        let digest = Digest::of(b"").to_hex();
        let report = ReportText {
            id: "c",
            action: &digest,
            outcome: "failed",
            cost: Some("1.5 USD"),
        };
        assert_eq!(report.apply(NEW_RUN, now).unwrap_err().len(), 1);
    }
}

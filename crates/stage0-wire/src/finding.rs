//! What the engine's check finds, in the one form of all problems.

use stage0_engine::policy::{FindingLevel, PolicyFinding};

use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::sources::Sources;

impl Problem {
    /// A finding of the check, with its places shown. `sources` holds the files that were checked.
    pub fn from_finding(sources: &Sources, finding: &PolicyFinding) -> Self {
        let code = ProblemCode::Finding(finding.kind());
        let mut problem = Self::at(sources, finding.span(), code, finding.message());
        if let Some(help) = finding.help() {
            problem = problem.help(help);
        }
        for (span, label) in finding.related() {
            problem = problem.related(sources, *span, label);
        }
        match finding.kind().level() {
            FindingLevel::Error => problem,
            FindingLevel::Warning => problem.warning(),
        }
    }
}

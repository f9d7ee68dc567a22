//! `stage0 audit show`: the trail of one decision.

use std::path::PathBuf;

use clap::Args;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::{Object, list, object};
use stage0_wire::problem::Problem;

use super::Form;
use super::read::{Found, decisions};
use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::paint::{FAINT, TITLE, paint};
use crate::table::write_rows;

/// Tell the trail of a decision: who asked for what, under which policy, who approved, and what became of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stage0 audit show decisions.jsonl --request-id 7c9e6679
  stage0 audit show decisions.jsonl --run nightly --format json")]
pub(super) struct Show {
    /// The log, or the files of it in their order; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,

    /// The id that the decision carries
    #[arg(long, value_name = "ID", required_unless_present = "run")]
    request_id: Option<String>,

    /// Every decision of this run
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// The form of the trail: text, or json for programs
    #[arg(
        long = "format",
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    pub(super) form: Form,
}

impl Show {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let found = decisions(&self.logs, |trace| {
            let has_id = self
                .request_id
                .as_ref()
                .is_none_or(|id| *id == trace.request_id);
            has_id && (self.run.is_none() || self.run == trace.run)
        })?;
        if found.is_empty() {
            let message = "the log has no such decision";
            return Err(Problem::new(ProblemCode::NothingFound, message)
                .help("ids are told by `request_id` of a decision, as it was printed")
                .into());
        }
        print(&match self.form {
            Form::Text => found.iter().map(to_text).collect::<Vec<_>>().join("\n"),
            Form::Json => to_json(&found),
        })?;
        Ok(Exit::Success)
    }
}

/// The links of the trail, in their order.
fn links(Found { place, trace }: &Found) -> Vec<(&'static str, String)> {
    vec![
        ("request_id", trace.request_id.clone()),
        ("policy_version", trace.policy_version.clone()),
        ("environment", trace.environment.clone()),
        ("approved_by", trace.approved_by.clone()),
        (
            "final_runtime_action",
            trace.final_runtime_action.clone().unwrap_or_default(),
        ),
        ("verdict", trace.verdict.clone()),
        ("reason", trace.reason.clone()),
        ("at", trace.at.clone()),
        ("run", trace.run.clone().unwrap_or_default()),
        ("call", trace.call.clone().unwrap_or_default()),
        ("tools", trace.tools.join(", ")),
        ("cost_usd", trace.cost_usd.clone().unwrap_or_default()),
        ("action_digest", trace.action.clone()),
        ("policy_digest", trace.policy_digest.clone()),
        ("written", format!("{}:{}", place.file, place.line)),
    ]
}

fn to_text(found: &Found) -> String {
    let rows: Vec<Vec<String>> = links(found)
        .into_iter()
        .map(|(name, value)| {
            let value = if value.is_empty() {
                paint(FAINT, "-")
            } else {
                stage0_engine::legible::one_line(&value, VALUE_CHARS_MAX)
            };
            vec![paint(TITLE, name), value]
        })
        .collect();
    let mut out = String::new();
    write_rows(&mut out, 0, &rows);
    out
}

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 400;

fn to_json(found: &[Found]) -> String {
    let mut out = String::new();
    list(&mut out, found, |out, found| {
        object(out, |object: &mut Object<'_>| {
            for (name, value) in links(found) {
                let value = Some(value.as_str()).filter(|value| !value.is_empty());
                object.optional(name, value);
            }
        });
    });
    out.push('\n');
    out
}

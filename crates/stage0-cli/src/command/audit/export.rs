//! `stage0 audit export`: decisions for spreadsheets and for systems that watch (SIEM).

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stage0_audit::trace::Trace;
use stage0_engine::time::Timestamp;
use stage0_wire::ENGINE_VERSION;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::problem::Problem;

use super::read::decisions;
use crate::exit::{Exit, Failure};
use crate::output::print;

/// The version of OCSF whose names are used, and the class: API Activity.
const OCSF_VERSION: &str = "1.3.0";
const OCSF_CATEGORY: u32 = 6;
const OCSF_CLASS: u32 = 6003;
/// Its activity: one that is none of create, read, update and delete.
const OCSF_OTHER: u32 = 99;
/// The version of ECS whose names are used.
const ECS_VERSION: &str = "8.17.0";

/// Hand decisions on: as CSV, or as events in the names of OCSF or ECS
#[derive(Debug, Args)]
#[command(
    after_help = "One row, or one line of JSON, for each decision, with what became of it. In CSV a text that a spreadsheet would take \
for a formula has an apostrophe before it.

Examples:
  stage0 audit export decisions.jsonl --format csv > decisions.csv
  stage0 audit export decisions.jsonl --format ocsf | your-siem-shipper"
)]
pub(super) struct Export {
    /// The log, or the files of it in their order; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,

    /// csv, ocsf (API Activity) or ecs
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    format: ExportForm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportForm {
    Csv,
    Ocsf,
    Ecs,
}

impl Export {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let found = decisions(&self.logs, |_| true)?;
        let traces = found.iter().map(|found| &*found.trace);
        print(&match self.format {
            ExportForm::Csv => to_csv(traces)?,
            ExportForm::Ocsf => traces.map(to_ocsf).collect(),
            ExportForm::Ecs => traces.map(to_ecs).collect(),
        })?;
        Ok(Exit::Success)
    }
}

const COLUMNS: [&str; 16] = [
    "at",
    "request_id",
    "run",
    "call",
    "tools",
    "verdict",
    "codes",
    "risk_score",
    "environment",
    "approved_by",
    "policy_version",
    "policy_digest",
    "action_digest",
    "final_runtime_action",
    "cost_usd",
    "reason",
];

fn to_csv<'t>(traces: impl Iterator<Item = &'t Trace>) -> Result<String, Problem> {
    let unwritable =
        |error: String| Problem::new(ProblemCode::FileUnwritable, format!("no CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(COLUMNS)
        .map_err(|error| unwritable(error.to_string()))?;
    for trace in traces {
        let (tools, codes) = (trace.tools.join(" "), trace.codes.join(" "));
        let risk = trace.risk.to_string();
        let may = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            trace.at.clone(),
            trace.request_id.clone(),
            may(&trace.run),
            may(&trace.call),
            tools,
            trace.verdict.clone(),
            codes,
            risk,
            trace.environment.clone(),
            trace.approved_by.clone(),
            trace.policy_version.clone(),
            trace.policy_digest.clone(),
            trace.action.clone(),
            may(&trace.final_runtime_action),
            may(&trace.cost_usd),
            trace.reason.clone(),
        ];
        writer
            .write_record(cells.iter().map(|cell| harmless(cell)))
            .map_err(|error| unwritable(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| unwritable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unwritable(error.to_string()))
}

/// A text that no spreadsheet takes for a formula: agents choose names and ids.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        ["'", text].concat()
    } else {
        text.to_owned()
    }
}

fn to_ocsf(trace: &Trace) -> String {
    let (status, status_id) = match trace.final_runtime_action.as_deref() {
        Some("executed") => ("Success", 1),
        Some("failed") => ("Failure", 2),
        Some(_) => ("Other", 99),
        None => ("Unknown", 0),
    };
    let (severity, severity_id) = match trace.verdict.as_str() {
        "ALLOW" => ("Informational", 1),
        "DEFER" => ("Low", 2),
        _ => ("Medium", 3),
    };
    let at = Timestamp::parse(&trace.at).map_or(0, Timestamp::to_ms);
    let mut out = String::new();
    object(&mut out, |event| {
        event.plain("category_uid", OCSF_CATEGORY);
        event.text("category_name", "Application Activity");
        event.plain("class_uid", OCSF_CLASS);
        event.text("class_name", "API Activity");
        event.plain("activity_id", OCSF_OTHER);
        event.text("activity_name", "Authorize");
        event.plain(
            "type_uid",
            OCSF_CLASS.saturating_mul(100).saturating_add(OCSF_OTHER),
        );
        event.plain("time", at);
        event.plain("severity_id", severity_id);
        event.text("severity", severity);
        event.plain("status_id", status_id);
        event.text("status", status);
        event.text("message", &trace.reason);
        object(event.member("metadata"), |metadata| {
            metadata.text("version", OCSF_VERSION);
            metadata.text("uid", &trace.request_id);
            if let Some(run) = &trace.run {
                metadata.text("correlation_uid", run);
            }
            object(metadata.member("product"), |product| {
                product.text("name", "Stage0");
                product.text("vendor_name", "Stage0");
                product.text("version", ENGINE_VERSION);
            });
        });
        object(event.member("api"), |api| {
            api.text("operation", &trace.tools.join(" "));
            object(api.member("request"), |request| {
                request.text("uid", trace.call.as_deref().unwrap_or(&trace.request_id));
            });
        });
        object(event.member("actor"), |actor| {
            actor.list("authorizations", [trace], |out, trace| {
                object(out, |authorization| {
                    authorization.text("decision", &trace.verdict);
                    object(authorization.member("policy"), |policy| {
                        policy.text("name", &trace.policy_version);
                        policy.text("uid", &trace.policy_digest);
                    });
                });
            });
        });
        object(event.member("unmapped"), |more| ours(more, trace));
    });
    out.push('\n');
    out
}

fn to_ecs(trace: &Trace) -> String {
    let kind = match trace.verdict.as_str() {
        "ALLOW" => "allowed",
        "DENY" => "denied",
        _ => "info",
    };
    let outcome = match trace.final_runtime_action.as_deref() {
        Some("executed") => "success",
        Some("failed") => "failure",
        _ => "unknown",
    };
    let mut out = String::new();
    object(&mut out, |event| {
        event.text("@timestamp", &trace.at);
        event.text("message", &trace.reason);
        object(event.member("ecs"), |ecs| ecs.text("version", ECS_VERSION));
        object(event.member("event"), |about| {
            about.text("kind", "event");
            about.texts("category", ["api"]);
            about.texts("type", [kind]);
            about.text("action", &trace.tools.join(" "));
            about.text("outcome", outcome);
            about.text("id", &trace.request_id);
            about.text("provider", "stage0");
            about.text("reason", &trace.reason);
            about.plain("risk_score", trace.risk);
        });
        object(event.member("rule"), |rule| {
            rule.text("ruleset", &trace.policy_version);
            rule.text("uuid", &trace.policy_digest);
        });
        object(event.member("stage0"), |more| ours(more, trace));
    });
    out.push('\n');
    out
}

/// What neither has a name for.
fn ours(more: &mut stage0_wire::json_object::Object<'_>, trace: &Trace) {
    more.text("verdict", &trace.verdict);
    more.texts("codes", &trace.codes);
    more.plain("risk_score", trace.risk);
    more.text("environment", &trace.environment);
    more.text("approved_by", &trace.approved_by);
    more.text("action_digest", &trace.action);
    let known = [
        ("run", &trace.run),
        ("call", &trace.call),
        ("final_runtime_action", &trace.final_runtime_action),
        ("cost_usd", &trace.cost_usd),
    ];
    for (name, text) in known {
        if let Some(text) = text {
            more.text(name, text);
        }
    }
}

//! `stage0 eval`: one expression, to try the language out.

use std::path::PathBuf;

use clap::Args;
use stage0_engine::canonical::write_string;
use stage0_engine::describe::functions;
use stage0_engine::document::{Document, Kind};
use stage0_engine::expression::{Expression, Outcome};
use stage0_engine::legible::one_line;
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_engine::span::Span;
use stage0_engine::time::Timestamp;
use stage0_engine::{ConditionError, ConditionErrorKind};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::sources::Sources;
use stage0_wire::strict_json::{JsonLimits, parse};

use crate::exit::{Exit, Failure};
use crate::input::{name_of, now, read};
use crate::output::print;
use crate::paint::{BAD, FAINT, GOOD, LITERAL, NAME, UNSURE, paint};
use crate::table::write_rows;

/// Characters of a text that are shown of an error in a value.
const ERROR_CHARS_MAX: usize = 500;
/// Characters of a variable's name that are shown.
const NAME_CHARS_MAX: usize = 60;

/// Evaluate one expression, to try the language out
#[derive(Debug, Args)]
#[command(
    after_help = "Variables are the members of the object that --vars names, or those given with --var. A \
variable that is not there is unknown, as a missing fact would be.

Exit codes:
  0  a value, or unknown
  1  an error, which in a policy would be a DENY
  2  the command line makes no sense

Examples:
  stage0 eval '0.1 + 0.2 == 0.3'
  stage0 eval 'amount > 500 && role in [\"finance\"]' --var amount=750 --var 'role=\"finance\"'
  stage0 eval 'path_within(path, \"/srv/data\")' --var 'path=\"/srv/data/../etc\"'
  stage0 eval 'in_window(now, \"Mon-Fri 09:00-17:00 Europe/Berlin\")'
  stage0 eval --functions"
)]
pub(crate) struct Eval {
    /// The expression
    #[arg(value_name = "EXPRESSION", required_unless_present = "functions")]
    expression: Option<String>,

    /// A JSON file with an object of variables; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "var")]
    vars: Option<PathBuf>,

    /// A variable and its value as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON", value_parser = parse_variable)]
    var: Vec<(String, String)>,

    /// The time that `now` is; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,

    /// List the functions of the language
    #[arg(long, conflicts_with_all = ["expression", "vars", "var", "now"])]
    functions: bool,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=JSON, for example amount=750")?;
    if let Err(error) = parse(value.as_bytes(), &JsonLimits::REQUEST) {
        return Err(format!(
            "`{}` is not JSON: {error}; text needs quotes, as in name='\"text\"'",
            one_line(value, 60)
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

impl Eval {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Some(text) = &self.expression else {
            print(&list_functions())?;
            return Ok(Exit::Success);
        };
        let expression = Expression::parse(text).map_err(|errors| problems(text, &errors))?;
        let now = match self.now {
            Some(now) => now,
            None => now()?,
        };
        let (name, json) = match &self.vars {
            Some(path) => (name_of(path), read(path, REQUEST_BYTES_MAX)?),
            None => ("--var".to_owned(), joined(&self.var)),
        };
        let variables = variables(&name, &json)?;
        let outcome = expression.evaluate(&variables, now);
        let mut out = String::new();
        write_outcome(&mut out, &outcome);
        if outcome == Outcome::Unknown {
            let missing = expression.missing(&variables, now);
            out.push_str(&paint(FAINT, &format!("  ({})", absent(&missing))));
        }
        out.push('\n');
        print(&out)?;
        Ok(match outcome {
            Outcome::Error(_) => Exit::Problem,
            _ => Exit::Success,
        })
    }
}

/// The variables of the command line as one object. A name that is given twice is refused when the
/// object is read.
fn joined(variables: &[(String, String)]) -> Vec<u8> {
    let mut out = String::from("{");
    for (position, (name, value)) in variables.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(&mut out, name);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out.into_bytes()
}

fn variables<'t>(name: &str, json: &'t [u8]) -> Result<Document<'t>, Problem> {
    let document =
        parse(json, &JsonLimits::REQUEST).map_err(|error| json_problem(name, json, &error))?;
    if document.root().kind() == Kind::Object {
        return Ok(document);
    }
    let message = "variables are the members of one JSON object";
    Err(
        Problem::in_file(name, 1, ProblemCode::VariablesInvalid, message)
            .help("write for example {\"amount\": 750}"),
    )
}

/// What is wrong with an expression, with its places.
fn problems(text: &str, errors: &[ConditionError]) -> Vec<Problem> {
    let mut sources = Sources::new();
    let file = match sources.add("expression", text) {
        Ok(file) => file,
        Err(error) => return vec![error.into()],
    };
    let problem = |error: &ConditionError| {
        let range = error.range();
        let span = Span::new(file, range.start, range.end);
        // The codes of conditions are those of findings, and all in the registry.
        let code = ProblemCode::find(error.kind().code()).unwrap_or(ProblemCode::VariablesInvalid);
        let problem = Problem::at(&sources, span, code, error.message());
        match error.help() {
            Some(help) => problem.help(help),
            None if error.kind() == ConditionErrorKind::UnknownFunction => {
                problem.help("`stage0 eval --functions` lists the functions")
            }
            None => problem,
        }
    };
    errors.iter().map(problem).collect()
}

/// Which variables are not there.
fn absent(missing: &[String]) -> String {
    let shown: Vec<String> = missing
        .iter()
        .map(|name| one_line(name, NAME_CHARS_MAX))
        .collect();
    match shown.as_slice() {
        [] => "a variable that it depends on is not there".to_owned(),
        [only] => format!("{only} is not there"),
        many => format!("{} are not there", many.join(", ")),
    }
}

/// The value as it would be written, or what stands in its place. The depth is that of requests and
/// expressions, which is bounded.
fn write_outcome(out: &mut String, outcome: &Outcome) {
    let mut literal = |text: &str| out.push_str(&paint(LITERAL, text));
    match outcome {
        Outcome::Unknown => {
            out.push_str(&paint(UNSURE, "unknown"));
        }
        Outcome::Error(error) => {
            out.push_str(&paint(BAD, "error"));
            out.push_str(": ");
            out.push_str(&one_line(error, ERROR_CHARS_MAX));
        }
        Outcome::Bool(true) => out.push_str(&paint(GOOD, "true")),
        Outcome::Bool(false) => out.push_str(&paint(BAD, "false")),
        Outcome::Null => literal("null"),
        Outcome::Number(number) => literal(&number.to_string()),
        Outcome::Timestamp(at) => literal(&format!("timestamp(\"{at}\")")),
        Outcome::Duration(span) => literal(&format!("duration(\"{span}\")")),
        Outcome::String(text) => {
            let mut quoted = String::new();
            write_string(&mut quoted, text);
            let mut legible = String::new();
            for character in quoted.chars() {
                stage0_engine::legible::push_legible(&mut legible, character);
            }
            literal(&legible);
        }
        Outcome::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_outcome(out, item);
            }
            out.push(']');
        }
        Outcome::Map(members) => {
            out.push('{');
            for (position, (key, member)) in members.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_outcome(out, &Outcome::String(key.clone()));
                out.push_str(": ");
                write_outcome(out, member);
            }
            out.push('}');
        }
    }
}

fn list_functions() -> String {
    let rows: Vec<Vec<String>> = functions()
        .map(|function| vec![paint(NAME, &function.usage), function.summary.to_owned()])
        .collect();
    let mut out = String::new();
    write_rows(&mut out, 0, &rows);
    out
}

//! `stage0 catalog`: a policy to begin with, drafted from what tools say of themselves.
//!
//! Nothing that a tool says is believed where that would make an answer milder. What it says of its
//! arguments narrows them; that it destroys things makes a person's yes necessary; that it only reads
//! is a comment. A digest of each definition is taken down, so that a tool that has changed is not
//! taken for the one that somebody read.

mod arguments;
mod definition;
mod draft;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::{Args, Subcommand};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use self::definition::{Definition, definitions};
use self::draft::draft;
use crate::exit::{Exit, Failure};
use crate::input::{name_of, read, reason};
use crate::load::compile_policy;
use crate::output::print;

/// Bytes of the definitions of a server's tools.
const DEFINITIONS_BYTES_MAX: usize = 8 << 20;

const DEFINITIONS_LIMITS: JsonLimits = JsonLimits {
    bytes_max: DEFINITIONS_BYTES_MAX,
    depth_max: 64,
    nodes_max: 1 << 20,
};

/// What a policy is called that nobody names.
const NAME: &str = "tools";

/// Draft a policy from what tools say of themselves
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "The draft allows nothing yet: say what each tool does, add the rules that allow it, and test them.
  stage0 catalog from-mcp tools.json > policy.yaml
  stage0 catalog from-python agent:tools > policy.yaml
  stage0 lint policy.yaml"
)]
pub(crate) struct Catalog {
    #[command(subcommand)]
    verb: CatalogVerb,
}

#[derive(Debug, Subcommand)]
enum CatalogVerb {
    /// From the tools of an MCP server: the result of `tools/list`, as JSON
    FromMcp {
        /// The file; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The policy's name
        #[arg(long, value_name = "NAME", default_value = NAME)]
        name: String,
    },
    /// From tools of a Python program: functions, or tools of an agent framework
    FromPython {
        /// The module and what it calls its tools, such as agent:tools. The module is imported
        #[arg(value_name = "MODULE:NAME")]
        tools: String,
        /// The Python that has the program and the package `stage0`
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
        /// The policy's name
        #[arg(long, value_name = "NAME", default_value = NAME)]
        name: String,
    },
}

impl Catalog {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let (source, text, name) = match self.verb {
            CatalogVerb::FromMcp { file, name } => {
                (name_of(&file), read(&file, DEFINITIONS_BYTES_MAX)?, name)
            }
            CatalogVerb::FromPython {
                tools,
                python,
                name,
            } => {
                let text = told_by_python(&tools, python)?;
                (tools, text, name)
            }
        };
        print(&drafted(&source, &text, &name)?)?;
        Ok(Exit::Success)
    }
}

/// The policy, which loads.
fn drafted(source: &str, text: &[u8], name: &str) -> Result<String, Failure> {
    let document =
        parse(text, &DEFINITIONS_LIMITS).map_err(|error| json_problem(source, text, &error))?;
    let tools: Vec<Definition<'_>> =
        definitions(document.root()).map_err(|messages| problems(source, messages))?;
    let policy = draft(name, &tools);
    compile_policy(&PathBuf::from("the draft"), policy.as_bytes())?;
    Ok(policy)
}

fn problems(source: &str, messages: Vec<String>) -> Vec<Problem> {
    let problem = |message: String| {
        Problem::in_file(source, 1, ProblemCode::ToolsInvalid, message).help(
            "tools are a list of objects with `name` and `inputSchema`, or an object whose `tools` is one, as `tools/list` of MCP returns them",
        )
    };
    messages.into_iter().map(problem).collect()
}

/// What the Python package says of the tools.
fn told_by_python(tools: &str, python: Option<PathBuf>) -> Result<Vec<u8>, Failure> {
    let program = python.map_or_else(python_here, PathBuf::into_os_string);
    let name = program.to_string_lossy().into_owned();
    let said = Command::new(&program)
        .args(["-m", "stage0.catalog", tools])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            let message = format!("`{name}` cannot be run: {}", reason(&error));
            Problem::new(ProblemCode::ToolsInvalid, message).help("name a Python with --python")
        })?;
    if !said.status.success() {
        let message = format!("`{name}` could not tell what `{tools}` is");
        let help = "it has to be a Python in which the program runs and `stage0` is installed; name one with --python";
        return Err(Problem::new(ProblemCode::ToolsInvalid, message)
            .help(help)
            .into());
    }
    Ok(said.stdout)
}

/// The Python that this command came with, that of the environment that is active, or the system's.
fn python_here() -> OsString {
    if let Some(program) = env::var_os("STAGE0_PYTHON") {
        return program;
    }
    if let Some(folder) = env::var_os("VIRTUAL_ENV") {
        let inside = if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        };
        return PathBuf::from(folder).join(inside).into_os_string();
    }
    if cfg!(windows) { "python" } else { "python3" }.into()
}

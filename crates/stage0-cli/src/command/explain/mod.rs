//! `stage0 explain`: what a policy says about its tools, or why a request is decided as it is.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stage0_engine::PolicyIndex;
use stage0_engine::describe::{
    ApprovalDescription, LayerDescription, PolicyDescription, RuleDescription, ToolDescription,
    describe,
};
use stage0_engine::legible::one_line;
use stage0_engine::limits::REQUEST_BYTES_MAX;
use stage0_engine::policy::{Mode, UnknownTools, Verdict};
use stage0_engine::state::RunState;
use stage0_engine::suggest::nearest;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{description_to_json, explanation_to_json};

use super::check::{Circumstances, Question, read_state, refuse_two_stdins};
use crate::exit::{Exit, Failure};
use crate::input::{POLICY_HERE, read};
use crate::load::load_policy;
use crate::output::{Format, print};
use crate::paint::{self, Colors, FAINT, NAME, TITLE, paint};
use crate::table::write_rows;

/// Characters of a condition that are shown.
const CONDITION_CHARS_MAX: usize = 120;

/// Show what a policy says about its tools, or why a request is decided as it is
#[derive(Debug, Args)]
#[command(
    after_help = "Without a request: for each tool its effects and arguments, the rules that are about it, and \
the facts that they read. With a request: which rules spoke, what they compared, and what would \
make it an ALLOW. The exit code is 0 whatever the decision is; `stage0 check` is what gates use.

Examples:
  stage0 explain
  stage0 explain policy.yaml --tool payments.payout
  stage0 explain policy.yaml request.json --now 2026-01-05T10:00:00Z"
)]
pub(crate) struct Explain {
    /// The policy
    #[arg(value_name = "POLICY", default_value = POLICY_HERE)]
    policy: PathBuf,

    /// A request to explain the decision of; `-` is standard input
    #[arg(value_name = "REQUEST", conflicts_with = "tool")]
    request: Option<PathBuf>,

    /// Only this tool, by any of its names
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,

    #[command(flatten)]
    circumstances: Circumstances,

    /// The state of the run, which is only read
    #[arg(long, value_name = "FILE", requires = "request")]
    state: Option<PathBuf>,

    /// The form of the explanation and of problems: text, or json for programs
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
}

impl Explain {
    /// The form in which problems are told.
    pub(crate) fn problem_format(&self) -> Format {
        match self.format {
            ReportFormat::Text => Format::Text,
            ReportFormat::Json => Format::Json,
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        refuse_two_stdins(&[Some(&self.policy), self.request.as_ref()])?;
        let policy = load_policy(&self.policy)?;
        let Some(request) = &self.request else {
            print(&self.describe_policy(&policy)?)?;
            return Ok(Exit::Success);
        };
        let text = read(request, REQUEST_BYTES_MAX)?;
        let question = Question::new(&self.circumstances, request, &text)?;
        policy.admit(&question.request)?;
        let state = match &self.state {
            Some(path) => read_state(path)?,
            None => RunState::default(),
        };
        let explanation = question.explain(&policy, &state);
        print(&match self.format {
            ReportFormat::Text => explanation.to_prose_with(&Colors),
            ReportFormat::Json => explanation_to_json(&explanation) + "\n",
        })?;
        Ok(Exit::Success)
    }

    fn describe_policy(&self, policy: &Policy) -> Result<String, Problem> {
        let index = policy.index();
        let description = describe(index);
        let tool = self.tool.as_deref();
        let is_shown = |described: &ToolDescription<'_>| {
            tool.is_none_or(|tool| described.name == tool || described.aka.contains(&tool))
        };
        if let Some(tool) = tool {
            let mut layers = description.layers.iter();
            if !layers.any(|layer| layer.tools.iter().any(is_shown)) {
                return Err(no_such_tool(index, tool));
            }
        }
        Ok(match self.format {
            ReportFormat::Text => text(index, &description, tool.is_none(), is_shown),
            ReportFormat::Json => description_to_json(index, &description, is_shown) + "\n",
        })
    }
}

fn no_such_tool(index: &PolicyIndex, tool: &str) -> Problem {
    let problem = Problem::new(
        ProblemCode::NothingFound,
        format!("the catalog has no tool `{tool}`"),
    );
    match nearest(tool, index.tool_names()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("`stage0 explain POLICY` lists the tools"),
    }
}

/// A policy for people; of its tools those that are to be shown, and the rest only with all of them.
fn text(
    index: &PolicyIndex,
    description: &PolicyDescription<'_>,
    is_whole: bool,
    is_shown: impl Fn(&ToolDescription<'_>) -> bool,
) -> String {
    let mut out = format!(
        "{}  {}\n",
        paint(TITLE, index.label()),
        paint(FAINT, &format!("sha256 {}", index.digest()))
    );
    let count = description.layers.len();
    for (layer, number) in description.layers.iter().zip(1..) {
        if count > 1 {
            let _ = writeln!(out, "\nLayer {number} of {count}; every layer must allow");
        }
        for described in layer.tools.iter().filter(|tool| is_shown(tool)) {
            out.push('\n');
            write_tool(&mut out, layer, described);
        }
        if is_whole {
            write_rest(&mut out, layer);
        }
    }
    if !description.disabled.is_empty() {
        let _ = writeln!(out, "\n{}", paint(TITLE, "Switched off by the policy"));
        for rule in &description.disabled {
            let _ = writeln!(out, "  {}", paint(NAME, rule));
        }
    }
    out
}

/// One tool: label, then what belongs to it, in columns.
fn write_tool(out: &mut String, layer: &LayerDescription<'_>, tool: &ToolDescription<'_>) {
    out.push_str(&paint(TITLE, tool.name));
    if !tool.aka.is_empty() {
        out.push_str(&paint(FAINT, &format!("  also {}", tool.aka.join(", "))));
    }
    out.push('\n');
    let mut rows = Vec::new();
    let mut section = |label: &str, lines: Vec<String>| {
        for (position, line) in lines.into_iter().enumerate() {
            let label = if position == 0 { label } else { "" };
            rows.push(vec![paint(FAINT, label), line]);
        }
    };
    let effects = if tool.effects.is_empty() {
        "none".to_owned()
    } else {
        tool.effects.join(", ")
    };
    section("effects", vec![effects]);
    if let Some((least, most)) = &tool.cost_usd {
        section("cost", vec![format!("{least} to {most} USD a call")]);
    }
    section("arguments", arguments(tool));
    let rules = tool.rules.iter().filter_map(|at| layer.rules.get(*at));
    let rules: Vec<&RuleDescription<'_>> = rules.collect();
    if rules.is_empty() {
        section("rules", vec!["none".to_owned()]);
    } else {
        // That they are about the tool's effects is why they are here.
        section("rules", rule_lines(&rules, false));
    }
    if !tool.facts.is_empty() {
        section("reads", wrapped(&tool.facts));
    }
    section("otherwise", vec![otherwise(layer)]);
    write_rows(out, 2, &rows);
}

fn arguments(tool: &ToolDescription<'_>) -> Vec<String> {
    let Some(arguments) = &tool.arguments else {
        return vec!["any".to_owned()];
    };
    if arguments.is_empty() {
        return vec!["none".to_owned()];
    }
    let rows: Vec<Vec<String>> = arguments
        .iter()
        .map(|argument| {
            let optional = if argument.optional { "?" } else { "" };
            vec![
                format!("{}{optional}", one_line(argument.name, CONDITION_CHARS_MAX)),
                one_line(&argument.summary, CONDITION_CHARS_MAX),
            ]
        })
        .collect();
    lines(&rows)
}

/// The rules, those that permit first, then the strictest; with the effects that they are about or not.
fn rule_lines(rules: &[&RuleDescription<'_>], with_effects: bool) -> Vec<String> {
    let mut rules = rules.to_vec();
    rules.sort_by_key(|rule| {
        let rank = match (rule.kind, rule.verdict) {
            ("allow", _) => 0,
            (_, Some(Verdict::Deny)) => 1,
            (_, Some(_)) => 2,
            (_, None) => 3,
        };
        (rank, rule.kind, rule.rule)
    });
    let rows: Vec<Vec<String>> = rules
        .into_iter()
        .map(|rule| vec![verb(rule), paint(NAME, rule.rule), says(rule, with_effects)])
        .collect();
    lines(&rows)
}

fn verb(rule: &RuleDescription<'_>) -> String {
    let verdict = match rule.verdict {
        Some(verdict) => paint::verdict(verdict),
        None => "remark".to_owned(),
    };
    if rule.observed {
        format!("{verdict} {}", paint(FAINT, "(observed)"))
    } else {
        verdict
    }
}

/// What a rule says, in its own conditions.
fn says(rule: &RuleDescription<'_>, with_effects: bool) -> String {
    let shown = |text: &str| one_line(text, CONDITION_CHARS_MAX);
    let condition = rule.condition.map(shown);
    let mut text = match (rule.kind, condition, &rule.approval) {
        _ if rule.limit.is_some() => format!(
            "unless {}",
            rule.limit.as_deref().map_or_else(String::new, shown)
        ),
        ("require", Some(condition), _) => format!("unless {condition}"),
        (_, Some(condition), _) => format!("if {condition}"),
        (_, None, Some(approval)) if rule.verdict == Some(Verdict::Deny) => {
            approval_text("unless", approval)
        }
        (_, None, Some(approval)) => approval_text("until", approval),
        (_, None, None) => "always".to_owned(),
    };
    if let Some(when) = rule.when {
        let when = shown(when);
        text = match text.as_str() {
            "always" => format!("if {when}"),
            text => format!("when {when}: {text}"),
        };
    }
    if with_effects && !rule.effects.is_empty() {
        text = format!(
            "for {}: {text}",
            one_line(&rule.effects.join(" or "), CONDITION_CHARS_MAX)
        );
    }
    text
}

fn approval_text(before: &str, approval: &ApprovalDescription) -> String {
    let mut text = match approval.min {
        1 => format!("{before} approved"),
        many => format!("{before} {many} people approve"),
    };
    if !approval.roles.is_empty() {
        let _ = write!(text, " by {}", approval.roles.join(" or "));
    }
    if !approval.not.is_empty() {
        let _ = write!(text, ", not by {}", approval.not.join(" or "));
    }
    text
}

/// Facts, a few to the line.
fn wrapped(names: &[&str]) -> Vec<String> {
    const COLUMNS_MAX: usize = 80;
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len().saturating_add(name.len()) < COLUMNS_MAX => {
                line.push_str(", ");
                line.push_str(name);
            }
            last => {
                if let Some(line) = last {
                    line.push(',');
                }
                lines.push((*name).to_owned());
            }
        }
    }
    lines
}

fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let mut out = String::new();
    write_rows(&mut out, 0, rows);
    out.lines().map(str::to_owned).collect()
}

fn otherwise(layer: &LayerDescription<'_>) -> String {
    let verdict = match layer.mode {
        Mode::Halted => return format!("{} (the policy is halted)", paint::verdict(Verdict::Deny)),
        Mode::Observe | Mode::Enforce | Mode::ReadOnly => paint::verdict(layer.default),
    };
    match layer.mode {
        Mode::Observe => format!("{verdict} (only observed)"),
        Mode::ReadOnly => format!("{verdict} (read-only: whatever writes is denied)"),
        Mode::Enforce | Mode::Halted => verdict,
    }
}

/// What is about no catalogued tool.
fn write_rest(out: &mut String, layer: &LayerDescription<'_>) {
    let used: std::collections::BTreeSet<usize> = layer
        .tools
        .iter()
        .flat_map(|tool| tool.rules.iter().copied())
        .collect();
    let others: Vec<&RuleDescription<'_>> = layer
        .rules
        .iter()
        .enumerate()
        .filter(|(at, _)| !used.contains(at))
        .map(|(_, rule)| rule)
        .collect();
    if !others.is_empty() {
        let _ = writeln!(
            out,
            "\n{}",
            paint(TITLE, "Rules about other tools and plans")
        );
        for line in rule_lines(&others, true) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if !layer.lets.is_empty() {
        let _ = writeln!(out, "\n{}", paint(TITLE, "Named conditions"));
        let rows: Vec<Vec<String>> = layer
            .lets
            .iter()
            .map(|named| {
                vec![
                    format!("let.{}", named.name),
                    one_line(named.text, CONDITION_CHARS_MAX),
                ]
            })
            .collect();
        write_rows(out, 2, &rows);
    }
    let unknown = any_other(layer);
    let _ = writeln!(out, "\n{}  {unknown}", paint(TITLE, "Any other tool"));
}

/// What becomes of a tool that the catalog does not have.
fn any_other(layer: &LayerDescription<'_>) -> String {
    let strictest = match layer.unknown_tools {
        _ if layer.mode == Mode::Halted => Verdict::Deny,
        UnknownTools::Declared => return "taken at its caller's word".to_owned(),
        UnknownTools::Defer => layer.default.max(Verdict::Defer),
        UnknownTools::Deny => Verdict::Deny,
    };
    let shown = paint::verdict(strictest);
    let can_be_allowed = layer.rules.iter().any(|rule| {
        let is_catalogued = |pattern: &&str| layer.tools.iter().any(|tool| tool.name == *pattern);
        rule.kind == "allow" && (rule.tools.is_empty() || !rule.tools.iter().all(is_catalogued))
    });
    // An allow lifts the default, never what is done with unknown tools.
    let is_lifted = layer.default == Verdict::Deny
        && layer.unknown_tools == UnknownTools::Defer
        && layer.mode != Mode::Halted
        && can_be_allowed;
    if is_lifted {
        let milder = paint::verdict(Verdict::Defer);
        format!("{shown}, or {milder} where a rule allows it")
    } else {
        shown
    }
}

//! The text of a file to its [`Tree`]: which notation it is in, and what neither may contain.

mod characters;

use stage0_engine::span::Span;

use self::characters::are_plain;
use crate::codes::ProblemCode;
use crate::json_tree;
use crate::problem::{Problem, Problems};
use crate::sources::Sources;
use crate::tree::Tree;
use crate::yaml;

impl Tree {
    /// Reads a file, YAML or JSON, and reports everything that is wrong with it.
    ///
    /// A name that ends in `.json` makes it JSON; otherwise text that begins with `{` or `[` is
    /// tried as JSON first and as YAML then. The tree is there whenever what was refused could be
    /// left out as [`NodeValue::Invalid`](crate::tree::NodeValue::Invalid), so that the rest can be
    /// checked in the same go.
    pub fn parse(sources: &Sources, file: u16, problems: &mut Problems) -> Option<Self> {
        if !are_plain(sources, file, problems) {
            return None;
        }
        let text = sources.text(file);
        let start = text.trim_ascii_start();
        let is_json_file = has_json_extension(sources.name(file));
        if start.is_empty() {
            problems.error(|| {
                Problem::at(
                    sources,
                    Span::new(file, 0, 0),
                    ProblemCode::PolicyEmpty,
                    "the file is empty",
                )
            });
            return None;
        }
        if !is_json_file && !start.starts_with(['{', '[']) {
            return yaml::parse(sources, file, problems).map(|root| Self { root });
        }

        let mut json_problems = Problems::new();
        let json = json_tree::parse(sources, file, &mut json_problems);
        if is_json_file || !json_problems.has_errors() {
            problems.append(json_problems);
            return json.map(|root| Self { root });
        }
        // Braces also begin YAML. What YAML accepts is YAML; what neither accepts is reported as
        // what it looks like.
        let mut yaml_problems = Problems::new();
        let yaml = yaml::parse(sources, file, &mut yaml_problems);
        if yaml_problems.has_errors() && looks_like_json(start) {
            problems.append(json_problems);
            return json.map(|root| Self { root });
        }
        problems.append(yaml_problems);
        yaml.map(|root| Self { root })
    }
}

fn has_json_extension(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

/// Whether text that begins with a bracket goes on as JSON does.
fn looks_like_json(start: &str) -> bool {
    let mut significant = start
        .chars()
        .filter(|character| !character.is_ascii_whitespace());
    match significant.next() {
        Some('{') => matches!(significant.next(), Some('"' | '}')),
        Some('[') => matches!(significant.next(), Some('"' | '{' | '[' | ']')),
        _ => false,
    }
}

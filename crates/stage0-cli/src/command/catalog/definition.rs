//! Tools as they say that they are.

use std::collections::BTreeSet;

use stage0_engine::canonical::{write_string, write_value};
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::legible::one_line;
use stage0_engine::limits::TOOL_NAME_BYTES_MAX;
use stage0_engine::tool_pattern::tool_name_is_valid;

/// What of a definition is part of its digest, in the order of canonical JSON. What a tool is shown
/// with, such as icons, is not.
const DIGESTED: [&str; 6] = [
    "annotations",
    "description",
    "inputSchema",
    "name",
    "outputSchema",
    "title",
];

/// Characters of a name in a message.
const NAME_SHOWN_MAX: usize = 100;

/// A tool, as it says that it is.
pub(super) struct Definition<'d> {
    pub(super) name: &'d str,
    whole: ValueRef<'d>,
}

impl<'d> Definition<'d> {
    /// The schema of its arguments.
    pub(super) fn schema(&self) -> Option<ValueRef<'d>> {
        self.whole.get("inputSchema")
    }

    pub(super) fn description(&self) -> Option<&'d str> {
        self.whole.get("description")?.as_str()
    }

    /// Whether an annotation says so; `None` where it does not say.
    pub(super) fn hint(&self, name: &str) -> Option<bool> {
        self.whole.get("annotations")?.get(name)?.as_bool()
    }

    /// Whether calls of this name are ever decided.
    pub(super) fn has_usable_name(&self) -> bool {
        tool_name_is_valid(self.name)
    }

    /// The digest of the definition, which the Python package tells in the same way.
    pub(super) fn digest(&self) -> Digest {
        let mut text = String::from("{");
        for key in DIGESTED {
            let Some(value) = self.whole.get(key).filter(|value| !value.is_null()) else {
                continue;
            };
            if text.len() > 1 {
                text.push(',');
            }
            write_string(&mut text, key);
            text.push(':');
            write_value(&mut text, value);
        }
        text.push('}');
        Digest::of(text.as_bytes())
    }
}

/// The tools that a list has; everything that is wrong with it otherwise.
pub(super) fn definitions(root: ValueRef<'_>) -> Result<Vec<Definition<'_>>, Vec<String>> {
    // What a server answered, as it was on the line.
    let root = root.get("result").unwrap_or(root);
    let list = root.get("tools").unwrap_or(root);
    if list.kind() != Kind::List {
        return Err(vec!["this is no list of tools".to_owned()]);
    }
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for (position, tool) in list.elements().enumerate() {
        let Some(name) = tool.get("name").and_then(ValueRef::as_str) else {
            wrong.push(format!("tool {position} has no `name`"));
            continue;
        };
        let shown = one_line(name, NAME_SHOWN_MAX);
        if !names.insert(name) {
            wrong.push(format!("two tools are called `{shown}`"));
        }
        if tool
            .get("inputSchema")
            .is_some_and(|schema| !matches!(schema.kind(), Kind::Object | Kind::Null))
        {
            wrong.push(format!("`inputSchema` of `{shown}` is no object"));
        }
        found.push(Definition { name, whole: tool });
    }
    if found.is_empty() && wrong.is_empty() {
        wrong.push("there are no tools in it".to_owned());
    }
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(wrong)
    }
}

/// Why a name is left out, for the person who reads the draft.
pub(super) fn left_out(name: &str) -> String {
    format!(
        "\"{}\": left out. Calls of it are refused: a name has 1 to {TOOL_NAME_BYTES_MAX} of A-Z a-z 0-9 . _ : / -",
        one_line(name, NAME_SHOWN_MAX)
    )
}

//! A value of a policy file as canonical JSON, for digests.
//!
//! Policies have megabytes, so their texts are written from the tree as it is. The form is that of the
//! engine's `canonical`, which writes the strings and the numbers; a test holds the two together.

use stage0_engine::canonical::{write_number, write_string};

use super::{Entry, Node, NodeValue};

/// Appends a value.
pub(super) fn write(out: &mut String, node: &Node) {
    let mut writer = Writer::new(out);
    writer.value(node);
    writer.finish();
}

/// Appends a map of these entries.
pub(crate) fn write_entries<'n>(out: &mut String, entries: impl Iterator<Item = &'n Entry>) {
    let mut writer = Writer::new(out);
    writer.begin_map(entries);
    writer.finish();
}

/// A list or map that is being written.
struct Open<'n> {
    rest: Rest<'n>,
    is_first: bool,
}

enum Rest<'n> {
    Items(std::slice::Iter<'n, Node>),
    /// Those of the writer's entries from `next` on; what it has from `start` on belongs to this map.
    Entries {
        start: usize,
        next: usize,
    },
}

/// Writes a tree. Nesting costs heap, not stack.
struct Writer<'o, 'n> {
    out: &'o mut String,
    /// Innermost last.
    open: Vec<Open<'n>>,
    /// The entries, by key, of all the maps that are open, innermost last.
    entries: Vec<&'n Entry>,
}

impl<'o, 'n> Writer<'o, 'n> {
    fn new(out: &'o mut String) -> Self {
        Self {
            out,
            open: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Writes a scalar, or begins a list or map.
    fn value(&mut self, node: &'n Node) {
        match &node.value {
            NodeValue::Null | NodeValue::Invalid => self.out.push_str("null"),
            NodeValue::Bool(true) => self.out.push_str("true"),
            NodeValue::Bool(false) => self.out.push_str("false"),
            NodeValue::Number(text) => write_number(self.out, text),
            NodeValue::String(text) => write_string(self.out, &text.value),
            NodeValue::List(items) => {
                self.out.push('[');
                self.open.push(Open {
                    rest: Rest::Items(items.iter()),
                    is_first: true,
                });
            }
            NodeValue::Map(entries) => self.begin_map(entries.iter()),
        }
    }

    fn begin_map(&mut self, written: impl Iterator<Item = &'n Entry>) {
        self.out.push('{');
        let start = self.entries.len();
        self.entries.extend(written);
        let added = self.entries.get_mut(start..).unwrap_or_default();
        added.sort_unstable_by(|(one, _), (two, _)| one.value.cmp(&two.value));
        self.open.push(Open {
            rest: Rest::Entries { start, next: start },
            is_first: true,
        });
    }

    /// Writes what is left of the lists and maps that are open.
    fn finish(mut self) {
        while let Some(innermost) = self.open.last_mut() {
            let (next, end) = match &mut innermost.rest {
                Rest::Items(items) => (items.next().map(|item| (None, item)), ']'),
                Rest::Entries { start, next } => {
                    let entry = self.entries.get(*next).copied();
                    match entry {
                        Some(_) => *next = next.saturating_add(1),
                        None => self.entries.truncate(*start),
                    }
                    (entry.map(|(key, node)| (Some(key), node)), '}')
                }
            };
            let Some((key, node)) = next else {
                self.out.push(end);
                self.open.pop();
                continue;
            };
            if !innermost.is_first {
                self.out.push(',');
            }
            innermost.is_first = false;
            if let Some(key) = key {
                write_string(self.out, &key.value);
                self.out.push(':');
            }
            self.value(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use stage0_engine::canonical::write_value;

    use crate::problem::Problems;
    use crate::sources::Sources;
    use crate::tree::Tree;

    #[test]
    fn it_is_the_form_that_the_engine_writes() {
        let text = r#"
z: [1.50, -0, 1E3, 12345678901234567890123456789, [], {}, [[{ b: [{}], a: null }]]]
"a\n\"b": "tab\tand \u0001 and é"
A: { "😀": true, "\uFFFD": false, b: null, "": { x: { y: {} }, w: 1 } }
later: 0.000
"#;
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text).unwrap();
        let mut problems = Problems::new();
        let tree = Tree::parse(&sources, file, &mut problems).unwrap();
        assert!(!problems.has_errors(), "{:?}", problems.finish());
        let mut expected = String::new();
        write_value(&mut expected, tree.root.to_document().unwrap().root());
        assert!(expected.contains("[1.5,0,1000,"), "{expected}");
        assert_eq!(tree.to_canonical_json(), expected);
    }
}

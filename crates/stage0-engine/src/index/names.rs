//! Names of a table as canonical JSON, ready to be copied.
//!
//! Every decision lists the facts that it depends on, and those of one tool's rules mostly stand side
//! by side in the table. The names are escaped when the policy is loaded, so that what stands side by
//! side is copied in one piece.

use core::ops::Range;

use crate::canonical::write_string;

/// Names by their places, each a JSON string with a comma behind it.
#[derive(Debug, Default)]
pub(crate) struct NameList {
    text: String,
    /// Where the names begin, and last where the text ends.
    starts: Vec<usize>,
}

impl NameList {
    /// The list of these names, of which the first has place 0.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut list = Self::default();
        list.starts.push(0);
        for name in names {
            write_string(&mut list.text, name);
            list.text.push(',');
            list.starts.push(list.text.len());
        }
        list
    }

    /// Appends the JSON list of the names at these places.
    pub(crate) fn write(&self, out: &mut String, places: impl Iterator<Item = Range<u32>>) {
        out.push('[');
        let start = out.len();
        for run in places {
            let bound = |place: u32| self.starts.get(place as usize).copied();
            let names = bound(run.start).zip(bound(run.end));
            let names = names.and_then(|(start, end)| self.text.get(start..end));
            out.push_str(names.unwrap_or_default());
        }
        if out.len() > start {
            out.pop();
        }
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::{NameList, Range};

    #[test]
    fn names_are_listed_by_place() {
        let list = NameList::new(["a", "b \"c\"", "d", "e"].into_iter());
        let written = |places: &[Range<u32>]| {
            let mut out = String::from("names: ");
            list.write(&mut out, places.iter().cloned());
            out
        };
        assert_eq!(written(&[]), "names: []");
        assert_eq!(written(&[0..1, 3..4]), r#"names: ["a","e"]"#);
        assert_eq!(written(&[0..2, 3..4]), r#"names: ["a","b \"c\"","e"]"#);
        assert_eq!(
            written(&[Range { start: 0, end: 4 }]),
            r#"names: ["a","b \"c\"","d","e"]"#
        );
        let mut out = String::new();
        NameList::default().write(&mut out, core::iter::once(0..1));
        assert_eq!(out, "[]");
    }
}

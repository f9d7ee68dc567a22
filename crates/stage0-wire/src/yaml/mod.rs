//! YAML policies as a tree with places.
//!
//! The scanner and its events come from `saphyr-parser`. What is read is a subset that YAML's
//! versions read alike: block and flow maps and lists, the five scalar styles, and JSON's words and
//! numbers. Anchors, aliases, tags, merge keys, several documents and everything that looks like
//! one thing and is another are refused, each with a place and a way out. Where the scanner gives
//! up over one value, that value is covered and the file is read again, so that one run tells all.

mod diagnose;
mod input;
mod pieces;
mod plain;
mod reader;
mod scene;

use std::borrow::Cow;
use std::ops::Range;

use crate::problem::Problems;
use crate::sources::Sources;
use crate::tree::Node;

/// What covers a value that the scanner cannot read. No policy contains it: control characters are
/// refused before.
const COVER: char = '\u{1}';
/// Bytes that may be read again and again behind values that were covered.
const REREAD_BYTES_MAX: usize = 20_000_000;
/// How often a file is read at most.
const READS_MAX: usize = 100;

/// Reads a YAML file. There is no tree if it cannot be known what was meant.
pub(crate) fn parse(sources: &Sources, file: u16, problems: &mut Problems) -> Option<Node> {
    let mut text = Cow::Borrowed(sources.text(file));
    if !text.ends_with('\n') {
        // Readers disagree on whether a text under `|` ends in a line break where the file ends
        // without one. A file that ends as text files do leaves nothing to disagree on.
        text.to_mut().push('\n');
    }
    let reads_max = REREAD_BYTES_MAX
        .checked_div(text.len())
        .unwrap_or(READS_MAX)
        .clamp(1, READS_MAX);
    for reads_left in (0..reads_max).rev() {
        let mut found = Problems::new();
        let stop = match reader::read(sources, file, &text, &mut found) {
            Ok(root) => {
                problems.append(found);
                return root;
            }
            Err(stop) => stop,
        };
        problems.push(*stop.problem);
        let covered = stop.value.and_then(|value| cover(&text, value));
        let Some(covered) = covered.filter(|_| reads_left > 0) else {
            problems.append(found);
            return None;
        };
        // What was found so far will be found again.
        text = Cow::Owned(covered);
    }
    None
}

/// The text with a value covered: every other byte stays where it is.
fn cover(text: &str, value: Range<usize>) -> Option<String> {
    let covered = text.get(value.clone())?;
    if covered.is_empty() || covered.starts_with(COVER) || covered.contains('\n') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    out.push_str(text.get(..value.start)?);
    out.extend(std::iter::repeat_n(COVER, covered.len()));
    out.push_str(text.get(value.end..)?);
    Some(out)
}

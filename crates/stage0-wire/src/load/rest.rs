//! What else is wrong with a policy that was found wrong already.
//!
//! A file with a mistake in one place is checked in all others, so that a person corrects it once and
//! not five times. What could not be read is left out for that, and so are the findings that may only
//! follow from its absence: nobody is sent after a name that is there.

use stage0_engine::digest::Digest;
use stage0_engine::policy::{FindingKind, FindingLevel};
use stage0_engine::span::Span;
use stage0_engine::{PolicySet, compile};

use super::{File, Loader};
use crate::fields::Fields;
use crate::problem::Problem;

/// Keys of a policy whose values define nothing that is named elsewhere, but for the ids of rules.
const NAMELESS: [&str; 7] = [
    "codes",
    "default",
    "description",
    "mode",
    "risk",
    "rules",
    "tests",
];

/// Bytes of a comma and a space.
const COMMA_BYTES: u32 = 2;
/// The version of a policy without one, which was reported.
const VERSION_STAND_IN: &str = "0.0.0";

/// The parts of a file that define no names, each from its key to the end of its value.
pub(super) fn nameless(fields: Fields<'_>) -> Vec<Span> {
    let entries = fields.entries.iter();
    let entries = entries.filter(|(key, _)| NAMELESS.contains(&key.value.as_str()));
    entries
        .map(|(key, value)| Span {
            end: value.span.end,
            ..key.span
        })
        .collect()
}

impl Loader<'_> {
    /// All problems, and what the engine finds in what could be read.
    #[inline(never)]
    pub(super) fn with_the_rest(mut self) -> Vec<Problem> {
        let places: Vec<Span> = self.problems.places().collect();
        let nameless: Vec<Span> = self
            .files
            .iter()
            .flat_map(|file| file.nameless.iter().copied())
            .collect();
        // Problems without a place are about whole files.
        let names_are_whole = places.len() == self.problems.errors()
            && places
                .iter()
                .all(|place| nameless.iter().any(|part| holds(*part, *place)));
        let mut problems = std::mem::take(&mut self.problems);
        let sources = std::mem::take(&mut self.files).into_iter();
        let sources = sources.map(File::into_source).collect::<Option<Vec<_>>>();
        let Some(mut sources) = sources else {
            return problems.finish();
        };
        for source in &mut sources {
            if source.version.value.is_empty() {
                source.version.value = String::from(VERSION_STAND_IN);
            }
        }
        let set = PolicySet {
            sources,
            digest: Digest::of(&[]),
        };
        for finding in compile(&set).err().unwrap_or_default() {
            let kind = finding.kind();
            let counts = kind.level() == FindingLevel::Error
                && (kind.stands_alone() || names_are_whole && kind != FindingKind::UnknownRule)
                && !places.iter().any(|place| touches(*place, finding.span()));
            if counts {
                problems.push(Problem::from_finding(&self.sources, &finding));
            }
        }
        problems.finish()
    }
}

fn holds(part: Span, place: Span) -> bool {
    part.file == place.file && part.start <= place.start && place.end <= part.end
}

/// Whether two findings are about one place. A comma in braces that cuts a condition in two shows as
/// two mistakes with the comma between them.
fn touches(one: Span, other: Span) -> bool {
    let reach = |end: u32| end.saturating_add(COMMA_BYTES);
    one.file == other.file && one.start <= reach(other.end) && other.start <= reach(one.end)
}

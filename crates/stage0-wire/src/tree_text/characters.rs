//! The characters that a policy file may not contain.

use stage0_engine::span::Span;

use crate::codes::ProblemCode;
use crate::escape::is_refused;
use crate::problem::{Problem, Problems};
use crate::sources::{Sources, offset};

/// Reports the characters that a file may not contain; without them, what a reviewer sees is what
/// is read.
pub(super) fn are_plain(sources: &Sources, file: u16, problems: &mut Problems) -> bool {
    let text = sources.text(file);
    let mut plain = true;
    let mut at: usize = 0;
    while let Some((found, character)) = next_suspect(text, at) {
        let start = offset(found);
        let at_start = found == 0;
        at = found.saturating_add(character.len_utf8());
        let lone_return = character == '\r' && text.as_bytes().get(at) != Some(&b'\n');
        if !lone_return && !is_refused(character) {
            continue;
        }
        plain = false;
        problems.error(|| {
            let span = Span::new(file, start, start.saturating_add(offset(character.len_utf8())));
            let code = ProblemCode::PolicyCharacter;
            let number = u32::from(character);
            match character {
                '\u{feff}' if at_start => {
                    Problem::at(sources, span, code, "the file begins with a byte order mark")
                        .help("save the file as UTF-8 without a byte order mark (BOM)")
                }
                '\r' => Problem::at(sources, span, code, "a carriage return that ends no line")
                    .help("end lines with a line feed, or with carriage return and line feed"),
                '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Problem::at(
                    sources,
                    span,
                    code,
                    format!("the control character U+{number:04X} cannot be part of a policy"),
                )
                .help("in a text in double quotes it can be written as an escape, such as `\\u0007`"),
                _ => Problem::at(
                    sources,
                    span,
                    code,
                    format!("the character U+{number:04X} is invisible: readers would see another text than is read"),
                )
                .help("remove it, or write it as an escape in a text in double quotes, such as `\\u200b`"),
            }
        });
    }
    plain
}

/// The first character from byte `at` on that is neither printable ASCII nor ends or indents a line,
/// and where it stands.
fn next_suspect(text: &str, at: usize) -> Option<(usize, char)> {
    let rest = text.get(at..)?;
    let is_suspect = |byte: u8| !matches!(byte, b'\t' | b'\n' | b' '..=b'~');
    let found = rest.bytes().position(is_suspect)?;
    // INVARIANT: what stands before is ASCII, so this is the beginning of a character.
    let character = rest.get(found..)?.chars().next()?;
    Some((at.saturating_add(found), character))
}

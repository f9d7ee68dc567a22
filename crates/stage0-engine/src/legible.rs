//! Other people's text, as a person may see it.
//!
//! What a policy, a request or a model wrote must not move a terminal's cursor, change colours,
//! reorder a line or hide in it. Whatever does not stand for itself is spelled out; nothing else is
//! changed.

use core::fmt::Write as _;

/// Whether a character would be invisible, or would change how the text around it is shown.
pub fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'                  // soft hyphen
        | '\u{34f}'                 // combining grapheme joiner
        | '\u{61c}'                 // Arabic letter mark
        | '\u{115f}' | '\u{1160}'   // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'   // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'   // Mongolian selectors
        | '\u{200b}'..='\u{200f}'   // zero-width space and joiners, direction marks
        | '\u{2028}'..='\u{202e}'   // line and paragraph separators, direction overrides
        | '\u{2060}'..='\u{206f}'   // invisible operators, direction isolates
        | '\u{3164}'                // Hangul filler
        | '\u{fe00}'..='\u{fe0d}'   // variation selectors, but those that choose text or emoji
        | '\u{feff}'                // byte order mark
        | '\u{ffa0}'                // Hangul filler
        | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
        | '\u{fffe}' | '\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' // musical format controls
        | '\u{e0000}'..='\u{e0fff}' // tags and further variation selectors
    )
}

/// Appends one character; a hidden one as `\u{...}`.
pub fn push_legible(out: &mut String, character: char) {
    if is_hidden(character) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
    } else {
        out.push(character);
    }
}

/// The text on one line: white space as single spaces, hidden characters spelled out, cut behind so
/// many characters.
pub fn one_line(text: &str, characters_max: usize) -> String {
    let mut out = String::new();
    let mut count = 0_usize;
    for (position, word) in text.split_whitespace().enumerate() {
        let space = (position > 0).then_some(' ');
        for character in space.into_iter().chain(word.chars()) {
            if count == characters_max {
                out.push_str("...");
                return out;
            }
            count = count.saturating_add(1);
            push_legible(&mut out, character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn one_line_hides_nothing_and_breaks_nothing() {
        assert_eq!(one_line("  a\n\n b\tc  ", 80), "a b c");
        assert_eq!(one_line("a\u{1b}[2J\u{202e}b", 80), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(one_line("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{e9}...");
        assert_eq!(one_line("ab", 2), "ab");
    }
}

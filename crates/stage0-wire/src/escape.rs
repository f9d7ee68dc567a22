//! How other people's text is shown to a person.
//!
//! Shown in a terminal, a policy's text must not move the cursor, change colours, reorder a line or
//! hide in it, so whatever does not stand for itself is spelled out. Canonical JSON, which escapes
//! only what it must, is written by the engine.

pub(crate) use stage0_engine::legible::is_hidden;
use stage0_engine::legible::push_legible;

/// Whether a policy file may not contain a character as such: it is hidden and no script needs it.
/// Joiners, direction marks and their like are part of how some languages are written.
pub(crate) fn is_refused(character: char) -> bool {
    let natural = matches!(character,
        '\t' | '\n' | '\r'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{200c}'..='\u{200f}'
        | '\u{fe00}'..='\u{fe0f}'
    );
    is_hidden(character) && !natural
}

/// Appends one character as a person may see it.
pub(crate) fn write_shown(out: &mut String, character: char) {
    if character == '\t' {
        out.push_str("    ");
    } else {
        push_legible(out, character);
    }
}

/// Columns that [`write_shown`] fills.
pub(crate) fn shown_columns(character: char) -> usize {
    if character == '\t' {
        4
    } else if is_hidden(character) {
        let digits = u32::from(character).checked_ilog(16).unwrap_or(0);
        "\\u{0}"
            .len()
            .saturating_add(usize::try_from(digits).unwrap_or(0))
    } else {
        columns(character)
    }
}

/// The text as a person may see it: on one line, with everything hidden spelled out.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push(' '),
            _ => write_shown(&mut out, character),
        }
    }
    out
}

/// The user's text in backticks, cut where it gets longer than a message should be.
pub(crate) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut cut = text
        .char_indices()
        .map(|(offset, _)| offset)
        .skip(CHARS_MAX);
    match cut.next().and_then(|end| text.get(..end)) {
        Some(head) => format!("`{}...`", shown(head)),
        None => format!("`{}`", shown(text)),
    }
}

/// Columns of a terminal that a visible character takes: an approximation of Unicode's East Asian
/// width that is right for the scripts and emoji people write messages in.
fn columns(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe0e}'
        | '\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_reaches_a_terminal() {
        assert_eq!(
            shown("a\u{1b}[31mb\u{202e}c\u{200b}d\te\r\nf"),
            "a\\u{1b}[31mb\\u{202e}c\\u{200b}d    e\\u{d} f"
        );
    }

    #[test]
    fn long_text_is_cut_in_messages() {
        assert_eq!(quoted("short"), "`short`");
        assert_eq!(quoted(&"é".repeat(61)), format!("`{}...`", "é".repeat(60)));
    }
}

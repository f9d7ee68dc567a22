//! The classes of characters that more than one function refuses.
//!
//! They are fixed lists rather than Unicode properties, so that an answer never depends on the
//! version of somebody's tables.

/// Whether a text has only ASCII characters that show, and spaces: what most texts are, and all that
/// the classes below need not be asked about.
pub(super) fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether a character steers a device or ends a line: U+0000-U+001F, U+007F-U+009F, and the line
/// and paragraph separators.
pub(super) fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a character reorders the text around it, so that a reader sees something else.
pub(super) fn is_bidi_control(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a character shows nothing: bidi controls, zero-width characters, fillers, variation
/// selectors and tags. These are Unicode's default-ignorable code points and the annotation marks.
pub(super) fn is_invisible(character: char) -> bool {
    is_bidi_control(character)
        || matches!(
            character,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200D}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// Whether a character can belong to no token of prose.
pub(super) fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '"' | '`' | '|'
                // quotation marks
                | '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}' | '\u{2039}' | '\u{203a}'
                // brackets and quotation marks of Chinese, Japanese and Korean
                | '\u{3008}'..='\u{3011}' | '\u{ff08}' | '\u{ff09}' | '\u{ff02}'
                // opening marks of Spanish
                | '\u{a1}' | '\u{bf}'
        )
}

/// Whether a character closes a sentence, a clause or a quotation where a token has ended, although it
/// may stand inside a token too.
pub(super) fn is_closing(character: char) -> bool {
    matches!(
        character,
        '.' | ','
            | ':'
            | ';'
            | '!'
            | '?'
            | '\''
            | '\u{2019}'
            | '\u{2026}'
            | '\u{3001}'
            | '\u{3002}'
            | '\u{ff01}'
            | '\u{ff0c}'
            | '\u{ff1a}'
            | '\u{ff1b}'
            | '\u{ff1f}'
    )
}

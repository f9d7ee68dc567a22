//! Condition text to tokens.
//!
//! The lexical rules are CEL's: four kinds of quotes, raw strings, hexadecimal integers and line
//! comments. Numbers become exact decimals here, straight from their text. Bytes literals and the
//! `u` suffix are recognised only to be refused with an explanation.

use core::ops::Range;

use super::error::{ConditionError, ConditionErrorKind};
use crate::limits::CONDITION_BYTES_MAX;
use crate::number::{Number, NumberError};

/// One token and the bytes it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Number(Number),
    String(String),
    /// A name; `quoted` when it stood in backticks, as CEL allows for field names.
    Name {
        text: String,
        quoted: bool,
    },
    Symbol(Symbol),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    OrOr,
    AndAnd,
    Not,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Question,
    Colon,
    Dot,
    Comma,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
}

impl Symbol {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::OrOr => "||",
            Self::AndAnd => "&&",
            Self::Not => "!",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Star => "*",
            Self::Slash => "/",
            Self::Percent => "%",
            Self::Question => "?",
            Self::Colon => ":",
            Self::Dot => ".",
            Self::Comma => ",",
            Self::LeftParen => "(",
            Self::RightParen => ")",
            Self::LeftBracket => "[",
            Self::RightBracket => "]",
            Self::LeftBrace => "{",
            Self::RightBrace => "}",
        }
    }
}

/// Longest symbols first, so that the first match is the right one.
const SYMBOLS: &[(&str, Symbol)] = &[
    ("||", Symbol::OrOr),
    ("&&", Symbol::AndAnd),
    ("==", Symbol::Equal),
    ("!=", Symbol::NotEqual),
    ("<=", Symbol::LessEqual),
    (">=", Symbol::GreaterEqual),
    ("<", Symbol::Less),
    (">", Symbol::Greater),
    ("!", Symbol::Not),
    ("+", Symbol::Plus),
    ("-", Symbol::Minus),
    ("*", Symbol::Star),
    ("/", Symbol::Slash),
    ("%", Symbol::Percent),
    ("?", Symbol::Question),
    (":", Symbol::Colon),
    (".", Symbol::Dot),
    (",", Symbol::Comma),
    ("(", Symbol::LeftParen),
    (")", Symbol::RightParen),
    ("[", Symbol::LeftBracket),
    ("]", Symbol::RightBracket),
    ("{", Symbol::LeftBrace),
    ("}", Symbol::RightBrace),
];

/// What people type who come from other languages, and what to type instead. These begin like symbols
/// of the language, and no condition has those symbols in a row.
const FOREIGN_SYMBOLS: &[(&str, &str)] = &[
    ("===", "use `==`"),
    ("!==", "use `!=`"),
    ("<>", "use `!=`"),
    ("!~", "use `!text.matches(\"...\")`"),
    ("**", "there are no powers: multiply"),
    ("++", "there is no counting: write `+ 1`"),
    (
        "??",
        "test for the fact: has(context.region) ? context.region : \"eu\"",
    ),
    ("?.", "what is absent is unknown already: leave the `?` out"),
    ("->", "members are written with `.`"),
];

/// The same for what is no symbol of the language.
const FOREIGN: &[(&str, &str)] = &[
    ("=~", "use `text.matches(\"...\")`"),
    ("=", "use `==` to compare"),
    ("&", "use `&&`"),
    ("|", "use `||`"),
    ("^", "use `!=` for exclusive or of truth values"),
    ("\u{201c}", "use straight quotes"),
    ("\u{201d}", "use straight quotes"),
    ("\u{2018}", "use straight quotes"),
    ("\u{2019}", "use straight quotes"),
    (
        "$",
        "names stand as they are, without `$` and braces: context.tenant_id",
    ),
    ("@", "names stand as they are: context.tenant_id"),
    (
        ";",
        "a condition is one expression: join its parts with `&&`",
    ),
];

/// Splits a condition into tokens, the last of which is [`TokenKind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ConditionError> {
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if text.len() > CONDITION_BYTES_MAX {
        return Err(ConditionError::new(
            ConditionErrorKind::TooComplex,
            0..len,
            format!("the condition is longer than {CONDITION_BYTES_MAX} bytes"),
        )
        .with_help("split it into several rules or name parts of it under `let`"));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let end = token.kind == TokenKind::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    /// Takes the longest prefix whose characters all satisfy `test`.
    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.take(len);
        rest.get(..len).unwrap_or("")
    }

    fn range(&self, start: usize) -> Range<u32> {
        low(start)..low(self.at)
    }

    fn error(&self, start: usize, message: impl AsRef<str>) -> ConditionError {
        ConditionError::new(ConditionErrorKind::Syntax, self.range(start), message)
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Token, ConditionError> {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        let mut letters = rest.chars();
        let Some(first) = letters.next() else {
            return Ok(Token {
                kind: TokenKind::End,
                range: self.range(start),
            });
        };
        let second = letters.next();
        let kind = if first.is_ascii_digit()
            || (first == '.' && second.is_some_and(|c| c.is_ascii_digit()))
        {
            self.number()?
        } else if matches!(first, '"' | '\'') {
            self.string(false)?
        } else if matches!((first, second), ('r' | 'R', Some('"' | '\''))) {
            self.take(1);
            self.string(true)?
        } else if is_bytes_prefix(rest) {
            self.take(1);
            return Err(ConditionError::new(
                ConditionErrorKind::Unsupported,
                self.range(start),
                "bytes literals are not part of the language",
            )
            .with_help("requests are JSON, which has no bytes: compare the text instead"));
        } else if first.is_ascii_alphabetic() || first == '_' {
            let text = self
                .take_while(|c| c.is_ascii_alphanumeric() || c == '_')
                .to_owned();
            TokenKind::Name {
                text,
                quoted: false,
            }
        } else if first == '`' {
            self.quoted_name()?
        } else if let Some((text, help)) =
            FOREIGN_SYMBOLS.iter().find(|(text, _)| rest.starts_with(text))
            // `a ?.5 : 1` is a number behind a question mark.
            && !(first == '?' && rest.chars().nth(2).is_some_and(|c| c.is_ascii_digit()))
        {
            self.take(text.len());
            return Err(self
                .error(start, format!("`{text}` has no meaning here"))
                .with_help(*help));
        } else if let Some((text, symbol)) = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text))
        {
            self.take(text.len());
            TokenKind::Symbol(*symbol)
        } else {
            let foreign = FOREIGN.iter().find(|(text, _)| rest.starts_with(text));
            self.take(foreign.map_or(first.len_utf8(), |(text, _)| text.len()));
            let shown = self
                .text
                .get(start..self.at)
                .unwrap_or("")
                .escape_debug()
                .to_string();
            let error = self.error(start, format!("`{shown}` has no meaning here"));
            return Err(match foreign {
                Some((_, help)) => error.with_help(*help),
                None if first.is_alphabetic() => error.with_help(
                    "names are written with a-z, 0-9 and `_`; for others write context[\"name\"]",
                ),
                None => error,
            });
        };
        Ok(Token {
            kind,
            range: self.range(start),
        })
    }

    fn quoted_name(&mut self) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        self.take(1);
        let text = self
            .take_while(|c| {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ' | '$')
            })
            .to_owned();
        if !self.rest().starts_with('`') || text.is_empty() {
            return Err(self
                .error(start, "this backtick does not begin a field name")
                .with_help("write the name between backticks, or use [\"name\"]"));
        }
        self.take(1);
        Ok(TokenKind::Name { text, quoted: true })
    }

    fn number(&mut self) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.take(2);
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            let value = i128::from_str_radix(digits, 16).ok();
            let number = value.and_then(|value| Number::parse(&value.to_string()).ok());
            self.end_of_number(start)?;
            return number.map(TokenKind::Number).ok_or_else(|| {
                self.error(
                    start,
                    "this hexadecimal number is empty or has more than 28 digits",
                )
            });
        }
        self.take_while(|c| c.is_ascii_digit());
        if self.rest().starts_with('.')
            && self
                .rest()
                .chars()
                .nth(1)
                .is_some_and(|c| c.is_ascii_digit())
        {
            self.take(1);
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            self.take(1);
            if self.rest().starts_with(['+', '-']) {
                self.take(1);
            }
            self.take_while(|c| c.is_ascii_digit());
        }
        self.end_of_number(start)?;
        let written = self.text.get(start..self.at).unwrap_or("");
        let text = if written.starts_with('.') {
            format!("0{written}")
        } else {
            written.to_owned()
        };
        match Number::parse(&text) {
            Ok(number) => Ok(TokenKind::Number(number)),
            Err(NumberError::TooManyDigits) => {
                Err(self.error(start, "this number has more than 28 significant digits"))
            }
            Err(_) => Err(self
                .error(start, format!("`{written}` is not a number"))
                .with_help("write numbers as in JSON, without leading zeros: 12, 0.5, 1e3")),
        }
    }

    /// Refuses `12u`, `0xyz` and `1.2.3` as a whole rather than as two tokens.
    fn end_of_number(&mut self, start: usize) -> Result<(), ConditionError> {
        if matches!(self.rest().chars().next(), Some('u' | 'U')) {
            self.take(1);
            return Err(ConditionError::new(
                ConditionErrorKind::Unsupported,
                self.range(start),
                "unsigned literals are not part of the language",
            )
            .with_help("there is one kind of number, exact decimals: leave the `u` out"));
        }
        if matches!(self.rest().chars().next(), Some(c) if c.is_ascii_alphanumeric() || c == '_') {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            let shown = self.text.get(start..self.at).unwrap_or("").to_owned();
            return Err(self
                .error(start, format!("`{shown}` is not a number"))
                .with_help("names begin with a letter or `_`; times are duration(\"4h\")"));
        }
        Ok(())
    }

    fn string(&mut self, raw: bool) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        let rest = self.rest();
        let quote = if rest.starts_with('"') { '"' } else { '\'' };
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let long = rest.starts_with(triple);
        self.take(if long { 3 } else { 1 });
        let mut value = String::new();
        loop {
            let rest = self.rest();
            if long && rest.starts_with(triple) {
                self.take(3);
                return Ok(TokenKind::String(value));
            }
            let Some(c) = rest.chars().next() else { break };
            if !long && c == quote {
                self.take(1);
                return Ok(TokenKind::String(value));
            }
            if !long && matches!(c, '\n' | '\r') {
                break;
            }
            if c == '\\' && !raw {
                value.push(self.escape()?);
            } else {
                self.take(c.len_utf8());
                value.push(c);
            }
        }
        Err(self
            .error(start, "this text has no closing quote")
            .with_help(format!(
                "close it with {}",
                if long {
                    triple.to_owned()
                } else {
                    quote.to_string()
                }
            )))
    }

    fn escape(&mut self) -> Result<char, ConditionError> {
        let start = self.at;
        self.take(1);
        let Some(c) = self.rest().chars().next() else {
            return Err(self.error(start, "the text ends after a backslash"));
        };
        self.take(c.len_utf8());
        let simple = match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' | '?' | '"' | '\'' | '`' => c,
            'x' | 'X' => return self.code_point(start, 2, 16, 0),
            'u' => return self.code_point(start, 4, 16, 0),
            'U' => return self.code_point(start, 8, 16, 0),
            '0'..='3' => {
                let first = c.to_digit(8).unwrap_or(0);
                return self.code_point(start, 2, 8, first);
            }
            _ => {
                return Err(self
                    .error(start, format!("`\\{}` is not an escape", c.escape_debug()))
                    .with_help("double the backslash, or use a raw string such as r\"\\d+\""));
            }
        };
        Ok(simple)
    }

    fn code_point(
        &mut self,
        start: usize,
        digits: usize,
        radix: u32,
        leading: u32,
    ) -> Result<char, ConditionError> {
        let text = self.rest().get(..digits).unwrap_or("");
        let value = (text.len() == digits && text.chars().all(|c| c.is_digit(radix)))
            .then(|| u32::from_str_radix(text, radix).ok())
            .flatten();
        // Only octal escapes have a digit in front of the two read here: 0 to 3, so 0o377 at most.
        let value = value.map(|value| value.saturating_add(leading.saturating_mul(64)));
        match value.and_then(char::from_u32) {
            Some(c) => {
                self.take(digits);
                Ok(c)
            }
            None => Err(self.error(start, "this escape does not name a Unicode character")),
        }
    }
}

fn is_bytes_prefix(rest: &str) -> bool {
    let mut letters = rest.chars();
    matches!(
        (letters.next(), letters.next(), letters.next()),
        (Some('b' | 'B'), Some('"' | '\''), _)
            | (Some('b' | 'B'), Some('r' | 'R'), Some('"' | '\''))
            | (Some('r' | 'R'), Some('b' | 'B'), Some('"' | '\''))
    )
}

/// Conditions are far shorter than 4 GiB: the length was checked first.
fn low(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

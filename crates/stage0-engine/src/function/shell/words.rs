//! Cuts a command into words and operators as a POSIX shell does, or refuses it.
//!
//! Only what every shell reads in one way gets through: a character that some shell expands,
//! executes or drops is an error where it stands unquoted. What the words mean together is left to
//! the parent module.

use std::borrow::Cow;

use crate::function::FunctionError;
use crate::function::characters::{is_bidi_control, is_control, is_invisible};

const CONTROL: FunctionError = FunctionError::new("the command has a control character");
const BLANK: FunctionError = FunctionError::new("the command has a blank that is not a space");
const INVISIBLE: FunctionError = FunctionError::new("the command has an invisible character");
const SUBSTITUTION: FunctionError =
    FunctionError::new("the command has a variable or a substitution");
const GLOB: FunctionError = FunctionError::new("the command has an unquoted wildcard");
const GROUP: FunctionError = FunctionError::new("the command has an unquoted parenthesis or brace");
const HISTORY: FunctionError = FunctionError::new("the command has an exclamation mark");
const TILDE: FunctionError = FunctionError::new("the command has a `~` that a shell expands");
const EQUALS: FunctionError = FunctionError::new("the command has a word that begins with `=`");
const COMMENT: FunctionError = FunctionError::new("the command has a comment");
const HERE_DOCUMENT: FunctionError = FunctionError::new("the command has a here-document");
const UNTERMINATED: FunctionError = FunctionError::new("the command has a quote without its end");
const ESCAPE: FunctionError = FunctionError::new("the command ends in a backslash");
const JOINED: FunctionError = FunctionError::new("the command has a line break inside a word");
const DESCRIPTOR: FunctionError = FunctionError::new("the command redirects a descriptor above 9");
const OPERATOR: FunctionError =
    FunctionError::new("the command has an operator that shells read differently");

/// What a command is made of.
#[derive(Debug)]
pub(super) enum Token<'a> {
    Word(Word<'a>),
    /// Ends a simple command.
    Separator(Separator),
    /// Takes the next word as its target: the operator as written, without a default descriptor.
    Redirection(&'a str),
}

/// A word after its quotes are gone.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) text: Cow<'a, str>,
    /// Whether any part of it was quoted or escaped.
    pub(super) is_quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// `|`, `&&`, `||`: another command has to follow.
    Joining,
    /// `;` and `&`
    Ending,
    /// A line break, which may also stand where no command has ended.
    Newline,
}

/// The tokens of a command, from the left.
#[derive(Debug)]
pub(super) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) const fn new(command: &'a str) -> Self {
        Self { rest: command }
    }

    /// The next token; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, FunctionError> {
        self.skip_blanks();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        match first {
            '\n' | ';' | '&' | '|' => self.separator().map(Some),
            '<' | '>' => self.redirection().map(|at| Some(Token::Redirection(at))),
            '(' | ')' => Err(GROUP),
            '#' => Err(COMMENT),
            '~' => Err(TILDE),
            // zsh looks up a command: `=ls`.
            '=' if !self.rest.chars().nth(1).is_none_or(char::is_whitespace) => Err(EQUALS),
            _ => self.word_or_descriptor().map(Some),
        }
    }

    /// Skips blanks, and line breaks that are escaped after a blank. Shells join the lines before
    /// they look for operators, so without the blank `a &\` before `>b c` would be another command.
    fn skip_blanks(&mut self) {
        let mut has_blank = false;
        loop {
            let trimmed = self.rest.trim_start_matches([' ', '\t']);
            has_blank |= trimmed.len() < self.rest.len();
            self.rest = trimmed;
            match trimmed.strip_prefix("\\\n") {
                Some(next_line) if has_blank => self.rest = next_line,
                Some(_) | None => return,
            }
        }
    }

    /// Cuts off the part before the first character that does not hold.
    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn separator(&mut self) -> Result<Token<'a>, FunctionError> {
        let (operator, separator) = match self.rest.as_bytes() {
            [b'&', b'>', ..] => return self.redirection().map(Token::Redirection),
            // bash pipes both outputs, POSIX knows no such operator
            [b'|', b'&', ..] => return Err(OPERATOR),
            [b'&', b'&', ..] => ("&&", Separator::Joining),
            [b'|', b'|', ..] => ("||", Separator::Joining),
            [b'|', ..] => ("|", Separator::Joining),
            [b'\n', ..] => ("\n", Separator::Newline),
            // `;`, `&`
            _ => (";", Separator::Ending),
        };
        self.take(operator.len());
        Ok(Token::Separator(separator))
    }

    fn redirection(&mut self) -> Result<&'a str, FunctionError> {
        let length = match self.rest.as_bytes() {
            [b'<', b'<', ..] => return Err(HERE_DOCUMENT),
            [b'<' | b'>', b'(', ..] => return Err(SUBSTITUTION),
            [b'&', b'>', b'>', ..] => 3,
            [b'&', b'>', ..] | [b'<', b'&' | b'>', ..] | [b'>', b'>' | b'&' | b'|', ..] => 2,
            _ => 1,
        };
        Ok(self.take(length))
    }

    /// A word, unless it is a digit that touches `<` or `>`: then it belongs to the operator.
    fn word_or_descriptor(&mut self) -> Result<Token<'a>, FunctionError> {
        let before = self.rest;
        let word = self.word()?;
        let touches = self.rest.starts_with(['<', '>']);
        let is_number = !word.is_quoted && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if !(touches && is_number) {
            return Ok(Token::Word(word));
        }
        // dash takes one digit for a descriptor and more for a word, bash takes all of them.
        if word.text.len() > 1 {
            return Err(DESCRIPTOR);
        }
        let operator = self.redirection()?;
        let is_default = match word.text.as_ref() {
            "0" => operator.starts_with('<'),
            "1" => operator.starts_with('>'),
            _ => false,
        };
        let whole = before.get(..operator.len().saturating_add(1));
        Ok(Token::Redirection(if is_default {
            operator
        } else {
            whole.unwrap_or(operator)
        }))
    }

    fn word(&mut self) -> Result<Word<'a>, FunctionError> {
        let mut word = Word {
            text: Cow::Borrowed(""),
            is_quoted: false,
        };
        while let Some(first) = self.rest.chars().next() {
            match first {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' => self.escaped(&mut word)?,
                '~' => {
                    // A tilde inside a word is expanded where a path may begin: `a=~`, `a:~`.
                    if word.is_quoted || word.text.ends_with(['=', ':']) {
                        return Err(TILDE);
                    }
                    word.append(self.take(1));
                }
                '$' | '`' => return Err(SUBSTITUTION),
                '*' | '?' | '[' => return Err(GLOB),
                '{' | '}' => return Err(GROUP),
                '!' => return Err(HISTORY),
                _ if is_control(first) => return Err(CONTROL),
                _ if first.is_whitespace() => return Err(BLANK),
                _ if is_invisible(first) => return Err(INVISIBLE),
                _ => word.append(self.take_while(is_ordinary)),
            }
        }
        Ok(word)
    }

    /// Everything up to the next `'` stands for itself.
    fn single_quoted(&mut self, word: &mut Word<'a>) -> Result<(), FunctionError> {
        word.is_quoted = true;
        self.take(1);
        let quoted = self.take_while(|c| c != '\'');
        if self.rest.is_empty() {
            return Err(UNTERMINATED);
        }
        quoted.chars().try_for_each(check_quoted)?;
        word.append(quoted);
        self.take(1);
        Ok(())
    }

    /// Up to the next `"`; a backslash escapes only `$`, a backtick, `"`, itself and a line break.
    fn double_quoted(&mut self, word: &mut Word<'a>) -> Result<(), FunctionError> {
        word.is_quoted = true;
        self.take(1);
        loop {
            let plain = self.take_while(|c| !matches!(c, '"' | '\\' | '$' | '`' | '!'));
            plain.chars().try_for_each(check_quoted)?;
            word.append(plain);
            match self.rest.as_bytes() {
                [b'"', ..] => {
                    self.take(1);
                    return Ok(());
                }
                [b'\\', b'$' | b'`' | b'"' | b'\\', ..] => {
                    self.take(1);
                    word.append(self.take(1));
                }
                [b'\\', b'\n', ..] => {
                    self.take(2);
                }
                // Before anything else a backslash stands for itself. An interactive shell leaves `!`
                // alone before a blank, but zsh takes `!"` away, and then the quote does not end.
                [b'\\', ..] | [b'!', b' ' | b'\t' | b'\n', ..] => word.append(self.take(1)),
                [b'!', ..] => return Err(HISTORY),
                [] => return Err(UNTERMINATED),
                _ => return Err(SUBSTITUTION),
            }
        }
    }

    fn escaped(&mut self, word: &mut Word<'a>) -> Result<(), FunctionError> {
        word.is_quoted = true;
        self.take(1);
        let escaped = self.rest.chars().next().ok_or(ESCAPE)?;
        match escaped {
            '\n' => Err(JOINED),
            _ if is_control(escaped) => Err(CONTROL),
            _ if is_invisible(escaped) => Err(INVISIBLE),
            _ => {
                word.append(self.take(escaped.len_utf8()));
                Ok(())
            }
        }
    }
}

impl<'a> Word<'a> {
    /// Adds a part; a word of one part stays borrowed.
    fn append(&mut self, part: &'a str) {
        if self.text.is_empty() {
            self.text = Cow::Borrowed(part);
        } else if !part.is_empty() {
            self.text.to_mut().push_str(part);
        }
    }
}

/// Whether an unquoted character stands for itself wherever it stands in a word.
fn is_ordinary(character: char) -> bool {
    match character {
        '%' | '+' | ',' | '-' | '.' | '/' | ':' | '=' | '@' | ']' | '^' | '_' | '#' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric(),
        _ => !is_control(character) && !character.is_whitespace() && !is_invisible(character),
    }
}

/// Inside quotes, line breaks, tabs and the joiners of emoji are ordinary text.
fn check_quoted(character: char) -> Result<(), FunctionError> {
    match character {
        '\n' | '\t' => Ok(()),
        _ if is_control(character) => Err(CONTROL),
        _ if is_bidi_control(character) => Err(INVISIBLE),
        _ => Ok(()),
    }
}

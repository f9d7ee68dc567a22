//! The domain functions of the condition language: questions about texts that look easy and are not.
//!
//! A policy that asks them with string operators is bypassed by the first encoded slash, so each one
//! is a total function over text with its own contract, attack corpus and list of what it cannot
//! know. They are called by the evaluator and know nothing of it, of policies or of requests. A text
//! that two programs could read in two ways is an error, never a guess: the evaluator turns an error
//! into DENY, in a restriction as well as in an allow.

mod characters;
mod domain_name;

pub mod email;
pub mod glob;
pub mod grounded;
pub mod grounded_number;
pub mod host;
mod iban;
pub mod ip;
pub mod path;
pub mod shell;

use core::fmt;

use crate::limits::FUNCTION_TEXT_BYTES_MAX;

pub use email::email_domain;
pub use glob::glob;
pub use grounded::grounded;
pub use grounded_number::grounded_number;
pub use host::{host, host_within};
pub use ip::ip_in_cidr;
pub use path::path_within;
pub use shell::{Command, Redirection, argv, commands};

/// Why a function cannot answer for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FunctionError {
    reason: &'static str,
}

impl FunctionError {
    pub(crate) const fn new(reason: &'static str) -> Self {
        Self { reason }
    }

    /// One lower-case sentence, such as `the path has a percent escape`.
    ///
    /// It never quotes the text, which may be private.
    pub const fn reason(self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason)
    }
}

impl core::error::Error for FunctionError {}

/// Refuses a text that no function may spend time on.
fn bounded(text: &str) -> Result<&str, FunctionError> {
    if text.len() > FUNCTION_TEXT_BYTES_MAX {
        return Err(FunctionError::new("the text is too long"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a caller sees of each function: an error, or its answer in words.
    fn answers(one: &str, other: &str) -> [Result<String, FunctionError>; 12] {
        fn words(answer: impl fmt::Debug) -> String {
            format!("{answer:?}")
        }
        [
            path_within(one, other).map(words),
            host(one).map(words),
            host_within(one, other).map(words),
            email_domain(one).map(words),
            ip_in_cidr(one, other).map(words),
            argv(one).map(words),
            commands(one).map(words),
            glob(one, other).map(words),
            glob(other, one).map(words),
            grounded(one, &[other]).map(words),
            grounded_number(one, &[other]).map(words),
            grounded_number("1", &[one]).map(words),
        ]
    }

    #[test]
    fn a_text_over_the_limit_is_an_error_everywhere() {
        let long = "a".repeat(FUNCTION_TEXT_BYTES_MAX + 1);
        assert!(answers(&long, "a").iter().all(Result::is_err));
    }

    #[test]
    fn reasons_are_sentence_fragments_without_a_full_stop() {
        for text in ["", "\0", "/..", "http://a@b/", "a@b@c", "'", "1.2.3"] {
            for error in answers(text, "\\").into_iter().filter_map(Result::err) {
                let reason = error.reason();
                assert_eq!(error.to_string(), reason);
                assert!(!reason.ends_with('.') && !reason.starts_with(char::is_uppercase));
            }
        }
    }

    #[test]
    fn any_short_text_is_answered_the_same_twice() {
        let alphabet = [
            '/', '.', '\\', '%', '@', ':', '[', ']', '\'', '"', '$', '>', '&', '2', 'x', '~', '*',
            '?', '-', ' ', '\n', '\0', '=', '\u{ff0f}', '\u{202e}', '\u{e9}',
        ];
        let mut texts = vec![String::new()];
        for first in alphabet {
            for second in alphabet {
                for third in alphabet {
                    texts.push([first, second, third].iter().collect());
                }
            }
        }
        for text in &texts {
            let url = format!("http://{text}");
            for one in [text.as_str(), url.as_str()] {
                assert_eq!(answers(one, "/x"), answers(one, "/x"));
            }
        }
    }
}

//! Advice for command lines that make no sense, where the parser's own is not the best there is.
//!
//! It knows what the verbs of other tools are called here, and which mistake is the usual one.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What other tools call what a verb does.
const VERBS: [(&str, &str); 30] = [
    ("analyze", "lint"),
    ("authorize", "check"),
    ("authz", "check"),
    ("compile", "lint"),
    ("coverage", "test --coverage"),
    ("create", "init"),
    ("decide", "check"),
    ("describe", "explain"),
    ("evaluate", "eval"),
    ("functions", "eval --functions"),
    ("genkey", "keypair new"),
    ("inspect", "explain"),
    ("is-authorized", "check"),
    ("keygen", "keypair new"),
    ("keys", "keypair"),
    ("list", "explain"),
    ("new", "init"),
    ("packs", "policy list"),
    ("query", "check"),
    ("repl", "eval"),
    ("run", "check"),
    ("show", "explain"),
    ("sign", "policy sign"),
    ("template", "init --list"),
    ("templates", "init --list"),
    ("validate", "lint"),
    ("verify", "lint"),
    ("version", "--version"),
    ("vet", "lint"),
    ("why", "explain"),
];

/// Adds to an error what its author probably wanted.
pub(crate) fn advise(error: &mut Error) {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let meant = text(error, ContextKind::InvalidSubcommand).and_then(|given| {
                let known = VERBS.iter().find(|(name, _)| *name == given)?;
                Some(known.1)
            });
            if let Some(verb) = meant {
                error.remove(ContextKind::SuggestedSubcommand);
                suggest(error, &format!("here this is `stage0 {verb}`"));
            }
        }
        ErrorKind::UnknownArgument => {
            let second = text(error, ContextKind::InvalidArg)
                .filter(|given| !given.starts_with('-') && is_about_check(error));
            if let Some(second) = second {
                suggest(
                    error,
                    &format!("a policy is named with an option: `--policy {second}`"),
                );
            }
        }
        _ => {}
    }
}

fn is_about_check(error: &Error) -> bool {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string().contains("stage0 check"),
        _ => false,
    }
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn suggest(error: &mut Error, tip: &str) {
    let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip.to_owned())]);
    error.insert(ContextKind::Suggested, tip);
}

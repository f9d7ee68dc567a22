//! The colours, in one place.

use anstyle::{AnsiColor, Effects, Style};
use clap::builder::Styles;
use stage0_engine::policy::Verdict;
use stage0_engine::{ProsePaint, ProsePart};
use stage0_wire::problem::{Paint, Part};

const fn bold(color: AnsiColor) -> Style {
    color.on_default().effects(Effects::BOLD)
}

/// Good: ALLOW, true, passed.
pub(crate) const GOOD: Style = bold(AnsiColor::Green);
/// Bad: DENY, false, failed.
pub(crate) const BAD: Style = bold(AnsiColor::Red);
/// Neither: DEFER, unknown, warnings.
pub(crate) const UNSURE: Style = bold(AnsiColor::Yellow);
/// Names of rules and tools.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// Titles.
pub(crate) const TITLE: Style = Style::new().effects(Effects::BOLD);
/// What is there for completeness.
pub(crate) const FAINT: Style = Style::new().effects(Effects::DIMMED);
/// Texts of JSON.
pub(crate) const TEXT: Style = AnsiColor::Green.on_default();
/// Numbers and words of JSON.
pub(crate) const LITERAL: Style = AnsiColor::Yellow.on_default();
/// Keys of JSON.
pub(crate) const KEY: Style = AnsiColor::Cyan.on_default();

/// The colours of `--help`.
pub(crate) const HELP: Styles = Styles::styled()
    .header(TITLE)
    .usage(TITLE)
    .literal(NAME)
    .placeholder(FAINT)
    .error(BAD)
    .valid(GOOD)
    .invalid(UNSURE);

/// The text in a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A verdict in its colour.
pub(crate) fn verdict(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Allow => GOOD,
        Verdict::Defer => UNSURE,
        Verdict::Deny => BAD,
    };
    paint(style, verdict.as_str())
}

/// The colours of problems and explanations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colors;

impl Paint for Colors {
    fn paint(&self, part: Part, text: &str, out: &mut String) {
        let style = match part {
            Part::Error => BAD,
            Part::Warning => UNSURE,
            Part::Message => TITLE,
            Part::Gutter => AnsiColor::Blue.on_default(),
            Part::Related => bold(AnsiColor::Blue),
            Part::Help => bold(AnsiColor::Cyan),
        };
        out.push_str(&paint(style, text));
    }
}

impl ProsePaint for Colors {
    fn paint(&self, part: ProsePart, text: &str, out: &mut String) {
        let style = match part {
            ProsePart::Allow => GOOD,
            ProsePart::Defer => UNSURE,
            ProsePart::Deny => BAD,
            ProsePart::Heading | ProsePart::Code => TITLE,
            ProsePart::Rule => NAME,
            ProsePart::True => AnsiColor::Green.on_default(),
            ProsePart::False => AnsiColor::Red.on_default(),
            ProsePart::Unknown => AnsiColor::Yellow.on_default(),
            ProsePart::Faint => FAINT,
        };
        out.push_str(&paint(style, text));
    }
}

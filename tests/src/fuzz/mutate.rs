//! Texts that are nearly right: samples with parts removed, repeated, replaced and exchanged.
//!
//! What is chosen depends on the seed alone, so a failure can be had again.

use crate::random::Random;

/// What the formats are made of, and what their readers might stumble over.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    "\t",
    "- ",
    ": ",
    ":",
    "? ",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    "\"",
    "'",
    "|\n",
    ">\n",
    "#",
    "//",
    "&a ",
    "*a",
    "!t ",
    "!!",
    "!",
    "%",
    "@",
    "`",
    "\\",
    "\\u00e9",
    "\\ud800",
    "---\n",
    "\u{e9}",
    "\u{6f22}",
    "\u{1f600}",
    "\u{202e}",
    "\u{0}",
    "\u{7f}",
    "\u{feff}",
    "\r\n",
    "~",
    "<<: ",
    "0x1",
    "1e999",
    "1e-28",
    "-0",
    "9999999999999999999999999999",
    "0.1",
    "null",
    "true",
    "false",
    " && ",
    " || ",
    " ? ",
    " : ",
    " in ",
    " == ",
    " != ",
    " < ",
    " >= ",
    " + ",
    " - ",
    " * ",
    " / ",
    "has(",
    "size(",
    "matches(\"",
    ".exists(i, ",
    ".all(i, ",
    ".map(i, ",
    ".filter(i, ",
    "args.",
    "args.items[0]",
    "context.",
    "now",
    "timestamp(\"",
    "duration(\"",
    "absent",
    "[1, 2]",
    "\"a\"",
    "parses(host(",
    "path_within(",
    "commands(",
    "argv(",
    "grounded(",
    "allow: ",
    "deny: ",
    "require: ",
    "when: ",
    "tools: ",
    "effects: ",
    "extends: ",
    "layers: ",
    "approval: ",
    "*",
    "**",
    "a",
    "i",
];

/// Makes new texts out of samples.
#[derive(Debug)]
pub struct Mutator {
    random: Random,
}

impl Mutator {
    /// A mutator whose choices this number makes.
    pub const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
        }
    }

    /// A sample that was changed in a few places.
    pub fn text(&mut self, samples: &[Vec<u8>]) -> Vec<u8> {
        let mut text = self.sample(samples).to_vec();
        for _ in 0..=self.random.below(5) {
            self.change(&mut text, samples);
        }
        text
    }

    fn sample<'s>(&mut self, samples: &'s [Vec<u8>]) -> &'s [u8] {
        let index = self.random.index(samples.len());
        samples.get(index).map_or(&[], Vec::as_slice)
    }

    /// A stretch of a text, mostly a short one.
    fn stretch(&mut self, len: usize) -> core::ops::Range<usize> {
        let start = self.random.index(len.saturating_add(1));
        let most = if self.random.one_in(8) { 400 } else { 16 };
        start..len.min(start.saturating_add(self.random.index(most)))
    }

    fn change(&mut self, text: &mut Vec<u8>, samples: &[Vec<u8>]) {
        let place = self.stretch(text.len());
        match self.random.below(8) {
            0 => drop(text.drain(place)),
            1 => {
                let piece = text.get(place).unwrap_or_default().to_vec();
                let at = self.random.index(text.len().saturating_add(1));
                let times = if self.random.one_in(20) { 300 } else { 1 };
                text.splice(at..at, piece.repeat(times));
            }
            2 => text.truncate(place.end),
            3 => {
                let other = self.sample(samples);
                let from = self.stretch(other.len());
                let piece = other.get(from).unwrap_or_default().to_vec();
                text.splice(place, piece);
            }
            4 => {
                if let Some(byte) = text.get_mut(place.start) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
            5 => {
                let piece = self.random.pick(PIECES).unwrap_or("");
                text.splice(place, piece.bytes());
            }
            _ => {
                let piece = self.random.pick(PIECES).unwrap_or("");
                text.splice(place.start..place.start, piece.bytes());
            }
        }
    }
}

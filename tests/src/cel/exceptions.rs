//! The checked-in reasons why tests differ or are outside the language.
//!
//! `exceptions.json` names the reasons once and then says where they apply: to whole files, to
//! whatever the engine refuses with a certain message, and to tests by name. An entry that no test
//! needs is a complaint, so the list can only shrink with the differences.

use stage0_engine::document::ValueRef;
use stage0_wire::strict_json::{JsonLimits, parse_str};

use super::judge::Judgement;
use super::suite::Case;

/// What an exception makes of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Treatment {
    Differs(String),
    Excluded(String),
}

#[derive(Debug)]
struct Reason {
    name: String,
    is_difference: bool,
    why: String,
}

/// Where a reason applies.
#[derive(Debug)]
enum Place {
    /// To every test of a file.
    File(String),
    /// To every refusal with a message of this pattern, perhaps in one file only.
    Refusal {
        file: Option<String>,
        message: String,
    },
    /// To the tests of a section whose names fit a pattern.
    Tests {
        file: String,
        section: String,
        name: String,
    },
}

#[derive(Debug)]
struct Entry {
    place: Place,
    reason: usize,
    uses: usize,
    /// A test that it names and that needs no exception.
    needless: Option<String>,
}

#[derive(Debug)]
pub(super) struct Exceptions {
    reasons: Vec<Reason>,
    entries: Vec<Entry>,
}

impl Exceptions {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document = parse_str(text, &JsonLimits::REQUEST)
            .map_err(|error| format!("exceptions.json: {error}, at byte {}", error.offset()))?;
        let root = document.root();
        let mut exceptions = Self {
            reasons: Vec::new(),
            entries: Vec::new(),
        };
        for (kind, is_difference) in [("differs", true), ("excluded", false)] {
            for (name, why) in member(root, kind)?.members() {
                let (name, why) = (name.to_owned(), text_of(why)?);
                exceptions.reasons.push(Reason {
                    name,
                    is_difference,
                    why,
                });
            }
        }
        for entry in member(root, "files")?.elements() {
            let place = Place::File(text_in(entry, "file")?);
            exceptions.add(place, entry)?;
        }
        for entry in member(root, "refusals")?.elements() {
            let file = entry
                .get("file")
                .and_then(ValueRef::as_str)
                .map(str::to_owned);
            let place = Place::Refusal {
                file,
                message: text_in(entry, "message")?,
            };
            exceptions.add(place, entry)?;
        }
        for entry in member(root, "tests")?.elements() {
            for name in member(entry, "names")?.elements() {
                let (file, section) = (text_in(entry, "file")?, text_in(entry, "section")?);
                exceptions.add(
                    Place::Tests {
                        file,
                        section,
                        name: text_of(name)?,
                    },
                    entry,
                )?;
            }
        }
        Ok(exceptions)
    }

    fn add(&mut self, place: Place, entry: ValueRef<'_>) -> Result<(), String> {
        let name = text_in(entry, "reason")?;
        let reason = self.reasons.iter().position(|reason| reason.name == name);
        let reason =
            reason.ok_or_else(|| format!("exceptions.json: there is no reason `{name}`"))?;
        self.entries.push(Entry {
            place,
            reason,
            uses: 0,
            needless: None,
        });
        Ok(())
    }

    /// The exception that a test needs; nothing if it agrees with CEL, or if none was written down.
    pub(super) fn treatment(&mut self, case: &Case, judgement: &Judgement) -> Option<Treatment> {
        let reason = match (self.named(case, judgement), judgement) {
            (Some(reason), _) => reason,
            (None, Judgement::Refused { messages, .. }) => self.refusal(case, messages)?,
            (None, _) => return None,
        };
        let reason = self.reasons.get(reason)?;
        Some(if reason.is_difference {
            Treatment::Differs(reason.name.clone())
        } else {
            Treatment::Excluded(reason.name.clone())
        })
    }

    /// The reason of the entry that names the test, or its file.
    fn named(&mut self, case: &Case, judgement: &Judgement) -> Option<usize> {
        let mut found = None;
        for entry in &mut self.entries {
            let is_named = match &entry.place {
                Place::File(file) => *file == case.file,
                Place::Tests {
                    file,
                    section,
                    name,
                } => *file == case.file && *section == case.section && fits(&case.name, name),
                Place::Refusal { .. } => false,
            };
            if !is_named {
                continue;
            }
            entry.uses = entry.uses.saturating_add(1);
            found = found.or(Some(entry.reason));
            if matches!(judgement, Judgement::Agrees) && !matches!(entry.place, Place::File(_)) {
                entry.needless = Some(case.full_name());
            }
        }
        found
    }

    /// The reason of the first message, provided that each message has one.
    fn refusal(&mut self, case: &Case, messages: &[String]) -> Option<usize> {
        let entry_of = |message: &String| {
            self.entries.iter().position(|entry| match &entry.place {
                Place::Refusal {
                    file,
                    message: pattern,
                } => file.as_ref().is_none_or(|file| *file == case.file) && fits(message, pattern),
                Place::File(_) | Place::Tests { .. } => false,
            })
        };
        let entries: Vec<usize> = messages.iter().map(entry_of).collect::<Option<_>>()?;
        let mut reason = None;
        for index in entries {
            let Some(entry) = self.entries.get_mut(index) else {
                continue;
            };
            entry.uses = entry.uses.saturating_add(1);
            reason = reason.or(Some(entry.reason));
        }
        reason
    }

    /// What is wrong with the list, once all tests have been treated.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for entry in &self.entries {
            let place = &entry.place;
            if entry.uses == 0 {
                complaints.push(format!("exceptions.json: no test needs {place:?}"));
            }
            if let Some(name) = &entry.needless {
                complaints.push(format!(
                    "exceptions.json: {place:?} names {name}, which agrees with CEL"
                ));
            }
        }
        for (index, reason) in self.reasons.iter().enumerate() {
            if !self.entries.iter().any(|entry| entry.reason == index) {
                complaints.push(format!(
                    "exceptions.json: nothing has the reason `{}`",
                    reason.name
                ));
            }
        }
        complaints
    }

    pub(super) fn why(&self, name: &str) -> &str {
        self.find(name).map_or("", |reason| &reason.why)
    }

    pub(super) fn kind_of(&self, name: &str) -> &'static str {
        match self.find(name) {
            Some(Reason {
                is_difference: true,
                ..
            }) => "differs",
            _ => "excluded",
        }
    }

    /// Every reason: its name, whether its tests differ or are excluded, and why.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (&str, &'static str, &str)> {
        let reasons = self.reasons.iter();
        reasons.map(|reason| {
            (
                reason.name.as_str(),
                self.kind_of(&reason.name),
                reason.why.as_str(),
            )
        })
    }

    fn find(&self, name: &str) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.name == name)
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = rest.get(at.saturating_add(part.len())..).unwrap_or(""),
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => text.ends_with(last),
    }
}

fn member<'d>(value: ValueRef<'d>, name: &str) -> Result<ValueRef<'d>, String> {
    value
        .get(name)
        .ok_or_else(|| format!("exceptions.json: `{name}` is missing"))
}

fn text_in(value: ValueRef<'_>, name: &str) -> Result<String, String> {
    text_of(member(value, name)?)
}

fn text_of(value: ValueRef<'_>) -> Result<String, String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| "exceptions.json: text is expected".to_owned())
}

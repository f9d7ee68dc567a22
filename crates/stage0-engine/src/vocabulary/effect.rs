//! Classes of effects and the names that callers use for them.

use rustc_hash::FxHashMap;

use super::fold;
use crate::limits::EFFECTS_MAX;

/// A set of effect classes, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EffectSet(u128);

impl EffectSet {
    /// No effect.
    pub const EMPTY: Self = Self(0);

    /// The set with only this class.
    pub fn of(class: usize) -> Self {
        Self(
            1_u128
                .checked_shl(u32::try_from(class).unwrap_or(u32::MAX))
                .unwrap_or(0),
        )
    }

    /// Both sets' classes.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets share a class.
    pub const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every class of `other` is in this set.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether there is no class in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes' numbers, ascending.
    pub fn classes(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let class = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            Some(class as usize)
        })
    }
}

/// A built-in class.
#[derive(Debug)]
pub struct BuiltinEffect {
    /// Its name.
    pub name: &'static str,
    /// Whether it changes anything outside the agent.
    pub writes: bool,
    /// What else callers call it, folded.
    pub aliases: &'static [&'static str],
}

/// The classes that every policy knows.
pub const BUILTIN_EFFECTS: &[BuiltinEffect] = &[
    effect(
        "money_movement",
        true,
        &["payment", "payout", "refund", "credit", "transfer"],
    ),
    effect(
        "external_notification",
        true,
        &[
            "external_communication",
            "external_message",
            "notification",
            "send",
            "send_email",
            "external_api",
            "webhook",
        ],
    ),
    effect(
        "deployment",
        true,
        &[
            "deploy",
            "publish_to_production",
            "production",
            "production_change",
            "infrastructure_modification",
        ],
    ),
    effect("publication", true, &["publish"]),
    effect(
        "destructive",
        true,
        &[
            "delete",
            "drop",
            "truncate",
            "archive",
            "data_deletion",
            "filesystem_modification",
            "bulk_delete",
            "tenant_migration",
        ],
    ),
    effect(
        "data_write",
        true,
        &[
            "write",
            "data_modification",
            "database_change",
            "file_change",
            "service_impact",
            "customer_impact",
        ],
    ),
    effect(
        "permission_change",
        true,
        &["role_reset", "grant", "secret_rotation"],
    ),
    effect("code_execution", true, &["execute", "shell"]),
    effect("loop", false, &["retry", "repeated_tool_call"]),
    effect(
        "human_gate",
        true,
        &["requires_approval", "sensitive_operation"],
    ),
    effect("data_export", true, &["export"]),
    effect("data_read", false, &["read"]),
];

const fn effect(
    name: &'static str,
    writes: bool,
    aliases: &'static [&'static str],
) -> BuiltinEffect {
    BuiltinEffect {
        name,
        writes,
        aliases,
    }
}

/// The classes of one policy: the built-in ones, then its own.
#[derive(Debug, Clone)]
pub struct Effects {
    names: Vec<Box<str>>,
    writes: EffectSet,
    /// Every folded spelling, plural forms included.
    spellings: FxHashMap<Box<str>, usize>,
    /// The class that each [`skeleton`] of a spelling belongs to.
    skeletons: FxHashMap<Box<str>, usize>,
}

/// Why a class could not be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectError {
    /// The spelling already stands for this class.
    Taken(String),
    /// There are as many classes as bits.
    TooMany,
}

impl Default for Effects {
    fn default() -> Self {
        let mut effects = Self {
            names: Vec::new(),
            writes: EffectSet::EMPTY,
            spellings: FxHashMap::default(),
            skeletons: FxHashMap::default(),
        };
        for builtin in BUILTIN_EFFECTS {
            // The built-in table has no double spelling; a test says so.
            let _ = effects.add(
                builtin.name,
                builtin.writes,
                builtin.aliases.iter().copied(),
            );
        }
        effects
    }
}

impl Effects {
    /// Adds a class with its aliases.
    ///
    /// # Errors
    /// A spelling is taken, or there are too many classes.
    pub fn add<'n>(
        &mut self,
        name: &str,
        writes: bool,
        aliases: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), EffectError> {
        let class = self.names.len();
        if class >= EFFECTS_MAX {
            return Err(EffectError::TooMany);
        }
        let mut spellings = vec![fold(name).into_owned()];
        spellings.extend(aliases.into_iter().map(|alias| fold(alias).into_owned()));
        for spelling in &spellings {
            // A plural means what its singular does, whichever of the two is listed.
            let plural =
                plurals(spelling).find_map(|plural| self.spellings.get(plural.as_str()).copied());
            if let Some(taken) = self.find(spelling).or(plural) {
                return Err(EffectError::Taken(self.name(taken).to_owned()));
            }
        }
        for spelling in spellings {
            // Where two classes look alike, the one that was there first is meant: it is the one that
            // policies and callers agree on.
            self.skeletons
                .entry(skeleton(&spelling).into())
                .or_insert(class);
            self.spellings.insert(spelling.into(), class);
        }
        if writes {
            self.writes = self.writes.union(EffectSet::of(class));
        }
        self.names.push(name.into());
        Ok(())
    }

    /// The class that a spelling stands for: case, separators and a plural's ending do not matter.
    pub fn find(&self, spelling: &str) -> Option<usize> {
        if let Some(class) = self.spellings.get(spelling) {
            return Some(*class);
        }
        singular(&self.spellings, &fold(spelling))
    }

    /// The classes that a spelling which is none looks like: other separators (`moneyMovement`,
    /// `money.movement`), characters that nobody sees, letters that look like Latin ones, or several
    /// effects in one text (`payment, send`, `delete (bulk)`).
    ///
    /// Whoever asks should count the classes *and* treat the spelling as unknown, so that resemblance
    /// only ever restricts.
    pub fn resembled(&self, spelling: &str) -> EffectSet {
        let of = |part: &str| singular(&self.skeletons, &skeleton(part)).map(EffectSet::of);
        if let Some(whole) = of(spelling) {
            return whole;
        }
        let ends_part = |c: char| c.is_ascii_punctuation() && !matches!(c, '_' | '-');
        let parts = spelling.split(ends_part).filter_map(of);
        parts.fold(EffectSet::EMPTY, EffectSet::union)
    }

    /// A class's name.
    pub fn name(&self, class: usize) -> &str {
        self.names.get(class).map_or("", |name| name)
    }

    /// All names, in the order of the classes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The classes that change something.
    pub fn writing(&self) -> EffectSet {
        self.writes
    }
}

/// The class of a word, or of that of which it is the plural or the third person.
fn singular(classes: &FxHashMap<Box<str>, usize>, word: &str) -> Option<usize> {
    let of = |word: &str| classes.get(word).copied();
    of(word)
        .or_else(|| of(word.strip_suffix('s')?))
        .or_else(|| of(word.strip_suffix("es")?))
        .or_else(|| of(&[word.strip_suffix("ies")?, "y"].concat()))
}

/// What of a text meets the eye of somebody who skims it: its letters and digits in lower case, with
/// full-width forms and the common Cyrillic and Greek look-alikes as the Latin letters that they
/// resemble. Everything else, joiners and accents that stand alone among it, is dropped.
fn skeleton(text: &str) -> String {
    let seen = text.chars().filter(|c| c.is_alphanumeric());
    seen.map(|c| latin(c).to_ascii_lowercase()).collect()
}

/// The Latin letter or digit that a character looks like; itself where it looks like none.
fn latin(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            // Full-width forms stand in the order of ASCII, this far behind it.
            let ascii = u32::from(c).wrapping_sub(0xfee0);
            char::from_u32(ascii).unwrap_or(c)
        }
        'а' | 'А' | 'α' | 'Α' => 'a',
        'В' | 'Β' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'Ε' => 'e',
        'һ' | 'Н' | 'Η' => 'h',
        'і' | 'І' | 'ι' | 'Ι' | 'ı' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'ӏ' | 'Ӏ' => 'l',
        'м' | 'М' | 'Μ' => 'm',
        'п' | 'Ν' => 'n',
        'о' | 'О' | 'ο' | 'Ο' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'Υ' => 'y',
        'Ζ' => 'z',
        _ => c,
    }
}

/// How a word's plural, or a verb's third person, may be written.
fn plurals(word: &str) -> impl Iterator<Item = String> {
    let simple = ["s", "es"].map(|ending| [word, ending].concat());
    let of_y = word.strip_suffix('y').map(|stem| [stem, "ies"].concat());
    simple.into_iter().chain(of_y)
}

#[cfg(test)]
mod tests {
    use super::{BUILTIN_EFFECTS, EffectSet, Effects};

    #[test]
    fn every_builtin_spelling_is_free() {
        let effects = Effects::default();
        assert_eq!(effects.names().count(), BUILTIN_EFFECTS.len());
        for builtin in BUILTIN_EFFECTS {
            for spelling in builtin.aliases.iter().chain([&builtin.name]) {
                let class = effects.find(spelling).map(|class| effects.name(class));
                assert_eq!(class, Some(builtin.name), "{spelling}");
            }
        }
    }

    #[test]
    fn plurals_and_separators_fold() {
        let effects = Effects::default();
        for spelling in ["Money movement", "payouts", "REFUNDS", "money-movement"] {
            assert_eq!(
                effects.find(spelling).map(|class| effects.name(class)),
                Some("money_movement")
            );
        }
        let class = |spelling| effects.find(spelling).map(|class| effects.name(class));
        assert_eq!(class("Retries"), Some("loop"));
        assert_eq!(class("publishes"), Some("publication"));
        for stranger in ["telepathy", "s", "es", "ies", ""] {
            assert_eq!(class(stranger), None);
        }
    }

    #[test]
    fn what_looks_like_a_class_resembles_it_and_is_none() {
        let effects = Effects::default();
        for (spelling, class) in [
            ("moneyMovement", "money_movement"),
            ("Money.Movement", "money_movement"),
            ("money/movements", "money_movement"),
            ("pay\u{200b}ment", "money_movement"),
            ("p\u{430}ym\u{435}nt", "money_movement"),
            ("\u{ff50}\u{ff41}yout", "money_movement"),
            ("paym\u{301}ents", "money_movement"),
            ("b.u.l.k delete", "destructive"),
            ("РUBLISH", "publication"),
        ] {
            let found = effects.resembled(spelling).classes();
            let found: Vec<&str> = found.map(|class| effects.name(class)).collect();
            assert_eq!(found, [class], "{spelling}");
            assert_eq!(effects.find(spelling), None, "{spelling}");
        }
        for stranger in ["telepathy", "", "\u{200b}", "s", "платёж"] {
            assert!(effects.resembled(stranger).is_empty(), "{stranger}");
        }
        let several = effects.resembled("payouts, send-email (bulk)");
        assert_eq!(several.classes().count(), 2);
        // What is said in a sentence is not taken apart.
        assert!(
            effects
                .resembled("nothing is deleted, no delete")
                .is_empty()
        );
    }

    #[test]
    fn sets_know_their_classes() {
        let set = EffectSet::of(0).union(EffectSet::of(127));
        assert_eq!(set.classes().collect::<Vec<_>>(), [0, 127]);
        assert!(set.covers(EffectSet::of(127)) && !EffectSet::of(0).covers(set));
        assert!(EffectSet::of(128).is_empty());
    }
}

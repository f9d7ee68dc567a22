//! Who may ask a server: keys, of which the file has only a digest.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use rusqlite::{OptionalExtension as _, Row, params};
use stage0_engine::digest::Digest;
use stage0_engine::legible::is_hidden;
use stage0_engine::time::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::error::StoreError;
use crate::limits::{API_KEYS_MAX, KEY_NAME_BYTES_MAX};
use crate::sqlite::SqliteStore;

/// What every key begins with, so that scanners of source code know one when they see it.
const PREFIX: &str = "stage0_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;
/// Random bytes that a key is made of.
pub const KEY_RANDOM_BYTES: usize = ID_BYTES + SECRET_BYTES;

const COLUMNS: &str = "id, name, secret, scopes, plan, made, ends, revoked";
const ADD: &str = "INSERT INTO api_key (id, name, secret, scopes, plan, made, ends, revoked) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const REVOKE: &str = "UPDATE api_key SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask, and tell what became of calls.
    Check,
    /// Read decisions, approvals, the policy and the figures of the server.
    Read,
    /// Answer for people.
    Approve,
    /// Halt the server and have it read its policy again.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Check, Self::Read, Self::Approve, Self::Admin];

    /// `check`, `read`, `approve` or `admin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Read => "read",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }

    /// The one that goes by this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key, without what opens anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is told apart by. No secret.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of its secret, which has 256 random bits: there is nothing to guess.
    pub secret: Digest,
    /// What it may be used for, each once.
    pub scopes: Vec<Scope>,
    /// The plan that counts its decisions.
    pub plan: String,
    /// When it was made.
    pub made: Timestamp,
    /// From when on it counts no more.
    pub ends: Option<Timestamp>,
    /// Since when it counts no more.
    pub revoked: Option<Timestamp>,
}

impl ApiKey {
    /// A new key from random bytes, and the text that its owner is shown once.
    pub fn make(
        random: &[u8; KEY_RANDOM_BYTES],
        name: &str,
        scopes: Vec<Scope>,
        plan: &str,
        made: Timestamp,
        ends: Option<Timestamp>,
    ) -> (Self, String) {
        let (id, secret) = random.split_at(ID_BYTES);
        let mut digits = String::with_capacity(ID_BYTES * 2);
        for byte in id {
            use fmt::Write as _;
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        let secret = Base64UrlUnpadded::encode_string(secret);
        let shown = [PREFIX, &digits, "_", &secret].concat();
        let key = Self {
            id: digits,
            name: name.to_owned(),
            secret: Digest::of(secret.as_bytes()),
            scopes,
            plan: plan.to_owned(),
            made,
            ends,
            revoked: None,
        };
        (key, shown)
    }

    /// Whether somebody has shown this key, compared in a time that says nothing.
    pub fn is(&self, shown: &ShownKey<'_>) -> bool {
        let (kept, shown) = (self.secret.as_bytes(), shown.secret.as_bytes());
        kept[..].ct_eq(&shown[..]).into()
    }

    /// Whether it counts at this time.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.ends.is_none_or(|ends| now < ends)
    }

    /// Whether it may be used for this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// What somebody showed.
#[derive(Debug, Clone, Copy)]
pub struct ShownKey<'t> {
    /// Whose it says it is.
    pub id: &'t str,
    secret: Digest,
}

impl<'t> ShownKey<'t> {
    /// Takes a text apart; nothing where it is no key.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self {
            id,
            secret: Digest::of(secret.as_bytes()),
        })
    }
}

/// Whether a text can be the name of a key.
pub fn is_key_name(name: &str) -> bool {
    (1..=KEY_NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(is_hidden)
}

impl SqliteStore {
    /// Keeps a new key.
    ///
    /// # Errors
    /// It cannot be written, or there are as many as a file has.
    pub fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        if self.keys()?.len() >= API_KEYS_MAX {
            let many = format!("there are {API_KEYS_MAX} keys, and there can be no more");
            return Err(StoreError::Unwritable(many));
        }
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let added = self.connection().execute(
            ADD,
            params![
                key.id,
                key.name,
                &key.secret.as_bytes()[..],
                scopes.join(" "),
                key.plan,
                key.made.to_ms(),
                key.ends.map(Timestamp::to_ms),
                key.revoked.map(Timestamp::to_ms),
            ],
        );
        added.map(|_| ()).map_err(|error| self.trouble().of(&error))
    }

    /// All keys, those that count no more among them, in the order in which they were made.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM api_key ORDER BY made, id");
        let connection = self.connection();
        let found = connection
            .prepare_cached(&statement)
            .and_then(|mut find| find.query_map([], read)?.collect());
        found.map_err(|error| self.trouble().of(&error))
    }

    /// The key of this id.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM api_key WHERE id = ?1");
        let connection = self.connection();
        let found = connection
            .prepare_cached(&statement)
            .and_then(|mut find| find.query_row([id], read).optional());
        found.map_err(|error| self.trouble().of(&error))
    }

    /// Takes a key back from this time on; whether there is one that counted.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let changed = self.connection().execute(REVOKE, params![id, now.to_ms()]);
        let changed = changed.map_err(|error| self.trouble().of(&error))?;
        Ok(changed > 0)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let time = |ms: Option<i64>| ms.and_then(Timestamp::from_ms);
    let scopes: String = row.get(3)?;
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        secret: Digest::from_bytes(row.get(2)?),
        scopes: scopes.split(' ').filter_map(Scope::parse).collect(),
        plan: row.get(4)?,
        made: time(row.get(5)?).unwrap_or(Timestamp::MIN),
        // A time that cannot be read has passed.
        ends: row
            .get::<_, Option<i64>>(6)?
            .map(|ms| Timestamp::from_ms(ms).unwrap_or(Timestamp::MIN)),
        revoked: row
            .get::<_, Option<i64>>(7)?
            .map(|ms| Timestamp::from_ms(ms).unwrap_or(Timestamp::MIN)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (ApiKey, String) {
        let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
        let scopes = vec![Scope::Check, Scope::Read];
        ApiKey::make(&[7; KEY_RANDOM_BYTES], "agents", scopes, "free", now, None)
    }

    #[test]
    fn a_key_is_known_by_its_text_alone() {
        let (key, shown) = made();
        assert!(shown.starts_with("stage0_070707070707_"));
        assert!(key.is(&ShownKey::parse(&shown).unwrap()));
        for other in [shown.clone() + "A", shown.replace("BwcHBwc", "BwcHBwd")] {
            assert!(!key.is(&ShownKey::parse(&other).unwrap()), "{other}");
        }
        assert!(ShownKey::parse("sk-123").is_none());
        let secret = shown.rsplit('_').next().unwrap();
        assert!(!format!("{key:?}").contains(secret));
    }

    #[test]
    fn a_key_counts_until_it_ends_or_is_revoked() {
        let (mut key, _) = made();
        let at = |text| Timestamp::parse(text).unwrap();
        let later = at("2026-02-05T10:00:00Z");
        assert!(key.counts_at(later) && key.may(Scope::Read) && !key.may(Scope::Admin));
        key.ends = Some(later);
        assert!(!key.counts_at(later) && key.counts_at(at("2026-02-05T09:59:59Z")));
        key.ends = None;
        key.revoked = Some(later);
        assert!(!key.counts_at(at("2026-01-05T10:00:00Z")));
    }
}

//! Somebody's signed word that a chain had so many lines and ended in this hash, at this time.
//!
//! A token as approvals are ([`stage0_wire::jws`]), of kind [`CHECKPOINT_KIND`], whose claims are `seq`, `hash` and
//! `iat`. It stands in the chain itself, and can be kept elsewhere as well: then it also shows that an end was
//! cut off.

use core::fmt;

use stage0_engine::canonical::write_string;
use stage0_engine::document::ValueRef;
use stage0_engine::number::Number;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws;
use stage0_wire::numeric_date::write_seconds;
use stage0_wire::problem::Problem;

use super::Head;
use crate::claims::Claims;
use crate::key::{KeySet, KeyTrouble, PrivateKey, TokenError};

/// What the header of a checkpoint calls it.
pub const CHECKPOINT_KIND: &str = "stage0-checkpoint+jwt";

/// A checkpoint that is believed, or that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    head: Head,
    at: Timestamp,
    token: String,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointError {
    /// Its token is not.
    Token(TokenError),
    /// What it claims is of another form, and how.
    Claims(String),
}

impl CheckpointError {
    /// The code of the problem that this is.
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Token(error) => error.code(),
            Self::Claims(_) => ProblemCode::ClaimsInvalid,
        }
    }

    /// Whether it may have been good once: its key is not, or no more, among those that are believed.
    pub(super) fn is_about_key(&self) -> bool {
        matches!(self, Self::Token(TokenError::Key { .. }))
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => write!(f, "the checkpoint is not believed: {error}"),
            Self::Claims(why) => write!(f, "the checkpoint is none: {why}"),
        }
    }
}

impl core::error::Error for CheckpointError {}

impl From<&CheckpointError> for Problem {
    fn from(error: &CheckpointError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl Checkpoint {
    /// Signs that a chain ends here.
    pub fn sign(head: Head, at: Timestamp, key: &PrivateKey) -> Self {
        let mut payload = String::from("{\"hash\":");
        write_string(&mut payload, &head.hash.to_hex());
        payload.push_str(",\"iat\":");
        write_seconds(&mut payload, at);
        payload.push_str(",\"seq\":");
        payload.push_str(&head.seq.to_string());
        payload.push('}');
        Self {
            head,
            at,
            token: key.sign(CHECKPOINT_KIND, &payload),
        }
    }

    /// Reads a checkpoint that one of these keys signed while it counted. A key that was revoked vouches for
    /// nothing, whenever it says that was: whoever has it can say any time.
    ///
    /// # Errors
    /// It is none, or not to be believed.
    pub fn open(token: &str, keys: &KeySet) -> Result<Self, CheckpointError> {
        let form = |error| CheckpointError::Token(TokenError::Form(error));
        let said = jws::parse(token, CHECKPOINT_KIND).map_err(form)?;
        let (head, at) = read(&said.payload).map_err(CheckpointError::Claims)?;
        keys.open(token, CHECKPOINT_KIND, at)
            .map_err(CheckpointError::Token)?;
        let mut known = keys.keys().iter();
        let revoked = known.find(|key| key.id == said.key_id);
        if let Some(revoked) = revoked.and_then(|key| key.revoked_at) {
            return Err(CheckpointError::Token(TokenError::Key {
                id: said.key_id,
                trouble: KeyTrouble::Revoked { at: revoked },
            }));
        }
        Ok(Self {
            head,
            at,
            token: token.to_owned(),
        })
    }

    /// Where the chain ended.
    pub fn head(&self) -> Head {
        self.head
    }

    /// When it was signed, by its own word.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Its text.
    pub fn token(&self) -> &str {
        &self.token
    }
}

fn read(payload: &str) -> Result<(Head, Timestamp), String> {
    let claims = Claims::parse(payload, &["hash", "iat", "seq"])?;
    let seq = claims.get("seq").and_then(ValueRef::as_number);
    let seq = seq.and_then(Number::to_i64);
    let seq = seq.and_then(|seq| u64::try_from(seq).ok());
    let head = Head {
        seq: seq.ok_or("`seq` must be a whole number from 0")?,
        hash: claims.digest("hash")?,
    };
    Ok((head, claims.instant("iat")?))
}

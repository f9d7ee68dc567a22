//! Why a key or a token does not count.

use core::fmt;

use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws::JwsError;
use stage0_wire::problem::Problem;

/// Why a set has no key of this id at this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTrouble {
    /// There is none of this id.
    Unknown,
    /// Its time begins later.
    NotYetValid {
        /// When it begins.
        from: Timestamp,
    },
    /// Its time is over.
    Expired {
        /// When it ended.
        at: Timestamp,
    },
    /// It was revoked.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

impl KeyTrouble {
    /// The code of the problem that this is.
    pub const fn code(self) -> ProblemCode {
        match self {
            Self::Unknown => ProblemCode::KeyUnknown,
            Self::NotYetValid { .. } => ProblemCode::KeyNotYetValid,
            Self::Expired { .. } => ProblemCode::KeyExpired,
            Self::Revoked { .. } => ProblemCode::KeyRevoked,
        }
    }
}

impl fmt::Display for KeyTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not in the set of keys"),
            Self::NotYetValid { from } => write!(f, "is valid from {from}"),
            Self::Expired { at } => write!(f, "was valid until {at}"),
            Self::Revoked { at } => write!(f, "was revoked at {at}"),
        }
    }
}

impl core::error::Error for KeyTrouble {}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// It is not of its form, or of another kind.
    Form(JwsError),
    /// Nobody knows its key, or the key does not count.
    Key {
        /// The id that the token names.
        id: String,
        /// Why.
        trouble: KeyTrouble,
    },
    /// The key's owner did not sign this.
    Signature {
        /// The id that the token names.
        id: String,
    },
}

impl TokenError {
    /// The code of the problem that this is.
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Form(_) => ProblemCode::TokenInvalid,
            Self::Key { trouble, .. } => trouble.code(),
            Self::Signature { .. } => ProblemCode::SignatureWrong,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => error.fmt(f),
            Self::Key { id, trouble } => write!(f, "the key `{id}` {trouble}"),
            Self::Signature { id } => {
                write!(
                    f,
                    "the signature is not one of the key `{id}` over this text"
                )
            }
        }
    }
}

impl core::error::Error for TokenError {}

impl From<&TokenError> for Problem {
    fn from(error: &TokenError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

//! Why nothing was decided. Whoever is told so must not let anything run.

use stage0_store::{Scope, StoreError};
use stage0_wire::problem::Problem;

/// Why nothing was decided.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// No key, or one that does not count.
    Unauthorized,
    /// The key is not for this.
    Forbidden(Scope),
    /// Nothing is here, or it is done in another way.
    NotFound(String),
    /// The way in which it was asked is not one.
    Method(String),
    /// Strict mode is not part of the plan.
    Pro,
    /// A quota of the month or the day is used up: which, and the seconds until it begins anew.
    Quota { span: &'static str, seconds: u64 },
    /// A minute's are used up: the seconds until the next.
    Rate { seconds: u64 },
    /// What was asked does not fit what was said before.
    Conflict(String),
    /// The body has more bytes than there may be.
    TooLarge,
    /// The body is no JSON by its own word.
    MediaType,
    /// The request is not one.
    Invalid(Vec<Problem>),
    /// It took too long.
    Deadline,
    /// There are too many at once.
    Busy,
    /// What has to be kept cannot be.
    Store(StoreError),
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Invalid(problems)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Pro | Self::Quota { .. } => 402,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::Method(_) => 405,
            Self::Conflict(_) => 409,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::Invalid(_) => 422,
            Self::Rate { .. } => 429,
            Self::Deadline | Self::Busy | Self::Store(_) => 503,
        }
    }

    /// What is said to whoever asked. What a disk or a file is called is nobody's business.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Unauthorized => {
                "Missing or invalid API key: send one as `x-api-key`, or as `Authorization: Bearer`"
                    .to_owned()
            }
            Self::Forbidden(scope) => format!("This key lacks the scope `{scope}`"),
            Self::NotFound(what) | Self::Conflict(what) => what.clone(),
            Self::Method(allowed) => format!("This is asked with {allowed}"),
            Self::Pro => "Pro checks require a paid plan".to_owned(),
            Self::Quota { span, .. } => format!("{span} quota exceeded"),
            Self::Rate { .. } => "Rate limit exceeded".to_owned(),
            Self::TooLarge => {
                format!(
                    "The body has more than {} bytes",
                    crate::limits::BODY_BYTES_MAX
                )
            }
            Self::MediaType => {
                "The body has to be JSON, and its Content-Type application/json".to_owned()
            }
            Self::Invalid(problems) => problems.first().map_or_else(
                || "The request is not valid".to_owned(),
                |problem| problem.message().to_owned(),
            ),
            Self::Deadline => "It took too long, and nothing was decided".to_owned(),
            Self::Busy => "The server is busy, and nothing was decided".to_owned(),
            Self::Store(_) => "What has to be kept cannot be, so nothing was decided".to_owned(),
        }
    }

    /// After how many seconds asking again may help.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Rate { seconds } | Self::Quota { seconds, .. } => Some(*seconds),
            Self::Busy | Self::Store(_) | Self::Deadline => Some(1),
            _ => None,
        }
    }

    /// What is wrong with the request, in detail.
    pub(crate) fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            _ => &[],
        }
    }
}

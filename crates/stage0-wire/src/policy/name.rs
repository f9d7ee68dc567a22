//! How the names in a policy are spelled.
//!
//! Names of tools are the engine's to judge, since patterns and requests have them as well.

use crate::jws::KEY_ID_BYTES_MAX;
use crate::shape::NameRule;

/// A policy's name.
pub(super) static POLICY_NAME: NameRule = NameRule {
    what: "a policy's name",
    first: "a-z0-9",
    rest: "a-z0-9._/-",
    chars_max: 128,
    help: "names are lower-case letters, digits and `.`, `_`, `/`, `-`, at most 128",
    filler: '-',
};

/// A rule's id.
pub(super) static RULE_ID: NameRule = NameRule {
    what: "a rule's id",
    first: "a-z0-9",
    rest: "a-z0-9-",
    chars_max: 64,
    help: "ids are lower-case letters, digits and `-`, at most 64",
    filler: '-',
};

/// A name that conditions read behind a dot: `params.limit_eur`.
pub(super) static IDENTIFIER: NameRule = NameRule {
    what: "a name that conditions read",
    first: "A-Za-z_",
    rest: "A-Za-z0-9_",
    chars_max: 64,
    help: "names that conditions read are letters, digits and `_`, at most 64",
    filler: '_',
};

/// A class of effects.
pub(super) static EFFECT_NAME: NameRule = NameRule {
    what: "an effect class",
    first: "a-z",
    rest: "a-z0-9_",
    chars_max: 64,
    help: "effect classes are lower-case letters, digits and `_`, at most 64",
    filler: '_',
};

/// The code of an issue.
pub(crate) static ISSUE_CODE: NameRule = NameRule {
    what: "an issue code",
    first: "A-Z",
    rest: "A-Z0-9_",
    chars_max: 64,
    help: "codes are upper-case letters, digits and `_`, at most 64",
    filler: '_',
};

/// The id of a key.
pub(super) static KEY_ID: NameRule = NameRule {
    what: "a key's id",
    first: "A-Za-z0-9",
    rest: "A-Za-z0-9._:@/-",
    chars_max: KEY_ID_BYTES_MAX,
    help: "ids of keys are letters, digits and `.`, `_`, `:`, `@`, `/`, `-`, at most 128",
    filler: '-',
};

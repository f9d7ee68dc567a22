//! The issue codes that the engine itself raises: one table of code, severity and meaning.
//!
//! Codes are stable: clients compare them. A policy's rules add codes of their own. The order of the
//! table is the order in which issues of one severity are listed, before those of the policy.

use crate::policy::Severity;

macro_rules! codes {
    ($($name:ident $severity:ident $meaning:literal;)*) => {
        /// An issue code of the engine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(non_camel_case_types, reason = "the names are the codes, as clients read them")]
        #[non_exhaustive]
        pub enum IssueCode {
            $(#[doc = $meaning] $name,)*
        }

        impl IssueCode {
            /// Every code, in the order in which issues are listed.
            pub const ALL: &'static [IssueCode] = &[$(Self::$name),*];

            /// The code's text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The place of the code with this text, if it is one of the engine's.
            pub(crate) fn rank(text: &str) -> Option<u32> {
                match text {
                    $(stringify!($name) => Some(Self::$name as u32),)*
                    _ => None,
                }
            }

            /// How much it weighs.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
        }
    };
}

codes! {
    HALTED Critical "everything is denied: the policy or the host has halted";
    READ_ONLY_MODE High "whatever writes is denied: the policy or the host is in read-only mode";
    POLICY_VERSION_MISMATCH High "the request was made for another policy, or for another version of it";
    TOOL_NAME_INVALID High "the tool's name is not 1 to 128 plain ASCII characters";
    TOOL_NAME_CONFUSABLE High "the tool's name imitates a catalogued one";
    TOOL_UNKNOWN High "the tool is not in the catalog";
    ARGUMENT_MISSING High "an argument that the tool's schema requires is missing";
    ARGUMENT_NOT_ALLOWED High "an argument that the tool's schema does not list";
    ARGUMENT_TYPE High "an argument is of the wrong type";
    ARGUMENT_RANGE High "an argument is outside the range or length that the tool's schema allows";
    ARGUMENT_VALUE High "an argument is none of the values, or does not fit the pattern, that the tool's schema allows";
    FACT_TYPE High "a fact that the policy reads is not of its declared type";
    CONSTRAINT_INVALID High "a known constraint has a value that cannot be used";
    CONDITION_ERROR High "a rule's condition has no value: wrong types, overflow, or a function refused its input";
    CLOCK_BACKWARDS High "the time of the decision is earlier than that of the run's last one";
    APPROVAL_REJECTED High "a person said no";
    NO_RULE_ALLOWS High "no rule allows the call";
    BATCH_DENIED High "another call of the batch is denied, and the calls run together or not at all";
    TOOL_UNCATALOGUED Medium "the tool is not in the catalog, and somebody has to say what it does";
    FACT_MISSING Medium "a fact that decides is missing";
    RUN_REQUIRED Medium "a rule asks what the run has done, or a limit what was counted, and the host has not said";
    STATE_FULL Medium "the run has more tools or counters than are kept of one";
    APPROVAL_REQUIRED Medium "a person has to approve";
    APPROVAL_PENDING Medium "a person was asked and has not answered";
    APPROVAL_EXPIRED Medium "the approval is too old";
    APPROVAL_NOT_YET_VALID Medium "the approval was issued later than the time of the decision";
    APPROVAL_TIMESTAMP_MISSING Medium "the approval does not say when it was given";
    APPROVAL_UNSIGNED Medium "the rule asks for a signed approval, and this one is not signed";
    APPROVAL_UNKNOWN_KEY Medium "the approval is signed with a key that the policy does not have";
    APPROVAL_KEY_NOT_VALID Medium "the key of the approval is revoked, was not valid then, or speaks for somebody else";
    APPROVAL_BAD_SIGNATURE Medium "the approval is not what its key signed, or cannot be read";
    APPROVAL_WRONG_ACTION Medium "the approval was given for another action";
    APPROVAL_WRONG_POLICY Medium "the approval was given under other terms";
    APPROVAL_SELF Medium "the requester cannot approve";
    APPROVAL_ROLE Medium "the approver has none of the roles that are asked for";
    APPROVAL_USED Medium "the approval has been used for as much as it was given for";
    APPROVAL_NOT_ENOUGH Medium "more people have to approve";
    BATCH_DEFERRED Medium "another call of the batch has to wait, and the calls run together or not at all";
    CALL_REQUIRED Low "the plan is allowed; each call is decided again with its arguments";
    CONSTRAINT_NOT_UNDERSTOOD Low "a constraint that is taken as advice and is nearly a known one";
    CONSTRAINT_NOT_CHECKED Low "no rule of the policy checks this constraint";
    TOOL_NOT_IN_CATALOG Low "the tool is not in the catalog; its declared effects were taken at their word";
    UNKNOWN_EFFECT Low "a declared effect that no class covers";
    UNKNOWN_FIELD Low "a field that the request does not have";
}

//! What the check of a whole policy finds.

use crate::span::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingLevel {
    /// The policy cannot be loaded.
    Error,
    /// The policy loads, and probably does not mean what it says.
    Warning,
}

macro_rules! findings {
    ($($name:ident $code:literal $level:ident $meaning:literal;)*) => {
        /// The kinds of findings; each has a stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingKind {
            $(#[doc = $meaning] $name,)*
        }

        impl FindingKind {
            /// Every kind.
            pub const ALL: &'static [FindingKind] = &[$(Self::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Whether it keeps the policy from being loaded.
            pub const fn level(self) -> FindingLevel {
                match self { $(Self::$name => FindingLevel::$level),* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
        }
    };
}

findings! {
    ConditionSyntax "CONDITION_SYNTAX" Error "the text of a condition is not an expression";
    ConditionUnsupported "CONDITION_UNSUPPORTED" Error "a condition uses a part of CEL that the language leaves out";
    ConditionUnknownName "CONDITION_UNKNOWN_NAME" Error "a condition reads a name that nothing defines";
    ConditionUnknownFunction "CONDITION_UNKNOWN_FUNCTION" Error "a condition calls a function that does not exist";
    ConditionType "CONDITION_TYPE" Error "a condition combines types that can never work";
    ConditionLiteral "CONDITION_LITERAL" Error "a pattern, time or zone in a condition can never work";
    ConditionTooComplex "CONDITION_TOO_COMPLEX" Error "a condition is larger, deeper or dearer than a limit allows";
    ConditionNotReadable "CONDITION_NOT_READABLE" Error "a rule reads a fact that it may not rest on";
    DuplicateId "POLICY_DUPLICATE_ID" Error "two rules of a policy have the same id";
    DuplicateName "POLICY_DUPLICATE_NAME" Error "two definitions have the same name";
    UnknownTool "POLICY_UNKNOWN_TOOL" Error "a rule names a tool that the catalog does not have";
    UnknownLabel "POLICY_UNKNOWN_LABEL" Error "a label that nothing declares";
    Limit "POLICY_LIMIT" Error "a limit that cannot be counted as it is written";
    UnknownEffect "POLICY_UNKNOWN_EFFECT" Error "an effect class that nothing defines";
    UnknownRule "POLICY_UNKNOWN_RULE" Error "a rule that is to be disabled does not exist";
    UnknownFact "POLICY_UNKNOWN_FACT" Error "a path that is not one of a fact";
    LockedRule "POLICY_LOCKED_RULE" Error "a locked rule cannot be disabled";
    ToolPattern "POLICY_TOOL_PATTERN" Error "a text that is no pattern of tool names";
    Code "POLICY_CODE" Error "an issue code that is not upper case with underscores";
    Cycle "POLICY_CYCLE" Error "named expressions that need each other";
    Version "POLICY_VERSION" Error "a version that is not semantic";
    TimeZone "POLICY_TIME_ZONE" Error "a time zone that is not known, or that no fixed rule describes";
    Layers "POLICY_LAYERS" Error "a policy with layers that has rules of its own";
    Schema "POLICY_SCHEMA" Error "a schema that contradicts itself";
    ParamValue "POLICY_PARAM_VALUE" Error "a param's value does not fit its schema";
    PrivateFact "POLICY_PRIVATE_FACT" Error "a message names a private fact";
    Message "POLICY_MESSAGE" Error "a message with a brace or a name in it that cannot be told";
    AllowSeverity "POLICY_ADVICE_SEVERITY" Error "advice above MEDIUM, which an ALLOW could carry";
    TooLarge "POLICY_TOO_LARGE" Error "more rules, tools or names than a policy may have";
    Approval "POLICY_APPROVAL" Error "an approval block that cannot be satisfied";
    Key "POLICY_KEY" Error "a key for approvals that cannot be used";
    GrantUnbound "LINT_GRANT_UNBOUND" Warning "a grant for several calls that binds every argument";
    WithheldKeys "LINT_WITHHELD_KEYS" Warning "keys of an import that do not count, because it is imported without `allows: true`";
    NeverFires "LINT_NEVER_FIRES" Warning "a condition that can never be true";
    AlwaysFires "LINT_ALWAYS_FIRES" Warning "a condition that is always true";
    NoSuchTools "LINT_NO_SUCH_TOOLS" Warning "a pattern that fits no catalogued tool";
    NearlyKnownFact "LINT_NEARLY_KNOWN_FACT" Warning "a fact whose name is nearly a known one";
    UnanchoredPattern "LINT_UNANCHORED_PATTERN" Warning "a pattern of an allow rule that matches anywhere in the text";
    DodgedRestriction "LINT_DODGED_RESTRICTION" Warning "a restriction that an agent can dodge by leaving a fact out";
    BoundAmount "LINT_BOUND_AMOUNT" Warning "an approval that binds an amount without its currency or unit";
    UnboundCall "LINT_UNBOUND_CALL" Warning "an approval that is bound to none of a tool's arguments";
    LimitPerChoice "LINT_LIMIT_PER_CHOICE" Warning "a limit for each value of what the agent chooses freely";
    MixedUnits "LINT_MIXED_UNITS" Warning "a limit that adds up amounts in different currencies or units";
    UnseenTool "LINT_UNSEEN_TOOL" Warning "a restriction of effects that does not see a tool whose effects are not stated";
    WithheldImport "LINT_WITHHELD_IMPORT" Warning "an import whose tools or allow rules are missed, because they do not count";
    IdleKey "LINT_IDLE_KEY" Warning "a key of a rule that changes nothing";
    UnusedName "LINT_UNUSED_NAME" Warning "a definition that nothing reads";
    NoRules "LINT_NO_RULES" Warning "a policy whose every answer is its default";
}

impl FindingKind {
    /// Whether it is wrong whatever else the policy defines, so that it can be told of a policy parts
    /// of which could not be read.
    pub const fn stands_alone(self) -> bool {
        matches!(
            self,
            Self::ConditionSyntax
                | Self::ConditionUnsupported
                | Self::ConditionUnknownFunction
                | Self::ConditionLiteral
                | Self::DuplicateId
                | Self::ToolPattern
                | Self::Code
                | Self::Version
                | Self::TimeZone
        )
    }
}

/// One finding about a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFinding {
    kind: FindingKind,
    span: Span,
    message: String,
    help: Option<String>,
    related: Vec<(Span, String)>,
}

impl PolicyFinding {
    pub(crate) fn new(kind: FindingKind, span: Span, message: impl Into<String>) -> Self {
        Self {
            kind,
            span,
            message: message.into(),
            help: None,
            related: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn with_help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    #[must_use]
    pub(crate) fn with_related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// What kind of finding it is.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What was found, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Other places that belong to it.
    pub fn related(&self) -> &[(Span, String)] {
        &self.related
    }
}

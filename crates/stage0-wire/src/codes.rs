//! The registry of problem codes: what can be wrong with a policy, request or test file.
//!
//! One table gives the enum, the code as it stands on the wire, and its meaning; what the check of a
//! whole policy finds brings its codes and meanings along from the engine. So the documentation and
//! the coverage tests have one list to compare themselves with. Codes are part of the wire contract:
//! they are added, never renamed. Issues inside a decision have a registry of their own in the
//! engine.

use stage0_engine::policy::FindingKind;

macro_rules! problem_codes {
    ($($variant:ident = $code:literal: $meaning:literal,)*) => {
        /// What is wrong, in a word that programs can rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $(
                #[doc = concat!("`", $code, "`: ", $meaning, ".")]
                $variant,
            )*
            /// What the check of a whole policy found.
            Finding(FindingKind),
        }

        impl ProblemCode {
            /// The codes that are not those of findings.
            const OWN: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it stands on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Finding(kind) => kind.code(),
                }
            }

            /// What the code means, in one line.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                    Self::Finding(kind) => kind.meaning(),
                }
            }

            /// Every problem code, in the order of the documentation.
            pub fn all() -> impl Iterator<Item = Self> {
                let findings = FindingKind::ALL.iter().copied().map(Self::Finding);
                Self::OWN.iter().copied().chain(findings)
            }
        }
    };
}

// To add a code, add a line. The order is the order of the documentation.
problem_codes! {
    ProblemsTruncated = "PROBLEMS_TRUNCATED": "there are more problems than are reported at once",

    // Files.
    PolicyFileTooLarge = "POLICY_FILE_TOO_LARGE": "a policy file has more bytes than the limit",
    PolicyTooManyFiles = "POLICY_TOO_MANY_FILES": "a policy is made of more files than the limit",
    PolicyTooDeep = "POLICY_TOO_DEEP": "lists and maps are nested deeper than the limit",
    PolicyValueTooLong = "POLICY_VALUE_TOO_LONG": "one text, or one `[]` or `{}`, is longer than the limit",
    PolicyNotUtf8 = "POLICY_NOT_UTF8": "a file is not UTF-8 text",
    PolicyCharacter = "POLICY_CHARACTER": "a character that a reader would not see, or that text cannot contain",
    PolicyEmpty = "POLICY_EMPTY": "a file says nothing",

    // What every file has in common, once it is read.
    PolicyDuplicateKey = "POLICY_DUPLICATE_KEY": "the same key twice in one map",
    PolicyUnknownKey = "POLICY_UNKNOWN_KEY": "a key that has no meaning where it stands",
    PolicyMissingKey = "POLICY_MISSING_KEY": "a required key is not there",
    PolicyConflictingKeys = "POLICY_CONFLICTING_KEYS": "keys of which only one may be there",
    PolicyWrongType = "POLICY_WRONG_TYPE": "a value of another type than the key takes",
    PolicyUnknownValue = "POLICY_UNKNOWN_VALUE": "a word that is none of those the key takes",
    PolicyOutOfRange = "POLICY_OUT_OF_RANGE": "a number outside the range the key takes",
    PolicyNumber = "POLICY_NUMBER": "a number that has too many digits to be kept exactly",
    PolicyTime = "POLICY_TIME": "a text that is no time or duration",
    PolicyName = "POLICY_NAME": "a name that is not spelled as names of its kind are",
    PolicyNotAvailable = "POLICY_NOT_AVAILABLE": "a part of the policy language that this version does not have",

    // Policies that import others.
    PolicyImportMissing = "POLICY_IMPORT_MISSING": "an imported file or pack that does not exist",
    PolicyImportVersion = "POLICY_IMPORT_VERSION": "an imported pack of another version than was asked for",
    PolicyImportCycle = "POLICY_IMPORT_CYCLE": "policies that import each other",
    PolicyRootOnly = "POLICY_ROOT_ONLY": "a key that only the outermost policy may have",

    // Tests of policies. Their requests have the codes of all requests.
    TestSteps = "TEST_STEPS": "a test whose steps do not follow from each other",

    // YAML.
    YamlSyntax = "YAML_SYNTAX": "the text is not YAML",
    YamlIndent = "YAML_INDENT": "a line whose indentation fits no line above it",
    YamlTab = "YAML_TAB": "a tab in the indentation",
    YamlUnclosed = "YAML_UNCLOSED": "a quote or bracket that is never closed",
    YamlTrailingText = "YAML_TRAILING_TEXT": "text after the closing quote or bracket of a value",
    YamlColon = "YAML_COLON": "a colon that splits, or does not split, an unquoted value",
    YamlIndicator = "YAML_INDICATOR": "an unquoted value that begins with a character reserved by YAML",
    YamlEscape = "YAML_ESCAPE": "a backslash in double quotes that is no escape of YAML",
    YamlComment = "YAML_COMMENT": "a comment that may have cut an unquoted value short",
    YamlAmbiguous = "YAML_AMBIGUOUS": "an unquoted word that YAML versions read differently",
    YamlNumber = "YAML_NUMBER": "an unquoted number in a notation that YAML versions read differently",
    YamlTag = "YAML_TAG": "a YAML tag, or an unquoted value that begins with `!`",
    YamlAnchor = "YAML_ANCHOR": "a YAML anchor, or an unquoted value that begins with `&`",
    YamlAlias = "YAML_ALIAS": "a YAML alias, or an unquoted value that begins with `*`",
    YamlMergeKey = "YAML_MERGE_KEY": "the YAML merge key `<<`",
    YamlKey = "YAML_KEY": "a key that is not text",
    YamlPair = "YAML_PAIR": "a `key: value` in a list without braces",
    YamlDocuments = "YAML_DOCUMENTS": "more than one YAML document in a file",
    YamlDirective = "YAML_DIRECTIVE": "a YAML directive",

    // JSON.
    JsonSyntax = "JSON_SYNTAX": "the text is not JSON",
    JsonNumber = "JSON_NUMBER": "a number in a notation that JSON does not have",
    JsonEscape = "JSON_ESCAPE": "an escape in a string that JSON does not have",
    JsonInvalidUtf8 = "JSON_INVALID_UTF8": "bytes that are not UTF-8",
    JsonByteOrderMark = "JSON_BYTE_ORDER_MARK": "a byte order mark in front of the text",
    JsonUnexpectedEnd = "JSON_UNEXPECTED_END": "the text ends inside a value",
    JsonUnexpectedCharacter = "JSON_UNEXPECTED_CHARACTER": "a character that cannot stand where it does",
    JsonTrailingText = "JSON_TRAILING_TEXT": "text behind the value",
    JsonTrailingComma = "JSON_TRAILING_COMMA": "a comma behind the last element or member",
    JsonDuplicateKey = "JSON_DUPLICATE_KEY": "the same key twice in one object",
    JsonControlCharacter = "JSON_CONTROL_CHARACTER": "a control character in a string that is not escaped",
    JsonBadEscape = "JSON_BAD_ESCAPE": "an escape in a string that JSON does not have, or that is incomplete",
    JsonLoneSurrogate = "JSON_LONE_SURROGATE": "half of a surrogate pair, which is no character",
    JsonNumberSyntax = "JSON_NUMBER_SYNTAX": "a number in a notation that JSON does not have",
    JsonNumberTooLong = "JSON_NUMBER_TOO_LONG": "a number with more than 28 significant digits, or too large or small",
    JsonDepth = "JSON_DEPTH": "lists and objects are nested deeper than the limit",
    JsonTooLarge = "JSON_TOO_LARGE": "the text has more bytes than the limit",
    JsonTooManyValues = "JSON_TOO_MANY_VALUES": "the text has more values than the limit",

    // Requests.
    RequestType = "REQUEST_TYPE": "a field of the request is not of its type",
    RequestFieldMissing = "REQUEST_FIELD_MISSING": "a required field of the request is missing or blank",
    RequestLimit = "REQUEST_LIMIT": "a field of the request is longer than its limit",
    RequestConflict = "REQUEST_CONFLICT": "two fields of the request that mean the same differ",
    PolicyTestFailed = "POLICY_TEST_FAILED": "a test that the policy brings along fails, so a server does not decide by it",
    PolicyVersionMismatch = "POLICY_VERSION_MISMATCH": "the request asserts another policy than the one that would decide",

    // What the host brings along.
    StateInvalid = "STATE_INVALID": "the state of a run is not one that was written by Stage0",
    StateVersion = "STATE_VERSION": "the state of a run has a form that this version does not read",
    RecordInvalid = "RECORD_INVALID": "a line of a log is no record of a decision",
    RecordVersion = "RECORD_VERSION": "a record has a form that this version does not read",
    RecordDiffers = "RECORD_DIFFERS": "a recorded decision is not the one that its policy makes of what was recorded with it",
    ApprovalsInvalid = "APPROVALS_INVALID": "the records of people's answers are not of their form",
    BodyInvalid = "BODY_INVALID": "the body of an HTTP request is not what is asked for there",
    QueryInvalid = "QUERY_INVALID": "a parameter of an HTTP request means nothing, or has no such value",
    ServerTaken = "SERVER_TAKEN": "another server has the file",
    ServerOpen = "SERVER_OPEN": "a server that asks for no keys would be reached from other machines",
    ServerListen = "SERVER_LISTEN": "a server cannot listen on its address, or the machine does not let it go on",
    ServerTls = "SERVER_TLS": "the certificates or the private key of a server cannot be used",
    AnswerRefused = "ANSWER_REFUSED": "a person's answer to a ticket is not taken",
    PlanInvalid = "PLAN_INVALID": "the plans of a server are not of their form",
    HostInvalid = "HOST_INVALID": "a request id, mode or time of the host is not of its form",
    ValueUnsupported = "VALUE_UNSUPPORTED": "a value of a programming language that has no exact form in JSON",
    VariablesInvalid = "VARIABLES_INVALID": "the variables of an expression are not one JSON object",

    // Keys, and what is signed with them.
    KeyInvalid = "KEY_INVALID": "a text is no key, or no set of keys, of the form that is read",
    KeyUnknown = "KEY_UNKNOWN": "something was signed with a key that is not in the set",
    KeyNotYetValid = "KEY_NOT_YET_VALID": "something was signed with a key whose time has not come",
    KeyExpired = "KEY_EXPIRED": "something was signed with a key whose time is over",
    KeyRevoked = "KEY_REVOKED": "something was signed with a key that was revoked",
    TokenInvalid = "TOKEN_INVALID": "a signed text is not of its form, or is one of another kind",
    SignatureWrong = "SIGNATURE_WRONG": "a signature is not one of the key that it names, over this text",
    ClaimsInvalid = "CLAIMS_INVALID": "what was signed is not of the form that tokens of its kind have",
    PermitNotIssued = "PERMIT_NOT_ISSUED": "a permit was asked for what was not allowed, not enforced, or not decided just now",
    PermitAudience = "PERMIT_AUDIENCE": "a permit is for another executor",
    PermitTool = "PERMIT_TOOL": "a permit is for another tool",
    PermitAction = "PERMIT_ACTION": "a permit is for other arguments, or for another actor, tenant or environment",
    PermitNotYetValid = "PERMIT_NOT_YET_VALID": "a permit was issued later than now",
    PermitExpired = "PERMIT_EXPIRED": "a permit is too old",
    PermitUsed = "PERMIT_USED": "a permit was used before",
    PermitStore = "PERMIT_STORE": "nobody can tell whether a permit was used before",
    PermitsFull = "PERMITS_FULL": "more permits are in use than can be remembered, so none is accepted",
    PolicyUnsigned = "POLICY_UNSIGNED": "a policy has no signature, and the host takes signed ones only",
    PolicyAltered = "POLICY_ALTERED": "a policy, or what it imports, is not what was signed",
    PolicyMisplaced = "POLICY_MISPLACED": "a signed policy stands where another one belongs",
    PolicyRollback = "POLICY_ROLLBACK": "a policy was signed earlier than one of its name that was seen before",
    PolicyNotYetSigned = "POLICY_NOT_YET_SIGNED": "a policy was signed later than now",
    SeenInvalid = "SEEN_INVALID": "what was written down about policies that were seen is not of its form",

    // The command line.
    PolicyRequired = "POLICY_REQUIRED": "no policy was given to decide by",
    FileUnreadable = "FILE_UNREADABLE": "a file cannot be read",
    RecordRedacted = "RECORD_REDACTED": "a log may not keep whole requests, because the policy redacts some of their facts",
    AuditNoReceipt = "AUDIT_NO_RECEIPT": "a line of a log is none of a chain of receipts",
    AuditTorn = "AUDIT_TORN": "the last line of a log ends in the middle",
    AuditChanged = "AUDIT_CHANGED": "a line of a log is not what was written",
    AuditMissing = "AUDIT_MISSING": "lines of a log are not there",
    AuditDuplicated = "AUDIT_DUPLICATED": "a line of a log stands twice, or two have one number",
    AuditReordered = "AUDIT_REORDERED": "a line of a log stands behind a later one",
    AuditReplaced = "AUDIT_REPLACED": "a line of a log was written anew",
    AuditTruncated = "AUDIT_TRUNCATED": "a log ends before a checkpoint says that it did",
    AuditForked = "AUDIT_FORKED": "a checkpoint is of another log, or of another course of this one",
    AuditCheckpoint = "AUDIT_CHECKPOINT": "a checkpoint is none, or its key is not believed",
    AuditUnsigned = "AUDIT_UNSIGNED": "nothing in a log is signed with one of the keys",
    AuditDamaged = "AUDIT_DAMAGED": "a log of receipts does not end in a line that another could follow",
    FileUnwritable = "FILE_UNWRITABLE": "a file cannot be written",
    FileExists = "FILE_EXISTS": "a file is there already and would be overwritten",
    FileTooLarge = "FILE_TOO_LARGE": "a file has more bytes than are read",
    ToolsInvalid = "TOOLS_INVALID": "definitions of tools are none, or cannot be told",
    NothingFound = "NOTHING_FOUND": "there is nothing of the kind that was asked for",
}

impl ProblemCode {
    /// The code that stands on the wire as this text.
    pub fn find(text: &str) -> Option<Self> {
        Self::all().find(|code| code.as_str() == text)
    }
}

impl std::fmt::Display for ProblemCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words_in_capitals_and_meanings_are_one_line() {
        let mut seen = Vec::new();
        for code in ProblemCode::all() {
            let (word, meaning) = (code.as_str(), code.meaning());
            assert!(!seen.contains(&word), "{word} twice");
            assert!(
                word.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'8')
            );
            assert!(!meaning.contains('\n') && !meaning.ends_with('.'));
            seen.push(word);
        }
    }
}

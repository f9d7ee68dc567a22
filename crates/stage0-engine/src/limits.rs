//! Every limit of Stage0 as a named constant with its unit and its reason.
//!
//! A limit that is exceeded is an error with a code of its own, never a silent cut. The figures are
//! far above what real policies and requests need and far below what would cost a host its memory
//! or its deadline.

// --- Requests ---

/// Bytes of one request text. A tool call with a large document as argument fits.
pub const REQUEST_BYTES_MAX: usize = 1_000_000;
/// Nesting of lists and objects in a request.
pub const REQUEST_DEPTH_MAX: usize = 64;
/// Values (scalars, lists, objects and keys) in one request: memory stays under 12 bytes times this.
pub const REQUEST_NODES_MAX: usize = 200_000;
/// Characters of `goal`.
pub const GOAL_CHARS_MAX: usize = 8_000;
/// Entries of `tools`, `constraints`, `side_effects` and `success_criteria`, each.
pub const REQUEST_LIST_ITEMS_MAX: usize = 200;
/// Texts in `trusted`.
pub const TRUSTED_TEXTS_MAX: usize = 200;
/// Fields unknown to the contract that a decision names; of more only the number is told.
pub const UNKNOWN_FIELDS_TOLD_MAX: usize = 20;
/// Catalogued names that one decision compares with unknown ones for a did-you-mean, about a
/// microsecond each; where there are more, none is looked for.
pub const NAMES_COMPARED_MAX: usize = 10_000;
/// Bytes of a tool's name.
pub const TOOL_NAME_BYTES_MAX: usize = 128;
/// Bytes of a call's id: it is kept with the state of the run.
pub const CALL_ID_BYTES_MAX: usize = 512;
/// Bytes of a request id.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

// --- Numbers ---

/// Significant digits of a number; more is an error, never a rounding.
pub const NUMBER_DIGITS_MAX: u32 = 28;
/// Digits after the decimal point, once trailing zeros are dropped.
pub const NUMBER_SCALE_MAX: u32 = 28;

// --- Policies ---

/// Bytes of one policy file.
pub const POLICY_BYTES_MAX: usize = 16_000_000;
/// Nesting of a policy file.
pub const POLICY_DEPTH_MAX: usize = 64;
/// Files and packs that one policy may bring together.
pub const POLICY_FILES_MAX: usize = 256;
/// Rules of one policy, its imports included.
pub const RULES_MAX: usize = 100_000;
/// Catalogued tools of one policy.
pub const TOOLS_MAX: usize = 100_000;
/// Named expressions (`let`) of one policy.
pub const LETS_MAX: usize = 10_000;
/// Effect classes: the built-in ones and a policy's own. They are kept as bits.
pub const EFFECTS_MAX: usize = 128;
/// Problems reported for one policy; more would not be read.
pub const PROBLEMS_MAX: usize = 200;
/// Bytes of an issue code.
pub const ISSUE_CODE_BYTES_MAX: usize = 64;
/// Nesting of an argument schema.
pub const SCHEMA_DEPTH_MAX: usize = 16;

// --- Conditions ---

/// Bytes of one condition's text.
pub const CONDITION_BYTES_MAX: usize = 65_536;
/// Nodes of one condition's tree.
pub const CONDITION_NODES_MAX: usize = 10_000;
/// Nesting of one condition (parentheses, calls, unary operators, conditionals, left-deep chains
/// excluded): what a person could still read, with room to spare.
pub const CONDITION_DEPTH_MAX: usize = 128;
/// Loops within loops (`exists`, `all`, ...) in one condition.
pub const LOOP_DEPTH_MAX: usize = 3;
/// Elements that one loop may visit; a longer list is an error, hence DENY.
pub const LOOP_ITEMS_MAX: usize = 10_000;
/// Steps that one loop, with the loops inside it, may take: instructions, elements that `in` compares
/// and texts by their length. About a tenth of a second; more is an error, hence DENY.
pub const LOOP_STEPS_MAX: u64 = 10_000_000;
/// Steps that one evaluation of a condition may take, all its loops and comparisons together: about
/// half a second. It is [`CONDITION_COST_MAX`] held against what really happens.
pub const CONDITION_STEPS_MAX: u64 = 50_000_000;
/// Elements that a loop counts as in the static cost model; what longer lists take is counted as it
/// runs.
pub const LOOP_COST_ITEMS: u64 = 1_000;
/// Elements that loops within loops count as, all together.
pub const LOOP_COST_VISITS: u64 = 100_000;
/// Steps of one condition by the static cost model: about half a second.
pub const CONDITION_COST_MAX: u64 = 50_000_000;
/// Bytes of a text given to `matches`.
pub const MATCH_TEXT_BYTES_MAX: usize = 65_536;
/// Steps of one call of `matches`: linear in the text, but the factor is the pattern's size. A third
/// of a second; more is an error, hence DENY.
pub const MATCH_STEPS_MAX: usize = 10_000_000;
/// Bytes of a compiled regular expression.
pub const REGEX_BYTES_MAX: usize = 262_144;
/// Bytes of texts and list entries that one evaluation of a condition may build (`+`, `map`,
/// `filter`, ...): as many as a request may have.
pub const SCRATCH_BYTES_MAX: usize = 1_000_000;
/// Bytes of a text given to a domain function such as `argv`, `host` or `path_within`.
pub const FUNCTION_TEXT_BYTES_MAX: usize = 65_536;

// --- State ---

/// Amounts that one counter keeps apart. Of more, those that lie nearest to each other are joined at the
/// later of their times.
pub const COUNTER_ENTRIES_MAX: usize = 64;
/// Decisions of a run that are remembered, so that asking twice about one call counts once.
pub const ASKED_MAX: usize = 32;
/// Requests of one batch.
pub const BATCH_MAX: usize = 256;
/// Calls of a run that are remembered, so that the same call again is known as such.
pub const CALLED_MAX: usize = 64;
/// Tools of one run that are counted apart; a call of a further one is DEFER `STATE_FULL`.
pub const RUN_TOOLS_MAX: usize = 128;
/// Counters that one run has; a call that needs a further one is DEFER `STATE_FULL`.
pub const RUN_COUNTERS_MAX: usize = 64;
/// Labels that a policy may declare.
pub const LABELS_MAX: usize = 64;
/// Facts that a limit may be `per`.
pub const LIMIT_PER_MAX: usize = 8;
/// Bytes of a state's text: far above what the bounds above allow.
pub const STATE_BYTES_MAX: usize = 1_000_000;

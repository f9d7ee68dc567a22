//! The keys of constraints, each with its spellings and the form of its value: one table.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// How a constraint's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintShape {
    /// Set, or `true` or `false`.
    Flag,
    /// Set, or the names of what is used for it: `docker`.
    Means,
    /// Names separated by commas, brackets optional.
    List,
    /// A whole number from 0.
    Count,
    /// A decimal from 0.
    Decimal,
    /// `300s`, `15m`, `2h`, or a number of seconds.
    Span,
    /// `business_hours` or a weekly window.
    Window,
    /// A phrase that says how careful the agent means to be: advice, which an effect may contradict.
    Promise,
}

impl ConstraintShape {
    /// What a usable value looks like.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Flag | Self::Means | Self::Promise => "true",
            Self::List => "a, b",
            Self::Count => "5",
            Self::Decimal => "2.50",
            Self::Span => "300s",
            Self::Window => "Mon-Fri 09:00-17:00 Europe/Berlin",
        }
    }
}

/// One constraint of the vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub struct ConstraintKey {
    /// Its name as a fact: `constraint.name`.
    pub name: &'static str,
    /// How its value is written.
    pub shape: ConstraintShape,
    /// Folded spellings besides the name.
    pub spellings: &'static [&'static str],
    set: ConstraintSet,
}

impl ConstraintKey {
    /// The set with only this key.
    pub const fn set(&self) -> ConstraintSet {
        self.set
    }
}

const fn key(
    name: &'static str,
    shape: ConstraintShape,
    spellings: &'static [&'static str],
) -> ConstraintKey {
    ConstraintKey {
        name,
        shape,
        spellings,
        set: ConstraintSet(0),
    }
}

/// Gives each key the bit of its place.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which refuses an index out of bounds and bits that run out"
)]
const fn numbered<const N: usize>(mut keys: [ConstraintKey; N]) -> [ConstraintKey; N] {
    let mut place = 0;
    while place < N {
        keys[place].set = ConstraintSet(1 << place);
        place += 1;
    }
    keys
}

/// Every constraint that becomes a fact.
pub const CONSTRAINT_KEYS: &[ConstraintKey] = &numbered([
    key(
        "allowed_channel",
        ConstraintShape::List,
        &["allowed_channels"],
    ),
    key(
        "allowed_environment",
        ConstraintShape::List,
        &["allowed_environments"],
    ),
    key(
        "allowed_mcp_servers",
        ConstraintShape::List,
        &["allowed_mcp_server"],
    ),
    key("allowed_tools", ConstraintShape::List, &["allowed_tool"]),
    key(
        "allowlist",
        ConstraintShape::Means,
        &["allow_list", "allowlisted"],
    ),
    key(
        "approval_required",
        ConstraintShape::Flag,
        &[
            "approval",
            "human_approval_required",
            "human_approval",
            "require_approval",
            "requires_approval",
        ],
    ),
    key(
        "change_window",
        ConstraintShape::Window,
        &[
            "allowed_change_window",
            "business_hours_only",
            "business_hours",
        ],
    ),
    key("max_cost_usd", ConstraintShape::Decimal, &[]),
    key("max_iterations", ConstraintShape::Count, &[]),
    key(
        "max_records",
        ConstraintShape::Count,
        &["max_records_per_request"],
    ),
    key("max_retries", ConstraintShape::Count, &[]),
    key(
        "mfa_required",
        ConstraintShape::Flag,
        &["require_mfa", "requires_mfa"],
    ),
    key(
        "no_repeat_calls",
        ConstraintShape::Flag,
        &["no_repeated_calls"],
    ),
    key("required_role", ConstraintShape::List, &["required_roles"]),
    key("resource_scope", ConstraintShape::List, &[]),
    key(
        "rollback_plan_required",
        ConstraintShape::Flag,
        &["require_rollback_plan"],
    ),
    key("same_tool_limit", ConstraintShape::Count, &["same_tool"]),
    key("sandbox", ConstraintShape::Means, &["sandboxed"]),
    key("tenant_isolation", ConstraintShape::Flag, &[]),
    key(
        "ticket_required",
        ConstraintShape::Flag,
        &["require_ticket", "requires_ticket"],
    ),
    key("timeout", ConstraintShape::Span, &["timeout_seconds"]),
    key("dry_run", ConstraintShape::Promise, &["dry_run_only"]),
    key(
        "human_review_required",
        ConstraintShape::Promise,
        &["human_review", "require_human_review"],
    ),
    key(
        "informational_only",
        ConstraintShape::Promise,
        &["information_only", "for_information_only", "advisory_only"],
    ),
    key(
        "internal_draft_only",
        ConstraintShape::Promise,
        &["internal_draft", "draft_only", "drafts_only"],
    ),
    key(
        "no_external_side_effects",
        ConstraintShape::Promise,
        &["no_external_side_effect", "no_external_effects"],
    ),
    key(
        "no_side_effects",
        ConstraintShape::Promise,
        &["no_side_effect", "without_side_effects"],
    ),
    key(
        "read_only",
        ConstraintShape::Promise,
        &["readonly", "read_only_access", "no_writes"],
    ),
]);

/// Every key, by each of its spellings.
pub(super) static KEYS_BY_SPELLING: LazyLock<FxHashMap<&'static str, &'static ConstraintKey>> =
    LazyLock::new(|| {
        let spellings = CONSTRAINT_KEYS.iter().flat_map(|key| {
            let spellings = key.spellings.iter().chain([&key.name]);
            spellings.map(move |spelling| (*spelling, key))
        });
        spellings.collect()
    });

/// Some keys of the vocabulary, as bits by their places in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConstraintSet(u32);

impl ConstraintSet {
    /// The set with only the key of this name; the empty one if there is none.
    pub fn named(name: &str) -> Self {
        let key = CONSTRAINT_KEYS.iter().find(|key| key.name == name);
        key.map_or(Self::default(), ConstraintKey::set)
    }

    /// The keys of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The keys that both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The keys that the other set does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The keys in the order of the table, where those with a value are sorted by name.
    pub fn keys(self) -> impl Iterator<Item = &'static ConstraintKey> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            // Without a bit left this is behind the table.
            let place = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            CONSTRAINT_KEYS.get(place as usize)
        })
    }
}

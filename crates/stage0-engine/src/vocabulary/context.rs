//! The context keys of the wire contract, with their types.
//!
//! Any other key may be used as well; these are the ones that tools and policies agree on, so a
//! misspelt one can be pointed at and a comparison with the wrong type is found while loading.

/// The type of a context key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextType {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// A list of texts.
    Texts,
    /// An object.
    Object,
    /// Anything.
    Any,
}

/// Every key of the contract.
pub const CONTEXT_KEYS: &[(&str, ContextType)] = &[
    ("active_mcp_servers", ContextType::Texts),
    ("actor_id", ContextType::Text),
    ("actor_role", ContextType::Text),
    ("agent_name", ContextType::Text),
    ("approval", ContextType::Any),
    ("approval_reason", ContextType::Text),
    ("approval_status", ContextType::Text),
    ("approved_at", ContextType::Text),
    ("approved_by", ContextType::Text),
    ("cumulative_cost_usd", ContextType::Number),
    ("current_iteration", ContextType::Number),
    ("current_tool", ContextType::Text),
    ("customer_visible_approved", ContextType::Bool),
    ("elapsed_seconds", ContextType::Number),
    ("environment", ContextType::Text),
    ("loop_state", ContextType::Object),
    ("mfa_verified", ContextType::Bool),
    ("output_policy", ContextType::Any),
    ("recent_tools", ContextType::Texts),
    ("record_count", ContextType::Number),
    ("request_channel", ContextType::Text),
    ("requested_at", ContextType::Text),
    ("resource_scope", ContextType::Any),
    ("retry_count", ContextType::Number),
    ("rollback_plan", ContextType::Any),
    ("run_id", ContextType::Text),
    ("target_resources", ContextType::Texts),
    ("target_tenants", ContextType::Texts),
    ("tenant_id", ContextType::Text),
    ("ticket_id", ContextType::Text),
    ("user_role", ContextType::Text),
];

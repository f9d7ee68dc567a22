//! Text to request and policy.

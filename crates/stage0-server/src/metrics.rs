//! What the server counts of itself, for Prometheus.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the latency's buckets, in seconds.
const LATENCY_BOUNDS: [f64; 12] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// Counters and histograms.
pub(crate) struct Metrics {
    registry: Registry,
    /// Decisions by verdict.
    pub(crate) decisions: Family<VerdictLabel, Counter>,
    /// Issues of MEDIUM and above, by code and verdict.
    pub(crate) issues: Family<CodeLabel, Counter>,
    /// Seconds from a request's last byte to its kept decision.
    pub(crate) latency: Histogram,
    /// Answers by route and status.
    pub(crate) answers: Family<AnswerLabel, Counter>,
    /// Requests that a quota or rate refused, by plan and span.
    pub(crate) quota_refusals: Family<QuotaLabel, Counter>,
    /// Things that could not be kept.
    pub(crate) store_failures: Counter,
    /// Decisions that were given without a record, where that is allowed.
    pub(crate) unrecorded: Counter,
    /// Times that a policy was loaded, by what came of it.
    pub(crate) reloads: Family<ReloadLabel, Counter>,
    /// Whether the store takes writes: 1 or 0.
    pub(crate) store_up: Gauge,
    /// Whether everything is denied by an operator: 1 or 0.
    pub(crate) halted: Gauge,
    /// Connections that are open.
    pub(crate) connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct VerdictLabel {
    pub(crate) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CodeLabel {
    pub(crate) code: String,
    pub(crate) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AnswerLabel {
    pub(crate) route: &'static str,
    pub(crate) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct QuotaLabel {
    pub(crate) plan: String,
    pub(crate) span: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReloadLabel {
    pub(crate) result: ReloadResult,
}

/// What came of loading a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum ReloadResult {
    Loaded,
    Refused,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("stage0");
        let metrics = Self {
            decisions: Family::default(),
            issues: Family::default(),
            latency: Histogram::new(LATENCY_BOUNDS),
            answers: Family::default(),
            quota_refusals: Family::default(),
            store_failures: Counter::default(),
            unrecorded: Counter::default(),
            reloads: Family::default(),
            store_up: Gauge::default(),
            halted: Gauge::default(),
            connections: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.store_up.set(1);
        let m = &metrics;
        registry.register("decisions", "Decisions by verdict", m.decisions.clone());
        registry.register(
            "issues",
            "Issues of MEDIUM and above, by code and by the verdict that they led to",
            m.issues.clone(),
        );
        registry.register_with_unit(
            "check_latency",
            "Time from a request to its decision, kept",
            Unit::Seconds,
            m.latency.clone(),
        );
        registry.register(
            "http_answers",
            "Answers by route and status",
            m.answers.clone(),
        );
        registry.register(
            "quota_refusals",
            "Requests that a quota or rate refused, by plan and span",
            m.quota_refusals.clone(),
        );
        registry.register(
            "store_failures",
            "Requests that were refused because something could not be kept",
            m.store_failures.clone(),
        );
        registry.register(
            "unrecorded_decisions",
            "Decisions that were given without a record, where that is allowed",
            m.unrecorded.clone(),
        );
        registry.register(
            "policy_reloads",
            "Policies that were read, by what came of it",
            m.reloads.clone(),
        );
        registry.register(
            "store_up",
            "Whether the store took the last write: 1 or 0",
            m.store_up.clone(),
        );
        registry.register(
            "halted",
            "Whether everything is denied by an operator: 1 or 0",
            m.halted.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            m.connections.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// All of it, as text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

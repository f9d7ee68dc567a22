//! The routes as data: what the router is made of, and what `/openapi.json` tells.

use stage0_store::Scope;

/// One way in.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// As axum and `OpenAPI` write it: values in braces.
    pub(super) path: &'static str,
    /// Who may use it; everybody, if no scope is named.
    pub(super) scope: Option<Scope>,
    pub(super) summary: &'static str,
    /// What the query may say.
    pub(super) query: &'static [Parameter],
    /// The name of the body's schema.
    pub(super) body: Option<&'static str>,
    /// The name of the answer's schema, or what kind of text it is.
    pub(super) answer: Told,
    /// What else it may answer with, beside what every route may.
    pub(super) refuses: &'static [u16],
}

/// What is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// JSON of this schema.
    Json(&'static str),
    /// Text of this kind.
    Text(&'static str),
}

/// A parameter of a query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// Its schema, as JSON.
    pub(super) schema: &'static str,
    pub(super) about: &'static str,
}

const TEXT: &str = r#"{"type":"string"}"#;

const fn parameter(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        schema,
        about,
    }
}

const RUN_ID: Parameter = parameter("run_id", TEXT, "Those of this run");
const REQUEST_ID: Parameter = parameter("request_id", TEXT, "Those of this request");

const ROUTE: Route = Route {
    method: "GET",
    path: "",
    scope: None,
    summary: "",
    query: &[],
    body: None,
    answer: Told::Text("text/plain; charset=utf-8"),
    refuses: &[],
};

pub(super) const CHECK: Route = Route {
    method: "POST",
    path: "/check",
    scope: Some(Scope::Check),
    summary: "Decide one request. Every verdict is a 200; whatever is not a 200 is no decision, and nothing may run",
    body: Some("Request"),
    answer: Told::Json("Decision"),
    refuses: &[402, 413, 415, 422, 429],
    ..ROUTE
};
pub(super) const CHECK_BATCH: Route = Route {
    method: "POST",
    path: "/check/batch",
    scope: Some(Scope::Check),
    summary: "Decide several requests: as steps, or together, so that either all are allowed or none",
    body: Some("Batch"),
    answer: Told::Json("BatchAnswer"),
    refuses: &[402, 413, 415, 422, 429],
    ..ROUTE
};
pub(super) const OUTCOME: Route = Route {
    method: "POST",
    path: "/outcome",
    scope: Some(Scope::Check),
    summary: "Tell what became of a call; what it did not spend is given back to limits",
    body: Some("Outcome"),
    answer: Told::Json("OutcomeAnswer"),
    refuses: &[404, 409, 413, 415, 422],
    ..ROUTE
};
pub(super) const USAGE: Route = Route {
    path: "/usage",
    scope: Some(Scope::Check),
    summary: "How much of its plan the key that asks has used",
    query: &[parameter("environment", TEXT, "Echoed")],
    answer: Told::Json("Usage"),
    refuses: &[422],
    ..ROUTE
};
pub(super) const DECISIONS: Route = Route {
    path: "/decisions",
    scope: Some(Scope::Read),
    summary: "Decisions, the newest first",
    query: &[
        REQUEST_ID,
        parameter(
            "verdict",
            r#"{"type":"string","enum":["ALLOW","DENY","DEFER"]}"#,
            "Those with this verdict",
        ),
        RUN_ID,
        parameter(
            "since",
            r#"{"type":"string","format":"date-time"}"#,
            "Those made from here on",
        ),
        parameter(
            "before",
            r#"{"type":"integer","minimum":0}"#,
            "The next page: `next_before` of the one before",
        ),
        parameter(
            "limit",
            r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#,
            "At most so many",
        ),
    ],
    answer: Told::Json("Decisions"),
    refuses: &[422],
    ..ROUTE
};
pub(super) const DECISION: Route = Route {
    path: "/decisions/{request_id}",
    scope: Some(Scope::Read),
    summary: "One decision with its receipt and what became of the call",
    answer: Told::Json("DecisionEntry"),
    refuses: &[404, 422],
    ..ROUTE
};
pub(super) const APPROVALS: Route = Route {
    path: "/approvals",
    scope: Some(Scope::Read),
    summary: "What waits for people, and what did",
    query: &[
        parameter(
            "status",
            r#"{"type":"string","enum":["pending","granted","rejected","used","expired"]}"#,
            "Those with which it stands so",
        ),
        RUN_ID,
        REQUEST_ID,
    ],
    answer: Told::Json("Approvals"),
    refuses: &[422],
    ..ROUTE
};
pub(super) const APPROVAL: Route = Route {
    path: "/approvals/{id}",
    scope: Some(Scope::Read),
    summary: "One approval",
    answer: Told::Json("Approval"),
    refuses: &[404, 422],
    ..ROUTE
};
pub(super) const REQUEST_APPROVAL: Route = Route {
    method: "POST",
    path: "/approvals",
    scope: Some(Scope::Check),
    summary: "The approval that a deferred request waits for; the `stage0-approval-id` of its answer names it too",
    body: Some("ApprovalRequest"),
    answer: Told::Json("Approval"),
    refuses: &[404, 409, 413, 415, 422],
    ..ROUTE
};
pub(super) const GRANT: Route = Route {
    method: "POST",
    path: "/approvals/{id}/grant",
    scope: Some(Scope::Approve),
    summary: "A person's yes, or a signed one. Whether it is enough is decided with the next check of the same action",
    body: Some("Grant"),
    answer: Told::Json("Approval"),
    refuses: &[404, 409, 413, 415, 422],
    ..ROUTE
};
pub(super) const REJECT: Route = Route {
    method: "POST",
    path: "/approvals/{id}/reject",
    scope: Some(Scope::Approve),
    summary: "A person's no, which stands whatever the policy says later",
    body: Some("Rejection"),
    answer: Told::Json("Approval"),
    refuses: &[404, 409, 413, 415, 422],
    ..ROUTE
};
pub(super) const POLICY: Route = Route {
    path: "/policy",
    scope: Some(Scope::Read),
    summary: "The policy that decides, and why a newer one that is there does not",
    answer: Told::Json("PolicyInForce"),
    refuses: &[422],
    ..ROUTE
};
pub(super) const RELOAD: Route = Route {
    method: "POST",
    path: "/policy/reload",
    scope: Some(Scope::Admin),
    summary: "Read the policy again, now",
    answer: Told::Json("Reloaded"),
    refuses: &[422],
    ..ROUTE
};
pub(super) const METRICS: Route = Route {
    path: "/metrics",
    scope: Some(Scope::Read),
    summary: "What the server counts of itself, for Prometheus",
    answer: Told::Text("application/openmetrics-text"),
    ..ROUTE
};
pub(super) const EVALUATION: Route = Route {
    method: "POST",
    path: "/access/v1/evaluation",
    scope: Some(Scope::Check),
    summary: "AuthZEN 1.0: one evaluation. The action is the tool, its properties the arguments",
    body: Some("Evaluation"),
    answer: Told::Json("EvaluationAnswer"),
    refuses: &[402, 413, 415, 422, 429],
    ..ROUTE
};
pub(super) const EVALUATIONS: Route = Route {
    method: "POST",
    path: "/access/v1/evaluations",
    scope: Some(Scope::Check),
    summary: "AuthZEN 1.0: several evaluations",
    body: Some("Evaluations"),
    answer: Told::Json("EvaluationsAnswer"),
    refuses: &[402, 413, 415, 422, 429],
    ..ROUTE
};
pub(super) const AUTHZEN: Route = Route {
    path: "/.well-known/authzen-configuration",
    summary: "AuthZEN 1.0: where evaluations are asked",
    answer: Told::Json("AuthzenConfiguration"),
    ..ROUTE
};
pub(super) const HEALTHZ: Route = Route {
    path: "/healthz",
    summary: "Whether the process answers",
    answer: Told::Json("Health"),
    ..ROUTE
};
pub(super) const READYZ: Route = Route {
    path: "/readyz",
    summary: "Whether decisions can be made and kept, and by which policy",
    answer: Told::Json("Readiness"),
    ..ROUTE
};
pub(super) const HALT: Route = Route {
    method: "POST",
    path: "/halt",
    scope: Some(Scope::Admin),
    summary: "Deny everything from here on, whatever the policy and people say, also after the server has begun anew",
    body: Some("HaltRequest"),
    answer: Told::Json("HaltAnswer"),
    refuses: &[413, 415, 422],
    ..ROUTE
};
pub(super) const RESUME: Route = Route {
    method: "POST",
    path: "/resume",
    scope: Some(Scope::Admin),
    summary: "Let the policy decide again",
    body: Some("ResumeRequest"),
    answer: Told::Json("HaltAnswer"),
    refuses: &[413, 415, 422],
    ..ROUTE
};
pub(super) const OPENAPI: Route = Route {
    path: "/openapi.json",
    summary: "This description",
    answer: Told::Json("Anything"),
    ..ROUTE
};
pub(super) const DOCS: Route = Route {
    path: "/docs",
    summary: "The same, to read",
    answer: Told::Text("text/html; charset=utf-8"),
    ..ROUTE
};

pub(super) const SCRIPT: Route = Route {
    path: "/docs/page.js",
    ..ROUTE
};
pub(super) const STYLE: Route = Route {
    path: "/docs/page.css",
    ..ROUTE
};

/// All of them that are told, in their order.
pub(super) const ROUTES: [&Route; 22] = [
    &CHECK,
    &CHECK_BATCH,
    &OUTCOME,
    &REQUEST_APPROVAL,
    &APPROVALS,
    &APPROVAL,
    &GRANT,
    &REJECT,
    &DECISIONS,
    &DECISION,
    &USAGE,
    &POLICY,
    &RELOAD,
    &HALT,
    &RESUME,
    &EVALUATION,
    &EVALUATIONS,
    &AUTHZEN,
    &METRICS,
    &HEALTHZ,
    &READYZ,
    &OPENAPI,
];

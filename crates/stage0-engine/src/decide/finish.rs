//! What was found becomes a decision: sorted, merged, weighed.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::order::sorted;
use super::rule::{Asked, Inquiry, Outcome};
use super::subject::{Plan, Subject, View, sentence};
use super::{Counts, Finding, REMARK, mode_of};
use crate::approval::Spent;
use crate::codes::IssueCode;
use crate::condition::Step;
use crate::condition::timing::earlier;
use crate::decision::{
    CostEstimate, Decision, Detail, GuardrailCheck, Issue, Needs, Resolution, ToolVerdict, Who,
    Would,
};
use crate::facts::FactRoot;
use crate::host::Host;
use crate::index::reads::FactSet;
use crate::index::{Candidates, CompiledRule, Layer, PolicyIndex, RuleKind};
use crate::legible::one_line;
use crate::limits::NAMES_COMPARED_MAX;
use crate::number::Number;
use crate::policy::{Mode, Severity, Verdict};
use crate::request::Request;
use crate::schema_check::check;
use crate::state::{Move, Traces};
use crate::suggest::nearest;
use crate::time::Timestamp;
use crate::vocabulary::constraint::{Constraint, ConstraintSet, ConstraintValue, nearly};
use crate::vocabulary::effect::EffectSet;

/// Free constraints of which each is compared with the whole vocabulary.
const CONSTRAINTS_COMPARED_MAX: usize = 8;

/// Characters of a caller's word that are told.
const WORD_CHARS_MAX: usize = 64;

/// A decision in the making.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(super) policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    request_id: &'a str,
    host_mode: Mode,
    now: Timestamp,
    pub(crate) findings: Vec<Finding<'a>>,
    /// What the limits count of this call.
    pub(crate) moves: Vec<Move>,
    /// Whose recorded or signed approval counted.
    approvers: Vec<String>,
    depends_on: FactSet,
    valid_until: Option<Timestamp>,
    tool_verdicts: SmallVec<[ToolVerdict<'a>; 1]>,
    checks: Vec<GuardrailCheck<'a>>,
    /// Constraints that the request states and that have a value.
    constraints: ConstraintSet,
    /// Those of them that a rule read and could judge.
    guardrails: ConstraintSet,
}

/// What the request's own constraints say about what it may cost.
#[derive(Debug, Clone, Copy, Default)]
struct CostLimits {
    /// How often each tool may be called.
    iterations: Option<Number>,
    /// The most that may be spent, in US dollars.
    most: Option<Number>,
}

impl CostLimits {
    /// Those that a request states.
    fn of(request: &Request<'_>) -> Self {
        let mut limits = Self::default();
        for constraint in request.readings() {
            if let Constraint::Known { key, value } = constraint {
                limits.note(key.name, value);
            }
        }
        limits
    }

    fn note(&mut self, name: &str, value: &ConstraintValue) {
        let ConstraintValue::Number(value) = value else {
            return;
        };
        let limit = match name {
            "max_iterations" => &mut self.iterations,
            "max_cost_usd" => &mut self.most,
            _ => return,
        };
        *limit = Some(limit.map_or(*value, |known| known.min(*value)));
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        policy: &'a PolicyIndex,
        request: &'a Request<'a>,
        host: &Host<'a>,
        now: Timestamp,
    ) -> Self {
        Self {
            policy,
            request,
            request_id: host.request_id,
            host_mode: host.mode,
            now,
            findings: Vec::new(),
            moves: Vec::new(),
            approvers: Vec::new(),
            depends_on: FactSet::default(),
            valid_until: None,
            tool_verdicts: SmallVec::new(),
            checks: Vec::new(),
            constraints: ConstraintSet::default(),
            guardrails: ConstraintSet::default(),
        }
    }

    // --- Findings of the engine ---

    /// A finding about the request as a whole.
    pub(crate) fn engine(
        &mut self,
        code: IssueCode,
        verdict: Verdict,
        message: impl Into<Cow<'a, str>>,
        resolution: Option<Resolution>,
        details: Vec<(&'static str, Detail)>,
    ) {
        self.push(
            (code.as_str(), code.severity()),
            verdict,
            message.into(),
            Cow::Borrowed(""),
            resolution,
            details,
        );
    }

    /// A finding about one tool.
    pub(crate) fn engine_on(
        &mut self,
        subject: &Subject<'a>,
        code: IssueCode,
        verdict: Verdict,
        message: impl Into<Cow<'a, str>>,
        resolution: Option<Resolution>,
        details: Vec<(&'static str, Detail)>,
    ) {
        let tool = subject.name.map_or(Cow::Borrowed(""), Cow::Borrowed);
        let code = (code.as_str(), code.severity());
        self.push(code, verdict, message.into(), tool, resolution, details);
    }

    fn push(
        &mut self,
        (code, severity): (&'a str, Severity),
        verdict: Verdict,
        message: Cow<'a, str>,
        tool: Cow<'a, str>,
        resolution: Option<Resolution>,
        details: Vec<(&'static str, Detail)>,
    ) {
        let issue = Issue {
            code,
            severity,
            message,
            rule: "",
            family: "",
            tool,
            details,
            resolution,
        };
        self.findings.push(Finding {
            verdict,
            issue,
            counts: Counts::Always,
            questions: Vec::new(),
        });
    }

    /// Fields nobody knows, constraints nobody can use, effects nobody has named.
    pub(crate) fn remark_on_request(&mut self) {
        for field in self.request.unknown_fields() {
            let hint = field
                .nearest
                .map(|near| format!("; did you mean `{near}`?"));
            let message = format!(
                "The request has no field `{}`{}",
                field.path,
                hint.as_deref().unwrap_or(".")
            );
            let details = vec![("field", Detail::Text(field.path.clone().into()))];
            self.engine(IssueCode::UNKNOWN_FIELD, REMARK, message, None, details);
        }
        if self.request.unknown_fields_untold() > 0 {
            let message = format!(
                "The request has {} further fields that are unknown.",
                self.request.unknown_fields_untold()
            );
            self.engine(IssueCode::UNKNOWN_FIELD, REMARK, message, None, Vec::new());
        }
        let mut is_plain = true;
        for constraint in self.request.readings() {
            match constraint {
                Constraint::Known { key, .. } => {
                    self.constraints = self.constraints.union(key.set());
                }
                Constraint::Off(_) | Constraint::Promise(_) => {}
                Constraint::Free | Constraint::Invalid(_) => is_plain = false,
            }
        }
        if !is_plain {
            self.remark_on_constraints();
        }
    }

    /// Constraints that nobody can use, or that are probably misspelt.
    #[inline(never)]
    fn remark_on_constraints(&mut self) {
        let mut compared = 0_usize;
        for (text, constraint) in self.request.read_constraints() {
            match constraint {
                Constraint::Known { .. } | Constraint::Off(_) | Constraint::Promise(_) => {}
                // A promise that is merely misspelt would silently be kept by nobody.
                Constraint::Free if compared < CONSTRAINTS_COMPARED_MAX => {
                    compared = compared.saturating_add(usize::from(text.contains([':', '='])));
                    if let Some(near) = nearly(text) {
                        let shown = one_line(text, WORD_CHARS_MAX);
                        let message = format!(
                            "The constraint `{shown}` is taken as advice; did you mean `{near}`?"
                        );
                        let details = vec![("constraint", Detail::Text(text.to_owned().into()))];
                        let code = IssueCode::CONSTRAINT_NOT_UNDERSTOOD;
                        self.engine(code, REMARK, message, None, details);
                    }
                }
                Constraint::Free => {}
                Constraint::Invalid(key) => {
                    let message = format!(
                        "The constraint `{}` has a value that cannot be used.",
                        key.name
                    );
                    let fix = Resolution::new(Needs::Fix, Who::Agent);
                    let example = format!("{}: {}", key.name, key.shape.example());
                    let details = vec![
                        ("constraint", Detail::Text(text.to_owned().into())),
                        ("example", Detail::Text(example.into())),
                    ];
                    self.engine(
                        IssueCode::CONSTRAINT_INVALID,
                        Verdict::Deny,
                        message,
                        Some(fix),
                        details,
                    );
                }
            }
        }
    }

    /// A request that was made for another policy is not decided by this one. The doors for texts
    /// refuse it before it comes here.
    pub(crate) fn hold_to_version(&mut self) {
        let asserted = self.request.policy_pack_version();
        let label = &self.policy.label;
        if asserted.is_empty() || asserted == &**label {
            return;
        }
        let asserted = one_line(asserted, WORD_CHARS_MAX);
        let message = format!("The request asserts the policy {asserted}, and this is {label}.");
        let fix = Resolution::new(Needs::Fix, Who::Agent);
        let code = IssueCode::POLICY_VERSION_MISMATCH;
        self.engine(code, Verdict::Deny, message, Some(fix), Vec::new());
    }

    /// Notes whose approval counted, and what is used of it if the call is made.
    pub(crate) fn spend(&mut self, spent: Spent, is_call: bool) {
        self.approvers.extend(spent.by);
        if is_call {
            self.moves.extend(spent.moves);
        }
    }

    /// What the call leaves on its run besides having been made.
    fn traces(&mut self, plan: &Plan<'a>) -> Option<Box<Traces<'a>>> {
        let subject = plan.subjects.first().filter(|subject| subject.is_call)?;
        let mut labels: Vec<&'a str> = subject.views.iter().flat_map(View::labels).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut views = subject.views.iter();
        let cost = views.find_map(|view| view.tool.and_then(|tool| tool.cost_usd));
        let moves = core::mem::take(&mut self.moves);
        if labels.is_empty() && cost.is_none() && moves.is_empty() {
            return None;
        }
        Some(Box::new(Traces {
            labels,
            cost: cost.map_or(Number::ZERO, |(_, most)| most),
            moves,
        }))
    }

    /// The catalogued name that an unknown one was probably meant to be. In a plan every tool may be
    /// unknown, and a catalog may be large: then none is looked for.
    pub(crate) fn nearest_tool(&self, layer: &'a Layer, name: &str) -> Option<&'a str> {
        let unknown = if self.request.has_call() {
            1
        } else {
            self.request.tools().count()
        };
        let compared = layer.catalog.name_count().saturating_mul(unknown);
        if compared > NAMES_COMPARED_MAX {
            return None;
        }
        nearest(name, layer.catalog.names())
    }

    /// Where every layer only observes, so is what was found in the request.
    pub(crate) fn observe_request(&mut self) {
        let mut layers = self.policy.layers.iter();
        if layers.all(|layer| mode_of(layer, self.host_mode) == Mode::Observe) {
            for finding in self
                .findings
                .iter_mut()
                .filter(|finding| finding.verdict != REMARK)
            {
                finding.counts = Counts::IfEnforced;
            }
        }
    }

    // --- While rules are asked ---

    pub(crate) fn depend_on(&mut self, reads: &FactSet) {
        self.depends_on.unite(reads);
    }

    pub(crate) fn stands_until(&mut self, until: Option<Timestamp>) {
        self.valid_until = earlier(self.valid_until, until);
    }

    /// Notes what a guarding rule and the constraints it reads came to.
    pub(crate) fn check_of(&mut self, rule: &'a CompiledRule, asked: &Asked) {
        // A rule that is about something else has checked nothing.
        if !asked.applies {
            return;
        }
        let satisfied = match asked.outcome {
            Outcome::Fires => matches!(rule.kind, RuleKind::Allow),
            Outcome::Silent => !matches!(rule.kind, RuleKind::Allow),
            Outcome::Undecided
            | Outcome::Broken
            | Outcome::Unapproved(_)
            | Outcome::Exceeded(_)
            | Outcome::Uncounted
            | Outcome::Full => false,
        };
        if let Some(family) = &rule.family {
            self.checks.push(GuardrailCheck {
                family,
                rule: &rule.id,
                satisfied,
            });
        }
        if !matches!(asked.outcome, Outcome::Undecided | Outcome::Broken) {
            let judged = self.constraints.intersection(rule.constraints);
            self.guardrails = self.guardrails.union(judged);
        }
    }

    /// Facts with a declared type that the asked rules read must be of it. Only the rules of this tool
    /// and layer count: what is wrong for one tool is not wrong for those that are decided after it.
    pub(crate) fn check_fact_types<'x>(
        &mut self,
        inquiry: &Inquiry<'a, 'x, '_>,
        candidates: &Candidates,
    ) where
        'a: 'x,
    {
        let layer = inquiry.layer;
        if layer.typed_facts.is_empty() {
            return;
        }
        let mut enforced = FactSet::default();
        for rule in candidates.of(layer).filter(|rule| !rule.observe) {
            enforced.unite(&rule.reads);
        }
        for (slot, schema, issue) in &layer.typed_facts {
            if !candidates.reads.contains(*slot) || !inquiry.is_present(*slot) {
                continue;
            }
            // What only observed rules read blocks no more than they do.
            let counts = if enforced.contains(*slot) {
                Counts::Always
            } else {
                Counts::IfEnforced
            };
            let Some(fact) = self.policy.facts.fact(*slot) else {
                continue;
            };
            let steps = fact.path.steps.as_slice();
            let value = match (fact.root, steps) {
                // The environment may stand beside the context.
                (FactRoot::Context, [Step::Field(name), inner @ ..]) if name == "environment" => {
                    let environment = self.request.environment_value();
                    environment.and_then(|environment| walk(environment, inner))
                }
                (FactRoot::Context, _) => {
                    self.request.context().and_then(|value| walk(value, steps))
                }
                (FactRoot::Args, _) => self
                    .request
                    .arguments()
                    .and_then(|value| walk(value, steps)),
                _ => None,
            };
            let Some(value) = value else { continue };
            let mut violations = Vec::new();
            check(
                &layer.schemas,
                &layer.patterns,
                *schema,
                value,
                &fact.name,
                &mut violations,
            );
            if let Some(mut violation) = violations.into_iter().next() {
                // What is inside a private fact has names that are private too.
                if layer.private.covers(&fact.path) {
                    violation.message = format!("`{}` is not of its declared type", fact.name);
                    violation.path = fact.name.to_string();
                }
                let fix = Resolution::new(Needs::Fix, Who::Person);
                let details = vec![("path", Detail::Text(violation.path.into()))];
                let code = IssueCode::FACT_TYPE;
                self.push(
                    (issue.as_deref().unwrap_or(code.as_str()), code.severity()),
                    Verdict::Deny,
                    sentence(violation.message).into(),
                    Cow::Borrowed(""),
                    Some(fix),
                    details,
                );
                if let Some(finding) = self.findings.last_mut() {
                    finding.counts = counts;
                }
            }
        }
    }

    pub(crate) fn tool_verdict(&mut self, subject: &Subject<'a>, verdict: Verdict) {
        if let Some(name) = subject.name {
            let tool = subject
                .views
                .iter()
                .find_map(|view| view.tool)
                .map(|tool| &*tool.name);
            self.tool_verdicts.push(ToolVerdict {
                name: Cow::Borrowed(name),
                tool,
                verdict,
            });
        }
    }

    // --- The end ---

    /// The strictest of everything that was found so far and counts.
    pub(crate) fn verdict(&self) -> Verdict {
        self.strictest(Counts::now)
    }

    /// The strictest of what counts.
    fn strictest(&self, counts: impl Fn(Counts) -> bool) -> Verdict {
        let counted = self
            .findings
            .iter()
            .filter(|finding| counts(finding.counts));
        let verdicts = counted.map(|finding| finding.verdict);
        verdicts.max().unwrap_or(Verdict::Allow)
    }

    /// What would have been, if anything is merely observed.
    fn would(&self, verdict: Verdict) -> Option<Would<'a>> {
        let is_observed = |layer| mode_of(layer, self.host_mode) == Mode::Observe;
        let observed = self.policy.layers.iter().any(is_observed)
            || self
                .findings
                .iter()
                .any(|finding| finding.counts != Counts::Always);
        let counted = self
            .findings
            .iter()
            .filter(|finding| finding.counts.if_enforced());
        observed.then(|| Would {
            verdict,
            issues: sorted(
                self.policy,
                counted.map(|finding| finding.issue.clone()).collect(),
            ),
        })
    }

    pub(crate) fn finish(mut self, plan: Plan<'a>) -> Decision<'a> {
        let traces = self.traces(&plan);
        self.approvers.sort_unstable();
        self.approvers.dedup();
        let verdict = self.verdict();
        let otherwise = self.strictest(Counts::if_enforced);
        self.remark_on_plan(&plan, verdict, otherwise);
        let would = self.would(otherwise);
        self.findings.retain(|finding| finding.counts.now());
        let (mut questions, mut remarks) = (Vec::new(), Vec::new());
        let asks = |finding: &Finding<'a>| !finding.questions.is_empty();
        if verdict != Verdict::Deny && self.findings.iter().any(asks) {
            self.findings
                .sort_by(|one, two| one.issue.rule.cmp(two.issue.rule));
            for finding in &self.findings {
                let list = match finding.verdict {
                    REMARK => &mut remarks,
                    _ => &mut questions,
                };
                for question in &finding.questions {
                    if !list.contains(question) {
                        list.push(question.clone());
                    }
                }
            }
            remarks.retain(|remark| !questions.contains(remark));
        }
        let findings = core::mem::take(&mut self.findings);
        let issues = sorted(
            self.policy,
            findings.into_iter().map(|finding| finding.issue).collect(),
        );
        let layers = self.policy.layers.iter();
        let modes = layers.map(|layer| mode_of(layer, self.host_mode));
        let observes = modes.clone().any(|mode| mode == Mode::Observe);
        // What an observed rule found is nothing to tell where another one found the same.
        let would =
            would.filter(|would| observes || would.verdict != verdict || would.issues != issues);
        let mode = match would {
            Some(_) => Mode::Observe,
            None => modes.max().unwrap_or_default(),
        };
        self.checks
            .sort_by(|one, two| (one.family, one.rule).cmp(&(two.family, two.rule)));
        // A rule asked for several tools is satisfied if it is for all of them.
        let mut checks: Vec<GuardrailCheck<'a>> = Vec::with_capacity(self.checks.len());
        for check in self.checks {
            match checks.last_mut() {
                Some(last) if last.family == check.family && last.rule == check.rule => {
                    last.satisfied &= check.satisfied;
                }
                _ => checks.push(check),
            }
        }
        let effects = plan
            .subjects
            .iter()
            .filter_map(|subject| subject.views.first())
            .fold(EffectSet::EMPTY, |set, view| set.union(view.effects));
        let cost_estimate = cost(&plan, self.request);
        let (action, digest) = plan.into_action();
        Decision {
            verdict,
            issues,
            questions,
            remarks,
            guardrail_checks: checks,
            cost_estimate,
            request_id: self.request_id,
            evaluated_at: self.now,
            valid_until: self.valid_until,
            tool_verdicts: self.tool_verdicts,
            mode,
            would,
            policy: self.policy,
            request: self.request,
            action,
            digest,
            effects,
            guardrails: self.guardrails,
            depends_on: self.depends_on,
            approvers: self.approvers,
            traces,
        }
    }

    /// Remarks that depend on the whole: declared effects without a class, constraints that no rule
    /// reads, and that a plan's ALLOW is not yet one of its calls.
    fn remark_on_plan(&mut self, plan: &Plan<'a>, verdict: Verdict, otherwise: Verdict) {
        let views = plan.subjects.first().map_or(&[][..], |first| &first.views);
        let mut unknown: Vec<&'a str> = Vec::new();
        for effect in views.iter().flat_map(|view| &view.unknown_effects) {
            if !unknown.contains(effect) {
                unknown.push(effect);
            }
        }
        for effect in unknown {
            let meant = self.policy.layers.first().and_then(|layer| {
                let class = layer.effects.resembled(effect).classes().next();
                let class = class.map(|class| layer.effects.name(class));
                class.or_else(|| nearest(effect, layer.effects.names()))
            });
            let effect = one_line(effect, WORD_CHARS_MAX);
            let hint = meant.map(|near| format!(" Did you mean `{near}`?"));
            let hint = hint.as_deref().unwrap_or_default();
            let message = format!("No class covers the declared effect `{effect}`.{hint}");
            let details = vec![("effect", Detail::Text(effect.into()))];
            self.engine(IssueCode::UNKNOWN_EFFECT, REMARK, message, None, details);
        }
        let layers = &self.policy.layers;
        for unread in &self.policy.unread {
            if self.constraints.intersection(unread.key.set()) == unread.key.set() {
                let name = Detail::Text(Cow::Borrowed(unread.key.name));
                self.engine(
                    IssueCode::CONSTRAINT_NOT_CHECKED,
                    REMARK,
                    &*unread.message,
                    None,
                    vec![("constraint", name)],
                );
            }
        }
        let counts = match (verdict, otherwise) {
            _ if plan.has_call => return,
            (Verdict::Allow, Verdict::Allow) => Counts::Always,
            (Verdict::Allow, _) => Counts::UntilEnforced,
            (_, Verdict::Allow) => Counts::IfEnforced,
            _ => return,
        };
        let first = self.findings.len();
        for subject in &plan.subjects {
            let mut waits = false;
            for (layer, view) in layers.iter().zip(&subject.views) {
                let schemas = view.tool.map_or(&view.schemas, |tool| &tool.schemas);
                waits |= !schemas.is_empty() || reads_args(layer, subject, view);
            }
            if waits {
                let message = "The plan is allowed; the call is decided again with its arguments.";
                self.engine_on(
                    subject,
                    IssueCode::CALL_REQUIRED,
                    REMARK,
                    message,
                    None,
                    Vec::new(),
                );
            }
        }
        for finding in self.findings.iter_mut().skip(first) {
            finding.counts = counts;
        }
    }
}

/// Whether some rule about the tool reads its arguments.
fn reads_args<'a>(layer: &'a Layer, subject: &Subject<'a>, view: &View<'a>) -> bool {
    let mut found = Candidates::default();
    layer.candidates(subject.tool_name(view), view.reach(), &mut found);
    found.of(layer).any(|rule| rule.reads_args)
}

/// The value behind constant steps.
fn walk<'a>(
    value: crate::document::ValueRef<'a>,
    steps: &[Step],
) -> Option<crate::document::ValueRef<'a>> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Position(position) => value.element(*position as usize),
    })
}

/// What the calls may cost, by the catalog and the request's own limits. A sum that is not exact any
/// more is no estimate.
fn cost(plan: &Plan<'_>, request: &Request<'_>) -> Option<CostEstimate> {
    let mut known: Option<(Number, Number)> = None;
    let mut without_cost = 0_u32;
    for subject in &plan.subjects {
        let cost = subject
            .views
            .iter()
            .find_map(|view| view.tool.and_then(|tool| tool.cost_usd));
        let Some((least, most)) = cost else {
            without_cost = without_cost.saturating_add(u32::from(subject.name.is_some()));
            continue;
        };
        let (min, max) = known.unwrap_or((Number::ZERO, Number::ZERO));
        known = Some((min.checked_add(least).ok()?, max.checked_add(most).ok()?));
    }
    let (min, mut max) = known?;
    let limits = CostLimits::of(request);
    // A limit of no iteration at all still leaves the call that is asked about.
    let iterations = limits.iterations.filter(|count| *count > Number::ONE);
    if let Some(iterations) = iterations {
        max = max.checked_mul(iterations).ok()?;
    }
    let cap = limits.most.filter(|cap| *cap < max && *cap >= min);
    Some(CostEstimate {
        min,
        max: cap.unwrap_or(max),
        without_cost,
        iterations,
        is_capped: cap.is_some(),
    })
}

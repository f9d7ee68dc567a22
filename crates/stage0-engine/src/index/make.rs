//! Drafts to compiled layers: programs, codes, and every rule filed where a decision looks for it.

use std::collections::{BTreeMap, BTreeSet};

use super::approval::ApprovalPaths;
use super::draft::{LayerDraft, RuleDraft, report_condition};
use super::environment::find;
use super::gather::{Gathered, Workshop, effect_set};
use super::lets::let_name;
use super::message::{Message, Part, Written};
use super::private::PrivateFacts;
use super::reads::FactSet;
use super::shelf::file;
use super::{
    CompiledApproval, CompiledCondition, CompiledLimit, CompiledRule, Layer, NamedProgram,
    RuleKind, RuleTiming,
};
use crate::codes::IssueCode;
use crate::condition::program::{
    Constant, Pattern, Resolved, Resolver, compile as compile_program, pattern_of,
};
use crate::condition::show::tell;
use crate::condition::timing::plan::Plan;
use crate::condition::tree::{Expr, Tree};
use crate::condition::value::Value;
use crate::condition::{Path, Slot, Step};
use crate::document::Document;
use crate::facts::{FactRoot, FactTable};
use crate::policy::schema::SchemaNode;
use crate::policy::{
    Action, Approval, EvidenceSource, Expression, FindingKind, PolicyFinding, Rule, Severity,
    Verdict,
};
use crate::schema_check;
use crate::span::Spanned;
use crate::time::Zone;
use crate::vocabulary::constraint::ConstraintSet;

impl LayerDraft<'_> {
    #[inline(never)]
    pub(super) fn finish(
        self,
        facts: &FactTable,
        private: &PrivateFacts,
        workshop: &mut Workshop<'_>,
    ) -> Layer {
        let private_lets = self.private_lets(private);
        let Self {
            gathered,
            rules,
            let_order,
        } = self;
        let Gathered {
            mut layer,
            names,
            lets,
            timezone,
            questions,
            ..
        } = gathered;
        let let_places: BTreeMap<String, u32> = let_order
            .iter()
            .enumerate()
            .filter_map(|(place, at)| {
                Some((
                    lets.get(*at)?.name.value.clone(),
                    u32::try_from(place).ok()?,
                ))
            })
            .collect();
        let mut maker = Maker {
            facts,
            names: &names,
            lets: &let_places,
            timezone: &timezone,
            // One that is not known has been reported.
            zone: Zone::find(&timezone).unwrap_or(Zone::UTC),
            workshop,
        };
        for at in &let_order {
            let Some(draft) = lets.get(*at) else { continue };
            let Some(tree) = &draft.tree else { continue };
            let condition = maker.condition(draft.expression, tree);
            layer.lets.push(NamedProgram {
                name: draft.name.value.as_str().into(),
                condition,
                is_private: private_lets
                    .iter()
                    .any(|(name, _)| *name == draft.name.value),
            });
        }
        for draft in &rules {
            let compiled = maker.rule(draft, &layer);
            layer.rules.push(compiled);
        }
        for (path, question) in questions {
            if let Some(slot) = facts.slot(&path) {
                layer.questions.insert(slot, question.into());
            }
        }
        for fact in &names.facts {
            if let (Some(slot), Some(schema)) = (facts.slot(&fact.path), fact.schema) {
                let issue = fact.issue.as_deref().map(Into::into);
                layer.typed_facts.push((slot, schema, issue));
            }
        }
        layer.typed_facts.sort_unstable();
        layer.private = private.clone();
        compile_patterns(&mut layer, &names.schemas, workshop);
        layer.schemas = names.schemas;
        let constraints = layer.rules.iter().map(|rule| rule.constraints);
        layer.constraints = constraints.fold(ConstraintSet::default(), ConstraintSet::union);
        file(&mut layer);
        layer
    }
}

/// The fields of the context that a plain, asserted approval stands in.
pub(crate) fn asserted_paths() -> impl Iterator<Item = Path> {
    ["approval_status", "approved_at", "approved_by"]
        .into_iter()
        .map(context_path)
}

/// Where signed approvals stand that come with a request.
pub(crate) fn token_path() -> Path {
    context_path("approval")
}

fn context_path(name: &str) -> Path {
    Path {
        root: "context".to_owned(),
        steps: vec![Step::Field(name.to_owned())],
    }
}

/// The one of them that names a person.
pub(crate) fn approver_path() -> Path {
    Path {
        root: "context".to_owned(),
        steps: vec![Step::Field("approved_by".to_owned())],
    }
}

#[inline(never)]
pub(super) fn compile_patterns(
    layer: &mut Layer,
    schemas: &crate::policy::schema::Schemas,
    workshop: &mut Workshop<'_>,
) {
    for (at, node) in schemas.nodes.iter().enumerate() {
        let Some(pattern) = &node.pattern else {
            continue;
        };
        match pattern_of(&pattern.value) {
            Ok(pattern) => {
                layer
                    .patterns
                    .insert(u32::try_from(at).unwrap_or(u32::MAX), pattern);
            }
            Err(error) => workshop.report(
                PolicyFinding::new(
                    FindingKind::Schema,
                    pattern.span,
                    format!("this is no regular expression: {error}"),
                )
                .with_help("the syntax is RE2's with ASCII classes"),
            ),
        }
    }
    for (at, node) in (0_u32..).zip(&schemas.nodes) {
        for (message, help) in contradictions(node, layer.patterns.get(&at)) {
            workshop.report(
                PolicyFinding::new(FindingKind::Schema, node.span, message).with_help(help),
            );
        }
    }
}

/// Why a schema accepts nothing, or not all of the values that it lists.
#[inline(never)]
fn contradictions(node: &SchemaNode, pattern: Option<&Pattern>) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    if let (Some(min), Some(max)) = (node.min, node.max)
        && min > max
    {
        found.push((format!("`min` {min} is above `max` {max}"), "swap them"));
        return found;
    }
    if let (Some(least), Some(most)) = (node.length_min, node.length_max)
        && least > most
    {
        let message = format!("the least length {least} is above the largest {most}");
        found.push((message, "swap them"));
        return found;
    }
    let Some(values) = &node.values else {
        return found;
    };
    if values.root().is_empty() {
        let help = "list the values allowed, or leave `enum` out";
        found.push(("an empty `enum` accepts no value".to_owned(), help));
    }
    for value in values.root().elements() {
        if let Some(why) = schema_check::why_never(node, pattern, value) {
            let help = "change the rest of the schema, or leave the value out";
            found.push((why, help));
        }
    }
    found
}

/// The code of a rule that names none: an approval is what it is everywhere, other rules are their
/// id, `payouts-are-late` as `PAYOUTS_ARE_LATE`.
pub(crate) fn default_code(rule: &Rule) -> String {
    if matches!(rule.action, Action::Approval(_)) {
        return IssueCode::APPROVAL_REQUIRED.as_str().to_owned();
    }
    let letters = rule.id.value.chars();
    letters
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

/// Turns drafts into programs.
pub(super) struct Maker<'m, 'w> {
    facts: &'m FactTable,
    names: &'m super::environment::Names,
    lets: &'m BTreeMap<String, u32>,
    timezone: &'m str,
    zone: Zone,
    workshop: &'m mut Workshop<'w>,
}

pub(super) struct Lookup<'l> {
    facts: &'l FactTable,
    names: &'l super::environment::Names,
    lets: &'l BTreeMap<String, u32>,
    timezone: &'l str,
    zone: Zone,
    constants: &'l Document<'static>,
}

impl Resolver for Lookup<'_> {
    fn zone(&self) -> Zone {
        self.zone
    }

    fn resolve(&mut self, path: &Path) -> Resolved {
        let constant = |node: u32, steps: &[Step]| {
            let value = find(self.constants.value(node), steps);
            Resolved::Constant(match value {
                Some(value) => match (value.as_number(), value.as_str(), value.as_bool()) {
                    (Some(number), _, _) => Constant::Number(number),
                    (_, Some(text), _) => Constant::String(text.into()),
                    (_, _, Some(truth)) => Constant::Bool(truth),
                    _ if value.is_null() => Constant::Null,
                    _ => Constant::Data(value.index()),
                },
                // The checker has refused it; the program will not be used.
                None => Constant::Null,
            })
        };
        match (path.root.as_str(), path.steps.as_slice()) {
            ("params", [Step::Field(name), rest @ ..]) => match self.names.params.get(name) {
                Some((node, _)) => constant(*node, rest),
                None => Resolved::Constant(Constant::Null),
            },
            ("data", steps) => match &self.names.data {
                Some((node, _)) => constant(*node, steps),
                None => Resolved::Constant(Constant::Null),
            },
            ("timezone", _) => Resolved::Constant(Constant::String(self.timezone.into())),
            ("let", [Step::Field(name), ..]) => match self.lets.get(name) {
                Some(place) => Resolved::Let(*place),
                None => Resolved::Constant(Constant::Null),
            },
            _ => match self.facts.slot(path) {
                Some(slot) => Resolved::Slot(slot),
                None => Resolved::Constant(Constant::Null),
            },
        }
    }
}

impl Maker<'_, '_> {
    pub(super) fn condition(&mut self, expression: &Expression, tree: &Tree) -> CompiledCondition {
        let mut errors = Vec::new();
        let mut lookup = Lookup {
            facts: self.facts,
            names: self.names,
            lets: self.lets,
            timezone: self.timezone,
            zone: self.zone,
            constants: self.workshop.constants.document(),
        };
        let program = compile_program(tree, &mut lookup, &mut errors);
        for error in errors {
            report_condition(&error, expression, self.workshop);
        }
        CompiledCondition {
            program,
            is_true: matches!(tree.nodes.as_slice(), [node] if node.expr == Expr::Bool(true)),
            tree: tree.clone(),
            text: expression.text.as_str().into(),
            places: expression.places.clone(),
        }
    }

    #[inline(never)]
    pub(super) fn rule(&mut self, draft: &RuleDraft<'_>, layer: &Layer) -> CompiledRule {
        let rule = draft.rule;
        let when = draft
            .when
            .as_ref()
            .map(|when| Box::new(self.condition(when.expression, &when.tree)));
        let condition = match &draft.condition {
            Some(condition) => self.condition(condition.expression, &condition.tree),
            // An approval's condition is whether it is valid, which no program computes.
            None => CompiledCondition::nothing(),
        };
        let mut slots: BTreeSet<Slot> = condition.program.slots.iter().copied().collect();
        let mut lets: BTreeSet<u32> = condition.program.lets.iter().copied().collect();
        let message = self.message(draft);
        let told = message.iter().flat_map(|message| &message.parts);
        for part in told {
            match part {
                Part::Text(_) => {}
                Part::Fact(slot) => {
                    slots.insert(*slot);
                }
                Part::Let(named) => {
                    lets.insert(*named);
                }
            }
        }
        let max = draft.limit.max.as_ref();
        let max = max.map(|max| self.condition(max.expression, &max.tree));
        for other in when.as_deref().into_iter().chain(&max) {
            slots.extend(other.program.slots.iter().copied());
            lets.extend(other.program.lets.iter().copied());
        }
        // Named expressions stand in the order of need, so going backwards finds what they need.
        let mut waiting: Vec<u32> = lets.iter().copied().collect();
        while let Some(at) = waiting.pop() {
            let Some(named) = layer.lets.get(at as usize) else {
                continue;
            };
            slots.extend(named.condition.program.slots.iter().copied());
            for inner in &named.condition.program.lets {
                if lets.insert(*inner) {
                    waiting.push(*inner);
                }
            }
        }
        let (kind, severity) = match &rule.action {
            Action::Allow(_) => (RuleKind::Allow, Severity::Low),
            Action::Deny(_) => (RuleKind::Deny, Severity::High),
            Action::Defer(_) => (RuleKind::Defer, Severity::Medium),
            Action::Advise(_) => (RuleKind::Advise, Severity::Low),
            Action::Require {
                otherwise,
                missing_otherwise,
                ..
            } => (
                RuleKind::Require {
                    otherwise: *otherwise,
                    missing_otherwise: *missing_otherwise,
                },
                severity_of(*otherwise),
            ),
            Action::Limit(limit) => {
                let per = self.slots_of(&draft.limit.per);
                slots.extend(&per);
                let severity = severity_of(limit.otherwise.unwrap_or(Verdict::Defer));
                let approval = limit.approval.as_deref();
                let approval = approval
                    .map(|approval| self.approval(layer, approval, &draft.approval, &mut slots));
                let window = draft.limit.window;
                let compiled = CompiledLimit::new(limit, window, per, max, approval);
                (RuleKind::Limit(Box::new(compiled)), severity)
            }
            Action::Approval(approval) => {
                let severity = severity_of(approval.otherwise);
                let compiled = self.approval(layer, approval, &draft.approval, &mut slots);
                (RuleKind::Approval(Box::new(compiled)), severity)
            }
        };
        self.lint_constant(when.as_deref(), &condition, draft);
        let reads: FactSet = slots.iter().copied().collect();
        let root_of = |slot: &Slot| self.facts.fact(*slot).map(|fact| fact.root);
        let reads_now = slots
            .iter()
            .any(|slot| root_of(slot) == Some(FactRoot::Now));
        let is_planned = |condition: &CompiledCondition| condition.program.timing != Plan::Traced;
        let is_limit = matches!(kind, RuleKind::Limit(_));
        let timing = if !reads_now {
            RuleTiming::Still
        } else if when.as_deref().is_none_or(is_planned) && is_planned(&condition) && !is_limit {
            RuleTiming::Planned
        } else {
            RuleTiming::Traced
        };
        let constraints = slots
            .iter()
            .filter_map(|slot| self.facts.fact(*slot))
            .filter(|fact| fact.root == FactRoot::Constraint)
            .filter_map(|fact| match fact.path.steps.first() {
                Some(Step::Field(name)) => Some(ConstraintSet::named(name)),
                _ => None,
            })
            .fold(ConstraintSet::default(), ConstraintSet::union);
        let mut workshop = Workshop {
            findings: self.workshop.findings,
            constants: self.workshop.constants,
        };
        let code = |code: Option<&Spanned<String>>, default: &str| -> Box<str> {
            code.map_or_else(|| default.into(), |code| code.value.as_str().into())
        };
        CompiledRule {
            id: draft.id.as_str().into(),
            place: rule.id.span,
            tools: draft.tools.clone(),
            effects: effect_set(layer, &rule.effects, &mut workshop),
            when,
            condition: Box::new(condition),
            issue: code(rule.issue.as_ref(), &default_code(rule)),
            issue_unknown: code(rule.issue_unknown.as_ref(), "FACT_MISSING"),
            severity: rule.severity.map_or(severity, |severity| severity.value),
            message,
            detail: rule.detail.as_deref().map(Into::into),
            family: rule
                .family
                .as_ref()
                .map(|family| family.value.as_str().into()),
            ask: rule.ask.iter().map(|ask| ask.as_str().into()).collect(),
            needs: rule.needs,
            observe: rule.observe,
            filed_often: false,
            reads,
            lets: lets.into_iter().collect(),
            timing,
            reads_args: slots
                .iter()
                .any(|slot| root_of(slot) == Some(FactRoot::Args)),
            tells_content: matches!(kind, RuleKind::Allow | RuleKind::Limit(_))
                || rule.family.is_some()
                || constraints != ConstraintSet::default(),
            constraints,
            kind,
        }
    }

    fn slots_of(&self, paths: &[Path]) -> Vec<Slot> {
        let found = paths.iter().filter_map(|path| self.facts.slot(path));
        found.collect()
    }

    /// An approval block; the facts that it reads are added to the others.
    fn approval(
        &self,
        layer: &Layer,
        approval: &Approval,
        paths: &ApprovalPaths,
        slots: &mut BTreeSet<Slot>,
    ) -> CompiledApproval {
        let not = self.slots_of(&paths.not);
        let bind = self.slots_of(&paths.bind);
        slots.extend(&not);
        slots.extend(&bind);
        if approval.evidence == EvidenceSource::Asserted {
            slots.extend(asserted_paths().filter_map(|path| self.facts.slot(&path)));
        }
        if !layer.keys.is_empty() {
            slots.extend(self.facts.slot(&token_path()));
        }
        let sum = paths.sum.as_ref().and_then(|path| self.facts.slot(path));
        slots.extend(sum);
        let grant = approval.grant.as_ref();
        let max = grant.and_then(|grant| grant.max_total.as_ref());
        let roles = approval.roles.iter();
        CompiledApproval {
            roles: roles.map(|role| role.value.as_str().into()).collect(),
            min: approval.min,
            not,
            bind,
            ttl: [approval.ttl, grant.and_then(|grant| grant.ttl)]
                .into_iter()
                .flatten()
                .min(),
            uses: grant.map_or(1, |grant| grant.uses),
            total: sum.zip(max).map(|(slot, max)| (slot, max.value)),
            has_grant: grant.is_some(),
            evidence: approval.evidence,
            otherwise: approval.otherwise,
            terms: crate::approval::terms(approval),
        }
    }

    /// A rule's message; params are told as they stand in the policy.
    #[inline(never)]
    fn message(&self, draft: &RuleDraft<'_>) -> Option<Message> {
        let text = &draft.rule.message.as_ref()?.value;
        let mut parts: Vec<Part> = Vec::new();
        for part in &draft.message {
            parts.push(match part {
                Written::Text(text) => Part::Text(text.as_str().into()),
                Written::Path(path) => match (self.facts.slot(path), let_name(path)) {
                    (Some(slot), _) => Part::Fact(slot),
                    (None, Some(name)) => match self.lets.get(&name) {
                        Some(named) => Part::Let(*named),
                        None => continue,
                    },
                    (None, None) => Part::Text(self.param(path).into()),
                },
            });
        }
        if matches!(parts.as_slice(), [Part::Text(only)] if **only == **text) {
            parts.clear();
        }
        Some(Message {
            text: text.as_str().into(),
            parts,
        })
    }

    /// A param's value, for a message.
    fn param(&self, path: &Path) -> String {
        let [Step::Field(name), rest @ ..] = path.steps.as_slice() else {
            return String::new();
        };
        let node = self.names.params.get(name).map(|(node, _)| *node);
        let value =
            node.and_then(|node| find(self.workshop.constants.document().value(node), rest));
        value.map_or_else(String::new, |value| tell(Value::from_document(value)))
    }

    /// A condition that reads no fact is the same for every request.
    fn lint_constant(
        &mut self,
        when: Option<&CompiledCondition>,
        condition: &CompiledCondition,
        draft: &RuleDraft<'_>,
    ) {
        let pairs = [
            (when, draft.when.as_ref()),
            (Some(condition), draft.condition.as_ref()),
        ];
        for (compiled, written) in pairs {
            let (Some(compiled), Some(written)) = (compiled, written) else {
                continue;
            };
            if compiled.is_true
                || !compiled.program.slots.is_empty()
                || !compiled.program.lets.is_empty()
            {
                continue;
            }
            let Some(truth) = constant_truth(compiled, self.workshop.constants.document()) else {
                continue;
            };
            let (kind, text) = if truth {
                (FindingKind::AlwaysFires, "this condition is always true")
            } else {
                (FindingKind::NeverFires, "this condition can never be true")
            };
            self.workshop.report(
                PolicyFinding::new(kind, written.expression.span(), text)
                    .with_help("it reads no fact: compare one, for example args.amount > 500"),
            );
        }
    }
}

pub(super) fn constant_truth(
    condition: &CompiledCondition,
    constants: &Document<'static>,
) -> Option<bool> {
    let arena = bumpalo::Bump::new();
    let table = FactTable::default();
    let request = crate::request::Request::default();
    let now = crate::time::Timestamp::EPOCH;
    let facts = crate::facts::Facts::gather(&table, &request, now, &arena);
    let mut machine = crate::condition::evaluate::Machine::new(&facts, constants, &arena);
    match machine.run(&condition.program) {
        Value::Bool(truth) => Some(truth),
        _ => None,
    }
}

/// How much an issue weighs where nobody says otherwise.
fn severity_of(otherwise: Verdict) -> Severity {
    match otherwise {
        Verdict::Deny => Severity::High,
        Verdict::Allow | Verdict::Defer => Severity::Medium,
    }
}

//! What is decided about: the call's tool, or each tool of a plan, as the catalog knows it.

use std::borrow::Cow;
use std::sync::OnceLock;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use smallvec::SmallVec;

use super::finish::Draft;
use super::rule::Inquiry;
use super::{mode_of, unknown_tool};
use crate::action::Action;
use crate::codes::IssueCode;
use crate::condition::value::Value;
use crate::decision::{Detail, Needs, Resolution, Who};
use crate::digest::Digest;
use crate::document::Document;
use crate::host::Host;
use crate::index::catalog::CatalogTool;
use crate::index::{Layer, PolicyIndex, Reach};
use crate::policy::{Mode, UnknownTools, Verdict};
use crate::request::Request;
use crate::schema_check::{Violation, check};
use crate::state::{Asked, RunState, hold_key};
use crate::tool_pattern::tool_name_is_valid;
use crate::vocabulary::effect::EffectSet;

/// All subjects of a request.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) subjects: SmallVec<[Subject<'a>; 1]>,
    pub(crate) has_call: bool,
}

/// One tool, or the plan as a whole where it names none.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// The name in the request.
    pub(crate) name: Option<&'a str>,
    pub(crate) is_call: bool,
    /// How each layer sees it.
    pub(crate) views: SmallVec<[View<'a>; 1]>,
    /// Digest of the action as an approval of this tool alone is bound to it.
    digest: OnceLock<Digest>,
    /// What the run knows of the call.
    in_run: OnceLock<InRun>,
}

/// The call that is asked about, as a run knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InRun {
    /// What a reservation for it is held under.
    pub(crate) call: Digest,
    /// What was said of it before; nothing where it is asked about for the first time.
    pub(crate) before: Option<Asked>,
}

impl InRun {
    /// Whether it has been counted as a call.
    pub(crate) fn was_allowed(&self) -> bool {
        self.before.is_some_and(|before| before.allowed)
    }
}

/// A tool as one layer sees it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) tool: Option<&'a CatalogTool>,
    catalogued: EffectSet,
    /// Effects of the catalog joined with the declared ones.
    pub(crate) effects: EffectSet,
    /// A declared effect that no class covers, or a catalogued tool whose effects nobody stated.
    pub(crate) has_unknown_effect: bool,
    pub(crate) unknown_effects: Vec<&'a str>,
    /// Schemas that pattern entries add to a tool without an entry of its own.
    pub(crate) schemas: Vec<u32>,
    /// Labels that pattern entries add to such a tool.
    labels: Vec<&'a str>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(policy: &'a PolicyIndex, request: &'a Request<'a>) -> Self {
        let mut subjects = SmallVec::new();
        if let Some(name) = request.call_name() {
            subjects.push(Subject::new(policy, request, Some(name), true));
        } else {
            let mut names: Vec<&str> = Vec::new();
            for name in request.tools() {
                if !names.contains(&name) {
                    names.push(name);
                    subjects.push(Subject::new(policy, request, Some(name), false));
                }
            }
            if names.is_empty() {
                subjects.push(Subject::new(policy, request, None, false));
            }
        }
        Self {
            subjects,
            has_call: request.has_call(),
        }
    }

    /// What is decided about, and its digest if it was needed already.
    pub(crate) fn into_action(mut self) -> (Action<'a>, OnceLock<Digest>) {
        if self.has_call
            && let Some(subject) = self.subjects.first_mut()
            && let Some(name) = subject.canonical_name()
        {
            return (Action::Call(name), core::mem::take(&mut subject.digest));
        }
        let names = self.subjects.iter().filter_map(Subject::canonical_name);
        (Action::Plan(names.collect()), OnceLock::new())
    }
}

impl<'a> Subject<'a> {
    fn new(
        policy: &'a PolicyIndex,
        request: &'a Request<'a>,
        name: Option<&'a str>,
        is_call: bool,
    ) -> Self {
        let views = policy
            .layers
            .iter()
            .map(|layer| View::new(layer, request, name))
            .collect();
        Self {
            name,
            is_call,
            views,
            digest: OnceLock::new(),
            in_run: OnceLock::new(),
        }
    }

    /// Digest of this call, or of a plan of this tool alone.
    pub(crate) fn digest(&self, request: &Request<'_>) -> Digest {
        *self.digest.get_or_init(|| {
            let tool = self.canonical_name().unwrap_or("");
            let action = if self.is_call {
                Action::Call(tool)
            } else {
                Action::Plan(vec![tool])
            };
            action.digest(request)
        })
    }

    /// What the run knows of the call.
    pub(crate) fn in_run(&self, request: &Request<'_>, host: &Host<'_>, state: &RunState) -> InRun {
        *self.in_run.get_or_init(|| {
            let id = request.call_id();
            let call = hold_key(id.unwrap_or(host.request_id), &self.digest(request));
            let run = state.run.as_ref().filter(|_| id.is_some());
            InRun {
                call,
                before: run.and_then(|run| run.asked(&call)),
            }
        })
    }

    /// The name that rules see: the catalogued one, or else the one in the request.
    pub(crate) fn tool_name(&self, view: &View<'a>) -> Option<&'a str> {
        view.tool.map(|tool| &*tool.name).or(self.name)
    }

    /// The name that the action's digest has: the one that the rules of every layer see. Where layers
    /// take the request's name for different tools only that name tells them apart.
    pub(crate) fn canonical_name(&self) -> Option<&'a str> {
        let mut names = self.views.iter().map(|view| self.tool_name(view));
        let first = names.next().flatten();
        if names.all(|name| name == first) {
            first
        } else {
            self.name
        }
    }
}

impl<'a> View<'a> {
    /// The labels that a call leaves.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &'a str> {
        let catalogued = self.tool.map_or(&[][..], |tool| &tool.labels);
        let catalogued = catalogued.iter().map(|label| &**label);
        catalogued.chain(self.labels.iter().copied())
    }

    /// What decides whether a rule is about the tool.
    pub(crate) fn reach(&self) -> Reach {
        Reach {
            catalogued: self.catalogued,
            is_stated: self.tool.is_none_or(|tool| tool.states_effects),
            effects: self.effects,
            has_unknown: self.has_unknown_effect,
        }
    }

    fn new(layer: &'a Layer, request: &'a Request<'a>, name: Option<&'a str>) -> Self {
        let tool = name.and_then(|name| layer.catalog.find(name));
        let mut catalogued = tool.map_or(EffectSet::EMPTY, |tool| tool.effects);
        let mut schemas = Vec::new();
        let mut labels = Vec::new();
        if let (None, Some(name)) = (tool, name) {
            layer.catalog.patterns.matches(name, |index| {
                if let Some(addition) = layer.catalog.pattern_tools.get(index as usize) {
                    catalogued = catalogued.union(addition.effects);
                    schemas.extend(addition.schema);
                    labels.extend(addition.labels.iter().map(|label| &**label));
                }
            });
            schemas.sort_unstable();
        }
        let mut effects = catalogued;
        let mut unknown_effects = Vec::new();
        for declared in request.side_effects() {
            match layer.effects.find(declared) {
                Some(class) => effects = effects.union(EffectSet::of(class)),
                None if unknown_effects.contains(&declared) => {}
                None => {
                    // Looking like a class brings its restrictions, and none of its permissions.
                    effects = effects.union(layer.effects.resembled(declared));
                    unknown_effects.push(declared);
                }
            }
        }
        Self {
            tool,
            catalogued,
            effects,
            has_unknown_effect: !unknown_effects.is_empty()
                || tool.is_some_and(|tool| !tool.states_effects),
            unknown_effects,
            schemas,
            labels,
        }
    }
}

impl<'a> View<'a> {
    /// The effects as texts, as conditions see them: those of the classes, then the others.
    pub(crate) fn effect_values<'x>(&self, layer: &'x Layer, arena: &'x Bump) -> &'x [Value<'x>]
    where
        'a: 'x,
    {
        let known = self
            .effects
            .classes()
            .map(|class| layer.effects.name(class));
        let names = known.chain(self.unknown_effects.iter().copied());
        ArenaVec::from_iter_in(names.map(Value::String), arena).into_bump_slice()
    }
}

/// What refuses a call before any rule is asked: the operator's mode, the tool's name, its schema.
/// Everything that is found is reported; whether rules are asked at all is the answer.
pub(crate) fn refuse<'a: 'x, 'x>(inquiry: &Inquiry<'a, 'x, '_>, draft: &mut Draft<'a>) -> bool {
    let Inquiry {
        layer,
        subject,
        view,
        request,
        ..
    } = inquiry;
    let mode = mode_of(layer, inquiry.host.mode);
    if mode == Mode::Halted {
        draft.engine(
            IssueCode::HALTED,
            Verdict::Deny,
            "Everything is halted.",
            None,
            Vec::new(),
        );
        return true;
    }
    if mode == Mode::ReadOnly {
        let reads = view.tool.is_some()
            && !view.has_unknown_effect
            && !view.effects.overlaps(layer.effects.writing());
        if !reads {
            let text = "Only catalogued tools that write nothing may run in read-only mode.";
            draft.engine_on(
                subject,
                IssueCode::READ_ONLY_MODE,
                Verdict::Deny,
                text,
                None,
                Vec::new(),
            );
        }
    }
    let Some(name) = subject.name else {
        return false;
    };
    let mut refused = false;
    if view.tool.is_none() {
        refused = refuse_name(inquiry, draft, name);
    }
    if refused || !subject.is_call {
        return refused;
    }
    let schemas = view.tool.map_or(&view.schemas, |tool| &tool.schemas);
    if schemas.is_empty() {
        return false;
    }
    let empty = Document::empty_object();
    let arguments = request.arguments().unwrap_or(empty.root());
    let mut violations: Vec<Violation> = Vec::new();
    for schema in schemas {
        check(
            &layer.schemas,
            &layer.patterns,
            *schema,
            arguments,
            "args",
            &mut violations,
        );
    }
    violations.sort_by(|one, two| (one.code, &one.path).cmp(&(two.code, &two.path)));
    violations.dedup();
    let refused = !violations.is_empty();
    for violation in violations {
        let resolution = Resolution::new(Needs::Fix, Who::Agent);
        let details = vec![("path", Detail::Text(violation.path.into()))];
        let message = Cow::Owned(sentence(violation.message));
        draft.engine_on(
            subject,
            violation.code,
            Verdict::Deny,
            message,
            Some(resolution),
            details,
        );
    }
    refused
}

fn refuse_name<'a: 'x, 'x>(
    inquiry: &Inquiry<'a, 'x, '_>,
    draft: &mut Draft<'a>,
    name: &'a str,
) -> bool {
    let Inquiry { layer, subject, .. } = inquiry;
    if !tool_name_is_valid(name) {
        let text = "The tool's name is not plain ASCII letters, digits and ._:/- of at most 128 characters.";
        draft.engine_on(
            subject,
            IssueCode::TOOL_NAME_INVALID,
            Verdict::Deny,
            text,
            None,
            Vec::new(),
        );
        return true;
    }
    if layer.catalog.is_imitation(name) {
        let text = "The tool's name differs from a catalogued one only in case or separators.";
        draft.engine_on(
            subject,
            IssueCode::TOOL_NAME_CONFUSABLE,
            Verdict::Deny,
            text,
            None,
            Vec::new(),
        );
        return true;
    }
    let (code, verdict, resolution) = unknown_tool(layer.unknown_tools);
    let text = match layer.unknown_tools {
        UnknownTools::Declared => {
            "The tool is not in the catalog; its declared effects are taken at their word."
        }
        UnknownTools::Defer | UnknownTools::Deny => "The tool is not in the catalog.",
    };
    let details = draft
        .nearest_tool(layer, name)
        .map(|near| ("nearest", Detail::Text(near.to_owned().into())))
        .into_iter()
        .collect();
    draft.engine_on(subject, code, verdict, text, resolution, details);
    // Rules may still refuse it outright; only an ALLOW is out of the question.
    false
}

/// What a schema says about a value, as a sentence.
pub(super) fn sentence(mut message: String) -> String {
    if !message.ends_with('?') {
        message.push('.');
    }
    message
}

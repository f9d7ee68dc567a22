//! What is proposed: a plan, one concrete tool call, or both.
//!
//! A `Request` is a [`Document`] whose outer fields have been found and checked against the wire
//! contract; whichever door it came through (text, a Python dict, a JavaScript object), it is checked
//! here. Nothing but the constraints' texts is interpreted yet: that is what facts are for.

mod error;

pub use self::error::RequestError;
use crate::document::{Document, Kind, ValueRef};
use crate::host::{ApprovalRecord, Proof};
use crate::legible::one_line;
use crate::limits::{
    CALL_ID_BYTES_MAX, GOAL_CHARS_MAX, REQUEST_LIST_ITEMS_MAX, TRUSTED_TEXTS_MAX,
    UNKNOWN_FIELDS_TOLD_MAX,
};
use crate::suggest::nearest;
use crate::vocabulary::constraint::{self, Constraint};

/// Characters of an unknown field's name that are told.
const FIELD_CHARS_MAX: usize = 64;

/// Elements of one list that are told to be wrong.
const WRONG_ELEMENTS_TOLD_MAX: usize = 10;
/// The fields of a request.
pub const REQUEST_FIELDS: &[&str] = &[
    "goal",
    "success_criteria",
    "constraints",
    "tools",
    "side_effects",
    "context",
    "pro",
    "policy_pack_version",
    "debug_store_input",
    "environment",
    "tool_call",
    "trusted",
];

/// The fields of `tool_call`.
pub const TOOL_CALL_FIELDS: &[&str] = &["id", "name", "arguments"];

/// A field of the request that the contract does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Its path, made legible.
    pub path: String,
    /// The field that was probably meant.
    pub nearest: Option<&'static str>,
}

/// A checked request.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    document: Document<'a>,
    goal: Option<u32>,
    success_criteria: Option<u32>,
    constraints: Option<u32>,
    /// What each of the constraints was understood as, which its text alone decides.
    readings: Vec<Constraint>,
    tools: Option<u32>,
    side_effects: Option<u32>,
    context: Option<u32>,
    policy_pack_version: Option<u32>,
    environment: Option<u32>,
    trusted: Option<u32>,
    call: Option<Call>,
    known: KnownContext,
    pro: bool,
    debug_store_input: bool,
    unknown_fields: Vec<UnknownField>,
    unknown_fields_untold: usize,
    /// The signed approvals that came with it.
    approvals: Vec<ApprovalRecord>,
}

/// Members of the context that every decision looks at, found while the request is checked: looking
/// a key up later means walking over all the members again. Those that are null count as absent.
#[derive(Debug, Clone, Copy, Default)]
struct KnownContext {
    actor_id: Option<u32>,
    approval: Option<u32>,
    approval_status: Option<u32>,
    approved_at: Option<u32>,
    approved_by: Option<u32>,
    environment: Option<u32>,
    tenant_id: Option<u32>,
}

impl KnownContext {
    fn find(context: ValueRef<'_>) -> Self {
        let mut known = Self::default();
        context.without_nulls().visit_members(|member| {
            // Most members are others, and most of them differ in length.
            if !matches!(member.key_len(), 8 | 9 | 11 | 15) {
                return;
            }
            let found = match member.key() {
                "actor_id" => &mut known.actor_id,
                "approval" => &mut known.approval,
                "approval_status" => &mut known.approval_status,
                "approved_at" => &mut known.approved_at,
                "approved_by" => &mut known.approved_by,
                "environment" => &mut known.environment,
                "tenant_id" => &mut known.tenant_id,
                _ => return,
            };
            *found = Some(member.value().index());
        });
        known
    }
}

#[derive(Debug, Clone, Copy)]
struct Call {
    id: Option<u32>,
    name: u32,
    arguments: Option<u32>,
}

impl<'a> Request<'a> {
    /// Checks a document against the wire contract.
    ///
    /// # Errors
    /// Every field that is not of its type or over its limit.
    pub fn from_document(document: Document<'a>) -> Result<Self, Vec<RequestError>> {
        let mut request = Self::default();
        let mut errors = Vec::new();
        request.read(document.root(), &mut errors);
        if errors.is_empty() {
            request.document = document;
            request.readings = request.constraints().map(constraint::read).collect();
            Ok(request)
        } else {
            Err(errors)
        }
    }

    fn read(&mut self, root: ValueRef<'_>, errors: &mut Vec<RequestError>) {
        if root.kind() != Kind::Object {
            errors.push(wrong_type("", "an object", root.kind()));
            return;
        }
        let mut unknown: Vec<(&'static str, &str)> = Vec::new();
        root.visit_members(|member| {
            let (key, value) = (member.key(), member.value());
            // A member that is null is one that was left out; clients of the contract send both.
            let given = (!value.is_null()).then(|| value.index());
            match key {
                "goal" => self.goal = expect(value, key, Kind::String, errors),
                "success_criteria" => self.success_criteria = texts(value, key, errors),
                "constraints" => self.constraints = texts(value, key, errors),
                "tools" => self.tools = texts(value, key, errors),
                "side_effects" => self.side_effects = texts(value, key, errors),
                "context" => {
                    self.context = expect(value, key, Kind::Object, errors);
                    self.known = KnownContext::find(value);
                }
                "pro" => self.pro = flag(value, key, errors),
                "debug_store_input" => self.debug_store_input = flag(value, key, errors),
                "policy_pack_version" => {
                    self.policy_pack_version = expect(value, key, Kind::String, errors);
                }
                "environment" => self.environment = expect(value, key, Kind::String, errors),
                "trusted" => {
                    trusted(value, errors);
                    self.trusted = given;
                }
                "tool_call" => self.read_call(value, &mut unknown, errors),
                other => unknown.push(("", other)),
            }
        });
        self.keep_unknown(unknown);
        self.check_goal(root, errors);
        if let (Some(outer), Some(inner)) = (self.environment, self.known.environment) {
            let text = |index| root.document().value(index).as_str();
            if text(outer) != text(inner) {
                errors.push(
                    RequestError::new(
                        "REQUEST_CONFLICT",
                        "environment",
                        "`environment` and `context.environment` differ",
                    )
                    .with_help("give one of them, or the same value twice"),
                );
            }
        }
    }

    /// Keeps the first unknown fields by name, so that their order in the text does not matter.
    fn keep_unknown(&mut self, mut unknown: Vec<(&'static str, &str)>) {
        unknown.sort_unstable();
        self.unknown_fields_untold = unknown.len().saturating_sub(UNKNOWN_FIELDS_TOLD_MAX);
        unknown.truncate(UNKNOWN_FIELDS_TOLD_MAX);
        self.unknown_fields = unknown
            .into_iter()
            .map(|(parent, field)| {
                let known = if parent.is_empty() {
                    REQUEST_FIELDS
                } else {
                    TOOL_CALL_FIELDS
                };
                UnknownField {
                    path: format!("{parent}{}", one_line(field, FIELD_CHARS_MAX)),
                    nearest: nearest(field, known.iter().copied()),
                }
            })
            .collect();
    }

    fn check_goal(&self, root: ValueRef<'_>, errors: &mut Vec<RequestError>) {
        let goal = self
            .goal
            .and_then(|goal| root.document().value(goal).as_str());
        match goal {
            Some(goal) if goal.trim().is_empty() => {
                errors.push(RequestError::new(
                    "REQUEST_FIELD_MISSING",
                    "goal",
                    "`goal` is blank",
                ));
            }
            // Characters are counted only where the bytes could exceed the limit.
            Some(goal) if goal.len() > GOAL_CHARS_MAX && goal.chars().count() > GOAL_CHARS_MAX => {
                errors.push(RequestError::new(
                    "REQUEST_LIMIT",
                    "goal",
                    format!("`goal` is longer than {GOAL_CHARS_MAX} characters"),
                ));
            }
            Some(_) => {}
            None => {
                let refused = errors.iter().any(|error| error.path() == "goal");
                let has_call = root.get("tool_call").is_some_and(|call| !call.is_null());
                if !has_call && !refused {
                    errors.push(
                        RequestError::new("REQUEST_FIELD_MISSING", "goal", "`goal` is missing")
                            .with_help("say what is to be done, or give a `tool_call`"),
                    );
                }
            }
        }
    }

    fn read_call<'d>(
        &mut self,
        call: ValueRef<'d>,
        unknown: &mut Vec<(&'static str, &'d str)>,
        errors: &mut Vec<RequestError>,
    ) {
        if call.is_null() {
            return;
        }
        if call.kind() != Kind::Object {
            errors.push(wrong_type("tool_call", "an object", call.kind()));
            return;
        }
        let (mut id, mut name, mut arguments) = (None, None, None);
        call.visit_members(|member| {
            let value = member.value();
            match member.key() {
                "id" => id = expect(value, "tool_call.id", Kind::String, errors),
                "name" => name = expect(value, "tool_call.name", Kind::String, errors),
                "arguments" => {
                    arguments = expect(value, "tool_call.arguments", Kind::Object, errors);
                    if value.kind() == Kind::String
                        && let Some(error) = errors.pop()
                    {
                        errors.push(error.with_help(
                            "parse the arguments' JSON text first, and keep its exact numbers",
                        ));
                    }
                }
                other => unknown.push(("tool_call.", other)),
            }
        });
        let id_text = id.and_then(|id| call.document().value(id).as_str());
        if id_text.is_some_and(|id| id.len() > CALL_ID_BYTES_MAX) {
            errors.push(RequestError::new(
                "REQUEST_LIMIT",
                "tool_call.id",
                format!("`tool_call.id` is longer than {CALL_ID_BYTES_MAX} bytes"),
            ));
        }
        match name {
            Some(name) => {
                self.call = Some(Call {
                    id,
                    name,
                    arguments,
                });
            }
            None if call.get("name").is_none_or(ValueRef::is_null) => {
                errors.push(RequestError::new(
                    "REQUEST_FIELD_MISSING",
                    "tool_call.name",
                    "`tool_call.name` is missing",
                ));
            }
            None => {}
        }
    }

    fn text(&self, index: Option<u32>) -> Option<&str> {
        self.document.value(index?).as_str()
    }

    fn list(&self, index: Option<u32>) -> impl Iterator<Item = &str> {
        // No document has as many values: what is not there has no elements.
        let list = self.document.value(index.unwrap_or(u32::MAX));
        list.elements().filter_map(ValueRef::as_str)
    }

    /// The whole document.
    pub fn document(&self) -> &Document<'a> {
        &self.document
    }

    /// What is to be done, in the agent's words.
    pub fn goal(&self) -> Option<&str> {
        self.text(self.goal)
    }

    /// How the agent would know that it is done.
    pub fn success_criteria(&self) -> impl Iterator<Item = &str> {
        self.list(self.success_criteria)
    }

    /// What the agent binds itself to.
    pub fn constraints(&self) -> impl Iterator<Item = &str> {
        self.list(self.constraints)
    }

    /// What each of them was understood as, in their order.
    pub fn readings(&self) -> &[Constraint] {
        &self.readings
    }

    /// Both.
    pub fn read_constraints(&self) -> impl Iterator<Item = (&str, &Constraint)> {
        self.constraints().zip(&self.readings)
    }

    /// The tools of the plan, without the call's.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.list(self.tools)
    }

    /// The declared effects.
    pub fn side_effects(&self) -> impl Iterator<Item = &str> {
        self.list(self.side_effects)
    }

    /// The host's word; members that are null count as absent.
    pub fn context(&self) -> Option<ValueRef<'_>> {
        self.context
            .map(|context| self.document.value(context).without_nulls())
    }

    /// Who asks: text, but whatever else the host says tells one actor from another as well.
    pub fn actor_id(&self) -> Option<ValueRef<'_>> {
        self.known(self.known.actor_id)
    }

    /// The tenant on whose behalf it is asked: text, or whatever else the host says.
    pub fn tenant_id(&self) -> Option<ValueRef<'_>> {
        self.known(self.known.tenant_id)
    }

    /// What stands as `context.approval`: signed approvals, each a token, alone or in a list.
    pub fn approval_tokens(&self) -> Option<ValueRef<'_>> {
        self.known(self.known.approval)
    }

    /// The signed approvals that came with it, once they were read.
    pub fn approvals(&self) -> &[ApprovalRecord] {
        &self.approvals
    }

    /// The request with the approvals that its tokens were read as. Those that nobody signed are for the
    /// [`Host`](crate::host::Host) to add.
    #[must_use]
    pub fn with_approvals(mut self, mut approvals: Vec<ApprovalRecord>) -> Self {
        approvals.retain(|record| matches!(record.proof, Proof::Signed(_) | Proof::Unreadable));
        self.approvals = approvals;
        self
    }

    /// What is said to have become of an approval.
    pub fn approval_status(&self) -> Option<&str> {
        self.text(self.known.approval_status)
    }

    /// When an approval is said to have been given.
    pub fn approved_at(&self) -> Option<&str> {
        self.text(self.known.approved_at)
    }

    /// Who is said to have approved.
    pub fn approved_by(&self) -> Option<&str> {
        self.text(self.known.approved_by)
    }

    /// The first field of an asserted approval that is there and no text.
    pub(crate) fn asserted_approval_fault(&self) -> Option<&'static str> {
        let KnownContext {
            approval_status,
            approved_at,
            approved_by,
            ..
        } = self.known;
        let fields = [
            ("approval_status", approval_status),
            ("approved_at", approved_at),
            ("approved_by", approved_by),
        ];
        let strays = |(name, index): (_, Option<u32>)| {
            let kind = self.document.value(index?).kind();
            (!matches!(kind, Kind::String | Kind::Null)).then_some(name)
        };
        fields.into_iter().find_map(strays)
    }

    /// The environment, from either of its two places.
    pub fn environment(&self) -> Option<&str> {
        self.text(self.environment.or(self.known.environment))
    }

    /// The environment where it stands beside the context.
    pub(crate) fn environment_beside(&self) -> Option<ValueRef<'_>> {
        self.environment
            .map(|environment| self.document.value(environment))
    }

    /// The environment as a value, from either of its two places.
    pub fn environment_value(&self) -> Option<ValueRef<'_>> {
        self.environment_beside()
            .or_else(|| self.known(self.known.environment))
    }

    /// A member of the context.
    fn known(&self, member: Option<u32>) -> Option<ValueRef<'_>> {
        Some(self.document.value(member?).without_nulls())
    }

    /// Whether MEDIUM advice denies.
    pub fn pro(&self) -> bool {
        self.pro
    }

    /// The asserted policy version; empty if none.
    pub fn policy_pack_version(&self) -> &str {
        self.text(self.policy_pack_version).unwrap_or("")
    }

    /// Whether the log should keep the whole request.
    pub fn debug_store_input(&self) -> bool {
        self.debug_store_input
    }

    /// Whether there is a concrete call.
    pub fn has_call(&self) -> bool {
        self.call.is_some()
    }

    /// The call's tool, as the framework named it.
    pub fn call_name(&self) -> Option<&str> {
        self.text(self.call.map(|call| call.name))
    }

    /// The call's id.
    pub fn call_id(&self) -> Option<&str> {
        self.text(self.call?.id)
    }

    /// The call's arguments; nothing where there is no call or it has none.
    pub fn arguments(&self) -> Option<ValueRef<'_>> {
        Some(self.document.value(self.call?.arguments?))
    }

    /// Texts written by the user or operator.
    #[inline(never)]
    pub fn trusted(&self) -> Option<ValueRef<'_>> {
        self.trusted.map(|trusted| self.document.value(trusted))
    }

    /// The `side_effects`, `tools`, ... as a value, by the name of the field.
    pub fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        let index = match name {
            "goal" => self.goal,
            "success_criteria" => self.success_criteria,
            "constraints" => self.constraints,
            "tools" => self.tools,
            "side_effects" => self.side_effects,
            "trusted" => self.trusted,
            _ => None,
        };
        index.map(|index| self.document.value(index))
    }

    /// Fields that the contract does not know, at most [`UNKNOWN_FIELDS_TOLD_MAX`] of them by name;
    /// none is obeyed.
    pub fn unknown_fields(&self) -> &[UnknownField] {
        &self.unknown_fields
    }

    /// How many further unknown fields there are.
    pub fn unknown_fields_untold(&self) -> usize {
        self.unknown_fields_untold
    }
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "true or false",
        Kind::Number => "a number",
        Kind::String => "text",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}

fn wrong_type(path: &str, expected: &str, found: Kind) -> RequestError {
    let shown = if path.is_empty() {
        "the request".to_owned()
    } else {
        format!("`{path}`")
    };
    RequestError::new(
        "REQUEST_TYPE",
        path,
        format!(
            "{shown} must be {expected}, and this is {}",
            kind_text(found)
        ),
    )
}

fn expect(
    value: ValueRef<'_>,
    path: &str,
    kind: Kind,
    errors: &mut Vec<RequestError>,
) -> Option<u32> {
    if value.is_null() {
        return None;
    }
    if value.kind() != kind {
        errors.push(wrong_type(path, kind_text(kind), value.kind()));
        return None;
    }
    Some(value.index())
}

fn flag(value: ValueRef<'_>, path: &str, errors: &mut Vec<RequestError>) -> bool {
    expect(value, path, Kind::Bool, errors);
    value.as_bool().unwrap_or(false)
}

fn texts(value: ValueRef<'_>, path: &str, errors: &mut Vec<RequestError>) -> Option<u32> {
    let index = expect(value, path, Kind::List, errors)?;
    if value.len() > REQUEST_LIST_ITEMS_MAX {
        let message = format!("`{path}` has more than {REQUEST_LIST_ITEMS_MAX} entries");
        errors.push(RequestError::new("REQUEST_LIMIT", path, message));
    }
    let is_wrong = |element: &ValueRef<'_>| element.kind() != Kind::String;
    for (position, element) in wrong_elements(value, is_wrong) {
        errors.push(wrong_type(
            &format!("{path}[{position}]"),
            "text",
            element.kind(),
        ));
    }
    Some(index)
}

/// The first elements of a list that are not as they have to be, with their positions. Whoever reads
/// of ten does not need a hundred thousand, each of which takes a look at the whole text for its place.
fn wrong_elements<'d>(
    list: ValueRef<'d>,
    is_wrong: impl Fn(&ValueRef<'d>) -> bool,
) -> impl Iterator<Item = (usize, ValueRef<'d>)> {
    let elements = list.elements().enumerate();
    elements
        .filter(move |(_, element)| is_wrong(element))
        .take(WRONG_ELEMENTS_TOLD_MAX)
}

fn trusted(value: ValueRef<'_>, errors: &mut Vec<RequestError>) {
    if expect(value, "trusted", Kind::List, errors).is_none() {
        return;
    }
    if value.len() > TRUSTED_TEXTS_MAX {
        let message = format!("`trusted` has more than {TRUSTED_TEXTS_MAX} texts");
        errors.push(RequestError::new("REQUEST_LIMIT", "trusted", message));
    }
    let is_wrong =
        |element: &ValueRef<'_>| element.get("text").and_then(ValueRef::as_str).is_none();
    for (position, element) in wrong_elements(value, is_wrong) {
        let path = format!("trusted[{position}]");
        errors.push(if element.kind() == Kind::Object {
            RequestError::new(
                "REQUEST_FIELD_MISSING",
                format!("{path}.text"),
                format!("`{path}.text` must be text"),
            )
        } else {
            wrong_type(&path, "an object", element.kind())
                .with_help("write {\"source\": \"user\", \"text\": \"...\"}")
        });
    }
}

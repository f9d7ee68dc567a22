//! The `approval` block of a rule: who has to say yes, to what, and for how long.

use stage0_engine::policy::{Approval, ApproverKey, EvidenceSource, Grant, Verdict};
use stage0_engine::span::Spanned;

use crate::fields::Fields;
use crate::jws;
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::Node;

/// People whom one rule may ask; nobody waits for more.
const APPROVERS_MAX: u32 = 100;
/// Calls for which one approval may be good; a rule that means more does not mean a person.
const GRANT_USES_MAX: u32 = 10_000;

const EVIDENCE: [(&str, EvidenceSource); 3] = [
    ("host", EvidenceSource::Host),
    ("signed", EvidenceSource::Signed),
    ("asserted", EvidenceSource::Asserted),
];
const OTHERWISE: [(&str, Verdict); 2] = [("defer", Verdict::Defer), ("deny", Verdict::Deny)];
static OTHERWISE_WORDS: Words = Words::new(&names(&OTHERWISE));

static EVIDENCE_WORDS: Words = Words::new(&names(&EVIDENCE));

pub(super) static APPROVAL: Shape = Shape {
    name: "approval",
    what: "an approval",
    doc: "The approval that a rule asks for. It fits one action, and it ends.",
    groups: &[&[
        Key::new(
            "roles",
            Form::OneOrMore(&Form::Text),
            "The roles of which each approver must have one; without it anybody may approve.",
        ),
        Key::new(
            "min",
            Form::Whole(1, APPROVERS_MAX),
            "How many different people have to approve; 1 if left out.",
        ),
        Key::new(
            "not",
            Form::OneOrMore(&Form::Text),
            "Facts that name people who may not approve, such as context.actor_id.",
        ),
        Key::new(
            "bind",
            Form::OneOrMore(&Form::Text),
            "The facts that the approval is given for, such as args.amount; all arguments if left out.",
        ),
        Key::new(
            "ttl",
            Form::Duration,
            "How long an approval lasts, such as 4h or 1d; without it, as long as its own record says.",
        ),
        Key::new(
            "otherwise",
            Form::Words(&OTHERWISE_WORDS),
            "What happens without an approval: defer, which asks for one (the default), or deny, which refuses unless a person was asked already.",
        ),
        Key::new(
            "evidence",
            Form::Words(&EVIDENCE_WORDS),
            "What counts as an approval: host, the gate's own record of a person's answer (the default); signed, only what a key of the policy has signed; or asserted, the plain fields of the context as well.",
        ),
        Key::new(
            "grant",
            Form::Map(&GRANT),
            "For how much one approval is good; for one call if left out.",
        ),
    ]],
    one_of: OneOf::NONE,
};

static GRANT: Shape = Shape {
    name: "grant",
    what: "a grant",
    doc: "For how much one approval is good: so many calls that have the bound facts in common, up to a sum.",
    groups: &[&[
        Key::required(
            "uses",
            Form::Whole(1, GRANT_USES_MAX),
            "For how many calls one approval is good.",
        )
        .or_help("write for example `uses: 5`"),
        Key::new(
            "sum",
            Form::Text,
            "The fact that the calls add up, such as args.amount.",
        ),
        Key::new("max_total", Form::Number, "What they may come to together."),
        Key::new(
            "ttl",
            Form::Duration,
            "How long the grant lasts from the approval's issue, if less than the approval.",
        ),
    ]],
    one_of: OneOf::NONE,
};

/// A key that approvals are signed with.
pub(super) static KEY: Form = Form::Map(&KEY_SHAPE);

static KEY_SHAPE: Shape = Shape {
    name: "key",
    what: "a key",
    doc: "Whose signature counts as an approval.",
    groups: &[&[
        Key::required(
            "public",
            Form::Text,
            "The Ed25519 public key: the `x` of its JWK, 43 characters of base64url.",
        )
        .or_help("`stage0 keypair new` makes a key and prints it"),
        Key::required(
            "by",
            Form::Text,
            "For whom it speaks, as approvals name the approver; `\"*\"` for whomever its tokens name.",
        )
        .or_help("name its owner: `by: ana`"),
        Key::new(
            "roles",
            Form::OneOrMore(&Form::Text),
            "The roles that its tokens may claim; `\"*\"` for any, none if left out.",
        ),
        Key::new(
            "not_before",
            Form::Timestamp,
            "Approvals that were issued earlier count for nothing.",
        ),
        Key::new(
            "not_after",
            Form::Timestamp,
            "Approvals that are issued then or later count for nothing: how a key is rotated.",
        ),
        Key::new(
            "revoked_at",
            Form::Timestamp,
            "From then on nothing that it signed counts, whenever it was issued.",
        ),
    ]],
    one_of: OneOf::NONE,
};

/// Reads the keys.
pub(super) fn keys(fields: Fields<'_>) -> Vec<ApproverKey> {
    let read = |(id, node): &(Spanned<String>, Node)| {
        let own = Fields::of(node)?;
        let public = own.text("public")?;
        Some(ApproverKey {
            id: id.clone(),
            // What is no base64url is no key, which is told where it is looked at.
            public: Spanned::new(jws::decode(&public.value).unwrap_or_default(), public.span),
            by: own.text("by")?.value,
            roles: own
                .texts("roles")
                .into_iter()
                .map(|role| role.value)
                .collect(),
            not_before: own.timestamp("not_before"),
            not_after: own.timestamp("not_after"),
            revoked_at: own.timestamp("revoked_at"),
        })
    };
    fields.table("keys").iter().filter_map(read).collect()
}

fn grant(node: &Node) -> Option<Grant> {
    let fields = Fields::of(node)?;
    Some(Grant {
        span: fields.span,
        uses: fields.whole("uses")?,
        sum: fields.text("sum"),
        max_total: fields.number("max_total"),
        ttl: fields.duration("ttl"),
    })
}

/// Reads an `approval` block.
pub(super) fn approval(node: &Node) -> Option<Approval> {
    let fields = Fields::of(node)?;
    Some(Approval {
        span: fields.span,
        roles: fields.texts("roles"),
        min: fields.whole("min").unwrap_or(1),
        not: fields.texts("not"),
        bind: fields.texts("bind"),
        ttl: fields.duration("ttl"),
        evidence: fields
            .word("evidence", &EVIDENCE)
            .map(|evidence| evidence.value)
            .unwrap_or_default(),
        otherwise: fields
            .word("otherwise", &OTHERWISE)
            .map_or(Verdict::Defer, |otherwise| otherwise.value),
        grant: fields.get("grant").and_then(grant),
    })
}

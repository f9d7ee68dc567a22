//! The `approval` block of a rule: who has to say yes, to what, and for how long.

use stage0_engine::policy::{Approval, EvidenceSource, Verdict};

use crate::fields::Fields;
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::Node;

/// People whom one rule may ask; nobody waits for more.
const APPROVERS_MAX: u32 = 100;

const EVIDENCE: [(&str, EvidenceSource); 2] = [
    ("host", EvidenceSource::Host),
    ("asserted", EvidenceSource::Asserted),
];
const OTHERWISE: [(&str, Verdict); 2] = [("defer", Verdict::Defer), ("deny", Verdict::Deny)];
static OTHERWISE_WORDS: Words = Words::new(&names(&OTHERWISE));

static EVIDENCE_WORDS: Words = Words {
    names: &names(&EVIDENCE),
    listed: EVIDENCE.len(),
    later: &[(
        "signed",
        "signed approvals come with a later version; `host` is the gate's own record of a person's answer",
    )],
    help: "",
};

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
            "What counts as an approval: host, the gate's own record of a person's answer (the default), or asserted, the plain fields of the context.",
        ),
    ]],
    one_of: OneOf::NONE,
};

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
    })
}

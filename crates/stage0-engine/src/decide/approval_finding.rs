//! Whether a rule has the approval that it asks for, and what follows where it has not.

use std::borrow::Cow;

use super::rule::{Inquiry, Outcome, asks};
use super::{Counts, Draft, Finding};
use crate::action::bound_digest;
use crate::approval::{self, Approved, Spent};
use crate::codes::IssueCode;
use crate::condition::timing::earlier;
use crate::decision::{Detail, Needs, Resolution, Who};
use crate::digest::Digest;
use crate::index::make::approver_path;
use crate::index::{CompiledApproval, CompiledRule};
use crate::policy::{EvidenceSource, Severity, Verdict};
use crate::state::counter::Window;
use crate::time::Timestamp;

impl<'a: 'x, 'x> Inquiry<'a, 'x, '_> {
    /// What becomes of an outcome that an approval can lift: `fires && !approval.valid`, except that an
    /// approval lifts no error.
    pub(super) fn unless_approved(
        &self,
        rule: &CompiledRule,
        approval: &CompiledApproval,
        outcome: Outcome,
        until: &mut Option<Timestamp>,
        spent: &mut Spent,
    ) -> Outcome {
        let fires = matches!(outcome, Outcome::Fires | Outcome::Exceeded(_));
        let is_faulty = approval::fault(approval, self.machine.facts, self.request).is_some();
        if fires && is_faulty {
            return Outcome::Broken;
        }
        if is_faulty || !(fires || outcome == Outcome::Undecided) {
            return outcome;
        }
        let (approved, end) = self.approved(rule, approval);
        *until = earlier(*until, end);
        match approved {
            Approved::Yes(yes) => {
                *spent = yes;
                Outcome::Silent
            }
            Approved::Uncounted if fires => Outcome::Uncounted,
            other if fires => Outcome::Unapproved(Box::new(other)),
            _ => outcome,
        }
    }

    pub(super) fn approved(
        &self,
        rule: &CompiledRule,
        approval: &CompiledApproval,
    ) -> (Approved, Option<Timestamp>) {
        approval::find(&self.question(rule, approval))
    }

    /// Who gave the approval that a rule is content with, and until when each yes lasts.
    pub(crate) fn approvers(&self, rule: &CompiledRule) -> Vec<(String, Option<Timestamp>)> {
        let approval = rule.approval();
        approval.map_or_else(Vec::new, |approval| {
            approval::given(&self.question(rule, approval))
        })
    }

    /// The counters of what was used of the approvals that fit a rule.
    pub(super) fn approval_counters(&self, rule: &CompiledRule) -> Vec<(Box<str>, Window)> {
        let approval = rule.approval();
        approval.map_or_else(Vec::new, |approval| {
            approval::spendable(&self.question(rule, approval))
        })
    }

    fn question<'q>(
        &'q self,
        rule: &'q CompiledRule,
        approval: &'q CompiledApproval,
    ) -> approval::Question<'q, 'x> {
        let is_answered = !(self.host.approvals.is_empty() && self.request.approvals().is_empty());
        approval::Question {
            rule,
            approval,
            facts: self.machine.facts,
            request: self.request,
            keys: &self.layer.keys,
            host: self.host,
            state: self.state,
            in_run: is_answered.then(|| self.in_run()),
            action: self.action_for(approval),
            now: self.now,
        }
    }

    /// What an approval of this rule has to be bound to.
    pub(crate) fn action_for(&self, approval: &CompiledApproval) -> Digest {
        if approval.bind.is_empty() {
            return self.subject.digest(self.request);
        }
        let tool = self.subject.canonical_name().unwrap_or("");
        bound_digest(self.request, tool, &approval.bind, self.machine.facts)
    }

    #[inline(never)]
    pub(super) fn unapproved(
        &self,
        rule: &'a CompiledRule,
        approval: &'a CompiledApproval,
        approved: Approved,
    ) -> Finding<'a> {
        let finding = |code: &'a str, verdict, message: Cow<'a, str>, severity| {
            let mut issue = self.issue(rule, code, message);
            issue.severity = severity;
            let questions = if verdict == Verdict::Defer {
                self.approval_questions(rule, approval)
            } else {
                Vec::new()
            };
            Finding {
                verdict,
                issue,
                counts: Counts::of(rule),
                questions,
            }
        };
        match approved {
            Approved::Rejected { by } => {
                let is_told = approval.evidence > EvidenceSource::Asserted
                    || !self.layer.private.covers(&approver_path());
                let by = if is_told { &by } else { "Somebody" };
                let message = Cow::Owned(format!("{by} rejected this."));
                let code = IssueCode::APPROVAL_REJECTED;
                finding(code.as_str(), Verdict::Deny, message, code.severity())
            }
            Approved::Yes(_) | Approved::Uncounted | Approved::NotYet { .. } => {
                let (why, missing, facts) = match approved {
                    Approved::NotYet {
                        why,
                        missing,
                        facts,
                    } => (why, missing, facts),
                    _ => (None, approval.min, Vec::new()),
                };
                let code: &'a str = match why {
                    Some(why) => why.as_str(),
                    None => &rule.issue,
                };
                let message = match (self.message(rule), why) {
                    (Some(message), None) => message,
                    (_, why) => Cow::Owned(approval_message(why, missing, approval)),
                };
                // Whoever was asked already may still answer; otherwise nobody is asked.
                let denies =
                    approval.otherwise == Verdict::Deny && why != Some(IssueCode::APPROVAL_PENDING);
                let code = if denies { &*rule.issue } else { code };
                let severity = if !denies && approval.otherwise == Verdict::Deny {
                    Severity::Medium
                } else {
                    rule.severity
                };
                let verdict = if denies {
                    Verdict::Deny
                } else {
                    Verdict::Defer
                };
                let mut finding = finding(code, verdict, message, severity);
                let mut resolution = Resolution::new(Needs::Approval, Who::Person);
                resolution.approvals = missing;
                resolution.roles = approval.roles.iter().map(ToString::to_string).collect();
                resolution.facts = facts;
                if !resolution.facts.is_empty() {
                    resolution.needs = Needs::Fact;
                }
                finding.issue.details.push((
                    "action",
                    Detail::Text(self.action_for(approval).to_hex().into()),
                ));
                finding
                    .issue
                    .details
                    .push(("terms", Detail::Text(approval.terms.to_hex().into())));
                if let (true, Some(why)) = (denies, why) {
                    let why = Detail::Text(why.as_str().to_owned().into());
                    finding.issue.details.push(("why", why));
                }
                finding.issue.resolution = Some(resolution);
                finding
            }
        }
    }

    fn approval_questions(
        &self,
        rule: &'a CompiledRule,
        approval: &'a CompiledApproval,
    ) -> Vec<Cow<'a, str>> {
        if !rule.ask.is_empty() {
            return asks(rule);
        }
        let what = self.subject.name.unwrap_or("this plan");
        vec![Cow::Owned(match approval.roles.as_slice() {
            [] => format!("Who approves {what}?"),
            roles => {
                let roles: Vec<&str> = roles.iter().map(|role| &**role).collect();
                format!("Which {} approves {what}?", roles.join(" or "))
            }
        })]
    }
}

#[inline(never)]
fn approval_message(why: Option<IssueCode>, missing: u32, approval: &CompiledApproval) -> String {
    let by = match approval.roles.as_slice() {
        [] => String::new(),
        roles => {
            let roles: Vec<&str> = roles.iter().map(|role| &**role).collect();
            format!(" by {}", roles.join(" or "))
        }
    };
    match why {
        None if missing > 1 => format!("This needs {missing} approvals{by}."),
        None => format!("This needs approval{by}."),
        Some(IssueCode::APPROVAL_NOT_ENOUGH) => {
            let approvals = if missing == 1 {
                "approval"
            } else {
                "approvals"
            };
            format!("This needs {missing} more {approvals}{by}.")
        }
        Some(IssueCode::APPROVAL_PENDING) => "The approval is pending.".to_owned(),
        Some(IssueCode::APPROVAL_EXPIRED) => "The approval is too old.".to_owned(),
        Some(IssueCode::APPROVAL_NOT_YET_VALID) => {
            "The approval was issued later than now.".to_owned()
        }
        Some(IssueCode::APPROVAL_TIMESTAMP_MISSING) => {
            "The approval does not say when it was given.".to_owned()
        }
        Some(IssueCode::APPROVAL_WRONG_ACTION) => {
            "The approval was given for another action.".to_owned()
        }
        Some(IssueCode::APPROVAL_WRONG_POLICY) => {
            "The approval was given under other terms.".to_owned()
        }
        Some(IssueCode::APPROVAL_SELF) => "The requester cannot approve.".to_owned(),
        Some(IssueCode::APPROVAL_ROLE) => {
            format!("The approver may not approve this; it needs approval{by}.")
        }
        Some(IssueCode::APPROVAL_UNSIGNED) => "The approval has to be signed.".to_owned(),
        Some(IssueCode::APPROVAL_UNKNOWN_KEY) => {
            "The approval is signed with a key that the policy does not have.".to_owned()
        }
        Some(IssueCode::APPROVAL_KEY_NOT_VALID) => {
            "The key of the approval is revoked, was not valid then, or speaks for somebody else."
                .to_owned()
        }
        Some(IssueCode::APPROVAL_BAD_SIGNATURE) => {
            "The approval is not what its key signed, or cannot be read.".to_owned()
        }
        Some(IssueCode::APPROVAL_USED) => {
            "The approval has been used for as much as it was given for.".to_owned()
        }
        Some(other) => other.meaning().to_owned(),
    }
}

impl Draft<'_> {
    /// A person's no to this very action stands, whatever is asked now.
    pub(super) fn hold_to_answer(&mut self, rejected_by: Option<&str>) {
        let Some(by) = rejected_by else { return };
        let is_private = self
            .policy
            .layers
            .iter()
            .any(|layer| layer.private.covers(&approver_path()));
        let by = if is_private { "Somebody" } else { by };
        let message = format!("{by} rejected this.");
        let code = IssueCode::APPROVAL_REJECTED;
        self.engine(code, Verdict::Deny, message, None, Vec::new());
    }
}

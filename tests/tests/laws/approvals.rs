//! Law 11: what a yes is worth, and for what.

use proptest::prelude::*;
use proptest::sample::select;
use stage0_engine::digest::Digest;
use stage0_engine::host::{Answer, ApprovalRecord, Proof};
use stage0_engine::policy::{EvidenceSource, Verdict};
use stage0_engine::state::RunState;
use stage0_tests::oracle::model::{Action, Approval, Policy, Rule, Tool};
use stage0_tests::oracle::value::text;
use stage0_tests::oracle::{self, Host};

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::condition::instant;
use stage0_tests::generate::policy::ENFORCED;
use stage0_tests::generate::rule::{always_allowed, approval};
use stage0_tests::generate::{Sample, request, sample, timestamp};

/// A policy that allows a call of `pay.out` which enough people approve.
fn asking(terms: &Approval) -> Policy {
    let rule = |id: &str, action| Rule {
        id: id.to_owned(),
        action,
        ..always_allowed()
    };
    Policy {
        name: "root",
        tools: vec![Tool {
            name: "pay.out",
            ..Tool::default()
        }],
        rules: vec![
            rule("asks", Action::Approval(terms.clone())),
            Rule {
                id: "all".to_owned(),
                ..always_allowed()
            },
        ],
        ..Policy::default()
    }
}

/// A call of `pay.out` that enough people have approved, by a rule with these terms.
fn approved() -> impl Strategy<Value = (Sample, Approval)> {
    let terms = approval().prop_filter("of the host", |terms| terms.evidence.is_none());
    (terms, request::request(false, false), instant()).prop_map(|(terms, mut request, now)| {
        let policy = asking(&terms);
        if let Some((name, _)) = &mut request.call {
            "pay.out".clone_into(name);
        }
        request.constraints.clear();
        request
            .context
            .retain(|(name, _)| *name != "actor_id" && *name != "l");
        request.context.push(("actor_id", text("bo")));
        request.context.push((
            "l",
            stage0_tests::oracle::value::Value::List(vec![text("bo")]),
        ));
        let action = oracle::action_asked_about(&policy, &request, now, &terms);
        let people = ["ana", "cy"]
            .into_iter()
            .take(terms.min.unwrap_or(1) as usize);
        let record = |by: &str| ApprovalRecord {
            id: format!("by-{by}"),
            answer: Answer::Approved,
            by: by.to_owned(),
            roles: vec!["cfo".to_owned(), "finance_lead".to_owned()],
            rule: "root/asks".to_owned(),
            terms: oracle::approval::terms_digest(&terms),
            action,
            issued_at: timestamp(now - 1_000),
            expires_at: None,
            proof: Proof::Host,
        };
        let host = Host {
            approvals: people.map(record).collect(),
            state: RunState::default(),
            ..Host::default()
        };
        (
            Sample {
                policy,
                request,
                host,
                now,
            },
            terms,
        )
    })
}

/// What makes an approval another one.
#[derive(Debug, Clone, Copy)]
enum Flaw {
    Action,
    Terms,
    Rule,
    Late,
    Early,
    Ended,
    Role,
    Requester,
    Nobody,
    Pending,
    Twice,
    Tenant,
    Actor,
    Argument,
}

/// Law 11 (an approval fits one action): enough people's yes is enough, and with any flaw of it, or for
/// another action, actor, tenant, rule, time or person, it is not.
#[test]
fn an_approval_fits_one_action() {
    let flaws = vec![
        Flaw::Action,
        Flaw::Terms,
        Flaw::Rule,
        Flaw::Late,
        Flaw::Early,
        Flaw::Ended,
        Flaw::Role,
        Flaw::Requester,
        Flaw::Nobody,
        Flaw::Pending,
        Flaw::Twice,
        Flaw::Tenant,
        Flaw::Actor,
        Flaw::Argument,
    ];
    check(
        "approval",
        500,
        (approved(), select(flaws)),
        |((sample, terms), flaw)| {
            let answer = ask(&sample);
            prop_assert_eq!(answer.verdict, Verdict::Allow, "{}", answer);
            let mut other = sample.clone();
            let change = |other: &mut Sample, change: &dyn Fn(&mut ApprovalRecord)| {
                other.host.approvals.iter_mut().for_each(change);
            };
            match flaw {
                Flaw::Action => {
                    change(&mut other, &|record| record.action = Digest::of(b"another"))
                }
                Flaw::Terms => change(&mut other, &|record| record.terms = Digest::of(b"others")),
                Flaw::Rule => change(&mut other, &|record| record.rule = "root/all".to_owned()),
                Flaw::Late => {
                    prop_assume!(terms.ttl.is_some());
                    other.now += terms.ttl.unwrap_or(0) - 1_000;
                }
                Flaw::Early => other.now -= 1_001,
                Flaw::Ended => change(&mut other, &|record| {
                    record.expires_at = Some(timestamp(sample.now))
                }),
                Flaw::Role => {
                    prop_assume!(!terms.roles.is_empty());
                    change(&mut other, &|record| {
                        record.roles = vec!["intern".to_owned()]
                    });
                }
                Flaw::Requester => {
                    prop_assume!(!terms.not.is_empty());
                    change(&mut other, &|record| record.by = " BO ".to_owned());
                }
                Flaw::Nobody => change(&mut other, &|record| record.by = " ".to_owned()),
                Flaw::Pending => change(&mut other, &|record| record.answer = Answer::Pending),
                Flaw::Twice => {
                    prop_assume!(terms.min == Some(2));
                    change(&mut other, &|record| record.by = "ana".to_owned());
                }
                Flaw::Tenant => {
                    other
                        .request
                        .context
                        .retain(|(name, _)| *name != "tenant_id");
                    other.request.context.push(("tenant_id", text("t-other")));
                }
                Flaw::Actor => {
                    other
                        .request
                        .context
                        .retain(|(name, _)| *name != "actor_id");
                    other.request.context.push(("actor_id", text("someone")));
                }
                Flaw::Argument => {
                    prop_assume!(terms.bind.is_empty());
                    if let Some((_, arguments)) = &mut other.request.call {
                        arguments.push(("note", text("one more")));
                    }
                }
            }
            let answer = ask(&other);
            prop_assert_eq!(answer.verdict, Verdict::Defer, "{:?}: {}", flaw, answer);
            Ok(())
        },
    );
}

/// Law 11 (an approval fits one action): where facts are bound, they count and other arguments do not.
#[test]
fn bound_facts_count_and_others_do_not() {
    check("bound", 400, approved(), |(sample, terms)| {
        prop_assume!(!terms.bind.is_empty());
        let mut other = sample.clone();
        if let Some((_, arguments)) = &mut other.request.call {
            arguments.push(("note", text("another memo")));
        }
        prop_assert_eq!(ask(&other).verdict, Verdict::Allow);
        let bound = terms.bind[0].to_string();
        let (root, name) = bound.split_once('.').unwrap_or(("", ""));
        let set = |facts: &mut Vec<(&'static str, stage0_tests::oracle::value::Value)>| {
            facts.retain(|(known, _)| *known != name);
            let name = ["amount", "to", "ticket_id"]
                .into_iter()
                .find(|known| *known == name);
            facts.extend(name.map(|name| (name, text("something else"))));
        };
        match (root, &mut other.request.call) {
            ("args", Some((_, arguments))) => set(arguments),
            _ => set(&mut other.request.context),
        }
        prop_assert_eq!(ask(&other).verdict, Verdict::Defer, "{}", bound);
        Ok(())
    });
}

/// Law 11 (an approval fits one action): approvals lift DEFER and nothing else, and a no is DENY.
#[test]
fn approvals_lift_only_what_defers() {
    check("lifts", 500, sample(ENFORCED, true), |sample| {
        let with = ask(&sample);
        let mut without = sample.clone();
        without.host.approvals.clear();
        let without = ask(&without);
        prop_assert!(
            without.verdict != Verdict::Deny || with.verdict == Verdict::Deny,
            "{without}became\n{with}"
        );
        if with.verdict < without.verdict {
            let lifted = without
                .issues
                .iter()
                .filter(|issue| !with.issues.contains(issue));
            for issue in lifted {
                let asks = |rule: &Rule| {
                    matches!(rule.action, Action::Approval(_))
                        && issue.rule.ends_with(&format!("/{}", rule.id))
                };
                let files = [&sample.policy].into_iter().chain(sample.policy.imports());
                prop_assert!(
                    files.flat_map(|file| &file.rules).any(asks) || issue.code == "CALL_REQUIRED",
                    "{issue}"
                );
            }
        }
        Ok(())
    });
}

/// Law 11 (an approval fits one action): a rejection is DENY, whoever else said yes.
#[test]
fn a_rejection_denies() {
    check("rejection", 300, approved(), |(mut sample, _)| {
        let mut no = sample.host.approvals[0].clone();
        no.id = "no".to_owned();
        no.answer = Answer::Rejected;
        no.by = "di".to_owned();
        sample.host.approvals.push(no);
        let answer = ask(&sample);
        prop_assert_eq!(answer.verdict, Verdict::Deny, "{}", answer);
        prop_assert!(
            answer
                .issues
                .iter()
                .any(|issue| issue.code == "APPROVAL_REJECTED")
        );
        Ok(())
    });
}

/// Law 11 (an approval fits one action): plain fields of the context count only where the rule takes
/// them.
#[test]
fn asserted_fields_count_only_where_the_rule_takes_them() {
    check(
        "asserted",
        250,
        (approved(), any::<bool>()),
        |((mut sample, terms), takes)| {
            sample.host.approvals.clear();
            let stated = ["approval_status", "approved_by", "approved_at"];
            sample
                .request
                .context
                .retain(|(name, _)| !stated.contains(name));
            sample
                .request
                .context
                .push(("approval_status", text("approved")));
            sample.request.context.push(("approved_by", text("ana")));
            if takes {
                let terms = Approval {
                    evidence: Some(EvidenceSource::Asserted),
                    ..Approval::default()
                };
                sample.policy = asking(&terms);
            }
            let expected = if takes {
                Verdict::Allow
            } else {
                Verdict::Defer
            };
            prop_assert_eq!(ask(&sample).verdict, expected, "{:?}", terms);
            Ok(())
        },
    );
}

//! A host's records of people's answers as JSON: what `check --approvals` and servers read.
//!
//! One list, strict: of objects, which are the host's own records, and of tokens, which somebody signed. A
//! record with a misspelt member would be one that counts for nothing or for too much. Whether a
//! record fits an action, and whether its signature holds, is decided by the engine.

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::host::{Answer, ApprovalRecord, Proof};
use stage0_engine::time::Timestamp;

use crate::approval_token::{approval_token, parse_approval_token};
use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::request_text::json_problem;
use crate::strict_json::{JsonLimits, parse};
use crate::suggest::nearest;

/// The limits of a list of approvals.
pub const APPROVALS_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 4_000_000,
    depth_max: 4,
    nodes_max: 400_000,
};

/// The members of a record; the last may be left out.
const MEMBERS: [&str; 9] = [
    "id",
    "answer",
    "by",
    "roles",
    "rule",
    "terms",
    "action",
    "issued_at",
    "expires_at",
];

pub(crate) const ANSWERS: [(&str, Answer); 3] = [
    ("approved", Answer::Approved),
    ("rejected", Answer::Rejected),
    ("pending", Answer::Pending),
];

/// The canonical text of a list of approvals.
pub fn approvals_to_json(approvals: &[ApprovalRecord]) -> String {
    let mut out = String::from("[");
    for (position, record) in approvals.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        if let Some(token) = approval_token(record) {
            write_string(&mut out, &token);
            continue;
        }
        let answer = ANSWERS.iter().find(|(_, answer)| *answer == record.answer);
        out.push_str("{\"id\":");
        write_string(&mut out, &record.id);
        out.push_str(",\"answer\":");
        write_string(&mut out, answer.map_or("", |(word, _)| word));
        out.push_str(",\"by\":");
        write_string(&mut out, &record.by);
        out.push_str(",\"roles\":[");
        for (position, role) in record.roles.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_string(&mut out, role);
        }
        out.push_str("],\"rule\":");
        write_string(&mut out, &record.rule);
        out.push_str(",\"terms\":");
        write_string(&mut out, &record.terms.to_string());
        out.push_str(",\"action\":");
        write_string(&mut out, &record.action.to_string());
        out.push_str(",\"issued_at\":");
        write_string(&mut out, &record.issued_at.to_string());
        if let Some(at) = record.expires_at {
            out.push_str(",\"expires_at\":");
            write_string(&mut out, &at.to_string());
        }
        out.push('}');
    }
    out.push(']');
    out
}

/// Reads a list of approvals. `name` is what problems call the text.
///
/// # Errors
/// The text is not JSON, or every record's first flaw.
pub fn parse_approvals(name: &str, text: &[u8]) -> Result<Vec<ApprovalRecord>, Vec<Problem>> {
    let document =
        parse(text, &APPROVALS_LIMITS).map_err(|error| vec![json_problem(name, text, &error)])?;
    let root = document.root();
    let problem = |message: String| {
        Problem::in_file(name, 1, ProblemCode::ApprovalsInvalid, message)
            .help("a record is a signed token, or has `id`, `answer`, `by`, `rule`, `terms`, `action` and `issued_at`, and may have `roles` and `expires_at`; `rule`, `terms` and `action` are those of the issue that asked")
    };
    if root.kind() != Kind::List {
        return Err(vec![problem("approvals are a list of records".to_owned())]);
    }
    let mut records: Vec<ApprovalRecord> = Vec::new();
    let mut problems = Vec::new();
    for (position, element) in root.elements().enumerate() {
        match record(element) {
            Ok(record) => records.push(record),
            Err(message) => problems.push(problem(format!("record {position}: {message}"))),
        }
    }
    let own = records.iter().filter(|record| record.proof == Proof::Host);
    let mut ids: Vec<&str> = own.map(|record| record.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([twice, _]) = ids.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        problems.push(problem(format!("the id `{twice}` is used twice")));
    }
    if problems.is_empty() {
        Ok(records)
    } else {
        Err(problems)
    }
}

#[inline(never)]
fn record(value: ValueRef<'_>) -> Result<ApprovalRecord, String> {
    if let Some(token) = value.as_str() {
        return parse_approval_token(token);
    }
    if value.kind() != Kind::Object {
        return Err("it is no object".to_owned());
    }
    if let Some((unknown, _)) = value.members().find(|(key, _)| !MEMBERS.contains(key)) {
        return Err(match nearest(unknown, MEMBERS) {
            Some(meant) => format!("unknown member `{unknown}`; did you mean `{meant}`?"),
            None => format!("unknown member `{unknown}`"),
        });
    }
    let text = |name: &str| {
        value
            .get(name)
            .and_then(ValueRef::as_str)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("`{name}` must be text"))
    };
    let digest = |name: &str| {
        Digest::parse(text(name)?).map_err(|_| format!("`{name}` must be 64 hexadecimal digits"))
    };
    let instant = |name: &str| {
        Timestamp::parse(text(name)?).map_err(|error| format!("`{name}` must be a time: {error}"))
    };
    let word = text("answer")?;
    let answer = ANSWERS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, answer)| *answer)
        .ok_or("`answer` must be approved, rejected or pending")?;
    let roles = match value.get("roles") {
        Some(list) if list.kind() == Kind::List => list
            .elements()
            .map(|role| role.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
            .ok_or("each of `roles` must be text")?,
        None => Vec::new(),
        Some(_) => return Err("`roles` must be a list".to_owned()),
    };
    Ok(ApprovalRecord {
        id: text("id")?.to_owned(),
        answer,
        by: text("by")?.to_owned(),
        roles,
        rule: text("rule")?.to_owned(),
        terms: digest("terms")?,
        action: digest("action")?,
        issued_at: instant("issued_at")?,
        expires_at: match value.get("expires_at") {
            Some(at) if !at.is_null() => Some(instant("expires_at")?),
            _ => None,
        },
        proof: Proof::Host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(id: &str) -> ApprovalRecord {
        ApprovalRecord {
            id: id.to_owned(),
            answer: Answer::Approved,
            by: "ana".to_owned(),
            roles: vec!["finance_lead".to_owned(), "auditor".to_owned()],
            rule: "payments/large-payout".to_owned(),
            terms: Digest::of(b"terms"),
            action: Digest::of(b"action"),
            issued_at: Timestamp::EPOCH,
            expires_at: Timestamp::parse("2026-01-05T10:00:00Z").ok(),
            proof: Proof::Host,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let records = vec![
            sample("1"),
            ApprovalRecord {
                answer: Answer::Rejected,
                roles: Vec::new(),
                expires_at: None,
                ..sample("2")
            },
        ];
        let text = approvals_to_json(&records);
        assert_eq!(parse_approvals("approvals", text.as_bytes()), Ok(records));
        assert_eq!(parse_approvals("approvals", b"[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let good = approvals_to_json(&[sample("1")]);
        for (from, to, expected) in [
            ("\"by\"", "\"By\"", "did you mean `by`?"),
            ("\"ana\"", "7", "`by` must be text"),
            ("\"ana\"", "\"\"", "`by` must be text"),
            ("\"approved\"", "\"yes\"", "approved, rejected or pending"),
            ("1970", "70", "`issued_at` must be a time"),
            (
                "[\"finance_lead\",\"auditor\"]",
                "\"x\"",
                "`roles` must be a list",
            ),
            ("\"terms\":\"", "\"terms\":\"0", "64 hexadecimal digits"),
        ] {
            let text = good.replacen(from, to, 1);
            let problems = parse_approvals("approvals", text.as_bytes()).unwrap_err();
            assert_eq!(problems[0].code().as_str(), "APPROVALS_INVALID");
            assert!(
                problems[0].message().contains(expected),
                "{}",
                problems[0].message()
            );
        }
        let twice = approvals_to_json(&[sample("1"), sample("1")]);
        assert!(parse_approvals("approvals", twice.as_bytes()).is_err());
        assert!(parse_approvals("approvals", b"{}").is_err());
        assert!(parse_approvals("approvals", b"[1]").is_err());
    }
}

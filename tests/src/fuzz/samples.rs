//! Texts to begin from, out of what the repository holds anyway.
//!
//! Policies and requests come from the examples, the language reference and the goldens, conditions
//! from the reference, the goldens and every policy.

use std::fs;
use std::path::{Path, PathBuf};

use stage0_wire::jws::decode;

use super::SEPARATOR;
use crate::{markdown, vectors};

/// A door that is fuzzed.
#[derive(Debug)]
pub struct Door {
    /// The name of its target.
    pub name: &'static str,
    /// What must hold of any text.
    pub body: fn(&[u8]),
    /// Texts to begin from.
    pub samples: fn() -> Vec<Vec<u8>>,
}

const fn door(name: &'static str, body: fn(&[u8]), samples: fn() -> Vec<Vec<u8>>) -> Door {
    Door {
        name,
        body,
        samples,
    }
}

/// Every door.
pub const DOORS: &[Door] = &[
    door("policy_text", super::policy_text, policies),
    door("condition_text", super::condition_text, conditions),
    door("request_text", super::request_text, requests),
    door("decision", super::decision, decisions),
    door("token_text", super::token::token_text, tokens),
    door("chain_text", super::chain::chain_text, chains),
];

/// Policies, and files that are nearly ones.
pub fn policies() -> Vec<Vec<u8>> {
    let mut texts = texts_in("golden/problems", &["yaml", "json"]);
    texts.extend(good_policies());
    // A change in a large file is nearly always one in the same few parts of it.
    texts.retain(|text| text.len() < 20_000);
    texts
}

fn good_policies() -> Vec<Vec<u8>> {
    let mut texts = texts_in("policies", &["yaml"]);
    texts.extend(texts_in("../examples", &["yaml"]));
    texts.extend(blocks("yaml policy"));
    texts.push(super::CURIOUS.as_bytes().to_vec());
    texts
}

/// Requests.
pub fn requests() -> Vec<Vec<u8>> {
    let mut texts = texts_in("../examples", &["json"]);
    texts.extend(blocks("json request"));
    let arguments = [
        r#"{"amount": 50, "to": "ada@example.com", "items": [{"sku": "x", "price": 5.50}], "note": null}"#,
        r#"{"path": "/srv/data/../etc/passwd", "url": "https://x@example.com.:443/%2e", "ip": "10.1.2.3"}"#,
        r#"{"command": "git log --oneline | head -n 3 > 'a b'", "note": "pass: \u00e9\ud83d\ude00"}"#,
    ];
    for (tool, arguments) in ["shop.pay", "shop.look", "web.fetch"].iter().zip(arguments) {
        let text = format!(
            r#"{{"tool_call": {{"name": "{tool}", "arguments": {arguments}, "id": "c1"}}, "goal": "g",
  "context": {{"actor_id": "u1", "actor_role": "finance", "tenant_id": null, "approval_status": "approved",
    "approved_by": "ana", "approved_at": "2026-01-05T09:30:00Z", "iterations": 3, "pro": true}},
  "trusted": [{{"source": "user", "text": "pay 50 EUR to ada@example.com"}}],
  "constraints": ["business-hours only", "budget <= 20"], "side_effects": ["money movement"]}}"#
        );
        texts.push(text.into_bytes());
    }
    texts
}

/// Conditions, and texts that are nearly ones.
pub fn conditions() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let goldens = read(&folder("golden/conditions.txt"));
    let lines = goldens.lines().filter_map(|line| line.strip_prefix("| "));
    texts.extend(lines.map(|line| line.as_bytes().to_vec()));
    for block in blocks("cel") {
        let block = String::from_utf8_lossy(&block).into_owned();
        let lines = block.lines().filter_map(|line| line.split("  // ").next());
        texts.extend(lines.map(|line| line.trim().as_bytes().to_vec()));
    }
    for policy in good_policies() {
        let policy = String::from_utf8_lossy(&policy).into_owned();
        for line in policy.lines() {
            for key in [
                "allow: ",
                "deny: ",
                "require: ",
                "defer: ",
                "advise: ",
                "when: ",
            ] {
                if let Some((_, text)) = line.split_once(key) {
                    let text = text.trim_matches([' ', '}', '\'', ',']);
                    texts.push(text.as_bytes().to_vec());
                }
            }
        }
    }
    texts
}

/// Tokens, what they claim, keys, and what hosts keep.
pub fn tokens() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let key = vectors::known_key();
    texts.push(key.to_jwk().as_bytes().to_vec());
    texts.push(key.to_public_jwk().into_bytes());
    for set in [
        vectors::permits(),
        vectors::approvals(),
        vectors::policies(),
    ] {
        texts.push(set["keys"].to_string().into_bytes());
        texts.extend(
            set["issue"]["decision"]
                .as_str()
                .map(|text| text.as_bytes().to_vec()),
        );
        for vector in set["vectors"].as_array().into_iter().flatten() {
            let Some(token) = vector["token"].as_str() else {
                continue;
            };
            texts.push(token.as_bytes().to_vec());
            let claims = token
                .split('.')
                .nth(1)
                .and_then(|claims| decode(claims).ok());
            texts.extend(claims);
            texts.extend(vector["seen"].as_str().map(|text| text.as_bytes().to_vec()));
        }
    }
    texts
}

/// Logs, their lines, and what checkpoints claim.
pub fn chains() -> Vec<Vec<u8>> {
    let set = vectors::chain();
    let mut texts = Vec::new();
    for log in set["logs"].as_array().into_iter().flatten() {
        let mut text = String::new();
        for line in log["lines"].as_array().into_iter().flatten() {
            let known = line.as_u64().and_then(|line| usize::try_from(line).ok());
            let line = known.map_or(line, |line| &set["lines"][line.saturating_sub(1)]);
            text.push_str(line.as_str().unwrap_or_default());
            text.push('\n');
        }
        texts.push(text.into_bytes());
    }
    for vector in set["vectors"].as_array().into_iter().flatten() {
        let token = vector["token"].as_str().unwrap_or_default();
        let claims = token.split('.').nth(1);
        texts.extend(claims.and_then(|claims| decode(claims).ok()));
        texts.push(token.as_bytes().to_vec());
    }
    texts
}

/// Pairs of a policy and a request.
pub fn decisions() -> Vec<Vec<u8>> {
    let mut pairs = Vec::new();
    for policy in good_policies() {
        for request in requests() {
            let mut pair = policy.clone();
            pair.push(SEPARATOR);
            pair.extend(request);
            pairs.push(pair);
        }
    }
    pairs
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The files of a folder and those in it, sorted by path.
fn texts_in(name: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let (mut waiting, mut files) = (vec![folder(name)], Vec::new());
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(entries.map(|entry| entry.path()));
        } else if path
            .extension()
            .is_some_and(|ending| endings.iter().any(|known| ending == *known))
        {
            files.push(path);
        }
    }
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).unwrap_or_default())
        .collect()
}

/// The fenced blocks of the language reference that say they are this.
fn blocks(info: &str) -> Vec<Vec<u8>> {
    let pages = texts_in("spec", &["md"]).into_iter();
    let blocks = pages.flat_map(|page| {
        let page = String::from_utf8_lossy(&page).into_owned();
        markdown::blocks(&page).unwrap_or_default()
    });
    let wanted = blocks.filter(|block| block.info == info);
    wanted.map(|block| block.text.into_bytes()).collect()
}

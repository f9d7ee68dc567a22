//! The tokens of the corpus are what they say: made of the keys that the README of the corpus tells about.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use stage0_tests::tokens::{public, sign};
use stage0_wire::{APPROVAL_KIND, jws};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Whatever in a text looks like a token.
fn tokens(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)));
    words.filter(|word| word.starts_with("eyJ")).collect()
}

#[test]
fn tokens_of_the_corpus_are_signed_by_keys_that_everybody_has() {
    let text = read("cases/engine/signed.yaml");
    let tokens = tokens(&text);
    assert!(tokens.len() > 25, "{} tokens", tokens.len());
    let (mut own, mut forged, mut others) = (0, 0, 0);
    for token in tokens {
        let (header, payload) = token.split_once('.').unwrap();
        let (payload, _) = payload.split_once('.').unwrap();
        let header: Value = serde_json::from_slice(&jws::decode(header).unwrap()).unwrap();
        let payload = String::from_utf8(jws::decode(payload).unwrap()).unwrap();
        let (kind, key) = (
            header["typ"].as_str().unwrap(),
            header["kid"].as_str().unwrap(),
        );
        if token == sign(kind, key, key, &payload) {
            own += 1;
            assert_eq!(
                jws::parse(token, APPROVAL_KIND).is_ok(),
                kind == APPROVAL_KIND
            );
        } else if token == sign(kind, key, "eve-2026", &payload) {
            forged += 1;
        } else {
            others += 1;
        }
    }
    // One token has a claim that was changed after it was signed.
    assert_eq!(others, 1);
    assert!(
        own > 20 && forged > 2,
        "{own} of their own key, {forged} forged"
    );
}

#[test]
fn keys_of_the_policies_are_the_ones_that_everybody_has() {
    for (path, least) in [("cases/policies/signed.yaml", 5), ("spec/decisions.md", 2)] {
        let text = read(path);
        let keys = text.lines().filter_map(|line| {
            let (name, rest) = line.trim().split_once(": { public: ")?;
            Some((name, rest.split(',').next()?))
        });
        let own = keys.filter(|(name, key)| public(name) == *key).count();
        assert!(own >= least, "{path}: {own}");
    }
}

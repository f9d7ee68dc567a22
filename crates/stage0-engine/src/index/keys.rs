//! Whose signatures count as approvals: the `keys` of the files of a layer.
//!
//! A key is power to approve, so those of an import count only where its importer says `allows: true`, as
//! its allow rules do.

use std::collections::BTreeMap;

use super::CompiledKey;
use super::gather::{Member, Workshop};
use crate::policy::{ApproverKey, FindingKind, PolicyFinding, PolicySource};
use crate::signature::{PUBLIC_KEY_BYTES, PublicKey};
use crate::span::Span;

/// Stands for everybody, or for every role.
const ANY: &str = "*";

/// The keys of a layer.
pub(super) fn keys(
    members: &[Member],
    sources: &[PolicySource],
    workshop: &mut Workshop<'_>,
) -> BTreeMap<Box<str>, CompiledKey> {
    let mut known = BTreeMap::new();
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    for member in members {
        let Some(source) = sources.get(member.source) else {
            continue;
        };
        if !member.allows {
            if let Some(key) = source.keys.first() {
                let message = format!("the keys of `{}` do not count here", source.name.value);
                workshop.report(
                    PolicyFinding::new(FindingKind::WithheldKeys, key.id.span, message).with_help(
                        "a key is power to approve: import the file with `allows: true`, or repeat the key",
                    ),
                );
            }
            continue;
        }
        for key in &source.keys {
            if let Some(first) = places.insert(&key.id.value, key.id.span) {
                workshop.duplicate("key", &key.id.value, key.id.span, first);
            }
            if let Some(compiled) = compile(key, workshop) {
                known.insert(key.id.value.as_str().into(), compiled);
            }
        }
    }
    known
}

fn compile(key: &ApproverKey, workshop: &mut Workshop<'_>) -> Option<CompiledKey> {
    let bytes = <&[u8; PUBLIC_KEY_BYTES]>::try_from(&*key.public.value).ok();
    let Some(public) = bytes.and_then(|bytes| PublicKey::from_bytes(bytes).ok()) else {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Key,
                key.public.span,
                format!(
                    "`public` of key `{}` is no Ed25519 public key",
                    key.id.value
                ),
            )
            .with_help("it is the `x` of the key's JWK: 32 bytes in base64url, 43 characters"),
        );
        return None;
    };
    if let (Some(from), Some(to)) = (key.not_before, key.not_after)
        && from >= to
    {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Key,
                key.id.span,
                format!("key `{}` ends before it begins", key.id.value),
            )
            .with_help("`not_before` has to be earlier than `not_after`"),
        );
    }
    let is_any = |text: &str| text == ANY;
    Some(CompiledKey {
        public,
        by: (!is_any(&key.by)).then(|| key.by.as_str().into()),
        roles: (!key.roles.iter().any(|role| is_any(role)))
            .then(|| key.roles.iter().map(|role| role.as_str().into()).collect()),
        not_before: key.not_before,
        not_after: key.not_after,
        revoked_at: key.revoked_at,
    })
}

//! What private keys and members of sets have in common: the members of one JSON Web Key.

use stage0_engine::document::{Kind, ValueRef};
use stage0_wire::jws::{KEY_ID_BYTES_MAX, decode};

/// What `alg` may say of an Ed25519 key: the names of RFC 8037 and of RFC 9864.
const ALGORITHMS: [&str; 2] = ["EdDSA", "Ed25519"];

/// Whether this is an Ed25519 key that may do this (`sign` or `verify`). Keys of other kinds and for
/// other uses stand in the sets of other people, and are passed over as RFC 7517 says.
pub(super) fn is_ours(key: ValueRef<'_>, operation: &str) -> bool {
    let is = |name: &str, wanted: &str| key.get(name).and_then(ValueRef::as_str) == Some(wanted);
    let is_for_signatures = key.get("use").is_none() || is("use", "sig");
    let may = key.get("key_ops").is_none_or(|operations| {
        operations.kind() == Kind::List
            && operations
                .elements()
                .any(|known| known.as_str() == Some(operation))
    });
    is("kty", "OKP") && is("crv", "Ed25519") && is_for_signatures && may
}

/// The key's id.
pub(super) fn id(key: ValueRef<'_>) -> Result<&str, String> {
    let id = key.get("kid").and_then(ValueRef::as_str);
    id.filter(|id| is_id(id)).ok_or_else(|| {
        format!("`kid` must be its id, 1 to {KEY_ID_BYTES_MAX} bytes without control characters")
    })
}

/// Whether a text can be a key's id.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= KEY_ID_BYTES_MAX && !text.chars().any(char::is_control)
}

/// The bytes of a member. What was found is never told: it may be a secret.
pub(super) fn bytes<const N: usize>(key: ValueRef<'_>, name: &str) -> Result<[u8; N], String> {
    let text = key.get(name).and_then(ValueRef::as_str);
    let bytes = text.and_then(|text| decode(text).ok());
    bytes
        .and_then(|bytes| <[u8; N]>::try_from(bytes).ok())
        .ok_or_else(|| format!("`{name}` must be {N} bytes in base64url without padding"))
}

/// An algorithm that the key says it is for has to be ours.
pub(super) fn check_algorithm(key: ValueRef<'_>) -> Result<(), String> {
    match key.get("alg") {
        None => Ok(()),
        Some(named)
            if named
                .as_str()
                .is_some_and(|named| ALGORITHMS.contains(&named)) =>
        {
            Ok(())
        }
        Some(_) => Err("`alg` of an Ed25519 key is `EdDSA`".to_owned()),
    }
}

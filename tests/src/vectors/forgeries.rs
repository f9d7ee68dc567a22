//! What every kind of token has to refuse, whatever it says.

use stage0_audit::key::PrivateKey;
use stage0_wire::jws::encode;

use super::vector::{Vector, signed};
use super::{key, known_key, payload};

/// What every kind of token has to refuse, whatever it says.
pub(super) fn forgeries(kind: &'static str, good: &str) -> Vec<Vector> {
    let claims = payload(good);
    let head = |rest: &str| {
        let header =
            format!("{{\"alg\":\"EdDSA\",\"kid\":\"known-2026\",\"typ\":\"{kind}\"{rest}}}");
        signed(&header, &claims)
    };
    let named = |alg: &str, typ: &str| {
        let header = format!("{{\"alg\":\"{alg}\",\"kid\":\"known-2026\",\"typ\":\"{typ}\"}}");
        signed(&header, &claims)
    };
    let (message, signature) = good.rsplit_once('.').unwrap();
    let unsigned = encode(
        format!("{{\"alg\":\"none\",\"kid\":\"known-2026\",\"typ\":\"{kind}\"}}").as_bytes(),
    );
    let bare = signed(
        &format!("{{\"alg\":\"EdDSA\",\"typ\":\"{kind}\"}}"),
        &claims,
    );
    let torn = good.replacen('.', "", 1);
    let no = Some(false);
    let mut vectors = keys_that_do_not_count(kind, &claims, message);
    vectors.extend([
        Vector::new(
            "another kind of token",
            named("EdDSA", "JWT"),
            Some("TOKEN_INVALID"),
            Some(true),
        ),
        Vector::new(
            "no algorithm",
            format!("{unsigned}.{}.", encode(claims.as_bytes())),
            Some("TOKEN_INVALID"),
            no,
        ),
        Vector::new(
            "another algorithm",
            named("HS256", kind),
            Some("TOKEN_INVALID"),
            no,
        ),
        Vector::new(
            "a critical extension",
            head(",\"crit\":[\"exp\"],\"exp\":1"),
            Some("TOKEN_INVALID"),
            None,
        ),
        Vector::new(
            "a key of its own",
            head(",\"jwk\":{\"kty\":\"OKP\"}"),
            Some("TOKEN_INVALID"),
            None,
        ),
        Vector::new(
            "a header member that nobody needs",
            head(",\"cty\":\"json\""),
            Some("TOKEN_INVALID"),
            Some(true),
        ),
        Vector::new(
            "a header that names no key",
            bare,
            Some("TOKEN_INVALID"),
            None,
        ),
        Vector::new(
            "a header with one name twice",
            head(",\"alg\":\"EdDSA\""),
            Some("TOKEN_INVALID"),
            None,
        ),
        Vector::new("padding", format!("{good}=="), Some("TOKEN_INVALID"), None),
        Vector::new(
            "a line break",
            format!("{good}\n"),
            Some("TOKEN_INVALID"),
            None,
        ),
        Vector::new(
            "no signature",
            format!("{message}."),
            Some("TOKEN_INVALID"),
            no,
        ),
        Vector::new("two parts", torn, Some("TOKEN_INVALID"), no),
        Vector::new(
            "a part too many",
            format!("{good}.{signature}"),
            Some("TOKEN_INVALID"),
            no,
        ),
        Vector::new("nothing", String::new(), Some("TOKEN_INVALID"), no),
    ]);
    vectors.extend(claims_that_are_none(kind, &claims));
    vectors
}

/// The same, by keys that do not count.
fn keys_that_do_not_count(kind: &str, claims: &str, message: &str) -> Vec<Vector> {
    let by = |key: PrivateKey| key.sign(kind, claims);
    let other = by(key("known-2026", 9));
    let no = Some(false);
    vec![
        Vector::new(
            "another key of the same id",
            other.clone(),
            Some("SIGNATURE_WRONG"),
            no,
        ),
        Vector::new(
            "another token's signature",
            format!("{message}.{}", other.rsplit('.').next().unwrap()),
            Some("SIGNATURE_WRONG"),
            no,
        ),
        Vector::new(
            "nobody knows the key",
            by(key("stranger", 9)),
            Some("KEY_UNKNOWN"),
            no,
        ),
        Vector::new(
            "the key is revoked",
            by(key("revoked", 2)),
            Some("KEY_REVOKED"),
            Some(true),
        ),
        Vector::new(
            "the key has ended",
            by(key("ended", 3)),
            Some("KEY_EXPIRED"),
            Some(true),
        ),
        Vector::new(
            "the key's time has not come",
            by(key("next", 4)),
            Some("KEY_NOT_YET_VALID"),
            Some(true),
        ),
    ]
}

/// Claims that somebody signed, and that say nothing.
fn claims_that_are_none(kind: &str, claims: &str) -> [Vector; 4] {
    [
        Vector::new(
            "claims that are no object",
            known_key().sign(kind, "[]"),
            Some("CLAIMS_INVALID"),
            Some(true),
        ),
        Vector::new(
            "a claim that nobody knows",
            known_key().sign(kind, &claims.replacen('{', "{\"admin\":true,", 1)),
            Some("CLAIMS_INVALID"),
            Some(true),
        ),
        Vector::new(
            "a claim twice",
            known_key().sign(kind, &claims.replacen("\"iat\":", "\"iat\":1,\"iat\":", 1)),
            Some("CLAIMS_INVALID"),
            None,
        ),
        Vector::new(
            "a claim that is missing",
            known_key().sign(
                kind,
                &claims
                    .replacen("\"iat\":1767607200", "", 1)
                    .replace(",,", ",")
                    .replace(",}", "}"),
            ),
            Some("CLAIMS_INVALID"),
            Some(true),
        ),
    ]
}

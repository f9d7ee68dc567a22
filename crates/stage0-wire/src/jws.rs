//! Signed texts: a compact JWS (RFC 7515) with Ed25519 (RFC 8037), taken apart without trusting any of it.
//!
//! There is one algorithm and there are no options: a header names the algorithm, the key and what kind of text
//! this is, and nothing else. What a token is for is told by its `typ`, so that no token of one kind
//! counts as another. [`parse`] says nothing about whether the signature holds; a verifier looks the key up by
//! [`Signed::key_id`] and asks [`Signed::is_signed_by`].

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use stage0_engine::canonical::write_string;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::signature::{PublicKey, SIGNATURE_BYTES};

use crate::strict_json::{JsonLimits, parse_str};

/// Bytes of a token: a call's approval has a few hundred.
pub const TOKEN_BYTES_MAX: usize = 16_384;
/// Bytes of a key's id.
pub const KEY_ID_BYTES_MAX: usize = 128;

/// The limits of a header.
const HEADER_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 1_024,
    depth_max: 1,
    nodes_max: 16,
};

/// What the header calls Ed25519: by RFC 8037, and by RFC 9864.
const ALGORITHMS: [&str; 2] = ["EdDSA", "Ed25519"];

/// A token, taken apart. Nothing of it is to be believed before its signature is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The id of the key that is said to have signed it.
    pub key_id: String,
    /// What was signed, as text: JSON in every kind of token there is.
    pub payload: String,
    /// What the signature is over.
    message: String,
    signature: [u8; SIGNATURE_BYTES],
}

impl Signed {
    /// Whether the owner of this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.message.as_bytes(), &self.signature)
    }

    /// What the signature is over, and the signature, for a verifier that is not here.
    pub fn into_parts(self) -> (String, [u8; SIGNATURE_BYTES]) {
        (self.message, self.signature)
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwsError {
    /// It has more bytes than a token may have.
    TooLong,
    /// It is not three parts of base64url, each in its one spelling.
    Form,
    /// Its header is not one of ours, and why.
    Header(String),
    /// It is a token of another kind.
    Kind {
        /// The kind that it is.
        found: String,
    },
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a token has at most {TOKEN_BYTES_MAX} bytes"),
            Self::Form => f.write_str("a token is three parts of base64url with dots between them"),
            Self::Header(why) => write!(f, "the token's header {why}"),
            Self::Kind { found } => write!(f, "the token is a `{found}`"),
        }
    }
}

impl core::error::Error for JwsError {}

/// Takes a token of this kind apart.
///
/// # Errors
/// The text is no compact JWS with a header of ours, or one of another kind.
pub fn parse(token: &str, kind: &str) -> Result<Signed, JwsError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(JwsError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(JwsError::Form)?;
    let (header, payload) = message.split_once('.').ok_or(JwsError::Form)?;
    let key_id = read_header(&decode_text(header)?, kind)?;
    let signature = decode(signature)?;
    Ok(Signed {
        key_id,
        payload: decode_text(payload)?,
        message: message.to_owned(),
        signature: signature.try_into().map_err(|_| JwsError::Form)?,
    })
}

/// What a signer signs: header and payload in base64url. The token is this, a dot, and the signature
/// by [`attach`].
pub fn message(kind: &str, key_id: &str, payload: &str) -> String {
    let mut header = String::from("{\"alg\":\"EdDSA\",\"kid\":");
    write_string(&mut header, key_id);
    header.push_str(",\"typ\":");
    write_string(&mut header, kind);
    header.push('}');
    [&encode(header.as_bytes()), ".", &encode(payload.as_bytes())].concat()
}

/// The token of a message and the signature over it.
pub fn attach(message: &str, signature: &[u8; SIGNATURE_BYTES]) -> String {
    [message, ".", &encode(signature)].concat()
}

/// Bytes in base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of base64url without padding, in its one spelling.
///
/// # Errors
/// The text is none.
pub fn decode(text: &str) -> Result<Vec<u8>, JwsError> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| JwsError::Form)
}

fn decode_text(text: &str) -> Result<String, JwsError> {
    String::from_utf8(decode(text)?).map_err(|_| JwsError::Form)
}

/// The key's id.
fn read_header(text: &str, kind: &str) -> Result<String, JwsError> {
    let wrong = |why: &str| JwsError::Header(why.to_owned());
    let document = parse_str(text, &HEADER_LIMITS)
        .map_err(|error| JwsError::Header(format!("is no JSON of ours: {error}")))?;
    let header = document.root();
    if header.kind() != Kind::Object {
        return Err(wrong("is no object"));
    }
    // `crit`, `jwk`, `x5u` and their like say how the token wants to be verified. It has no say.
    let mut keys = header.members().map(|(key, _)| key);
    if let Some(stray) = keys.find(|key| !["alg", "kid", "typ"].contains(key)) {
        return Err(JwsError::Header(format!("has `{stray}`")));
    }
    let member = |name: &str| header.get(name).and_then(ValueRef::as_str);
    if !member("alg").is_some_and(|alg| ALGORITHMS.contains(&alg)) {
        return Err(wrong("does not say `\"alg\": \"EdDSA\"`"));
    }
    let key_id = member("kid").ok_or_else(|| wrong("does not name its key as `kid`"))?;
    if key_id.is_empty() || key_id.len() > KEY_ID_BYTES_MAX {
        return Err(wrong("has a `kid` that is none"));
    }
    match member("typ") {
        Some(found) if found == kind => Ok(key_id.to_owned()),
        found => Err(JwsError::Kind {
            found: found.unwrap_or("token without a `typ`").to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "stage0-approval+jwt";

    fn token(header: &str) -> String {
        [
            &encode(header.as_bytes()),
            ".",
            &encode(b"{}"),
            ".",
            &encode(&[7; 64]),
        ]
        .concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let message = message(KIND, "ana-2026", "{\"by\":\"ana\"}");
        let signed = parse(&attach(&message, &[7; 64]), KIND).unwrap();
        assert_eq!(signed.key_id, "ana-2026");
        assert_eq!(signed.payload, "{\"by\":\"ana\"}");
        assert_eq!(signed.into_parts(), (message, [7; 64]));
    }

    #[test]
    fn a_header_has_no_options() {
        for (header, told) in [
            (r#"{"alg":"none","kid":"k","typ":"T"}"#, "EdDSA"),
            (r#"{"alg":"HS256","kid":"k","typ":"T"}"#, "EdDSA"),
            (r#"{"alg":"eddsa","kid":"k","typ":"T"}"#, "EdDSA"),
            (r#"{"kid":"k","typ":"T"}"#, "EdDSA"),
            (r#"{"alg":"EdDSA","typ":"T"}"#, "kid"),
            (r#"{"alg":"EdDSA","kid":"","typ":"T"}"#, "kid"),
            (r#"{"alg":"EdDSA","kid":7,"typ":"T"}"#, "kid"),
            (r#"{"alg":"EdDSA","kid":"k"}"#, "without a `typ`"),
            (r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#, "`JWT`"),
            (
                r#"{"alg":"EdDSA","kid":"k","typ":"T","crit":["x"]}"#,
                "`crit`",
            ),
            (r#"{"alg":"EdDSA","kid":"k","typ":"T","jwk":{}}"#, "header"),
            (
                r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k","typ":"T"}"#,
                "twice",
            ),
            ("[]", "no object"),
            ("", "JSON"),
        ] {
            let header = header.replace("\"T\"", &format!("\"{KIND}\""));
            let error = parse(&token(&header), KIND).unwrap_err();
            assert!(error.to_string().contains(told), "{header}: {error}");
        }
        let header = r#"{"alg":"Ed25519","kid":"k","typ":"stage0-approval+jwt"}"#;
        assert!(parse(&token(header), KIND).is_ok());
    }

    #[test]
    fn base64_has_one_spelling() {
        let good = attach(&message(KIND, "k", "{}"), &[7; 64]);
        assert!(parse(&good, KIND).is_ok());
        let (message, signature) = good.rsplit_once('.').unwrap();
        // The last digit of 64 bytes has four bits that mean nothing.
        let (short, _) = signature.split_at(signature.len() - 1);
        for wrong in [
            String::new(),
            "..".to_owned(),
            message.to_owned(),
            format!("{good}."),
            format!("{good}=="),
            format!("{message}.{short}x"),
            format!("{message}.{short}"),
            format!(" {good}"),
            good.replace('.', ".."),
            good.replace('e', "+"),
            "x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert!(parse(&wrong, KIND).is_err(), "{wrong}");
        }
    }
}

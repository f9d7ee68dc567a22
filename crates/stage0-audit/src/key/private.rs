//! The key that signs. What makes it secret is never shown, and is overwritten when it is dropped.

use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use stage0_engine::canonical::write_string;
use stage0_engine::document::Kind;
use stage0_engine::signature::{PublicKey, PublicKeyError, SIGNATURE_BYTES};
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws::{attach, encode, message};
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};
use zeroize::Zeroizing;

use super::member;

/// Bytes of the seed that a private key is.
pub const SEED_BYTES: usize = 32;

/// The limits of a private key's text: one object, perhaps with what other tools add.
pub const PRIVATE_KEY_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 16_384,
    depth_max: 4,
    nodes_max: 200,
};

/// A key that signs, with the id by which verifiers find its public half.
pub struct PrivateKey {
    id: String,
    key: SigningKey,
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("id", &self.id)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// The key of a seed: 32 bytes that nobody else can guess. They come from the host, whose operating
    /// system has a random source.
    ///
    /// # Errors
    /// The id is none: a `KEY_INVALID`.
    pub fn from_seed(id: &str, seed: &[u8; SEED_BYTES]) -> Result<Self, Problem> {
        if !member::is_id(id) {
            return Err(invalid(
                "a key's id has 1 to 128 bytes, and no control characters",
            ));
        }
        let key = SigningKey::from_bytes(seed);
        let public = PublicKey::from_bytes(&key.verifying_key().to_bytes());
        Ok(Self {
            id: id.to_owned(),
            public: public.map_err(|PublicKeyError| invalid("this seed makes no key"))?,
            key,
        })
    }

    /// Reads a private JSON Web Key: `kty` `OKP`, `crv` `Ed25519`, `kid`, `x` and `d`. `name` is what problems
    /// call the text.
    ///
    /// # Errors
    /// It is none. No problem shows what is secret.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Problem> {
        // An excerpt would show the secret, so there is none.
        let document = parse(text, &PRIVATE_KEY_LIMITS).map_err(|error| {
            let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::JsonSyntax);
            Problem::in_file(name, 1, code, "this is no JSON text of a private key").help(
                "it is never shown; make it anew with `stage0 keypair new`, or restore the file",
            )
        })?;
        let jwk = document.root();
        let wrong = |why: String| {
            Problem::in_file(name, 1, ProblemCode::KeyInvalid, format!("no private key: {why}"))
                .help("a private key is `{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":..,\"x\":..,\"d\":..}`, as `stage0 keypair new` writes it")
        };
        if jwk.kind() != Kind::Object {
            return Err(wrong("it is no object".to_owned()));
        }
        if jwk.get("keys").is_some() {
            return Err(wrong("it is a set of keys".to_owned()));
        }
        if !member::is_ours(jwk, "sign") {
            let why = "it is no Ed25519 key that may sign";
            return Err(wrong(why.to_owned()));
        }
        member::check_algorithm(jwk).map_err(wrong)?;
        if jwk.get("d").is_none() {
            return Err(wrong("it is a public key, without `d`".to_owned()));
        }
        let id = member::id(jwk).map_err(wrong)?;
        let seed = Zeroizing::new(member::bytes::<SEED_BYTES>(jwk, "d").map_err(wrong)?);
        let public: [u8; 32] = member::bytes(jwk, "x").map_err(wrong)?;
        let key = Self::from_seed(id, &seed)?;
        if *key.public.as_bytes() != public {
            return Err(wrong("`x` is not the public half of `d`".to_owned()));
        }
        Ok(key)
    }

    /// The text that [`parse`](Self::parse) reads: a secret, on one line.
    pub fn to_jwk(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(encode(self.key.as_bytes()));
        let mut out = Zeroizing::new(String::with_capacity(512));
        self.write_public(&mut out);
        out.push_str(",\"d\":\"");
        out.push_str(&secret);
        out.push_str("\"}");
        out
    }

    /// The public half as a JSON Web Key on one line, for a set of keys.
    pub fn to_public_jwk(&self) -> String {
        let mut out = String::new();
        self.write_public(&mut out);
        out.push('}');
        out
    }

    fn write_public(&self, out: &mut String) {
        out.push_str("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":");
        write_string(out, &self.id);
        out.push_str(",\"x\":\"");
        out.push_str(&encode(self.public.as_bytes()));
        out.push('"');
    }

    /// The id that tokens name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The token of this kind with this payload.
    pub fn sign(&self, kind: &str, payload: &str) -> String {
        let message = message(kind, &self.id, payload);
        let signature = self.sign_bytes(message.as_bytes());
        attach(&message, &signature)
    }

    /// The signature over any bytes. What is signed without a kind can be taken for something else.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(message).to_bytes()
    }
}

fn invalid(message: &str) -> Problem {
    Problem::new(ProblemCode::KeyInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; SEED_BYTES] = [7; SEED_BYTES];

    #[test]
    fn the_key_of_the_standard_is_read_and_signs_as_it_says() {
        // RFC 8037, appendix A: the key, and its signature over another header than ours.
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key = PrivateKey::parse("key", jwk.as_bytes()).unwrap();
        let signature = key.sign_bytes(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        assert_eq!(
            encode(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let key = PrivateKey::from_seed("ana \"2026\"", &SEED).unwrap();
        let read = PrivateKey::parse("key", key.to_jwk().as_bytes()).unwrap();
        assert_eq!((read.id(), read.public()), (key.id(), key.public()));
        assert_eq!(read.sign("k", "{}"), key.sign("k", "{}"));
    }

    #[test]
    fn what_is_no_private_key_is_refused_and_the_secret_is_never_told() {
        let good = PrivateKey::from_seed("k", &SEED).unwrap().to_jwk();
        // Not its beginning, which a case changes.
        let secret = encode(&SEED).split_off(5);
        for (from, to, told) in [
            ("OKP", "EC", "no Ed25519 key"),
            ("Ed25519", "X25519", "no Ed25519 key"),
            ("\"kid\":\"k\",", "", "`kid`"),
            ("\"kid\":\"k\"", "\"kid\":\"\\u0007\"", "`kid`"),
            ("\"x\":\"", "\"x\":\"A", "`x` must be 32 bytes"),
            ("\"d\":\"", "\"d\":\"AA", "`d` must be 32 bytes"),
            ("\"d\":\"BwcHB", "\"d\":\"CwcHB", "not the public half"),
            ("\"d\"", "\"e\"", "without `d`"),
            ("{", "{\"alg\":\"ES256\",", "`alg`"),
            ("{", "{\"use\":\"enc\",", "no Ed25519 key"),
            ("{", "{\"key_ops\":[\"verify\"],", "no Ed25519 key"),
            ("{", "{\"keys\":[],", "a set"),
            ("}", "", "no JSON text"),
            ("{", "[", "no JSON text"),
            ("{", "{\"d\":\"\",", "no JSON text"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, *good, "{from}");
            let problem = PrivateKey::parse("key", text.as_bytes()).unwrap_err();
            assert!(problem.message().contains(told), "{}", problem.message());
            let shown = problem.render() + &format!("{problem:?}");
            assert!(!shown.contains(&secret), "{shown}");
        }
        let key = PrivateKey::from_seed("k", &SEED).unwrap();
        assert!(!format!("{key:?}").contains("7, 7"));
        assert!(!format!("{key:?}").contains(&secret));
        assert!(PrivateKey::from_seed("", &SEED).is_err());
    }
}

//! The keys that are believed, each for a time.

use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_engine::signature::PublicKey;
use stage0_engine::suggest::nearest;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::member;
use super::trouble::{KeyTrouble, TokenError};

/// Keys of one set: years of rotation for every approver of a company.
pub const KEYS_MAX: usize = 1_000;

/// The limits of a set's text, with room for the certificates that other people's keys carry.
pub const KEY_SET_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 1_000_000,
    depth_max: 8,
    nodes_max: 50_000,
};

/// Members that say for how long a key counts. The names are ours, the standard has none.
const TIMES: [&str; 3] = ["not_before", "not_after", "revoked_at"];

/// What others call them. A key that somebody ended must not count because we did not understand.
const FOREIGN_TIMES: [(&str, &str); 4] = [
    ("nbf", "not_before"),
    ("exp", "not_after"),
    ("expires_at", "not_after"),
    ("revoked", "revoked_at"),
];

/// Members that only the owner of a key has, of every kind of key.
const SECRETS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// One key that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The id that tokens name.
    pub id: String,
    /// The key.
    pub key: PublicKey,
    /// The first instant at which it counts; it always did if there is none.
    pub not_before: Option<Timestamp>,
    /// The first instant at which it counts no more.
    pub not_after: Option<Timestamp>,
    /// From when on nothing that it signed counts, whenever that was: who has a stolen key can write any
    /// time into a token.
    pub revoked_at: Option<Timestamp>,
}

impl TrustedKey {
    /// Why it does not count at this time, if it does not.
    fn trouble(&self, at: Timestamp) -> Option<KeyTrouble> {
        if let Some(revoked) = self.revoked_at.filter(|revoked| *revoked <= at) {
            return Some(KeyTrouble::Revoked { at: revoked });
        }
        if let Some(from) = self.not_before.filter(|from| at < *from) {
            return Some(KeyTrouble::NotYetValid { from });
        }
        let end = self.not_after.filter(|end| *end <= at)?;
        Some(KeyTrouble::Expired { at: end })
    }
}

/// The keys that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    /// Sorted by id.
    keys: Vec<TrustedKey>,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    /// There are more than [`KEYS_MAX`], or two with one id, or one key with two ids, of which somebody
    /// could revoke one and overlook the other.
    pub fn new(mut keys: Vec<TrustedKey>) -> Result<Self, Problem> {
        let wrong = |message: String| Err(Problem::new(ProblemCode::KeyInvalid, message));
        if keys.len() > KEYS_MAX {
            return wrong(format!("a set has at most {KEYS_MAX} keys"));
        }
        let mut bytes: Vec<(&[u8; 32], &str)> = keys
            .iter()
            .map(|key| (key.key.as_bytes(), key.id.as_str()))
            .collect();
        bytes.sort_unstable();
        let twice = bytes.windows(2).find_map(|pair| match pair {
            [(left, one), (right, other)] if left == right && one != other => Some((one, other)),
            _ => None,
        });
        if let Some((one, other)) = twice {
            return wrong(format!("`{one}` and `{other}` are the same key"));
        }
        keys.sort_by(|left, right| left.id.cmp(&right.id));
        let twice = keys.windows(2).find_map(|pair| match pair {
            [left, right] if left.id == right.id => Some(&left.id),
            _ => None,
        });
        match twice {
            Some(id) => wrong(format!("the key `{id}` is there twice")),
            None => Ok(Self { keys }),
        }
    }

    /// Reads a JSON Web Key Set, `{"keys": [..]}`. Keys of other kinds and for other uses are passed
    /// over; a set that gives a secret away is refused whole, and so is one that says of a key until when it
    /// counts in words that are not understood. `name` is what problems call the text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Vec<Problem>> {
        let document = parse(text, &KEY_SET_LIMITS).map_err(|error| {
            // A set in which secrets stand by mistake is not shown either.
            let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::JsonSyntax);
            vec![Problem::in_file(name, 1, code, error.to_string())]
        })?;
        let problem = |message: String| {
            Problem::in_file(name, 1, ProblemCode::KeyInvalid, message).help(
                "a set is `{\"keys\": [{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": .., \"x\": ..}]}`; keys may have `not_before`, `not_after` and `revoked_at`",
            )
        };
        let listed = listed(&document).map_err(|message| vec![problem(message.to_owned())])?;
        let mut keys = Vec::new();
        let mut problems = Vec::new();
        for (position, key) in listed.elements().enumerate() {
            match read(key) {
                Ok(key) => keys.extend(key),
                Err(message) => problems.push(problem(format!("key {position}: {message}"))),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if keys.is_empty() {
            let message = "there is no Ed25519 key to verify with";
            return Err(vec![problem(message.to_owned())]);
        }
        Self::new(keys).map_err(|error| vec![problem(error.message().to_owned())])
    }

    /// The key of this id, if it counts at this time: the time of whoever asks now. A time that a
    /// token names itself says nothing about when it was signed.
    ///
    /// # Errors
    /// There is none of this id, or it does not count.
    pub fn find(&self, id: &str, at: Timestamp) -> Result<&PublicKey, KeyTrouble> {
        let place = self.keys.binary_search_by(|key| key.id.as_str().cmp(id));
        let key = place.ok().and_then(|place| self.keys.get(place));
        let key = key.ok_or(KeyTrouble::Unknown)?;
        match key.trouble(at) {
            Some(trouble) => Err(trouble),
            None => Ok(&key.key),
        }
    }

    /// Takes a token of this kind apart, and believes it if a key of the set signed it that counts at this
    /// time: the id of the key, and the payload.
    ///
    /// # Errors
    /// It is not of its form, the key is unknown or does not count, or the signature is wrong.
    pub fn open(
        &self,
        token: &str,
        kind: &str,
        at: Timestamp,
    ) -> Result<(String, String), TokenError> {
        let signed = jws::parse(token, kind).map_err(TokenError::Form)?;
        let id = &signed.key_id;
        let key = self.find(id, at).map_err(|trouble| TokenError::Key {
            id: id.clone(),
            trouble,
        })?;
        if !signed.is_signed_by(key) {
            return Err(TokenError::Signature { id: id.clone() });
        }
        Ok((signed.key_id, signed.payload))
    }

    /// The keys, sorted by id.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }
}

fn listed<'d>(document: &'d Document<'_>) -> Result<ValueRef<'d>, &'static str> {
    let root = document.root();
    if root.kind() != Kind::Object {
        return Err("a set of keys is an object with `keys`");
    }
    if SECRETS.iter().any(|name| root.get(name).is_some()) {
        return Err("this is a private key, not a set of public ones");
    }
    let keys = root.get("keys");
    keys.filter(|keys| keys.kind() == Kind::List)
        .ok_or("`keys` must be a list")
}

/// One key; nothing for one of another kind.
fn read(key: ValueRef<'_>) -> Result<Option<TrustedKey>, String> {
    if key.kind() != Kind::Object {
        return Err("it is no object".to_owned());
    }
    if let Some(secret) = SECRETS.iter().find(|name| key.get(name).is_some()) {
        return Err(format!(
            "it has `{secret}`, which is secret: whoever could read this file can sign"
        ));
    }
    if !member::is_ours(key, "verify") {
        return Ok(None);
    }
    member::check_algorithm(key)?;
    for (name, _) in key.members().filter(|(name, _)| !TIMES.contains(name)) {
        let foreign = FOREIGN_TIMES.iter().find(|(known, _)| *known == name);
        let meant = foreign
            .map(|(_, ours)| *ours)
            .or_else(|| nearest(name, TIMES));
        if let Some(meant) = meant {
            return Err(format!("unknown member `{name}`; did you mean `{meant}`?"));
        }
    }
    let instant = |name: &str| match key.get(name) {
        None => Ok(None),
        Some(at) => match at.as_str().map(Timestamp::parse) {
            Some(Ok(at)) => Ok(Some(at)),
            Some(Err(error)) => Err(format!("`{name}` must be a time: {error}")),
            None => Err(format!(
                "`{name}` must be a time such as `2026-01-05T10:00:00Z`"
            )),
        },
    };
    let bytes = member::bytes(key, "x")?;
    Ok(Some(TrustedKey {
        id: member::id(key)?.to_owned(),
        key: PublicKey::from_bytes(&bytes).map_err(|error| format!("`x`: {error}"))?,
        not_before: instant("not_before")?,
        not_after: instant("not_after")?,
        revoked_at: instant("revoked_at")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::PrivateKey;
    use super::*;

    const KIND: &str = "stage0-test+jwt";

    fn key(id: &str, seed: u8) -> PrivateKey {
        PrivateKey::from_seed(id, &[seed; 32]).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn set_of(jwk: &str) -> Result<KeySet, Vec<Problem>> {
        KeySet::parse("keys.json", format!("{{\"keys\":[{jwk}]}}").as_bytes())
    }

    /// The public key `k`, with further members.
    fn with(members: &str) -> String {
        let jwk = key("k", 7).to_public_jwk();
        format!("{}{members}}}", jwk.trim_end_matches('}'))
    }

    #[test]
    fn a_key_counts_from_its_beginning_to_before_its_end() {
        let set = set_of(&with(
            r#","not_before":"2026-01-05T10:00:00Z","not_after":"2026-01-05T12:00:00+01:00""#,
        ));
        let set = set.unwrap();
        let code = |time| set.find("k", at(time)).err().map(KeyTrouble::code);
        assert_eq!(
            code("2026-01-05T09:59:59.999Z"),
            Some(ProblemCode::KeyNotYetValid)
        );
        assert_eq!(code("2026-01-05T10:00:00Z"), None);
        assert_eq!(code("2026-01-05T10:59:59.999Z"), None);
        assert_eq!(code("2026-01-05T11:00:00Z"), Some(ProblemCode::KeyExpired));
        let other = set.find("K", at("2026-01-05T10:00:00Z"));
        assert_eq!(other, Err(KeyTrouble::Unknown));
    }

    #[test]
    fn a_revoked_key_counts_no_more_whenever_it_signed() {
        let token = key("k", 7).sign(KIND, "{}");
        let set = set_of(&with(r#","revoked_at":"2026-01-05T10:00:00Z""#)).unwrap();
        assert!(
            set.open(&token, KIND, at("2026-01-05T09:59:59.999Z"))
                .is_ok()
        );
        let error = set.open(&token, KIND, at("2026-01-05T10:00:00Z"));
        let error = error.unwrap_err();
        assert_eq!(error.code(), ProblemCode::KeyRevoked);
        assert_eq!(
            Problem::from(&error).message(),
            "the key `k` was revoked at 2026-01-05T10:00:00Z"
        );
    }

    #[test]
    fn keys_are_rotated_by_having_both_for_a_while() {
        let (old, new) = (key("2025", 1), key("2026", 2));
        let ended = old.to_public_jwk();
        let ended = ended.trim_end_matches('}');
        let both = format!(
            "{},{ended},\"not_after\":\"2026-01-08T00:00:00Z\"}}",
            new.to_public_jwk()
        );
        let set = set_of(&both).unwrap();
        let now = at("2026-01-05T10:00:00Z");
        for key in [&old, &new] {
            let (id, payload) = set.open(&key.sign(KIND, "{}"), KIND, now).unwrap();
            assert_eq!((id.as_str(), payload.as_str()), (key.id(), "{}"));
        }
        let later = at("2026-01-08T00:00:00Z");
        let error = set.open(&old.sign(KIND, "{}"), KIND, later).unwrap_err();
        assert_eq!(error.code(), ProblemCode::KeyExpired);
        assert!(set.open(&new.sign(KIND, "{}"), KIND, later).is_ok());
    }

    #[test]
    fn a_token_is_opened_by_its_own_key_only() {
        let set = set_of(&with("")).unwrap();
        let now = at("2026-01-05T10:00:00Z");
        let code = |token: &str| set.open(token, KIND, now).unwrap_err().code();
        let good = key("k", 7).sign(KIND, "{}");
        assert_eq!(
            code(&key("k", 8).sign(KIND, "{}")),
            ProblemCode::SignatureWrong
        );
        assert_eq!(code(&key("j", 7).sign(KIND, "{}")), ProblemCode::KeyUnknown);
        assert_eq!(
            code(&key("k", 7).sign("JWT", "{}")),
            ProblemCode::TokenInvalid
        );
        assert_eq!(code(good.trim_end_matches('A')), ProblemCode::TokenInvalid);
    }

    #[test]
    fn other_peoples_keys_are_passed_over() {
        let others = [
            r#"{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB","x5c":["MIIB"]}"#,
            r#"{"kty":"EC","crv":"P-256","kid":"e","x":"AA","y":"AA"}"#,
            r#"{"kty":"OKP","crv":"X25519","kid":"x","x":"AA"}"#,
            &key("enc", 1)
                .to_public_jwk()
                .replacen('{', r#"{"use":"enc","#, 1),
            &key("ops", 2)
                .to_public_jwk()
                .replacen('{', r#"{"key_ops":["sign"],"#, 1),
            &with(r#","use":"sig","alg":"EdDSA","key_ops":["verify"],"ext":true"#),
        ];
        let set = set_of(&others.join(",")).unwrap();
        let ids: Vec<&str> = set.keys().iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["k"]);
    }

    #[test]
    fn sets_that_are_not_safe_to_use_are_refused() {
        let (public, private) = (key("k", 7).to_public_jwk(), key("k", 7).to_jwk());
        let twice = format!("{public},{}", key("k", 8).to_public_jwk());
        let alias = format!("{public},{}", key("j", 7).to_public_jwk());
        let weak = public.replace(
            &jws::encode(key("k", 7).public().as_bytes()),
            &"A".repeat(43),
        );
        for (jwk, told) in [
            (private.as_str(), "`d`, which is secret"),
            (r#"{"kty":"oct","k":"AA"}"#, "`k`, which is secret"),
            (
                r#"{"kty":"RSA","n":"AA","e":"AA","p":"AA"}"#,
                "`p`, which is secret",
            ),
            (&twice, "there twice"),
            (&alias, "the same key"),
            (&weak, "no Ed25519 public key"),
            (&with(r#","alg":"RS256""#), "`alg`"),
            (
                &with(r#","not_afer":"2026-01-05T10:00:00Z""#),
                "did you mean `not_after`?",
            ),
            (&with(r#","exp":1767607200"#), "did you mean `not_after`?"),
            (&with(r#","revoked":{}"#), "did you mean `revoked_at`?"),
            (&with(r#","not_after":1767607200"#), "must be a time"),
            (&with(r#","not_after":null"#), "must be a time"),
            (&with(r#","not_after":"tomorrow""#), "must be a time"),
            (&public.replace("\"kid\":\"k\",", ""), "`kid`"),
            (r#"{"kty":"RSA","n":"AA","e":"AA"}"#, "no Ed25519 key"),
            ("", "no Ed25519 key"),
            ("1", "no object"),
        ] {
            let problems = set_of(jwk).unwrap_err();
            let message = problems[0].message();
            assert!(message.contains(told), "{jwk}: {message}");
            assert_eq!(problems[0].code(), ProblemCode::KeyInvalid);
        }
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, &private] {
            assert!(
                KeySet::parse("keys.json", text.as_bytes()).is_err(),
                "{text}"
            );
        }
        let many: Vec<TrustedKey> = (0..=KEYS_MAX)
            .map(|number| {
                let mut seed = [0; 32];
                seed[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
                TrustedKey {
                    id: number.to_string(),
                    key: *PrivateKey::from_seed("k", &seed).unwrap().public(),
                    not_before: None,
                    not_after: None,
                    revoked_at: None,
                }
            })
            .collect();
        assert!(KeySet::new(many[1..].to_vec()).is_ok());
        assert!(KeySet::new(many).is_err());
    }
}

//! Test vectors: tokens that have to be accepted, and tokens that have to be refused, each with why.
//!
//! They stand in `tests/vectors`, where every language reads them; here they are made, from keys that
//! everybody knows. Ed25519 signs the same text the same way each time, so the files can be compared.

use serde_json::{Value, json};
use stage0_audit::approval;
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{Allowed, Issue, Issuer, PERMIT_KIND};
use stage0_audit::policy::{Demands, POLICY_KIND, Seen, sign, verify};
use stage0_engine::digest::Digest;
use stage0_engine::host::{Answer, ApprovalRecord, Host, Proof};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::imports::ImportMap;
use stage0_wire::jws::{decode, encode};
use stage0_wire::question::NEW_RUN;
use stage0_wire::{APPROVAL_KIND, Policy, decision_to_json, parse_request};

/// The policy that decides what permits are for.
pub const PAYMENTS: &str = "stage0: v1
name: payments
version: 2.1.0
extends: [limits.yaml]
default: deny
tools:
  payments.payout: { aka: [payout, mcp__bank__payout], effects: [money_movement] }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 100 }
";

/// What it imports.
pub const LIMITS: &str = "stage0: v1
name: limits
version: 1.0.0
rules:
  - { id: never-much, tools: [payments.payout], deny: args.amount > 90 }
";

const NOW: &str = "2026-01-05T10:00:00Z";

/// A time that vectors are about.
///
/// # Panics
/// It is none.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The key that signs in the vectors: that of RFC 8037, appendix A, which everybody knows.
///
/// # Panics
/// Never.
pub fn known_key() -> PrivateKey {
    let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    PrivateKey::from_seed("known-2026", &seed.try_into().unwrap()).unwrap()
}

fn key(id: &str, seed: u8) -> PrivateKey {
    PrivateKey::from_seed(id, &[seed; 32]).unwrap()
}

/// The keys that verifiers believe: the known one, one that is revoked, one that has ended, and one that
/// has not begun.
fn trusted() -> Value {
    let public = |key: &PrivateKey, name: &str, time: &str| {
        let mut jwk: Value = serde_json::from_str(&key.to_public_jwk()).unwrap();
        if !name.is_empty() {
            jwk[name] = time.into();
        }
        jwk
    };
    json!({"keys": [
        public(&known_key(), "", ""),
        public(&key("revoked", 2), "revoked_at", NOW),
        public(&key("ended", 3), "not_after", NOW),
        public(&key("next", 4), "not_before", "2026-02-01T00:00:00Z"),
    ]})
}

/// One token with what has to become of it.
struct Vector {
    name: &'static str,
    token: String,
    /// The code of the refusal; nothing where it is accepted.
    refused: Option<&'static str>,
    /// Whether a library that knows nothing but JWS and the set of keys verifies the signature; nothing
    /// where that is a matter of taste.
    jws: Option<bool>,
    more: Value,
}

impl Vector {
    fn new(
        name: &'static str,
        token: String,
        refused: Option<&'static str>,
        jws: Option<bool>,
    ) -> Self {
        let more = json!({});
        Self {
            name,
            token,
            refused,
            jws,
            more,
        }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more[name] = value.into();
        self
    }

    fn into_json(self) -> Value {
        let mut vector = self.more;
        vector["name"] = self.name.into();
        vector["token"] = self.token.into();
        vector["refused"] = self.refused.into();
        vector["jws"] = self.jws.into();
        vector
    }
}

/// A token of this header and payload, signed by the known key whatever they say.
fn signed(header: &str, payload: &str) -> String {
    let key = known_key();
    // The one signer that there is writes its own header, so its parts are signed as a payload's would be.
    let message = [&encode(header.as_bytes()), ".", &encode(payload.as_bytes())].concat();
    let signature = key.sign_bytes(message.as_bytes());
    [&message, ".", &encode(&signature)].concat()
}

/// The payload of a token.
///
/// # Panics
/// It is none.
pub fn payload(token: &str) -> String {
    String::from_utf8(decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// What every kind of token has to refuse, whatever it says.
fn forgeries(kind: &'static str, good: &str) -> Vec<Vector> {
    let claims = payload(good);
    let by = |key: PrivateKey| key.sign(kind, &claims);
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
    let other = by(key("known-2026", 9));
    let torn = good.replacen('.', "", 1);
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

fn payout() -> Value {
    json!({
        "tool_call": {"id": "c1", "name": "payout", "arguments": {"amount": 20.5, "to": "acme"}},
        "context": {"actor_id": "u1", "tenant_id": "t1", "environment": "production"}
    })
}

/// The policy that the vectors are about, with what it imports.
///
/// # Panics
/// It does not load.
pub fn policy(root: &str, limits: &str) -> Policy {
    let mut files = ImportMap::new();
    files.insert("limits.yaml", limits);
    Policy::load("payments.yaml", root, &files).unwrap()
}

/// `permits.json`.
///
/// # Panics
/// Something that was meant to be good is not.
pub fn permits() -> Value {
    let policy = policy(PAYMENTS, LIMITS);
    let text = payout().to_string();
    let request = parse_request(text.as_bytes()).unwrap();
    let host = Host {
        request_id: "r1",
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), at(NOW));
    let allowed = Allowed::of(&decision);
    let issue = Issue {
        run: Some("run-7"),
        ..Issue::new("p-1", at(NOW))
    };
    let issued = |audience| {
        let issuer = Issuer::new(known_key(), audience);
        issuer.issue(&allowed, &issue).unwrap()
    };
    let good = issued("bank");
    let claims = payload(&good);
    let changed = |from: &str, to: &str| {
        let claims = claims.replacen(from, to, 1);
        known_key().sign(PERMIT_KIND, &claims)
    };
    let call = |pointer: &str, value: Value| {
        let mut call = payout();
        *call.pointer_mut(pointer).unwrap() = value;
        call
    };
    let yes = Some(true);
    let vector = |name, refused| Vector::new(name, good.clone(), refused, yes);
    let mut vectors = vec![
        vector("what was allowed", None),
        vector("by the catalog's name", None)
            .with("call", call("/tool_call/name", "payments.payout".into())),
        vector("in the last millisecond", None).with("now", "2026-01-05T10:00:59.999Z"),
        vector("a clock that is five seconds behind", None).with("now", "2026-01-05T09:59:55Z"),
        vector("by the other name of the algorithm", None),
        vector("another amount", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/amount", json!(20.51))),
        vector("an amount that is text", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/amount", "20.5".into())),
        vector("another recipient", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/to", "acme ".into())),
        vector("an argument more", Some("PERMIT_ACTION")).with(
            "call",
            call(
                "/tool_call/arguments",
                json!({"amount": 20.5, "to": "acme", "memo": null}),
            ),
        ),
        vector("no arguments", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments", json!({}))),
        vector("another actor", Some("PERMIT_ACTION"))
            .with("call", call("/context/actor_id", "u2".into())),
        vector("another tenant", Some("PERMIT_ACTION"))
            .with("call", call("/context/tenant_id", "t2".into())),
        vector("another environment", Some("PERMIT_ACTION"))
            .with("call", call("/context/environment", "staging".into())),
        vector("no context", Some("PERMIT_ACTION")).with("call", call("/context", json!({}))),
        vector("another tool", Some("PERMIT_TOOL"))
            .with("call", call("/tool_call/name", "payments.refund".into())),
        vector(
            "a name of the same tool that was not used",
            Some("PERMIT_TOOL"),
        )
        .with("call", call("/tool_call/name", "mcp__bank__payout".into())),
        vector("too late", Some("PERMIT_EXPIRED")).with("now", "2026-01-05T10:01:00Z"),
        vector("too early", Some("PERMIT_NOT_YET_VALID")).with("now", "2026-01-05T09:59:54.999Z"),
        Vector::new(
            "for another executor",
            issued("mail"),
            Some("PERMIT_AUDIENCE"),
            yes,
        ),
        Vector::new(
            "for too long",
            changed("\"exp\":1767607260", "\"exp\":1767610800"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
        Vector::new(
            "for no time at all",
            changed("\"exp\":1767607260", "\"exp\":1767607200"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
        Vector::new(
            "an end that is text",
            changed("\"exp\":1767607260", "\"exp\":\"1767607260\""),
            Some("CLAIMS_INVALID"),
            None,
        ),
        Vector::new(
            "several executors",
            changed("\"aud\":\"bank\"", "\"aud\":[\"bank\",\"mail\"]"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
    ];
    let header =
        format!("{{\"alg\":\"Ed25519\",\"kid\":\"known-2026\",\"typ\":\"{PERMIT_KIND}\"}}");
    if let Some(vector) = vectors
        .iter_mut()
        .find(|one| one.name.contains("algorithm"))
    {
        vector.token = signed(&header, &claims);
        // RFC 9864 is younger than most libraries.
        vector.jws = None;
    }
    vectors.extend(forgeries(PERMIT_KIND, &good));
    json!({
        "about": "Permits, verified against the call that is about to be made. A vector without `call` or `now` has those of the file.",
        "private_key": serde_json::from_str::<Value>(&known_key().to_jwk()).unwrap(),
        "keys": trusted(),
        "audience": "bank",
        "now": NOW,
        "call": payout(),
        "issue": {
            "decision": decision_to_json(&decision),
            "id": "p-1",
            "run": "run-7",
            "token": good,
        },
        "vectors": vectors.into_iter().map(Vector::into_json).collect::<Vec<_>>(),
    })
}

/// What of a token's refusal a decision tells.
fn told(refused: Option<&str>) -> Option<&'static str> {
    Some(match refused? {
        "KEY_UNKNOWN" => "APPROVAL_UNKNOWN_KEY",
        "KEY_REVOKED" | "KEY_EXPIRED" | "KEY_NOT_YET_VALID" => "APPROVAL_KEY_NOT_VALID",
        _ => "APPROVAL_BAD_SIGNATURE",
    })
}

/// The policy that approvals are decided by, with the keys that the set has.
fn approving() -> String {
    let public = |key: &PrivateKey| encode(key.public().as_bytes());
    format!(
        "stage0: v1
name: refunds
version: 1.0.0
keys:
  known-2026: {{ public: \"{}\", by: ana, roles: [finance_lead] }}
  revoked: {{ public: \"{}\", by: ana, roles: [finance_lead], revoked_at: {NOW} }}
  ended: {{ public: \"{}\", by: ana, roles: [finance_lead], not_after: {NOW} }}
  next: {{ public: \"{}\", by: ana, roles: [finance_lead], not_before: 2026-02-01T00:00:00Z }}
tools:
  refund.pay: {{ effects: [money_movement] }}
rules:
  - {{ id: refunds, tools: [refund.pay], allow: true }}
  - id: large
    tools: [refund.pay]
    approval: {{ evidence: signed, roles: [finance_lead], not: context.actor_id, bind: [args.amount], ttl: 4h }}
",
        public(&known_key()),
        public(&key("revoked", 2)),
        public(&key("ended", 3)),
        public(&key("next", 4)),
    )
}

/// `approvals.json`.
///
/// # Panics
/// The policy asks for no approval.
pub fn approvals() -> Value {
    let text = approving();
    let policy = Policy::parse(&text).unwrap();
    let request = json!({
        "tool_call": {"name": "refund.pay", "arguments": {"amount": 750, "to": "acme"}},
        "context": {"actor_id": "u1"}
    });
    let asked = request.to_string();
    let asked = parse_request(asked.as_bytes()).unwrap();
    let decision = policy.peek(&asked, &Host::default(), &RunState::default(), at(NOW));
    let decision: Value = serde_json::from_str(&decision_to_json(&decision)).unwrap();
    let details = &decision["issues"][0]["details"];
    let digest = |name: &str| Digest::parse(details[name].as_str().unwrap()).unwrap();
    let record = ApprovalRecord {
        id: "a-1".to_owned(),
        answer: Answer::Approved,
        by: "ana".to_owned(),
        roles: vec!["finance_lead".to_owned()],
        rule: "refunds/large".to_owned(),
        terms: digest("terms"),
        action: digest("action"),
        issued_at: at(NOW),
        expires_at: Some(at("2026-01-05T11:00:00Z")),
        proof: Proof::Host,
    };
    let token = |change: fn(&mut ApprovalRecord)| {
        let mut record = record.clone();
        change(&mut record);
        approval::sign(&record, &known_key())
    };
    let good = token(|_| {});
    let yes = Some(true);
    let vector = |name, change, code| Vector::new(name, token(change), code, yes);
    let mut vectors = vec![
        vector("a yes", |_| {}, None),
        vector(
            "a yes without an end of its own",
            |record| record.expires_at = None,
            None,
        ),
        vector(
            "a no",
            |record| record.answer = Answer::Rejected,
            Some("APPROVAL_REJECTED"),
        ),
        vector(
            "no answer yet",
            |record| record.answer = Answer::Pending,
            Some("APPROVAL_PENDING"),
        ),
        vector(
            "by somebody else",
            |record| record.by = "ben".to_owned(),
            Some("APPROVAL_KEY_NOT_VALID"),
        ),
        vector(
            "in a role that the key does not have",
            |record| record.roles = vec!["admin".to_owned()],
            Some("APPROVAL_ROLE"),
        ),
        vector(
            "in no role",
            |record| record.roles.clear(),
            Some("APPROVAL_ROLE"),
        ),
        vector(
            "of another action",
            |record| record.action = Digest::of(b"another"),
            Some("APPROVAL_WRONG_ACTION"),
        ),
        vector(
            "under other terms",
            |record| record.terms = Digest::of(b"others"),
            Some("APPROVAL_WRONG_POLICY"),
        ),
        vector(
            "that has ended",
            |record| record.expires_at = Timestamp::parse(NOW).ok(),
            Some("APPROVAL_EXPIRED"),
        ),
    ];
    let forged = forgeries(APPROVAL_KIND, &good).into_iter();
    vectors.extend(forged.map(|vector| Vector {
        refused: told(vector.refused),
        ..vector
    }));
    json!({
        "about": "People's answers, signed, as `context.approval` of the request: the code is that of the issue that a decision has instead of ALLOW.",
        "kind": APPROVAL_KIND,
        "keys": trusted(),
        "policy": text,
        "request": request,
        "state": NEW_RUN,
        "now": NOW,
        "vectors": vectors.into_iter().map(Vector::into_json).collect::<Vec<_>>(),
    })
}

/// `policies.json`.
///
/// # Panics
/// Something that was meant to be good is not.
pub fn policies() -> Value {
    let good_policy = policy(PAYMENTS, LIMITS);
    let token = |now| sign(good_policy.index(), &known_key(), at(now));
    let good = token(NOW);
    let keys = KeySet::parse("keys", trusted().to_string().as_bytes()).unwrap();
    let seen = |policy: &Policy, token: &str, now: &str| {
        let demands = Demands {
            keys: &keys,
            name: None,
            seen: &Seen::default(),
            now: at(now),
        };
        verify(policy.index(), Some(token), &demands)
            .unwrap()
            .seen
            .to_json()
    };
    let later = policy(&PAYMENTS.replace("2.1.0", "2.2.0"), LIMITS);
    let later_token = sign(later.index(), &known_key(), at("2026-01-05T10:00:01Z"));
    let seen_later = seen(&later, &later_token, "2026-01-05T10:00:01Z");
    let other = policy(&PAYMENTS.replace("2.1.0", "2.2.0"), LIMITS);
    let seen_other = seen(&other, &sign(other.index(), &known_key(), at(NOW)), NOW);
    let files = |root: &str, limits: &str| json!({"payments.yaml": root, "limits.yaml": limits});
    let yes = Some(true);
    let vector = |name, refused| Vector::new(name, good.clone(), refused, yes);
    let altered = |from: &str, to: &str| {
        let changed = PAYMENTS.replacen(from, to, 1);
        assert_ne!(changed, PAYMENTS);
        files(&changed, LIMITS)
    };
    let mut vectors = vec![
        vector("what was signed", None),
        vector("mended where nothing decides", None).with(
            "files",
            files(
                &format!("# Mended.\n{PAYMENTS}description: Payouts.\n"),
                LIMITS,
            ),
        ),
        vector("seen before", None).with("seen", seen(&good_policy, &good, NOW)),
        vector("newer than what was seen", None).with(
            "seen",
            seen(&good_policy, &token("2026-01-05T09:00:00Z"), NOW),
        ),
        vector("an allow that allows more", Some("POLICY_ALTERED"))
            .with("files", altered("<= 100", "<= 1000")),
        vector("another default", Some("POLICY_ALTERED"))
            .with("files", altered("default: deny", "default: allow")),
        vector("another version", Some("POLICY_ALTERED")).with("files", altered("2.1.0", "2.0.0")),
        vector("without what it imports", Some("POLICY_ALTERED"))
            .with("files", altered("extends: [limits.yaml]\n", "")),
        vector("an import that was altered", Some("POLICY_ALTERED"))
            .with("files", files(PAYMENTS, &LIMITS.replace("90", "9000"))),
        vector("another policy under its signature", Some("POLICY_ALTERED"))
            .with("files", altered("name: payments", "name: playground")),
        vector("in the place of another", Some("POLICY_MISPLACED")).with("policy_name", "refunds"),
        vector("older than what was seen", Some("POLICY_ROLLBACK")).with("seen", seen_later),
        vector("another of the same time was seen", Some("POLICY_ROLLBACK"))
            .with("seen", seen_other),
        Vector::new(
            "signed tomorrow",
            token("2026-01-06T10:00:00Z"),
            Some("POLICY_NOT_YET_SIGNED"),
            yes,
        ),
    ];
    vectors.extend(forgeries(POLICY_KIND, &good));
    let mut vectors: Vec<Value> = vectors.into_iter().map(Vector::into_json).collect();
    vectors.push(json!({"name": "no signature at all", "token": null, "refused": "POLICY_UNSIGNED", "jws": null}));
    json!({
        "about": "Signatures of policies. A vector without `files` or `now` has those of the file; `seen` is what the host has kept.",
        "keys": trusted(),
        "now": NOW,
        "files": files(PAYMENTS, LIMITS),
        "vectors": vectors,
    })
}

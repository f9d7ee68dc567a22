//! The facts that a decision read, as one canonical JSON object: what logs keep of a request.

use stage0_engine::canonical::{write_string, write_value};
use stage0_engine::decision::Decision;
use stage0_engine::digest::Digest;

/// Bytes of the secret that redacted values are digested with.
pub const REDACTION_SECRET_BYTES: usize = 32;

/// Room for usual facts, so that it is asked for once.
const FACTS_BYTES: usize = 1_024;

/// The facts that a decision read and that its request says, by their names.
///
/// In the place of a redacted fact stands `{"redacted":"<64 digits>"}`: the SHA-256 of the secret, the fact's name, a
/// zero byte and the canonical text of its value, so that equal values of one log are known as equal. Without
/// a secret it is `{"redacted":true}`: there are too few card numbers and birthdays for a digest of one to
/// hide it.
pub fn facts_to_json(
    decision: &Decision<'_>,
    secret: Option<&[u8; REDACTION_SECRET_BYTES]>,
) -> String {
    let mut out = String::with_capacity(FACTS_BYTES);
    out.push('{');
    for fact in decision.read_facts() {
        if out.len() > 1 {
            out.push(',');
        }
        write_string(&mut out, fact.name);
        out.push(':');
        match (fact.is_redacted, secret) {
            (false, _) => write_value(&mut out, fact.value),
            (true, None) => out.push_str("{\"redacted\":true}"),
            (true, Some(secret)) => {
                let mut value = String::new();
                write_value(&mut value, fact.value);
                let hidden = [secret, fact.name.as_bytes(), &[0], value.as_bytes()].concat();
                out.push_str("{\"redacted\":\"");
                Digest::of(&hidden).write_hex(&mut out);
                out.push_str("\"}");
            }
        }
    }
    out.push('}');
    out
}

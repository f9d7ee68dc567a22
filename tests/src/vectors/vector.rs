//! One vector, and tokens with headers that no signer of ours writes.

use serde_json::{Value, json};
use stage0_wire::jws::encode;

use super::known_key;

/// One token with what has to become of it.
pub(super) struct Vector {
    pub(super) name: &'static str,
    pub(super) token: String,
    /// The code of the refusal; nothing where it is accepted.
    pub(super) refused: Option<&'static str>,
    /// Whether a library that knows nothing but JWS and the set of keys verifies the signature; nothing
    /// where that is a matter of taste.
    pub(super) jws: Option<bool>,
    pub(super) more: Value,
}

impl Vector {
    pub(super) fn new(
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

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more[name] = value.into();
        self
    }

    pub(super) fn into_json(self) -> Value {
        let mut vector = self.more;
        vector["name"] = self.name.into();
        vector["token"] = self.token.into();
        vector["refused"] = self.refused.into();
        vector["jws"] = self.jws.into();
        vector
    }
}

/// A token of this header and payload, signed by the known key whatever they say.
pub(super) fn signed(header: &str, payload: &str) -> String {
    let key = known_key();
    // The one signer that there is writes its own header, so its parts are signed as a payload's would be.
    let message = [&encode(header.as_bytes()), ".", &encode(payload.as_bytes())].concat();
    let signature = key.sign_bytes(message.as_bytes());
    [&message, ".", &encode(&signature)].concat()
}

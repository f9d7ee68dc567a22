//! What a token says: one flat JSON object, of which every member is known.
//!
//! Whoever signed has to be believed, but what was signed is still read like any other text: a claim that is
//! missing, unknown or of another type makes the token worthless.

use stage0_engine::digest::Digest;
use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::numeric_date::read_seconds;
use stage0_wire::strict_json::{JsonLimits, parse_str};

/// How far clocks of two machines may differ: what was issued further in the future is refused.
pub const CLOCK_SKEW_MAX: Duration = match Duration::from_ms(5_000) {
    Some(skew) => skew,
    None => Duration::ZERO,
};

/// Bytes of one text of a claim, as of a request's id or a tool's name.
pub const CLAIM_BYTES_MAX: usize = 512;

/// The limits of a payload; a token's own limit is stricter in bytes.
const CLAIMS_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 16_384,
    depth_max: 2,
    nodes_max: 200,
};

/// A payload, read.
#[derive(Debug)]
pub struct Claims<'p>(Document<'p>);

impl<'p> Claims<'p> {
    /// Reads a payload whose members are among these.
    ///
    /// # Errors
    /// It is no JSON object, or has another member: why, as a sentence's end.
    pub fn parse(payload: &'p str, known: &[&str]) -> Result<Self, String> {
        let document = parse_str(payload, &CLAIMS_LIMITS).map_err(|error| error.to_string())?;
        if document.root().kind() != Kind::Object {
            return Err("it is no object".to_owned());
        }
        if let Some((stray, _)) = document
            .root()
            .members()
            .find(|(key, _)| !known.contains(key))
        {
            return Err(format!("it has `{stray}`"));
        }
        Ok(Self(document))
    }

    /// A member, which may be missing.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.0.root().get(name)
    }

    /// A text that has to be there, and is not empty.
    ///
    /// # Errors
    /// It is not there, or is none of at most [`CLAIM_BYTES_MAX`] bytes.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let text = self.get(name).and_then(ValueRef::as_str);
        let text = text.filter(|text| !text.is_empty() && text.len() <= CLAIM_BYTES_MAX);
        let text = text
            .ok_or_else(|| format!("`{name}` must be text of at most {CLAIM_BYTES_MAX} bytes"))?;
        Ok(text.to_owned())
    }

    /// A text that may be missing.
    ///
    /// # Errors
    /// It is there, and is none.
    pub fn text_if_any(&self, name: &str) -> Result<Option<String>, String> {
        self.get(name).map(|_| self.text(name)).transpose()
    }

    /// A digest that has to be there.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub fn digest(&self, name: &str) -> Result<Digest, String> {
        let text = self.get(name).and_then(ValueRef::as_str);
        let digest = text.and_then(|text| Digest::parse(text).ok());
        digest.ok_or_else(|| format!("`{name}` must be 64 hexadecimal digits"))
    }

    /// An instant that has to be there, in seconds since 1970 with up to three decimals.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub fn instant(&self, name: &str) -> Result<Timestamp, String> {
        let seconds = self.get(name).and_then(ValueRef::as_number);
        let at = seconds.and_then(read_seconds);
        at.ok_or_else(|| format!("`{name}` must be a time in seconds, with at most three decimals"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_of_their_form() {
        let read = |payload| Claims::parse(payload, &["a", "b"]);
        assert_eq!(read("[]").unwrap_err(), "it is no object");
        assert_eq!(read(r#"{"c":1}"#).unwrap_err(), "it has `c`");
        assert!(read(r#"{"a":1,"a":1}"#).unwrap_err().contains("twice"));
        let claims = read(r#"{"a":"","b":7}"#).unwrap();
        assert!(claims.text("a").is_err());
        assert!(claims.text_if_any("b").is_err());
        assert_eq!(claims.text_if_any("c"), Ok(None));
        assert!(claims.digest("a").is_err());
        assert!(claims.instant("a").is_err());
        assert_eq!(claims.instant("b").map(Timestamp::to_ms), Ok(7_000));
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(CLAIM_BYTES_MAX + 1));
        assert!(read(&long).unwrap().text("a").is_err());
    }
}

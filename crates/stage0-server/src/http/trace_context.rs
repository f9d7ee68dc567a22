//! W3C trace context: which trace a request belongs to, for the log.

use axum::http::HeaderMap;

/// The trace that a request belongs to, if it says so as the standard has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TraceContext {
    ids: Option<(String, String)>,
}

impl TraceContext {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("traceparent").iter();
        let text = values.next().and_then(|value| value.to_str().ok());
        // Two of them are none.
        let text = text.filter(|_| values.next().is_none());
        Self {
            ids: text.and_then(parse),
        }
    }

    /// 32 digits, or nothing.
    pub(super) fn trace_id(&self) -> Option<&str> {
        self.ids.as_ref().map(|(trace, _)| trace.as_str())
    }

    /// 16 digits, or nothing.
    pub(super) fn parent_id(&self) -> Option<&str> {
        self.ids.as_ref().map(|(_, parent)| parent.as_str())
    }
}

fn parse(text: &str) -> Option<(String, String)> {
    let is_hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
    // A later version may have more to say.
    let ends = version != "00" || parts.next().is_none();
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let is_good = is_hex(trace, 32) && is_some(trace) && is_hex(parent, 16) && is_some(parent);
    (is_known && ends && is_good).then(|| (trace.to_owned(), parent.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_what_the_standard_says_it_is() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (trace, parent) = parse(good).unwrap();
        assert_eq!((trace.len(), &*parent), (32, "00f067aa0ba902b7"));
        assert!(parse(&good.replacen("00-", "01-", 1).replace("-01", "-01-more")).is_some());
        let bad = [
            "",
            "00-0-0-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! Strict JSON as text in and text out: what is accepted and what it means, what is refused and
//! where, and that no text whatever makes the parser panic, recurse or take long.

use stage0_engine::canonical::write_value;
use stage0_engine::limits::{REQUEST_BYTES_MAX, REQUEST_DEPTH_MAX, REQUEST_NODES_MAX};
use stage0_wire::strict_json::{JsonError, JsonErrorKind, JsonLimits, parse, parse_str};

const LIMITS: JsonLimits = JsonLimits::REQUEST;

const REQUEST: &str = r#"{
  "goal": "Refund the duplicate charge of ticket 5512, then tell the customer \u2014 politely \ud83d\ude00.",
  "success_criteria": ["refunded once"], "constraints": [ "max_iterations: 25", "approval required" ],
  "tools": ["payments.refund","email.send"], "side_effects": [], "pro": false,
  "context": {"actor_id":"u1","actor_role":"finance_ops","approved_by":null,"current_iteration":7,
    "cumulative_cost_usd":1.32,"loop_state":{"run_id":"r-7","repeated_tools":[]},"note":"é€😀"},
  "tool_call": {"id":"c1","name":"payments.refund","arguments":{
    "amount":420.50,"factor":-1e-2,"currency":"EUR","to":"Mu\u0308ller \"GmbH\" \\ Co\/KG","lines":[[1,{"n":null}],true],"":{}}}
}"#;

/// The canonical text of what a text holds.
fn canonical(text: &[u8]) -> Result<String, JsonError> {
    let document = parse(text, &LIMITS)?;
    let mut out = String::new();
    write_value(&mut out, document.root());
    Ok(out)
}

/// Parses, and checks what holds for every text: a refusal points into the text and speaks, and an
/// accepted text has a canonical form that is its own.
fn outcome(text: &[u8]) -> Result<String, JsonError> {
    let outcome = canonical(text);
    match &outcome {
        Ok(first) => {
            let second = canonical(first.as_bytes());
            assert_eq!(second.as_ref(), Ok(first), "{}", text.escape_ascii());
        }
        Err(error) => {
            assert!(
                error.offset() <= text.len(),
                "{error} at {}",
                error.offset()
            );
            let message = error.to_string();
            let is_one_line = !message.is_empty() && !message.contains(['\n', '\r']);
            assert!(is_one_line && !message.ends_with('.'), "{message}");
        }
    }
    outcome
}

#[test]
fn valid_texts_mean_what_rfc_8259_says() {
    for (text, expected) in [
        // Scalars may stand alone, with any of the four kinds of space around them.
        ("null", "null"),
        ("true", "true"),
        ("false", "false"),
        (" \t\r\n0 \t\r\n", "0"),
        (r#""""#, r#""""#),
        // Lists and objects.
        ("[]", "[]"),
        ("{}", "{}"),
        (" [ ] ", "[]"),
        (" { } ", "{}"),
        ("[[],{},[[]]]", "[[],{},[[]]]"),
        ("[ 1 , 2 ]", "[1,2]"),
        (r#"{ "b" : 1 , "a" : 2 }"#, r#"{"a":2,"b":1}"#),
        (r#"{"a":{"a":{"a":[]}}}"#, r#"{"a":{"a":{"a":[]}}}"#),
        (r#"{"":0}"#, r#"{"":0}"#),
        (r#"{"a":1,"A":2,"a ":3}"#, r#"{"A":2,"a":1,"a ":3}"#),
        (r#"[{"a":1},{"a":2}]"#, r#"[{"a":1},{"a":2}]"#),
        // Composed and decomposed forms are different keys: nothing is normalised.
        (
            "{\"\u{e9}\":1,\"e\u{301}\":2}",
            "{\"e\u{301}\":2,\"\u{e9}\":1}",
        ),
        // Numbers.
        ("-0", "0"),
        ("-1", "-1"),
        ("10", "10"),
        ("0.5", "0.5"),
        ("-0.0", "0"),
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("12.5e-1", "1.25"),
        ("0e0", "0"),
        ("0e999999999999", "0"),
        ("9007199254740993", "9007199254740993"),
        ("999999999999999999", "999999999999999999"),
        (
            "9999999999999999999999999999",
            "9999999999999999999999999999",
        ),
        (
            "0.0000000000000000000000000001",
            "0.0000000000000000000000000001",
        ),
        ("1.000000000000000000000000000000000000", "1"),
        // Strings.
        (r#""a""#, r#""a""#),
        (r#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\b\f\n\r\t""#),
        (r#""\u0061\u00e9\u20AC\u20ac""#, r#""aé€€""#),
        (r#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
        (r#""\ud83d\uDE00""#, r#""😀""#),
        (r#""\ud800\udc00\udbff\udfff""#, "\"\u{10000}\u{10ffff}\""),
        (r#""\ufeff\ufffe\uffff""#, "\"\u{feff}\u{fffe}\u{ffff}\""),
        (
            "\"\u{7f}\u{80}\u{2028}\u{feff}\u{10ffff}\"",
            "\"\u{7f}\u{80}\u{2028}\u{feff}\u{10ffff}\"",
        ),
        (
            r#""plain text, \u0041nd more of it""#,
            r#""plain text, And more of it""#,
        ),
        (
            r#""// no comment /* either */ #""#,
            r#""// no comment /* either */ #""#,
        ),
        (r#"{"\u0061":1,"b":2}"#, r#"{"a":1,"b":2}"#),
    ] {
        assert_eq!(outcome(text.as_bytes()), Ok(expected.to_owned()), "{text}");
    }
}

/// Checks the code and the place of each refusal.
fn refuse(cases: &[(&[u8], &str, usize)]) {
    for &(text, code, offset) in cases {
        let place = outcome(text).map_err(|error| (error.code(), error.offset()));
        assert_eq!(place, Err((code, offset)), "{}", text.escape_ascii());
    }
}

#[test]
fn a_text_that_ends_early_is_refused_at_its_end() {
    refuse(&[
        (b"", "JSON_UNEXPECTED_END", 0),
        (b"  \n", "JSON_UNEXPECTED_END", 3),
        (b"[", "JSON_UNEXPECTED_END", 1),
        (b"[1", "JSON_UNEXPECTED_END", 2),
        (b"[1,", "JSON_UNEXPECTED_END", 3),
        (b"{", "JSON_UNEXPECTED_END", 1),
        (br#"{"a""#, "JSON_UNEXPECTED_END", 4),
        (br#"{"a":"#, "JSON_UNEXPECTED_END", 5),
        (br#"{"a":1"#, "JSON_UNEXPECTED_END", 6),
        (br#"{"a":1,"#, "JSON_UNEXPECTED_END", 7),
        (br#"""#, "JSON_UNEXPECTED_END", 1),
        (br#""abc"#, "JSON_UNEXPECTED_END", 4),
        (br#""abc\"#, "JSON_UNEXPECTED_END", 5),
        (br#""abc\""#, "JSON_UNEXPECTED_END", 6),
        (br#""\u"#, "JSON_UNEXPECTED_END", 3),
        (br#""\u00e"#, "JSON_UNEXPECTED_END", 6),
        (br#""\ud83d"#, "JSON_UNEXPECTED_END", 7),
        (br#""\ud83d\"#, "JSON_UNEXPECTED_END", 8),
        (br#""\ud83d\ude0"#, "JSON_UNEXPECTED_END", 12),
        (b"t", "JSON_UNEXPECTED_END", 1),
        (b"nul", "JSON_UNEXPECTED_END", 3),
        (b"-", "JSON_UNEXPECTED_END", 1),
        (b"1.", "JSON_UNEXPECTED_END", 2),
        (b"1e", "JSON_UNEXPECTED_END", 2),
        (b"1e-", "JSON_UNEXPECTED_END", 3),
    ]);
}

#[test]
fn what_stands_in_the_wrong_place_is_refused_there() {
    refuse(&[
        (b"]", "JSON_UNEXPECTED_CHARACTER", 0),
        (b",", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"abc", "JSON_UNEXPECTED_CHARACTER", 0),
        ("é".as_bytes(), "JSON_UNEXPECTED_CHARACTER", 0),
        (b"\0", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"1\0", "JSON_TRAILING_TEXT", 1),
        (b"\x0c1", "JSON_UNEXPECTED_CHARACTER", 0),
        ("\u{a0}1".as_bytes(), "JSON_UNEXPECTED_CHARACTER", 0),
        ("[1,\u{2028}2]".as_bytes(), "JSON_UNEXPECTED_CHARACTER", 3),
        (b"True", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"None", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"undefined", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"nulL", "JSON_UNEXPECTED_CHARACTER", 3),
        (b"tru ", "JSON_UNEXPECTED_CHARACTER", 3),
        (b"[truefalse]", "JSON_UNEXPECTED_CHARACTER", 5),
        (b"[1 2]", "JSON_UNEXPECTED_CHARACTER", 3),
        (b"[1}", "JSON_UNEXPECTED_CHARACTER", 2),
        (b"[1:2]", "JSON_UNEXPECTED_CHARACTER", 2),
        (b"[,1]", "JSON_UNEXPECTED_CHARACTER", 1),
        (b"[1,,2]", "JSON_UNEXPECTED_CHARACTER", 3),
        (br#"{"a":1]"#, "JSON_UNEXPECTED_CHARACTER", 6),
        (br#"{"a" 1}"#, "JSON_UNEXPECTED_CHARACTER", 5),
        (br#"{"a",1}"#, "JSON_UNEXPECTED_CHARACTER", 4),
        (br#"{"a":}"#, "JSON_UNEXPECTED_CHARACTER", 5),
        (br#"{"a"::1}"#, "JSON_UNEXPECTED_CHARACTER", 5),
        (br#"{"a":1 "b":2}"#, "JSON_UNEXPECTED_CHARACTER", 7),
        (br"{a:1}", "JSON_UNEXPECTED_CHARACTER", 1),
        (br"{'a':1}", "JSON_UNEXPECTED_CHARACTER", 1),
        (br"{1:1}", "JSON_UNEXPECTED_CHARACTER", 1),
        (br"{null:1}", "JSON_UNEXPECTED_CHARACTER", 1),
        (br"{,}", "JSON_UNEXPECTED_CHARACTER", 1),
        (br#"["a\" , 'b']"#, "JSON_UNEXPECTED_END", 12),
        // Comments.
        (b"[1, // one\n2]", "JSON_UNEXPECTED_CHARACTER", 4),
        (b"[1, /* one */ 2]", "JSON_UNEXPECTED_CHARACTER", 4),
        (b"# one\n1", "JSON_UNEXPECTED_CHARACTER", 0),
        // Something follows.
        (b"1 2", "JSON_TRAILING_TEXT", 2),
        (b"{}{}", "JSON_TRAILING_TEXT", 2),
        (b"[]]", "JSON_TRAILING_TEXT", 2),
        (b"null,", "JSON_TRAILING_TEXT", 4),
        (b"null // nothing", "JSON_TRAILING_TEXT", 5),
        (br#""a"b"#, "JSON_TRAILING_TEXT", 3),
        ("{}\u{feff}".as_bytes(), "JSON_TRAILING_TEXT", 2),
        // Trailing commas.
        (b"[1,]", "JSON_TRAILING_COMMA", 2),
        (b"[1 , \n ]", "JSON_TRAILING_COMMA", 3),
        (br#"{"a":1,}"#, "JSON_TRAILING_COMMA", 6),
        (br#"{"a":[{"b":2},]}"#, "JSON_TRAILING_COMMA", 13),
    ]);
}

#[test]
fn other_encodings_are_refused() {
    refuse(&[
        (b"\xef\xbb\xbf{}", "JSON_BYTE_ORDER_MARK", 0),
        (b"\xff\xfe{\0}\0", "JSON_INVALID_UTF8", 0),
        (b"{\0}\0", "JSON_UNEXPECTED_CHARACTER", 1),
        (b"[\"\x80\"]", "JSON_INVALID_UTF8", 2),
        (b"[\"a\xc3\"]", "JSON_INVALID_UTF8", 3),
        (b"[\"\xc0\xaf\"]", "JSON_INVALID_UTF8", 2),
        (b"[\"\xed\xa0\x80\"]", "JSON_INVALID_UTF8", 2),
        (b"[\"\xf4\x90\x80\x80\"]", "JSON_INVALID_UTF8", 2),
        (b"[\"\xf8\x88\x80\x80\x80\"]", "JSON_INVALID_UTF8", 2),
        (b"{\"a\xe9\":1}", "JSON_INVALID_UTF8", 3),
        (b"1 \xff", "JSON_INVALID_UTF8", 2),
    ]);
}

#[test]
fn control_characters_bad_escapes_and_lone_surrogates_are_refused() {
    refuse(&[
        (b"\"a\nb\"", "JSON_CONTROL_CHARACTER", 2),
        (b"\"a\tb\"", "JSON_CONTROL_CHARACTER", 2),
        (b"\"\\n\0\"", "JSON_CONTROL_CHARACTER", 3),
        (b"\"0123456789abcdef\x1f\"", "JSON_CONTROL_CHARACTER", 17),
        (b"{\"a\rb\":1}", "JSON_CONTROL_CHARACTER", 3),
        (br#""\a""#, "JSON_BAD_ESCAPE", 1),
        (br#""\'""#, "JSON_BAD_ESCAPE", 1),
        (br#""\x41""#, "JSON_BAD_ESCAPE", 1),
        (br#""\0""#, "JSON_BAD_ESCAPE", 1),
        (br#""\N""#, "JSON_BAD_ESCAPE", 1),
        (br#""ok \U0041""#, "JSON_BAD_ESCAPE", 4),
        (br#""\u{41}""#, "JSON_BAD_ESCAPE", 1),
        (br#""\u00g0""#, "JSON_BAD_ESCAPE", 1),
        (br#""\u+041""#, "JSON_BAD_ESCAPE", 1),
        (br#""\u004""#, "JSON_BAD_ESCAPE", 1),
        (br#""\u00"#, "JSON_UNEXPECTED_END", 5),
        ("\"\\u004é\"".as_bytes(), "JSON_BAD_ESCAPE", 1),
        ("\"\\é\"".as_bytes(), "JSON_BAD_ESCAPE", 1),
        (b"\"\\\n\"", "JSON_BAD_ESCAPE", 1),
        (br#""\ud83d\x00""#, "JSON_LONE_SURROGATE", 1),
        (br#""\ud83d\u00g0""#, "JSON_BAD_ESCAPE", 7),
        (br#""\ud83d""#, "JSON_LONE_SURROGATE", 1),
        (br#""\ude00""#, "JSON_LONE_SURROGATE", 1),
        (br#""a\ud83db""#, "JSON_LONE_SURROGATE", 2),
        (br#""\ude00\ud83d""#, "JSON_LONE_SURROGATE", 1),
        (br#""\ud83d\ud83d\ude00""#, "JSON_LONE_SURROGATE", 1),
        (br#""\ud83d\u0041""#, "JSON_LONE_SURROGATE", 1),
        (br#""\ud83d\n""#, "JSON_LONE_SURROGATE", 1),
        (br#"{"\udfff":1}"#, "JSON_LONE_SURROGATE", 2),
    ]);
}

#[test]
fn numbers_are_refused_that_json_does_not_have_or_that_cannot_be_kept() {
    refuse(&[
        (b"01", "JSON_NUMBER_SYNTAX", 0),
        (b"-01", "JSON_NUMBER_SYNTAX", 0),
        (b"[00]", "JSON_NUMBER_SYNTAX", 1),
        (b"+1", "JSON_NUMBER_SYNTAX", 0),
        (b".5", "JSON_NUMBER_SYNTAX", 0),
        (b"[1.]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1.e3]", "JSON_NUMBER_SYNTAX", 1),
        (b"[-]", "JSON_NUMBER_SYNTAX", 1),
        (b"[--1]", "JSON_NUMBER_SYNTAX", 1),
        (b"[-.5]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1e]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1e+]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1e1.5]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1.2.3]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1_000]", "JSON_NUMBER_SYNTAX", 1),
        (b"0x1F", "JSON_NUMBER_SYNTAX", 0),
        (b"[1n]", "JSON_NUMBER_SYNTAX", 1),
        (b"[1-2]", "JSON_NUMBER_SYNTAX", 1),
        (b"[NaN]", "JSON_NUMBER_SYNTAX", 1),
        (b"[Infinity]", "JSON_NUMBER_SYNTAX", 1),
        (b"[-Infinity]", "JSON_NUMBER_SYNTAX", 1),
        ("[\u{ff11}]".as_bytes(), "JSON_UNEXPECTED_CHARACTER", 1),
        ("[1\u{660}]".as_bytes(), "JSON_UNEXPECTED_CHARACTER", 2),
        (
            b"[10000000000000000000000000000]",
            "JSON_NUMBER_TOO_LONG",
            1,
        ),
        (
            b"[12345678901234567890123456789]",
            "JSON_NUMBER_TOO_LONG",
            1,
        ),
        (
            b"0.00000000000000000000000000001",
            "JSON_NUMBER_TOO_LONG",
            0,
        ),
        (b"[0, -1e28]", "JSON_NUMBER_TOO_LONG", 4),
        (b"1e-29", "JSON_NUMBER_TOO_LONG", 0),
        (b"1e400", "JSON_NUMBER_TOO_LONG", 0),
        (b"1e99999999999999999999999", "JSON_NUMBER_TOO_LONG", 0),
    ]);
}

#[test]
fn duplicate_keys_are_refused_however_they_are_written() {
    refuse(&[
        (br#"{"a":1,"a":1}"#, "JSON_DUPLICATE_KEY", 7),
        (br#"{"a":1,"b":2,"a":3}"#, "JSON_DUPLICATE_KEY", 13),
        (br#"{"a":1,"\u0061":2}"#, "JSON_DUPLICATE_KEY", 7),
        (br#"{"\n":1,"\u000A":2}"#, "JSON_DUPLICATE_KEY", 8),
        (br#"{"":1,"":2}"#, "JSON_DUPLICATE_KEY", 6),
        (
            br#"{"a":{"a":1},"b":[{"c":1,"c":2}]}"#,
            "JSON_DUPLICATE_KEY",
            25,
        ),
        (
            br#"{"a":[],"b":{},"b":{},"a":[]}"#,
            "JSON_DUPLICATE_KEY",
            15,
        ),
        (br#"{"a":"\"a\":", "a":1}"#, "JSON_DUPLICATE_KEY", 15),
    ]);
}

#[test]
fn messages_say_what_was_met_what_was_expected_and_where() {
    for (text, message) in [
        ("", "the text ends where a value was expected"),
        (
            r#"{"a": [1, 2"#,
            "the text ends where `,` or `]` was expected, in `a[1]`",
        ),
        (r#"{"a""#, "the text ends where `:` was expected, in `a`"),
        (
            r#"{"a": "b"#,
            "the text ends where a closing quote was expected, in `a`",
        ),
        (
            r#"["\u00"#,
            "the text ends where the rest of an escape was expected, in `[0]`",
        ),
        (
            "{a: 1}",
            "`a` stands where a key in double quotes was expected",
        ),
        (
            r#"{"a": 'b'}"#,
            "`'` stands where a value was expected, in `a`",
        ),
        (
            "[\u{a0}]",
            "U+00A0 stands where a value was expected, in `[0]`",
        ),
        ("nul\n", "U+000A stands where `null` was expected"),
        (
            r#"{"a": {"b": [1, 2,]}}"#,
            "nothing follows the comma, in `a.b[1]`",
        ),
        (
            r#"{"context": {"approval": {"roles": [0, 1, {"x": 1, "x": 2}]}}}"#,
            "key `x` stands twice, in `context.approval.roles[2]`",
        ),
        (
            r#"{"actor-role": {"a\nb": [01]}}"#,
            r#"a number is not written as in JSON, in `["actor-role"]["a\nb"][0]`"#,
        ),
        (
            r#"{"amount": 1e99}"#,
            "a number has more than 28 digits, in `amount`",
        ),
        (r#"{"a\nb": 1, "a\nb": 2}"#, "key `a b` stands twice"),
        ("{} {}", "something follows the value"),
    ] {
        let error = outcome(text.as_bytes()).expect_err("accepted");
        assert_eq!(error.to_string(), message, "{text}");
    }
    let error = parse(b"[True]", &LIMITS).expect_err("accepted");
    assert!(error.help().contains("`true`"));
    assert_eq!(*error.kind(), JsonErrorKind::UnexpectedCharacter('T'));
}

#[test]
fn every_prefix_of_a_request_is_refused() {
    let expected = outcome(REQUEST.as_bytes()).expect("refused");
    assert!(expected.starts_with(r#"{"constraints":["max_iterations: 25","#));
    for end in 0..REQUEST.len() {
        let prefix = REQUEST.as_bytes().get(..end).unwrap_or_default();
        let error = outcome(prefix).expect_err("accepted");
        let is_cut = matches!(
            error.kind(),
            JsonErrorKind::UnexpectedEnd | JsonErrorKind::InvalidUtf8
        );
        assert!(is_cut, "{error}");
    }
}

#[test]
fn no_change_of_one_byte_breaks_the_parser() {
    let request = REQUEST.as_bytes();
    for at in 0..request.len() {
        for byte in 0..=u8::MAX {
            let mut changed = request.to_vec();
            if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            let _ = outcome(&changed);
        }
        let mut shorter = request.to_vec();
        shorter.remove(at);
        let _ = outcome(&shorter);
        for byte in *b"\"\\{}[],:0-.eE \n\0u" {
            let mut longer = request.to_vec();
            longer.insert(at, byte);
            let _ = outcome(&longer);
        }
    }
}

#[test]
fn no_short_text_breaks_the_parser() {
    let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "\\", "\\u", "d83d", "0", "-", ".5",
        "e1", "null", " ", "é",
    ];
    for one in tokens {
        for two in tokens {
            for three in tokens {
                for four in tokens {
                    let _ = outcome([one, two, three, four].concat().as_bytes());
                    let _ = outcome([r#"{"a":"#, one, two, three, four].concat().as_bytes());
                }
            }
        }
    }
}

#[test]
fn depth_is_limited_and_costs_no_stack() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    let fits = nested(REQUEST_DEPTH_MAX);
    assert_eq!(outcome(fits.as_bytes()), Ok(fits));
    for depth in [REQUEST_DEPTH_MAX + 1, 10_000] {
        for text in [nested(depth), "[".repeat(depth)] {
            let error = outcome(text.as_bytes()).expect_err("accepted");
            assert_eq!(*error.kind(), JsonErrorKind::Depth);
            assert_eq!(error.offset(), REQUEST_DEPTH_MAX);
            assert_eq!(error.path(), "[0]".repeat(REQUEST_DEPTH_MAX));
        }
    }
    let objects = r#"{"a":"#.repeat(10_000);
    let error = outcome(objects.as_bytes()).expect_err("accepted");
    assert_eq!(
        (error.code(), error.offset()),
        ("JSON_DEPTH", 5 * REQUEST_DEPTH_MAX)
    );
    let deeper = JsonLimits {
        depth_max: 100_000,
        ..LIMITS
    };
    assert!(parse(nested(100_000).as_bytes(), &deeper).is_ok());
}

#[test]
fn bytes_are_limited() {
    let fits = format!("\"{}\"", "x".repeat(REQUEST_BYTES_MAX - 2));
    assert_eq!(outcome(fits.as_bytes()).as_ref(), Ok(&fits));
    let error = outcome(format!("{fits} ").as_bytes()).expect_err("accepted");
    assert_eq!(
        (error.code(), error.offset()),
        ("JSON_TOO_LARGE", REQUEST_BYTES_MAX)
    );
    let error = parse_str(&format!("{fits} "), &LIMITS).expect_err("accepted");
    assert_eq!(error.code(), "JSON_TOO_LARGE");
    // What is too large is not looked at, valid or not.
    let error = parse(&vec![0xFF; REQUEST_BYTES_MAX + 1], &LIMITS).expect_err("accepted");
    assert_eq!(error.code(), "JSON_TOO_LARGE");
}

#[test]
fn values_are_limited() {
    let list = |len: usize| format!("[{}]", vec!["0"; len].join(","));
    assert!(outcome(list(REQUEST_NODES_MAX - 1).as_bytes()).is_ok());
    let error = outcome(list(REQUEST_NODES_MAX).as_bytes()).expect_err("accepted");
    assert_eq!(*error.kind(), JsonErrorKind::TooManyValues);
    assert_eq!(error.offset(), 2 * REQUEST_NODES_MAX - 1);
    assert_eq!(error.path(), format!("[{}]", REQUEST_NODES_MAX - 1));
    // Keys count: an object of two members has five nodes.
    for (nodes_max, offset) in [(0, 0), (1, 1), (2, 6), (3, 10), (4, 16)] {
        let limits = JsonLimits {
            nodes_max,
            ..LIMITS
        };
        let error = parse(br#"{"a": [], "\n": "\u0041"}"#, &limits).expect_err("accepted");
        assert_eq!(
            (error.code(), error.offset()),
            ("JSON_TOO_MANY_VALUES", offset)
        );
    }
}

#[test]
fn large_values_take_linear_time() {
    let escaped = format!("\"{}\"", r"\n".repeat(490_000));
    assert_eq!(outcome(escaped.as_bytes()).as_ref(), Ok(&escaped));
    let surrogates = format!("\"{}\"", r"\ud83d\ude00".repeat(80_000));
    assert_eq!(
        outcome(surrogates.as_bytes()),
        Ok(format!("\"{}\"", "😀".repeat(80_000)))
    );
    for digits in [
        "1".repeat(999_999),
        format!("0.{}", "1".repeat(999_990)),
        format!("1e{}", "9".repeat(999_990)),
    ] {
        let error = outcome(digits.as_bytes()).expect_err("accepted");
        assert_eq!((error.code(), error.offset()), ("JSON_NUMBER_TOO_LONG", 0));
    }
    let zeros = format!("1.{}", "0".repeat(999_990));
    assert_eq!(outcome(zeros.as_bytes()), Ok("1".to_owned()));
    let spaces = format!("{}0{}", " ".repeat(499_990), "\n".repeat(499_990));
    assert_eq!(outcome(spaces.as_bytes()), Ok("0".to_owned()));
}

/// An object with these keys, each with the value `0`.
fn object(keys: impl Iterator<Item = String>) -> String {
    let members: Vec<String> = keys.map(|key| format!("\"{key}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn many_keys_are_compared_without_comparing_all_pairs() {
    let limits = JsonLimits {
        bytes_max: 8_000_000,
        ..LIMITS
    };
    let is_accepted = |text: &str| parse(text.as_bytes(), &limits).is_ok();
    // 100,000 members would be 200,001 nodes.
    let count = 99_999;
    assert!(is_accepted(&object((0..count).map(|key| key.to_string()))));
    // Keys of one length that begin and end alike: chosen to look alike at a glance.
    let alike = |key: usize| format!("same{key:05}same");
    assert!(is_accepted(&object((0..count).map(alike))));
    assert!(is_accepted(&object((0..count).rev().map(alike))));
    let long = "x".repeat(20);
    assert!(is_accepted(&object(
        (0..count).map(|key| format!("{long}{key:05}{long}"))
    )));
}

#[test]
fn one_duplicate_is_found_among_any_number_of_keys() {
    for count in 2..40 {
        for again in 0..count - 1 {
            for key in [|key| format!("k{key}"), |key| format!("same{key:02}same")] {
                let keys = (0..count).map(key);
                let at = object(keys.clone()).len();
                let text = object(keys.chain([key(again), "after".to_owned()]));
                let error = outcome(text.as_bytes()).expect_err("accepted");
                assert_eq!(*error.kind(), JsonErrorKind::DuplicateKey(key(again)));
                assert_eq!(error.offset(), at, "{text}");
            }
        }
    }
    // Of several, the one that is met first.
    for count in [3, 100] {
        let keys = (0..count)
            .chain((0..count).rev())
            .map(|key| format!("k{key}"));
        let text = object(keys);
        let error = outcome(text.as_bytes()).expect_err("accepted");
        let last = format!("k{}", count - 1);
        assert_eq!(*error.kind(), JsonErrorKind::DuplicateKey(last));
    }
}

#[test]
fn strings_without_escapes_stay_in_the_text() {
    let text = r#"{"plain":"value","esc\u0061ped":"a\nb"}"#;
    let document = parse(text.as_bytes(), &LIMITS).expect("refused");
    let within = |part: &str| text.as_bytes().as_ptr_range().contains(&part.as_ptr());
    let members: Vec<_> = document
        .root()
        .members()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
        .collect();
    assert_eq!(members, [("plain", "value"), ("escaped", "a\nb")]);
    let places: Vec<_> = members
        .iter()
        .map(|(key, value)| (within(key), within(value)))
        .collect();
    assert_eq!(places, [(true, true), (false, false)]);
}

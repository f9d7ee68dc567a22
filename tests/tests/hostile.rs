//! Texts made to hurt: whatever they hold, they are refused or answered, soon and on a small stack.
//!
//! The stack is a quarter of what WebAssembly hosts give and an eighth of a thread's, and these tests
//! run without optimisation as well: what recursed on its input would not come back.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    reason = "a test says what went wrong by panicking, and may be slow"
)]

use std::thread;
use std::time::{Duration, Instant};

use stage0_engine::describe::describe;
use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_tests::condition::evaluate;
use stage0_wire::Policy;
use stage0_wire::problem::Problem;

const STACK_BYTES: usize = 256 * 1024;

/// A second where it counts. Without optimisation, on a machine with other work, it is only known to
/// end.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 1 });

/// What `work` returns, on a small stack and soon.
fn soon<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let begin = Instant::now();
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    let result = thread.unwrap().join().unwrap();
    let taken = begin.elapsed();
    assert!(taken < SOON, "{what} took {taken:?}");
    result
}

fn value(expression: String, json: String) -> String {
    let what: String = expression.chars().take(60).collect();
    soon(&what, move || {
        evaluate(&expression, &json, Timestamp::EPOCH)
    })
}

/// The policy's answer to a request, or the codes with which one of the two is refused.
fn answer(policy: String, request: String) -> String {
    let codes = |problems: Vec<Problem>| {
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect();
        codes.join(" ")
    };
    let what: String = policy.chars().take(60).collect();
    soon(&what, move || {
        let policy = match Policy::parse(&policy) {
            Ok(policy) => policy,
            Err(problems) => return codes(problems),
        };
        let _ = describe(policy.index());
        let (host, state) = (Host::default(), RunState::default());
        match policy.check(request.as_bytes(), &host, &state, Timestamp::EPOCH) {
            Ok((answer, _)) => answer,
            Err(problems) => codes(problems),
        }
    })
}

const HEAD: &str = "stage0: v1\nname: hostile\nversion: 1.0.0\ntools: { a.b: {} }\n";
const CALL: &str = r#"{"tool_call": {"name": "a.b", "arguments": {"x": 1}}}"#;

#[test]
fn ten_thousand_nested_brackets_are_refused() {
    let deep = 10_000;
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{\"a\": ", "}"),
        ("a[", "]"),
        ("f(", ")"),
        ("!", ""),
        ("-", ""),
        ("a ? b : ", ""),
        ("a.exists(i, ", ")"),
        ("has(", ")"),
    ] {
        let nested = format!("{}x{}", open.repeat(deep), close.repeat(deep));
        let told = value(nested.chars().take(65_000).collect(), "{}".to_owned());
        assert!(told.starts_with("refused: "), "{open}: {told}");
        let told = value(nested, "{}".to_owned());
        assert!(told.starts_with("refused: "), "{open}: {told}");
    }
}

#[test]
fn long_chains_are_answered_up_to_their_limit() {
    for (first, more, expected) in [
        ("1", "+1", "4000"),
        ("true", "&&true", "true"),
        ("x", "||x", "unknown"),
        ("1", "-1", "-3998"),
        ("1", "/1", "1"),
    ] {
        let chain = format!("{first}{}", more.repeat(3_999));
        assert_eq!(value(chain, "{}".to_owned()), expected);
        let chain = format!("{first}{}", more.repeat(100_000));
        assert!(value(chain, "{}".to_owned()).starts_with("refused: "));
    }
    for more in [
        ".a",
        "[0]",
        "[\"a\"]",
        "[x]",
        ".lowerAscii()",
        ".map(i, i)",
        ".filter(i, i)",
    ] {
        for times in [1_000, 9_000, 100_000] {
            let told = value(format!("x{}", more.repeat(times)), "{}".to_owned());
            assert!(
                told == "unknown" || told.starts_with("refused: "),
                "{more}: {told}"
            );
        }
    }
}

#[test]
fn lists_in_lists_that_loops_build_are_compared_and_dropped() {
    let deep = format!("[1]{}", ".map(i, [i])".repeat(1_200));
    assert_eq!(value(format!("{deep} == {deep}"), "{}".to_owned()), "true");
    assert_eq!(
        value(format!("{deep} in [{deep}]"), "{}".to_owned()),
        "true"
    );
    assert!(value(deep, "{}".to_owned()).starts_with("error: "));
}

#[test]
fn texts_of_a_megabyte_are_answered_or_errors() {
    let json = format!(r#"{{"a": "{}"}}"#, "ab".repeat(499_000));
    for expression in [
        "size(a)",
        "a == a + \"\"",
        "a.contains(\"c\")",
        "a.startsWith(a) && a.endsWith(a)",
        "a.lowerAscii() == a",
        "a.matches(\"c\")",
        "glob(a, \"*c*\")",
        "path_within(a, \"/\")",
        "host(a) == a",
        "email_domain(a) == a",
        "ip_in_cidr(a, \"::/0\")",
        "argv(a) == []",
        "commands(a) == []",
        "grounded(a, [a])",
        "timestamp(a) == now",
        "duration(a) == duration(\"1s\")",
        "now.getHours(a) == 1",
        "in_window(now, a)",
        "a in {\"a\": 1}",
        "{a: 1} == {a: 1}",
    ] {
        let told = value(expression.to_owned(), json.clone());
        assert!(!told.starts_with("refused"), "{expression}: {told}");
    }
}

#[test]
fn ten_thousand_rules_are_loaded_and_asked() {
    let rules: String = (0..10_000)
        .map(|index| {
            format!("  - {{ id: r{index}, deny: 'args.x == {index} && context.a{index} == 1' }}\n")
        })
        .collect();
    let told = answer(format!("{HEAD}rules:\n{rules}"), CALL.to_owned());
    assert!(told.starts_with(r#"{"decision":"NO_GO""#), "{told:.200}");
    assert!(told.contains("context.a1 "), "{told:.200}");
}

#[test]
fn a_hundred_thousand_elements_in_loops_are_errors_or_answers() {
    let elements = vec!["1"; 100_000].join(",");
    let json = format!(r#"{{"a": [{elements}]}}"#);
    let too_large = "error: the value is larger than a condition may visit";
    for (expression, expected) in [
        ("a.exists(i, i == 2)", too_large),
        ("a.map(i, i) == a", too_large),
        ("2 in a", "false"),
        ("a == a", "true"),
        ("size(a)", "100000"),
        ("size(a + a)", too_large),
    ] {
        assert_eq!(
            value(expression.to_owned(), json.clone()),
            expected,
            "{expression}"
        );
    }
    let request =
        format!(r#"{{"tool_call": {{"name": "a.b", "arguments": {{"x": [{elements}]}}}}}}"#);
    let rule = "rules: [{ id: r, deny: 'args.x.exists(i, i > 1)' }]\n";
    let told = answer(format!("{HEAD}{rule}"), request);
    assert!(told.contains("CONDITION_ERROR"), "{told}");
}

#[test]
fn deep_files_and_requests_are_refused() {
    for unit in ["[", "{\"a\":", "{\"tool_call\":", "[{\"a\":["] {
        let told = answer(HEAD.to_owned(), unit.repeat(10_000));
        assert!(told.starts_with("JSON_"), "{told}");
    }
    for unit in ["[", "{a: ", "- ", "? ", "{\"a\": ["] {
        let told = answer(
            format!("{HEAD}rules: {}", unit.repeat(10_000)),
            CALL.to_owned(),
        );
        assert!(
            told.starts_with("POLICY_TOO_DEEP") || told.starts_with("YAML_"),
            "{told}"
        );
        let told = answer(unit.repeat(10_000), CALL.to_owned());
        assert!(
            told.starts_with("POLICY_TOO_DEEP") || told.starts_with("YAML_"),
            "{told}"
        );
    }
}

#[test]
fn huge_numbers_and_exponents_are_refused_or_exact() {
    for (number, expected) in [
        ("9".repeat(60_000), "refused"),
        ("1e999999999999999999999".to_owned(), "refused"),
        ("1e-999999999999999999999".to_owned(), "refused"),
        (format!("0.{}1", "0".repeat(50_000)), "refused"),
        (format!("1.{}", "0".repeat(50_000)), "1"),
        (format!("0x{}", "f".repeat(50_000)), "refused"),
        ("1e27".to_owned(), "1000000000000000000000000000"),
        ("1e28".to_owned(), "refused"),
        ("1e27 * 10".to_owned(), "error"),
        ("1e27 / 1e-27".to_owned(), "error"),
    ] {
        let told = value(number.clone(), "{}".to_owned());
        assert!(told.starts_with(expected), "{number:.40}: {told}");
        let request = format!(r#"{{"goal": "x", "context": {{"a": {number}}}}}"#);
        let told = answer(HEAD.to_owned(), request);
        let is_refused = told.starts_with("JSON_");
        assert!(
            is_refused || !expected.starts_with("refused"),
            "{number:.40}: {told}"
        );
    }
}

#[test]
fn regular_expressions_that_explode_elsewhere_do_not_here() {
    let json = format!(r#"{{"a": "{}"}}"#, "a".repeat(60_000));
    for pattern in [
        "^(a+)+$b",
        "(a|a)*b",
        "(a|aa)+b",
        "(a*)*b",
        "(((a*)*)*)*b",
        "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)b",
        "(a?){500}a{500}b",
        "(?i)(x+x+)+y",
        "a{1,1000}b",
        "((a{1,30}){1,30}){1,30}b",
    ] {
        let told = value(format!("a.matches(\"{pattern}\")"), json.clone());
        let is_fine =
            told == "false" || told.starts_with("error: ") || told.starts_with("refused: ");
        assert!(is_fine, "{pattern}: {told}");
    }
    for pattern in [
        "(".repeat(60_000),
        "[".repeat(60_000),
        "a{1000}".repeat(8_000),
        "a|".repeat(30_000),
    ] {
        let told = value(format!("a.matches(\"{pattern}\")"), json.clone());
        assert!(
            told == "true" || told.starts_with("refused: "),
            "{pattern:.10}: {told}"
        );
    }
}

#[test]
fn the_patterns_of_a_catalog_are_bounded_like_those_of_conditions() {
    let tools =
        "tools:\n  a.b: { args: { x: { type: string, pattern: '^([ab]{0,100}){0,30}c$' } } }\n";
    let head = HEAD.replace("tools: { a.b: {} }\n", tools);
    let request = |bytes: usize| {
        let text = "ab".repeat(bytes / 2);
        format!(r#"{{"tool_call": {{"name": "a.b", "arguments": {{"x": "{text}"}}}}}}"#)
    };
    let told = answer(head.clone(), request(100));
    assert!(told.contains("does not fit the pattern"), "{told}");
    let told = answer(head, request(60_000));
    assert!(told.contains("is too long for the pattern"), "{told}");
}

//! Every limit, at its figure and one beyond: what is within is answered, what is not is refused with
//! a code or an error of its own, never cut.
//!
//! Each limit has a test of its name; the first test says which ones have none.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::format_collect,
    reason = "a test says what went wrong by panicking, and counts to its limits"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use stage0_engine::host::Host;
use stage0_engine::limits::*;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_engine::vocabulary::effect::BUILTIN_EFFECTS;
use stage0_tests::condition::{evaluate, parse};
use stage0_wire::imports::ImportMap;
use stage0_wire::problem::{Problem, Severity};
use stage0_wire::{Policy, parse_request};

#[test]
fn every_limit_has_a_test() {
    let limits = include_str!("../../crates/stage0-engine/src/limits.rs");
    let names = limits.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("pub const ")?.split_once(':')?;
        Some(name.to_lowercase())
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() > 30, "the limits are gone");
    let (own, state) = (
        include_str!("limits.rs"),
        include_str!("limits_of_state.rs"),
    );
    // What only the program at the command line sees is tested there.
    let outside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/stage0-cli/tests/cli");
    let outside = fs::read_to_string(outside.join("limits.rs")).unwrap();
    for name in names {
        let test = format!("fn {name}()");
        let is_tested = [own, state, &outside]
            .iter()
            .any(|file| file.contains(&test));
        assert!(is_tested, "{name}");
    }
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems
        .iter()
        .map(|problem| problem.code().as_str())
        .collect()
}

// --- Requests ---

/// The code with which a request is refused; nothing if it is none.
fn refusal(request: &str) -> &'static str {
    match parse_request(request.as_bytes()) {
        Ok(_) => "",
        Err(problems) => codes(&problems).first().unwrap(),
    }
}

#[test]
fn request_bytes_max() {
    let request = r#"{"goal": "x"}"#;
    let padded = |bytes: usize| format!("{request}{}", " ".repeat(bytes - request.len()));
    assert_eq!(refusal(&padded(REQUEST_BYTES_MAX)), "");
    assert_eq!(refusal(&padded(REQUEST_BYTES_MAX + 1)), "JSON_TOO_LARGE");
}

#[test]
fn request_depth_max() {
    // The request and the context are two levels.
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
        format!(r#"{{"goal": "x", "context": {{"a": {open}{close}}}}}"#)
    };
    assert_eq!(refusal(&nested(REQUEST_DEPTH_MAX)), "");
    assert_eq!(refusal(&nested(REQUEST_DEPTH_MAX + 1)), "JSON_DEPTH");
}

#[test]
fn request_nodes_max() {
    // Two objects, a list, three keys and the goal are seven.
    let filled = |nodes: usize| {
        let elements = vec!["1"; nodes - 7].join(",");
        format!(r#"{{"goal": "x", "context": {{"a": [{elements}]}}}}"#)
    };
    assert_eq!(refusal(&filled(REQUEST_NODES_MAX)), "");
    assert_eq!(
        refusal(&filled(REQUEST_NODES_MAX + 1)),
        "JSON_TOO_MANY_VALUES"
    );
}

#[test]
fn goal_chars_max() {
    let goal = |characters: usize| format!(r#"{{"goal": "{}"}}"#, "\u{e9}".repeat(characters));
    assert_eq!(refusal(&goal(GOAL_CHARS_MAX)), "");
    assert_eq!(refusal(&goal(GOAL_CHARS_MAX + 1)), "REQUEST_LIMIT");
}

#[test]
fn request_list_items_max() {
    for list in ["tools", "constraints", "side_effects", "success_criteria"] {
        let entries = |count: usize| {
            let entries = vec![r#""a""#; count].join(",");
            format!(r#"{{"goal": "x", "{list}": [{entries}]}}"#)
        };
        assert_eq!(refusal(&entries(REQUEST_LIST_ITEMS_MAX)), "", "{list}");
        assert_eq!(
            refusal(&entries(REQUEST_LIST_ITEMS_MAX + 1)),
            "REQUEST_LIMIT",
            "{list}"
        );
    }
}

#[test]
fn trusted_texts_max() {
    let texts = |count: usize| {
        let texts = vec![r#"{"source": "user", "text": "a"}"#; count].join(",");
        format!(r#"{{"goal": "x", "trusted": [{texts}]}}"#)
    };
    assert_eq!(refusal(&texts(TRUSTED_TEXTS_MAX)), "");
    assert_eq!(refusal(&texts(TRUSTED_TEXTS_MAX + 1)), "REQUEST_LIMIT");
}

#[test]
fn unknown_fields_told_max() {
    for (count, untold) in [
        (UNKNOWN_FIELDS_TOLD_MAX, 0),
        (UNKNOWN_FIELDS_TOLD_MAX + 1, 1),
    ] {
        let fields: String = (0..count)
            .map(|index| format!(", \"strange_{index}\": 1"))
            .collect();
        let request = format!(r#"{{"goal": "x"{fields}}}"#);
        let request = parse_request(request.as_bytes()).unwrap();
        assert_eq!(request.unknown_fields().len(), UNKNOWN_FIELDS_TOLD_MAX);
        assert_eq!(request.unknown_fields_untold(), untold);
    }
}

#[test]
fn call_id_bytes_max() {
    let call = |bytes: usize| {
        let id = "i".repeat(bytes);
        format!(r#"{{"tool_call": {{"name": "a", "id": "{id}"}}}}"#)
    };
    assert_eq!(refusal(&call(CALL_ID_BYTES_MAX)), "");
    assert_eq!(refusal(&call(CALL_ID_BYTES_MAX + 1)), "REQUEST_LIMIT");
}

/// The decision's canonical text.
fn answer(policy: &Policy, request: &str) -> String {
    let (host, state) = (Host::default(), RunState::default());
    let answer = policy.check(request.as_bytes(), &host, &state, Timestamp::EPOCH);
    answer.unwrap().0
}

#[test]
fn names_compared_max() {
    for (names, is_told) in [(NAMES_COMPARED_MAX, true), (NAMES_COMPARED_MAX + 1, false)] {
        let tools: String = (1..names)
            .map(|index| format!("  other.tool{index}: {{ effects: [] }}\n"))
            .collect();
        let policy = policy(&format!(
            "tools:\n  payments.payout: {{ effects: [] }}\n{tools}"
        ));
        let answer = answer(&policy, r#"{"tool_call": {"name": "payments.payuot"}}"#);
        let told = answer.contains(r#""nearest":"payments.payout""#);
        assert_eq!(told, is_told, "{answer}");
    }
}

#[test]
fn tool_name_bytes_max() {
    let policy = policy("unknown_tools: declared\ndefault: allow\n");
    let is_refused = |bytes: usize| {
        let call = format!(r#"{{"tool_call": {{"name": "{}"}}}}"#, "a".repeat(bytes));
        answer(&policy, &call).contains("TOOL_NAME_INVALID")
    };
    assert!(!is_refused(TOOL_NAME_BYTES_MAX));
    assert!(is_refused(TOOL_NAME_BYTES_MAX + 1));
}

// --- Numbers ---

#[test]
fn number_digits_max() {
    let digits = |count: u32| "9".repeat(count as usize);
    let request = |number: &str| format!(r#"{{"goal": "x", "context": {{"a": {number}}}}}"#);
    let (fits, exceeds) = (digits(NUMBER_DIGITS_MAX), digits(NUMBER_DIGITS_MAX + 1));
    assert_eq!(refusal(&request(&fits)), "");
    assert_eq!(refusal(&request(&exceeds)), "JSON_NUMBER_TOO_LONG");
    assert_eq!(
        value(&format!("{fits} == a"), &format!(r#"{{"a": {fits}}}"#)),
        "true"
    );
    assert!(value(&exceeds, "{}").starts_with("refused: this number has more than 28"));
    assert_eq!(value(&format!("{fits} + 0 > 0"), "{}"), "true");
    assert!(value(&format!("{fits} + 1 > 0"), "{}").starts_with("error: "));
}

#[test]
fn number_scale_max() {
    let request = |scale: u32| format!(r#"{{"goal": "x", "context": {{"a": 1e-{scale}}}}}"#);
    assert_eq!(refusal(&request(NUMBER_SCALE_MAX)), "");
    assert_eq!(
        refusal(&request(NUMBER_SCALE_MAX + 1)),
        "JSON_NUMBER_TOO_LONG"
    );
    assert_eq!(value("1e-28 * 1 > 0", "{}"), "true");
    assert!(value("1e-28 * 0.1 > 0", "{}").starts_with("error: "));
}

// --- Policies ---

const HEAD: &str = "stage0: v1\nname: big\nversion: 1.0.0\n";

fn policy(text: &str) -> Policy {
    Policy::parse(&format!("{HEAD}{text}")).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn told(problems: &[Problem]) -> String {
    problems.iter().take(3).map(Problem::render).collect()
}

/// The codes with which a policy is refused; not those of what is only probably not meant.
fn refusals(text: &str) -> Vec<&'static str> {
    let problems = Policy::parse(&format!("{HEAD}{text}")).err();
    let mut problems = problems.unwrap_or_default();
    problems.retain(|problem| problem.severity() == Severity::Error);
    codes(&problems)
}

#[test]
fn policy_bytes_max() {
    let padded = |bytes: usize| format!("#{}\n", "#".repeat(bytes - HEAD.len() - 2));
    assert_eq!(refusals(&padded(POLICY_BYTES_MAX)), [""; 0]);
    assert_eq!(
        refusals(&padded(POLICY_BYTES_MAX + 1)),
        ["POLICY_FILE_TOO_LARGE"]
    );
}

#[test]
fn policy_depth_max() {
    // A depth that can be read is another problem: nothing in a policy nests as deeply.
    let nested = |depth: usize| {
        let lists = depth - 1;
        format!("rules: {}{}\n", "[".repeat(lists), "]".repeat(lists))
    };
    assert_ne!(refusals(&nested(POLICY_DEPTH_MAX)), ["POLICY_TOO_DEEP"]);
    assert_eq!(refusals(&nested(POLICY_DEPTH_MAX + 1)), ["POLICY_TOO_DEEP"]);
}

#[test]
fn policy_files_max() {
    let with_imports = |files: usize| {
        let mut imports = ImportMap::new();
        let mut main = format!("{HEAD}extends:\n");
        for index in 1..files {
            let name = format!("part{index}.yaml");
            writeln!(main, "  - ./{name}").unwrap();
            let part = format!("stage0: v1\nname: part{index}\nversion: 1.0.0\n");
            imports.insert(&name, part.into_bytes());
        }
        match Policy::load("main.yaml", main, &imports) {
            Ok(_) => Vec::new(),
            Err(problems) => codes(&problems),
        }
    };
    assert_eq!(with_imports(POLICY_FILES_MAX), [""; 0]);
    assert_eq!(
        with_imports(POLICY_FILES_MAX + 1),
        ["POLICY_TOO_MANY_FILES"]
    );
}

#[test]
fn rules_max() {
    let rules = |count: usize| {
        let rules: String = (0..count)
            .map(|index| format!("  - {{ id: r{index}, deny: 'context.a == {index}' }}\n"))
            .collect();
        format!("rules:\n{rules}")
    };
    assert_eq!(refusals(&rules(RULES_MAX)), [""; 0]);
    assert_eq!(refusals(&rules(RULES_MAX + 1)), ["POLICY_TOO_LARGE"]);
}

#[test]
fn tools_max() {
    let tools = |count: usize| {
        let tools: String = (0..count)
            .map(|index| format!("  tool{index}x: {{ effects: [] }}\n"))
            .collect();
        format!("tools:\n{tools}")
    };
    assert_eq!(refusals(&tools(TOOLS_MAX)), [""; 0]);
    assert_eq!(refusals(&tools(TOOLS_MAX + 1)), ["POLICY_TOO_LARGE"]);
}

#[test]
fn lets_max() {
    let lets = |count: usize| {
        let lets: String = (0..count)
            .map(|index| format!("  name{index}: context.a == {index}\n"))
            .collect();
        format!("let:\n{lets}")
    };
    assert_eq!(refusals(&lets(LETS_MAX)), [""; 0]);
    // Nothing reads them, which is told of each.
    assert_eq!(
        refusals(&lets(LETS_MAX + 1)).first(),
        Some(&"POLICY_TOO_LARGE")
    );
}

#[test]
fn effects_max() {
    let effects = |count: usize| {
        let effects: String = (BUILTIN_EFFECTS.len()..count)
            .map(|index| format!("  class{index}x: {{ writes: false }}\n"))
            .collect();
        format!("effects:\n{effects}")
    };
    assert_eq!(refusals(&effects(EFFECTS_MAX)), [""; 0]);
    assert_eq!(refusals(&effects(EFFECTS_MAX + 1)), ["POLICY_TOO_LARGE"]);
}

#[test]
fn problems_max() {
    let strange = |count: usize| -> String {
        (0..count)
            .map(|index| format!("strange{index}: 1\n"))
            .collect()
    };
    assert_eq!(refusals(&strange(PROBLEMS_MAX)).len(), PROBLEMS_MAX);
    let problems = Policy::parse(&format!("{HEAD}{}", strange(PROBLEMS_MAX + 1))).unwrap_err();
    assert_eq!(problems.len(), PROBLEMS_MAX + 1);
    let last = problems.last().unwrap().message();
    assert!(last.contains("more problem"), "{last}");
}

#[test]
fn issue_code_bytes_max() {
    let rule = |bytes: usize| {
        format!(
            "rules: [{{ id: a, deny: true, issue: {} }}]\n",
            "A".repeat(bytes)
        )
    };
    assert_eq!(refusals(&rule(ISSUE_CODE_BYTES_MAX)), [""; 0]);
    assert_eq!(refusals(&rule(ISSUE_CODE_BYTES_MAX + 1)), ["POLICY_NAME"]);
}

#[test]
fn schema_depth_max() {
    let schema = |depth: usize| {
        let lists = "{ type: list, items: ".repeat(depth - 1);
        let close = " }".repeat(depth - 1);
        format!("tools: {{ a: {{ args: {{ x: {lists}string{close} }} }} }}\n")
    };
    assert_eq!(refusals(&schema(SCHEMA_DEPTH_MAX)), [""; 0]);
    assert_eq!(refusals(&schema(SCHEMA_DEPTH_MAX + 1)), ["POLICY_TOO_DEEP"]);
}

// --- Conditions ---

fn value(expression: &str, json: &str) -> String {
    evaluate(expression, json, Timestamp::EPOCH)
}

/// The first words of a refusal; nothing if the condition is accepted.
fn refused(expression: &str) -> String {
    parse(expression).err().unwrap_or_default()
}

/// An object with a list `a` of as many numbers.
fn numbers(count: usize) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!(r#"{{"a": [{}]}}"#, numbers.join(","))
}

/// An object with a text `a` of as many letters.
fn letters(count: usize) -> String {
    format!(r#"{{"a": "{}"}}"#, "a".repeat(count))
}

const TOO_LARGE: &str = "error: the value is larger than a condition may visit";
const TOO_MANY_STEPS: &str =
    "error: a loop takes more than 10000000 steps, or the condition more than 50000000";

#[test]
fn condition_bytes_max() {
    let padded = |bytes: usize| format!("1 == 1{}", " ".repeat(bytes - 6));
    assert_eq!(refused(&padded(CONDITION_BYTES_MAX)), "");
    let exceeds = refused(&padded(CONDITION_BYTES_MAX + 1));
    assert_eq!(exceeds, "refused: the condition is longer than 65536 bytes");
}

#[test]
fn condition_nodes_max() {
    let list = |nodes: usize| format!("[{}]", vec!["1"; nodes - 1].join(","));
    assert_eq!(refused(&list(CONDITION_NODES_MAX)), "");
    let exceeds = refused(&list(CONDITION_NODES_MAX + 1));
    assert_eq!(exceeds, "refused: the condition has more than 10000 parts");
}

#[test]
fn condition_depth_max() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("-", ""),
        ("size([", "])"),
    ] {
        let levels = if open.len() > 1 { 2 } else { 1 };
        let nested = |depth: usize| {
            let times = depth / levels;
            format!("{}x{}", open.repeat(times), close.repeat(times))
        };
        assert_eq!(refused(&nested(CONDITION_DEPTH_MAX)), "", "{open}");
        let exceeds = refused(&nested(CONDITION_DEPTH_MAX + levels));
        assert_eq!(
            exceeds, "refused: the condition nests deeper than 128 levels",
            "{open}"
        );
    }
}

#[test]
fn loop_depth_max() {
    let nested = |depth: usize| {
        let open: String = (0..depth)
            .map(|level| format!("a.exists(i{level}, "))
            .collect();
        format!("{open}true{}", ")".repeat(depth))
    };
    assert_eq!(refused(&nested(LOOP_DEPTH_MAX)), "");
    let exceeds = refused(&nested(LOOP_DEPTH_MAX + 1));
    assert_eq!(
        exceeds,
        "refused: loops stand in each other more than 3 deep"
    );
}

#[test]
fn loop_items_max() {
    assert_eq!(value("a.all(i, i >= 0)", &numbers(LOOP_ITEMS_MAX)), "true");
    assert_eq!(
        value("a.all(i, i >= 0)", &numbers(LOOP_ITEMS_MAX + 1)),
        TOO_LARGE
    );
}

/// A loop of a thousand visits, in each of which another one makes so many.
fn visits(inner: usize) -> (String, String) {
    let list = |count: usize| vec!["1"; count].join(",");
    let json = format!(r#"{{"a": [{}], "b": [{}]}}"#, list(1_000), list(inner));
    ("a.all(i, b.all(j, true))".to_owned(), json)
}

#[test]
fn loop_steps_max() {
    // The constant, the end of the loop and two for going on; the loop around it adds a few.
    let inner = usize::try_from(LOOP_STEPS_MAX / 1_000 / 4).unwrap();
    let (expression, json) = visits(inner - 5);
    assert_eq!(value(&expression, &json), "true");
    let (expression, json) = visits(inner);
    assert_eq!(value(&expression, &json), TOO_MANY_STEPS);
}

#[test]
fn condition_steps_max() {
    let inner = usize::try_from(LOOP_STEPS_MAX / 1_000 / 4).unwrap() - 5;
    let (expression, json) = visits(inner);
    let loops = usize::try_from(CONDITION_STEPS_MAX / LOOP_STEPS_MAX).unwrap();
    let times = |count: usize| vec![expression.as_str(); count].join(" && ");
    assert_eq!(value(&times(loops), &json), "true");
    assert_eq!(value(&times(loops + 1), &json), TOO_MANY_STEPS);
}

/// Conditions of which the static cost model makes this many steps, nearly.
const DEAR: &str = "grounded(x, t)";
const DEAR_STEPS: u64 = 10_000;

fn joined(parts: &[(&str, u64)]) -> String {
    let parts = parts.iter();
    let parts: Vec<&str> = parts
        .flat_map(|(part, count)| vec![*part; usize::try_from(*count).unwrap()])
        .collect();
    parts.join(" || ")
}

#[test]
fn loop_cost_items() {
    let in_a_loop = format!("t.exists(i, {DEAR})");
    let most = CONDITION_COST_MAX / (DEAR_STEPS * LOOP_COST_ITEMS);
    assert_eq!(refused(&joined(&[(&in_a_loop, most - 1)])), "");
    let exceeds = refused(&joined(&[(&in_a_loop, most)]));
    assert!(
        exceeds.starts_with("refused: the condition may take 5"),
        "{exceeds}"
    );
}

#[test]
fn loop_cost_visits() {
    // A hundred steps in two loops and in three: together they count as one that visits more.
    for around in [
        "t.exists(i, t.exists(j, ",
        "t.exists(i, t.exists(j, t.exists(k, ",
    ] {
        let close = ")".repeat(around.matches('(').count());
        let in_loops = format!("{around}x.contains(y){close}");
        let most = CONDITION_COST_MAX / (100 * LOOP_COST_VISITS);
        assert_eq!(refused(&joined(&[(&in_loops, most - 1)])), "");
        let exceeds = refused(&joined(&[(&in_loops, most)]));
        assert!(
            exceeds.starts_with("refused: the condition may take 5"),
            "{exceeds}"
        );
    }
}

#[test]
fn condition_cost_max() {
    let in_a_loop = format!("t.exists(i, {DEAR})");
    // Besides what it does itself, each part is a few instructions of one step.
    let rest = CONDITION_COST_MAX - 4 * DEAR_STEPS * LOOP_COST_ITEMS;
    let some = rest / DEAR_STEPS;
    assert_eq!(refused(&joined(&[(&in_a_loop, 4), (DEAR, some - 5)])), "");
    let exceeds = refused(&joined(&[(&in_a_loop, 4), (DEAR, some)]));
    let (told, allowed) = exceeds.split_once(" steps, and ").unwrap();
    let told: u64 = told.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        told > CONDITION_COST_MAX && told < CONDITION_COST_MAX + 100_000,
        "{told}"
    );
    assert_eq!(allowed, "50000000 are allowed");
}

#[test]
fn match_text_bytes_max() {
    assert_eq!(
        value("a.matches(\"b\")", &letters(MATCH_TEXT_BYTES_MAX)),
        "false"
    );
    assert_eq!(
        value("a.matches(\"b\")", &letters(MATCH_TEXT_BYTES_MAX + 1)),
        TOO_LARGE
    );
}

#[test]
fn match_steps_max() {
    let pattern = "a.matches(\"^[ab]{1,1000}c\")";
    let is_answered = |bytes: usize| value(pattern, &letters(bytes)) != TOO_LARGE;
    let (mut fits, mut exceeds) = (1, MATCH_TEXT_BYTES_MAX);
    assert!(is_answered(fits) && !is_answered(exceeds));
    while exceeds - fits > 1 {
        let middle = usize::midpoint(fits, exceeds);
        if is_answered(middle) {
            fits = middle;
        } else {
            exceeds = middle;
        }
    }
    // What one byte takes is told by the size of the pattern, in powers of two.
    let is_the_limit = (0..20).any(|power| MATCH_STEPS_MAX / (1 << power) == fits);
    assert!(is_the_limit, "{fits}");
}

#[test]
fn regex_bytes_max() {
    let pattern = |times: u32| format!("x.matches(\"(a{{0,100}}){{0,{times}}}\")");
    let is_accepted = |times: u32| refused(&pattern(times)).is_empty();
    let (mut fits, mut exceeds) = (1, 10_000);
    while exceeds - fits > 1 {
        let middle = u32::midpoint(fits, exceeds);
        if is_accepted(middle) {
            fits = middle;
        } else {
            exceeds = middle;
        }
    }
    assert!(fits > 10, "{fits}");
    let exceeds = refused(&pattern(exceeds));
    let expected =
        format!("refused: this regular expression takes more than {REGEX_BYTES_MAX} bytes");
    assert_eq!(exceeds, expected);
}

#[test]
fn scratch_bytes_max() {
    let half = SCRATCH_BYTES_MAX / 2;
    let json = letters(half);
    assert_eq!(value("size(a + a)", &json), SCRATCH_BYTES_MAX.to_string());
    assert_eq!(value("size(a + a + \"a\")", &json), TOO_LARGE);
}

#[test]
fn function_text_bytes_max() {
    let json = letters(FUNCTION_TEXT_BYTES_MAX);
    assert_eq!(
        value("size(argv(a)[0])", &json),
        FUNCTION_TEXT_BYTES_MAX.to_string()
    );
    let json = letters(FUNCTION_TEXT_BYTES_MAX + 1);
    for call in [
        "argv(a)",
        "commands(a)",
        "host(a)",
        "email_domain(a)",
        "path_within(a, \"/\")",
    ] {
        let answer = value(call, &json);
        assert!(
            answer.starts_with("error: ") && answer.contains("long"),
            "{call}: {answer}"
        );
    }
}

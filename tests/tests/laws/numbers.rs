//! Law 9: numbers are what is written.

use proptest::prelude::*;
use stage0_tests::oracle::decimal::Decimal;

use crate::engine::verdict_and_codes;
use crate::run::check;

fn decided(condition: &str, arguments: &str) -> String {
    let policy = format!(
        "tools: {{ t: {{ effects: [] }} }}\nrules:\n  - {{ id: r, allow: '{condition}' }}\n"
    );
    let request = format!(r#"{{"tool_call": {{"name": "t", "arguments": {arguments}}}}}"#);
    verdict_and_codes(&policy, &request)
}

/// Law 9 (exact numbers): sums, differences, products, remainders and comparisons of decimals are
/// exact, and what is not exact is an error.
#[test]
fn arithmetic_is_exact() {
    let number = || {
        (any::<i64>(), 0_u32..20, 0_u32..3).prop_map(|(n, scale, size)| {
            let n = match size {
                0 => n % 100,
                1 => n % 1_000_000_007,
                _ => n,
            };
            Decimal::new(i128::from(n), scale)
        })
    };
    let signs = prop::sample::select(vec!['+', '-', '*', '%', '/']);
    check(
        "numbers",
        800,
        (number(), number(), signs),
        |(one, two, sign)| {
            let (Some(one), Some(two)) = (one, two) else {
                return Ok(());
            };
            let result = match sign {
                '+' => one.plus(two),
                '-' => one.minus(two),
                '*' => one.times(two),
                '%' => one.modulo(two),
                _ => one.over(two),
            };
            let expected = result.map_or("DENY CONDITION_ERROR NO_RULE_ALLOWS", |_| "ALLOW");
            let told = result.map_or("0".to_owned(), |result| result.to_string());
            let arguments = format!(r#"{{"a": {one}, "b": {two}, "c": {told}}}"#);
            prop_assert_eq!(
                decided(&format!("args.a {sign} args.b == args.c"), &arguments),
                expected,
                "{}",
                arguments
            );
            let order = match one.order(two) {
                std::cmp::Ordering::Less => "<",
                std::cmp::Ordering::Equal => "==",
                std::cmp::Ordering::Greater => ">",
            };
            prop_assert_eq!(
                decided(&format!("args.a {order} args.b"), &arguments),
                "ALLOW"
            );
            Ok(())
        },
    );
}

/// Law 9 (exact numbers): what binary floats get wrong is right, and more digits than 28 are refused.
#[test]
fn floats_are_nowhere() {
    for condition in [
        "args.a + args.b == 0.3",
        "args.whole == 1.0 && args.whole == 1 && 1.50 == 1.5",
        "args.above != args.safe && args.above > args.safe && args.above - args.safe == 1",
        "args.cent * 3 == 0.03",
        "9007199254740993 != 9007199254740992",
        "7 / 2 == 3.5 && -7 % 2 == -1",
        "args.large == 9999999999999999999999999999",
        "args.exponent == 1500",
    ] {
        let arguments = r#"{"a": 0.1, "b": 0.2, "whole": 1, "above": 9007199254740993, "safe": 9007199254740992,
            "cent": 0.01, "large": 9999999999999999999999999999, "exponent": 1.5e3}"#;
        assert_eq!(decided(condition, arguments), "ALLOW", "{condition}");
    }
    for number in [
        "10000000000000000000000000000",
        "0.12345678901234567890123456789",
        "1e29",
        "1e-29",
    ] {
        let request =
            format!(r#"{{"tool_call": {{"name": "t", "arguments": {{"n": {number}}}}}}}"#);
        assert!(
            stage0_wire::parse_request(request.as_bytes()).is_err(),
            "{number}"
        );
    }
}

//! Conditions that are well typed by what is declared, over few names and values, so that facts are
//! read often, found, missing and of the wrong type.

use crate::oracle::condition::{Comparison, Expr, Loop, Path, Step, TextTest};
use crate::oracle::decimal::Decimal;
use crate::oracle::phrases;
use crate::oracle::value::{JANUARY_2026_MS, Value, text, whole};
use proptest::prelude::*;

/// The names that one policy file defines. Files have different names, since what is defined in two
/// files of a policy conflicts.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub number: &'static str,
    pub text: &'static str,
    pub list: &'static str,
    /// A let about a number.
    pub let_number: &'static str,
    /// A let about a truth value.
    pub let_bool: &'static str,
    /// A let that reads what the agent claims, which no allow may.
    pub let_claim: &'static str,
}

pub const NAMES: [Names; 5] = [
    Names {
        number: "limit",
        text: "home",
        list: "roles",
        let_number: "twice",
        let_bool: "trusted_actor",
        let_claim: "claimed",
    },
    Names {
        number: "import_limit",
        text: "import_home",
        list: "import_roles",
        let_number: "import_twice",
        let_bool: "import_trusted",
        let_claim: "import_claimed",
    },
    Names {
        number: "other_limit",
        text: "other_home",
        list: "other_roles",
        let_number: "other_twice",
        let_bool: "other_trusted",
        let_claim: "other_claimed",
    },
    Names {
        number: "deep_limit",
        text: "deep_home",
        list: "deep_roles",
        let_number: "deep_twice",
        let_bool: "deep_trusted",
        let_claim: "deep_claimed",
    },
    Names {
        number: "shared_limit",
        text: "shared_home",
        list: "shared_roles",
        let_number: "shared_twice",
        let_bool: "shared_trusted",
        let_claim: "shared_claimed",
    },
];

/// Where a condition stands: what it may name.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The file's names; none inside its own lets.
    pub names: Option<Names>,
    /// Whether it may read what the agent claims.
    pub claims: bool,
    /// Whether it may ask whether a fact is there.
    pub presence: bool,
}

pub fn path(text: &'static str) -> Path {
    let mut parts = text.split('.');
    let root = parts.next().unwrap_or("");
    let mut steps = Vec::new();
    for part in parts {
        match part.strip_suffix("[0]") {
            Some(name) => steps.extend([Step::Member(name), Step::At(0)]),
            None => steps.push(Step::Member(part)),
        }
    }
    Path { root, steps }
}

fn fact(names: &[&'static str]) -> BoxedStrategy<Expr> {
    prop::sample::select(names.to_vec())
        .prop_map(|name| Expr::Fact(path(name)))
        .boxed()
}

fn one_of(choices: Vec<Expr>) -> BoxedStrategy<Expr> {
    prop::sample::select(choices).boxed()
}

pub fn small_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-1_i64..=6).prop_map(whole),
        2 => (0_i128..=30).prop_map(|tenths| Decimal::new(tenths, 1).map_or(Value::Null, Value::Number)),
        1 => Just(whole(9_007_199_254_740_993)),
    ]
}

pub fn small_text() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "a", "ab", "finance", "risk", "é😀"]).prop_map(text)
}

pub fn instant() -> impl Strategy<Value = i64> {
    (0_i64..=6)
        .prop_map(|quarters| JANUARY_2026_MS + 4 * 86_400_000 + 36_000_000 + quarters * 900_000)
}

fn literal(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Expr> {
    value.prop_map(Expr::Literal).boxed()
}

fn number(place: Place, depth: u32) -> BoxedStrategy<Expr> {
    let mut leaves = vec![
        "context.n",
        "context.m.n",
        "context.l[0]",
        "args.amount",
        "args.items[0]",
    ];
    if place.claims {
        leaves.push("constraint.max_records");
    }
    let mut choices = vec![(5, fact(&leaves)), (3, literal(small_number()))];
    if let Some(names) = place.names {
        choices.push((
            2,
            one_of(vec![Expr::Param(names.number), Expr::Let(names.let_number)]),
        ));
    }
    if depth > 0 {
        let one = number(place, depth - 1);
        let two = (
            one.clone(),
            one.clone(),
            prop::sample::select(vec!['+', '-', '*', '/', '%']),
        );
        choices.push((
            2,
            two.prop_map(|(one, two, sign)| Expr::Arithmetic(sign, one.into(), two.into()))
                .boxed(),
        ));
        choices.push((
            1,
            list(place, depth - 1)
                .prop_map(|list| Expr::Size(list.into()))
                .boxed(),
        ));
        choices.push((
            1,
            fact(&["trusted"])
                .prop_map(|texts| Expr::Size(texts.into()))
                .boxed(),
        ));
        choices.push((
            1,
            word(place, depth - 1)
                .prop_map(|text| Expr::Size(text.into()))
                .boxed(),
        ));
        let branches = (boolean(place, depth - 1), one.clone(), one);
        choices.push((1, branches.prop_map(conditional).boxed()));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

fn conditional((test, one, two): (Expr, Expr, Expr)) -> Expr {
    Expr::If(test.into(), one.into(), two.into())
}

fn word(place: Place, depth: u32) -> BoxedStrategy<Expr> {
    let mut leaves = vec![
        "context.s",
        "context.m.s",
        "args.to",
        "tool",
        "context.actor_role",
    ];
    if place.claims {
        leaves.push("goal");
    }
    let mut choices = vec![(5, fact(&leaves)), (3, literal(small_text()))];
    if let Some(names) = place.names {
        choices.push((1, one_of(vec![Expr::Param(names.text)])));
    }
    if depth > 0 {
        let one = word(place, depth - 1);
        let sum = |(one, two): (Expr, Expr)| Expr::Arithmetic('+', one.into(), two.into());
        choices.push((1, (one.clone(), one).prop_map(sum).boxed()));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

/// Lists of numbers, as far as one can tell before there is a request.
fn list(place: Place, depth: u32) -> BoxedStrategy<Expr> {
    let element = "e";
    let literals = prop::collection::vec(number(place, 0), 0..3)
        .prop_map(Expr::List)
        .boxed();
    let mut choices = vec![(4, fact(&["context.l", "args.items"])), (1, literals)];
    if depth > 0 {
        let kind = prop::sample::select(vec![Loop::Filter, Loop::Map]);
        let numbers = (
            kind,
            list(place, depth - 1),
            number(place, 0),
            number(place, 0),
        );
        choices.push((
            1,
            numbers
                .prop_map(|(kind, list, one, other)| {
                    let item = Expr::Variable(element);
                    let body = match kind {
                        Loop::Map => Expr::Arithmetic('+', item.into(), one.into()),
                        _ => Expr::Compare(Comparison::Less, item.into(), other.into()),
                    };
                    Expr::Loop(kind, list.into(), element, body.into())
                })
                .boxed(),
        ));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

fn words(place: Place) -> BoxedStrategy<Expr> {
    let literal = Just(Expr::List(vec![
        Expr::Literal(text("finance")),
        Expr::Literal(text("a")),
    ]));
    let mut choices = vec![(4, literal.boxed())];
    if let Some(names) = place.names {
        choices.push((4, one_of(vec![Expr::Param(names.list)])));
    }
    if place.claims {
        choices.push((
            3,
            fact(&[
                "effects",
                "tools",
                "side_effects",
                "success_criteria",
                "constraint.required_role",
            ]),
        ));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

fn moment(depth: u32) -> BoxedStrategy<Expr> {
    let fact = Expr::Timestamp(Box::new(Expr::Fact(path("context.at"))));
    let mut choices = vec![
        (3, one_of(vec![Expr::Fact(path("now"))])),
        (2, one_of(vec![fact])),
        (
            2,
            instant()
                .prop_map(|at| Expr::Literal(Value::Instant(at)))
                .boxed(),
        ),
    ];
    if depth > 0 {
        let parts = (moment(0), prop::sample::select(vec!['+', '-']), span(0));
        choices.push((
            1,
            parts
                .prop_map(|(at, sign, span)| Expr::Arithmetic(sign, at.into(), span.into()))
                .boxed(),
        ));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

fn span(depth: u32) -> BoxedStrategy<Expr> {
    let fact = Expr::Duration(Box::new(Expr::Fact(path("args.wait"))));
    let mut choices = vec![
        (
            2,
            (0_i64..=8)
                .prop_map(|n| Expr::Literal(Value::Span(n * 900_000)))
                .boxed(),
        ),
        (1, one_of(vec![fact])),
    ];
    if depth > 0 {
        let difference = |(one, two): (Expr, Expr)| Expr::Arithmetic('-', one.into(), two.into());
        choices.push((2, (moment(0), moment(0)).prop_map(difference).boxed()));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

/// Whether an instant lies in a window.
fn in_window(place: Place) -> BoxedStrategy<Expr> {
    let windows: Vec<Expr> = phrases::WINDOWS
        .iter()
        .map(|(window, _)| Expr::Literal(text(*window)))
        .collect();
    let mut stated = vec!["context.window"];
    if place.claims {
        stated.push("constraint.change_window");
    }
    let window = prop_oneof![3 => one_of(windows), 2 => fact(&stated)];
    let at = prop_oneof![3 => Just(Expr::Fact(path("now"))), 1 => moment(1)];
    (at, window)
        .prop_map(|(at, window)| Expr::InWindow(at.into(), window.into()))
        .boxed()
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ])
}

fn compared(one: BoxedStrategy<Expr>, two: BoxedStrategy<Expr>) -> BoxedStrategy<Expr> {
    (comparison(), one, two)
        .prop_map(|(comparison, one, two)| Expr::Compare(comparison, one.into(), two.into()))
        .boxed()
}

/// A condition.
pub fn boolean(place: Place, depth: u32) -> BoxedStrategy<Expr> {
    // A loop inside a loop needs a variable of its own.
    let element = if depth > 1 { "x" } else { "y" };
    let below = depth.saturating_sub(1);
    let mut leaves = vec!["context.b", "args.flag", "context.m.b"];
    if place.claims {
        leaves.extend(["pro", "constraint.mfa_required"]);
    }
    let mut present = vec![
        "context.n",
        "context.m.n",
        "args.amount",
        "args.deep.n",
        "context.s",
    ];
    if place.claims {
        present.push("constraint.max_records");
    }
    let has = prop::sample::select(present).prop_map(|name| Expr::Has(path(name)));
    let tests = prop::sample::select(vec![
        TextTest::StartsWith,
        TextTest::EndsWith,
        TextTest::Contains,
    ]);
    let text_test = (tests, word(place, below), word(place, 0))
        .prop_map(|(test, one, two)| Expr::Text(test, one.into(), two.into()));
    let member = |(one, list): (Expr, Expr)| Expr::In(one.into(), list.into());
    let null = fact(&["args.amount", "context.n", "args.deep", "args.to"]);
    let is_null = (any::<bool>(), null).prop_map(|(equal, fact)| {
        let comparison = if equal {
            Comparison::Equal
        } else {
            Comparison::NotEqual
        };
        Expr::Compare(comparison, fact.into(), Expr::Literal(Value::Null).into())
    });
    let mut choices = vec![
        (3, fact(&leaves)),
        (1, literal(any::<bool>().prop_map(Value::Bool))),
        (8, compared(number(place, below), number(place, 0))),
        (3, compared(word(place, below), word(place, 0))),
        (1, compared(moment(below), moment(0))),
        (1, compared(span(below), span(0))),
        (2, (word(place, 0), words(place)).prop_map(member).boxed()),
        (
            2,
            (number(place, 0), list(place, below))
                .prop_map(member)
                .boxed(),
        ),
        (1, text_test.boxed()),
        (2, in_window(place)),
    ];
    if place.presence {
        choices.extend([(2, has.boxed()), (1, is_null.boxed())]);
    }
    if let Some(names) = place.names {
        choices.push((1, one_of(vec![Expr::Let(names.let_bool)])));
        if place.claims {
            choices.push((1, one_of(vec![Expr::Let(names.let_claim)])));
        }
    }
    if depth > 0 {
        let one = boolean(place, depth - 1);
        let two = (one.clone(), one.clone());
        choices.push((2, one.clone().prop_map(|one| Expr::Not(one.into())).boxed()));
        choices.push((
            6,
            two.clone()
                .prop_map(|(one, two)| Expr::And(one.into(), two.into()))
                .boxed(),
        ));
        choices.push((
            6,
            two.prop_map(|(one, two)| Expr::Or(one.into(), two.into()))
                .boxed(),
        ));
        choices.push((
            1,
            (one.clone(), one.clone(), one.clone())
                .prop_map(conditional)
                .boxed(),
        ));
        let kinds = prop::sample::select(vec![Loop::Exists, Loop::All, Loop::ExistsOne]);
        let loops = (
            kinds,
            list(place, below),
            comparison(),
            number(place, 0),
            any::<bool>(),
            one,
        );
        choices.push((
            2,
            loops
                .prop_map(|(kind, list, comparison, number, is_joined, other)| {
                    let item = Expr::Variable(element);
                    let body = Expr::Compare(comparison, item.into(), number.into());
                    let joined = if is_joined {
                        Expr::And(body.into(), other.into())
                    } else {
                        body
                    };
                    Expr::Loop(kind, list.into(), element, joined.into())
                })
                .boxed(),
        ));
        let parsed = prop_oneof![
            Just(Expr::Timestamp(Box::new(Expr::Fact(path("context.at"))))),
            Just(Expr::Duration(Box::new(Expr::Fact(path("args.wait"))))),
        ];
        if place.presence {
            let parsed = parsed.prop_map(|parsed| Expr::Parses(parsed.into()));
            choices.push((1, parsed.boxed()));
        }
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

/// The lets of one file; each may name those before it.
pub fn lets(names: Names, presence: bool) -> impl Strategy<Value = Vec<(&'static str, Expr)>> {
    let outside = Place {
        names: None,
        claims: false,
        presence,
    };
    let claims = Place {
        claims: true,
        ..outside
    };
    (number(outside, 1), boolean(outside, 1), boolean(claims, 1)).prop_map(
        move |(number, bool, claim)| {
            let nested = Expr::Or(
                Box::new(Expr::Compare(
                    Comparison::Greater,
                    Box::new(Expr::Let(names.let_number)),
                    Box::new(Expr::Param(names.number)),
                )),
                Box::new(bool),
            );
            vec![
                (names.let_number, number),
                (names.let_bool, nested),
                (names.let_claim, claim),
            ]
        },
    )
}

/// The params of one file.
pub fn params(names: Names) -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    (small_number(), small_text()).prop_map(move |(number, word)| {
        vec![
            (names.number, number),
            (names.text, word),
            (names.list, Value::List(vec![text("finance"), text("risk")])),
        ]
    })
}

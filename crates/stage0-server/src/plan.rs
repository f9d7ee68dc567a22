//! What a key may use, and how much of it: a plan. No verdict depends on one.

use std::collections::BTreeMap;

use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::suggest::nearest;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use crate::limits::{PLANS_BYTES_MAX, PLANS_MAX};

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: PLANS_BYTES_MAX,
    depth_max: 4,
    nodes_max: 10_000,
};

/// The plan of a key for which none was named.
pub const UNLIMITED: &str = "unlimited";

/// How many decisions a key may have, and which features. What is not limited has no number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Decisions of a calendar month, in UTC.
    pub monthly: Option<u64>,
    /// Decisions of a day, in UTC.
    pub daily: Option<u64>,
    /// Decisions of a minute.
    pub per_minute: Option<u64>,
    /// Whether requests may ask for strict mode (`pro`).
    pub pro: bool,
}

/// All plans by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(BTreeMap<String, Plan>);

impl Default for Plans {
    /// `free`, `starter`, `pro`, and `unlimited`.
    fn default() -> Self {
        let plan = |monthly, daily, per_minute, pro| Plan {
            monthly: Some(monthly),
            daily: Some(daily),
            per_minute: Some(per_minute),
            pro,
        };
        Self(BTreeMap::from([
            ("free".to_owned(), plan(1_000, 100, 10, false)),
            ("starter".to_owned(), plan(25_000, 2_500, 60, false)),
            ("pro".to_owned(), plan(500_000, 50_000, 600, true)),
            (
                UNLIMITED.to_owned(),
                Plan {
                    pro: true,
                    ..Plan::default()
                },
            ),
        ]))
    }
}

impl Plans {
    /// Reads plans from JSON, such as `{"free": {"monthly": 1000, "daily": 100, "per_minute": 10, "features": []}}`.
    /// They take the place of all that there are, except `unlimited`.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Vec<Problem>> {
        let document =
            parse(text, &LIMITS).map_err(|error| vec![json_problem(name, text, &error)])?;
        let mut problems = Vec::new();
        let mut told = |message: String| {
            problems.push(Problem::in_file(name, 1, ProblemCode::PlanInvalid, message).help(
                "a plan has `monthly`, `daily` and `per_minute`, each a number or left out, and `features`, a list of `pro`",
            ));
        };
        let mut plans = BTreeMap::new();
        if document.root().kind() != Kind::Object || document.root().len() > PLANS_MAX {
            told(format!("plans are an object of at most {PLANS_MAX}"));
        }
        for (plan_name, value) in document.root().members() {
            let plan = read(plan_name, value, &mut told);
            plans.insert(plan_name.to_owned(), plan);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        plans.entry(UNLIMITED.to_owned()).or_insert(Plan {
            pro: true,
            ..Plan::default()
        });
        Ok(Self(plans))
    }

    /// The plan of this name.
    pub fn get(&self, name: &str) -> Option<&Plan> {
        self.0.get(name)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn read(name: &str, value: ValueRef<'_>, told: &mut impl FnMut(String)) -> Plan {
    const MEMBERS: [&str; 4] = ["monthly", "daily", "per_minute", "features"];
    let mut plan = Plan::default();
    if value.kind() != Kind::Object {
        told(format!("the plan `{name}` is no object"));
    }
    for (member, value) in value.members() {
        let number = || {
            let number = value
                .as_number()
                .and_then(|number| number.to_string().parse().ok());
            number.filter(|_| value.kind() == Kind::Number)
        };
        let mut count = |slot: &mut Option<u64>| match number() {
            Some(count) => *slot = Some(count),
            None if value.is_null() => {}
            None => told(format!(
                "`{name}.{member}` is no number of decisions from 0"
            )),
        };
        match member {
            "monthly" => count(&mut plan.monthly),
            "daily" => count(&mut plan.daily),
            "per_minute" => count(&mut plan.per_minute),
            "features" => {
                for feature in value.elements() {
                    match feature.as_str() {
                        Some("pro") => plan.pro = true,
                        _ => told(format!("`{name}.features` has what is no feature")),
                    }
                }
                if value.kind() != Kind::List {
                    told(format!("`{name}.features` is no list"));
                }
            }
            _ => {
                let near = nearest(member, MEMBERS);
                let near = near.map(|near| format!("; `{near}`?")).unwrap_or_default();
                told(format!("`{name}.{member}` means nothing{near}"));
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_everything_wrong_with_them_is_told() {
        let text = br#"{"team": {"monthly": 5, "features": ["pro"]}, "free": {"daily": null}}"#;
        let plans = Plans::parse("plans.json", text).unwrap();
        let team = plans.get("team").unwrap();
        assert_eq!((team.monthly, team.daily, team.pro), (Some(5), None, true));
        assert_eq!(
            plans.names().collect::<Vec<_>>(),
            ["free", "team", UNLIMITED]
        );

        let wrong = br#"{"a": {"monthly": -1, "dayly": 3, "features": ["gold"]}, "b": []}"#;
        let problems = Plans::parse("plans.json", wrong).unwrap_err();
        let messages: Vec<&str> = problems.iter().map(Problem::message).collect();
        assert_eq!(
            messages,
            [
                "`a.monthly` is no number of decisions from 0",
                "`a.dayly` means nothing; `daily`?",
                "`a.features` has what is no feature",
                "the plan `b` is no object",
            ]
        );
        assert!(Plans::parse("plans.json", b"[]").is_err());
    }
}

//! The yardsticks: the twelve rules as programs that somebody wrote by hand for just this task.
//!
//! One knows the request's type and reads only the fields that it needs, the other works on any JSON.
//! Neither checks what it is not asked: wrong types are an error, duplicate keys, exact decimals,
//! missing facts, reasons and digests are not their business. That is the least that the task costs.

use serde::Deserialize;
use serde_json::Value;

use super::task::{RULES, other_tool};

/// What the yardsticks answer: which rules fired, as bits in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired(pub u16);

impl Fired {
    /// The fired rules' ids.
    pub fn ids(self) -> impl Iterator<Item = &'static str> {
        RULES
            .iter()
            .enumerate()
            .filter(move |(rule, _)| self.0 >> rule & 1 == 1)
            .map(|(_, id)| *id)
    }

    /// The answer as text: a flag and the ids.
    pub fn to_json(self) -> String {
        let mut out = String::with_capacity(128);
        out.push_str(if self.0 == 0 {
            r#"{"allow":true,"fired":["#
        } else {
            r#"{"allow":false,"fired":["#
        });
        for (position, id) in self.ids().enumerate() {
            if position > 0 {
                out.push(',');
            }
            out.push('"');
            out.push_str(id);
            out.push('"');
        }
        out.push_str("]}");
        out
    }
}

/// The fields that the rules read.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    #[serde(borrow)]
    side_effects: Vec<&'a str>,
    #[serde(borrow)]
    constraints: Vec<&'a str>,
    #[serde(borrow)]
    context: Context<'a>,
    #[serde(borrow)]
    tool_call: Call<'a>,
}

#[derive(Debug, Deserialize)]
struct Context<'a> {
    actor_role: &'a str,
    tenant_id: &'a str,
    environment: &'a str,
    region: &'a str,
    #[serde(borrow)]
    data_classes: Vec<&'a str>,
    current_iteration: f64,
    cumulative_cost_usd: f64,
    hour: f64,
    approval_status: &'a str,
    approved_at: &'a str,
}

#[derive(Debug, Deserialize)]
struct Call<'a> {
    name: &'a str,
    #[serde(borrow)]
    arguments: Arguments<'a>,
}

#[derive(Debug, Deserialize)]
struct Arguments<'a> {
    amount: f64,
    tenant: &'a str,
}

impl<'a> Request<'a> {
    /// Reads the text; `None` if it is not of this type.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The same fields out of any JSON; `None` if one is missing or of another type.
    pub fn from_value(value: &'a Value) -> Option<Self> {
        let context = value.get("context")?;
        let text = |key: &str| context.get(key)?.as_str();
        let number = |key: &str| context.get(key)?.as_f64();
        let call = value.get("tool_call")?;
        let arguments = call.get("arguments")?;
        Some(Self {
            side_effects: texts(value.get("side_effects")?)?,
            constraints: texts(value.get("constraints")?)?,
            context: Context {
                actor_role: text("actor_role")?,
                tenant_id: text("tenant_id")?,
                environment: text("environment")?,
                region: text("region")?,
                data_classes: texts(context.get("data_classes")?)?,
                current_iteration: number("current_iteration")?,
                cumulative_cost_usd: number("cumulative_cost_usd")?,
                hour: number("hour")?,
                approval_status: text("approval_status")?,
                approved_at: text("approved_at")?,
            },
            tool_call: Call {
                name: call.get("name")?.as_str()?,
                arguments: Arguments {
                    amount: arguments.get("amount")?.as_f64()?,
                    tenant: arguments.get("tenant")?.as_str()?,
                },
            },
        })
    }

    /// The twelve rules; `None` where a constraint or the time is not written as expected.
    pub fn decide(&self, now_s: i64) -> Option<Fired> {
        let Self {
            context, tool_call, ..
        } = self;
        let amount = tool_call.arguments.amount;
        let has_effect = |effect: &str| self.side_effects.contains(&effect);
        let has_class = |class: &str| context.data_classes.contains(&class);
        let approved = context.approval_status == "approved";
        let moves_money = has_effect("money_movement");
        let starts = |prefix: &str| tool_call.name.starts_with(prefix);
        let in_region = matches!(context.region, "eu-west-1" | "eu-central-1");
        let fired = [
            !matches!(context.actor_role, "finance_ops" | "admin"),
            !matches!(context.environment, "production" | "staging" | "dev"),
            has_effect("destructive") && !approved,
            amount > 500.0 && !approved,
            moves_money && !(8.0..20.0).contains(&context.hour),
            !(starts("payments.") || starts("crm.") || starts("email.") || starts("kb.")),
            context.current_iteration > self.constraint("max_iterations: ")?,
            context.cumulative_cost_usd > self.constraint("max_cost_usd: ")?,
            has_class("pii") && !in_region,
            has_effect("external_message") && has_class("confidential"),
            context.tenant_id != tool_call.arguments.tenant,
            moves_money
                && amount > 100.0
                && now_s.saturating_sub(seconds(context.approved_at)?) > 900,
        ];
        let bits = fired
            .iter()
            .rev()
            .fold(0, |bits, fired| bits << 1 | u16::from(*fired));
        Some(Fired(bits))
    }

    /// The rules about twelve other tools: whether one of them is about this one.
    pub fn matches_other(&self, others: &[String]) -> bool {
        others.iter().any(|other| other == self.tool_call.name)
    }

    fn constraint(&self, key: &str) -> Option<f64> {
        self.constraints
            .iter()
            .find_map(|text| text.strip_prefix(key))?
            .parse()
            .ok()
    }
}

/// The tools that the rules without match are about.
pub fn other_tools() -> Vec<String> {
    (0..RULES.len()).map(other_tool).collect()
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Seconds since the epoch of a time that is written like `2026-11-22T13:20:00Z`.
pub fn seconds(text: &str) -> Option<i64> {
    let part = |range: core::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    // Years that begin in March put the leap day last.
    let year = if month <= 2 {
        year.wrapping_sub(1)
    } else {
        year
    };
    let month = month.wrapping_add(9) % 12;
    let days_of_years = year
        .wrapping_mul(365)
        .wrapping_add(year / 4)
        .wrapping_sub(year / 100)
        .wrapping_add(year / 400);
    let days = days_of_years
        .wrapping_add(month.wrapping_mul(306).wrapping_add(5) / 10)
        .wrapping_add(day);
    let hours = days
        .wrapping_sub(719_469)
        .wrapping_mul(24)
        .wrapping_add(hour);
    Some(
        hours
            .wrapping_mul(60)
            .wrapping_add(minute)
            .wrapping_mul(60)
            .wrapping_add(second),
    )
}

#[cfg(test)]
mod tests {
    use super::{Fired, Request, seconds};
    use crate::bench::task::{self, NOW};

    fn ids(text: &str) -> Vec<&'static str> {
        let now = seconds(NOW).unwrap();
        let typed = Request::parse(text.as_bytes())
            .unwrap()
            .decide(now)
            .unwrap();
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(
            Request::from_value(&value).unwrap().decide(now),
            Some(typed)
        );
        typed.ids().collect()
    }

    #[test]
    fn the_yardsticks_answer_as_the_task_says() {
        assert_eq!(ids(&task::allowed()), Vec::<&str>::new());
        assert_eq!(ids(&task::denied()), ["payout-limit", "max-iterations"]);
        assert_eq!(ids(&task::pending()), ["payout-limit"]);
        assert_eq!(
            Fired(0b1000).to_json(),
            r#"{"allow":false,"fired":["payout-limit"]}"#
        );
    }

    #[test]
    fn the_request_is_of_about_a_kilobyte() {
        assert!(
            (950..1_100).contains(&task::allowed().len()),
            "{}",
            task::allowed().len()
        );
    }

    #[test]
    fn times_are_read_like_the_engine_reads_them() {
        for time in [
            NOW,
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59Z",
            "2000-03-01T00:00:00Z",
        ] {
            let ms = stage0_engine::time::Timestamp::parse(time).unwrap().to_ms();
            assert_eq!(seconds(time), Some(ms / 1_000), "{time}");
        }
    }
}

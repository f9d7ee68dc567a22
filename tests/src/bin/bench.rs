//! `cargo xtask bench`: the time from a request to its answer, beside programs written by hand.
//!
//! First all engines have to agree on every variant; then everything is timed in one race, so that
//! ratios hold on a machine whose speed changes. Prints Markdown, as `tests/bench/README.md` has it.
//! `bench alone 1000 "stage0, pre-parsed, allow"` runs that lane so often and no other, for whoever
//! counts instructions.

#![expect(clippy::print_stdout, reason = "its report is what it is run for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stage0_engine::digest::Digest;
use stage0_engine::host::Host;
use stage0_engine::policy::Severity;
use stage0_engine::state::RunState;
use stage0_tests::bench::by_hand::{self, Fired};
use stage0_tests::bench::measure::{Effort, Figures, Lane, race};
use stage0_tests::bench::task::{self, REQUEST_ID};
use stage0_wire::{Policy, decision_to_json, parse_request};

/// Sizes of the policies that grow by rules about other tools.
const SIZES: [usize; 4] = [12, 120, 1_200, 12_000];

/// A text of the length of the canonical action, to hash.
const ACTION_BYTES: usize = 256;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *arguments.as_slice() {
        [] => run(Effort::FULL),
        ["quick"] => run(Effort::QUICK),
        ["alone", calls, lane] => run_alone(lane, calls),
        _ => Err("usage: bench [quick | alone CALLS LANE]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn load(text: &str) -> Result<Policy, String> {
    Policy::parse(text).map_err(|problems| format!("the policy is refused: {problems:?}"))
}

/// One request with the policy that decides it.
struct Variant {
    name: &'static str,
    policy: Policy,
    request: String,
    verdict: &'static str,
}

fn variants() -> Result<Vec<Variant>, String> {
    let asks = task::policy_that_asks();
    let silent = task::policy_without_match();
    let variants = [
        ("allow", task::POLICY, task::allowed(), "ALLOW"),
        ("deny", task::POLICY, task::denied(), "DENY"),
        ("defer", &asks, task::pending(), "DEFER"),
        ("no match", &silent, task::allowed(), "DENY"),
    ];
    let variants = variants
        .into_iter()
        .map(|(name, policy, request, verdict)| {
            Ok(Variant {
                name,
                policy: load(policy)?,
                request,
                verdict,
            })
        });
    variants.collect()
}

/// Every engine has to give the same verdict for the same rules before any time counts.
fn agree(variant: &Variant) -> Result<(), String> {
    let Variant {
        name,
        policy,
        request,
        verdict,
    } = variant;
    let differs = |what: &str| format!("{name}: the engines do not agree: {what}");
    let parsed =
        parse_request(request.as_bytes()).map_err(|problems| differs(&format!("{problems:?}")))?;
    let decision = policy.peek(&parsed, &host(), &RunState::begin(), task::now());
    if decision.verdict.as_str() != *verdict {
        return Err(differs(&format!(
            "the verdict is {}: {}",
            decision.verdict.as_str(),
            decision.reason()
        )));
    }
    if *name == "no match" {
        return Ok(());
    }
    let mut ours: Vec<&str> = decision
        .issues
        .iter()
        .filter(|issue| issue.severity > Severity::Low)
        .filter_map(|issue| issue.rule.strip_prefix("bench/"))
        .collect();
    ours.sort_unstable();
    let typed = typed(request.as_bytes())
        .ok_or_else(|| differs("the typed program refuses the request"))?;
    let value =
        value(request.as_bytes()).ok_or_else(|| differs("the JSON program refuses the request"))?;
    let mut theirs: Vec<&str> = typed.ids().collect();
    theirs.sort_unstable();
    if ours != theirs || typed != value {
        return Err(differs(&format!("{ours:?}, {theirs:?}, {value:?}")));
    }
    Ok(())
}

fn host() -> Host<'static> {
    Host {
        request_id: REQUEST_ID,
        ..Host::default()
    }
}

fn now_s() -> i64 {
    task::now().to_ms().div_euclid(1_000)
}

fn typed(request: &[u8]) -> Option<Fired> {
    by_hand::Request::parse(request)?.decide(now_s())
}

fn value(request: &[u8]) -> Option<Fired> {
    let value = serde_json::from_slice(request).ok()?;
    by_hand::Request::from_value(&value)?.decide(now_s())
}

fn run(effort: Effort) -> Result<(), String> {
    let variants = variants()?;
    for variant in &variants {
        agree(variant)?;
    }
    let grown: Vec<(usize, Policy)> = SIZES
        .into_iter()
        .map(|size| Ok((size, load(&task::policy_with(size))?)))
        .collect::<Result<_, String>>()?;
    let bytes = task::allowed().len();
    println!(
        "The request has {bytes} bytes. Nanoseconds; each median is of {} rounds.\n",
        effort.rounds
    );
    let report = Report {
        figures: measure(&variants, &grown, |lanes| Ok(race(lanes, effort)))?,
    };
    report.print_all();
    report.judge(load_time(effort)?);
    Ok(())
}

/// Runs one lane and nothing else.
fn run_alone(name: &str, calls: &str) -> Result<(), String> {
    let calls: u32 = calls
        .parse()
        .map_err(|error| format!("`{calls}`: {error}"))?;
    measure(&variants()?, &[], |mut lanes| {
        let lane = lanes.iter_mut().find(|lane| lane.name() == name);
        let lane = lane.ok_or_else(|| format!("no lane is called `{name}`"))?;
        lane.run(calls);
        Ok(())
    })
}

/// Makes the lanes, and gives what `measured` makes of them.
fn measure<T>(
    variants: &[Variant],
    grown: &[(usize, Policy)],
    measured: impl FnOnce(Vec<Lane<'_>>) -> Result<T, String>,
) -> Result<T, String> {
    let state = RunState::begin();
    let others = by_hand::other_tools();
    let (now, now_s) = (task::now(), now_s());
    let parsed: Vec<_> = variants
        .iter()
        .map(|variant| {
            parse_request(variant.request.as_bytes()).map_err(|problems| format!("{problems:?}"))
        })
        .collect::<Result<_, _>>()?;
    let hands: Vec<_> = variants
        .iter()
        .filter_map(|variant| by_hand::Request::parse(variant.request.as_bytes()))
        .collect();
    let host = host();
    let decisions: Vec<_> = variants
        .iter()
        .zip(&parsed)
        .map(|(variant, request)| variant.policy.peek(request, &host, &state, now))
        .collect();
    let action = "a".repeat(ACTION_BYTES);

    let mut lanes = vec![Lane::new("clock", Instant::now)];
    for (index, variant) in variants.iter().enumerate() {
        let Variant {
            name,
            policy,
            request,
            ..
        } = variant;
        let (Some(parsed), Some(hand), Some(decision)) =
            (parsed.get(index), hands.get(index), decisions.get(index))
        else {
            return Err(format!("{name}: the typed program refuses the request"));
        };
        let request = request.as_bytes();
        let lane = |what: &str| format!("{what}, {name}");
        if *name == "no match" {
            let others = &others;
            lanes.push(Lane::new(&lane("typed, text to text"), move || {
                let matches = by_hand::Request::parse(request)?.matches_other(others);
                Some(Fired(u16::from(!matches)).to_json())
            }));
        } else {
            lanes.push(Lane::new(&lane("typed, text to text"), move || {
                Some(typed(request)?.to_json())
            }));
            lanes.push(Lane::new(&lane("value, text to text"), move || {
                Some(value(request)?.to_json())
            }));
            lanes.push(Lane::new(&lane("typed, pre-parsed"), move || {
                hand.decide(now_s)
            }));
        }
        lanes.push(Lane::new(&lane("stage0, text to text"), || {
            policy.check(request, &host, &state, now)
        }));
        lanes.push(Lane::new(&lane("stage0, pre-parsed"), || {
            policy.peek(parsed, &host, &state, now)
        }));
        lanes.push(Lane::new(&lane("stage0, parse"), move || {
            parse_request(request)
        }));
        lanes.push(Lane::new(&lane("stage0, render"), move || {
            decision_to_json(decision)
        }));
    }
    lanes.push(Lane::new("sha-256 of the action", move || {
        Digest::of(action.as_bytes())
    }));
    if let Some(parsed) = parsed.first() {
        for (size, policy) in grown {
            let host = &host;
            let state = &state;
            lanes.push(Lane::new(
                &format!("stage0, pre-parsed, {size} rules"),
                move || policy.peek(parsed, host, state, now),
            ));
        }
    }
    measured(lanes)
}

/// The median time to load the largest policy, and the length of its text.
fn load_time(effort: Effort) -> Result<(Duration, usize), String> {
    let text = task::policy_with(12_000);
    let mut times = Vec::new();
    for _ in 0..effort.rounds.min(9) {
        let started = Instant::now();
        let policy = load(&text)?;
        times.push(started.elapsed());
        drop(policy);
    }
    times.sort_unstable();
    Ok((
        times.get(times.len() / 2).copied().unwrap_or_default(),
        text.len(),
    ))
}

struct Report {
    figures: Vec<Figures>,
}

impl Report {
    fn median(&self, name: &str) -> f64 {
        self.figures
            .iter()
            .find(|figures| figures.name == name)
            .map_or(f64::NAN, |figures| figures.median_ns)
    }

    fn print_all(&self) {
        println!("| lane | median | single p50 | single p99 |\n|---|---:|---:|---:|");
        for Figures {
            name,
            median_ns,
            p50_ns,
            p99_ns,
        } in &self.figures
        {
            println!("| {name} | {median_ns:.1} | {p50_ns:.0} | {p99_ns:.0} |");
        }
        println!();
    }

    /// Compares with the targets.
    fn judge(&self, (load_time, load_bytes): (Duration, usize)) {
        println!("| target | wanted | found | |\n|---|---:|---:|---|");
        for variant in ["allow", "deny", "defer", "no match"] {
            let ours = self.median(&format!("stage0, text to text, {variant}"));
            let theirs = self.median(&format!("typed, text to text, {variant}"));
            line(
                &format!("text to text, {variant}, times the typed program"),
                2.0,
                ours / theirs,
            );
        }
        for variant in ["allow", "deny", "defer", "no match"] {
            let ours = self.median(&format!("stage0, pre-parsed, {variant}"));
            line(&format!("pre-parsed, {variant}, ns"), 300.0, ours);
        }
        let base = self.median("stage0, pre-parsed, 12 rules");
        for size in [120, 1_200, 12_000] {
            let grown = self.median(&format!("stage0, pre-parsed, {size} rules"));
            line(
                &format!("pre-parsed, {size} rules, times 12 rules"),
                1.2,
                grown / base,
            );
        }
        line(
            "loading 12,000 rules, ms",
            300.0,
            load_time.as_secs_f64() * 1e3,
        );
        println!("\nThe policy of 12,000 rules is a YAML text of {load_bytes} bytes.");
    }
}

fn line(what: &str, most: f64, found: f64) {
    let verdict = if found <= most { "met" } else { "missed" };
    println!("| {what} | {most} | {found:.2} | {verdict} |");
}

//! States to texts.

use std::collections::BTreeMap;

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::number::Number;
use stage0_engine::state::counter::Counter;
use stage0_engine::state::{Run, RunState, STATE_VERSION};
use stage0_engine::time::Timestamp;

/// A state's canonical text. What is empty is left out.
pub fn state_to_json(state: &RunState) -> String {
    let mut out = String::from("{\"v\":");
    Number::from_u64(u64::from(STATE_VERSION)).write_to(&mut out);
    if state.is_whole {
        out.push_str(",\"whole\":true");
    }
    if let Some(run) = &state.run {
        out.push_str(",\"run\":");
        write_run(&mut out, run);
    }
    if !state.counters.is_empty() {
        out.push_str(",\"counters\":");
        write_map(&mut out, &state.counters, write_counter);
    }
    out.push('}');
    out
}

#[inline(never)]
fn write_run(out: &mut String, run: &Run) {
    out.push_str("{\"attempts\":");
    Number::from_u64(run.attempts).write_to(out);
    out.push_str(",\"allowed\":");
    Number::from_u64(run.allowed).write_to(out);
    for (key, at) in [
        (",\"first_at\":", run.first_at),
        (",\"last_at\":", run.last_at),
    ] {
        if let Some(at) = at {
            out.push_str(key);
            write_time(out, at);
        }
    }
    if !run.asked.is_empty() {
        out.push_str(",\"asked\":");
        write_list(out, &run.asked, |out, asked| {
            out.push_str("{\"call\":");
            write_digest(out, &asked.call);
            out.push_str(",\"allowed\":");
            write_truth(out, asked.allowed);
            out.push('}');
        });
    }
    if !run.called.is_empty() {
        out.push_str(",\"called\":");
        write_list(out, &run.called, |out, called| {
            out.push_str("{\"call\":");
            write_digest(out, &called.call);
            out.push_str(",\"action\":");
            write_digest(out, &called.action);
            out.push_str(",\"failed\":");
            write_truth(out, called.failed);
            out.push('}');
        });
    }
    if let Some(streak) = &run.streak {
        out.push_str(",\"streak\":{\"tool\":");
        write_string(out, &streak.tool);
        out.push_str(",\"count\":");
        Number::from_u64(streak.count).write_to(out);
        out.push('}');
    }
    if !run.tools.is_empty() {
        out.push_str(",\"tools\":");
        write_map(out, &run.tools, |out, count| {
            Number::from_u64(*count).write_to(out);
        });
    }
    if !run.labels.is_empty() {
        out.push_str(",\"labels\":");
        write_map(out, &run.labels, |out, at| write_time(out, *at));
    }
    if !run.cost.entries.is_empty() {
        out.push_str(",\"cost\":");
        write_counter(out, &run.cost);
    }
    if !run.counters.is_empty() {
        out.push_str(",\"counters\":");
        write_map(out, &run.counters, write_counter);
    }
    out.push('}');
}

fn write_counter(out: &mut String, counter: &Counter) {
    write_list(out, &counter.entries, |out, entry| {
        out.push_str("{\"at\":");
        write_time(out, entry.at);
        out.push_str(",\"amount\":");
        entry.amount.write_to(out);
        if let Some(hold) = &entry.hold {
            out.push_str(",\"hold\":{\"call\":");
            write_digest(out, &hold.call);
            out.push_str(",\"until\":");
            write_time(out, hold.until);
            out.push_str(",\"cost\":");
            write_truth(out, hold.is_cost);
            out.push('}');
        }
        out.push('}');
    });
}

fn write_list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn write_map<T>(
    out: &mut String,
    members: &BTreeMap<Box<str>, T>,
    write: impl Fn(&mut String, &T),
) {
    out.push('{');
    for (position, (name, member)) in members.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write(out, member);
    }
    out.push('}');
}

fn write_truth(out: &mut String, truth: bool) {
    out.push_str(if truth { "true" } else { "false" });
}

fn write_time(out: &mut String, at: Timestamp) {
    out.push('"');
    at.write_to(out);
    out.push('"');
}

fn write_digest(out: &mut String, digest: &Digest) {
    out.push('"');
    digest.write_hex(out);
    out.push('"');
}

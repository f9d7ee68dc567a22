//! Chains of receipts, as JavaScript writes and verifies them. Where a chain ends is kept on its side of the
//! border, for an instance of the module may be thrown away.

use stage0_audit::chain::{Chain, Checkpoint, Head, Place, Verifier};
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_engine::digest::Digest;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::problem::Problem;
use stage0_wire::question::{Question, parse_now};
use stage0_wire::record::Kept;
use stage0_wire::report::ReportText;
use wasm_bindgen::prelude::*;

use crate::permit::one;
use crate::{Inbox, NativePolicy, thrown};

#[expect(
    clippy::needless_pass_by_value,
    reason = "texts that may be missing are handed over like this by wasm-bindgen"
)]
#[wasm_bindgen]
impl NativePolicy {
    /// Decides the question in the inbox, and makes the record of it: the decision's text, a line break, that of the
    /// run after it, a line break, and the record.
    ///
    /// # Errors
    /// As for [`check`](Self::check), or whole requests may not be kept.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is asked, one by one: texts cross the border cheapest"
    )]
    pub fn record(
        &self,
        inbox: &Inbox,
        now_ms: f64,
        now: Option<String>,
        request_id: Option<String>,
        mode: Option<String>,
        approvals: Option<String>,
        run: Option<String>,
        keeps_all: bool,
    ) -> Result<String, JsValue> {
        let asked = Question {
            request_id: request_id.as_deref(),
            mode: mode.as_deref(),
            approvals: approvals.as_deref(),
            ..inbox.question(now_ms, now.as_deref())?
        };
        let kept = if keeps_all {
            Kept::Full
        } else {
            Kept::Facts { secret: None }
        };
        let (answer, record) = asked
            .record(self.policy(), run.as_deref(), kept)
            .map_err(|problems| thrown(&problems))?;
        // None of the texts has a line break: canonical JSON escapes them.
        Ok([answer.decision, answer.state, record].join("\n"))
    }
}

/// The state after what became of a call that was allowed, where there is one before it, a line break, and the
/// record of it.
///
/// # Errors
/// One of the texts is not of its form.
#[expect(
    clippy::needless_pass_by_value,
    reason = "texts that may be missing are handed over like this by wasm-bindgen"
)]
#[wasm_bindgen]
pub fn report(
    state: Option<String>,
    run: Option<String>,
    id: &str,
    action: &str,
    outcome: &str,
    cost: Option<String>,
    now: &str,
) -> Result<String, JsValue> {
    let report = ReportText {
        id,
        action,
        outcome,
        cost: cost.as_deref(),
    };
    let wrong = |problems: Vec<Problem>| thrown(&problems);
    let now = parse_now(now).map_err(one)?;
    let after = state.as_deref().map(|state| report.apply(state, now));
    let after = after.transpose().map_err(wrong)?;
    let states = state.as_deref().zip(after.as_deref());
    let record = report.record(run.as_deref(), now, states).map_err(wrong)?;
    // Neither text has a line break.
    Ok(after.unwrap_or_default() + "\n" + &record)
}

/// The line of a record behind this end of a chain.
///
/// # Errors
/// It is no end.
#[wasm_bindgen]
pub fn chain_line(seq: f64, hash: &str, record: &str) -> Result<String, JsValue> {
    Ok(Chain::from(head(seq, hash)?).append(record))
}

/// The line of a checkpoint of this end of a chain.
///
/// # Errors
/// It is no end, or the key is none.
#[wasm_bindgen]
pub fn chain_checkpoint(seq: f64, hash: &str, key: &str, now: &str) -> Result<String, JsValue> {
    let key = PrivateKey::parse("the private key", key.as_bytes()).map_err(one)?;
    let now = parse_now(now).map_err(one)?;
    let head = head(seq, hash)?;
    Ok(Chain::from(head).append_checkpoint(&Checkpoint::sign(head, now, &key)))
}

fn head(seq: f64, hash: &str) -> Result<Head, JsValue> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of lines, which is whole and fewer than 2^53"
    )]
    let seq = seq as u64;
    let hash = Digest::parse(hash).map_err(|_| {
        let message = "a chain ends with a line's number and its hash, 64 hexadecimal digits";
        one(Problem::new(ProblemCode::HostInvalid, message))
    })?;
    Ok(Head { seq, hash })
}

/// The report on a log's text.
///
/// # Errors
/// The keys are none.
#[expect(
    clippy::needless_pass_by_value,
    reason = "texts that may be missing are handed over like this by wasm-bindgen"
)]
#[wasm_bindgen]
pub fn verify_audit(
    log: &str,
    keys: Option<String>,
    checkpoint: Option<String>,
    continues: bool,
) -> Result<String, JsValue> {
    let keys = keys.as_deref().map(key_set).transpose()?;
    let mut verifier = Verifier::new(keys.as_ref(), continues);
    let mut place = Place {
        file: "the log".to_owned(),
        line: 0,
    };
    for line in log.split_inclusive('\n') {
        place.line = place.line.saturating_add(1);
        let text = line.strip_suffix('\n');
        verifier.line(&place, text.unwrap_or(line), text.is_some());
    }
    if let Some(token) = checkpoint {
        verifier.hold_to("the checkpoint", token.trim_ascii());
    }
    Ok(verifier.report().to_json())
}

/// What a checkpoint says that one of these keys signed, as JSON.
///
/// # Errors
/// It is none, or not to be believed.
#[wasm_bindgen]
pub fn verify_checkpoint(token: &str, keys: &str) -> Result<String, JsValue> {
    let checkpoint = Checkpoint::open(token.trim_ascii(), &key_set(keys)?);
    let checkpoint = checkpoint.map_err(|error| one(Problem::from(&error)))?;
    let mut out = String::new();
    object(&mut out, |told| {
        told.plain("seq", checkpoint.head().seq);
        told.text("hash", &checkpoint.head().hash.to_hex());
        told.text("at", &checkpoint.at().to_string());
    });
    Ok(out)
}

fn key_set(text: &str) -> Result<KeySet, JsValue> {
    KeySet::parse("the keys", text.as_bytes()).map_err(|problems| thrown(&problems))
}

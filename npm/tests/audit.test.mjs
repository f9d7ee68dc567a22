// Chains of receipts, of which the host keeps the lines.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { AuditChain, AuditError, newRun, Policy, RequestError, verifyAudit, verifyCheckpoint } from "stage0";

/** The repository: the tests also run beside the packed package. */
const root = process.env.STAGE0_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));
const { private_key: key, keys } = JSON.parse(readFileSync(`${root}/tests/vectors/permits.json`, "utf8"));

const TEXT = `
stage0: v1
name: payments
version: 1.2.0
tools:
  payments.payout: { aka: [payout], effects: [money_movement], args: { amount: { type: number, min: 0.01 }, to: { type: string } } }
rules: [{ id: payouts, tools: [payments.payout], allow: args.amount <= 10000 && args.to != "" }]
limits: [{ id: daily, tools: [payments.payout], sum: args.amount, window: 24h, max: 500 }]
`;
const policy = Policy.parse(TEXT);
const request = { tool_call: { name: "payout", arguments: { amount: 20.5, to: "acme" }, id: "c1" } };
const now = "2026-01-05T10:00:00Z";

const codes = ({ problems }) => problems.map(({ code, locations }) => [code, locations[0]?.line]);
const refusal = (code) => (error) => error instanceof AuditError && error.code === code;

test("each decision and its outcome are lines, before they are given", () => {
  const lines = [];
  const chain = new AuditChain((line) => lines.push(line));
  assert.deepEqual(chain.head, { seq: 0, hash: "0".repeat(64) });
  const decision = chain.check(policy, request, { state: newRun(), run: "r", now });
  assert.deepEqual(decision.json, policy.check(request, { state: newRun(), now }).json);
  assert.equal(chain.head.seq, 1);
  const state = chain.report(decision, "executed", { state: decision.state, callId: "c1", costUsd: 1n, run: "r", now });
  assert.ok(state.includes('"attempts":1'));
  assert.equal(chain.report(decision, "executed", { run: "r", now }), undefined);
  const kept = chain.checkpoint(key, { now });
  assert.deepEqual(verifyCheckpoint(kept, keys), { seq: 3, hash: verifyAudit(lines.slice(0, 3)).head.hash, at: new Date(now) });
  const report = verifyAudit(lines, { keys, checkpoint: `${kept}\n` });
  assert.deepEqual([report.holds, report.lines, report.records, report.signedTo], [true, 4, 3, 3]);
  assert.equal(report.signedAt.toISOString(), "2026-01-05T10:00:00.000Z");
  assert.ok(Object.isFrozen(report) && Object.isFrozen(report.head) && Object.isFrozen(report.problems));
  // As the text of a file, and from where an earlier chain ended.
  const further = new AuditChain((line) => lines.push(line), { head: chain.head, record: "full" });
  further.check(policy, request, { now });
  assert.ok(verifyAudit(`${lines.join("\n")}\n`, { keys }).holds);
  assert.deepEqual(codes(verifyAudit(lines.join("\n"))), [["AUDIT_TORN", 5]]);
  assert.ok(verifyAudit(lines.slice(2), { continues: true }).holds);
});

test("what was done to a log is named with its place", () => {
  const lines = [];
  const chain = new AuditChain((line) => lines.push(line));
  for (let turn = 0; turn < 5; turn += 1) chain.check(policy, request, { now });
  const [one, two, three] = lines;
  assert.deepEqual(codes(verifyAudit([one, two.replace("acme", "evil"), three])), [["AUDIT_CHANGED", 2]]);
  assert.deepEqual(codes(verifyAudit([one, three])), [["AUDIT_MISSING", 2]]);
  assert.deepEqual(codes(verifyAudit([one, one])), [["AUDIT_DUPLICATED", 2]]);
  assert.deepEqual(codes(verifyAudit([two, one])), [["AUDIT_REORDERED", 2]]);
  assert.deepEqual(codes(verifyAudit("no line\n")), [["AUDIT_NO_RECEIPT", 1]]);
  assert.deepEqual(codes(verifyAudit(lines, { keys })), [["AUDIT_UNSIGNED", undefined]]);
});

test("a decision whose line is not kept is not given", () => {
  const lines = [];
  let fails = true;
  const chain = new AuditChain((line) => {
    if (fails) throw new Error("no space left");
    lines.push(line);
  });
  assert.throws(() => chain.check(policy, request, { now }), refusal("FILE_UNWRITABLE"));
  assert.throws(() => chain.check(policy, request, { now }), /no space left/);
  assert.equal(chain.head.seq, 0);
  fails = false;
  const decision = chain.check(policy, request, { now });
  assert.throws(() => chain.check(policy, "{", { now }), RequestError);
  assert.throws(() => chain.report(decision, "vanished", { now }), RequestError);
  assert.equal(chain.head.seq, 1);
  assert.ok(verifyAudit(lines).holds);
  // Nobody waits for a promise, so what it says would not be known.
  const later = new AuditChain(async () => {});
  assert.throws(() => later.check(policy, request, { now }), refusal("FILE_UNWRITABLE"));
});

test("what a policy redacts is in no line", () => {
  const discreet = Policy.parse(`${TEXT}redact: [args.to]\n`);
  const lines = [];
  new AuditChain((line) => lines.push(line)).check(discreet, request, { now });
  assert.ok(!lines[0].includes("acme"));
  const whole = new AuditChain((line) => lines.push(line), { record: "full" });
  assert.throws(
    () => whole.check(discreet, request, { now }),
    (error) => error.code === "RECORD_REDACTED",
  );
  assert.equal(lines.length, 1);
});

test("a chain that begins nowhere, and keys that are none, are refused", () => {
  const keep = () => {};
  for (const head of [
    { seq: 1, hash: "7" },
    { seq: 1, hash: "A".repeat(64) },
  ]) {
    assert.throws(() => new AuditChain(keep, { head }), refusal("HOST_INVALID"));
  }
  assert.throws(() => new AuditChain(keep, { head: { seq: -1, hash: "0".repeat(64) } }), TypeError);
  assert.throws(() => new AuditChain(keep, { record: "all" }), TypeError);
  assert.throws(() => new AuditChain(keep, { key: keys }), AuditError);
  assert.throws(() => new AuditChain(keep).checkpoint("{}"), AuditError);
  for (const none of ["", "{}", key]) assert.throws(() => verifyAudit([], { keys: none }), AuditError);
  assert.throws(() => verifyAudit([], { checkpoint: "a.b.c" }), TypeError);
  const secret = { ...key, x: "A".repeat(43) };
  assert.throws(
    () => new AuditChain(keep, { key: secret }),
    (error) => error instanceof AuditError && !error.message.includes(key.d),
  );
});

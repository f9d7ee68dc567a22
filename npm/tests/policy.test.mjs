// Where policies come from, and what they are asked.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Decision, engineVersion, newRun, Policy, PolicyError, report, RequestError, Stage0Error } from "stage0";

const NOW = "2026-01-05T10:00:00Z";

const PAYMENTS = `
stage0: v1
name: payments
version: 1.2.0
tools:
  payments.payout:
    aka: [payout]
    effects: [money_movement]
    args: { amount: { type: number, min: 0.01 }, to: { type: string } }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 10000 }
  - id: finance-only
    tools: [payments.payout]
    require: context.actor_role in ["finance"]
    issue: ROLE_NOT_AUTHORIZED
  - id: large
    tools: [payments.payout]
    when: args.amount > 500
    approval: { roles: [finance_lead], bind: [args.amount, args.to], ttl: 4h }
    ask: ["Who approves this payout?"]
`;

const CALL = {
  tool_call: { name: "payout", arguments: { amount: 20, to: "acme" } },
  context: { actor_role: "finance" },
};

const payments = Policy.parse(PAYMENTS);

/** What a function throws. */
function thrown(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail("it did not throw");
}

test("both module systems of Node share one engine", () => {
  assert.equal(createRequire(import.meta.url)("stage0").Policy, Policy);
  assert.match(engineVersion(), /^\d+\.\d+\.\d+$/);
});

test("a policy is parsed from text, bytes and an object", () => {
  const policy = {
    stage0: "v1",
    name: "searching",
    version: "1.0.0",
    tools: { "search.query": { effects: [] } },
    rules: [{ id: "searching-is-fine", tools: ["search.query"], allow: true }],
  };
  const text = JSON.stringify(policy);
  const parsed = [text, new TextEncoder().encode(text), policy].map((form) => Policy.parse(form));
  assert.equal(new Set(parsed.map(({ digest }) => digest)).size, 1);
  assert.equal(`${parsed[0]}`, "Policy searching@1.0.0");
  assert.deepEqual(parsed[0].toolNames, ["search.query"]);
  assert.ok(parsed[0].checkToolCall("search.query", {}).allowed);
});

test("imports are texts by path, or files beside the policy", () => {
  const root = "{stage0: v1, name: root, version: 1.0.0, extends: [{file: ./parts/base.yaml, allows: true}]}";
  const parsed = Policy.parse(root, { imports: { "parts/base.yaml": PAYMENTS }, name: "root.yaml" });
  const folder = mkdtempSync(join(tmpdir(), "stage0-"));
  mkdirSync(join(folder, "parts"));
  writeFileSync(join(folder, "root.yaml"), root);
  writeFileSync(join(folder, "parts", "base.yaml"), PAYMENTS);
  assert.equal(Policy.load(join(folder, "root.yaml")).digest, parsed.digest);
  assert.equal(thrown(() => Policy.parse(root)).code, "POLICY_IMPORT_MISSING");
  const missing = thrown(() => Policy.load(join(folder, "missing.yaml")));
  assert.ok(missing instanceof PolicyError);
  assert.equal(missing.code, "FILE_UNREADABLE");
  assert.equal(missing.cause.code, "ENOENT");
});

test("everything wrong with a policy is told with places", () => {
  const wrong = PAYMENTS.replace("rules:", "rulez:").replace("money_movement", "money");
  const error = thrown(() => Policy.parse(wrong, { name: "p.yaml" }));
  assert.ok(error instanceof PolicyError && error instanceof Stage0Error && error instanceof Error);
  assert.equal(error.name, "PolicyError");
  const unknown = error.problems.find(({ code }) => code === "POLICY_UNKNOWN_KEY");
  assert.deepEqual([unknown.locations[0].file, unknown.locations[0].line], ["p.yaml", 10]);
  assert.equal(unknown.help, "did you mean `rules`?");
  assert.match(error.message, /--> p\.yaml:10:1/);
  assert.ok(Object.isFrozen(error.problems[0].locations[0]));
});

test("lint tells errors and warnings as data", () => {
  assert.deepEqual(Policy.lint(PAYMENTS), payments.warnings);
  const doubtful = Policy.lint(PAYMENTS.replace("context.actor_role", "context.actor_roles"));
  assert.ok(doubtful.some(({ code, severity }) => code === "LINT_NEARLY_KNOWN_FACT" && severity === "warning"));
  assert.equal(Policy.lint("stage0: v1")[0].severity, "error");
  assert.match(thrown(() => Policy.builtin("standart")).message, /did you mean/);
});

test("text, bytes, object and call are one question", () => {
  const decision = payments.check(CALL, { now: NOW });
  assert.ok(decision.allowed);
  const text = JSON.stringify(CALL);
  assert.equal(payments.checkJson(text, { now: NOW }), decision.json);
  assert.equal(payments.check(new TextEncoder().encode(text), { now: NOW }).json, decision.json);
  const called = payments.checkToolCall("payout", { amount: 20, to: "acme" }, { context: CALL.context, now: NOW });
  assert.equal(called.action_digest, decision.action_digest);
  assert.deepEqual({ ...called.toJSON(), request_id: "" }, { ...decision.toJSON(), request_id: "" });
});

test("arguments as text keep their numbers", () => {
  const text = '{"amount": 500.0000000000000000000001, "to": "acme"}';
  const decision = payments.checkToolCall("payout", text, { context: { actor_role: "finance" } });
  assert.equal(decision.verdict, "DEFER");
  assert.deepEqual(decision.issues[0].resolution.roles, ["finance_lead"]);
  for (const wrong of ['{"amount": 1}, "name": "search"', '{"a": 1, "a": 2}', "", "{", "\ud800"]) {
    assert.ok(thrown(() => payments.checkToolCall("payout", wrong)) instanceof RequestError, wrong);
  }
});

test("now is a Date or text with its zone", () => {
  const date = new Date(NOW);
  assert.equal(payments.checkJson(CALL, { now: date }), payments.checkJson(CALL, { now: NOW }));
  assert.equal(payments.check(CALL, { now: date }).evaluated_at, date.getTime() / 1000);
  for (const now of [new Date(NaN), "2026-01-05", 5, new Date(8.64e15)]) {
    assert.equal(thrown(() => payments.check(CALL, { now })).code, "HOST_INVALID");
  }
});

test("the host's word counts and is checked", () => {
  const decision = payments.check(CALL, { host: { requestId: "r-1", mode: "halted" }, now: NOW });
  assert.deepEqual([decision.request_id, decision.verdict], ["r-1", "DENY"]);
  assert.match(payments.check(CALL, { now: NOW }).request_id, /^req-/);
  for (const host of [{ requestId: "" }, { mode: "strict" }, { mode: 1 }, { approvals: [{ id: "1" }] }, { approvals: "[" }]) {
    assert.ok(thrown(() => payments.check(CALL, { host })) instanceof RequestError);
  }
  assert.equal(thrown(() => payments.check(CALL, { state: "{}" })).code, "STATE_INVALID");
});

test("an approval lifts the DEFER it was asked for", () => {
  const request = { ...CALL, tool_call: { name: "payout", arguments: { amount: 501, to: "a" } } };
  const asked = payments.check(request, { now: NOW });
  assert.equal(asked.verdict, "DEFER");
  assert.deepEqual(asked.defer_questions, ["Who approves this payout?"]);
  const { rule, details } = asked.issues[0];
  const approval = { id: "1", answer: "approved", by: "ana", roles: ["finance_lead"], rule, issued_at: new Date(NOW) };
  const host = { approvals: [{ ...approval, terms: details.terms, action: details.action }] };
  assert.ok(payments.check(request, { host, now: NOW }).allowed);
  const other = { ...CALL, tool_call: { name: "payout", arguments: { amount: 502, to: "a" } } };
  assert.ok(!payments.check(other, { host, now: NOW }).allowed);
});

test("a run goes on from its state, and a batch is a run only with one", () => {
  const first = payments.check(CALL, { state: newRun(), now: NOW });
  const second = payments.check(CALL, { state: first.state, now: NOW });
  assert.equal(JSON.parse(second.state).run.attempts, 2);
  const alone = payments.checkBatch([CALL, JSON.stringify(CALL)], { host: { requestId: "b" }, now: NOW });
  assert.deepEqual(
    alone.map((decision) => decision.request_id),
    ["b/1", "b/2"],
  );
  assert.equal(alone[0].state, alone[1].state);
  const steps = payments.checkBatch([CALL, CALL], { state: first.state, now: NOW });
  assert.deepEqual(
    steps.map((step) => JSON.parse(step.state).run.attempts),
    [2, 3],
  );
});

test("an atomic batch is allowed whole or not at all", () => {
  const policy = Policy.parse({
    stage0: "v1",
    name: "p",
    version: "1.0.0",
    default: "allow",
    tools: { "pay.out": { effects: [], args: { amount: { type: "number" } } } },
    limits: [{ id: "cap", tools: ["pay.out"], sum: "args.amount", window: "24h", max: 5000 }],
  });
  const pay = { tool_call: { name: "pay.out", arguments: { amount: 2000 } } };
  const codes = (decisions) => decisions.map(({ issues }) => issues.map(({ code }) => code));
  const batch = (count, state) =>
    policy.checkBatch(Array(count).fill(pay), { host: { requestId: "b" }, state, now: NOW, atomic: true });
  const three = batch(3, newRun());
  assert.deepEqual(codes(three), [["BATCH_DEFERRED"], ["BATCH_DEFERRED"], ["CAP"]]);
  const two = batch(2, three[0].state);
  assert.ok(two.every(({ allowed }) => allowed));
  const alone = policy.checkBatch([pay, pay, pay], { state: newRun(), now: NOW });
  assert.deepEqual(
    alone.map(({ allowed }) => allowed),
    [true, true, false],
  );
  assert.deepEqual(policy.checkBatch([]), []);
  assert.throws(() => policy.checkBatch([pay, "{"]), RequestError);
  assert.throws(() => policy.checkBatch(Array(257).fill(pay)), /at most 256/);
  assert.throws(() => policy.checkBatch([new Uint8Array(1_000_001).fill(32)]), /JSON_TOO_LARGE|bytes/);
});

test("what did not run is given back to a limit", () => {
  const limits = "limits: [{ id: once, tools: [payments.payout], count: allowed, window: run, max: 1 }]";
  const policy = Policy.parse(`${PAYMENTS}${limits}`);
  const first = policy.check(CALL, { state: newRun(), now: NOW });
  assert.ok(first.allowed);
  const after = (outcome) => report(first, outcome, { state: first.state, now: NOW });
  assert.ok(!policy.check(CALL, { state: after("executed"), now: NOW }).allowed);
  assert.ok(policy.check(CALL, { state: after("stopped"), now: NOW }).allowed);
  for (const options of [{ state: "{}" }, { state: first.state, costUsd: NaN }, { state: first.state, costUsd: "much" }]) {
    assert.ok(thrown(() => report(first, "executed", options)) instanceof RequestError);
  }
  assert.ok(thrown(() => report(first, "done", { state: first.state })) instanceof RequestError);
});

test("an explanation fits the decision", () => {
  const explained = payments.explain(CALL, { now: NOW });
  assert.equal(explained.decision.json, payments.checkJson(CALL, { now: NOW }));
  assert.equal(explained.decision.state, null);
  const rule = explained.rules.find(({ rule }) => rule === "payments/payouts");
  assert.deepEqual([rule.outcome, rule.clauses[0].clause], ["fires", "args.amount <= 10000"]);
  assert.match(`${explained}`, /^ALLOW {2}payout/);
  assert.equal(payments.describe().layers[0].tools[0].name, "payments.payout");
});

test("decisions are frozen, and never true or false by accident", () => {
  const decision = payments.check({ ...CALL, context: {} }, { now: NOW });
  assert.ok(!decision.allowed);
  assert.throws(() => decision == true, /allowed/);
  assert.throws(() => +decision, /allowed/);
  assert.throws(() => {
    decision.state = "";
  }, TypeError);
  assert.throws(() => {
    decision.verdict = "ALLOW";
  }, TypeError);
  assert.throws(() => decision.issues.pop(), TypeError);
  assert.equal(JSON.stringify(decision), decision.json);
  assert.equal(`${decision}`, decision.decision_trace_summary);
  assert.deepEqual(
    decision.codes,
    decision.issues.map(({ code }) => code),
  );
  // Issues are there before the rest is, and stay the same object.
  const early = payments.check({ ...CALL, context: {} }, { now: NOW });
  const { issues } = early;
  assert.deepEqual(issues, JSON.parse(early.json).issues);
  assert.equal(early.toJSON().issues, issues);
  assert.deepEqual(early.toJSON(), decision.toJSON());
  assert.equal(JSON.stringify(early), early.json);
  const again = Decision.fromJson(decision.json, decision.state);
  assert.deepEqual(again.toJSON(), decision.toJSON());
  for (const text of ["[]", "{}", "1", "null", '{"verdict":"MAYBE"}', "x"]) {
    assert.throws(() => Decision.fromJson(text), TypeError);
  }
  for (const member of Object.keys(decision.toJSON())) assert.ok(member in decision, member);
});

test("a disposed policy decides nothing", () => {
  const policy = Policy.parse(PAYMENTS);
  policy[Symbol.dispose]();
  assert.throws(() => policy.check(CALL));
});

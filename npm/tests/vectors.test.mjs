// The test vectors, through this package, and their signatures through somebody else's library.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { compactVerify, createLocalJWKSet } from "jose";
import { AuditChain, AuditError, PermitError, PermitIssuer, PermitVerifier, Policy, PolicyError, Stage0Error } from "stage0";
import { verifyAudit, verifyCheckpoint, verifyPolicy } from "stage0";

/** The repository: the tests also run beside the packed package. */
const root = process.env.STAGE0_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));
const read = (name) => JSON.parse(readFileSync(`${root}/tests/vectors/${name}.json`, "utf8"));
const [permits, policies, approvals, chain] = ["permits", "policies", "approvals", "chain"].map(read);

const each = ({ vectors, ...shared }) => vectors.map((vector) => ({ ...shared, ...vector }));

const refusal = (code, refused) => (error) => {
  assert.ok(error instanceof refused);
  assert.equal(error.code, code);
  return true;
};

const verify = (verifier, { token, call, now }) =>
  verifier.verifyPermit(token, call.tool_call.name, call.tool_call.arguments, { context: call.context, now });

test("permits are accepted and refused", () => {
  for (const vector of each(permits)) {
    const verifier = new PermitVerifier(vector.keys, vector.audience);
    if (vector.refused === null) {
      const permit = verify(verifier, vector);
      assert.deepEqual([permit.id, permit.requestId, permit.tool, permit.call], ["p-1", "r1", "payments.payout", "c1"]);
      assert.equal(permit.expiresAt.toISOString(), "2026-01-05T10:01:00.000Z");
      assert.throws(() => verify(verifier, vector), refusal("PERMIT_USED", PermitError));
    } else {
      assert.throws(() => verify(verifier, vector), refusal(vector.refused, PermitError), vector.name);
    }
  }
});

const loaded = (files) => Policy.parse(files["payments.yaml"], { imports: { "limits.yaml": files["limits.yaml"] } });

test("signed policies are accepted and refused", () => {
  for (const vector of each(policies)) {
    const { keys, seen, now } = vector;
    const policy = loaded(vector.files);
    const run = () => verifyPolicy(policy, vector.token, { keys, seen, now, name: vector.policy_name });
    // A file ends with a line break.
    if (vector.refused === null || vector.name === "a line break") assert.ok(run().includes(policy.digest));
    else assert.throws(run, refusal(vector.refused, PolicyError), vector.name);
  }
});

test("approvals are accepted and refused", () => {
  const policy = Policy.parse(approvals.policy);
  for (const { request, token, state, now, refused, name } of each(approvals)) {
    const asked = { ...request, context: { ...request.context, approval: token } };
    const decision = policy.check(asked, { state, now });
    assert.equal(decision.issues[0]?.code ?? null, refused, name);
    assert.equal(decision.allowed, refused === null, name);
  }
});

test("checkpoints are accepted and refused", () => {
  for (const { token, keys, refused, name } of each(chain)) {
    const run = () => verifyCheckpoint(token, keys);
    // A file ends with a line break.
    if (refused === null || name === "a line break") assert.equal(run().at.getTime(), Date.parse(chain.now));
    else assert.throws(run, refusal(refused, AuditError), name);
  }
});

test("in logs is found what the vectors say", () => {
  for (const { name, lines, found, ended, keys = chain.keys, checkpoint, continues, signed_to } of chain.logs) {
    const texts = lines.map((line) => (typeof line === "number" ? chain.lines[line - 1] : line));
    const log = ended === false ? texts.join("\n") : texts;
    const report = verifyAudit(log, { keys: keys ?? undefined, checkpoint, continues });
    const told = report.problems.map(({ code, locations }) => [code, locations[0]?.line ?? 0]);
    assert.deepEqual(told, found, name);
    assert.equal(report.holds, found.length === 0);
    if (signed_to !== undefined) assert.equal(report.signedTo, signed_to, name);
  }
});

test("a chain is written as elsewhere", () => {
  const { files, request, run, call: callId, cost: costUsd, checkpoint_lines: checkpointLines } = chain.write;
  const policy = loaded(files);
  const lines = [];
  const keep = (line) => lines.push(line);
  const told = { run, now: chain.now, host: { requestId: chain.write.request_id } };
  const signed = new AuditChain(keep, { key: chain.private_key, checkpointLines });
  for (let turn = 0; turn < 3; turn += 1) {
    const decision = signed.check(policy, request, told);
    assert.equal(signed.report(decision, "executed", { ...told, callId, costUsd }), undefined);
  }
  const whole = new AuditChain(keep, { record: "full", head: signed.head });
  whole.check(policy, JSON.stringify(request), told);
  assert.deepEqual(lines, chain.lines);
  assert.deepEqual(verifyAudit(lines).head, whole.head);
});

test("an independent library agrees about signatures", async () => {
  for (const vector of [permits, policies, approvals, chain].flatMap(each)) {
    if (vector.jws === null) continue;
    const keys = createLocalJWKSet(vector.keys);
    const verified = await compactVerify(vector.token, keys).then(
      () => true,
      () => false,
    );
    assert.equal(verified, vector.jws, vector.name);
  }
});

const issue = (options) => {
  const issuer = new PermitIssuer(permits.private_key, permits.audience);
  const decision = loaded(policies.files).check(permits.call, { now: permits.now, host: { requestId: "r1" } });
  return issuer.issuePermit(decision, permits.call, { now: permits.now, ...options });
};

test("a permit is issued as elsewhere", () => {
  assert.equal(issue({ id: "p-1", run: "run-7" }), permits.issue.token);
});

test("a permit is for one call and for a time", () => {
  const verifier = new PermitVerifier(JSON.stringify(permits.keys), permits.audience);
  assert.equal(verify(verifier, { ...permits, token: issue({ ttl: 0.5 }), now: "2026-01-05T10:00:00.499Z" }).id, "r1");
  const late = { ...permits, token: issue({ id: "p-2", ttl: 0.5 }), now: new Date("2026-01-05T10:00:00.500Z") };
  assert.throws(() => verify(verifier, late), refusal("PERMIT_EXPIRED", PermitError));
  for (const ttl of [0, -1, 901, 1e300, Infinity, NaN]) {
    assert.throws(() => issue({ ttl }), refusal("PERMIT_NOT_ISSUED", PermitError));
  }
  const began = new PermitVerifier(permits.keys, permits.audience, { since: permits.now });
  assert.throws(() => verify(began, { ...permits, token: issue() }), refusal("PERMIT_STORE", PermitError));
  const { context } = permits.call;
  const text = '{"to": "acme", "amount": 2.05e1}';
  const permit = verifier.verifyPermit(issue({ id: "p-3" }), "payout", text, { context, now: permits.now });
  assert.equal(permit.name, "payout");
});

test("what a broken engine remembered is not forgotten", () => {
  const verifier = new PermitVerifier(permits.keys, permits.audience);
  const now = new Date();
  const call = { tool_call: { name: "payout", arguments: { amount: 1, to: "acme" } } };
  const policy = loaded(policies.files);
  const issuer = new PermitIssuer(permits.private_key, permits.audience);
  const token = issuer.issuePermit(policy.check(call, { now }), call, { now });
  const use = () => verifier.verifyPermit(token, "payout", { amount: 1, to: "acme" }, { now });
  assert.equal(use().name, "payout");
  const dive = () => {
    try {
      dive();
    } catch {
      // As deep as it goes.
    }
    use();
  };
  // Each call on the way up ends in the module, or finds the permit used.
  assert.throws(dive);
  assert.throws(use, (error) => error instanceof PermitError && ["PERMIT_STORE", "PERMIT_USED"].includes(error.code));
});

test("what was denied has no permit", () => {
  const issuer = new PermitIssuer(permits.private_key, permits.audience);
  const call = { tool_call: { name: "payout", arguments: { amount: 95 } } };
  const policy = loaded(policies.files);
  assert.throws(() => issuer.issuePermit(policy.check(call), call), /no ALLOW/);
  assert.throws(() => issuer.issuePermit(policy.check(permits.call), call), /another request/);
});

test("keys that are none are refused, and a secret is not told", () => {
  for (const keys of ["", "{}", '{"keys": []}', permits.private_key]) {
    assert.throws(() => new PermitVerifier(keys, "bank"), PermitError);
    assert.throws(() => verifyPolicy(Policy.builtin(), "a.b.c", { keys }), Stage0Error);
  }
  const policy = loaded(policies.files);
  const issuer = new PermitIssuer({ ...permits.private_key, x: "A".repeat(43) }, "bank");
  assert.throws(
    () => issuer.issuePermit(policy.check(permits.call), permits.call),
    (error) => error instanceof PermitError && !error.message.includes(permits.private_key.d),
  );
});

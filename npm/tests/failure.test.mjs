// What stops the module half way: the call is refused, and the next one works.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { Policy, Stage0Error } from "stage0";

const NOW = "2026-01-05T10:00:00Z";
const POLICY = `
stage0: v1
name: open
version: 1.0.0
tools: { any.tool: { effects: [] } }
rules: [{ id: small, tools: [any.tool], allow: args.amount < 10 }]
`;
const CALL = { tool_call: { name: "any.tool", arguments: { amount: 1 } } };

test("a stack that ends inside the module poisons nothing", () => {
  const policies = [Policy.parse(POLICY), Policy.builtin(), Policy.parse(POLICY)];
  const wanted = policies.map((policy) => policy.checkJson(CALL, { now: NOW }));
  let failures = 0;
  // The deepest call has no room for anything, the next a little more: it ends before, in and behind
  // the module, and in the making of its error.
  const dive = () => {
    try {
      dive();
    } catch {
      // As deep as it goes.
    }
    try {
      assert.equal(policies[0].checkJson(CALL, { now: NOW }), wanted[0]);
    } catch (error) {
      failures += 1;
      assert.ok(error instanceof Stage0Error || error instanceof RangeError);
      throw error;
    }
  };
  for (let round = 0; round < 3; round += 1) dive();
  assert.ok(failures > 0);
  for (const [at, policy] of policies.entries()) {
    assert.equal(policy.checkJson(CALL, { now: NOW }), wanted[at]);
  }
  policies[0][Symbol.dispose]();
  assert.equal(policies[2].checkJson(CALL, { now: NOW }), wanted[2]);
});

test("a memory that ends poisons nothing", () => {
  const program = `
    import { Policy, Stage0Error } from ${JSON.stringify(import.meta.resolve("stage0"))};
    const small = Policy.parse(${JSON.stringify(POLICY)});
    const now = ${JSON.stringify(NOW)};
    const call = ${JSON.stringify(CALL)};
    const before = small.checkJson(call, { now });
    const codes = [];
    for (const rules of [20000, 60000]) {
      const list = Array.from({ length: rules }, (_, at) => ({ id: "r" + at, tools: ["any.tool"], deny: "args.amount > " + (at + 20) }));
      try {
        const large = Policy.parse({ stage0: "v1", name: "large", version: "1.0.0", tools: { "any.tool": { effects: [] } }, rules: list });
        codes.push(large.check(call, { now }).verdict);
      } catch (error) {
        codes.push(error.code, error instanceof Stage0Error, error.problems.length);
      }
    }
    console.log(codes.join(), small.checkJson(call, { now }) === before);
  `;
  // Some 10 MB: enough for what is small.
  const arguments_ = ["--wasm-max-mem-pages=160", "--input-type=module", "--eval", program];
  const run = spawnSync(process.execPath, arguments_, { encoding: "utf8" });
  assert.match(run.stdout, /ENGINE_FAILED,true,1 true/, run.stderr);
});

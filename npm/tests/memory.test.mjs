// What is decided and dropped leaves nothing behind.

import assert from "node:assert/strict";
import { test } from "node:test";

// The package keeps its memory to itself, so it is caught where every instance is made.
const instances = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  instances.push(instance);
  return instance;
};
const { Policy } = await import("stage0");

const bytes = () => instances.reduce((sum, { exports }) => sum + exports.memory.buffer.byteLength, 0);
const POLICY = `
stage0: v1
name: open
version: 1.0.0
tools: { any.tool: { effects: [] } }
rules: [{ id: small, tools: [any.tool], allow: args.amount < 10, message: "{args.amount} is too much" }]
`;

test("decisions and policies leave no memory behind", () => {
  const policy = Policy.parse(POLICY);
  const call = (at) => ({
    tool_call: { id: `call-${at}`, name: "any.tool", arguments: { amount: at % 20, text: "x".repeat(at % 100) } },
  });
  const decide = (from, to) => {
    let state = null;
    for (let at = from; at < to; at += 1) {
      if (at % 50 === 0) state = null;
      // Objects and texts, refused ones among them.
      const request = at % 3 === 0 ? JSON.stringify(call(at)) : call(at);
      if (at % 1000 === 1) assert.throws(() => policy.check(`${JSON.stringify(request)}x`));
      state = policy.check(request, { state }).state;
    }
  };
  const load = (from, to) => {
    for (let at = from; at < to; at += 1) {
      const loaded = Policy.parse(POLICY.replace("1.0.0", `1.${at}.0`));
      loaded.checkJson(call(at));
      loaded[Symbol.dispose]();
      if (at % 10 === 0) assert.throws(() => Policy.parse(`${POLICY}\nwrong: true`));
    }
  };
  decide(0, 1_000);
  load(0, 10);
  const warm = bytes();
  assert.ok(warm > 0);
  decide(1_000, 101_000);
  load(10, 1_010);
  assert.equal(bytes(), warm);
  assert.equal(instances.length, 1);
});

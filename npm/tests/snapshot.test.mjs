// Requests as JavaScript values: what is checked is what is hashed, or the value is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { Policy, RequestError } from "stage0";

const NOW = "2026-01-05T10:00:00Z";

const open = Policy.parse(`
stage0: v1
name: open
version: 1.0.0
tools: { any.tool: { effects: [] } }
rules:
  - { id: small, tools: [any.tool], allow: "!has(args.amount) || args.amount < 10" }
`);

const check = (args) => open.check({ tool_call: { name: "any.tool", arguments: args } }, { now: NOW });
const fromText = (args) => open.check(`{"tool_call":{"name":"any.tool","arguments":${args}}}`, { now: NOW });

function refusal(args) {
  try {
    check(args);
  } catch (error) {
    assert.ok(error instanceof RequestError, String(error?.stack));
    return error;
  }
  return assert.fail("it was not refused");
}

test("values are what they mean", () => {
  for (const [value, text] of [
    [2n ** 53n + 1n, "9007199254740993"],
    [10n ** 28n - 1n, "9999999999999999999999999999"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e-7, "0.0000001"],
    [-0, "0"],
    [1.0, "1"],
    [null, "null"],
    ["\u0000\u2028\u{1f600}", JSON.stringify("\u0000\u2028\u{1f600}")],
    [new Date("2026-01-05T11:00:00.500+01:00"), '"2026-01-05T10:00:00.500Z"'],
    [new Date("2026-01-05T10:00:00Z"), '"2026-01-05T10:00:00Z"'],
    [new Map([["b", new Map([["c", 1]])]]), '{"b":{"c":1}}'],
    [Object.assign(Object.create(null), { b: 1 }), '{"b":1}'],
    [runInNewContext("({ b: [1, { c: 2 }] })"), '{"b":[1,{"c":2}]}'],
    [{ b: undefined, c: 1, [Symbol("s")]: 2 }, '{"c":1}'],
    [{ __proto__: null, ["__proto__"]: 1 }, '{"__proto__":1}'],
  ]) {
    assert.equal(check({ x: value }).action_digest, fromText(`{"x":${text}}`).action_digest, text);
  }
});

test("an object and its JSON decide alike", () => {
  let seed = 1;
  const random = (below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const value = (depth) => {
    switch (random(depth > 3 ? 6 : 8)) {
      case 0:
        return null;
      case 1:
        return random(2) === 0;
      case 2:
        return random(2_000_000) - 1_000_000;
      case 3:
        return (random(2_000_000) - 1_000_000) / 2 ** random(20);
      case 4:
        return String.fromCodePoint(32 + random(0xd000), random(128));
      case 5:
        return "x".repeat(random(40));
      case 6:
        return Array.from({ length: random(5) }, () => value(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: random(5) }, (_, at) => [`k${at}`, value(depth + 1)]));
    }
  };
  for (let round = 0; round < 500; round += 1) {
    const request = { tool_call: { name: "any.tool", arguments: { x: value(0) } }, context: { y: value(0) } };
    const outcomes = [request, JSON.stringify(request)].map((form) => {
      try {
        return open.checkJson(form, { now: NOW });
      } catch (error) {
        return error.code;
      }
    });
    assert.equal(outcomes[0], outcomes[1]);
  }
});

test("getters and proxies are asked once", () => {
  let looks = 0;
  const fickle = {
    get amount() {
      looks += 1;
      return looks === 1 ? 1 : 1_000_000;
    },
  };
  const decision = check(fickle);
  assert.equal(looks, 1);
  assert.ok(decision.allowed);
  assert.equal(decision.action_digest, fromText('{"amount":1}').action_digest);

  let reads = 0;
  const proxy = new Proxy({ amount: 1 }, { get: (target, key) => ((reads += 1), target[key]) });
  assert.ok(check(proxy).allowed);
  assert.equal(reads, 1);
  const failing = new Proxy({}, { ownKeys: () => assert.fail("no") });
  assert.throws(() => check(failing), /no/);
});

test("what has no exact form is refused with its path", () => {
  class Money {
    amount = 1;
  }
  for (const [value, code, words] of [
    [NaN, "VALUE_UNSUPPORTED", "NaN"],
    [-Infinity, "VALUE_UNSUPPORTED", "Infinity"],
    [2 ** 53, "VALUE_UNSUPPORTED", "BigInt"],
    [1e21, "VALUE_UNSUPPORTED", "BigInt"],
    [undefined, "VALUE_UNSUPPORTED", "undefined"],
    [() => 1, "VALUE_UNSUPPORTED", "function"],
    [Symbol("s"), "VALUE_UNSUPPORTED", "symbol"],
    [new Money(), "VALUE_UNSUPPORTED", '"Money"'],
    [new Set([1]), "VALUE_UNSUPPORTED", '"Set"'],
    [new Uint8Array(1), "VALUE_UNSUPPORTED", '"Uint8Array"'],
    [new String("x"), "VALUE_UNSUPPORTED", '"String"'],
    [new Map([[1, 2]]), "VALUE_UNSUPPORTED", "Map"],
    [new Date(NaN), "VALUE_UNSUPPORTED", "Date"],
    [Promise.resolve({}), "VALUE_UNSUPPORTED", '"Promise"'],
    ["\ud83d", "JSON_LONE_SURROGATE", "surrogate"],
  ]) {
    const error = refusal({ outer: [0, { inner: [value] }] });
    assert.equal(error.code, code);
    assert.ok(error.message.includes(words), error.message);
    assert.ok(error.message.includes("tool_call.arguments.outer[1].inner[0]"), error.message);
  }
  assert.equal(refusal({ x: 10n ** 28n }).code, "JSON_NUMBER_TOO_LONG");
  assert.equal(refusal({ "\udc00": 1 }).code, "JSON_LONE_SURROGATE");
  assert.equal(refusal({ x: [1, , 2] }).code, "VALUE_UNSUPPORTED");
  assert.equal(refusal({ x: new Array(2 ** 32 - 1) }).code, "VALUE_UNSUPPORTED");
});

test("values that contain themselves, nest or unfold without end are refused", () => {
  const ring = [];
  ring.push(ring);
  assert.match(refusal({ x: ring }).message, /contains itself/);
  const loop = {};
  loop.again = new Map([["loop", loop]]);
  assert.match(refusal(loop).message, /contains itself/);
  let deep = 0;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  assert.equal(refusal({ x: deep }).code, "JSON_DEPTH");
  let lots = "x".repeat(100);
  for (let level = 0; level < 40; level += 1) lots = Array(10).fill(lots);
  assert.equal(refusal({ x: lots }).code, "JSON_TOO_LARGE");
  assert.equal(refusal({ x: "x".repeat(2_000_000) }).code, "JSON_TOO_LARGE");
  const shared = ["x"];
  assert.ok(check({ a: shared, b: shared }).allowed);
});

test("requests that are none are refused", () => {
  for (const request of [undefined, null, 1, [], () => 1, "", "[]", "null", {}, "\ud800", new Uint8Array([255])]) {
    assert.throws(() => open.check(request), RequestError);
  }
});

test("what cannot be shown is spelled out", () => {
  const { message } = refusal({ "a\x1b[2J\u202e": () => 1 });
  assert.ok(!message.includes("\x1b") && !message.includes("\u202e"), message);
});

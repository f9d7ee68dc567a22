// The door for objects against that for texts, with random requests: the same bytes, or the same refusal.
//
// The text is written here and not by the package, so that the two have nothing in common. The seeds are
// fixed: what fails once fails again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newRun, Policy, Stage0Error } from "stage0";

const NOW = "2026-01-05T10:00:00Z";
const ROUNDS = 1500;

const policy = Policy.parse(`
stage0: v1
name: doors
version: 1.0.0
tools: { any.tool: { effects: [] } }
rules:
  - { id: shallow, tools: [any.tool], allow: "!has(args.k0) || size(args.k0) < 3" }
  - { id: silent, tools: [any.tool], deny: "has(context.k1) && context.k1 == 'x'" }
`);

/** Numbers below a bound, always the same ones. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/** Units where writers go wrong: quotes, escapes, the ends of planes and of what is plain. */
const PIECES = [...'a~"\\/\u0000\u001f\u007f\u0080é€\u2028\ud7ff\ue000\uffff😀', "\u{10ffff}", "plain words ", "0".repeat(39)];

function text(random) {
  const length = [random(3), random(12), 36 + random(8), random(200)][random(4)];
  let made = "";
  while (made.length < length) made += PIECES[random(PIECES.length)];
  return made;
}

function number(random) {
  return [
    () => random(2_000_000) - 1_000_000,
    () => (random(2_000_000) - 1_000_000) / 2 ** random(16),
    () => Number.MAX_SAFE_INTEGER - random(2),
    () => -0,
    () => 10 ** -random(9),
  ][random(5)]();
}

/** A value, and the JSON text that it stands for. */
function made(random, depth) {
  const list = () => Array.from({ length: random(5) }, () => made(random, depth + 1));
  const members = () => {
    const known = new Map();
    for (let at = random(6); at > 0; at -= 1) known.set(random(3) ? `k${random(4)}` : text(random), made(random, depth + 1));
    return [...known];
  };
  const written = (pairs) => `{${pairs.map(([key, { text }]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
  const plain = (value) => ({ value, text: JSON.stringify(value) });
  switch (random(depth > 4 ? 7 : 11)) {
    case 0:
      return plain([null, true, false][random(3)]);
    case 1:
    case 2:
      return plain(number(random));
    case 3: {
      const big = BigInt(random(2 ** 30)) ** BigInt(random(4));
      return { value: big, text: String(big) };
    }
    case 4: {
      const date = new Date(random(2 ** 30) * 1000 + [0, 1, 500][random(3)]);
      return { value: date, text: JSON.stringify(date).replace(".000Z", "Z") };
    }
    case 5:
    case 6:
      return plain(text(random));
    case 7: {
      const inner = list();
      return { value: inner.map(({ value }) => value), text: `[${inner.map(({ text }) => text).join(",")}]` };
    }
    case 8: {
      const pairs = members();
      return { value: new Map(pairs.map(([key, { value }]) => [key, value])), text: written(pairs) };
    }
    default: {
      const pairs = members();
      const value = random(4) ? {} : Object.create(null);
      // An own member, also where the key is `__proto__`.
      const put = (key, value) =>
        Object.defineProperty(value_, key, { value, enumerable: true, configurable: true, writable: true });
      const value_ = value;
      for (const [key, inner] of pairs) put(key, inner.value);
      if (random(4) === 0) put("absent", undefined);
      // In the order in which the object has them.
      const order = Object.keys(value).filter((key) => value[key] !== undefined);
      const texts = new Map(pairs);
      return { value, text: written(order.map((key) => [key, texts.get(key)])) };
    }
  }
}

const options = { now: NOW, host: { requestId: "r1" } };

/** What comes of a request: everything that is answered, or the codes of what is wrong. */
function outcome(request) {
  try {
    const { json, state } = policy.check(request, { ...options, state: newRun() });
    assert.equal(policy.checkJson(request, { ...options, state: newRun() }), json);
    const [alone] = policy.checkBatch([request, request], { ...options });
    return { json, state, digest: alone.action_digest };
  } catch (error) {
    if (!(error instanceof Stage0Error)) throw error;
    return { codes: error.problems.map(({ code }) => code) };
  }
}

test("an object decides as its text does, to the byte", () => {
  const seen = { json: 0, codes: 0 };
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = numbers(seed * 7919);
    const [args, context] = [made(random, 0), made(random, 0)];
    const request = { goal: text(random), tool_call: { name: "any.tool", arguments: args.value }, context: context.value };
    const goal = JSON.stringify(request.goal);
    const written = `{"goal":${goal},"tool_call":{"name":"any.tool","arguments":${args.text}},"context":${context.text}}`;
    const found = outcome(request);
    assert.deepEqual(found, outcome(written), `seed ${seed}: ${written}`);
    assert.deepEqual(found, outcome(new TextEncoder().encode(written)), `seed ${seed}, bytes`);
    seen["json" in found ? "json" : "codes"] += 1;
  }
  // Both are met often enough to mean something.
  assert.ok(seen.json > ROUNDS / 20 && seen.codes > ROUNDS / 20, JSON.stringify(seen));
});

test("what has no form in JSON is refused wherever it stands, with its path", () => {
  const bad = [NaN, Infinity, 2 ** 53, () => 1, Symbol("s"), new Set(), new Date(NaN), new Map([[1, 1]]), "\ud800", /x/];
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = numbers(seed * 104_729);
    let value = bad[random(bad.length)];
    let path = "";
    for (let depth = random(20); depth > 0; depth -= 1) {
      const before = Array.from({ length: random(3) }, () => made(random, 4).value);
      const kind = random(3);
      if (kind === 0) {
        path = `[${before.length}]${path}`;
        value = [...before, value];
      } else {
        path = `.here${path}`;
        const members = [...before.map((inner, at) => [`k${at}`, inner]), ["here", value]];
        value = kind === 1 ? Object.fromEntries(members) : new Map(members);
      }
    }
    const request = { goal: "x", tool_call: { name: "any.tool", arguments: { at: value } } };
    const expected = `, in \`tool_call.arguments.at${path}\``;
    assert.throws(
      () => policy.check(request, options),
      (error) =>
        ["VALUE_UNSUPPORTED", "JSON_LONE_SURROGATE"].includes(error.code) && error.problems[0].message.endsWith(expected),
      `seed ${seed}: ${expected}`,
    );
  }
});

test("a getter that asks for a decision of its own changes neither", () => {
  const inner = { tool_call: { name: "any.tool", arguments: { k0: "ab", more: "inner ".repeat(2_000) } } };
  const alone = policy.checkJson(inner, options);
  let asked;
  const outer = {
    goal: "outer",
    get tool_call() {
      asked = policy.checkJson(inner, options);
      return { name: "any.tool", arguments: { k0: "b", more: "outer" } };
    },
    context: { k2: "behind" },
  };
  const written = `{"goal":"outer","tool_call":{"name":"any.tool","arguments":{"k0":"b","more":"outer"}},"context":{"k2":"behind"}}`;
  assert.equal(policy.checkJson(outer, options), policy.checkJson(written, options));
  assert.equal(asked, alone);
  // One that throws on its way leaves nothing behind either.
  const failing = {
    goal: "gone",
    get tool_call() {
      throw new RangeError("no");
    },
  };
  assert.throws(() => policy.check(failing, options), RangeError);
  assert.equal(policy.checkJson(outer, options), policy.checkJson(written, options));
  const { host } = options;
  const late = {
    now: NOW,
    get host() {
      policy.checkJson(inner, options);
      return host;
    },
  };
  assert.equal(policy.checkJson(outer, late), policy.checkJson(written, options));
});

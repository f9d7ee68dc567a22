// `node bench.mjs TASK`: the npm package beside what else npm has, for `cargo xtask bench npm`.
//
// Every engine must agree before anything is timed. Lanes are timed in turn, so that ratios hold even
// when the machine is busy; what is printed are the tables of `tests/bench/README.md`.

import { deepStrictEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { PEERS, requestFor, stage0, versionOf } from "./peers.mjs";

const ROUNDS = 25;
const ROUND_MS = 15;
const STARTS = 9;

const path = process.argv[2];
const task = JSON.parse(readFileSync(path, "utf8"));
const options = { now: task.now, host: { requestId: task.request_id } };
const WANTED = { allowed: [], denied: ["max-iterations", "payout-limit"] };

const ours = await stage0(task.policy, options);
const lanes = [];
const lane = (name, what, run) => lanes.push({ name, what, run, us: [] });

for (const [kind, wanted] of Object.entries(WANTED)) {
  const text = task[kind];
  const request = JSON.parse(text);
  const asked = requestFor(request, task.now);
  const askedText = JSON.stringify(asked);
  const expected = { allowed: wanted.length === 0, fired: wanted };
  const agree = (found, name) => {
    deepStrictEqual(
      { ...found, fired: [...found.fired].sort() },
      expected,
      `${name}, ${kind}`,
    );
  };
  agree(ours.answer(request), "stage0");
  agree(ours.answer(text), "stage0");
  lane("JSON.parse and JSON.stringify", `yardstick, ${kind}`, () =>
    JSON.stringify(JSON.parse(text)),
  );
  lane("stage0", `text to text, ${kind}`, () =>
    ours.policy.checkJson(text, options),
  );
  lane(
    "stage0",
    `object to verdict, ${kind}`,
    () => ours.policy.check(request, options).verdict,
  );
  lane("stage0", `object to object, ${kind}`, () => ours.answer(request));
  for (const [name, ready] of Object.entries(PEERS)) {
    const decide = await ready();
    agree(await decide(asked), name);
    if (name === "zen-engine") {
      lane(name, `object to object, ${kind}`, async () => decide(asked));
      lane(name, `text to text, ${kind}`, async () =>
        JSON.stringify(await decide(JSON.parse(askedText))),
      );
    } else {
      lane(name, `object to object, ${kind}`, () => decide(asked));
      lane(name, `text to text, ${kind}`, () =>
        JSON.stringify(decide(JSON.parse(askedText))),
      );
    }
  }
}

for (let round = -2; round < ROUNDS; round += 1) {
  for (const { run, us } of lanes) {
    const started = performance.now();
    let [count, elapsed] = [0, 0];
    for (; elapsed < ROUND_MS; elapsed = performance.now() - started) {
      for (let ten = 0; ten < 10; ten += 1) {
        const found = run();
        if (found instanceof Promise) await found;
      }
      count += 10;
    }
    // The first rounds warm up.
    if (round >= 0) us.push((elapsed / count) * 1000);
  }
}

const median = (list) =>
  list.toSorted((one, other) => one - other)[list.length >> 1];
const found = (name, what) =>
  median(lanes.find((lane) => lane.name === name && lane.what === what).us);

const starts = Object.fromEntries(
  [
    "stage0",
    "stage0-small",
    "stage0-standard",
    "cel-js",
    "json-logic-js",
    "cedar-wasm",
  ].map((name) => [name, []]),
);
const cold = fileURLToPath(new URL("cold.mjs", import.meta.url));
for (let start = 0; start < STARTS; start += 1) {
  for (const name of Object.keys(starts)) {
    starts[name].push(
      Number(
        execFileSync(process.execPath, [cold, name, path], {
          encoding: "utf8",
        }),
      ),
    );
  }
}

const packages = [
  "@marcbachmann/cel-js",
  "json-logic-js",
  "@cedar-policy/cedar-wasm",
  "@gorules/zen-engine",
];
console.log(
  `Node ${process.versions.node}; ${packages.map((name) => `${name} ${versionOf(name)}`).join(", ")}`,
);
console.log("\n| engine | | us |\n|---|---|---:|");
for (const { name, what, us } of lanes)
  console.log(`| ${name} | ${what} | ${median(us).toFixed(1)} |`);
console.log("\n| from import to the first decision | ms |\n|---|---:|");
for (const [name, ms] of Object.entries(starts))
  console.log(`| ${name} | ${median(ms).toFixed(1)} |`);

const targets = [];
const target = (what, wanted, value, isMet) =>
  targets.push([what, wanted, value.toFixed(2), isMet ? "met" : "missed"]);
for (const kind of Object.keys(WANTED)) {
  const yardstick = found(
    "JSON.parse and JSON.stringify",
    `yardstick, ${kind}`,
  );
  for (const way of ["text to text", "object to verdict", "object to object"]) {
    const times = found("stage0", `${way}, ${kind}`) / yardstick;
    target(
      `${way}, ${kind}, times the yardstick`,
      "at most 3",
      times,
      times <= 3,
    );
  }
  for (const way of ["text to text", "object to object"]) {
    const times =
      found("cedar-wasm", `${way}, ${kind}`) /
      found("stage0", `${way}, ${kind}`);
    target(
      `${way}, ${kind}, cedar-wasm takes times as long`,
      "at least 10",
      times,
      times >= 10,
    );
  }
}
for (const name of ["stage0", "stage0-small", "stage0-standard"]) {
  const first = median(starts[name]);
  target(
    `${name}, from import to the first decision, ms`,
    "at most 20",
    first,
    first <= 20,
  );
}
console.log("\n| target | wanted | found | |\n|---|---:|---:|---|");
for (const row of targets) console.log(`| ${row.join(" | ")} |`);

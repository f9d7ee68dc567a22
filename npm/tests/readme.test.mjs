// The README's programs print what it says.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

/** The repository, from which paths of the README start: the tests also run beside the packed package. */
const root = process.env.STAGE0_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));

test("the README's programs print what it says", () => {
  const readme = readFileSync(`${root}/npm/README.md`, "utf8");
  const blocks = (kind) => [...readme.matchAll(new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, "gs"))].map(([, text]) => text);
  const programs = blocks("js");
  assert.ok(programs.length > 1);
  const program = programs.join("\n").replaceAll('"stage0"', JSON.stringify(import.meta.resolve("stage0")));
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: root, encoding: "utf8" });
  assert.equal(run.stdout, blocks("text").join(""), run.stderr);
});

test("the first policy is asked from JavaScript", () => {
  const example = `${root}/examples/first-policy/`;
  const program = readFileSync(`${example}decide.mjs`, "utf8").replace('"stage0"', JSON.stringify(import.meta.resolve("stage0")));
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: root, encoding: "utf8" });
  assert.equal(run.stdout, readFileSync(`${example}decision.json`, "utf8"), run.stderr);
});

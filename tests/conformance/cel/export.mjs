// Writes the conformance suite of an installed @bufbuild/cel-spec as strict JSON.
//
//   node export.mjs FOLDER     reads FOLDER/node_modules, writes FOLDER/simple.json
//
// Numbers become texts, so that the reader decides what they are and none passes through a binary
// float. Only the input and the expected result of each test are kept.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2] ?? "target/cel-spec");
const home = `${folder}/node_modules/@bufbuild/cel-spec`;
const { tests: suite } = await import(
  pathToFileURL(`${home}/dist/esm/testdata/conformance.js`).href
);
const { version, upstreamCelSpecRef } = JSON.parse(readFileSync(`${home}/package.json`, "utf8"));

const cases = suite.suites.flatMap((file) =>
  (file.suites ?? []).flatMap((section) =>
    (section.tests ?? []).map(({ original }) => ({ file: file.name, section: section.name, ...original })),
  ),
);
const asText = (_, value) => (typeof value === "number" ? String(value) : value);
const out = { package: version, spec: upstreamCelSpecRef, tests: cases };
writeFileSync(`${folder}/simple.json`, `${JSON.stringify(out, asText)}\n`);

// A host of the corpus in Node, as a CommonJS module: questions in lines, replies in lines.

const process = require("node:process");
const { createInterface } = require("node:readline");

const stage0 = require("stage0");

import("./answer.mjs").then(({ answering }) => {
  const answer = answering(stage0, process.argv.includes("--objects"));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => process.stdout.write(`${answer(line)}\n`));
});

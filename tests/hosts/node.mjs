// A host of the corpus in Node, Bun and Deno, as an ES module: questions in lines, replies in lines.

import process from "node:process";
import { createInterface } from "node:readline";

import * as stage0 from "stage0";

import { answering } from "./answer.mjs";

const answer = answering(stage0, process.argv.includes("--objects"));
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${answer(line)}\n`);
}

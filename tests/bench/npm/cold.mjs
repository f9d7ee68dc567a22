// `node cold.mjs NAME TASK`: milliseconds from the import of an engine to its first decision.

import { readFileSync } from "node:fs";

import { PEERS, requestFor, stage0 } from "./peers.mjs";

const [name, path] = process.argv.slice(2);
const task = JSON.parse(readFileSync(path, "utf8"));
const request = JSON.parse(task.allowed);
const asked = requestFor(request, task.now);

const started = performance.now();
const allowed =
  name === "stage0"
    ? (
        await stage0(task.policy, {
          now: task.now,
          host: { requestId: task.request_id },
        })
      ).answer(request).allowed
    : (await (await PEERS[name]())(asked)).allowed;
const ms = performance.now() - started;
if (!allowed) throw new Error(`${name} does not allow it`);
console.log(ms);

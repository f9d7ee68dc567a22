// `node cold.mjs NAME TASK`: milliseconds from the import of an engine to its first decision.
//
// `stage0` decides the task by its twelve rules, as every peer does; `stage0-small` by a policy of one
// tool and one rule; `stage0-standard` a plan by the policy that comes along.

import { readFileSync } from "node:fs";

import { PEERS, requestFor, stage0 } from "./peers.mjs";

const SMALL = `
stage0: v1
name: payments
version: 1.0.0
tools:
  payments.refund: { effects: [money_movement], args: { amount: { type: number } }, extra_args: allow }
rules:
  - { id: refunds, tools: [payments.refund], allow: args.amount <= 500 }
`;

const [name, path] = process.argv.slice(2);
const task = JSON.parse(readFileSync(path, "utf8"));
const request = JSON.parse(task.allowed);
const asked = requestFor(request, task.now);
const options = { now: task.now, host: { requestId: task.request_id } };

const first = {
  stage0: async () => (await stage0(task.policy, options)).answer(request),
  "stage0-small": async () => {
    const { Policy } = await import("stage0");
    return Policy.parse(SMALL).check(request, options);
  },
  "stage0-standard": async () => {
    const { Policy } = await import("stage0");
    const plan = {
      goal: "Look up the weather in Oslo",
      success_criteria: ["It is known"],
    };
    return Policy.builtin().check(plan, options);
  },
};

const started = performance.now();
const { allowed } = await (first[name]?.() ??
  PEERS[name]().then((decide) => decide(asked)));
const ms = performance.now() - started;
if (!allowed) throw new Error(`${name} does not allow it`);
console.log(ms);

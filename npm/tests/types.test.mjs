// The types of decisions are those of what the engine writes: answers of every form are compiled as
// literals, in which a member that no type has, and one that is missing, is an error.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { Policy } from "stage0";

const NOW = "2026-01-05T20:00:00Z";
const POLICY = `
stage0: v1
name: everything
version: 1.0.0
extends: [stage0/standard@1.0.0]
disable: [stage0/standard/servers-as-promised]
tools:
  payments.payout:
    aka: [payout]
    effects: [money_movement]
    args: { amount: { type: number, min: 0.01 }, to: { type: string } }
    cost_usd: { min: 0.01, max: 0.03 }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 10000 }
  - id: finance-only
    tools: [payments.payout]
    require: context.actor_role in ["finance"]
    issue: ROLE_NOT_AUTHORIZED
  - id: large
    tools: [payments.payout]
    when: args.amount > 500
    approval: { roles: [finance_lead], bind: [args.amount, args.to], ttl: 4h }
    ask: ["Who approves this payout?"]
  - id: office-hours
    tools: [payments.payout]
    defer: '!in_window(now, "Mon-Fri 09:00-17:00 Europe/Berlin")'
  - { id: tried-out, tools: [payments.payout], deny: args.amount > 5, mode: observe }
limits:
  - { id: daily, tools: [payments.payout], sum: args.amount, per: [context.actor_id], window: 24h, max: 5000 }
`;

const call = (amount, more = {}) => ({ tool_call: { name: "payout", arguments: { amount, to: "acme" } }, ...more });
const QUESTIONS = [
  [call(1, { context: { actor_role: "finance" } }), { now: "2026-01-05T10:00:00Z" }],
  [call(20, { context: { actor_role: "finance", environment: "production" } })],
  [call(750, { context: { actor_role: "finance" }, constraints: ["approval required", "max_iterations: 3"] })],
  [call("750")],
  [call(9_000, { context: { actor_role: "finance", actor_id: "ana" } })],
  [call(20_000, { context: { actor_role: "support" } }), { host: { mode: "observe" } }],
  [call(20), { host: { mode: "halted" } }],
  [call(20), { host: { mode: "read_only" } }],
  [{ goal: "tidy up", tools: ["payout", "crm.lookup", "shell.exec"], side_effects: ["destructive"], pro: true }],
  [{ goal: "pay", tools: ["p\u0430yout"], side_efects: [] }],
];

/** The paths of everything that is in a value, list elements as one. */
function* pathsOf(value, path = "") {
  if (Array.isArray(value)) for (const element of value) yield* pathsOf(element, `${path}[]`);
  else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      yield `${path}.${key}`;
      yield* pathsOf(member, `${path}.${key}`);
    }
  }
}

test("answers of every form have the types that are published", () => {
  const policy = Policy.parse(POLICY);
  const literals = ['import type { Clause, DecisionData, RuleReport } from "stage0";'];
  const seen = new Set();
  for (const [at, [request, options]] of QUESTIONS.entries()) {
    const asked = { now: NOW, ...options };
    const decision = policy.check(request, asked).toJSON();
    for (const path of pathsOf(decision)) seen.add(path);
    literals.push(`export const decision${at}: DecisionData = ${JSON.stringify(decision)};`);
    const { rules } = policy.explain(request, asked);
    literals.push(`export const rules${at}: readonly RuleReport[] = ${JSON.stringify(rules)};`);
    literals.push(`export const clauses${at}: readonly Clause[] = ${JSON.stringify(rules[0]?.clauses ?? [])};`);
  }
  // What is not always there has been, so that its type was compared.
  const resolution = ["facts", "roles", "approvals", "retry_at"].map((name) => `.issues[].resolution.${name}`);
  const optional = [".mode", ".would", ".disabled", ".valid_until", ".cost_estimate.min", ".would.issues[].code"];
  for (const path of [...resolution, ...optional]) assert.ok(seen.has(path), path);

  const folder = fileURLToPath(new URL("types-of-answers", import.meta.url));
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(`${folder}/answers.ts`, `${literals.join("\n")}\n`);
    const options = { extends: "../types/tsconfig.json", include: ["answers.ts"] };
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(options));
    const compiler = fileURLToPath(import.meta.resolve("typescript/package.json")).replace("package.json", "bin/tsc");
    try {
      execFileSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
    } catch (error) {
      assert.fail(error.stdout);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

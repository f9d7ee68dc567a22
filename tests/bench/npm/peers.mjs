// The twelve rules of the task, as each peer writes them.
//
// Each is handed the request as it likes it best, made outside of what is timed: `requestFor` gives
// numbers instead of the sentences and instants that only Stage0 reads. Each answers whether the request
// is allowed, and the ids of the rules that fired, and each is compiled once, where it can be.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The request as peers can read it: whole cents and seconds. */
export function requestFor(request, now) {
  const seconds = (text) => Math.round(Date.parse(text) / 1000);
  const {
    cumulative_cost_usd: cost,
    approved_at: approvedAt,
    ...context
  } = request.context;
  return {
    ...request,
    constraints: { max_iterations: 25, max_cost_cents: 500, timeout_s: 300 },
    context: {
      ...context,
      cost_cents: Math.round(cost * 100),
      approved_at_s: seconds(approvedAt),
    },
    now_s: seconds(now),
  };
}

const answer = (fired) => ({ allowed: fired.length === 0, fired });

function byHand(request) {
  const {
    context,
    constraints,
    tool_call: call,
    side_effects: effects,
  } = request;
  const { arguments: args, name } = call;
  const [status, moves] = [
    context.approval_status,
    effects.includes("money_movement"),
  ];
  const fires = [
    ["role", !["finance_ops", "admin"].includes(context.actor_role)],
    ["env", !["production", "staging", "dev"].includes(context.environment)],
    [
      "destructive-approval",
      effects.includes("destructive") && status !== "approved",
    ],
    ["payout-limit", args.amount > 500 && status !== "approved"],
    ["business-hours", moves && (context.hour < 8 || context.hour >= 20)],
    [
      "tool-allow",
      !["payments.", "crm.", "email.", "kb."].some((start) =>
        name.startsWith(start),
      ),
    ],
    ["max-iterations", context.current_iteration > constraints.max_iterations],
    ["cost-cap", context.cost_cents > constraints.max_cost_cents],
    [
      "residency",
      context.data_classes.includes("pii") &&
        !["eu-west-1", "eu-central-1"].includes(context.region),
    ],
    [
      "exfil",
      effects.includes("external_message") &&
        context.data_classes.includes("confidential"),
    ],
    ["tenant", context.tenant_id !== args.tenant],
    [
      "approval-fresh",
      moves && args.amount > 100 && request.now_s - context.approved_at_s > 900,
    ],
  ];
  return answer(fires.filter(([, fired]) => fired).map(([id]) => id));
}

const CEL = {
  role: '!(context.actor_role in ["finance_ops", "admin"])',
  env: '!(context.environment in ["production", "staging", "dev"])',
  "destructive-approval":
    '"destructive" in side_effects && context.approval_status != "approved"',
  "payout-limit":
    'tool_call.arguments.amount > 500.0 && context.approval_status != "approved"',
  "business-hours":
    '"money_movement" in side_effects && (context.hour < 8.0 || context.hour >= 20.0)',
  "tool-allow":
    '!(tool_call.name.startsWith("payments.") || tool_call.name.startsWith("crm.") || ' +
    'tool_call.name.startsWith("email.") || tool_call.name.startsWith("kb."))',
  "max-iterations": "context.current_iteration > constraints.max_iterations",
  "cost-cap": "context.cost_cents > constraints.max_cost_cents",
  residency:
    '"pii" in context.data_classes && !(context.region in ["eu-west-1", "eu-central-1"])',
  exfil:
    '"external_message" in side_effects && "confidential" in context.data_classes',
  tenant: "context.tenant_id != tool_call.arguments.tenant",
  "approval-fresh":
    '"money_movement" in side_effects && tool_call.arguments.amount > 100.0 && now_s - context.approved_at_s > 900.0',
};

async function celJs() {
  const { parse } = await import("@marcbachmann/cel-js");
  const rules = Object.entries(CEL).map(([id, text]) => [id, parse(text)]);
  return (request) => {
    const fired = [];
    for (const [id, rule] of rules) if (rule(request)) fired.push(id);
    return answer(fired);
  };
}

const CEDAR = {
  role: 'when { !(["finance_ops", "admin"].contains(context.context.actor_role)) }',
  env: 'when { !(["production", "staging", "dev"].contains(context.context.environment)) }',
  "destructive-approval":
    'when { context.side_effects.contains("destructive") && context.context.approval_status != "approved" }',
  "payout-limit":
    'when { context.tool_call.arguments.amount > 500 && context.context.approval_status != "approved" }',
  "business-hours":
    'when { context.side_effects.contains("money_movement") && (context.context.hour < 8 || context.context.hour >= 20) }',
  "tool-allow":
    'unless { context.tool_call.name like "payments.*" || context.tool_call.name like "crm.*" || ' +
    'context.tool_call.name like "email.*" || context.tool_call.name like "kb.*" }',
  "max-iterations":
    "when { context.context.current_iteration > context.constraints.max_iterations }",
  "cost-cap":
    "when { context.context.cost_cents > context.constraints.max_cost_cents }",
  residency:
    'when { context.context.data_classes.contains("pii") && ' +
    '!(["eu-west-1", "eu-central-1"].contains(context.context.region)) }',
  exfil:
    'when { context.side_effects.contains("external_message") && context.context.data_classes.contains("confidential") }',
  tenant:
    "when { context.context.tenant_id != context.tool_call.arguments.tenant }",
  "approval-fresh":
    'when { context.side_effects.contains("money_movement") && context.tool_call.arguments.amount > 100 && ' +
    "context.now_s - context.context.approved_at_s > 900 }",
};

async function cedar() {
  const { preparsePolicySet, statefulIsAuthorized } =
    await import("@cedar-policy/cedar-wasm/nodejs");
  const staticPolicies = { anything: "permit(principal, action, resource);" };
  for (const [id, condition] of Object.entries(CEDAR)) {
    staticPolicies[id] = `forbid(principal, action, resource) ${condition};`;
  }
  const parsed = preparsePolicySet("task", { staticPolicies });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  return (request) => {
    const { response } = statefulIsAuthorized({
      principal: { type: "Agent", id: request.context.actor_id },
      action: { type: "Action", id: "call" },
      resource: { type: "Tool", id: request.tool_call.name },
      context: request,
      preparsedPolicySetId: "task",
      entities: [],
    });
    const isAllowed = response.decision === "allow";
    return {
      allowed: isAllowed,
      fired: isAllowed ? [] : response.diagnostics.reason,
    };
  };
}

const value = (name) => ({ var: name });
const within = (item, list) => ({ in: [item, list] });
const not = (rule) => ({ "!": [rule] });
const starts = (text) => ({
  "===": [{ substr: [value("tool_call.name"), 0, text.length] }, text],
});
const unapproved = { "!==": [value("context.approval_status"), "approved"] };
const moves = within("money_movement", value("side_effects"));
const amount = value("tool_call.arguments.amount");

const JSON_LOGIC = {
  role: not(within(value("context.actor_role"), ["finance_ops", "admin"])),
  env: not(
    within(value("context.environment"), ["production", "staging", "dev"]),
  ),
  "destructive-approval": {
    and: [within("destructive", value("side_effects")), unapproved],
  },
  "payout-limit": { and: [{ ">": [amount, 500] }, unapproved] },
  "business-hours": {
    and: [
      moves,
      {
        or: [
          { "<": [value("context.hour"), 8] },
          { ">=": [value("context.hour"), 20] },
        ],
      },
    ],
  },
  "tool-allow": not({ or: ["payments.", "crm.", "email.", "kb."].map(starts) }),
  "max-iterations": {
    ">": [
      value("context.current_iteration"),
      value("constraints.max_iterations"),
    ],
  },
  "cost-cap": {
    ">": [value("context.cost_cents"), value("constraints.max_cost_cents")],
  },
  residency: {
    and: [
      within("pii", value("context.data_classes")),
      not(within(value("context.region"), ["eu-west-1", "eu-central-1"])),
    ],
  },
  exfil: {
    and: [
      within("external_message", value("side_effects")),
      within("confidential", value("context.data_classes")),
    ],
  },
  tenant: {
    "!==": [value("context.tenant_id"), value("tool_call.arguments.tenant")],
  },
  "approval-fresh": {
    and: [
      moves,
      { ">": [amount, 100] },
      { ">": [{ "-": [value("now_s"), value("context.approved_at_s")] }, 900] },
    ],
  },
};

async function jsonLogic() {
  const { default: logic } = await import("json-logic-js");
  const rules = Object.entries(JSON_LOGIC);
  return (request) => {
    const fired = [];
    for (const [id, rule] of rules)
      if (logic.apply(rule, request)) fired.push(id);
    return answer(fired);
  };
}

/** Zen's decisions are asynchronous, and so is its lane. */
async function zen() {
  const { ZenEngine } = await import("@gorules/zen-engine");
  const expressions = Object.entries(CEL).map(([id, text]) => ({
    id,
    key: id.replaceAll("-", "_"),
    value: zenText(text),
  }));
  const node = (id, type, content) => ({
    id,
    name: id,
    type,
    position: { x: 0, y: 0 },
    ...(content && { content }),
  });
  const edge = (sourceId, targetId) => ({
    id: `${sourceId}-${targetId}`,
    type: "edge",
    sourceId,
    targetId,
  });
  const decision = new ZenEngine().createDecision({
    nodes: [
      node("in", "inputNode"),
      node("rules", "expressionNode", { expressions }),
      node("out", "outputNode"),
    ],
    edges: [edge("in", "rules"), edge("rules", "out")],
  });
  return async (request) => {
    const { result } = await decision.evaluate(request);
    return answer(
      Object.keys(CEL).filter((id) => result[id.replaceAll("-", "_")] === true),
    );
  };
}

function zenText(cel) {
  const text = cel
    .replace(/([a-z_.]+)\.startsWith\(("[a-z]+\.")\)/g, "startsWith($1, $2)")
    .replaceAll("!(", "not (")
    .replaceAll("&&", "and")
    .replaceAll("||", "or")
    .replace(/(\d+)\.0/g, "$1");
  return text;
}

/** Stage0 as the lanes ask it: what its users do, with the time and id of the task. */
export async function stage0(policy, options) {
  const { Policy } = await import("stage0");
  const compiled = Policy.parse(policy);
  const fired = ({ issues }) =>
    issues
      .filter(({ rule }) => rule !== "")
      .map(({ rule }) => rule.split("/")[1]);
  return {
    policy: compiled,
    answer: (request) => {
      const decision = compiled.check(request, options);
      return { allowed: decision.allowed, fired: fired(decision) };
    },
  };
}

/** Each peer by name: what makes it ready, and then decides. */
export const PEERS = {
  "by hand": async () => byHand,
  "cel-js": celJs,
  "json-logic-js": jsonLogic,
  "cedar-wasm": cedar,
  "zen-engine": zen,
};

/** The version of an installed package. */
export function versionOf(name) {
  const path = fileURLToPath(import.meta.resolve(".", import.meta.url));
  return JSON.parse(
    readFileSync(`${path}/node_modules/${name}/package.json`, "utf8"),
  ).version;
}

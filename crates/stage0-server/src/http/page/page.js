// Draws the reference of the API from its own description. Texts are only ever set as text.
"use strict";

const byId = (id) => document.getElementById(id);

const EXAMPLES = {
  Request: {
    goal: "Refund the double charge of order o-1",
    success_criteria: ["The refund is booked"],
    tools: ["payments.refund"],
    side_effects: ["money_movement"],
    constraints: ["approval required"],
    context: { actor_id: "u1", actor_role: "support", environment: "production" },
  },
  Batch: { requests: [{ tool_call: { name: "search.query", arguments: { text: "weather" } } }], atomic: true },
  Outcome: { request_id: "req-...", final_runtime_action: "executed", cost_usd: 0.02 },
  ApprovalRequest: { request_id: "req-..." },
  Grant: { by: "ana", roles: ["finance_lead"], reason: "Checked with the customer" },
  Rejection: { by: "ana", reason: "Charged once only" },
  Evaluation: {
    subject: { type: "user", id: "u1" },
    action: { name: "search.query", properties: { text: "weather" } },
    resource: { type: "index", id: "public" },
  },
  Evaluations: {
    subject: { type: "user", id: "u1" },
    resource: { type: "index", id: "public" },
    evaluations: [{ action: { name: "search.query" } }, { action: { name: "shell" } }],
  },
};

function nameOf(schema) {
  return schema?.$ref?.split("/").pop();
}

function shape(title, name, schemas) {
  const box = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `${title}: ${name}`;
  const text = document.createElement("pre");
  text.textContent = JSON.stringify(schemas[name], null, 2);
  box.append(summary, text);
  return box;
}

function typeOf(schema) {
  return schema.enum ? schema.enum.join(" | ") : (schema.format ?? schema.type ?? "");
}

function draw(path, method, operation, schemas) {
  const card = byId("route").content.cloneNode(true);
  const find = (selector) => card.querySelector(selector);
  find(".method").textContent = method.toUpperCase();
  find(".path").textContent = path;
  find(".summary").textContent = operation.summary;
  find(".scope").textContent = operation.description ?? "Everybody may ask.";
  const inputs = new Map();
  for (const parameter of operation.parameters) {
    const row = find(".parameters tbody").insertRow();
    row.insertCell().append(Object.assign(document.createElement("code"), { textContent: parameter.name }));
    Object.assign(row.insertCell(), { textContent: typeOf(parameter.schema), className: "type" });
    row.insertCell().textContent = parameter.description;
    const label = document.createElement("label");
    const title = Object.assign(document.createElement("span"), { textContent: parameter.name });
    const input = document.createElement("input");
    label.append(title, input);
    find(".values").append(label);
    inputs.set(parameter, input);
  }
  const shapes = find(".shapes");
  const body = nameOf(operation.requestBody?.content["application/json"].schema);
  const area = find("textarea");
  if (body) {
    shapes.append(shape("Takes", body, schemas));
    area.hidden = false;
    area.value = JSON.stringify(EXAMPLES[body] ?? {}, null, 2);
  }
  const answer = nameOf(operation.responses["200"].content["application/json"]?.schema);
  if (answer && answer !== "Anything") shapes.append(shape("Gives", answer, schemas));
  const [status, output] = [find(".status"), find(".answer")];
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, method, inputs, body ? area.value : undefined, status, output);
  });
  return card;
}

async function send(path, method, inputs, body, status, output) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === "query") query.set(parameter.name, input.value);
    else if (input.value) headers[parameter.name] = input.value;
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  if (byId("key").value) headers["x-api-key"] = byId("key").value;
  if (query.size > 0) target += `?${query}`;
  const began = performance.now();
  try {
    const response = await fetch(target, { method: method.toUpperCase(), headers, body });
    const text = await response.text();
    status.textContent = `${response.status} in ${(performance.now() - began).toFixed(1)} ms`;
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    output.textContent = isJson ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch (error) {
    status.textContent = "no answer";
    output.textContent = String(error);
  }
  output.hidden = false;
}

const GROUPS = [
  ["Decide", ["/check", "/check/batch", "/outcome", "/usage"]],
  ["Ask people", ["/approvals", "/approvals/{id}", "/approvals/{id}/grant", "/approvals/{id}/reject"]],
  ["Look back", ["/decisions", "/decisions/{request_id}"]],
  ["AuthZEN", ["/access/v1/evaluation", "/access/v1/evaluations", "/.well-known/authzen-configuration"]],
];

async function begin() {
  const description = await (await fetch("/openapi.json")).json();
  byId("version").textContent = description.info.version;
  const known = GROUPS.flatMap(([, paths]) => paths);
  const rest = Object.keys(description.paths).filter((path) => !known.includes(path));
  for (const [title, paths] of [...GROUPS, ["Operate", rest]]) {
    const heading = Object.assign(document.createElement("h2"), { textContent: title });
    byId("routes").append(heading);
    for (const path of paths) {
      for (const [method, operation] of Object.entries(description.paths[path])) {
        byId("routes").append(draw(path, method, operation, description.components.schemas));
      }
    }
  }
  const ready = await (await fetch("/readyz")).json();
  byId("policy").textContent = `${ready.policy_version} (${ready.policy_digest.slice(0, 12)})`;
}

begin();

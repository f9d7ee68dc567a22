// A gate in front of the decision API, and of servers that misbehave.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { Answer, Deferred, Denied, Failure, Gate, gated, Policy, TicketError } from "stage0";

/** The repository: the tests also run beside the packed package. */
const root = process.env.STAGE0_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));
const vectors = JSON.parse(readFileSync(`${root}/tests/vectors/gate.json`, "utf8"));

const DESK = `${vectors.policy}
limits:
  - { id: daily, tools: [pay], sum: args.amount, per: [context.actor_id], window: 24h, max: 1000, issue: DAILY }
`;
const STAFF = { actor_id: "u1", actor_role: "staff" };

const pay = (amount = 20, id = "c1", more = {}) => ({ name: "pay", arguments: { amount, to: "acme" }, id, run: "r1", ...more });

/** Errors that a gate told of. */
const logged = [];
const open = (remote, options = {}) =>
  new Gate({ remote, context: STAFF, onError: (error, what) => logged.push([error, what]), ...options });

/** Runs with a server of the command, without keys, and ends it. */
async function withServer(run) {
  const folder = mkdtempSync(join(tmpdir(), "stage0-gate-"));
  writeFileSync(join(folder, "policy.yaml"), DESK);
  const serve = ["serve", "--dev", "--listen", "127.0.0.1:0", "--fsync", "never"];
  const files = ["--policy", join(folder, "policy.yaml"), "--db", join(folder, "stage0.db")];
  const built = ["run", "--quiet", "--package", "stage0-cli", "--bin", "stage0", "--"];
  const server = spawn("cargo", [...built, ...serve, ...files], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  try {
    const heard = [];
    let address;
    for await (const line of createInterface(server.stderr)) {
      heard.push(line);
      address = /^listening on ([^,]*)/.exec(line)?.[1];
      if (address !== undefined) break;
    }
    assert.ok(address, heard.join("\n"));
    server.stderr.resume();
    await run(address, server);
  } finally {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  }
}

/** Runs with a server that answers as told: `answer` is handed the request, its body and how often it was asked. */
async function withLiar(answer, run) {
  let asked = 0;
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    asked += 1;
    answer(request, response, Buffer.concat(pieces).toString(), asked);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await run(`http://127.0.0.1:${server.address().port}`, () => asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function denied(answer, code) {
  assert.deepEqual([answer.verdict, answer.code, answer.decision], ["DENY", code, null], JSON.stringify(answer.details));
  assert.deepEqual(JSON.parse(answer.message).codes, [code]);
}

test("a model is told the same everywhere", () => {
  const policies = { desk: Policy.parse(vectors.policy), standard: Policy.builtin() };
  const call = { name: "pay" };
  for (const { code, policy, request, ticket, message } of vectors.answers) {
    if (code === undefined) {
      const decision = policies[policy].check(request, { now: vectors.now });
      assert.equal(new Answer(call, decision.verdict, { decision, ticket }).message, message);
    } else {
      assert.equal(Answer.failed(call, code, new Error("of no concern to a model")).message, message);
    }
  }
});

test("a server decides, asks people and keeps what became of it", { timeout: 300_000 }, () =>
  withServer(async (address) => {
    const waiting = [];
    const gate = open(address, { onDefer: (answer) => waiting.push(answer.ticket) });
    const allowed = await gate.check(pay(300));
    assert.ok(allowed.allowed, JSON.stringify(allowed.details));
    assert.equal(allowed.decision.request_id, allowed.requestId);
    assert.ok(allowed.verify({ to: "acme", amount: 300 }) && allowed.verify('{"to": "acme", "amount": 3.00e2}'));
    for (const other of [{ amount: 301, to: "acme" }, { amount: 300 }, { amount: NaN, to: "acme" }, "{", null]) {
      assert.equal(allowed.verify(other), false);
    }
    assert.ok((await gate.check(pay(300))).repeated);
    assert.throws(() => allowed + 1, /answer.allowed/);
    // People.
    const deferred = await gate.check(pay(600, "c2"));
    assert.equal(deferred.verdict, "DEFER");
    assert.ok(deferred.waitsForPerson && !deferred.verify(pay(600, "c2").arguments));
    await assert.rejects(gate.require(pay(600, "c2")), (error) => {
      assert.ok(error instanceof Deferred && error.ticket === deferred.ticket);
      assert.equal(JSON.parse(error.message).ticket, deferred.ticket);
      return true;
    });
    assert.deepEqual(waiting, [deferred.ticket], "told once");
    const [ticket] = await gate.pending("r1");
    assert.deepEqual([ticket.id, ticket.facts["args.amount"], ticket.call_id], [deferred.ticket, 600, "c2"]);
    assert.deepEqual(await gate.pending("r2"), []);
    await assert.rejects(gate.approve(ticket, { by: "bo", roles: ["support"] }), TicketError);
    assert.equal((await gate.approve(ticket, { by: "bo", roles: ["lead"], reason: "seen" })).status, "granted");
    await assert.rejects(gate.approve(ticket.id, { by: "cy", roles: ["lead"] }), TicketError);
    const yes = await gate.check(pay(600, "c2"));
    assert.deepEqual([yes.verdict, yes.decision?.approved_by], ["ALLOW", "bo"]);
    // What is held for both is 900.
    assert.deepEqual((await gate.check(pay(200, "c3"))).codes, ["DAILY"]);
    assert.ok(await gate.report(yes, "failed"));
    assert.ok(await gate.report(allowed, "executed", { costUsd: "0.01" }));
    denied(await gate.check(pay(600, "c2")), "CALL_OVER");
    assert.ok((await gate.check(pay(200, "c4"))).allowed);
    assert.equal(await gate.report(allowed, "executed", { costUsd: '1,"final_runtime_action":"stopped"' }), false);
    // A no stands.
    const asked = await gate.check(pay(700, "c5"));
    assert.equal((await gate.reject(asked.ticket, { by: "bo" })).status, "rejected");
    assert.equal((await gate.check(pay(700, "c5"))).codes[0], "APPROVAL_REJECTED");
    for (const unknown of ["f".repeat(24), "../policy", "a b", ""]) {
      await assert.rejects(gate.approve(unknown, { by: "bo" }), TicketError);
    }
    await assert.rejects(gate.approve(ticket, {}), TypeError);
    // What never leaves this process.
    const limits = [
      [{ name: "pay", arguments: { amount: NaN } }, "CALL_INVALID"],
      [{ name: "pay", arguments: '{"amount": 1, "amount": 2}' }, "CALL_INVALID"],
      [{ name: 7 }, "CALL_INVALID"],
    ];
    for (const [call, code] of limits) denied(await gate.check(call), code);
    denied(await open(address, { context: () => Promise.reject(new Error("no session")) }).check(pay()), "CONTEXT_FAILED");
    denied(await open(address, { run: () => 7 }).check(pay(1, "c9", { run: undefined })), "CONTEXT_FAILED");
    // The operator.
    gate.halt();
    denied(await gate.check(pay(300)), "GATE_HALTED");
    gate.resume();
    assert.ok((await gate.check(pay(300))).allowed);
    const fetched = await fetch(`${address}/halt`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    assert.equal(fetched.status, 200);
    assert.deepEqual((await gate.check(pay(1, "c10"))).codes, ["HALTED"]);
  }),
);

test("functions ask before they run", { timeout: 300_000 }, () =>
  withServer(async (address) => {
    const ran = [];
    const gate = open(address);
    let calls = 0;
    const call = () => ({ id: `g${(calls += 1)}`, run: "g" });
    const payout = gated(gate, { tool: "pay", call }, async (args, extra) => {
      ran.push(args);
      if (args.to === "broken") throw new RangeError("the bank is closed");
      return `paid ${args.amount} ${extra ?? ""}`.trim();
    });
    const args = { amount: 20, to: "acme" };
    const paid = payout(args, "now");
    // Whatever becomes of it meanwhile, what was asked about runs.
    args.amount = 20_000;
    assert.equal(await paid, "paid 20 now");
    assert.deepEqual(ran, [{ amount: 20, to: "acme" }]);
    await assert.rejects(payout({ amount: 20_000, to: "acme" }), Denied);
    await assert.rejects(payout({ amount: 600, to: "acme" }), Deferred);
    await assert.rejects(payout({ amount: 990, to: "broken" }), Deferred);
    await assert.rejects(payout({ amount: 450, to: "broken" }), RangeError);
    // What failed is given back.
    assert.equal(await payout({ amount: 450, to: "acme" }), "paid 450");
    assert.equal(ran.length, 3);
    const told = gated(gate, { tool: "pay", refuse: "return", call }, () => ran.push("never"));
    assert.equal(JSON.parse(await told({ amount: 20_000, to: "acme" })).verdict, "DENY");
    for (const odd of [{ amount: new Date(), to: "a" }, { amount: 1, to: () => 1 }, [], null, { amount: new Map() }]) {
      assert.deepEqual(JSON.parse(await told(odd)).codes, ["CALL_INVALID"]);
    }
    assert.equal(ran.includes("never"), false);
    assert.throws(() => gated(gate, {}, () => 1), TypeError);
  }),
);

test("where the server has ended everything is denied", { timeout: 300_000 }, () =>
  withServer(async (address, server) => {
    const gate = open(address, { timeout: 2 });
    assert.ok((await gate.check(pay(1))).allowed);
    server.kill("SIGKILL");
    await new Promise((resolve) => server.on("exit", resolve));
    denied(await gate.check(pay(1, "c2")), "SERVER_UNREACHABLE");
    assert.equal(await gate.report(await gate.check(pay(1)), "executed"), false);
    await assert.rejects(gate.pending(), Failure);
  }),
);

const decision = (request, more = {}) =>
  JSON.stringify({ decision: "GO", verdict: "ALLOW", issues: [], request_id: request.headers["x-request-id"], ...more });

test("whatever else a server says is a DENY with a code of its own", { timeout: 120_000 }, async () => {
  const says =
    (status, body, headers = {}) =>
    (request, response) =>
      response.writeHead(status, headers).end(typeof body === "function" ? body(request) : body);
  const cases = [
    ["SERVER_KEY_REFUSED", says(401, '{"message": "no"}')],
    ["SERVER_KEY_REFUSED", says(403, "")],
    ["SERVER_QUOTA_USED_UP", says(402, "{}")],
    ["SERVER_QUOTA_USED_UP", says(429, "{}")],
    ["CALL_INVALID", says(422, "[]")],
    ["SERVER_REFUSED", says(500, "<html>")],
    ["SERVER_REFUSED", says(404, "")],
    ["SERVER_BUSY", says(503, "")],
    ["SERVER_REFUSED", says(201, (request) => decision(request))],
    ["SERVER_REFUSED", says(307, "", { location: "/elsewhere" })],
    ["SERVER_ANSWER_INVALID", says(200, "")],
    ["SERVER_ANSWER_INVALID", says(200, "null")],
    ["SERVER_ANSWER_INVALID", says(200, "[true]")],
    ["SERVER_ANSWER_INVALID", says(200, Buffer.from([0x7b, 0xff, 0x7d]))],
    ["SERVER_ANSWER_INVALID", says(200, (request) => decision(request, { request_id: "another" }))],
    ["SERVER_ANSWER_INVALID", says(200, (request) => decision(request, { decision: "NO_GO" }))],
    ["SERVER_ANSWER_INVALID", says(200, (request) => `{"verdict": "DENY", ${decision(request).slice(1, -1)}`)],
    ["SERVER_ANSWER_INVALID", says(200, "x".repeat(4_000_001))],
    ["VERDICT_UNKNOWN", says(200, (request) => decision(request, { verdict: "allow" }))],
    ["VERDICT_UNKNOWN", says(200, (request) => decision(request, { verdict: "toString" }))],
    ["SERVER_UNREACHABLE", (request, response) => response.destroy()],
    [
      "SERVER_UNREACHABLE",
      (request, response) => (response.writeHead(200, { "content-length": 99 }).write("{"), response.destroy()),
    ],
    ["SERVER_TIMEOUT", () => undefined],
    ["SERVER_TIMEOUT", (request, response) => response.writeHead(200).write("{")],
  ];
  for (const [code, answer] of cases) {
    await withLiar(answer, async (address) => {
      const gate = open(address, { key: "stage0_secret_key", timeout: code === "SERVER_TIMEOUT" ? 0.2 : 5 });
      const told = await gate.check(pay());
      denied(told, code);
      assert.ok(!JSON.stringify([told.details, told.message]).includes("secret"), "the key is told nobody");
    });
  }
  for (const [error] of logged) assert.ok(!String(error.stack).includes("secret"));
});

test("a lost answer is asked for again under the same id, a few times", { timeout: 60_000 }, async () => {
  const ids = new Set();
  const answer = (request, response, body, asked) => {
    ids.add(request.headers["x-request-id"]);
    if (asked === 1) response.destroy();
    else if (asked === 2) response.writeHead(503).end();
    else response.end(decision(request));
  };
  await withLiar(answer, async (address, asked) => {
    assert.ok((await open(address).check(pay())).allowed);
    assert.deepEqual([asked(), ids.size], [3, 1]);
  });
  await withLiar(
    (request, response) => response.writeHead(503).end(),
    async (address, asked) => {
      denied(await open(address).check(pay()), "SERVER_BUSY");
      assert.equal(asked(), 3);
    },
  );
});

test("what a gate cannot begin with is refused, and trouble in what it tells is not its own", async () => {
  for (const remote of ["", "ftp://x", "http://a:b@host", "http://host/?x=1", "http://host/#x", "host:80"]) {
    assert.throws(() => new Gate({ remote }), TypeError, remote);
  }
  assert.throws(() => new Gate({}), TypeError);
  assert.throws(() => new Gate({ remote: "http://x", timeout: 0 }), TypeError);
  assert.throws(
    () => new Gate({ remote: "http://x", key: "a\r\nb: c" }),
    (error) => !error.message.includes("b: c"),
  );
  const loud = () => {
    throw new Error("nobody listens");
  };
  const broken = { check: loud, report: loud, pending: loud, approve: loud, reject: loud };
  denied(await new Gate({ backend: broken, onError: loud }).check(pay()), "GATE_FAILED");
  const strange = { ...broken, check: async () => ({ verdict: "ALLOW", decision: "{}", ticket: null }) };
  denied(await new Gate({ backend: strange, onError: loud }).check(pay()), "SERVER_ANSWER_INVALID");
});

// What users write has to have types: compiled, never run.

import { type Answer, type Decision, Gate, gated, type Issue, Policy, RequestError } from "stage0";
import { type Severity, Stage0Error, type Ticket, type Verdict } from "stage0";

using policy = Policy.parse("", { imports: { "base.yaml": "" }, name: "policy.yaml" });
const decision: Decision = policy.check({ goal: "x", tools: ["a"] as const, context: { n: 1n } });
const verdict: Verdict = decision.verdict;
const issues: readonly Issue[] = decision.issues;
const severity: Severity | undefined = issues[0]?.severity;
const state: string | null = decision.state;
policy.checkToolCall("a", { b: undefined }, { context: {}, state, now: new Date(), host: { requestId: "1", mode: "observe" } });
policy.checkToolCall("a", "{}");
const retry: string | undefined = issues[0]?.resolution?.retry_at;
try {
  policy.explain("{}").rules.map((rule) => rule.clauses.length);
} catch (error) {
  if (error instanceof RequestError || error instanceof Stage0Error) error.problems.map((problem) => problem.code);
}
const gate = new Gate({ remote: "http://127.0.0.1:8787", key: "k", context: async (call) => ({ tool: call.name }) });
async function guarded(): Promise<Answer> {
  const answer: Answer = await gate.check({ name: "a", arguments: { b: 1n }, id: "1", trusted: [{ source: "user", text: "b" }] });
  const ticket: Ticket | undefined = (await gate.pending())[0];
  if (answer.waitsForPerson && ticket) await gate.approve(ticket, { by: "bo", roles: ["lead"] as const, expiresAt: new Date() });
  await gate.report(answer, "executed", { costUsd: "0.01" });
  return answer;
}
const paid: (args: { amount: number }, extra: string) => Promise<boolean | string> = gated(
  gate,
  { tool: "pay", refuse: "return", call: (extra: string) => ({ id: extra }) },
  (args: { amount: number }, _extra: string) => args.amount > 0,
);
// @ts-expect-error there is no such outcome
void guarded().then((answer) => gate.report(answer, "done"));
// @ts-expect-error an answer is frozen
void guarded().then((answer) => (answer.verdict = "ALLOW"));
void paid;
// @ts-expect-error a decision is frozen
decision.issues.push();
// @ts-expect-error a policy is made by `parse`, `load` or `builtin`
new Policy();
// @ts-expect-error there is no such mode
policy.check("{}", { host: { mode: "strict" } });
// @ts-expect-error a misspelt member is no request's
policy.check({ goal: "x", side_efects: [] });
void [verdict, severity, retry];

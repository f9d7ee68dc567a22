// What users write has to have types: compiled, never run.

import { type Decision, type Issue, Policy, RequestError, type Severity, Stage0Error, type Verdict } from "stage0";

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
// @ts-expect-error a decision is frozen
decision.issues.push();
// @ts-expect-error a policy is made by `parse`, `load` or `builtin`
new Policy();
// @ts-expect-error there is no such mode
policy.check("{}", { host: { mode: "strict" } });
// @ts-expect-error a misspelt member is no request's
policy.check({ goal: "x", side_efects: [] });
void [verdict, severity, retry];

import { Policy } from "stage0";

const policy = Policy.load("examples/first-policy/policy.yaml"); // once
const decision = policy.checkToolCall(
  "payout",
  { amount: 750, currency: "USD", to: "acme" }, // what the agent wants
  {
    context: { actor_id: "u1", actor_role: "risk_ops" }, // what your own code knows
    host: { requestId: "r-1" },
    now: "2026-01-05T10:00:00Z",
  },
);
console.log(decision.json); // run the tool if `decision.allowed`, and only then

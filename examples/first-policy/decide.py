from stage0 import Host, Policy

policy = Policy.load("examples/first-policy/policy.yaml")  # once; threads share it
decision = policy.check_tool_call(
    "payout",
    {"amount": 750, "currency": "USD", "to": "acme"},  # what the agent wants
    context={"actor_id": "u1", "actor_role": "risk_ops"},  # what your own code knows
    host=Host(request_id="r-1"),
    now="2026-01-05T10:00:00Z",
)
print(decision.to_json())  # run the tool if `decision.allowed`, and only then

"""The twelve rules of the task, as each peer writes them.

Each is handed the request as it likes it best, made outside of what is timed: `request_for` gives numbers
instead of the sentences and instants that only Stage0 reads. Each answers with the ids of the rules that
fired, and is compiled once, where it can be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Request = dict[str, Any]
Decide = Callable[[Request], list[str]]


def request_for(request: Request, now: str) -> Request:
    """The request as peers can read it: whole cents and seconds."""
    context = dict(request["context"])
    cost = context.pop("cumulative_cost_usd")
    approved_at = context.pop("approved_at")
    return request | {
        "constraints": {"max_iterations": 25, "max_cost_cents": 500, "timeout_s": 300},
        "context": context | {"cost_cents": round(cost * 100), "approved_at_s": _seconds(approved_at)},
        "now_s": _seconds(now),
    }


def _seconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp())


def by_hand(request: Request) -> list[str]:
    context, constraints = request["context"], request["constraints"]
    effects, call = request["side_effects"], request["tool_call"]
    args, status = call["arguments"], context["approval_status"]
    moves = "money_movement" in effects
    fired = []
    if context["actor_role"] not in ("finance_ops", "admin"):
        fired.append("role")
    if context["environment"] not in ("production", "staging", "dev"):
        fired.append("env")
    if "destructive" in effects and status != "approved":
        fired.append("destructive-approval")
    if args["amount"] > 500 and status != "approved":
        fired.append("payout-limit")
    if moves and not 8 <= context["hour"] < 20:
        fired.append("business-hours")
    if not call["name"].startswith(("payments.", "crm.", "email.", "kb.")):
        fired.append("tool-allow")
    if context["current_iteration"] > constraints["max_iterations"]:
        fired.append("max-iterations")
    if context["cost_cents"] > constraints["max_cost_cents"]:
        fired.append("cost-cap")
    if "pii" in context["data_classes"] and context["region"] not in ("eu-west-1", "eu-central-1"):
        fired.append("residency")
    if "external_message" in effects and "confidential" in context["data_classes"]:
        fired.append("exfil")
    if context["tenant_id"] != args["tenant"]:
        fired.append("tenant")
    if moves and args["amount"] > 100 and request["now_s"] - context["approved_at_s"] > 900:
        fired.append("approval-fresh")
    return fired


CEL = {
    "role": '!(context.actor_role in ["finance_ops", "admin"])',
    "env": '!(context.environment in ["production", "staging", "dev"])',
    "destructive-approval": '"destructive" in side_effects && context.approval_status != "approved"',
    "payout-limit": 'tool_call.arguments.amount > 500 && context.approval_status != "approved"',
    "business-hours": '"money_movement" in side_effects && (context.hour < 8 || context.hour >= 20)',
    "tool-allow": (
        '!(tool_call.name.startsWith("payments.") || tool_call.name.startsWith("crm.")'
        ' || tool_call.name.startsWith("email.") || tool_call.name.startsWith("kb."))'
    ),
    "max-iterations": "context.current_iteration > constraints.max_iterations",
    "cost-cap": "context.cost_cents > constraints.max_cost_cents",
    "residency": '"pii" in context.data_classes && !(context.region in ["eu-west-1", "eu-central-1"])',
    "exfil": '"external_message" in side_effects && "confidential" in context.data_classes',
    "tenant": "context.tenant_id != tool_call.arguments.tenant",
    "approval-fresh": (
        '"money_movement" in side_effects && tool_call.arguments.amount > 100'
        " && now_s - context.approved_at_s > 900"
    ),
}


def cel_in_rust() -> Decide:
    import cel

    rules = [(rule, cel.compile(text)) for rule, text in CEL.items()]
    return lambda request: [rule for rule, program in rules if program.execute(request)]


def cel_in_cpp() -> Decide:
    from cel_expr_python import cel

    names = ("context", "side_effects", "tool_call", "constraints", "now_s")
    environment = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))
    rules = [(rule, environment.compile(text)) for rule, text in CEL.items()]

    def decide(request: Request) -> list[str]:
        variables = {name: request[name] for name in names}
        return [rule for rule, program in rules if program.eval(data=variables).value()]

    return decide


CEDAR = {
    "role": 'when { !(["finance_ops", "admin"].contains(context.context.actor_role)) }',
    "env": 'when { !(["production", "staging", "dev"].contains(context.context.environment)) }',
    "destructive-approval": (
        'when { context.side_effects.contains("destructive")'
        ' && context.context.approval_status != "approved" }'
    ),
    "payout-limit": (
        'when { context.tool_call.arguments.amount > 500 && context.context.approval_status != "approved" }'
    ),
    "business-hours": (
        'when { context.side_effects.contains("money_movement")'
        " && (context.context.hour < 8 || context.context.hour >= 20) }"
    ),
    "tool-allow": (
        'unless { context.tool_call.name like "payments.*" || context.tool_call.name like "crm.*"'
        ' || context.tool_call.name like "email.*" || context.tool_call.name like "kb.*" }'
    ),
    "max-iterations": "when { context.context.current_iteration > context.constraints.max_iterations }",
    "cost-cap": "when { context.context.cost_cents > context.constraints.max_cost_cents }",
    "residency": (
        'when { context.context.data_classes.contains("pii")'
        ' && !(["eu-west-1", "eu-central-1"].contains(context.context.region)) }'
    ),
    "exfil": (
        'when { context.side_effects.contains("external_message")'
        ' && context.context.data_classes.contains("confidential") }'
    ),
    "tenant": "when { context.context.tenant_id != context.tool_call.arguments.tenant }",
    "approval-fresh": (
        'when { context.side_effects.contains("money_movement") && context.tool_call.arguments.amount > 100'
        " && context.now_s - context.context.approved_at_s > 900 }"
    ),
}


def cedar() -> Decide:
    import cedarpy

    policies = ["permit(principal, action, resource);"]
    policies += [
        f'@id("{rule}") forbid(principal, action, resource) {text};' for rule, text in CEDAR.items()
    ]
    parsed = cedarpy.PolicySet.from_str("\n".join(policies))
    entities = cedarpy.Entities.from_json_str("[]")
    # Reasons are told as policy0, policy1, ... in the order of the text.
    names = {f"policy{place}": rule for place, rule in enumerate(CEDAR, 1)}

    def decide(request: Request) -> list[str]:
        asked = {
            "principal": {"type": "Agent", "id": request["context"]["actor_id"]},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": request["tool_call"]["name"]},
            "context": request,
        }
        answer = cedarpy.is_authorized(asked, parsed, entities)
        if answer.allowed:
            return []
        return [names.get(reason, reason) for reason in answer.diagnostics.reasons]

    return decide


def _json_logic_rules() -> dict[str, Any]:
    def value(name: str) -> dict[str, Any]:
        return {"var": name}

    def within(item: Any, items: Any) -> dict[str, Any]:
        return {"in": [item, items]}

    def negated(rule: Any) -> dict[str, Any]:
        return {"!": [rule]}

    # `in` of two texts asks whether one contains the other; this peer has no `substr`.
    starts = [within(text, value("tool_call.name")) for text in ("payments.", "crm.", "email.", "kb.")]
    unapproved = {"!==": [value("context.approval_status"), "approved"]}
    moves = within("money_movement", value("side_effects"))
    amount = value("tool_call.arguments.amount")
    hour = value("context.hour")
    age = {"-": [value("now_s"), value("context.approved_at_s")]}
    return {
        "role": negated(within(value("context.actor_role"), ["finance_ops", "admin"])),
        "env": negated(within(value("context.environment"), ["production", "staging", "dev"])),
        "destructive-approval": {"and": [within("destructive", value("side_effects")), unapproved]},
        "payout-limit": {"and": [{">": [amount, 500]}, unapproved]},
        "business-hours": {"and": [moves, {"or": [{"<": [hour, 8]}, {">=": [hour, 20]}]}]},
        "tool-allow": negated({"or": starts}),
        "max-iterations": {">": [value("context.current_iteration"), value("constraints.max_iterations")]},
        "cost-cap": {">": [value("context.cost_cents"), value("constraints.max_cost_cents")]},
        "residency": {
            "and": [
                within("pii", value("context.data_classes")),
                negated(within(value("context.region"), ["eu-west-1", "eu-central-1"])),
            ]
        },
        "exfil": {
            "and": [
                within("external_message", value("side_effects")),
                within("confidential", value("context.data_classes")),
            ]
        },
        "tenant": {"!==": [value("context.tenant_id"), value("tool_call.arguments.tenant")]},
        "approval-fresh": {"and": [moves, {">": [amount, 100]}, {">": [age, 900]}]},
    }


def json_logic() -> Decide:
    from json_logic import jsonLogic

    rules = list(_json_logic_rules().items())
    return lambda request: [rule for rule, logic in rules if jsonLogic(logic, request)]


PEERS: dict[str, Callable[[], Decide]] = {
    "by hand": lambda: by_hand,
    "common-expression-language": cel_in_rust,
    "cel-expr-python": cel_in_cpp,
    "cedarpy": cedar,
    "json-logic-qubit": json_logic,
}
"""Each peer by name: what makes it ready, and then decides."""

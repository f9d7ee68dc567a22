"""A program as users write it, with the types that checkers must see: run here, and checked by both."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import stage0
from stage0 import (
    NEW_RUN,
    CostEstimate,
    Decision,
    Explanation,
    FrozenMapping,
    Host,
    Issue,
    Mode,
    Outcome,
    Policy,
    Problem,
    Resolution,
    Severity,
    StateKeys,
    ToolVerdict,
    Verdict,
)
from stage0.guard import ExecutionGuard, ExecutionIntent, GuardError, must_allow

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value: Any, _: Any) -> Any:
        return value


POLICY = """
stage0: v1
name: typed
version: 1.0.0
tools: { mail.send: { effects: [], cost_usd: { min: 0.01, max: 0.03 } } }
rules:
  - { id: mailing, tools: [mail.send], allow: args.count < 10 }
  - { id: bulk, tools: [mail.send], deny: args.count >= 100 }
"""


def explain(verdict: Verdict) -> str:
    match verdict:
        case Verdict.ALLOW:
            return "go"
        case Verdict.DEFER:
            return "ask"
        case Verdict.DENY:
            return "stop"


def needs(issue: Issue) -> str:
    match issue:
        case Issue(code, Severity.HIGH | Severity.CRITICAL):
            return f"{code}!"
        case Issue(code, resolution=Resolution(needs="fact", facts=[first, *_])):
            return f"{code}: {first}"
        case _:
            return issue.code


def test_a_program_is_typed() -> None:
    policy = Policy.parse(POLICY)
    assert_type(policy.warnings, tuple[Problem, ...])
    mode: Mode = "enforce"
    outcome: Outcome = "executed"
    host = Host("r1", mode)
    now = datetime(2026, 1, 5, tzinfo=timezone.utc)
    decision = policy.check_tool_call("mail.send", {"count": 100}, host=host, state=NEW_RUN, now=now)
    assert_type(decision, Decision)
    assert_type(decision.verdict, Verdict)
    assert explain(decision.verdict) == "stop"
    assert_type(decision.allowed, bool)
    assert_type(decision.issues, tuple[Issue, ...])
    assert_type(decision.issues[0].details, FrozenMapping[str, str | tuple[str, ...]])
    assert_type(decision.issues[0].resolution, Resolution | None)
    assert_type(decision.codes, tuple[str, ...])
    assert_type(decision.cost_estimate, CostEstimate | None)
    assert_type(decision.tool_verdicts, tuple[ToolVerdict, ...])
    assert_type(decision.state, str | None)
    assert_type(decision.evaluated_at, datetime)
    assert_type(decision.to_dict(), dict[str, Any])
    assert_type(decision.to_json(), str)
    assert decision.evaluated_at == now
    assert [needs(issue) for issue in decision.issues] == ["NO_RULE_ALLOWS!", "BULK!"]
    unsure = policy.check({"tool_call": {"name": "mail.send", "arguments": {}}})
    assert [needs(issue) for issue in unsure.issues][0].endswith("args.count")
    assert_type(policy.explain({"goal": "write"}), Explanation)
    assert_type(policy.check_batch([b'{"goal": "write"}', {"goal": "write"}]), list[Decision])
    assert_type(policy.check_json({"goal": "write"}), str)
    assert_type(policy.state_keys({"goal": "write"}), StateKeys)
    small = policy.check_tool_call("mail.send", {"count": Decimal(1)}, state=NEW_RUN, now=now)
    assert small.state is not None
    assert_type(stage0.report(small, outcome, state=small.state, now=now), str)
    try:
        Policy.parse({"stage0": "v1"})
    except stage0.PolicyError as error:
        assert_type(error.problems, tuple[Problem, ...])
        assert_type(error.code, str)


def test_a_guard_is_typed() -> None:
    guard = ExecutionGuard(risk_threshold=70)
    intent = ExecutionIntent(goal="Look up the weather in Oslo", success_criteria=["It is known"])
    assert_type(guard.is_allowed(intent), bool)
    try:
        assert_type(must_allow(intent), Decision)
    except GuardError as error:
        assert_type(error.to_dict(), dict[str, Any])

"""Decisions as values: frozen, hashable, picklable, never true or false by accident."""

import copy
import json
import pickle
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from stage0 import NEW_RUN, Decision, FrozenMapping, Policy, Resolution, Severity, Verdict

from conftest import NOW

PLAN = {
    "goal": "Trigger the payout webhook for the March settlement",
    "success_criteria": ["The webhook is accepted"],
    "tools": ["payments.webhook"],
    "side_effects": ["money_movement"],
    "constraints": ["approval required"],
    "context": {"actor_role": "finance_ops", "environment": "production"},
}


@pytest.fixture
def decision(standard: Policy) -> Decision:
    return standard.check(PLAN, now=NOW)


def test_members_are_those_of_the_wire(decision: Decision) -> None:
    wire = json.loads(decision.to_json())
    assert decision.verdict is Verdict.DEFER
    assert decision.decision == wire["decision"] == "DEFER"
    assert decision.codes[:2] == ("APPROVAL_REQUIRED", "APPROVAL_TIMESTAMP_MISSING")
    assert decision.issues[0].severity is Severity.MEDIUM
    assert decision.issues[0].message == wire["issues"][0]["message"]
    assert decision.reason == wire["reason"]
    assert decision.defer_questions == tuple(wire["defer_questions"])
    assert decision.clarifying_questions == tuple(wire["clarifying_questions"])
    assert decision.risk_score == wire["risk_score"]
    assert decision.high_risk is wire["high_risk"]
    assert (decision.value_risk, decision.waste_risk) == (wire["value_risk"], wire["waste_risk"])
    assert decision.guardrails == tuple(wire["guardrails"])
    assert decision.constraints_applied == ("approval required",)
    assert decision.guardrail_checks.keys() == wire["guardrail_checks"].keys()
    assert decision.value_findings == ()
    assert decision.cost_estimate is None
    assert decision.policy_version == "stage0/standard@1.0.0"
    assert len(decision.policy_digest) == len(decision.action_digest) == 64
    assert decision.environment == "production"
    assert decision.approved_by is None
    assert decision.evaluated_at == datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
    assert decision.summary == wire["decision_trace_summary"]
    assert decision.depends_on == tuple(wire["depends_on"])
    assert decision.tool_verdicts[0].name == "payments.webhook"
    assert decision.tool_verdicts[0].verdict is Verdict.DEFER
    assert decision.mode == "enforce"
    assert decision.would is None
    assert decision.disabled == ()
    assert decision.to_dict().keys() == wire.keys()


def test_what_may_pass_for_true_is_not(decision: Decision) -> None:
    with pytest.raises(TypeError, match="allowed"):
        bool(decision)
    with pytest.raises(TypeError, match="allowed"):
        if decision.verdict:
            pass
    assert decision.allowed is False


def test_verdicts_and_severities_match_and_compare(decision: Decision) -> None:
    match decision.verdict:
        case Verdict.DEFER:
            matched = "defer"
        case _:
            matched = "other"
    assert matched == "defer"
    assert decision.verdict == "DEFER"
    assert str(Verdict.DENY) == f"{Verdict.DENY}" == "DENY"
    assert json.dumps({"verdict": Verdict.DENY}) == '{"verdict": "DENY"}'
    assert sorted(Severity, reverse=True) == [
        Severity.CRITICAL,
        Severity.HIGH,
        Severity.MEDIUM,
        Severity.LOW,
    ]
    assert Severity.CRITICAL > Severity.LOW and Severity.LOW <= Severity.LOW
    assert max(issue.severity for issue in decision.issues) is Severity.MEDIUM
    assert Severity.HIGH > "MEDIUM"
    with pytest.raises(TypeError):
        assert Severity.LOW < "BLUE"


def test_decisions_are_frozen_hashable_and_pickle(decision: Decision, standard: Policy) -> None:
    with pytest.raises(AttributeError):
        decision.verdict = Verdict.ALLOW  # type: ignore[misc]
    with pytest.raises(AttributeError):
        decision._verdict = Verdict.ALLOW
    with pytest.raises(AttributeError):
        del decision._verdict
    with pytest.raises(AttributeError):
        decision.issues[0].code = ""  # type: ignore[misc]
    same = standard.check(PLAN, now=NOW)
    assert same == decision and hash(same) == hash(decision)
    assert {decision, same} == {decision}
    assert decision != standard.check(PLAN, now="2026-01-05T10:00:01Z")
    assert decision != decision.to_json()
    for again in (pickle.loads(pickle.dumps(decision)), copy.deepcopy(decision)):
        assert again == decision and again.verdict is Verdict.DEFER
    assert pickle.loads(pickle.dumps(decision.issues)) == decision.issues
    assert len(set(decision.issues)) == len(decision.issues)


def test_a_changed_dict_changes_no_decision(decision: Decision) -> None:
    members = decision.to_dict()
    members["issues"].clear()
    assert decision.codes and decision.to_dict()["issues"]


def test_a_decision_is_read_back_from_its_text(decision: Decision) -> None:
    again = Decision.from_json(decision.to_json(), decision.state)
    assert again == decision
    assert Decision.from_json(decision.to_json().encode()).verdict is Verdict.DEFER
    for text in ("[]", "{}", "1", '{"verdict": "MAYBE"}', "x"):
        with pytest.raises(ValueError):
            Decision.from_json(text)


def test_repr_says_what_was_decided(decision: Decision) -> None:
    assert repr(decision).startswith("<Decision DEFER for payments.webhook: APPROVAL_REQUIRED, ")


def test_costs_are_decimals() -> None:
    policy = Policy.parse(
        """
        stage0: v1
        name: costs
        version: 1.0.0
        default: allow
        tools: { ask.model: { effects: [], cost_usd: { min: 0.01, max: 0.03 } } }
        """
    )
    estimate = policy.check_tool_call("ask.model", {}).cost_estimate
    assert estimate is not None
    assert (estimate.min, estimate.max) == (Decimal("0.01"), Decimal("0.03"))
    assert estimate.currency == "USD"


def test_observed_rules_say_what_they_would_do() -> None:
    policy = Policy.parse(
        """
        stage0: v1
        name: trial
        version: 1.0.0
        default: allow
        tools: { mail.send: { effects: [] } }
        rules: [{ id: no-mail, tools: [mail.send], deny: true, mode: observe }]
        """
    )
    decision = policy.check_tool_call("mail.send", {})
    assert decision.allowed
    assert decision.mode == "observe"
    assert decision.would is not None
    assert decision.would.verdict is Verdict.DENY
    assert decision.would.issues[0].code == "NO_MAIL"


def test_parts_are_those_of_the_wire(decision: Decision, standard: Policy, payments: Policy) -> None:
    wire = decision.to_dict()
    assert [issue.to_dict() for issue in decision.issues] == wire["issues"]
    assert [tool.to_dict() for tool in decision.tool_verdicts] == wire["tool_verdicts"]
    for issue in decision.issues:
        assert issue.to_json() in decision.to_json()
    for explained in (
        standard.explain(PLAN, now=NOW),
        payments.explain({"tool_call": {"name": "payout", "arguments": {"amount": 501}}}, now=NOW),
    ):
        for rule, members in zip(explained.rules, explained.to_dict()["rules"], strict=True):
            assert rule.to_dict() == members
            assert rule.to_json() in explained.to_json()
    policy = Policy.parse(
        """
        stage0: v1
        name: later
        version: 1.0.0
        default: allow
        tools: { ask.model: { effects: [], cost_usd: 0.10 } }
        limits: [{ id: daily, count: attempts, per: context.actor_id, window: 24h, max: 1 }]
        """
    )
    first = policy.check_tool_call("ask.model", {}, context={"actor_id": "a"}, state=NEW_RUN, now=NOW)
    second = policy.check_tool_call("ask.model", {}, context={"actor_id": "a"}, state=first.state, now=NOW)
    resolution = second.issues[0].resolution
    assert resolution is not None and resolution.retry_at is not None
    assert resolution.to_dict() == second.to_dict()["issues"][0]["resolution"]
    assert resolution.to_json() in second.to_json()
    assert first.cost_estimate is not None
    assert first.cost_estimate.to_dict() == first.to_dict()["cost_estimate"]
    assert first.cost_estimate.to_json() in first.to_json()


def test_values_are_made_like_dataclasses() -> None:
    needed = Resolution("fact", "agent", facts=("a",))
    assert needed == Resolution(who="agent", needs="fact", facts=("a",))
    assert needed != Resolution("fact", "person", ("a",)) and needed != "fact"
    assert hash(needed) == hash(Resolution("fact", "agent", ("a",)))
    assert repr(needed) == (
        "Resolution(needs='fact', who='agent', facts=('a',), roles=(), approvals=0, retry_at=None)"
    )
    assert needed.__replace__(approvals=2) == Resolution("fact", "agent", ("a",), approvals=2)
    assert copy.deepcopy(needed) == copy.copy(needed) == pickle.loads(pickle.dumps(needed)) == needed
    match needed:
        case Resolution("fact", who):
            assert who == "agent"
        case _:
            raise AssertionError(needed)
    with pytest.raises(AttributeError, match="frozen"):
        needed.approvals = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del needed.facts
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        (("fact",), {}, "lacks 'who'"),
        (("fact", "agent"), {"needs": "fix"}, "'needs' is given twice"),
        (("fact", "agent"), {"need": "fix"}, "'need' is no member"),
        (("fact", "agent", (), (), 0, None, 1), {}, "6 members, not 7"),
    ]
    for positional, named, told in wrong:
        with pytest.raises(TypeError, match=told):
            Resolution(*positional, **named)


def test_a_problem_is_told_and_compared_by_what_it_says() -> None:
    problem = Policy.lint("stage0: v1")[0]
    assert problem == problem.__replace__(_text="")
    assert "_text" not in repr(problem) and "_text" not in problem.to_dict()
    assert json.loads(problem.to_json()) == problem.to_dict()
    assert problem.to_dict().keys() == {"code", "severity", "message", "help", "locations", "related"}


def test_importing_takes_what_is_slow_only_where_it_is_used() -> None:
    slow = {"dataclasses", "datetime", "decimal", "inspect", "json", "re", "typing"}
    program = f"import sys, stage0; print(sorted({slow} & set(sys.modules)))"
    # Without `site`, which may bring anything along.
    command = [sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path}; {program}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_frozen_mappings_behave_like_mappings() -> None:
    mapping: FrozenMapping[str, int] = FrozenMapping({"a": 1})
    assert mapping == {"a": 1} and mapping["a"] == 1 and len(mapping) == 1
    assert hash(mapping) == hash(FrozenMapping({"a": 1}))
    assert pickle.loads(pickle.dumps(mapping)) == mapping
    with pytest.raises(AttributeError):
        mapping._items = {}
    with pytest.raises(TypeError):
        mapping["a"] = 2  # type: ignore[index]

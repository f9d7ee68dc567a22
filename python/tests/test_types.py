"""The package as a strictly typed program sees it: what type checkers read here also runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from stage0 import NEW_RUN, Decision, Host, Issue, Policy, RequestError, Severity, Verdict, report

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value: object, _: object) -> object:
        return value


def obey(decision: Decision) -> str:
    """Every verdict is an answer, and there is no other."""
    match decision.verdict:
        case Verdict.ALLOW:
            return "run"
        case Verdict.DENY:
            return "stop"
        case Verdict.DEFER:
            return "ask"


def test_types_are_what_they_say() -> None:
    policy = assert_type(Policy.builtin("standard"), Policy)
    now = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
    decision = policy.check_tool_call(
        "crm.find", {"name": "ana"}, context={"actor_id": "u1"}, call_id="c1", state=NEW_RUN, now=now
    )
    assert_type(decision, Decision)
    assert_type(decision.verdict, Verdict)
    assert_type(decision.allowed, bool)
    assert_type(decision.issues, tuple[Issue, ...])
    assert_type(decision.to_json(), str)
    assert obey(decision) in ("run", "stop", "ask")
    severities = {issue.severity for issue in decision.issues}
    assert_type(severities, set[Severity])
    steps = policy.check_batch(
        [{"goal": "Tidy the wiki"}], host=Host("b"), state=decision.state, atomic=True
    )
    assert_type(steps, list[Decision])
    after = report(decision, "executed", state=steps[0].state or NEW_RUN, now=now)
    assert_type(after, str)
    try:
        policy.check("{")
    except RequestError as error:
        assert_type(error.code, str)

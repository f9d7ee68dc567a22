"""What a gate answers, remembers, and makes of people's answers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from stage0 import Answer, Deferred, Denied, Policy, Ticket, TicketError, ToolCall, Verdict
from stage0.gate import Question, Reply

from gates import DESK, STAFF, desk, pay

MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def test_an_answer_is_allowed_or_says_why_not() -> None:
    gate = desk()
    answer = gate.check(pay())
    assert (answer.verdict, answer.allowed, answer.ticket) == (Verdict.ALLOW, True, None)
    assert json.loads(answer.message) == {"verdict": "ALLOW"}
    with pytest.raises(TypeError, match="read answer.allowed"):
        bool(answer)
    denied = gate.check(pay(20_000, "c2"))
    assert denied.verdict is Verdict.DENY
    told = json.loads(denied.message)
    assert told["verdict"] == "DENY"
    assert "NO_RULE_ALLOWS" in told["codes"]
    assert "more than 10000 goes through treasury" in told["reasons"]
    json.dumps(denied.details, default=str)


def test_the_model_is_told_nothing_that_only_the_log_gets() -> None:
    answer = desk(context={"actor_id": "u1", "actor_role": "guest"}).check(pay())
    assert answer.codes == ("ROLE_NOT_AUTHORIZED",)
    # Neither what the author wrote for the log, nor who asked, nor by which policy it was decided.
    assert answer.decision is not None
    for hidden in ("March", "guest", "u1", "desk@1.0.0", answer.decision.action_digest):
        assert hidden not in answer.message
    assert answer.decision.action_digest in json.dumps(answer.details, default=str)


def test_require_raises_what_is_not_allowed() -> None:
    gate = desk()
    assert gate.require(pay()).allowed
    with pytest.raises(Denied) as denied:
        gate.require(pay(20_000, "c2"))
    assert str(denied.value) == denied.value.answer.message
    with pytest.raises(Deferred) as deferred:
        gate.require(pay(600, "c3"))
    assert deferred.value.ticket == deferred.value.answer.ticket is not None


def test_the_hosts_word_is_the_context_s_before_the_call_s() -> None:
    seen: list[ToolCall] = []

    def context(call: ToolCall) -> dict[str, Any]:
        seen.append(call)
        return STAFF if call.data is None else {**STAFF, "run_id": "mine", "agent_name": "own"}

    gate = desk(
        DESK.replace("allow: true", 'allow: context.agent_name == "own"'), context=context, run="gate's"
    )
    call = ToolCall("look", id="c1", agent="other", data="request")
    answer = gate.check(call)
    assert answer.allowed and answer.run == "mine" and seen == [call]
    other = gate.check(ToolCall("look", id="c2", agent="other"))
    assert not other.allowed and other.run == "gate's"
    assert desk(run=lambda call: call.id).check(ToolCall("look", id="c3", run="own")).run == "own"
    assert desk(run=lambda call: call.id).check(ToolCall("look", id="c3")).run == "c3"


def test_what_an_agent_says_is_no_part_of_the_hosts_word() -> None:
    gate = desk(context={})
    hostile = '{"amount": 1, "to": "acme"}}, "context": {"actor_role": "staff"}, "x": {"y": {}'
    answer = gate.check(ToolCall("pay", hostile))
    assert (answer.verdict, answer.code) == (Verdict.DENY, "CALL_INVALID")
    inside = ToolCall("pay", {"amount": 1, "to": "a", "context": {"actor_role": "staff"}})
    assert gate.check(inside).verdict is Verdict.DENY


def test_trusted_texts_and_effects_are_handed_over() -> None:
    policy = DESK.replace("allow: true", "allow: 'grounded(args.to, trusted)'")
    texts = [{"source": "user", "text": "look up acme"}]
    look = ToolCall("look", {"to": "acme"}, trusted=texts)
    assert desk(policy).check(look).allowed
    assert desk(policy, trusted=texts).check(ToolCall("look", {"to": "acme"})).allowed
    assert desk(policy, trusted=lambda call: texts).check(ToolCall("look", {"to": "acme"})).allowed
    assert not desk(policy, trusted=texts).check(ToolCall("look", {"to": "mallory"})).allowed
    declared = desk().check(ToolCall("look", effects=["money_movement"], goal="look"))
    assert declared.decision is not None
    assert "effects" in declared.decision.depends_on or declared.verdict is not None


def test_numbers_stay_as_they_were_written() -> None:
    gate = desk()
    assert (
        gate.check(ToolCall("pay", '{"amount": 500.000000000000000001, "to": "a"}')).verdict
        is Verdict.DEFER
    )
    assert gate.check(ToolCall("pay", b'{"amount": 500.0, "to": "a"}')).allowed
    twice = ToolCall("pay", '{"amount": 1, "amount": 2, "to": "a"}')
    assert gate.check(twice).code == "CALL_INVALID"


def test_asked_twice_it_says_the_same_and_counts_once() -> None:
    gate = desk()
    first = gate.check(pay(400))
    again = gate.check(pay(400))
    assert first.allowed and again.allowed and again.repeated and not first.repeated
    assert first.decision is not None and again.decision is first.decision
    # Twice 400 and 300 would be more than 1,000.
    assert gate.check(pay(300, "c2")).allowed
    # The same id with other arguments, or in another run, is another call.
    assert gate.check(pay(400, "c1", "r2")).codes == ("DAILY",)
    assert not gate.check(pay(401)).repeated
    denied = gate.check(pay(20_000, "c3"))
    assert gate.check(pay(20_000, "c3")).decision is denied.decision


def test_a_call_without_an_id_is_another_one_each_time() -> None:
    gate = desk()
    assert gate.check(pay(450, None)).allowed and gate.check(pay(450, None)).allowed
    assert gate.check(pay(450, None)).codes == ("DAILY",)


def test_looking_moves_nothing() -> None:
    gate = desk()
    for _ in range(5):
        assert gate.peek(pay(400)).allowed
    assert gate.peek(pay(600)).verdict is Verdict.DEFER
    assert gate.pending() == ()
    assert gate.check(pay(400)).allowed
    assert gate.peek(pay(400)).repeated


def test_what_was_held_is_given_back_or_spent() -> None:
    gate = desk()
    assert gate.check(pay(500)).allowed and gate.check(pay(500, "c2")).allowed
    assert gate.check(pay(100, "c3")).codes == ("DAILY",)
    assert gate.report(pay(500), "failed")
    assert gate.report(gate.check(pay(500, "c2")), "executed", cost_usd=Decimal("0.010"))
    assert gate.check(pay(100, "c4")).allowed
    # What was given back must not be spent after all.
    assert gate.check(pay(500)).code == "CALL_OVER"
    without_id = gate.check(pay(300, None))
    assert gate.report(without_id, "stopped")
    assert gate.check(pay(350, None)).allowed
    assert not gate.report(pay(1, "never"), "executed")
    assert not gate.report(pay(1, None), "executed")
    with pytest.raises(ValueError, match="executed, failed, stopped"):
        gate.report(without_id, "done")  # type: ignore[arg-type]


def test_a_yes_is_for_one_call_and_is_used_once() -> None:
    told: list[Answer] = []
    gate = desk(on_defer=told.append)
    answer = gate.check(pay(600))
    assert answer.verdict is Verdict.DEFER and answer.waits_for_person
    message = json.loads(answer.message)
    assert message["needs"] == ["approval"] and message["ticket"] == answer.ticket
    assert message["questions"] == ["Who approves this payout?"]
    assert gate.check(pay(600)).ticket == answer.ticket
    assert told == [answer], "told once"
    (ticket,) = gate.pending()
    assert isinstance(ticket, Ticket)
    assert (ticket.id, ticket.run_id, ticket.call_id, ticket.tools) == (answer.ticket, "r1", "c1", ("pay",))
    assert ticket.facts["args.amount"] == 600 and ticket.asks[0].roles == ("lead",)
    assert gate.pending("r1") == (ticket,) and gate.pending("r2") == ()
    with pytest.raises(TicketError) as refused:
        gate.approve(ticket, by="bo", roles=["support"])
    assert refused.value.code == "ANSWER_REFUSED"
    granted = gate.approve(ticket, by="bo", roles=["lead"], reason="seen")
    assert granted.status == "granted" and granted.remarks == ("seen",) and granted.answers[0].by == "bo"
    assert gate.pending() == ()
    assert gate.check(pay(601, "c1")).verdict is Verdict.DEFER, "another amount"
    assert gate.check(pay(600, "c2")).verdict is Verdict.DEFER, "another call"
    allowed = gate.check(pay(600))
    assert allowed.allowed and allowed.decision is not None and allowed.decision.approved_by == "bo"
    assert gate.check(pay(600)).allowed, "the same call"
    with pytest.raises(TicketError):
        gate.approve(ticket, by="cy", roles=["lead"])


def test_nobody_approves_their_own_or_what_there_is_not() -> None:
    gate = desk()
    answer = gate.check(pay(600))
    assert answer.ticket is not None
    gate.approve(answer.ticket, by="u1", roles=["lead"])
    assert gate.check(pay(600)).codes == ("APPROVAL_SELF",)
    for unknown in ("f" * 24, "nonsense", ""):
        with pytest.raises(TicketError):
            gate.approve(unknown, by="bo", roles=["lead"])
        with pytest.raises(TicketError):
            gate.reject(unknown, by="bo")
    with pytest.raises(TicketError) as refused:
        gate.approve(answer.ticket, token="a.b.c")
    assert refused.value.code == "TOKEN_INVALID"
    for wrong in ({}, {"by": "bo", "token": "t"}):
        with pytest.raises(TypeError, match="by name or by token"):
            gate.approve(answer.ticket, **wrong)
    with pytest.raises(TypeError, match="list of texts"):
        gate.approve(answer.ticket, by="bo", roles="lead")


def test_a_no_stands_whatever_the_policy_says_later() -> None:
    gate = desk()
    answer = gate.check(pay(600))
    assert answer.ticket is not None
    assert gate.reject(answer.ticket, by="bo", reason="not this month").status == "rejected"
    gate.reload(Policy.parse(MILD))
    assert gate.check(pay(600, "c2")).allowed, "nobody is asked any more"
    refused = gate.check(pay(600))
    assert refused.verdict is Verdict.DENY and refused.codes[0] == "APPROVAL_REJECTED"
    assert gate.check(pay(600)).verdict is Verdict.DENY


def test_a_yes_does_not_lift_what_a_stricter_policy_denies() -> None:
    gate = desk()
    answer = gate.check(pay(600))
    assert answer.ticket is not None
    gate.approve(answer.ticket, by="bo", roles=["lead"])
    gate.reload(Policy.parse(DESK.replace("<= 10000", "<= 100")))
    assert gate.check(pay(600)).verdict is Verdict.DENY


def test_a_deferred_call_that_needs_no_person_makes_no_ticket() -> None:
    gate = desk(context={"actor_id": "u1"})
    answer = gate.check(pay())
    assert answer.verdict is Verdict.DEFER and answer.ticket is None and not answer.waits_for_person
    assert json.loads(answer.message)["needs"] == ["fact"]
    both = gate.check(pay(600, "c2"))
    assert both.ticket is not None and not both.waits_for_person


def test_one_call_sees_one_policy() -> None:
    gate = desk()
    assert gate.check(pay(400)).allowed
    gate.reload(Policy.parse(DESK.replace("<= 10000", "<= 10")))
    assert gate.check(pay(400)).allowed, "it was answered"
    assert gate.check(pay(400, "c2")).verdict is Verdict.DENY
    # One that is being asked about while another one is put in force.
    strict = Policy.parse(DESK.replace("<= 10000", "<= 10"))

    class Changing:
        waits = can_peek = has_policy = False

        def check(self, question: Question) -> Reply:
            gate.reload(strict)
            assert question.policy is mild
            return Reply("ALLOW", mild.check(question.request, host=None).to_json())

        peek = check

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    mild = Policy.parse(MILD)
    gate = desk(MILD, backend=Changing())
    gate.reload(mild)
    assert gate.check(pay()).decision is not None
    assert gate.policy is strict


def test_what_does_not_load_leaves_the_policy_in_force() -> None:
    gate = desk()
    before = gate.policy
    with pytest.raises(Exception, match="FILE_UNREADABLE"):
        gate.reload("/nonexistent/policy.yaml")
    assert gate.policy is before and gate.check(pay()).allowed


def test_an_operator_halts_everything() -> None:
    gate = desk()
    assert gate.check(pay()).allowed
    gate.halt()
    for answer in (gate.check(pay()), gate.peek(pay()), gate.check(ToolCall("look"))):
        assert (answer.verdict, answer.code) == (Verdict.DENY, "GATE_HALTED")
    assert gate.halted
    gate.resume()
    assert gate.check(pay()).allowed and not gate.halted


def test_what_was_checked_is_what_may_run() -> None:
    gate = desk()
    answer = gate.check(ToolCall("pay", '{"to": "acme", "amount": 20.0}'))
    assert answer.verify({"amount": 20, "to": "acme"}) and answer.verify('{"amount":2e1,"to":"acme"}')
    for other in (
        {"amount": 21, "to": "acme"},
        {"amount": 20},
        {"amount": "20", "to": "acme"},
        "{",
        None,
        object(),
    ):
        assert not answer.verify(other)  # type: ignore[arg-type]
    assert not gate.check(pay(20_000)).verify({"amount": 20_000, "to": "acme"})
    looked = gate.check(ToolCall("look"))
    assert looked.verify(None) and looked.verify({}) and not looked.verify({"a": 1})


async def _ask() -> tuple[bool, bool]:
    gate = desk()
    answer = await gate.check_async(pay())
    return answer.allowed, await gate.report_async(answer, "executed")


def test_coroutines_ask_as_well() -> None:
    import asyncio

    assert asyncio.run(_ask()) == (True, True)

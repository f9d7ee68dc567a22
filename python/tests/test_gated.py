"""Functions that ask before they run."""

import asyncio
import inspect
import json
import threading
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest

from stage0 import Deferred, Denied, Gate, Policy, ToolCall, gated
from stage0.gate import Answer

from gates import DESK, STAFF, desk

ran: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


def test_a_function_runs_if_it_may() -> None:
    gate = desk()

    @gated(gate, tool="pay")
    def payout(amount: Decimal, to: str = "acme") -> str:
        """Pays somebody."""
        ran.append((amount, to))
        return "paid"

    assert payout(20) == "paid" and payout(amount=30, to="zoo") == "paid"  # type: ignore[arg-type]
    assert ran == [(20, "acme"), (30, "zoo")]
    assert payout.__name__ == "payout" and payout.__doc__ == "Pays somebody."
    assert list(inspect.signature(payout).parameters) == ["amount", "to"]
    with pytest.raises(Denied) as denied:
        payout(Decimal(20_000))
    assert json.loads(str(denied.value))["verdict"] == "DENY"
    with pytest.raises(Deferred) as deferred:
        payout(Decimal("600.01"))
    assert deferred.value.ticket is not None
    with pytest.raises(TypeError, match="missing a required argument"):
        payout()  # type: ignore[call-arg]
    assert len(ran) == 2


def test_what_became_of_it_is_reported() -> None:
    gate = desk()

    @gated(gate, tool="pay")
    def payout(amount: int, to: str) -> None:
        if to == "broken":
            raise LookupError(to)
        if to == "gone":
            raise KeyboardInterrupt

    for to, error in (("broken", LookupError), ("gone", KeyboardInterrupt)):
        for _ in range(4):
            # What failed is given back, or the third would be too much.
            with pytest.raises(error):
                payout(450, to)
    payout(500, "acme")
    payout(500, "acme")
    with pytest.raises(Deferred, match="DAILY"):
        payout(100, "acme")


def test_a_policy_alone_will_do_and_a_refusal_can_be_returned() -> None:
    @gated(Policy.parse(DESK), refuse="return")
    def look(**rest: Any) -> str:
        return "seen"

    @gated(Policy.parse(DESK), refuse="return")
    def pay(amount: int, to: str) -> str:
        return "paid"

    assert look(a=1) == "seen"
    assert json.loads(pay(1, "a"))["verdict"] == "DEFER"
    assert json.loads(pay(1, object()))["codes"] == ["CALL_INVALID"]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'raise' or 'return'"):
        gated(Policy.parse(DESK), refuse="never")  # type: ignore[arg-type]


class Desk:
    def __init__(self) -> None:
        self.paid: list[Any] = []

    @gated(desk(), tool="pay")
    def pay(self, amount: int, to: str = "acme") -> int:
        self.paid.append(amount)
        return amount

    @classmethod
    @gated(desk(), tool="pay")
    def of_class(cls, amount: int, to: str) -> str:
        return cls.__name__

    @staticmethod
    @gated(desk(), tool="pay")
    def of_nobody(amount: int, to: str) -> int:
        return amount

    @gated(desk(), tool="pay")
    async def later(self, amount: int, to: str) -> int:
        return amount


def test_methods_leave_their_object_out() -> None:
    one = Desk()
    assert one.pay(20) == 20 and one.paid == [20]
    assert Desk.of_class(20, "a") == "Desk" and Desk.of_nobody(20, "a") == 20
    assert asyncio.run(one.later(20, "a")) == 20
    with pytest.raises(Denied):
        one.pay(20_000)
    assert one.paid == [20]


def test_coroutines_run_if_they_may(tmp_path: Any) -> None:
    for store in ("memory", f"sqlite:{tmp_path}/runs.db"):
        gate = desk(store=store)

        @gated(gate, tool="pay")
        async def payout(amount: int, to: str) -> str:
            await asyncio.sleep(0)
            ran.append(amount)
            if to == "broken":
                raise LookupError
            return "paid"

        assert inspect.iscoroutinefunction(payout)

        async def all_of_them(payout: Any = payout) -> None:
            assert await payout(400, "acme") == "paid"
            for _ in range(3):
                with pytest.raises(LookupError):
                    await payout(500, "broken")
            with pytest.raises(Denied):
                await payout(20_000, "acme")
            with pytest.raises(Denied):
                await payout({1: 2}, "acme")

        asyncio.run(all_of_them())
        assert ran == [400, 500, 500, 500]
        ran.clear()


def asked_about(function: Any, *positional: Any, **named: Any) -> Any:
    """The arguments that are checked when a function is called so."""
    seen: list[ToolCall] = []

    def context(call: ToolCall) -> dict[str, Any]:
        seen.append(call)
        return STAFF

    gated(desk(context=context), tool="look")(function)(*positional, **named)
    return seen[0].arguments


def test_what_is_checked_is_what_the_parameters_come_to() -> None:
    def every(a: int, /, b: int, *rest: int, c: int = 3, **named: int) -> None:
        ran.append((a, b, rest, c, named))

    assert asked_about(every, 1, 2, 7, 8, d=4) == {"a": 1, "b": 2, "rest": (7, 8), "c": 3, "d": 4}
    assert asked_about(every, 1, b=2, c=5) == {"a": 1, "b": 2, "rest": (), "c": 5}
    assert ran == [(1, 2, (7, 8), 3, {"d": 4}), (1, 2, (), 5, {})]
    with pytest.raises(Denied, match="CALL_INVALID"):
        # `a` is both a parameter and a name of the rest.
        asked_about(every, 1, 2, a=9)
    assert len(ran) == 2


def test_what_no_rule_sees_is_named() -> None:
    class Session:
        pass

    def with_session(session: Session, amount: int) -> None:
        ran.append(session)

    session = Session()
    gate = desk()
    gated(gate, tool="look", unchecked=["session"])(with_session)(session, 1)
    assert ran == [session]
    with pytest.raises(Denied, match="CALL_INVALID"):
        gated(gate, tool="look")(with_session)(session, 1)
    with pytest.raises(TypeError, match="no parameter 'sesion'"):
        gated(gate, unchecked=["sesion"])(with_session)


def test_the_body_gets_exactly_what_was_checked() -> None:
    hostile: dict[str, Any] = {"to": ["acme"], "n": {"deep": [1]}}

    def context(call: ToolCall) -> dict[str, Any]:
        # Whoever else has the arguments changes them after they were taken.
        hostile["to"].append("mallory")
        hostile["n"]["deep"][0] = 2
        hostile["more"] = 1
        return STAFF

    @gated(desk(context=context), tool="look")
    def body(order: dict[str, Any]) -> None:
        ran.append(order)

    body(hostile)
    assert ran == [{"to": ["acme"], "n": {"deep": [1]}}]
    assert ran[0] is not hostile


def test_what_changed_after_it_was_checked_does_not_run() -> None:
    class Late(Gate):
        def check(self, call: ToolCall) -> Answer:
            answer = super().check(call)
            assert isinstance(call.arguments, dict)
            call.arguments["order"].append("mallory")
            return answer

    @gated(Late(Policy.parse(DESK)), tool="look")
    def body(order: list[str]) -> None:
        ran.append(order)

    with pytest.raises(Denied, match="ARGUMENTS_CHANGED"):
        body(["acme"])
    assert ran == []


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=1), {1}, bytearray(b"x"), type("L", (list,), {})([1]), {"a": [{1}]}, float("nan")],
)
def test_what_others_can_change_is_refused(value: Any) -> None:
    with pytest.raises(Denied, match="CALL_INVALID"):
        asked_about(lambda value: ran.append(value), value)
    assert ran == []


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(Denied, match="CALL_INVALID"):
        asked_about(lambda value: ran.append(value), loop)


def test_what_cannot_ask_first_is_not_gated() -> None:
    def generator() -> Any:
        yield 1

    async def later() -> Any:
        yield 1

    functions: list[Any] = [generator, later, staticmethod(len), Desk, print, 7]
    for function in functions:
        with pytest.raises(TypeError):
            gated(desk())(function)


def test_threads_share_a_gated_function() -> None:
    gate = desk()

    @gated(gate, tool="pay", refuse="return")
    def payout(amount: int, to: str) -> str:
        ran.append(amount)
        return "paid"

    threads = [threading.Thread(target=lambda: [payout(100, "acme") for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == [100] * 10

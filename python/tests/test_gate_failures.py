"""Whatever goes wrong inside a gate is a DENY with a code of its own, told to the log, not to the model."""

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage0 import AuditError, Gate, Policy, StoreError, ToolCall, Verdict, verify_audit
from stage0._native import NativePolicy
from stage0.gate import Answer, Failure, Question, Reply
from stage0.gate._failure import CAUSES

from gates import DESK, desk, pay

SECRET = "hunter2"


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


class Behind:
    """A backend that answers as it is told to."""

    waits = False
    can_peek = True
    has_policy = True

    def __init__(self, answer: Callable[[Question], Reply]) -> None:
        self.check = self.peek = answer

    report = pending = approve = reject = failing(OSError(SECRET))

    def close(self) -> None: ...


def denied(answer: Answer, code: str) -> None:
    """The answer is a DENY with this code, and says nothing else to the model."""
    assert (answer.verdict, answer.allowed, answer.code) == (Verdict.DENY, False, code)
    assert answer.codes == (code,) and answer.decision is None and answer.ticket is None
    told = json.loads(answer.message)
    assert told == {
        "verdict": "DENY",
        "codes": [code],
        "reasons": ["the call was not made: " + CAUSES[code]],
    }
    assert SECRET not in answer.message
    assert answer.details["code"] == code
    assert not answer.verify({"amount": 20, "to": "acme"})


@pytest.mark.parametrize("way", ["context", "run", "trusted"])
def test_a_host_that_cannot_say_who_asks(way: str, caplog: pytest.LogCaptureFixture) -> None:
    options: dict[str, Any] = {way: failing(ValueError(SECRET))}
    gate = desk(**options)
    denied(gate.check(pay(run=None)), "CONTEXT_FAILED")
    denied(gate.peek(pay(run=None)), "CONTEXT_FAILED")
    assert SECRET in caplog.text
    assert not gate.report(pay(run=None), "executed")


@pytest.mark.parametrize(
    "context", [7, "text", [1], {"x": object()}, {"x": float("nan")}, {1: 2}, {"run_id": 7}]
)
def test_a_host_s_word_that_is_none(context: Any) -> None:
    denied(desk(context=lambda call: context).check(pay()), "CONTEXT_FAILED")


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("pay", {"amount": float("inf"), "to": "a"}),
        ToolCall("pay", {"amount": object()}),
        ToolCall("pay", "{"),
        ToolCall("pay", b"\xff"),
        ToolCall("pay", {"amount": 1, "to": "\ud800"}),
        ToolCall("pay", {}, id="x" * 10_000),
        ToolCall("pay", {"to": "x" * 2_000_000}),
        ToolCall("pay", {}, run="a\nb"),
        ToolCall("pay", {}, run=""),
        ToolCall(7, {}),  # type: ignore[arg-type]
        ToolCall("pay", {}, effects="money_movement"),
    ],
)
def test_a_call_that_is_none(call: ToolCall) -> None:
    answer = desk().check(call)
    assert answer.verdict is Verdict.DENY
    assert answer.code == "CALL_INVALID" or answer.decision is not None
    json.loads(answer.message)


def test_an_engine_that_stops_half_way() -> None:
    panic: Callable[[], None] = NativePolicy._panic_next  # type: ignore[attr-defined]
    breaks = [True, False]

    def clock() -> str:
        # It is asked right before the engine is.
        if breaks.pop(0):
            panic()
        return "2026-01-05T10:00:00Z"

    gate = desk(clock=clock)
    denied(gate.check(pay()), "ENGINE_FAILED")
    assert gate.check(pay()).allowed, "the next one works"
    panic()
    denied(gate.check(pay(30, "c2")), "ENGINE_FAILED")


@pytest.mark.parametrize("code", sorted(code for code in CAUSES if code.startswith(("STORE_", "SERVER_"))))
def test_a_store_or_server_that_fails(code: str) -> None:
    error: Exception = (
        StoreError._because(code, SECRET) if code.startswith("STORE_") else Failure(code, SECRET)
    )
    gate = Gate(backend=Behind(failing(error)))
    denied(gate.check(pay()), code)
    assert not gate.report(pay(), "executed")


@pytest.mark.parametrize(
    "error", [OSError(SECRET), KeyError(SECRET), RecursionError(SECRET), MemoryError(SECRET)]
)
def test_a_backend_that_raises_anything(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    denied(Gate(backend=Behind(failing(error))).check(pay()), "GATE_FAILED")
    assert SECRET in caplog.text


@pytest.mark.parametrize("verdict", ["allow", "Allow", "GO", "", "YES", None, True, 1, ["ALLOW"]])
def test_a_verdict_that_is_none(verdict: Any) -> None:
    decision = Policy.parse(DESK).check_json({"tool_call": {"name": "look"}})
    answer = Gate(backend=Behind(lambda question: Reply(verdict, decision))).check(pay())
    assert answer.verdict is Verdict.DENY and not answer.allowed
    assert answer.code in ("VERDICT_UNKNOWN", "GATE_FAILED")


def test_what_ends_the_process_is_not_kept_from_it() -> None:
    for error in (KeyboardInterrupt(), SystemExit()):
        with pytest.raises(type(error)):
            desk(context=failing(error)).check(pay())


class Lines:
    """A log in memory, which may fail."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fails = False

    def append(self, record: str) -> None:
        if self.fails:
            raise OSError(SECRET)
        self.lines.append(record)


def test_without_a_record_nothing_is_allowed() -> None:
    log = Lines()
    gate = desk(audit=log)
    log.fails = True
    denied(gate.check(pay(400)), "AUDIT_FAILED")
    denied(gate.check(pay(20_000, "c2")), "AUDIT_FAILED")
    log.fails = False
    answer = gate.check(pay(400))
    assert answer.allowed, "it is no answer that is remembered"
    # It was held once, and is counted once.
    assert gate.check(pay(500, "c3")).allowed
    assert gate.report(answer, "executed", cost_usd="0.01")
    records = [json.loads(line) for line in log.lines]
    assert [("decision" in record, "report" in record) for record in records] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert answer.decision is not None
    assert records[0]["decision"] == json.loads(answer.decision.to_json())
    assert "request" not in records[0] and records[0]["run"] == "r1"
    log.fails = True
    assert not gate.report(pay(500, "c3"), "executed")


def test_a_log_holds_and_can_be_decided_again(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    with desk(audit=path, record="full") as gate:
        answer = gate.check(pay(600))
        assert answer.ticket is not None
        gate.approve(answer.ticket, by="bo", roles=["lead"])
        assert gate.check(pay(600)).allowed and gate.check(ToolCall("look")).allowed
        assert not gate.check(pay(500, "c2")).allowed
        assert gate.report(pay(600), "executed", cost_usd=1)
    told = verify_audit(path, policies=[Policy.parse(DESK)])
    assert told.holds, told.problems
    assert (told.records, told.decisions, told.failed) == (5, 4, 0)
    # Whoever is asked afterwards cannot write it down.
    denied(gate.check(pay(10, "c3")), "AUDIT_FAILED")
    with pytest.raises(AuditError):
        desk(audit=tmp_path / "none" / "decisions.jsonl")
    with pytest.raises(ValueError, match="'facts' or 'full'"):
        desk(record="everything")


def test_whoever_is_told_of_a_deferral_may_fail() -> None:
    answer = desk(on_defer=failing(ValueError(SECRET))).check(pay(600))
    assert answer.verdict is Verdict.DEFER and answer.ticket is not None


def test_a_file_that_cannot_be_used_is_said_when_the_gate_begins(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"")
    with pytest.raises(StoreError) as damaged:
        desk(store=f"sqlite:{other}")
    assert damaged.value.code == "STORE_DAMAGED"
    with pytest.raises(StoreError) as unwritable:
        desk(store=f"sqlite:{tmp_path}/none/runs.db")
    assert unwritable.value.code == "STORE_UNWRITABLE"
    for wrong in ("sqlite:", "memory:x", "redis:1", ""):
        with pytest.raises(ValueError, match="'memory' or 'sqlite:PATH'"):
            desk(store=wrong)
    for options in ({"remote": "http://127.0.0.1:1"}, {"backend": Behind(failing(OSError()))}):
        with pytest.raises(ValueError, match="whoever decides has the policy"):
            desk(**options)
    with pytest.raises(ValueError, match="whoever decides has the policy"):
        Gate()


def test_a_file_that_breaks_later_allows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    gate = desk(store=f"sqlite:{path}")
    assert gate.check(pay()).allowed
    with sqlite3.connect(path) as file:
        file.execute("UPDATE state SET text = '{}'")
    answer = gate.check(pay(30, "c2"))
    assert answer.verdict is Verdict.DENY and answer.code == "STORE_DAMAGED"
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE state")
    for failed in (gate.check(pay(30, "c3")), gate.peek(pay(30, "c3"))):
        assert failed.verdict is Verdict.DENY and failed.code.startswith("STORE_")
    assert not gate.report(pay(), "executed")
    with pytest.raises(StoreError):
        gate.pending()

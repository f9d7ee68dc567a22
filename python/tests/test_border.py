"""What a panic inside the engine comes to: an error that callers catch, and the next call works.

The module that tests have can be told to panic; no wheel that people install can.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from stage0 import (
    NEW_RUN,
    AuditError,
    AuditLog,
    PermitError,
    PermitIssuer,
    PermitVerifier,
    Policy,
    PolicyError,
    RequestError,
    Stage0Error,
    StoreError,
    TicketError,
    _native,
    report,
    verify_audit,
    verify_checkpoint,
    verify_policy,
)
from stage0._native import NativeIssuer, NativeKeeper, NativeLog, NativePolicy, NativeVerifier
from stage0.guard import ExecutionIntent, GuardError, check

from conftest import NOW, PAYMENTS

POLICY = Policy.parse(PAYMENTS)
CALL = {"tool_call": {"name": "payout", "arguments": {"amount": 20, "to": "acme"}}}
ALLOWED = POLICY.check(CALL, state=NEW_RUN, now=NOW)

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"
PERMITS, POLICIES = (json.loads((VECTORS / name).read_text()) for name in ("permits.json", "policies.json"))
FILES = POLICIES["files"]
SIGNED = Policy.parse(FILES["payments.yaml"], {"limits.yaml": FILES["limits.yaml"]})
KEY, KEYS = PERMITS["private_key"], PERMITS["keys"]
ISSUER, VERIFIER = PermitIssuer(KEY, "bank"), PermitVerifier(KEYS, "bank")
PAYOUT = PERMITS["call"]
PAID = SIGNED.check(PAYOUT, now=NOW)
PERMIT = ISSUER.issue_permit(PAID, PAYOUT, now=NOW)


KEEPER = NativeKeeper(None, bytes(32))
CALL_TEXT = json.dumps(CALL)


def wait(amount: int) -> str:
    """The ticket of a call that waits for somebody."""
    call = {"name": "payout", "id": "c1", "arguments": {"amount": amount, "to": "acme"}}
    request = {"tool_call": call, "context": {"actor_role": "finance"}}
    ticket = KEEPER.check(POLICY._native, request, "r", None, None, NOW)[3]
    assert ticket is not None
    return ticket


GRANTED, REJECTED, SIGNED_TO = wait(600), wait(601), wait(602)


def take_signed() -> None:
    """What is no token is said to be none."""
    try:
        KEEPER.take_signed(SIGNED_TO, "a.b.c", NOW)
    except TicketError as error:
        if error.code == "ENGINE_FAILED":
            raise
        assert error.code == "TOKEN_INVALID"


def use_permit() -> Any:
    arguments = PAYOUT["tool_call"]["arguments"]
    return VERIFIER.verify_permit(PERMIT, "payout", arguments, context=PAYOUT["context"], now=NOW)


FOLDER = TemporaryDirectory()
LOG = AuditLog(Path(FOLDER.name) / "log.jsonl")
LOG.check(POLICY, CALL, now=NOW)
CHECKPOINT = LOG.checkpoint(KEY, now=NOW)
RECORD = Path(LOG.path).read_text().split('"record":', 1)[1].split(',"hash":"')[0]


def open_and_close(name: str) -> None:
    with AuditLog(Path(FOLDER.name) / name):
        pass


DOORS: dict[str, tuple[type[Stage0Error], Callable[[], Any]]] = {
    "JsonText": (RequestError, lambda: POLICY.check_tool_call("payout", "{}")),
    "NativeIssuer": (PermitError, lambda: PermitIssuer(KEY, "bank")),
    "NativeIssuer.issue": (PermitError, lambda: ISSUER.issue_permit(PAID, PAYOUT, now=NOW)),
    "NativeKeeper": (StoreError, lambda: NativeKeeper(None, bytes(32))),
    "NativeKeeper.check": (
        RequestError,
        lambda: KEEPER.check(POLICY._native, CALL, "r", None, True, NOW),
    ),
    "NativeKeeper.check_batch": (
        RequestError,
        lambda: KEEPER.check_batch(POLICY._native, [CALL_TEXT], ["r"], None, None, NOW),
    ),
    "NativeKeeper.grant": (
        TicketError,
        lambda: KEEPER.grant(GRANTED, "bo", ["finance_lead"], None, None, NOW),
    ),
    "NativeKeeper.peek": (RequestError, lambda: KEEPER.peek(POLICY._native, CALL, "r", None, NOW)),
    "NativeKeeper.purge": (StoreError, lambda: KEEPER.purge(NOW)),
    "NativeKeeper.reject": (TicketError, lambda: KEEPER.reject(REJECTED, "bo", [], None, NOW)),
    "NativeKeeper.report": (
        RequestError,
        lambda: KEEPER.report(None, "c", ALLOWED.action_digest, "executed", None, NOW),
    ),
    "NativeKeeper.take_signed": (TicketError, take_signed),
    "NativeKeeper.tickets": (StoreError, KEEPER.tickets),
    "NativeLog": (AuditError, lambda: open_and_close("opened.jsonl")),
    "NativeLog.append": (AuditError, lambda: LOG.append(RECORD, now=NOW)),
    "NativeLog.check": (AuditError, lambda: LOG.check(POLICY, CALL, now=NOW)),
    "NativeLog.checkpoint": (AuditError, lambda: LOG.checkpoint(KEY, now=NOW)),
    "NativeLog.close": (AuditError, AuditLog(Path(FOLDER.name) / "closed.jsonl").close),
    "NativeLog.cut_bytes": (AuditError, lambda: LOG.cut_bytes),
    "NativeLog.flush": (AuditError, LOG.flush),
    "NativeLog.head": (AuditError, lambda: LOG.head),
    "NativeLog.report": (RequestError, lambda: LOG.report(ALLOWED, "executed", run="r", now=NOW)),
    "NativePolicy.builtin": (PolicyError, Policy.builtin),
    "NativePolicy.check": (RequestError, lambda: POLICY.check(CALL)),
    "NativePolicy.check_batch": (RequestError, lambda: POLICY.check_batch([CALL])),
    "NativePolicy.describe": (Stage0Error, POLICY.describe),
    "NativePolicy.digest": (Stage0Error, lambda: POLICY.digest),
    "NativePolicy.explain": (RequestError, lambda: POLICY.explain(CALL)),
    "NativePolicy.name": (Stage0Error, lambda: POLICY.name),
    "NativePolicy.parse": (PolicyError, lambda: NativePolicy.parse("p", PAYMENTS.encode(), ())),
    "NativePolicy.peek": (RequestError, lambda: POLICY.check_json(CALL)),
    "NativePolicy.state_keys": (RequestError, lambda: POLICY.state_keys(CALL)),
    "NativePolicy.tool_names": (Stage0Error, lambda: POLICY.tool_names),
    "NativePolicy.version": (Stage0Error, lambda: POLICY.version),
    "NativePolicy.warnings": (Stage0Error, lambda: POLICY.warnings),
    "NativeVerifier": (PermitError, lambda: PermitVerifier(KEYS, "bank")),
    "NativeVerifier.verify": (PermitError, use_permit),
    "canonical_text": (RequestError, lambda: _native.canonical_text({})),
    "lint": (PolicyError, lambda: _native.lint("p", PAYMENTS.encode(), ())),
    "policy_text": (PolicyError, lambda: Policy.parse(PAYMENTS)),
    "report": (RequestError, lambda: report(ALLOWED, "executed", state=NEW_RUN, now=NOW)),
    "run_command": (Stage0Error, lambda: _native.run_command(["stage0", "--version"])),
    "text_of": (RequestError, lambda: _native.text_of({})),
    "verify_audit": (AuditError, lambda: verify_audit([])),
    "verify_checkpoint": (AuditError, lambda: verify_checkpoint(CHECKPOINT, KEYS)),
    "verify_policy": (
        PolicyError,
        lambda: verify_policy(SIGNED, POLICIES["vectors"][0]["token"], KEYS, now=NOW),
    ),
}


def panic_next() -> None:
    NativePolicy._panic_next()  # type: ignore[attr-defined]


@pytest.mark.parametrize("door", DOORS)
def test_a_panic_is_an_error_of_the_door(door: str, capfd: pytest.CaptureFixture[str]) -> None:
    refused, ask = DOORS[door]
    panic_next()
    # Not a `BaseException`, which `except Exception` lets through.
    try:
        ask()
    except Exception as error:
        caught = error
    assert type(caught) is refused
    assert isinstance(caught, Stage0Error) and caught.code == "ENGINE_FAILED"
    assert "a test told it to" in str(caught)
    ask()
    assert POLICY.check(CALL, state=NEW_RUN, now=NOW) == ALLOWED


def test_every_door_is_there() -> None:
    doors = {"JsonText", "NativeIssuer", "NativeKeeper", "NativeLog", "NativeVerifier"}
    for name, member in inspect.getmembers(_native):
        if inspect.isroutine(member) and not name.startswith("_"):
            doors.add(name)
    for kind in (NativeIssuer, NativeKeeper, NativeLog, NativePolicy, NativeVerifier):
        doors |= {f"{kind.__name__}.{name}" for name in dir(kind) if not name.startswith("_")}
    assert doors == set(DOORS)


def test_a_guard_lets_nothing_through_behind_a_panic(capfd: pytest.CaptureFixture[str]) -> None:
    panic_next()
    with pytest.raises(GuardError):
        check(ExecutionIntent(goal="Look up the weather in Oslo"), policy=POLICY)

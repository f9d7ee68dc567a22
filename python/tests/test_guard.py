"""The guard: in this process, and by a server that answers with this engine's own bytes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from stage0 import Policy, Verdict
from stage0.guard import (
    ConnectionFailed,
    DeferredError,
    DeniedError,
    ExecutionGuard,
    ExecutionIntent,
    GuardError,
    InvalidIntentError,
    InvalidKeyError,
    MissingKeyError,
    PlanError,
    QuotaError,
    RateLimitError,
    RiskThresholdError,
    check,
    must_allow,
)

HARMLESS = ExecutionIntent(
    "Look up the weather in Oslo", tools=["weather.query"], success_criteria=["The weather is known"]
)
PAYOUT = ExecutionIntent(
    "Send the payout of March to the supplier",
    tools=["payments.payout"],
    side_effects=["money_movement"],
    constraints=["approval required"],
    success_criteria=["The payout is booked"],
    context={"actor_role": "finance_ops", "environment": "production"},
)
UNGUARDED = ExecutionIntent(
    "Send the payout of March to the supplier", tools=["payments.payout"], side_effects=["money_movement"]
)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STAGE0_API_KEY", "STAGE0_BASE_URL", "STAGE0_API_BASE"):
        monkeypatch.delenv(name, raising=False)


def test_an_intent_is_decided_here_without_a_key() -> None:
    assert check(HARMLESS).verdict is Verdict.ALLOW
    assert must_allow(HARMLESS).allowed
    with pytest.raises(DeferredError) as deferred:
        must_allow(PAYOUT)
    assert "APPROVAL_REQUIRED" in deferred.value.decision.codes
    assert deferred.value.questions
    with pytest.raises(DeniedError) as denied:
        must_allow(UNGUARDED)
    told = denied.value.to_dict()
    assert told["error"] == "DENIED"
    assert told["decision"]["verdict"] == "DENY"
    json.dumps(told)


def test_a_guard_may_be_stricter() -> None:
    assert ExecutionGuard().is_allowed(HARMLESS)
    assert ExecutionGuard().check(PAYOUT).verdict is Verdict.DEFER
    assert not ExecutionGuard().is_allowed(PAYOUT)
    with pytest.raises(RiskThresholdError, match="above 3"):
        ExecutionGuard(risk_threshold=3).check_or_raise(HARMLESS)
    # The tool is in no catalog, which the decision says.
    with pytest.raises(RiskThresholdError, match="TOOL_NOT_IN_CATALOG"):
        ExecutionGuard(deny_on_issues=True).check_or_raise(HARMLESS)
    for wrong in (-1, 101, True):
        with pytest.raises(ValueError, match="0 to 100"):
            ExecutionGuard(risk_threshold=wrong)


def test_a_policy_of_ones_own_decides_instead() -> None:
    policy = Policy.parse("{stage0: v1, name: closed, version: 1.0.0, rules: [{id: closed, deny: true}]}")
    assert not ExecutionGuard(policy=policy).is_allowed(HARMLESS)
    assert check(HARMLESS, policy=policy).verdict is Verdict.DENY


def test_what_is_no_intent_is_not_decided() -> None:
    with pytest.raises(InvalidIntentError) as invalid:
        check(ExecutionIntent(""))
    assert invalid.value.to_dict()["problems"][0]["code"] == "REQUEST_FIELD_MISSING"
    with pytest.raises(InvalidIntentError):
        check(ExecutionIntent("Look it up", context={"x": float("nan")}))
    assert not ExecutionGuard().is_allowed(ExecutionIntent(""))
    with pytest.raises(TypeError, match="list of texts"):
        ExecutionIntent("Look it up", tools="weather.query")


Reply = tuple[int, bytes, dict[str, str]]


@contextmanager
def _server(monkeypatch: pytest.MonkeyPatch, reply: Any) -> Iterator[list[Any]]:
    """A server on loopback that answers as ``reply(body)`` says; what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"], body))
            status, text, headers = reply(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("STAGE0_BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("STAGE0_API_KEY", "k-1")
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_decides_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.builtin("standard")

    def decide(body: bytes) -> Reply:
        return 200, policy.check_json(body).encode(), {}

    with _server(monkeypatch, decide) as asked:
        assert must_allow(HARMLESS).allowed
        with pytest.raises(DeferredError):
            must_allow(PAYOUT)
    path, key, body = asked[0]
    assert (path, key) == ("/check", "Bearer k-1")
    assert json.loads(body)["goal"] == HARMLESS.goal


def _error(message: str) -> bytes:
    detail = {"detail": message, "request_id": "r-7", "retry_after_seconds": 7}
    return json.dumps({"detail": detail, "message": message, **detail}).encode()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "no such key", InvalidKeyError),
        (402, "Pro checks require a paid plan", PlanError),
        (402, "Monthly quota exceeded", QuotaError),
        (422, "the request is no request", InvalidIntentError),
        (413, "the body is too large", InvalidIntentError),
        (429, "too many requests", RateLimitError),
        (503, "the store is not there", ConnectionFailed),
        (500, "", ConnectionFailed),
        (302, "elsewhere", ConnectionFailed),
    ],
)
def test_what_a_server_refuses_is_never_a_yes(
    monkeypatch: pytest.MonkeyPatch, status: int, message: str, kind: type[GuardError]
) -> None:
    headers = {"Location": "http://127.0.0.1:1/check"} if status == 302 else {}
    with _server(monkeypatch, lambda body: (status, _error(message), headers)):
        with pytest.raises(kind) as refused:
            check(HARMLESS)
        assert not ExecutionGuard().is_allowed(HARMLESS)
    told = refused.value.to_dict()
    assert told["request_id"] == "r-7"
    if isinstance(refused.value, (QuotaError, RateLimitError)):
        assert told["retry_after_seconds"] == 7.0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"ALLOW",
        b'{"verdict": "ALLOW"}',
        b'{"verdict": "GO", "decision": "GO"}',
        b'{"verdict": "ALLOW", "decision": "NO_GO"}',
        b'{"verdict": "DENY", "decision": "GO"}',
        b'{"verdict": true, "decision": "GO"}',
        b'{"verdict": "ALLOW", "decision": "GO"',
    ],
)
def test_an_answer_that_is_no_decision_is_none(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    with _server(monkeypatch, lambda body: (200, text, {})), pytest.raises(ConnectionFailed):
        check(HARMLESS)


def test_a_server_that_is_not_there_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE0_API_BASE", "http://127.0.0.1:1")
    with pytest.raises(MissingKeyError):
        check(HARMLESS)
    monkeypatch.setenv("STAGE0_API_KEY", "k")
    with pytest.raises(ConnectionFailed):
        check(HARMLESS)
    monkeypatch.setenv("STAGE0_API_BASE", "file:///etc/hosts")
    with pytest.raises(ConnectionFailed, match="no http"):
        check(HARMLESS)

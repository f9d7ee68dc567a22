"""A gate in front of a server of the decision API, and of servers that misbehave."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stage0 import Gate, Policy, TicketError, ToolCall, Verdict, gated
from stage0.gate import Failure, Question
from stage0.gate._remote import RemoteBackend

from gates import DESK, STAFF, pay

POLICY_REQUEST = (
    '{"tool_call": {"name": "pay", "id": "%s", "arguments": {"amount": %d, "to": "acme"}}, '
    '"context": {"actor_id": "u1", "actor_role": "staff", "run_id": "r1"}}'
)


@contextmanager
def server(folder: Path, *more: str) -> Iterator[str]:
    """A server of the package's own command, without keys: its address."""
    policy = folder / "policy.yaml"
    if not policy.exists():
        policy.write_text(DESK)
    command = [sys.executable, "-m", "stage0", "serve", "--dev", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--policy", str(policy), "--fsync", "never", *more],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("listening on "):
                yield line.removeprefix("listening on ").split(",")[0]
                break
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_server_decides_asks_people_and_keeps_what_became_of_it(tmp_path: Path) -> None:
    with server(tmp_path) as address, Gate(remote=address, context=STAFF) as gate:
        assert gate.policy is None
        allowed = gate.check(pay(300))
        assert allowed.allowed and allowed.decision is not None, allowed.details
        assert allowed.decision.request_id == allowed.request_id
        assert allowed.verify({"amount": 300, "to": "acme"})
        assert gate.check(pay(300)).repeated and gate.peek(pay(300)).repeated
        # The same bytes as here, under the same id and at the same time.
        request = {"tool_call": {"name": "pay", "id": "c9", "arguments": {"amount": 20_000, "to": "acme"}}}
        request["context"] = {**STAFF, "run_id": "r1"}
        denied = gate.check(pay(20_000, "c9"))
        assert denied.decision is not None
        here = Policy.parse(DESK).check(request, now=denied.decision.evaluated_at)
        assert denied.codes[0] == here.codes[0] == "NO_RULE_ALLOWS"
        assert denied.decision.action_digest == here.action_digest
        # People.
        deferred = gate.check(pay(600, "c2"))
        assert deferred.verdict is Verdict.DEFER and deferred.waits_for_person
        (ticket,) = gate.pending("r1")
        assert ticket.id == deferred.ticket and ticket.facts["args.amount"] == 600
        assert gate.pending("r2") == ()
        with pytest.raises(TicketError, match="role lead"):
            gate.approve(ticket, by="bo", roles=["support"])
        assert gate.approve(ticket, by="bo", roles=["lead"], reason="seen").status == "granted"
        with pytest.raises(TicketError):
            gate.approve(ticket, by="cy", roles=["lead"])
        yes = gate.check(pay(600, "c2"))
        assert yes.allowed and yes.decision is not None and yes.decision.approved_by == "bo"
        # What is held for both is 900.
        assert gate.check(pay(200, "c3")).codes == ("DAILY",)
        assert gate.report(pay(600, "c2"), "failed") and gate.report(allowed, "executed", cost_usd="0.01")
        assert gate.check(pay(200, "c4")).allowed
        assert not gate.report(pay(1, "never"), "executed")
        # A no stands.
        rejected = gate.check(pay(700, "c5"))
        assert rejected.ticket is not None
        assert gate.reject(rejected.ticket, by="bo").status == "rejected"
        assert gate.check(pay(700, "c5")).codes[0] == "APPROVAL_REJECTED"
        for unknown in ("f" * 24, "../policy", "a b"):
            with pytest.raises(TicketError):
                gate.approve(unknown, by="bo")
        with pytest.raises(ValueError, match="changed there"):
            gate.reload(Policy.parse(DESK))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine that nobody else has signed, and its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stage0 tests")])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_a_server_with_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path)
    with server(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as address:
        assert address.startswith("https://")
        # Whoever does not know who signed it does not ask, and whoever asks in the clear is not heard.
        for told in (address, address.replace("https", "http")):
            with Gate(remote=told, context=STAFF, timeout=2) as gate:
                answer = gate.check(pay(300))
                assert answer.verdict is Verdict.DENY and answer.code == "SERVER_UNREACHABLE", (
                    answer.details
                )
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        with Gate(remote=address, context=STAFF) as gate:
            assert gate.check(pay(300)).allowed and gate.report(pay(300), "executed")


def test_a_question_whose_answer_was_lost_has_the_same_ticket(tmp_path: Path) -> None:
    request = POLICY_REQUEST % ("c1", 600)
    with server(tmp_path) as address:
        backend = RemoteBackend(address, None, 10)
        first, again = (backend.check(Question(request, "r-1", "r1", None)) for _ in range(2))
        assert first.ticket is not None and (again.ticket, again.decision) == (first.ticket, first.decision)
        without = Question(POLICY_REQUEST % ("c2", 6), "r-2", "r1", None)
        assert [backend.check(without).ticket for _ in range(2)] == [None, None]
        backend.close()


def test_threads_and_gated_functions_ask_a_server(tmp_path: Path) -> None:
    ran: list[int] = []
    with server(tmp_path) as address, Gate(remote=address, context=STAFF, run="shared") as gate:

        @gated(gate, tool="pay", refuse="return")
        def payout(amount: int, to: str) -> str:
            ran.append(amount)
            return "paid"

        threads = [
            threading.Thread(target=lambda: [payout(100, "acme") for _ in range(3)]) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ran == [100] * 10


def test_a_server_that_is_gone_allows_nothing_and_one_that_is_back_does(tmp_path: Path) -> None:
    with server(tmp_path) as address:
        gate = Gate(remote=address, context=STAFF)
        assert gate.check(pay()).allowed
    gone = gate.check(pay(30, "c2"))
    assert (gone.verdict, gone.code) == (Verdict.DENY, "SERVER_UNREACHABLE")
    assert not gate.report(pay(), "executed")
    with pytest.raises(Failure):
        gate.pending()


def test_a_key_is_asked_for(tmp_path: Path) -> None:
    stage0 = [sys.executable, "-m", "stage0"]
    (tmp_path / "policy.yaml").write_text(DESK)
    made = [*stage0, "keys", "create", "tests", "--scope", "check"]
    key = subprocess.run(made, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    command = [*stage0, "serve", "--listen", "127.0.0.1:0", "--policy", "policy.yaml", "--fsync", "never"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("listening on "))
        address = line.removeprefix("listening on ").split(",")[0]
        for wrong in (None, "nonsense"):
            refused = Gate(remote=address, key=wrong, context=STAFF).check(pay())
            assert (refused.verdict, refused.code) == (Verdict.DENY, "SERVER_KEY_REFUSED")
        gate = Gate(remote=address, key=key, context=STAFF)
        assert gate.check(pay()).allowed
        waiting = gate.check(pay(600, "c2"))
        assert waiting.ticket is not None
        # The key is for checks alone.
        with pytest.raises(Failure) as refused_too:
            gate.approve(waiting.ticket, by="bo", roles=["lead"])
        assert refused_too.value.code == "SERVER_KEY_REFUSED"
    finally:
        process.terminate()
        process.communicate(timeout=30)


Handler = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def behaving(answer: Handler) -> Iterator[tuple[str, list[str | None]]]:
    """A server on loopback that behaves so: its address, and the ids of what it was asked."""
    asked: list[str | None] = []

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers["X-Request-Id"])
            answer(self, body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def say(handler: BaseHTTPRequestHandler, status: int, text: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)


POLICY = Policy.parse(DESK)


def decide(handler: BaseHTTPRequestHandler, body: bytes, **changes: Any) -> None:
    """Answers as a server does, but for these members."""
    members = json.loads(POLICY.check_json(body))
    members["request_id"] = handler.headers["X-Request-Id"]
    say(handler, 200, json.dumps({**members, **changes}).encode())


LOOK = ToolCall("look", id="c1")


def test_a_lost_answer_is_asked_for_again_under_the_same_id() -> None:
    lost = [True, True, False]

    def drop(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if lost.pop(0):
            handler.close_connection = True
        else:
            decide(handler, body)

    with behaving(drop) as (address, asked):
        answer = Gate(remote=address).check(LOOK)
        assert answer.allowed, answer.details
    assert len(asked) == 3 and set(asked) == {answer.request_id}


def test_another_question_has_another_id_and_the_same_connection() -> None:
    with behaving(decide) as (address, asked):
        gate = Gate(remote=address)
        for number in range(3):
            assert gate.check(ToolCall("look", id=str(number))).allowed
        # The server ends what is idle; nobody notices.
        gate.close()
        assert gate.check(ToolCall("look", id="4")).allowed
    assert len(set(asked)) == len(asked) == 4


def test_a_busy_server_is_asked_again_and_then_allows_nothing() -> None:
    with behaving(lambda handler, body: say(handler, 503, b'{"message": "busy"}')) as (address, asked):
        answer = Gate(remote=address).check(LOOK)
    assert (answer.verdict, answer.code, len(asked)) == (Verdict.DENY, "SERVER_BUSY", 3)
    assert "busy" in str(answer.details["error"])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (302, "SERVER_REFUSED"),
        (400, "SERVER_REFUSED"),
        (401, "SERVER_KEY_REFUSED"),
        (402, "SERVER_QUOTA_USED_UP"),
        (403, "SERVER_KEY_REFUSED"),
        (404, "SERVER_REFUSED"),
        (413, "CALL_INVALID"),
        (422, "CALL_INVALID"),
        (429, "SERVER_QUOTA_USED_UP"),
        (500, "SERVER_REFUSED"),
        (201, "SERVER_REFUSED"),
    ],
)
def test_whatever_is_not_a_200_allows_nothing(status: int, code: str) -> None:
    def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        allow = POLICY.check_json(body).encode()
        say(handler, status, allow, Location="/check")

    with behaving(refuse) as (address, asked):
        answer = Gate(remote=address).check(LOOK)
    assert (answer.verdict, answer.code, len(asked)) == (Verdict.DENY, code, 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"ALLOW",
        b'{"verdict":"ALLOW"}',
        b'{"verdict":"ALLOW","decision":"GO"}',
        b"[" * 9999,
    ],
)
def test_what_is_no_decision_allows_nothing(text: bytes) -> None:
    with behaving(lambda handler, body: say(handler, 200, text)) as (address, _):
        answer = Gate(remote=address).check(LOOK)
    assert (answer.verdict, answer.code) == (Verdict.DENY, "SERVER_ANSWER_INVALID")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"request_id": "another's"}, "SERVER_ANSWER_INVALID"),
        ({"decision": "NO_GO"}, "SERVER_ANSWER_INVALID"),
        ({"verdict": "DENY"}, "SERVER_ANSWER_INVALID"),
        ({"verdict": "allow"}, "VERDICT_UNKNOWN"),
        ({"verdict": "YES", "decision": "GO"}, "VERDICT_UNKNOWN"),
        ({"verdict": ["ALLOW"]}, "SERVER_ANSWER_INVALID"),
        ({"verdict": None, "decision": None}, "VERDICT_UNKNOWN"),
    ],
)
def test_an_answer_that_contradicts_itself_allows_nothing(changes: dict[str, Any], code: str) -> None:
    with behaving(lambda handler, body: decide(handler, body, **changes)) as (address, _):
        answer = Gate(remote=address).check(LOOK)
    assert (answer.verdict, answer.code) == (Verdict.DENY, code)


def test_an_answer_that_is_too_long_or_cut_allows_nothing() -> None:
    def long(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        decide(handler, body, padding="x" * 4_000_000)

    def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(b'{"verdict":"ALLOW"')
        handler.close_connection = True

    with behaving(long) as (address, _):
        assert Gate(remote=address).check(LOOK).code == "SERVER_ANSWER_INVALID"
    with behaving(cut) as (address, _):
        assert Gate(remote=address).check(LOOK).code == "SERVER_UNREACHABLE"


def test_a_server_that_takes_too_long_allows_nothing() -> None:
    over = threading.Event()

    def sleep(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        over.wait(30)
        handler.close_connection = True

    def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b" ")

    for slow in (sleep, drip):
        over.clear()
        with behaving(slow) as (address, asked):
            began = time.monotonic()
            answer = Gate(remote=address, timeout=0.3).check(LOOK)
            took = time.monotonic() - began
            over.set()
        assert (answer.verdict, answer.code, len(asked)) == (Verdict.DENY, "SERVER_TIMEOUT", 1)
        assert took < 20


def test_what_is_no_address_is_said_at_once() -> None:
    for wrong in ("file:///etc/hosts", "127.0.0.1:80", "http://", "http://a/?q", ""):
        with pytest.raises(ValueError, match="no http or https address"):
            Gate(remote=wrong)
    with pytest.raises(ValueError, match="the server keeps the log"):
        Gate(remote="http://127.0.0.1:1", audit=[])

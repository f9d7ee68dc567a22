"""Deciding by a server of the decision API, which keeps runs, tickets and the log."""

from __future__ import annotations

import json
import time
from select import select
from threading import Lock
from urllib.parse import quote, urlencode, urlsplit

from stage0._errors import Problem, TicketError
from stage0.gate._backend import Question, Reply, Told, Yes
from stage0.gate._failure import Failure
from stage0.gate._ticket import Ticket, ticket_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from http.client import HTTPConnection, HTTPResponse
    from typing import Any

TIMEOUT_SECONDS = 10.0
"""How long a server may take for all that it is asked about one call, unless the gate says
otherwise."""

TRIES_MAX = 3
"""How often a question is asked whose answer was lost, under the same id."""

PAUSE_SECONDS = 0.1
"""Before the second try; twice as long before the third."""

ANSWER_BYTES_MAX = 4_000_000
"""The longest answer that is read."""

CONNECTIONS_MAX = 16
"""Connections that are kept open while nobody asks."""

_WORDS = {"ALLOW": "GO", "DEFER": "DEFER", "DENY": "NO_GO"}

_REFUSALS = {
    401: "SERVER_KEY_REFUSED",
    402: "SERVER_QUOTA_USED_UP",
    403: "SERVER_KEY_REFUSED",
    413: "CALL_INVALID",
    422: "CALL_INVALID",
    429: "SERVER_QUOTA_USED_UP",
    503: "SERVER_BUSY",
}


class _Refusal(Failure):
    """The server answered, and refused."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(_REFUSALS.get(status, "SERVER_REFUSED"), f"status {status}: {why}")
        self.status = status
        self.told = why


class RemoteBackend:
    """A server's address and the key for it. Follows no redirect, which would take the key elsewhere.

    Raises ``ValueError`` if the address is none.
    """

    waits = True
    can_peek = False
    has_policy = True

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no http or https address")
        self._url = url
        self._is_tls = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._free: list[HTTPConnection] = []
        self._lock = Lock()

    def check(self, question: Question) -> Reply:
        headers, body = self._ask("POST", "/check", question.request.encode(), question.request_id)
        try:
            members = json.loads(body)
            verdict, word = members["verdict"], members["decision"]
            agrees = _WORDS.get(verdict) == word and members["request_id"] == question.request_id
            decision = body.decode()
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Failure("SERVER_ANSWER_INVALID", "the answer is no decision") from error
        if verdict not in _WORDS:
            raise Failure("VERDICT_UNKNOWN", f"the verdict is {verdict!r}")
        if not agrees:
            raise Failure(
                "SERVER_ANSWER_INVALID", "the answer contradicts itself, or is another question's"
            )
        ticket = headers.get("stage0-approval-id")
        if ticket is None and verdict == "DEFER" and headers.get("stage0-repeated") == "true":
            ticket = self._ticket_of(question.request_id)
        return Reply(verdict, decision, ticket)

    def _ticket_of(self, request_id: str) -> str | None:
        """The ticket of a question that was answered before, which the server does not tell again."""
        try:
            asked = json.dumps({"request_id": request_id}).encode()
            return _ticket(self._json("POST", "/approvals", asked)).id
        except _Refusal as refusal:
            if refusal.status in (404, 409):
                return None
            raise

    def peek(self, question: Question) -> Reply:
        """A server only decides. A call with an id in a run is still counted once."""
        return self.check(question)

    def report(self, told: Told) -> tuple[bool, str | None]:
        body: dict[str, Any] = {"request_id": told.request_id, "final_runtime_action": told.outcome}
        text = json.dumps(body)
        if told.cost is not None:
            # As a number, exactly as it was told.
            text = f'{text[:-1]},"cost_usd":{told.cost}}}'
        try:
            # Told twice, it is taken down once.
            self._ask("POST", "/outcome", text.encode())
        except _Refusal as refusal:
            if refusal.status == 404:
                return False, None
            raise
        return True, None

    def pending(self, run: str | None) -> tuple[Ticket, ...]:
        wanted = {"status": "pending"} if run is None else {"status": "pending", "run_id": run}
        members = self._json("GET", f"/approvals?{urlencode(wanted)}", None)
        return tuple(map(_ticket, members.get("approvals", ())))

    def approve(self, ticket: str, yes: Yes) -> Ticket:
        if yes.token is not None:
            return self._answer(ticket, "grant", {"token": yes.token})
        said: dict[str, Any] = {"by": yes.by, "roles": list(yes.roles), "reason": yes.reason}
        at = yes.expires_at
        said["expires_at"] = at if at is None or isinstance(at, str) else at.isoformat()
        return self._answer(ticket, "grant", said)

    def reject(self, ticket: str, by: str, roles: Sequence[str], reason: str | None) -> Ticket:
        return self._answer(ticket, "reject", {"by": by, "roles": list(roles), "reason": reason})

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _answer(self, ticket: str, way: str, said: dict[str, Any]) -> Ticket:
        try:
            path = f"/approvals/{quote(ticket, safe='')}/{way}"
            return _ticket(self._json("POST", path, json.dumps(said).encode(), tries=1))
        except _Refusal as refusal:
            if refusal.status in (404, 409, 422):
                raise TicketError([Problem("ANSWER_REFUSED", "error", refusal.told)]) from refusal
            raise

    def _json(self, method: str, path: str, body: bytes | None, tries: int = TRIES_MAX) -> Any:
        from decimal import Decimal

        _, text = self._ask(method, path, body, tries=tries)
        try:
            return json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise Failure("SERVER_ANSWER_INVALID", "the answer is no JSON") from error

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        request_id: str | None = None,
        tries: int = TRIES_MAX,
    ) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a 200. What is asked again is asked under the same id."""
        deadline = time.monotonic() + self._timeout
        pause = PAUSE_SECONDS
        while True:
            tries -= 1
            try:
                return self._try(method, path, body, request_id, deadline)
            except Failure as failure:
                is_lost = failure.code in ("SERVER_UNREACHABLE", "SERVER_BUSY")
                if not is_lost or tries <= 0 or time.monotonic() + pause >= deadline:
                    raise
            time.sleep(pause)
            pause *= 2

    def _try(
        self, method: str, path: str, body: bytes | None, request_id: str | None, deadline: float
    ) -> tuple[Mapping[str, str], bytes]:
        from http.client import HTTPException

        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        left = max(0.001, deadline - time.monotonic())
        connection = self._connection(left)
        try:
            connection.request(method, self._path + path, body, headers)
            answer = connection.getresponse()
            text = _body(answer, deadline)
        except TimeoutError as error:
            connection.close()
            raise Failure("SERVER_TIMEOUT", f"{self._url} took longer than {self._timeout} s") from error
        except (HTTPException, OSError, ValueError) as error:
            connection.close()
            raise Failure("SERVER_UNREACHABLE", f"{self._url}: {type(error).__name__}: {error}") from error
        except BaseException:
            connection.close()
            raise
        if len(text) > ANSWER_BYTES_MAX or answer.will_close:
            connection.close()
        else:
            self._give_back(connection)
        if answer.status != 200:
            raise _Refusal(answer.status, _message(text))
        if len(text) > ANSWER_BYTES_MAX:
            raise Failure("SERVER_ANSWER_INVALID", f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        return {name.lower(): value for name, value in answer.getheaders()}, text

    def _connection(self, timeout: float) -> HTTPConnection:
        """A connection that nobody else uses."""
        while True:
            with self._lock:
                connection = self._free.pop() if self._free else None
            if connection is None:
                return self._new(timeout)
            sock = connection.sock
            # A server ends what nobody uses for a while, which shows as something to read.
            if sock is not None and not select([sock], [], [], 0)[0]:
                connection.timeout = timeout
                sock.settimeout(timeout)
                return connection
            connection.close()

    def _new(self, timeout: float) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self._is_tls else HTTPConnection
        return kind(self._host, self._port, timeout=timeout)

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._free) < CONNECTIONS_MAX:
                self._free.append(connection)
                return
        connection.close()


def _body(answer: HTTPResponse, deadline: float) -> bytes:
    """The whole body, if it comes in time; a little more than the longest one, if it is longer."""
    pieces: list[bytes] = []
    length = 0
    while length <= ANSWER_BYTES_MAX and answer.length != 0:
        # As much as has come.
        piece = answer.read1(ANSWER_BYTES_MAX)
        if not piece:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
        pieces.append(piece)
        length += len(piece)
    if length > ANSWER_BYTES_MAX:
        return b"".join(pieces)
    if answer.length:
        raise ConnectionError("the answer was cut")
    # Nothing is left, and the connection is free for the next question.
    answer.read()
    return b"".join(pieces)


def _ticket(members: Any) -> Ticket:
    try:
        return ticket_of(members)
    except (KeyError, TypeError) as error:
        raise Failure("SERVER_ANSWER_INVALID", "the answer is no approval") from error


def _message(text: bytes) -> str:
    """What a refusal says."""
    try:
        members = json.loads(text)
        return str(members["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "without a reason"

"""The same question, asked of a server."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from stage0._native import text_of
from stage0._values import Decision, Verdict
from stage0.guard._errors import (
    ConnectionFailed,
    GuardError,
    InvalidIntentError,
    InvalidKeyError,
    MissingKeyError,
    PlanError,
    QuotaError,
    RateLimitError,
)

if TYPE_CHECKING:
    import urllib.request

TIMEOUT_SECONDS = 10.0
"""How long a server may take."""

ANSWER_BYTES_MAX = 4_000_000
"""The longest answer that is read."""

_DECISIONS = {Verdict.ALLOW: "GO", Verdict.DEFER: "DEFER", Verdict.DENY: "NO_GO"}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and the key for it."""

    base_url: str
    key: str
    timeout_seconds: float = TIMEOUT_SECONDS

    @classmethod
    def of_environment(cls) -> Server | None:
        """The server that the environment names; nothing where it names none.

        Raises :class:`MissingKeyError` where it names a server and no key: a guard that was meant to
        ask a server must not quietly decide by itself.
        """
        base = os.environ.get("STAGE0_BASE_URL") or os.environ.get("STAGE0_API_BASE")
        key = os.environ.get("STAGE0_API_KEY")
        if not base:
            return None
        if not key:
            raise MissingKeyError("STAGE0_BASE_URL names a server, and STAGE0_API_KEY has no key for it")
        return cls(base, key)

    def check(self, request: dict[str, Any]) -> Decision:
        """The server's decision. Whatever is not one is an exception."""
        # Half of what importing this package would cost, for those who never ask a server.
        import urllib.error
        import urllib.request

        body = text_of(request).encode()
        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise ConnectionFailed(f"{self.base_url!r} is no http or https address")
        asked = urllib.request.Request(
            self.base_url.rstrip("/") + "/check",
            body,
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"},
            method="POST",
        )
        opener = urllib.request.build_opener(no_redirect())
        try:
            with opener.open(asked, timeout=self.timeout_seconds) as answer:
                status, text = answer.status, answer.read(ANSWER_BYTES_MAX + 1)
        except urllib.error.HTTPError as error:
            raise _refused(
                error.code, error.read(ANSWER_BYTES_MAX), error.headers.get("Retry-After")
            ) from None
        except (OSError, ValueError) as error:
            raise ConnectionFailed(f"{self.base_url} cannot be asked: {error}") from error
        if status != 200 or len(text) > ANSWER_BYTES_MAX:
            raise ConnectionFailed(f"{self.base_url} gave no decision, but status {status}")
        return _decision(text)


def no_redirect() -> urllib.request.HTTPRedirectHandler:
    """What follows no redirect: it would take the key somewhere else."""
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(
            self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any
        ) -> None:
            return None

    return NoRedirect()


def _decision(text: bytes) -> Decision:
    """A decision, whose two words for the verdict say the same."""
    try:
        members = json.loads(text)
        decision = Decision.from_json(text)
        agrees = members["decision"] == _DECISIONS[decision.verdict]
    except (ValueError, TypeError, KeyError) as error:
        raise ConnectionFailed("the server's answer is no decision") from error
    if not agrees:
        raise ConnectionFailed("the server's answer contradicts itself")
    return decision


def _refused(status: int, body: bytes, retry_after: str | None) -> GuardError:
    try:
        members = _object(json.loads(body))
    except ValueError:
        members = {}
    told = members.get("detail")
    nested = _object(told)
    detail = nested.get("detail") if nested else told
    message = str(members.get("message") or detail or f"the server refused with status {status}")
    request_id = str(members.get("request_id") or "")
    seconds = _seconds(members.get("retry_after_seconds"), retry_after)
    if status == 401:
        return InvalidKeyError(message, request_id=request_id)
    if status == 402 and "quota" in message.lower():
        return QuotaError(message, seconds, request_id=request_id)
    if status == 402:
        return PlanError(message, request_id=request_id)
    if status == 429:
        return RateLimitError(message, seconds, request_id=request_id)
    if status in (400, 413, 422):
        problems = members.get("problems")
        listed = cast("list[object]", problems) if isinstance(problems, list) else []
        known = [problem for problem in map(_object, listed) if problem]
        return InvalidIntentError(message, known, request_id=request_id)
    return ConnectionFailed(message, request_id=request_id)


def _object(value: object) -> dict[str, Any]:
    """The value, if it is an object; else one without members."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _seconds(*told: Any) -> float | None:
    for value in told:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None

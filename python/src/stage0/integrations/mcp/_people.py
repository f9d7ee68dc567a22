"""Asking whoever sits at the client, in both ages of the protocol."""

from __future__ import annotations

from stage0.integrations._calls import exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from stage0.gate import Answer

MODERN = "2026-07-28"
"""From this version on a server does not ask while it answers: it answers that it has to ask."""

KEY = "stage0"
"""What questions of gates are called by."""

ARGUMENTS_SHOWN_MAX = 1_000
"""Characters of the arguments in a question."""

CONSENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "title": "Approve this call?"},
        "reason": {"type": "string", "title": "Reason"},
    },
    "required": ["approve"],
}

TOKEN: dict[str, Any] = {
    "type": "object",
    "properties": {"token": {"type": "string", "title": "Signed approval"}},
    "required": ["token"],
}


def is_modern(context: Any) -> bool:
    """Whether the client asks again with what the person said."""
    return str(getattr(context, "protocol_version", None) or "") >= MODERN


def can_ask(context: Any) -> bool:
    """Whether the client can show a form."""
    session = getattr(context, "session", None)
    capabilities = getattr(session, "client_capabilities", None)
    return getattr(capabilities, "elicitation", None) is not None


def question(answer: Answer, arguments: Any) -> str:
    """What the person reads."""
    shown = str(exact(arguments))
    if len(shown) > ARGUMENTS_SHOWN_MAX:
        shown = shown[:ARGUMENTS_SHOWN_MAX] + "…"
    lines = [f"{answer.call.name} waits for an approval.", f"Arguments: {shown}"]
    if answer.decision is not None:
        lines += [issue.message for issue in answer.decision.issues]
        lines += answer.decision.defer_questions
    return "\n".join([*lines, f"Ticket: {answer.ticket}"])


class Said:
    """What the person said: ``yes``, ``no``, or nothing."""

    def __init__(self, action: object, content: Mapping[str, Any] | None) -> None:
        content = content or {}
        token = content.get("token")
        reason = content.get("reason")
        is_accepted = action == "accept"
        self.token: str | None = token if is_accepted and isinstance(token, str) and token else None
        self.reason: str | None = reason if isinstance(reason, str) and reason else None
        self.yes = is_accepted and (content.get("approve") is True or self.token is not None)
        self.no = action == "decline" or (is_accepted and content.get("approve") is False)


def said_before(params: Any, ticket: str) -> Said | None:
    """What comes with a call that is made again: only what was said of this very action."""
    responses: Mapping[str, Any] = getattr(params, "input_responses", None) or {}
    given: Any = responses.get(key_of(ticket))
    if given is None:
        return None
    if isinstance(given, dict):
        return Said(given.get("action"), given.get("content"))
    return Said(getattr(given, "action", None), getattr(given, "content", None))


def key_of(ticket: str) -> str:
    """What the question is called among those of one answer: it names the action, so that an answer is
    never about another one."""
    return f"{KEY}:{ticket}"


def is_ours(key: str) -> bool:
    """Whether an answer is to a gate's question."""
    return key.startswith(f"{KEY}:")

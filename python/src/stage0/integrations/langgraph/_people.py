"""What a person is asked by an interrupt, and what a graph is resumed with.

Both have the form that LangChain's own approvals of single calls have, so that what shows those shows
these: the question is a ``tool_approval``, the answer a decision with a ``type``. Beside it the question
has ``stage0``, and the answer says who gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stage0.gate import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def approve(
    *,
    by: str | None = None,
    roles: Sequence[str] = (),
    reason: str | None = None,
    expires_at: str | None = None,
    token: str | None = None,
    call_id: str | None = None,
) -> dict[str, Any]:
    """A person's yes, for ``Command(resume=...)``: ``by`` and ``roles`` by your own word, or a ``token``
    that the person signed. Whether it is enough is decided when the graph goes on. ``call_id`` says which
    call is meant, which has to be said where a message has several."""
    if isinstance(roles, str):
        raise TypeError("roles is a list of texts, not one text")
    if (token is None) == (by is None):
        raise TypeError("a yes is somebody's, by name or by token")
    yes = {"by": by, "roles": list(roles), "reason": reason, "expires_at": expires_at, "token": token}
    return _decision("approve", {**yes, "tool_call_id": call_id})


def reject(
    *, by: str, roles: Sequence[str] = (), reason: str | None = None, call_id: str | None = None
) -> dict[str, Any]:
    """A person's no, which stands, for ``Command(resume=...)``."""
    if isinstance(roles, str):
        raise TypeError("roles is a list of texts, not one text")
    no = {"by": by, "roles": list(roles), "message": reason, "tool_call_id": call_id}
    return _decision("reject", no)


def edit(
    arguments: Mapping[str, Any],
    *,
    by: str,
    roles: Sequence[str] = (),
    reason: str | None = None,
    call_id: str | None = None,
) -> dict[str, Any]:
    """A person's yes to other arguments, for ``Command(resume=...)``. They are asked about like any
    others: a person cannot have done what the policy denies."""
    yes = approve(by=by, roles=roles, reason=reason, call_id=call_id)
    return {**yes, "type": "edit", "edited_action": {"args": dict(arguments)}}


def _decision(kind: str, members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, **{name: value for name, value in members.items() if value}}


def question(answer: Answer, name: str, arguments: Mapping[str, Any], id: str, problem: str | None) -> Any:
    """What the person is shown."""
    decision = answer.decision
    told: dict[str, Any] = {"ticket": answer.ticket, "run_id": answer.run, "verdict": answer.verdict.value}
    told["codes"] = list(answer.codes)
    description = f"{name} waits for an approval"
    if decision is not None:
        told["questions"] = list(decision.defer_questions)
        told["action_digest"] = decision.action_digest
        told["policy_version"] = decision.policy_version
        lines = [issue.message for issue in decision.issues]
        description = "\n".join([f"{name}: {decision.reason}", *lines, *decision.defer_questions])
    if problem is not None:
        told["problem"] = problem
    return {
        "type": "tool_approval",
        "tool_call_id": id,
        "name": name,
        "args": dict(arguments),
        "description": description,
        "allowed_decisions": ["approve", "edit", "reject"],
        "stage0": told,
    }


class Said:
    """What a graph was resumed with, for one call."""

    def __init__(self, kind: str, members: Mapping[str, Any]) -> None:
        self.kind = kind
        """``approve``, ``edit`` or ``reject``."""
        self.by: str | None = members.get("by")
        self.reason: str | None = members.get("reason") or members.get("message")
        self.roles: tuple[str, ...] = tuple(members.get("roles") or ())
        self.expires_at: Any = members.get("expires_at")
        self.token: str | None = members.get("token")
        self.arguments: Any = (members.get("edited_action") or {}).get("args")

    @property
    def yes(self) -> dict[str, Any]:
        """What a gate takes as a person's yes."""
        if self.token is not None:
            return {"token": self.token}
        return {
            "by": self.by,
            "roles": self.roles,
            "reason": self.reason,
            "expires_at": self.expires_at,
        }


def read(reply: object, id: str, name: str, is_alone: bool) -> Said | str | None:
    """What was said of this call, ``None`` if nothing was, or why that cannot be told. Only what says so
    plainly is a yes."""
    members: Any = reply
    if isinstance(members, Mapping) and "decisions" in members:
        several = members["decisions"]
        if isinstance(several, Mapping):
            members = several.get(id)
            if members is None:
                return None
        elif isinstance(several, Sequence) and len(several) == 1 and is_alone:
            members = several[0]
        else:
            return "of several calls each is named: {'decisions': {call_id: decision}}"
    elif not is_alone and not (isinstance(members, Mapping) and "tool_call_id" in members):
        return "of several calls each is named: {'decisions': {call_id: decision}}"
    if members is True or members is False:
        return Said("approve" if members else "reject", {})
    if not isinstance(members, Mapping):
        return "this is no decision: resume with approve(by=...) or reject(by=...)"
    about = members.get("tool_call_id")
    if about is not None and about != id:
        return f"this is about the call {about}, and not about {id}" if is_alone else None
    kind = members.get("type")
    if kind not in ("approve", "edit", "reject"):
        return f"{kind!r} is none of approve, edit and reject"
    roles = members.get("roles") or ()
    if isinstance(roles, str) or not all(isinstance(role, str) for role in roles):
        return "roles is a list of texts"
    action = members.get("edited_action")
    if kind == "edit":
        if not isinstance(action, Mapping) or not isinstance(action.get("args"), Mapping):
            return "an edit has edited_action with args"
        if action.get("name", name) != name:
            return f"an edit is of the same tool, which is {name}"
    return Said(str(kind), members)

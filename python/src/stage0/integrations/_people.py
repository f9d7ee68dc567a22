"""What people decide about calls, in the words that LangChain has for it, and who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    """A person's yes, ``by`` and ``roles`` by your own word, or a ``token``
    that the person signed. Whether it is enough is decided when the call goes on. ``call_id`` says which
    call is meant, where several wait at once."""
    if isinstance(roles, str):
        raise TypeError("roles is a list of texts, not one text")
    if (token is None) == (by is None):
        raise TypeError("a yes is somebody's, by name or by token")
    yes = {"by": by, "roles": list(roles), "reason": reason, "expires_at": expires_at, "token": token}
    return _decision("approve", {**yes, "tool_call_id": call_id})


def reject(
    *, by: str, roles: Sequence[str] = (), reason: str | None = None, call_id: str | None = None
) -> dict[str, Any]:
    """A person's no, which stands."""
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
    """A person's yes to other arguments. They are asked about like any
    others: a person cannot have done what the policy denies."""
    yes = approve(by=by, roles=roles, reason=reason, call_id=call_id)
    return {**yes, "type": "edit", "edited_action": {"args": dict(arguments)}}


def _decision(kind: str, members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, **{name: value for name, value in members.items() if value}}


class Said:
    """What a person decided about one call."""

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


def decision_of(members: Any, name: str) -> Said | str:
    """A decision about a call of this tool, or what is wrong with it. Only a plain yes is one."""
    if members is True or members is False:
        return Said("approve" if members else "reject", {})
    if not isinstance(members, Mapping):
        return "this is no decision, as approve(by=...) and reject(by=...) make them"
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

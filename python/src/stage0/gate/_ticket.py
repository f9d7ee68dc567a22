"""What people are asked about one action, and what they answered."""

from __future__ import annotations

from stage0._value import Value
from stage0._values import FrozenMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal


class Ask(Value):
    """What one rule asks people for."""

    rule: str
    """The rule, as ``pack/id``."""
    terms: str
    """Digest of what the rule demands of an approval."""
    action: str
    """Digest of what an approval is bound to."""
    roles: tuple[str, ...]
    """Roles of which whoever says yes has to have one; any will do if there is none."""
    people: int
    """How many people have to say yes."""
    message: str


class PersonsAnswer(Value):
    """What a person answered."""

    by: str
    roles: tuple[str, ...]
    rule: str
    answer: Literal["approved", "rejected", "pending"]
    at: str
    """RFC 3339."""


class Ticket(Value):
    """What people are asked about one action of one call of one run."""

    id: str
    status: Literal["pending", "granted", "rejected", "used", "expired"]
    request_id: str
    """The request that asked first."""
    tools: tuple[str, ...]
    """The tools, as the request named them."""
    action_digest: str
    policy_version: str
    policy_digest: str
    reason: str
    """Why the call has to wait."""
    questions: tuple[str, ...]
    asks: tuple[Ask, ...]
    facts: FrozenMapping[str, Any]
    """What the decision read of the request, without what the policy redacts."""
    opened_at: str
    """RFC 3339."""
    expires_at: str
    """When nobody is asked any more."""
    remarks: tuple[str, ...]
    """What those said who gave a reason."""
    answers: tuple[PersonsAnswer, ...]
    run_id: str | None = None
    call_id: str | None = None


def ticket_of(members: Mapping[str, Any]) -> Ticket:
    """A ticket from what stands on the wire. Raises ``KeyError`` or ``TypeError`` if that is none."""
    read: dict[str, Any] = dict(members)
    for name in ("tools", "questions", "remarks"):
        read[name] = tuple(members[name])
    read["asks"] = tuple(Ask(**_with_roles(ask)) for ask in members["asks"])
    read["answers"] = tuple(PersonsAnswer(**_with_roles(answer)) for answer in members["answers"])
    read["facts"] = FrozenMapping(members["facts"])
    return Ticket(**read)


def _with_roles(members: Mapping[str, Any]) -> dict[str, Any]:
    return {**members, "roles": tuple(members["roles"])}


def parse_ticket(text: str | bytes) -> Ticket:
    """A ticket from its JSON text; numbers stay exact."""
    import json
    from decimal import Decimal

    return ticket_of(json.loads(text, parse_float=Decimal))

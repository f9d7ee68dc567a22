"""A policy, what tools did, and gates that break, for tests of every framework."""

from __future__ import annotations

from typing import Any

from stage0 import Gate, Policy
from stage0.gate import Failure, Question, Reply

from gates import DESK, STAFF

LEAD: dict[str, Any] = {"by": "mia", "roles": ["lead"]}


class Effects:
    """What tools have done, in order."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []

    def pay(self, amount: Any, to: str) -> str:
        """Pays."""
        self.done.append(("pay", amount))
        return f"paid {amount} to {to}"

    def look(self) -> str:
        """Looks."""
        self.done.append(("look", None))
        return "seen"


class Broken:
    """A backend that fails."""

    waits = False
    can_peek = False
    has_policy = True

    def __init__(self, error: Exception) -> None:
        self.error = error

    def check(self, question: Question) -> Reply:
        raise self.error

    peek = check

    def report(self, told: Any) -> tuple[bool, str | None]:
        raise self.error

    def pending(self, run: str | None) -> tuple[Any, ...]:
        raise self.error

    def approve(self, ticket: str, yes: Any) -> Any:
        raise self.error

    def reject(self, ticket: str, by: str, roles: Any, reason: str | None) -> Any:
        raise self.error

    def close(self) -> None:
        pass


BREAKS: list[Exception] = [
    Failure("STORE_UNWRITABLE", "the disk is full: /srv/secret"),
    RuntimeError("engine: /srv/secret"),
]
"""Crashes of the store and of the engine, with words that no model may read."""


def gate(policy: str = DESK, **options: Any) -> Gate:
    """A gate in front of the policy, with somebody of the staff."""
    return Gate(Policy.parse(policy), **{"context": STAFF, **options})


def broken(error: Exception) -> Gate:
    """A gate whose backend fails."""
    backend: Any = Broken(error)
    return Gate(backend=backend)

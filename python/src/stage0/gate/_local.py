"""Deciding in this process, with runs and tickets in memory or in a SQLite file that processes
share."""

from __future__ import annotations

import os

from stage0._native import NativeKeeper
from stage0.gate._backend import Question, Reply, Told, Yes
from stage0.gate._failure import Failure
from stage0.gate._ticket import Ticket, parse_ticket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any, TypeAlias

    Clock: TypeAlias = Callable[[], datetime | str]

PURGE_EVERY = 1_000
"""Decisions after which what cannot count any more is dropped."""

_SECRET_BYTES = 32


class LocalBackend:
    """A policy and a store. ``store`` is ``memory`` or ``sqlite:PATH``.

    Raises :class:`stage0.StoreError` if the file cannot be used.
    """

    can_peek = True
    has_policy = False

    def __init__(self, store: str, record: str | None, clock: Clock | None) -> None:
        kind, _, path = store.partition(":")
        if (kind, path) != ("memory", "") and (kind != "sqlite" or not path):
            raise ValueError(f"store is 'memory' or 'sqlite:PATH', not {store!r}")
        self._path = path or None
        self._record = None if record is None else record == "full"
        self._clock = clock
        self._secret = os.urandom(_SECRET_BYTES)
        self._asked = 0
        self._left: list[NativeKeeper] = []
        self._open()
        self.waits = self._path is not None

    def _open(self) -> None:
        self._keeper = NativeKeeper(self._path, self._secret)
        self._pid = os.getpid()

    def _kept(self) -> NativeKeeper:
        if self._pid != os.getpid():
            # A connection that a fork copied is the parent's, and must not even be closed here.
            self._left.append(self._keeper)
            self._open()
        return self._keeper

    def _now(self) -> datetime | str | None:
        return None if self._clock is None else self._clock()

    def check(self, question: Question) -> Reply:
        keeper, policy = self._kept(), question.policy
        if policy is None:
            raise Failure("GATE_FAILED", "there is no policy")
        now = self._now()
        verdict, decision, record, ticket = keeper.check(
            policy._native, question.request, question.request_id, question.run, self._record, now
        )
        self._asked += 1
        if self._asked % PURGE_EVERY == 0:
            keeper.purge(now)
        return Reply(verdict, decision, ticket, record)

    def peek(self, question: Question) -> Reply:
        policy = question.policy
        if policy is None:
            raise Failure("GATE_FAILED", "there is no policy")
        verdict, decision, _, ticket = self._kept().peek(
            policy._native, question.request, question.request_id, question.run, self._now()
        )
        return Reply(verdict, decision, ticket)

    def report(self, told: Told) -> tuple[bool, str | None]:
        keeper, now = self._kept(), self._now()
        known, record = keeper.report(told.run, told.id, told.action, told.outcome, told.cost, now)
        return known, None if self._record is None else record

    def pending(self, run: str | None) -> tuple[Ticket, ...]:
        tickets = map(parse_ticket, self._kept().tickets(self._now()))
        return tuple(
            ticket for ticket in tickets if ticket.status == "pending" and run in (None, ticket.run_id)
        )

    def approve(self, ticket: str, yes: Yes) -> Ticket:
        keeper, now = self._kept(), self._now()
        if yes.token is not None:
            return parse_ticket(keeper.take_signed(ticket, yes.token, now))
        at: Any = yes.expires_at
        return parse_ticket(keeper.grant(ticket, yes.by, list(yes.roles), yes.reason, at, now))

    def reject(self, ticket: str, by: str, roles: Sequence[str], reason: str | None) -> Ticket:
        return parse_ticket(self._kept().reject(ticket, by, list(roles), reason, self._now()))

    def close(self) -> None:
        """A file is let go of with the last one who has this object."""

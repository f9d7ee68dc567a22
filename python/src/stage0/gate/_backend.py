"""What stands behind a gate: who decides, keeps runs and asks people. A store here, or a server
elsewhere."""

from __future__ import annotations

from stage0._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Protocol

    from stage0._policy import Policy
    from stage0._words import Outcome
    from stage0.gate._ticket import Ticket
else:
    # `typing`, on which it stands, takes longer to import than the rest of the package.
    Protocol = object


class Question(Value):
    """What is asked."""

    request: str
    """The request's JSON text."""
    request_id: str
    """An id that no other question has. The same one comes again only where an answer was lost."""
    run: str | None
    """The run, which the request names as well."""
    policy: Policy | None
    """The policy in force when it was asked; ``None`` for a backend that has its own."""


class Reply(Value):
    """What a backend answers, once it is kept."""

    verdict: str
    decision: str
    """The decision's canonical text."""
    ticket: str | None = None
    """The ticket that it waits for."""
    record: str | None = None
    """The line for the audit log, where the backend makes one."""


class Yes(Value):
    """A person's yes: by the word of whoever asked, or signed."""

    by: str = ""
    roles: Sequence[str] = ()
    reason: str | None = None
    expires_at: datetime | str | None = None
    token: str | None = None
    """What the person signed, which says everything itself."""


class Told(Value):
    """What became of a call."""

    run: str | None
    id: str
    """The call's id, or its request's where it had none."""
    action: str
    """The decision's ``action_digest``."""
    request_id: str
    outcome: Outcome
    cost: str | None
    """US dollars, as a decimal."""


class Backend(Protocol):
    """Decides, keeps and asks. Threads share it.

    Whatever goes wrong is an exception, best a :class:`Failure`: the gate answers DENY.
    """

    waits: bool
    """Whether asking may wait for a disk or a network, so that coroutines ask in a thread."""
    can_peek: bool
    """Whether it can look without deciding. A gate asks one that cannot as by :meth:`check`."""
    has_policy: bool
    """Whether it has a policy of its own, and takes none with a question."""

    def check(self, question: Question) -> Reply:
        """Decides, also by what people answered, and keeps what comes out before it is told."""
        ...

    def peek(self, question: Question) -> Reply:
        """Decides as :meth:`check` does, for those who only look."""
        ...

    def report(self, told: Told) -> tuple[bool, str | None]:
        """Takes down what became of a call: whether it is known, and the line for the audit log."""
        ...

    def pending(self, run: str | None) -> tuple[Ticket, ...]:
        """Tickets that wait for somebody, of this run or of all."""
        ...

    def approve(self, ticket: str, yes: Yes) -> Ticket:
        """Takes a person's yes. Raises :class:`stage0.TicketError` where it is not taken."""
        ...

    def reject(self, ticket: str, by: str, roles: Sequence[str], reason: str | None) -> Ticket:
        """Takes a person's no. Raises :class:`stage0.TicketError` where it is not taken."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


class AuditSink(Protocol):
    """Where the lines of decisions and outcomes go, such as :class:`stage0.AuditLog`."""

    def append(self, record: str, /) -> object:
        """Keeps one line, durably, before it returns. Raises if it cannot: then nothing is allowed."""
        ...

"""Logs of receipts: decisions and outcomes as lines of a chain that shows what was done to it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from stage0._errors import Problem, problems_of
from stage0._keys import key_text
from stage0._native import NativeLog
from stage0._native import verify_audit as native_verify_audit
from stage0._native import verify_checkpoint as native_verify_checkpoint
from stage0._policy import Host, Policy, cost_text
from stage0._value import Value
from stage0._values import Decision, decided

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from types import TracebackType
    from typing import Any, Literal, NoReturn, TypeAlias

    from typing_extensions import Self

    from stage0._keys import Json
    from stage0._policy import Request, State
    from stage0._words import Outcome

    _Path: TypeAlias = str | os.PathLike[str]
    _Now: TypeAlias = datetime | str | None


class AuditLog:
    """A log that this process writes, the same as ``stage0 check --audit`` does. Threads share it.

    ``record`` says what is kept of a request: ``facts``, those that the decision read, or ``full``, so
    that ``stage0 replay`` can make it again. A line that was kept outlives the machine where ``fsync`` is
    ``True``; with a number, up to so many lines are lost when the machine goes down, with ``False``
    whatever the operating system had not written yet. None is lost when the process ends, however it
    does.

    A file that has ``rotate_bytes`` is put aside, under its name and the number of its last line. With a
    private ``key``, as ``stage0 keypair new`` writes it, the chain is signed behind each
    ``checkpoint_lines`` lines. A log has one writer at a time, and a process that was made by ``fork`` is
    another one.

    Raises :class:`AuditError` if it cannot be written, or if nothing can follow its end.
    """

    __slots__ = ("_native", "path")
    path: str

    def __init__(
        self,
        path: _Path,
        *,
        record: Literal["facts", "full"] = "facts",
        fsync: bool | int = True,
        rotate_bytes: int | None = None,
        key: Json | None = None,
        checkpoint_lines: int = 64,
    ) -> None:
        if record not in ("facts", "full"):
            raise ValueError(f"record is 'facts' or 'full', not {record!r}")
        self.path = os.fspath(path)
        signing = None if key is None else key_text(key)
        self._native = NativeLog(
            self.path, record == "full", int(fsync), rotate_bytes, signing, checkpoint_lines
        )

    def check(
        self,
        policy: Policy,
        request: Request,
        *,
        run: str | None = None,
        host: Host | None = None,
        state: State | None = None,
        now: _Now = None,
    ) -> Decision:
        """Decides as ``policy.check`` does, and keeps a line of it before the decision is given. ``run``
        is what the host calls the run.

        Raises :class:`RequestError` where nothing was decided, and :class:`AuditError` where it is not
        written down: the action must not be carried out then either.
        """
        return decided(*self._native.check(policy._native, request, run, host, state, now))

    def report(
        self,
        decision: Decision,
        outcome: Outcome,
        *,
        state: str | None = None,
        run: str | None = None,
        call_id: str | None = None,
        cost_usd: Decimal | int | str | None = None,
        now: _Now = None,
    ) -> str | None:
        """Keeps what became of a call that was allowed; the state after it, where one before it is given.

        Raises :class:`RequestError` if one of these is not of its form, and :class:`AuditError` if it is
        not written down.
        """
        identity = call_id if call_id is not None else decision.request_id
        digest, cost = decision.action_digest, cost_text(cost_usd)
        return self._native.report(state, run, identity, digest, outcome, cost, now)

    def append(self, record: str, *, now: _Now = None) -> int:
        """Keeps a record that was made elsewhere, one line of JSON; the number of its line."""
        return self._native.append(record, now)[0]

    def checkpoint(self, key: Json, *, now: _Now = None) -> str:
        """Signs the log as it is now. The signature becomes a line of it; kept where nobody who writes
        the log can reach it, it shows later that nothing is gone."""
        return self._native.checkpoint(key_text(key), now)

    def flush(self) -> None:
        """Returns once every line outlives the machine's next moment."""
        self._native.flush()

    def close(self) -> None:
        """Leaves the log to other writers. It takes no further line."""
        self._native.close()

    @property
    def head(self) -> tuple[int, str]:
        """The number and the hash of the last line; 0 and zeros before the first."""
        return self._native.head

    @property
    def cut_bytes(self) -> int | None:
        """How many bytes of an unfinished last line were taken away when the log was opened: 0 where only
        its end lacked, and ``None`` where nothing was to be mended."""
        return self._native.cut_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AuditLog {self.path!r}>"


class Checkpoint(Value):
    """Somebody's signed word that a log had so many lines and ended in this hash, at this time."""

    seq: int
    hash: str
    at: str
    """RFC 3339."""


class AuditReport(Value):
    """What holding a log against itself came to. Read :attr:`holds`; a report is not true or false."""

    lines: int
    """Lines that are as they were written."""
    records: int
    checkpoints: int
    first: int
    """The number of the first line."""
    last: int
    hash: str
    """The hash of the last line."""
    signed_to: int | None
    """Up to where the newest checkpoint vouches for it, if a key was given that it was signed with."""
    signed_at: str | None
    """When that was, as RFC 3339."""
    decisions: int | None = None
    """Decisions that were made again to the byte; ``None`` where no policy was given."""
    facts_only: int | None = None
    """Decisions of which only the facts were kept."""
    by_others: int | None = None
    """Decisions that another policy made, or another version of it."""
    failed: int | None = None
    """Records that do not hold."""
    problems: tuple[Problem, ...] = ()
    """Everything that is wrong, each with its place in the log."""

    @property
    def holds(self) -> bool:
        """Whether the log is what was written."""
        return not self.problems

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is not true or false: read report.holds")


def verify_audit(
    log: _Path | Iterable[str | bytes],
    keys: Json | None = None,
    *,
    policies: Iterable[Policy] = (),
    checkpoint: str | None = None,
    continues: bool = False,
) -> AuditReport:
    """Holds a log against itself, as ``stage0 audit verify`` does: what was changed, taken out, put in
    twice or moved.

    ``log`` is the path of a file, with which those are read that were put aside, or its lines in their
    order. ``keys`` are those whose checkpoints are believed (a JSON Web Key Set), ``checkpoint`` one that
    was kept elsewhere. Decisions that were kept whole are made again by these ``policies``, each by the
    one that made it. ``continues`` says that the lines before the first one are elsewhere.

    Raises :class:`AuditError` if the log cannot be read, or the keys are none.
    """
    import json

    if checkpoint is not None and keys is None:
        raise TypeError("a checkpoint says nothing without the keys to verify it with")
    path = log if isinstance(log, (str, os.PathLike)) else None
    lines = () if isinstance(log, (str, os.PathLike)) else log
    text, told = native_verify_audit(
        path,
        [line.encode() if isinstance(line, str) else line for line in lines],
        None if keys is None else key_text(keys),
        [policy._native for policy in policies],
        checkpoint,
        continues,
    )
    members: dict[str, Any] = json.loads(text)
    members["problems"] = problems_of(told)
    return AuditReport(**members)


def verify_checkpoint(token: str, keys: Json) -> Checkpoint:
    """What a checkpoint says, if one of these keys signed it.

    Raises :class:`AuditError` if it is none, or is not to be believed.
    """
    return Checkpoint(*native_verify_checkpoint(token, key_text(keys)))

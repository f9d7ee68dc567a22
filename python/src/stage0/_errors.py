"""What is wrong with a policy or a request, as data and as exceptions.

A DENY is no error. Errors are for texts that cannot be decided about at all; whoever guards a side
effect treats them as DENY.
"""

from __future__ import annotations

from collections.abc import Iterable

from stage0._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Self


class Location(Value):
    """A place in a file: lines and columns count characters from 1, and the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    excerpt: str
    """The line and the marks below the place; empty where the problem is the file as a whole."""


class RelatedPlace(Value):
    """Another place that a problem has to do with."""

    label: str
    location: Location


class Problem(Value):
    """One thing that is wrong. ``str(problem)`` is the report that a person reads."""

    code: str
    """A stable word such as ``POLICY_UNKNOWN_KEY``."""
    severity: Literal["error", "warning"]
    message: str
    """What is wrong, in one sentence."""
    help: str | None = None
    """What to do about it."""
    locations: tuple[Location, ...] = ()
    related: tuple[RelatedPlace, ...] = ()
    _text: str = ""

    def __str__(self) -> str:
        return self._text or f"{self.severity}[{self.code}]: {self.message}"


def problems_of(told: Iterable[tuple[str, str]]) -> tuple[Problem, ...]:
    """Problems from what the native half tells: JSON and report of each."""
    import json

    problems: list[Problem] = []
    for text, report in told:
        members = json.loads(text)
        members["locations"] = tuple(Location(**place) for place in members["locations"])
        members["related"] = tuple(
            RelatedPlace(place["label"], Location(**place["location"])) for place in members["related"]
        )
        problems.append(Problem(**members, _text=report))
    return tuple(problems)


class Stage0Error(Exception):
    """Something could not be read, so nothing was decided.

    ``str(error)`` reports every problem with its place and what to do about it.
    """

    problems: tuple[Problem, ...]
    """Everything that is wrong, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    @classmethod
    def _of(cls, told: Iterable[tuple[str, str]]) -> Self:
        return cls(problems_of(told))

    @classmethod
    def _failed(cls, why: str) -> Self:
        message = f"nothing was decided: the engine stopped, {why}"
        help = "this is a fault of Stage0; the policy and the next call are as good as before"
        return cls([Problem("ENGINE_FAILED", "error", message, help)])

    @property
    def code(self) -> str:
        """The code of the first error among the problems."""
        for problem in self.problems:
            if problem.severity == "error":
                return problem.code
        return self.problems[0].code if self.problems else ""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class PolicyError(Stage0Error):
    """A policy does not load."""


class RequestError(Stage0Error):
    """A request, or what the host adds to it, is not of its form. Whoever guards an action denies it."""


class PermitError(Stage0Error):
    """A permit is not issued, or does not count. Whoever executes an action does not."""


class StoreError(Stage0Error):
    """What a gate has to keep cannot be kept, or cannot be read any more: then nothing is allowed."""

    @classmethod
    def _because(cls, code: str, message: str) -> Self:
        return cls([Problem(code, "error", message, None)])


class TicketError(Stage0Error):
    """A person's answer is not taken: there is no such ticket, or it is not theirs to give, or too late."""


class AuditError(Stage0Error):
    """Something is not written down, or a log cannot be read. Whoever has to keep a log allows nothing."""

"""What a gate answers: whether the call may be made, what the model is told, and what the log gets."""

from __future__ import annotations

from stage0._native import canonical_text, text_of
from stage0._values import Decision, Severity, Verdict
from stage0.gate._failure import CAUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from stage0.gate._call import Arguments, ToolCall

MESSAGE_ITEMS_MAX = 8
"""Reasons, and questions, in the message for a model: the heaviest come first."""


class Answer:
    """The answer to one call. Compare :attr:`verdict`, or read :attr:`allowed`.

    An answer has no truth value: ``if answer:`` raises, because a DENY would be as true as an ALLOW.
    """

    __slots__ = (
        "_arguments",
        "call",
        "code",
        "decision",
        "error",
        "repeated",
        "request_id",
        "run",
        "ticket",
        "verdict",
    )

    call: ToolCall
    """What was asked about."""
    verdict: Verdict
    """ALLOW, DEFER or DENY."""
    decision: Decision | None
    """The decision; ``None`` where there is none, and then the verdict is DENY."""
    ticket: str | None
    """What a person's answer goes to, where that is what is missing: see :meth:`Gate.approve`."""
    code: str
    """Why nothing was decided, as one of a fixed list of words; empty where something was."""
    error: Exception | None
    """What went wrong, where nothing was decided. It is for the log, never for the model."""
    request_id: str
    """The id under which it was decided."""
    run: str | None
    """The run that it belongs to."""
    repeated: bool
    """Whether it was given before, to the same question about the same call."""

    def __init__(
        self,
        call: ToolCall,
        verdict: Verdict,
        *,
        arguments: str = "",
        decision: Decision | None = None,
        ticket: str | None = None,
        code: str = "",
        error: Exception | None = None,
        request_id: str = "",
        run: str | None = None,
        repeated: bool = False,
    ) -> None:
        self._arguments = arguments
        self.call = call
        self.verdict = verdict
        self.decision = decision
        self.ticket = ticket
        self.code = code
        self.error = error
        self.request_id = request_id
        self.run = run
        self.repeated = repeated

    @classmethod
    def failed(cls, call: ToolCall, code: str, error: Exception) -> Answer:
        """The DENY for what went wrong."""
        return cls(call, Verdict.DENY, code=code, error=error)

    @property
    def allowed(self) -> bool:
        """Whether the call may be made."""
        return self.verdict is Verdict.ALLOW

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, heaviest first."""
        return self.decision.codes if self.decision is not None else (self.code,)

    @property
    def waits_for_person(self) -> bool:
        """Whether a person's yes is all that is missing: the one case in which pausing for a person
        helps."""
        if self.ticket is None or self.decision is None:
            return False
        wants = [issue.resolution for issue in self.decision.issues]
        return {want.needs for want in wants if want is not None} == {"approval"}

    def verify(self, arguments: Arguments) -> bool:
        """Whether the call may be made with these arguments: ask it with what is about to be used,
        right before it is. ``False`` also for what has no exact form as JSON."""
        if self.verdict is not Verdict.ALLOW or self.decision is None:
            return False
        given: Any = {} if arguments is None else arguments
        try:
            return canonical_text(given) == canonical_text(self._arguments)
        except Exception:
            return False

    @property
    def message(self) -> str:
        """What the model may read: one JSON object, short, with ``verdict`` and ``codes``, and as far
        as there are any ``reasons``, ``needs`` (``approval``, ``fact``, ``wait``, ``fix``),
        ``questions``, ``retry_at`` and ``ticket``."""
        told: dict[str, Any] = {"verdict": self.verdict.value}
        if self.decision is None:
            told["codes"] = [self.code]
            told["reasons"] = ["the call was not made: " + CAUSES.get(self.code, CAUSES["GATE_FAILED"])]
        elif self.verdict is not Verdict.ALLOW:
            _tell(told, self.decision)
        if self.ticket is not None:
            told["ticket"] = self.ticket
        return text_of(told)

    @property
    def details(self) -> dict[str, Any]:
        """Everything for the log, made of JSON's types: the decision, or what went wrong."""
        call = self.call
        told: dict[str, Any] = {
            "verdict": self.verdict.value,
            "tool": call.name,
            "call_id": call.id,
            "run_id": self.run,
            "request_id": self.request_id,
            "ticket": self.ticket,
        }
        if self.decision is not None:
            return told | {"decision": self.decision.to_dict()}
        return told | {"code": self.code, "error": f"{type(self.error).__name__}: {self.error}"}

    def again(self, call: ToolCall) -> Answer:
        """The same answer, given once more."""
        return Answer(
            call,
            self.verdict,
            arguments=self._arguments,
            decision=self.decision,
            ticket=self.ticket,
            code=self.code,
            error=self.error,
            request_id=self.request_id,
            run=self.run,
            repeated=True,
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("an answer is not true or false: read answer.allowed")

    def __repr__(self) -> str:
        return f"<Answer {self.verdict.value} {' '.join(self.codes)}>".replace(" >", ">")


def _tell(told: dict[str, Any], decision: Decision) -> None:
    """Why, as far as a model may know."""
    issues = decision.issues
    heavy = [issue for issue in issues if issue.severity >= Severity.MEDIUM] or list(issues)
    heavy = heavy[:MESSAGE_ITEMS_MAX]
    told["codes"] = [issue.code for issue in heavy]
    told["reasons"] = [issue.message for issue in heavy]
    wants = [issue.resolution for issue in heavy if issue.resolution is not None]
    lists: dict[str, list[str]] = {
        "needs": sorted({want.needs for want in wants}),
        "questions": list(decision.defer_questions[:MESSAGE_ITEMS_MAX]),
    }
    told.update((name, items) for name, items in lists.items() if items)
    times = [want.retry_at for want in wants if want.retry_at is not None]
    if times:
        told["retry_at"] = max(times)

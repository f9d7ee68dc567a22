"""Why a call may not be made: a cause inside the gate, or an answer that is not ALLOW."""

from __future__ import annotations

from stage0._errors import RequestError, Stage0Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stage0.gate._answer import Answer

CAUSES = {
    "ARGUMENTS_CHANGED": "the arguments are not those that were checked",
    "AUDIT_FAILED": "the decision could not be written down",
    "CALL_INVALID": "the call cannot be decided about as it is",
    "CALL_OVER": "this call has failed or was stopped: another try is another call, with its own id",
    "CALL_UNCHECKED": "nobody was asked about this call right before it was to run",
    "CONTEXT_FAILED": "the host could not say who asks",
    "ENGINE_FAILED": "the engine stopped half way",
    "GATE_FAILED": "the gate stopped half way",
    "GATE_HALTED": "an operator has halted all calls",
    "SERVER_ANSWER_INVALID": "the server's answer is no decision about this call",
    "SERVER_BUSY": "the server takes no more requests at the moment",
    "SERVER_KEY_REFUSED": "the server does not take the gate's key",
    "SERVER_QUOTA_USED_UP": "the server takes no more requests under the gate's key for a while",
    "SERVER_REFUSED": "the server did not decide",
    "SERVER_TIMEOUT": "the server did not answer in time",
    "SERVER_UNREACHABLE": "the server cannot be reached",
    "STORE_BUSY": "what has to be kept is held by another process",
    "STORE_CLOCK": "the clock shows no time that can be kept",
    "STORE_CONTENDED": "the run was changed by others each time that it was decided",
    "STORE_DAMAGED": "what was kept is not what was written",
    "STORE_UNREADABLE": "what was kept cannot be read",
    "STORE_UNWRITABLE": "what has to be kept cannot be written",
    "STORE_VERSION": "what was kept has a form that this version does not read",
    "VERDICT_UNKNOWN": "the verdict is none of ALLOW, DENY and DEFER",
}
"""Why nothing was decided, by code: what the model is told of it."""


class Failure(Exception):
    """Nothing was decided: a :class:`Backend` raises it with a code of its own, and the gate answers
    DENY."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        """A stable word, one for each cause."""


def code_of(error: Exception) -> str:
    """The cause that an exception comes from."""
    if isinstance(error, Failure):
        return error.code
    if isinstance(error, Stage0Error) and (
        error.code == "ENGINE_FAILED" or error.code.startswith("STORE_")
    ):
        return error.code
    return "CALL_INVALID" if isinstance(error, RequestError) else "GATE_FAILED"


class Refused(Exception):
    """The call may not be made. ``str(error)`` is what the model may read."""

    answer: Answer
    """Why, and what would help."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer)

    def __str__(self) -> str:
        return self.answer.message


class Denied(Refused):
    """The answer is DENY."""


class Deferred(Refused):
    """The answer is DEFER: something is missing first, as its message says."""

    @property
    def ticket(self) -> str | None:
        """The ticket by which a person can say yes, where that is what is missing."""
        return self.answer.ticket

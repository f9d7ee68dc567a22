"""Why an execution may not go ahead. Each error is data as well: :meth:`GuardError.to_dict`."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from stage0._errors import RequestError
from stage0._values import Decision


class GuardError(Exception):
    """The execution may not go ahead."""

    code: ClassVar[str] = "GUARD"
    """A stable word for the kind of error."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.request_id = request_id
        """The id of the request, where a server named one."""

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON's types: ``error``, ``message`` and ``request_id``, and what its kind adds."""
        return {"error": self.code, "message": str(self), "request_id": self.request_id}


class _DecidedError(GuardError):
    """A decision stands in the way."""

    def __init__(self, decision: Decision, message: str) -> None:
        super().__init__(message, request_id=decision.request_id)
        self.decision = decision
        """The decision, with its issues and questions."""

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"decision": json.loads(self.decision.to_json())}


class DeniedError(_DecidedError):
    """The decision is DENY."""

    code = "DENIED"

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision, decision.reason)


class DeferredError(_DecidedError):
    """The decision is DEFER: something is missing first, as its questions say."""

    code = "DEFERRED"

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision, decision.reason)

    @property
    def questions(self) -> tuple[str, ...]:
        """What would have to be answered."""
        return self.decision.defer_questions


class RiskThresholdError(_DecidedError):
    """The decision is ALLOW, and carries more risk or issues than this guard takes."""

    code = "RISK_THRESHOLD"


class InvalidIntentError(GuardError):
    """The intent is no request: nothing was decided."""

    code = "INVALID_INTENT"

    def __init__(self, message: str, problems: list[dict[str, Any]], *, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.problems = problems
        """Everything that is wrong, as on the wire."""

    @classmethod
    def of(cls, error: RequestError) -> InvalidIntentError:
        """The same for a request that this process refused."""
        return cls(str(error), [problem.to_dict() for problem in error.problems])

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"problems": self.problems}


class ConnectionFailed(GuardError):
    """The server was not reached, or its answer cannot be used: nothing was decided."""

    code = "CONNECTION_FAILED"


class MissingKeyError(GuardError):
    """A server is configured, and no key."""

    code = "MISSING_KEY"


class InvalidKeyError(GuardError):
    """The server does not know the key."""

    code = "INVALID_KEY"


class PlanError(GuardError):
    """The key's plan does not cover what was asked."""

    code = "PLAN"


class _LaterError(GuardError):
    """Asking again later helps."""

    def __init__(self, message: str, retry_after_seconds: float | None, *, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds
        """Seconds after which asking again helps, where the server said so."""

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"retry_after_seconds": self.retry_after_seconds}


class QuotaError(_LaterError):
    """The key's quota is used up."""

    code = "QUOTA"


class RateLimitError(_LaterError):
    """The key has asked too often."""

    code = "RATE_LIMIT"

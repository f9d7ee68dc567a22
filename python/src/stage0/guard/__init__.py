"""Guards an execution with a plan: what is intended, with which tools, effects and constraints.

>>> from stage0.guard import ExecutionGuard, ExecutionIntent
>>> intent = ExecutionIntent(
...     goal="Look up the weather in Oslo",
...     tools=["weather.query"],
...     success_criteria=["The weather is known"],
... )
>>> ExecutionGuard().is_allowed(intent)
True

The standard policy decides in this process. Where ``STAGE0_API_KEY`` is set together with
``STAGE0_BASE_URL`` (or ``STAGE0_API_BASE``), a server decides instead. Whatever goes wrong is an
exception, and no exception is a yes.
"""

from stage0.guard._check import ExecutionGuard, check, must_allow
from stage0.guard._errors import (
    ConnectionFailed,
    DeferredError,
    DeniedError,
    GuardError,
    InvalidIntentError,
    InvalidKeyError,
    MissingKeyError,
    PlanError,
    QuotaError,
    RateLimitError,
    RiskThresholdError,
)
from stage0.guard._intent import ExecutionIntent

__all__ = [
    "ConnectionFailed",
    "DeferredError",
    "DeniedError",
    "ExecutionGuard",
    "ExecutionIntent",
    "GuardError",
    "InvalidIntentError",
    "InvalidKeyError",
    "MissingKeyError",
    "PlanError",
    "QuotaError",
    "RateLimitError",
    "RiskThresholdError",
    "check",
    "must_allow",
]

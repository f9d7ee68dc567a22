"""Decides, before an AI agent acts, whether it may: ALLOW, DENY or DEFER, with reasons.

>>> from stage0 import Policy, Verdict
>>> policy = Policy.builtin("standard")
>>> decision = policy.check({"goal": "Look up the weather in Oslo", "success_criteria": ["It is known"]})
>>> decision.verdict is Verdict.ALLOW
True

A :class:`Policy` is compiled once and shared by threads. :meth:`Policy.check` never executes
anything and never raises because of a DENY: your code reads :attr:`Decision.allowed` and obeys.
"""

from stage0._audit import AuditLog, AuditReport, Checkpoint, verify_audit, verify_checkpoint
from stage0._errors import (
    AuditError,
    Location,
    PermitError,
    PolicyError,
    Problem,
    RelatedPlace,
    RequestError,
    Stage0Error,
    StoreError,
    TicketError,
)
from stage0._native import ENGINE_VERSION, NEW_RUN
from stage0._permits import Permit, PermitIssuer, PermitVerifier, verify_policy
from stage0._policy import Host, Policy, StateKeys, report
from stage0._values import (
    Approver,
    Clause,
    CostEstimate,
    Decision,
    Explanation,
    FrozenMapping,
    Issue,
    Resolution,
    RuleReport,
    Severity,
    ToolVerdict,
    Verdict,
    Wanted,
    Would,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stage0._words import Mode, Outcome
    from stage0.gate import Answer, Deferred, Denied, Gate, Ticket, ToolCall, gated

__version__ = ENGINE_VERSION

__all__ = [
    "NEW_RUN",
    "Answer",
    "Approver",
    "AuditError",
    "AuditLog",
    "AuditReport",
    "Checkpoint",
    "Clause",
    "CostEstimate",
    "Decision",
    "Deferred",
    "Denied",
    "Explanation",
    "FrozenMapping",
    "Gate",
    "Host",
    "Issue",
    "Location",
    "Mode",
    "Outcome",
    "Permit",
    "PermitError",
    "PermitIssuer",
    "PermitVerifier",
    "Policy",
    "PolicyError",
    "Problem",
    "RelatedPlace",
    "RequestError",
    "Resolution",
    "RuleReport",
    "Severity",
    "Stage0Error",
    "StateKeys",
    "StoreError",
    "Ticket",
    "TicketError",
    "ToolCall",
    "ToolVerdict",
    "Verdict",
    "Wanted",
    "Would",
    "__version__",
    "gated",
    "report",
    "verify_audit",
    "verify_checkpoint",
    "verify_policy",
]


_GATE = ("Answer", "Deferred", "Denied", "Gate", "Ticket", "ToolCall", "gated")


def __getattr__(name: str) -> object:
    # What stands on these, `typing` and `asyncio`, takes longer to import than the rest of the package.
    if name in ("Mode", "Outcome"):
        from stage0 import _words

        return getattr(_words, name)
    if name in _GATE:
        from stage0 import gate

        return getattr(gate, name)
    raise AttributeError(f"module 'stage0' has no attribute {name!r}")

"""Asking, and obeying the answer."""

from __future__ import annotations

from functools import lru_cache

from stage0._errors import RequestError
from stage0._policy import Policy
from stage0._values import Decision, Severity, Verdict
from stage0.guard._errors import (
    DeferredError,
    DeniedError,
    GuardError,
    InvalidIntentError,
    RiskThresholdError,
)
from stage0.guard._intent import ExecutionIntent
from stage0.guard._remote import Server


@lru_cache(maxsize=1)
def _standard() -> Policy:
    return Policy.builtin("standard")


def check(intent: ExecutionIntent, *, policy: Policy | None = None) -> Decision:
    """Decides an intent: by ``policy``, else by the server that the environment names, else by the
    standard policy in this process.

    Raises a :class:`GuardError` where nothing could be decided. A DENY is a decision.
    """
    server = Server.of_environment() if policy is None else None
    try:
        request = intent.to_request()
        if server is not None:
            return server.check(request)
        return (policy or _standard()).check(request)
    except RequestError as error:
        raise InvalidIntentError.of(error) from error


def must_allow(intent: ExecutionIntent, *, policy: Policy | None = None) -> Decision:
    """The decision, if it is ALLOW. Raises :class:`DeniedError`, :class:`DeferredError`, or what
    :func:`check` raises."""
    decision = check(intent, policy=policy)
    if decision.verdict is Verdict.ALLOW:
        return decision
    raise DeferredError(decision) if decision.verdict is Verdict.DEFER else DeniedError(decision)


class ExecutionGuard:
    """A guard that may be stricter than the policy.

    ``risk_threshold`` is the highest risk score, 0 to 100, that may go ahead; ``deny_on_issues`` lets
    nothing go ahead that carries an issue; ``deny_on_high_severity`` nothing with one of HIGH or above.
    """

    def __init__(
        self,
        risk_threshold: int = 100,
        deny_on_issues: bool = False,
        deny_on_high_severity: bool = True,
        *,
        policy: Policy | None = None,
    ) -> None:
        if isinstance(risk_threshold, bool) or not 0 <= risk_threshold <= 100:
            raise ValueError("risk_threshold is a number from 0 to 100")
        self.risk_threshold = risk_threshold
        self.deny_on_issues = deny_on_issues
        self.deny_on_high_severity = deny_on_high_severity
        self.policy = policy

    def check(self, intent: ExecutionIntent) -> Decision:
        """The decision, whatever it is: see :func:`check`."""
        return check(intent, policy=self.policy)

    def check_or_raise(self, intent: ExecutionIntent) -> Decision:
        """The decision, if the execution may go ahead. Raises what :func:`must_allow` raises, and
        :class:`RiskThresholdError` where this guard is stricter."""
        decision = must_allow(intent, policy=self.policy)
        objection = self._objection(decision)
        if objection is not None:
            raise RiskThresholdError(decision, objection)
        return decision

    def is_allowed(self, intent: ExecutionIntent) -> bool:
        """Whether the execution may go ahead: ``False`` also where nothing could be decided."""
        try:
            self.check_or_raise(intent)
        except GuardError:
            return False
        return True

    def _objection(self, decision: Decision) -> str | None:
        if decision.risk_score > self.risk_threshold:
            return f"the risk score {decision.risk_score} is above {self.risk_threshold}"
        if self.deny_on_issues and decision.issues:
            return f"the decision carries {decision.issues[0].code}"
        heavy = (Severity.HIGH, Severity.CRITICAL)
        if self.deny_on_high_severity:
            for issue in decision.issues:
                if issue.severity in heavy:
                    return f"the decision carries {issue.code} of severity {issue.severity.value}"
        return None

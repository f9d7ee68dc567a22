"""What is to be executed, before it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ExecutionIntent:
    """What an agent is about to do.

    Everything but ``context`` and ``environment`` is the agent's word: it can only tighten the answer.
    """

    goal: str
    """What is to be done, in one sentence."""
    tools: Sequence[str] = ()
    """The tools that it takes."""
    side_effects: Sequence[str] = ()
    """What it does to the world, such as ``money_movement``."""
    constraints: Sequence[str] = ()
    """What must not be violated, such as ``approval required`` or ``max_cost_usd: 5``."""
    success_criteria: Sequence[str] = ()
    """How one would know that it worked."""
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The host's word: actor, role, approval, counters. Never put into it what a model wrote."""
    pro: bool = False
    """Whether advice of MEDIUM and above denies."""
    environment: str | None = None
    """Where it happens, such as ``production``."""

    def __post_init__(self) -> None:
        for name in ("tools", "side_effects", "constraints", "success_criteria"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} is a list of texts, not one text")

    def to_request(self) -> dict[str, Any]:
        """The request that is decided."""
        request: dict[str, Any] = {"goal": self.goal}
        for name in ("tools", "side_effects", "constraints", "success_criteria"):
            items = list(getattr(self, name))
            if items:
                request[name] = items
        if self.context:
            request["context"] = self.context
        if self.pro:
            request["pro"] = True
        if self.environment is not None:
            request["environment"] = self.environment
        return request

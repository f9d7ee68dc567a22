"""The gate as agents of Pydantic AI have it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.toolsets import AbstractToolset

from stage0.gate import Answer, ToolCall
from stage0.integrations._calls import after_a_no, gate_of
from stage0.integrations._people import decision_of
from stage0.integrations.pydantic_ai._toolset import KEY, Counter, GatedToolset, Stage0Capability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost, GateOrPolicy

_LOG = logging.getLogger("stage0.gate")


def stage0_gate(
    policy: GateOrPolicy,
    *,
    ungated: Iterable[str] = (),
    approver: Approver | None = None,
    cost: Cost | None = None,
    **options: Any,
) -> ToolsetGate:
    """A gate in front of tools of Pydantic AI.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. The run is the conversation's id, unless ``run`` names another. Callables
    among the options get a :class:`stage0.ToolCall` whose ``data`` is the ``RunContext``, with ``deps``.

    ``ungated`` names what may run without anybody being asked: tools that the model's provider runs, such
    as ``web_search``. ``approver`` tells who said yes where results were made without
    :meth:`ToolsetGate.results`: it makes ``{"by": ..., "roles": [...]}`` of the call. ``cost`` makes US
    dollars of a call and its result.
    """
    return ToolsetGate(gate_of(policy, options), ungated=ungated, approver=approver, cost=cost)


class ToolsetGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(
        self,
        gate: Gate,
        *,
        ungated: Iterable[str] = (),
        approver: Approver | None = None,
        cost: Cost | None = None,
    ) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = Counter(gate, frozenset(ungated), cost, approver)

    @property
    def capability(self) -> AbstractCapability[Any]:
        """What ``Agent(capabilities=[...])`` takes: gates every tool of the agent. Each agent has its own,
        also one that is called inside a tool of another."""
        return Stage0Capability(self._desk)

    def toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """One toolset with the gate in front of it, for agents whose other tools are their own matter."""
        return GatedToolset(toolset, self._desk)

    def results(self, requests: DeferredToolRequests, decisions: Mapping[str, Any]) -> DeferredToolResults:
        """What the next run goes on with: decisions by the ids of their calls, as ``approve(by=...)``,
        ``edit(arguments, by=...)`` and ``reject(by=...)`` make them. A no is taken down at once, where its
        ticket is known here; whether a yes is enough is decided when the run goes on.

        Raises ``ValueError`` for a decision that is none, or about another call.
        """
        approvals: dict[str, Any] = {}
        metadata: dict[str, dict[str, Any]] = {}
        waiting = {call.tool_call_id: call for call in requests.approvals}
        for id, decision in decisions.items():
            call = waiting.get(id)
            if call is None:
                raise ValueError(f"no call {id} waits for an approval")
            said = decision_of(decision, call.tool_name)
            if isinstance(said, str):
                raise ValueError(f"{id}: {said}")
            if said.kind == "reject":
                shown = (requests.metadata.get(id) or {}).get(KEY) or {}
                approvals[id] = ToolDenied(self._rejected(shown.get("ticket"), said))
                continue
            approvals[id] = ToolApproved(override_args=said.arguments)
            metadata[id] = {KEY: dict(decision) if isinstance(decision, Mapping) else decision}
        return requests.build_results(approvals=approvals, metadata=metadata)

    def _rejected(self, ticket: str | None, said: Any) -> str:
        """Takes a no down; what the model is told."""
        try:
            if ticket is not None:
                by = said.by or "(unknown)"
                self.gate.reject(ticket, by=by, roles=said.roles, reason=said.reason)
        except Exception:
            _LOG.warning("a no is not taken down; the call is refused all the same", exc_info=True)
        no = Answer.failed(ToolCall(""), "APPROVAL_REJECTED", ValueError("a person said no"))
        return after_a_no(no, said.reason)

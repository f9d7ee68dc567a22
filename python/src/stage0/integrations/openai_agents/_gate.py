"""The gate as agents of this SDK have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agents import FunctionTool, Tool, ToolInputGuardrail

from stage0.integrations._calls import after_a_no, gate_of
from stage0.integrations.openai_agents._agents import (
    AllTools,
    doors_of_tool,
    guard,
    guarded,
    refuse,
)
from stage0.integrations.openai_agents._tool import AnyTool, Desk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime
    from typing import Any, TypeVar

    from agents import Agent, RunContextWrapper, RunState, ToolApprovalItem

    from stage0.gate import Answer, Gate
    from stage0.integrations._calls import Approver, Cost, GateOrPolicy

    _A = TypeVar("_A", bound=Agent[Any])


def stage0_gate(
    policy: GateOrPolicy,
    *,
    approver: Approver | None = None,
    cost: Cost | None = None,
    **options: Any,
) -> AgentsGate:
    """A gate in front of tools of the OpenAI Agents SDK.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. Callables among them get a :class:`stage0.ToolCall` whose ``data`` is
    the SDK's run context, so that ``call.data.context`` is what you gave to ``Runner.run``:

    - ``context=lambda call: {"actor_id": call.data.context.user}``: who asks.
    - ``run=lambda call: call.data.context.thread``: the conversation. Name it wherever a policy counts by
      run, or where runs are resumed in another process.

    ``approver`` tells who said yes where a call was approved by ``state.approve(item)`` instead of
    :meth:`AgentsGate.approve`: it makes ``{"by": ..., "roles": [...]}`` of the call. ``cost`` makes US
    dollars of a call and its result.
    """
    return AgentsGate(gate_of(policy, options), approver=approver, cost=cost)


class AgentsGate:
    """Puts one gate in front of tools and agents. See :func:`stage0_gate`."""

    def __init__(self, gate: Gate, *, approver: Approver | None = None, cost: Cost | None = None) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = Desk(gate, cost, approver)
        self._any = AnyTool(self._desk)

    # --- Putting it in front ---

    def guard_agent(self, agent: _A, *, ungated: Iterable[str] = ()) -> _A:
        """Puts the gate in front of every tool of this agent, of agents that are its tools and of those
        that it hands over to, MCP servers included; the same agent, changed.

        Tools that it gets later are gated when the SDK asks for them; what cannot be fails the run.
        ``ungated`` names what may run without anybody being asked: handoffs, by the name of their tool,
        and tools that run elsewhere, such as ``web_search``.

        Raises :class:`UngatedError` with a list of what could run unasked; nothing has changed then.
        """
        guard(self._desk, agent, frozenset(ungated))
        return agent

    def guard_tools(self, tools: Iterable[Tool], *, ungated: Iterable[str] = ()) -> list[Tool]:
        """The same tools with the gate in front of each. An agent that is a tool is changed as
        :meth:`guard_agent` does. Raises :class:`UngatedError` for what could run unasked."""
        listed, given = frozenset(ungated), list(tools)
        holder: Any = _Holder(given)
        refuse([door for tool in given for door in doors_of_tool(holder, tool, listed)])
        for tool in given:
            inner = getattr(tool, "_agent_instance", None)
            if inner is not None:
                self.guard_agent(inner, ungated=listed)
        return [guarded(self._desk, tool, None) for tool in given]

    def guard_tool(self, tool: FunctionTool) -> FunctionTool:
        """The same tool with the gate in front of it."""
        made: Any = self.guard_tools([tool])[0]
        return made  # type: ignore[no-any-return]

    @property
    def guardrail(self) -> ToolInputGuardrail[Any]:
        """The guardrail alone, for ``function_tool(tool_input_guardrails=[...])``. Tools that
        :meth:`guard_tools` made have it, verify in their body what was checked, and tell what became of
        the call."""
        return ToolInputGuardrail(self._any.enforce, name="stage0")

    def needs_approval(
        self, tool: str
    ) -> Callable[[RunContextWrapper[Any], dict[str, Any], str], Awaitable[bool]]:
        """The predicate alone, for ``function_tool(needs_approval=...)``: pauses the run where a call of
        this tool waits for a person."""

        async def waits(context: RunContextWrapper[Any], arguments: dict[str, Any], id: str) -> bool:
            answer = await self._desk.ask(tool, None, context, arguments, id)
            return answer.waits_for_person

        return waits

    # --- What people say ---

    def approve(
        self,
        state: RunState[Any, Any],
        item: ToolApprovalItem,
        *,
        by: str | None = None,
        roles: Sequence[str] = (),
        reason: str | None = None,
        expires_at: datetime | str | None = None,
        token: str | None = None,
    ) -> None:
        """Takes a person's yes to a call that a run waits for, at the gate and in the state: ``by`` and
        ``roles`` by your own word, or a ``token`` that the person signed. Whether it is enough is decided
        when the run goes on.

        Raises :class:`stage0.TicketError` if it is not taken; then the state is unchanged.
        """
        answer = self._again(state, item)
        if answer.ticket is not None:
            self.gate.approve(
                answer.ticket, by=by, roles=roles, reason=reason, expires_at=expires_at, token=token
            )
        state.approve(item)

    def reject(
        self,
        state: RunState[Any, Any],
        item: ToolApprovalItem,
        *,
        by: str,
        roles: Sequence[str] = (),
        reason: str | None = None,
    ) -> None:
        """Takes a person's no, which stands: the model is told that the call was rejected, and why if
        there is a ``reason``. Raises :class:`stage0.TicketError` if it is not taken."""
        answer = self._again(state, item)
        if answer.ticket is not None:
            self.gate.reject(answer.ticket, by=by, roles=roles, reason=reason)
            answer = self._again(state, item)
        state.reject(item, rejection_message=after_a_no(answer, reason))

    def ticket(self, state: RunState[Any, Any], item: ToolApprovalItem) -> str | None:
        """The ticket that a waiting call has at the gate, for whoever answers there: in another process,
        or at a server."""
        return self._again(state, item).ticket

    def _again(self, state: RunState[Any, Any], item: ToolApprovalItem) -> Answer:
        """What the gate says of the call now. In a process that knew nothing of it the ticket is made
        again, under the same name."""
        agent = getattr(item.agent, "get_all_tools", None)
        agent_name = item.agent.name if isinstance(agent, AllTools) else None
        name = getattr(item, "qualified_name", None) or item.name or ""
        context: Any = state._context
        tools = getattr(item.agent, "tools", None) or ()
        tool = next((one for one in tools if getattr(one, "name", None) == item.name), None)
        call = self._desk.call(name, agent_name, context, item.arguments, _call_id(item), tool)
        return self.gate.check(call)


def _call_id(item: ToolApprovalItem) -> str:
    raw: Any = item.raw_item
    id = raw.get("call_id") if isinstance(raw, dict) else getattr(raw, "call_id", None)
    if not isinstance(id, str):
        raise ValueError("this is no call of a function tool")
    return id


class _Holder:
    """Tools that no agent has yet."""

    name = "(none)"

    def __init__(self, tools: list[Tool]) -> None:
        self.tools = tools

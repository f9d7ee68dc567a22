"""Agents, with every tool that they have or get."""

from __future__ import annotations

from collections.abc import Iterator

from agents import Agent, FunctionTool, Handoff, ToolInputGuardrail

from stage0.integrations._calls import UngatedError
from stage0.integrations.openai_agents._tool import AnyTool, Desk, GatedTool, gated, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agents import RunContextWrapper, Tool


class AllTools:
    """What an agent answers when the SDK asks for its tools: each of them gated, also those that came
    later and those of MCP servers, which are made anew each time."""

    def __init__(self, desk: Desk, agent: Agent[Any], ungated: frozenset[str]) -> None:
        self.desk = desk
        self.ungated = ungated
        self._agent = agent

    async def __call__(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        agent = self._agent
        if any(not self.has(one) for one in graph(agent)):
            # Something was added since.
            guard(self.desk, agent, self.ungated)
        tools = await type(agent).get_all_tools(agent, run_context)
        found = [door for tool in tools for door in doors_of_tool(agent, tool, self.ungated)]
        refuse([*found, *doors_of_handoffs(agent, self.ungated)])
        return [guarded(self.desk, tool, agent.name) for tool in tools]

    def has(self, agent: Agent[Any]) -> bool:
        """Whether the same gate is in front of another agent."""
        there = getattr(agent, "get_all_tools", None)
        return isinstance(there, AllTools) and there.desk is self.desk


def guarded(desk: Desk, tool: Tool, agent: str | None) -> Tool:
    """The tool with the gate in front of it, where that can be. Raises ``ValueError`` if there is
    another gate already."""
    if not isinstance(tool, FunctionTool):
        return tool
    before = tool.on_invoke_tool
    if not isinstance(before, GatedTool):
        return gated(desk, tool, agent)
    if before.desk is not desk:
        raise ValueError(f"{tool.name} has a gate already, and it is another one")
    return tool


def graph(agent: Agent[Any]) -> list[Agent[Any]]:
    """The agent, those that are its tools and those that it hands over to, and theirs."""
    found = [agent]
    for one in found:
        for next_one in _next_to(one):
            if all(next_one is not known for known in found):
                found.append(next_one)
    return found


def _next_to(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    for tool in agent.tools:
        inner = getattr(tool, "_agent_instance", None)
        if isinstance(inner, Agent):
            yield inner
    for handoff in agent.handoffs:
        target = handoff if isinstance(handoff, Agent) else _target(handoff)
        if isinstance(target, Agent):
            yield target


def _target(handoff: Handoff[Any, Any]) -> object:
    refer = getattr(handoff, "_agent_ref", None)
    return refer() if callable(refer) else None


def doors(agent: Agent[Any], ungated: frozenset[str]) -> Iterator[str]:
    """What of an agent no gate can be put in front of."""
    if not _has_plain_tools(agent):
        yield f"agent {agent.name}, a {type(agent).__name__}"
    for tool in agent.tools:
        yield from doors_of_tool(agent, tool, ungated)
    yield from doors_of_handoffs(agent, ungated)


def doors_of_handoffs(agent: Agent[Any], ungated: frozenset[str]) -> Iterator[str]:
    """Handoffs, which no guardrail sees."""
    for handoff in agent.handoffs:
        name = handoff.tool_name if isinstance(handoff, Handoff) else Handoff.default_tool_name(handoff)
        if name not in ungated:
            yield f"handoff {name} of agent {agent.name}"


def doors_of_tool(agent: Agent[Any], tool: Tool, ungated: frozenset[str]) -> Iterator[str]:
    """The same of one tool."""
    if tool.name in ungated:
        return
    if not isinstance(tool, FunctionTool):
        yield f"{type(tool).__name__} {tool.name} of agent {agent.name}"
    elif getattr(tool, "_is_agent_tool", False) and getattr(tool, "_agent_instance", None) is None:
        yield f"the tools of {tool.name}, an agent that is a tool of agent {agent.name}"


def refuse(found: list[str]) -> None:
    """Raises :class:`UngatedError` where something was found."""
    if found:
        raise UngatedError(found)


def guard(desk: Desk, agent: Agent[Any], ungated: frozenset[str]) -> None:
    """Puts the gate in front of an agent and of all that it leads to, or raises and changes nothing."""
    agents = graph(agent)
    refuse([door for one in agents for door in doors(one, ungated)])
    for one in agents:
        before = getattr(one, "get_all_tools", None)
        if isinstance(before, AllTools) and before.desk is not desk:
            raise ValueError(f"agent {one.name} has a gate already, and it is another one")
    for one in agents:
        _attach(desk, one, ungated)


def _attach(desk: Desk, agent: Agent[Any], ungated: frozenset[str]) -> None:
    """Puts the gate in front of all tools that an agent has or gets. Copies of the agent keep it in front
    of what it has now."""
    agent.tools[:] = [guarded(desk, tool, agent.name) for tool in agent.tools]
    for server in agent.mcp_servers:
        _attach_server(desk, server)
    agent.get_all_tools = AllTools(desk, agent, ungated)  # type: ignore[method-assign]


def _attach_server(desk: Desk, server: Any) -> None:
    """Lets the server's tools ask wherever they are used."""
    there: list[ToolInputGuardrail[Any]] = list(getattr(server, "tool_input_guardrails", None) or ())
    if not any(map(is_ours, there)):
        ours: ToolInputGuardrail[Any] = ToolInputGuardrail(AnyTool(desk).enforce, name="stage0")
        server.tool_input_guardrails = [*there, ours]


def _has_plain_tools(agent: Agent[Any]) -> bool:
    """Whether an agent runs as the object that it is. One for a sandbox runs as a copy with tools of its
    own."""
    try:
        from agents.sandbox import SandboxAgent
    except ImportError:
        return True
    return not isinstance(agent, SandboxAgent)

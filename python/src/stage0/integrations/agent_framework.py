"""A gate for Microsoft's Agent Framework: ``pip install 'stage0[agent-framework]'``.

>>> from stage0 import Policy
>>> from stage0.integrations.agent_framework import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> # Agent(client, tools=[...], middleware=gate.middleware)

A call that waits for a person is refused with a ticket: once that is approved, the model makes it again.

What it cannot promise: an agent inside a tool (``as_tool``, workflows) has tools of its own, which need
the gate as well; in a chat client, ``middleware=gate.middleware``, it is in front of all that the client
is used for. Messages with the user's role may be another agent's, so none is a ``trusted`` text: give
``trusted`` to the gate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

try:
    from agent_framework import (
        ChatMiddleware,
        Content,
        FunctionMiddleware,
        FunctionTool,
        MCPStdioTool,
        MCPStreamableHTTPTool,
        MCPWebsocketTool,
    )
except ImportError as error:
    raise ImportError(
        "stage0.integrations.agent_framework needs the Agent Framework: "
        "pip install 'stage0[agent-framework]'"
    ) from error

from stage0.gate import Gate, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import UngatedError, gate_of, plain
from stage0.integrations._desk import Desk, never

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from stage0.integrations._calls import Cost, GateOrPolicy

    _Agent = TypeVar("_Agent")

_SERVERS = (MCPStdioTool, MCPStreamableHTTPTool, MCPWebsocketTool)
"""Servers whose tools become functions of this process."""

__all__ = ["MiddlewareGate", "UngatedError", "stage0_gate"]


def stage0_gate(
    policy: GateOrPolicy, *, ungated: Iterable[str] = (), cost: Cost | None = None, **options: Any
) -> MiddlewareGate:
    """A gate in front of tools of the Agent Framework.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. The run is the session's id, unless ``run`` names another. Callables
    among the options get a :class:`stage0.ToolCall` whose ``data`` is the ``FunctionInvocationContext``.

    ``ungated`` names what may run without anybody being asked: tools that the model's provider runs, by
    their type, and tools that are only declared here, by their name. ``cost`` makes US dollars of a call
    and its result.
    """
    return MiddlewareGate(gate_of(policy, options), ungated=ungated, cost=cost)


class MiddlewareGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(self, gate: Gate, *, ungated: Iterable[str] = (), cost: Cost | None = None) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = Desk(gate, cost)
        self._ungated = frozenset(ungated)

    @property
    def middleware(self) -> list[Any]:
        """What ``Agent(middleware=...)`` and chat clients take. Where it stands among others makes no
        difference: the gate is put on each tool itself, and stays there."""
        return [_Functions(self), _Chats(self)]

    def guard_agent(self, agent: _Agent) -> _Agent:
        """The same agent with the gate in front of its tools, those that it gets later among them. Raises
        :class:`UngatedError` for tools that it has and nobody would be asked about."""
        given: Any = agent
        self.refuse((getattr(given, "default_options", None) or {}).get("tools") or ())
        given.middleware = [*(given.middleware or ()), *self.middleware]
        return agent

    def refuse(self, tools: Iterable[Any]) -> None:
        """Raises :class:`UngatedError` for what runs elsewhere and is not named in ``ungated``."""
        doors: list[str] = []
        for tool in tools:
            if isinstance(tool, _SERVERS) or (isinstance(tool, FunctionTool) and not tool.declaration_only):
                continue
            named = tool if isinstance(tool, dict) else vars(tool) if hasattr(tool, "__dict__") else {}
            name = str(named.get("name") or named.get("type") or type(tool).__name__)
            doors += [] if name in self._ungated else [name]
        if doors:
            raise UngatedError(doors)

    def put_before(self, tool: FunctionTool) -> None:
        """Puts the gate in front of a tool, once."""
        inner: Any = tool.invoke
        body = inner
        while isinstance(body, _Gated):
            if body.gate is self:
                return
            body = body.inner
        tool.invoke = _Gated(self, tool, inner)  # type: ignore[method-assign]

    async def run(self, tool: FunctionTool, inner: Any, given: dict[str, Any]) -> Any:
        """The tool's result, or what the model is told instead."""
        context = given.get("context")
        arguments = given.get("arguments")
        if arguments is None:
            arguments = context.arguments if context is not None else {}

        def call() -> ToolCall:
            session = getattr(context, "session", None)
            run = getattr(session, "session_id", None)
            # It comes again as another call: what is approved is the next such one.
            return self._desk.call(tool.name, plain(arguments), id=None, run=run, tool=tool, data=context)

        answer = await self._desk.check_async(call)
        answer = self._desk.permit(answer, plain(arguments), None)
        if answer.allowed:
            return await self._desk.run_async(answer, lambda: inner(**given), never)
        return answer.message if given.get("skip_parsing") else [Content.from_text(answer.message)]


class _Gated:
    """``invoke`` of a tool, with the gate in front of it."""

    def __init__(self, gate: MiddlewareGate, tool: FunctionTool, inner: Any) -> None:
        self.gate = gate
        self.tool = tool
        self.inner = inner

    async def __call__(self, **given: Any) -> Any:
        return await self.gate.run(self.tool, self.inner, given)


class _Functions(FunctionMiddleware):
    """Puts the gate on each tool that is about to be called."""

    def __init__(self, gate: MiddlewareGate) -> None:
        self._gate = gate

    async def process(self, context: Any, call_next: Any) -> None:
        try:
            self._gate.put_before(context.function)
        except Exception as error:
            why = Failure("CALL_UNCHECKED", f"{type(error).__name__}: {error}")
            name = str(getattr(context.function, "name", ""))
            context.result = [Content.from_text(failed(ToolCall(name), why).message)]
            return
        await call_next()


class _Chats(ChatMiddleware):
    """Refuses tools that nobody here would be asked about."""

    def __init__(self, gate: MiddlewareGate) -> None:
        self._gate = gate

    async def process(self, context: Any, call_next: Any) -> None:
        self._gate.refuse((context.options or {}).get("tools") or ())
        await call_next()

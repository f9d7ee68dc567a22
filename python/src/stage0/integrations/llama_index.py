"""A gate for LlamaIndex: ``pip install 'stage0[llama-index]'``.

>>> from stage0 import Policy
>>> from stage0.integrations.llama_index import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> # agent = gate.guard_agent(FunctionAgent(tools=[...], llm=...))

LlamaIndex has no hook that can refuse a call, so each tool is wrapped. A call that waits for a person is
refused with a ticket: once that is approved, the model makes it again.

What it cannot promise: tools are not told which run they belong to, nor what the user wrote. Give ``run``,
``context`` and ``trusted`` to the gate, where need be from a context variable of yours.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

try:
    from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent
    from llama_index.core.tools import AsyncBaseTool, BaseTool, FunctionTool, ToolOutput
    from workflows.runtime.types.results import WaitingForEvent
except ImportError as error:
    raise ImportError(
        "stage0.integrations.llama_index needs LlamaIndex: pip install 'stage0[llama-index]'"
    ) from error

from stage0.gate import Answer, Gate, ToolCall
from stage0.integrations._calls import UngatedError, exact, gate_of, plain
from stage0.integrations._desk import Desk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from stage0.integrations._calls import Cost, GateOrPolicy

    _Agent = TypeVar("_Agent")

__all__ = ["ToolGate", "UngatedError", "stage0_gate"]

_permitted: ContextVar[tuple[int, Answer] | None] = ContextVar("stage0_llama_index", default=None)
"""The tool whose body runs, and its answer: one form of a body may be made of another."""


def stage0_gate(policy: GateOrPolicy, *, cost: Cost | None = None, **options: Any) -> ToolGate:
    """A gate in front of tools of LlamaIndex.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. Callables among them get a :class:`stage0.ToolCall` whose ``data`` is
    the workflow's ``Context``, for tools that take one. ``cost`` makes US dollars of a call and its
    ``ToolOutput``.
    """
    return ToolGate(gate_of(policy, options), cost=cost)


class ToolGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(self, gate: Gate, *, cost: Cost | None = None) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = _Desk(gate, cost)

    def guard_tools(self, tools: Iterable[BaseTool | Callable[..., Any]]) -> list[BaseTool]:
        """The same tools with the gate in front of each, wherever they are called."""
        made = (tool if isinstance(tool, BaseTool) else FunctionTool.from_defaults(tool) for tool in tools)
        return [_guarded(self._desk, tool) for tool in made]

    def guard_agent(self, agent: _Agent, *, ungated: Iterable[str] = ()) -> _Agent:
        """The same agent, or workflow of agents, with the gate in front of its tools.

        Raises :class:`UngatedError` for what nobody would be asked about and is not named in ``ungated``:
        ``handoff`` from agent to agent, tools of a ``tool_retriever``, and the ``code_execute_fn`` of an
        agent that acts by code.
        """
        agents: list[Any] = list(agent.agents.values()) if isinstance(agent, AgentWorkflow) else [agent]
        doors: set[str] = set()
        for each in agents:
            if each.tool_retriever is not None:
                doors.add("tool_retriever")
            if isinstance(each, CodeActAgent):
                doors.add("code_execute_fn")
            if len(agents) > 1 and each.can_handoff_to != []:
                doors.add("handoff")
        doors -= set(ungated)
        if doors:
            raise UngatedError(sorted(doors))
        for each in agents:
            each.tools = self.guard_tools(each.tools or ())
        return agent


class _Desk(Desk):
    pauses = (WaitingForEvent,)

    def shown(self, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name, with those that the tool itself adds."""
        named: dict[str, Any] = dict(kwargs)
        if args:
            names = ["input"]
            if isinstance(tool, FunctionTool):
                names = list(inspect.signature(tool.real_fn).parameters)
            if len(args) > len(names) or set(names[: len(args)]) & set(kwargs):
                raise TypeError("the arguments of a tool are given by name")
            named.update(zip(names, args, strict=False))
        added = {**getattr(tool, "_field_defaults", {}), **getattr(tool, "partial_params", {})}
        named = {**added, **named}
        named.pop(getattr(tool, "ctx_param_name", None) or "", None)
        return plain(named)

    def asked(self, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ToolCall:
        """What is asked about. It comes again as another call: what is approved is the next such one."""
        data = kwargs.get(getattr(tool, "ctx_param_name", None) or "")
        name, shown = str(tool.metadata.name), self.shown(tool, args, kwargs)
        return self.call(name, shown, id=None, run=None, tool=tool, data=data)

    def known(self, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether this is the body that is running, in its other form."""
        running = _permitted.get()
        if running is None or running[0] != id(tool):
            return False
        return running[1].verify(exact(self.shown(tool, args, kwargs)))


class _Guarded:
    """Before the methods of a tool's own class."""

    _stage0_desk: _Desk

    def call(self, *args: Any, **kwargs: Any) -> Any:
        desk, body = self._stage0_desk, super().call  # type: ignore[misc]
        if desk.known(self, args, kwargs):
            return body(*args, **kwargs)
        answer = desk.check(lambda: desk.asked(self, args, kwargs))
        answer = answer if not answer.allowed else desk.permit(answer, desk.shown(self, args, kwargs), None)
        if not answer.allowed:
            return _refusal(self, answer)
        token = _permitted.set((id(self), answer))
        try:
            return desk.run(answer, lambda: body(*args, **kwargs), _is_failure)
        finally:
            _permitted.reset(token)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        desk, body = self._stage0_desk, super().acall  # type: ignore[misc]
        if desk.known(self, args, kwargs):
            return await body(*args, **kwargs)
        answer = await desk.check_async(lambda: desk.asked(self, args, kwargs))
        answer = answer if not answer.allowed else desk.permit(answer, desk.shown(self, args, kwargs), None)
        if not answer.allowed:
            return _refusal(self, answer)
        token = _permitted.set((id(self), answer))
        try:
            return await desk.run_async(answer, lambda: body(*args, **kwargs), _is_failure)
        finally:
            _permitted.reset(token)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    @property
    def fn(self) -> Callable[..., Any]:
        """The tool as a function, with the gate in front of it."""
        made: Callable[..., Any] = lambda *args, **kwargs: self.call(*args, **kwargs).raw_output  # noqa: E731
        return functools.wraps(super().fn)(made)  # type: ignore[misc]

    @property
    def async_fn(self) -> Callable[..., Any]:
        """The same for coroutines."""

        async def made(*args: Any, **kwargs: Any) -> Any:
            return (await self.acall(*args, **kwargs)).raw_output

        return functools.wraps(super().async_fn)(made)  # type: ignore[misc]


class _Adapted(AsyncBaseTool):
    """A tool that can only be called, as one that is asked for by name."""

    def __init__(self, inner: BaseTool) -> None:
        self._inner = inner

    @property
    def metadata(self) -> Any:
        return self._inner.metadata

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        return self._inner(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        return self.call(*args, **kwargs)


def _guarded(desk: _Desk, tool: BaseTool) -> BaseTool:
    """The same tool, of a class that asks first."""
    if isinstance(tool, _Guarded) and tool._stage0_desk is desk:
        return tool
    whole = tool if isinstance(tool, AsyncBaseTool) else _Adapted(tool)
    kind: Any = type(type(whole).__name__, (_Guarded, type(whole)), {})
    made: Any = object.__new__(kind)
    made.__dict__.update(vars(whole), _stage0_desk=desk)
    return made


def _refusal(tool: Any, answer: Answer) -> ToolOutput:
    return ToolOutput(
        content=answer.message,
        tool_name=str(tool.metadata.name),
        raw_input={},
        raw_output=json.loads(answer.message),
        is_error=True,
    )


def _is_failure(result: Any) -> bool:
    return bool(getattr(result, "is_error", False))

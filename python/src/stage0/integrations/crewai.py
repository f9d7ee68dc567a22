"""A gate for CrewAI: ``pip install 'stage0[crewai]'``.

>>> from stage0 import Policy
>>> from stage0.integrations.crewai import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> # crew = gate.guard_crew(Crew(agents=[...], tasks=[...]))

Hooks of CrewAI let a call through when they raise, and can be cleared by anybody, so each tool is
wrapped. A call that waits for a person is refused with a ticket: once that is approved, the model makes
it again.

What it cannot promise: tools are not told which run they belong to, which agent calls them, nor what the
user wrote. Give ``run``, ``context`` and ``trusted`` to the gate, where need be from a context variable
of yours. What CrewAI answers from its cache of results runs nothing, and is not asked about.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

try:
    from crewai.tools.base_tool import BaseTool, Tool
except ImportError as error:
    raise ImportError("stage0.integrations.crewai needs CrewAI: pip install 'stage0[crewai]'") from error

from stage0.gate import Gate, ToolCall
from stage0.integrations._calls import UngatedError, gate_of, plain
from stage0.integrations._desk import Desk, never

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from stage0.integrations._calls import Cost, GateOrPolicy

    _Agent = TypeVar("_Agent")
    _Crew = TypeVar("_Crew")

__all__ = ["ToolGate", "UngatedError", "stage0_gate"]


def stage0_gate(policy: GateOrPolicy, *, cost: Cost | None = None, **options: Any) -> ToolGate:
    """A gate in front of tools of CrewAI.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. ``cost`` makes US dollars of a call and its result.
    """
    return ToolGate(gate_of(policy, options), cost=cost)


class ToolGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(self, gate: Gate, *, cost: Cost | None = None) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = Desk(gate, cost)

    def guard_tools(self, tools: Iterable[BaseTool]) -> list[BaseTool]:
        """The same tools with the gate in front of each, wherever they are called. Raises
        :class:`UngatedError` for a tool that has its own way to run."""
        return [_guarded(self._desk, tool) for tool in tools]

    def guard_agent(self, agent: _Agent, *, ungated: Iterable[str] = ()) -> _Agent:
        """The same agent with the gate in front of its tools. Raises :class:`UngatedError` for what
        nobody would be asked about and is not named in ``ungated``: ``mcps``, ``apps`` and
        ``allow_code_execution``, whose tools come later, and ``allow_delegation``."""
        given: Any = agent
        names = ("mcps", "apps", "allow_code_execution", "allow_delegation")
        doors = [name for name in names if vars(given).get(name)]
        doors = [door for door in doors if door not in frozenset(ungated)]
        if doors:
            raise UngatedError(doors)
        given.tools = self.guard_tools(given.tools or ())
        return agent

    def guard_crew(self, crew: _Crew, *, ungated: Iterable[str] = ()) -> _Crew:
        """The same crew with the gate in front of the tools of its agents and tasks. Raises
        :class:`UngatedError` as :meth:`guard_agent` does."""
        given: Any = crew
        manager = getattr(given, "manager_agent", None)
        for agent in [*given.agents, *([] if manager is None else [manager])]:
            self.guard_agent(agent, ungated=ungated)
        for task in given.tasks:
            task.tools = self.guard_tools(task.tools or ())
        return crew


class Refusal(str):
    """What the model is told instead of a result; no cache keeps it."""


def _guarded(desk: Desk, tool: BaseTool) -> BaseTool:
    """The same tool, whose body asks first."""
    if getattr(tool, "_stage0_desk", None) is desk:
        return tool
    kept = tool.cache_function

    def cached(arguments: Any = None, result: Any = None) -> bool:
        return not isinstance(result, Refusal) and bool(kept(arguments, result))

    changes: dict[str, Any] = {"cache_function": cached}
    kind: Any = type(tool)
    if isinstance(tool, Tool):
        kind = _marked(desk, kind, {})
        changes["func"] = _asking(desk, tool, tool.func, lambda: _signature(tool))
    else:
        if kind.run is not BaseTool.run or kind.arun is not BaseTool.arun:
            raise UngatedError([f"the tool {tool.name}, which runs in its own way"])
        kind = _marked(
            desk, kind, {"_run": _method(desk, kind._run), "_arun": _coroutine(desk, kind._arun)}
        )
    made = tool.model_copy(update=changes)
    made.__class__ = kind
    return made


def _marked(desk: Desk, kind: Any, members: dict[str, Any]) -> Any:
    """A class of the same form, which knows that it is gated."""
    named = {"__module__": __name__, "__qualname__": f"Gated{kind.__qualname__}"}
    made = type(kind)(kind.__name__, (kind,), {**named, **members})
    # No attribute of the model: each of those is copied with it.
    type.__setattr__(made, "_stage0_desk", desk)
    return made


def _signature(tool: Tool[..., Any]) -> inspect.Signature:
    return inspect.signature(tool.func)


def _asking(desk: Desk, tool: BaseTool, body: Callable[..., Any], signature: Callable[[], Any]) -> Any:
    """A body that asks first, of the same kind."""
    shown = functools.partial(_shown, signature)
    if inspect.iscoroutinefunction(body):

        @functools.wraps(body)
        async def asks(*args: Any, **kwargs: Any) -> Any:
            answer = await desk.check_async(lambda: _call(desk, tool, shown(args, kwargs)))
            if answer.allowed:
                answer = desk.permit(answer, shown(args, kwargs), None)
            if not answer.allowed:
                return Refusal(answer.message)
            return await desk.run_async(answer, lambda: body(*args, **kwargs), never)

        return asks

    @functools.wraps(body)
    def ask(*args: Any, **kwargs: Any) -> Any:
        answer = desk.check(lambda: _call(desk, tool, shown(args, kwargs)))
        if answer.allowed:
            answer = desk.permit(answer, shown(args, kwargs), None)
        if not answer.allowed:
            return Refusal(answer.message)
        return desk.run(answer, lambda: body(*args, **kwargs), never)

    return ask


def _method(desk: Desk, body: Callable[..., Any]) -> Any:
    @functools.wraps(body)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = functools.partial(body, self)
        return _asking(desk, self, functools.wraps(body)(bound), lambda: inspect.signature(bound))(
            *args, **kwargs
        )

    return run


def _coroutine(desk: Desk, body: Callable[..., Any]) -> Any:
    @functools.wraps(body)
    async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        async def bound(*args: Any, **kwargs: Any) -> Any:
            return await body(self, *args, **kwargs)

        signature = inspect.signature(functools.partial(body, self))
        return await _asking(desk, self, bound, lambda: signature)(*args, **kwargs)

    return run


def _call(desk: Desk, tool: BaseTool, arguments: Any) -> ToolCall:
    """What is asked about. It comes again as another call: what is approved is the next such one."""
    return desk.call(tool.name, arguments, id=None, run=None, tool=tool)


def _shown(signature: Callable[[], inspect.Signature], args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by name."""
    if not args:
        return plain(dict(kwargs))
    bound = signature().bind(*args, **kwargs).arguments
    named: dict[str, Any] = {}
    for name, value in bound.items():
        kind = signature().parameters[name].kind
        named.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return plain(named)

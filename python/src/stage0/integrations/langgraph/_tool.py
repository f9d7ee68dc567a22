"""One tool with a gate in front of its body, wherever it is used."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr
from typing_extensions import get_type_hints

from stage0.catalog import digests
from stage0.gate import Answer, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import Spent, cost_of, exact, inside, user_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost

_outcomes: ContextVar[dict[str, Outcome] | None] = ContextVar("stage0_outcomes", default=None)
"""What came of asking about calls that are about to run, by their ids. Each is taken once."""


class Outcome:
    """What came of asking about one call."""

    def __init__(self, answer: Answer, arguments: Any, told: str | None = None, note: str = "") -> None:
        self.answer = answer
        self.arguments = arguments
        """With what it may run."""
        self.told = told
        """What the model is told instead of the answer's message."""
        self.note = note
        """What the model is told beside a result."""


class Desk:
    """What all tools of a gate share."""

    def __init__(self, gate: Gate, cost: Cost | None, approver: Approver | None) -> None:
        self.gate = gate
        self.cost = cost
        self.approver = approver
        self.spent = Spent()
        self.tools: dict[str, BaseTool] = {}

    def call(
        self,
        name: str,
        arguments: Any,
        id: str | None,
        config: Mapping[str, Any] | None,
        messages: Any = (),
        data: object = None,
    ) -> ToolCall:
        """What is asked about. Raises what the host's word on the run raises."""
        config = config or {}
        members: dict[str, Any] = {
            "arguments": exact(arguments),
            "agent": (config.get("metadata") or {}).get("lc_agent_name"),
            "trusted": user_texts(_said(messages)),
            "data": config if data is None else data,
        }
        tool = getattr(data, "tool", None) or self.tools.get(name)
        if tool is not None:
            members["definition"] = digests.of(tool)
        thread = (config.get("configurable") or {}).get("thread_id")
        if thread is not None and not self.gate.names_runs:
            members["run"] = str(thread)
        if id is None:
            return ToolCall(name, **members)
        run = self.gate.run_of(ToolCall(name, id=id, **members))
        return ToolCall(name, id=self.spent.name(run, id), **members)

    def prepared(self, name: str, make: Callable[[], ToolCall]) -> ToolCall | Answer:
        """What is asked about, or the DENY where that cannot be told."""
        try:
            return make()
        except Exception as error:
            why = Failure("CONTEXT_FAILED", f"{type(error).__name__}: {error}")
            return failed(ToolCall(name), why)


class GatedTool(BaseTool):
    """A tool that runs another one if it may, with the arguments that were checked."""

    _inner: BaseTool = PrivateAttr()
    _desk: Desk = PrivateAttr()
    _injected: frozenset[str] = PrivateAttr()

    def __init__(self, desk: Desk, inner: BaseTool) -> None:
        shown = {
            name: getattr(inner, name)
            for name in ("args_schema", "return_direct", "response_format", "tags", "metadata", "extras")
            if hasattr(inner, name)
        }
        super().__init__(name=inner.name, description=inner.description, **shown)
        self._desk = desk
        self._inner = inner
        whole = set(inner.get_input_schema().model_fields)
        self._injected = frozenset(whole | set(getattr(inner, "_injected_args_keys", ()))) - set(inner.args)

    @property
    def desk(self) -> Desk:
        """Who is asked."""
        return self._desk

    # --- How it looks: like the other one ---

    @property
    def args(self) -> dict[str, Any]:
        return self._inner.args

    @property
    def tool_call_schema(self) -> Any:
        return self._inner.tool_call_schema

    def get_input_schema(self, config: Any = None) -> Any:
        return self._inner.get_input_schema(config)

    @property
    def func(self) -> Callable[..., Any] | None:
        """What tells the framework which arguments it has to add. It cannot be called."""
        return _shown(getattr(self._inner, "func", None) or getattr(self._inner, "coroutine", None))

    # --- How it runs ---

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a gated tool is run by run() and invoke()")

    def run(self, tool_input: Any, *args: Any, tool_call_id: str | None = None, **more: Any) -> Any:
        outcome = self._known(tool_input, tool_call_id)
        if isinstance(outcome, ToolCall):
            outcome = Outcome(self._desk.gate.check(outcome), None)
        answer = outcome.answer
        if not answer.allowed:
            return refusal(outcome, self.name, tool_call_id)
        self._begin(answer, tool_call_id)
        token = inside.set(True)
        try:
            result = self._inner.run(tool_input, *args, tool_call_id=tool_call_id, **more)
        except BaseException:
            self._desk.gate.report(answer, "failed")
            raise
        finally:
            inside.reset(token)
        became, cost = self._became(answer, result)
        self._desk.gate.report(answer, became, cost_usd=cost)
        return _noted(result, outcome.note)

    async def arun(self, tool_input: Any, *args: Any, tool_call_id: str | None = None, **more: Any) -> Any:
        outcome = self._known(tool_input, tool_call_id)
        if isinstance(outcome, ToolCall):
            outcome = Outcome(await self._desk.gate.check_async(outcome), None)
        answer = outcome.answer
        if not answer.allowed:
            return refusal(outcome, self.name, tool_call_id)
        self._begin(answer, tool_call_id)
        token = inside.set(True)
        try:
            result = await self._inner.arun(tool_input, *args, tool_call_id=tool_call_id, **more)
        except BaseException:
            await self._desk.gate.report_async(answer, "failed")
            raise
        finally:
            inside.reset(token)
        became, cost = self._became(answer, result)
        await self._desk.gate.report_async(answer, became, cost_usd=cost)
        return _noted(result, outcome.note)

    def _known(self, tool_input: Any, id: str | None) -> ToolCall | Outcome:
        """What is known of the call, if that is about these arguments; otherwise what is to be asked."""
        given = tool_input
        if isinstance(tool_input, Mapping):
            given = {name: value for name, value in tool_input.items() if name not in self._injected}
        elif isinstance(tool_input, str):
            # What agents of the old kind hand over: the tool's only argument.
            given = {next(iter(self._inner.args), "input"): tool_input}
        outcomes = _outcomes.get()
        known = None if outcomes is None or id is None else outcomes.pop(id, None)
        if known is not None and (not known.answer.allowed or known.answer.verify(exact(given))):
            return known
        if known is not None:
            # Somebody changed the arguments on the way: those of before never run.
            self._desk.gate.report(known.answer, "stopped")
        config = var_child_runnable_config.get()
        # The model makes it again as another call: what is approved meanwhile is the next such one.
        asked = self._desk.prepared(self.name, lambda: self._desk.call(self.name, given, None, config))
        return Outcome(asked, given) if isinstance(asked, Answer) else asked

    def _begin(self, answer: Answer, id: str | None) -> None:
        if id is not None:
            self._desk.spent.spend(answer.run, id)

    def _became(self, answer: Answer, result: object) -> tuple[Any, Any]:
        if isinstance(result, ToolMessage) and result.status == "error":
            return "failed", None
        return "executed", cost_of(self._desk.cost, answer, result)


@contextmanager
def settled(outcomes: dict[str, Outcome]) -> Iterator[None]:
    """Lets tools in here go by these outcomes, each once."""
    token = _outcomes.set(outcomes)
    try:
        yield
    finally:
        _outcomes.reset(token)


def refusal(outcome: Outcome, name: str, id: str | None) -> Any:
    """What the model is told instead of a result."""
    text = outcome.answer.message if outcome.told is None else outcome.told
    return text if id is None else ToolMessage(text, name=name, tool_call_id=id, status="error")


def _noted(result: Any, note: str) -> Any:
    """The result, with what the model has to know beside it."""
    if note and isinstance(result, ToolMessage) and isinstance(result.content, str):
        return result.model_copy(update={"content": f"{note}\n\n{result.content}"})
    return result


def gated(desk: Desk, tool: BaseTool) -> BaseTool:
    """The tool with the gate in front of it."""
    desk.tools[tool.name] = tool
    return tool if isinstance(tool, GatedTool) and tool.desk is desk else GatedTool(desk, tool)


def _shown(body: Any) -> Callable[..., Any] | None:
    if body is None:
        return None

    def closed(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a gated tool is run by run() and invoke()")

    # As the framework would read them of the body.
    closed.__annotations__ = get_type_hints(body, include_extras=True)
    closed.__signature__ = inspect.signature(body)  # type: ignore[attr-defined]
    return closed


def _said(messages: Any) -> Iterator[tuple[str, str]]:
    """Messages of the graph's state as role and text."""
    for message in messages:
        if getattr(message, "type", None) == "human":
            text = message.text
            yield "user", text() if callable(text) and not isinstance(text, str) else str(text)

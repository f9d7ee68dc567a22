"""One tool with a gate in front of it: it pauses for people, it refuses, and its body runs only with what
was checked."""

from __future__ import annotations

import copy
import logging
from weakref import WeakKeyDictionary

from agents import FunctionTool, ToolGuardrailFunctionOutput, ToolInputGuardrail

from stage0._values import Verdict
from stage0.catalog import digests
from stage0.gate import Answer, Failure, ToolCall
from stage0.gate._gate import failed
from stage0.integrations._calls import Spent, cost_of, exact, inside, user_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Any

    from agents import RunContextWrapper, ToolInputGuardrailData
    from agents.tool_context import ToolContext

    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost

_LOG = logging.getLogger("stage0.gate")


class Desk:
    """What all tools of a gate share."""

    def __init__(self, gate: Gate, cost: Cost | None, approver: Approver | None) -> None:
        self.gate = gate
        self.cost = cost
        self.approver = approver
        self.spent = Spent()
        # By the context of one invocation, which nobody else has: a call's right to run, once.
        self.permits: WeakKeyDictionary[ToolContext[Any], Answer] = WeakKeyDictionary()

    def call(
        self,
        name: str,
        agent: str | None,
        context: RunContextWrapper[Any],
        arguments: Any,
        id: str,
        tool: FunctionTool | None = None,
    ) -> ToolCall:
        """What is asked about. Raises what the host's word on the run raises."""
        members: dict[str, Any] = {
            "arguments": exact(arguments),
            "agent": agent,
            "trusted": user_texts(_said(getattr(context, "turn_input", ()))),
            "definition": None if tool is None else digests.of(tool),
            "data": context,
        }
        run = self.gate.run_of(ToolCall(name, id=id, **members))
        return ToolCall(name, id=self.spent.name(run, id), **members)

    async def ask(
        self,
        name: str,
        agent: str | None,
        context: RunContextWrapper[Any],
        arguments: Any,
        id: str,
        tool: FunctionTool | None = None,
    ) -> Answer:
        """The gate's answer. Whatever goes wrong is a DENY."""
        try:
            call = self.call(name, agent, context, arguments, id, tool)
        except Exception as error:
            why = Failure("CONTEXT_FAILED", f"{type(error).__name__}: {error}")
            return failed(ToolCall(name, id=id), why)
        return await self.gate.check_async(call)

    async def after_native_yes(self, answer: Answer) -> Answer:
        """Somebody approved the call in the SDK's own way: the answer with that person's yes, where it is
        known who it was."""
        if answer.verdict is not Verdict.DEFER or not answer.waits_for_person:
            return answer
        person = None if self.approver is None else self.approver(answer.call)
        if person is None or answer.ticket is None:
            _LOG.warning(
                "a call of %s was approved in the run's state, but nobody knows by whom: "
                "approve it by the gate, or give the gate an approver",
                answer.call.name,
            )
            return answer
        self.gate.approve(answer.ticket, **person)
        return await self.gate.check_async(answer.call)


class GatedTool:
    """How one tool of one agent asks. Called in the place of the tool's body."""

    def __init__(self, desk: Desk, tool: FunctionTool, agent: str | None) -> None:
        self.desk = desk
        self.name: str = getattr(tool, "qualified_name", None) or tool.name
        self.agent = agent
        self._native_needs = tool.needs_approval
        self._is_agent = bool(getattr(tool, "_is_agent_tool", False))
        # What is hidden in here is the only way to the body.
        self._inner = copy.copy(tool)
        self._failures: WeakKeyDictionary[ToolContext[Any], bool] = WeakKeyDictionary()
        _watch_failures(self._inner, self._failures)

    # --- Before: whether a person is asked ---

    async def needs_approval(
        self, context: RunContextWrapper[Any], arguments: dict[str, Any], id: str
    ) -> bool:
        """Whether the run pauses for a person. A DENY asks nobody: :meth:`enforce` tells the model."""
        answer = await self.desk.ask(self.name, self.agent, context, arguments, id, self._inner)
        if answer.verdict is Verdict.DENY:
            return False
        if answer.verdict is Verdict.DEFER:
            return answer.waits_for_person
        needs: Any = self._native_needs
        if not callable(needs):
            return bool(needs)
        return bool(await needs(context, arguments, id))

    # --- Right before: whether it may run ---

    async def enforce(self, data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        """Lets the call pass to its body, or tells the model why not."""
        try:
            answer = await self._permit(data.context)
        except Exception as error:
            answer = failed(ToolCall(self.name), error)
        if answer.allowed:
            return _sure(ToolGuardrailFunctionOutput.allow(), "allow")
        return _sure(ToolGuardrailFunctionOutput.reject_content(answer.message), "reject_content")

    async def _permit(self, context: ToolContext[Any]) -> Answer:
        id = context.tool_call_id
        arguments = context.tool_arguments
        answer = await self.desk.ask(self.name, self.agent, context, arguments, id, self._inner)
        if answer.verdict is Verdict.DEFER and _is_approved(context):
            answer = await self.desk.after_native_yes(answer)
        if answer.allowed:
            self.desk.permits[context] = answer
        return answer

    # --- The body ---

    async def __call__(self, context: ToolContext[Any], arguments: str) -> Any:
        desk = self.desk
        answer = desk.permits.pop(context, None)
        if answer is None and self._is_agent:
            # An agent that goes on after a pause inside it is not taken through its guardrails again.
            answer = await self._permit(context)
            desk.permits.pop(context, None)
        if answer is None:
            why = Failure("CALL_UNCHECKED", "the body was called past its guardrail")
            answer = failed(ToolCall(self.name, arguments), why)
        elif answer.allowed and not answer.verify(exact(arguments)):
            why = Failure("ARGUMENTS_CHANGED", "the arguments of the body were not checked")
            answer = failed(answer.call, why)
        if not answer.allowed:
            return answer.message
        return await self._run(answer, context, arguments)

    async def _run(self, answer: Answer, context: ToolContext[Any], arguments: str) -> Any:
        desk = self.desk
        if not self._is_agent:
            desk.spent.spend(answer.run, context.tool_call_id)
        token = inside.set(True)
        try:
            result = await self._inner.on_invoke_tool(context, arguments)
        except BaseException:
            await desk.gate.report_async(answer, "failed")
            raise
        finally:
            inside.reset(token)
        if self._has_failed(context):
            await desk.gate.report_async(answer, "failed")
        elif not _is_paused(context):
            await desk.gate.report_async(answer, "executed", cost_usd=cost_of(desk.cost, answer, result))
        return result

    def _has_failed(self, context: ToolContext[Any]) -> bool:
        """Whether the SDK made a message for the model of what the body raised."""
        is_default = bool(getattr(context, "_function_tool_default_failure_handled", False))
        return self._failures.pop(context, False) or is_default


def gated(desk: Desk, tool: FunctionTool, agent: str | None) -> FunctionTool:
    """The tool with the gate in front of it."""
    asks = GatedTool(desk, tool, agent)
    guarded = copy.copy(tool)
    # Innermost: after other guardrails, and after whatever they do.
    others = [one for one in tool.tool_input_guardrails or () if not is_ours(one)]
    guarded.tool_input_guardrails = [*others, ToolInputGuardrail(asks.enforce, name="stage0")]
    guarded.needs_approval = asks.needs_approval
    guarded.on_invoke_tool = asks
    return guarded


def is_ours(guardrail: ToolInputGuardrail[Any]) -> bool:
    """Whether a gate made the guardrail."""
    owner = getattr(guardrail.guardrail_function, "__self__", None)
    return isinstance(owner, (GatedTool, AnyTool))


class AnyTool:
    """The guardrail for tools that are not known beforehand, such as those of an MCP server."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def enforce(self, data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        """Lets the call pass, or tells the model why not."""
        context = data.context
        name = getattr(context, "qualified_tool_name", None) or context.tool_name
        try:
            answer = await self._desk.ask(name, None, context, context.tool_arguments, context.tool_call_id)
            if answer.verdict is Verdict.DEFER and _is_approved(context):
                answer = await self._desk.after_native_yes(answer)
        except Exception as error:
            answer = failed(ToolCall(name), error)
        if answer.allowed:
            return _sure(ToolGuardrailFunctionOutput.allow(), "allow")
        return _sure(ToolGuardrailFunctionOutput.reject_content(answer.message), "reject_content")


def _sure(output: ToolGuardrailFunctionOutput, kind: str) -> ToolGuardrailFunctionOutput:
    """The output, if the SDK will understand it: what it does not know it lets pass."""
    if output.behavior["type"] != kind:
        raise RuntimeError(f"the SDK makes {output.behavior['type']!r} of {kind!r}")
    return output


def _is_approved(context: ToolContext[Any]) -> bool:
    is_approved = context.is_tool_approved(context.tool_name, context.tool_call_id)
    return is_approved is True


def _is_paused(context: ToolContext[Any]) -> bool:
    """Whether a call inside an agent that is a tool waits, so that the tool has not come to its end."""
    try:
        from agents.agent_tool_state import get_agent_tool_state_scope, peek_agent_tool_run_result

        if context.tool_call is None:
            return False
        scope = get_agent_tool_state_scope(context)
        nested = peek_agent_tool_run_result(context.tool_call, scope_id=scope)
        return bool(getattr(nested, "interruptions", None))
    except ImportError:
        return False


def _watch_failures(tool: FunctionTool, failures: WeakKeyDictionary[ToolContext[Any], bool]) -> None:
    """Notes what the tool's own function makes a message of. Where the SDK has no such function the call
    counts as executed."""
    message: Callable[..., Any] | None = getattr(tool, "_failure_error_function", None)
    if message is None:
        return

    def noted(context: Any, error: Exception) -> Awaitable[str] | str:
        failures[context] = True
        made: Awaitable[str] | str = message(context, error)
        return made

    tool._failure_error_function = noted


def _said(items: Any) -> Iterator[tuple[str, str]]:
    """Messages of the run's input as role and text."""
    for item in items:
        if not isinstance(item, dict):
            continue
        content: Any = item.get("content")
        if isinstance(content, str):
            yield str(item.get("role")), content
        elif isinstance(content, list):
            for part in content:
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    yield str(item.get("role")), part["text"]

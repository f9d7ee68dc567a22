"""A gate for Google's Agent Development Kit: ``pip install 'stage0[google-adk]'``.

>>> from stage0 import Policy
>>> from stage0.integrations.google_adk import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> # App(name=..., root_agent=..., plugins=[gate.plugin])

It is in front of the tools of every agent that the runner runs, agents as tools and workflows among them.
``transfer_to_agent`` and other tools of the kit are calls like any others: a policy has to know them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

try:
    from google.adk.plugins.base_plugin import BasePlugin
    from google.adk.tools.base_tool import BaseTool
except ImportError as error:
    raise ImportError(
        "stage0.integrations.google_adk needs Google's Agent Development Kit: "
        "pip install 'stage0[google-adk]'"
    ) from error

from stage0._errors import TicketError
from stage0.gate import Answer, Gate, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import UngatedError, after_a_no, gate_of, user_texts
from stage0.integrations._desk import Desk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stage0.integrations._calls import Approver, Cost, GateOrPolicy

__all__ = ["PluginGate", "UngatedError", "stage0_gate"]

_LOG = logging.getLogger("stage0.gate")
_UNSETTLED = Failure("GATE_FAILED", "what a person said could not be taken")


def stage0_gate(
    policy: GateOrPolicy,
    *,
    ungated: Iterable[str] = (),
    approver: Approver | None = None,
    tokens: bool = False,
    cost: Cost | None = None,
    **options: Any,
) -> PluginGate:
    """A gate in front of tools of Google's ADK.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. The run is the app, the user and the session, unless ``run`` names
    another. Callables among the options get a :class:`stage0.ToolCall` whose ``data`` is the
    ``ToolContext``.

    A confirmation is no approval by itself, because whoever holds the session can send one. With
    ``approver`` the host vouches for whoever confirms: it makes ``{"by": ..., "roles": [...]}`` of the
    call, or ``None``, and a call that waits asks for a confirmation. With ``tokens=True`` it asks for one
    with a signed approval, ``{"token": ...}``, as its payload. Otherwise the refusal has a ticket, which is
    approved elsewhere before the call is made again.

    ``ungated`` names what may run without anybody being asked: tools that the model's provider runs, such
    as ``google_search``, and ``code_executor``. ``cost`` makes US dollars of a call and its result.
    """
    gate = gate_of(policy, options)
    return PluginGate(gate, ungated=ungated, approver=approver, tokens=tokens, cost=cost)


class PluginGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(
        self,
        gate: Gate,
        *,
        ungated: Iterable[str] = (),
        approver: Approver | None = None,
        tokens: bool = False,
        cost: Cost | None = None,
    ) -> None:
        self.gate = gate
        """What is asked."""
        self._desk = Desk(gate, cost)
        self._ungated = frozenset(ungated)
        self._approver = approver
        self._tokens = tokens
        self._confirms = tokens or approver is not None

    @property
    def plugin(self) -> BasePlugin:
        """What ``App(plugins=[...])`` takes. Where it stands among others
        makes no difference: the gate is put on each tool itself, and stays there."""
        return _Plugin(self)

    def refuse(self, doors: list[str]) -> None:
        """Raises :class:`UngatedError` for what nobody named in ``ungated``."""
        left = [door for door in doors if door not in self._ungated]
        if left:
            raise UngatedError(left)

    def put_before(self, tool: BaseTool) -> None:
        """Puts the gate in front of a tool, once."""
        inner: Any = tool.run_async
        body = inner
        while isinstance(body, _Gated):
            if body.gate is self:
                return
            body = body.inner
        tool.run_async = _Gated(self, tool, inner)  # type: ignore[method-assign]

    async def run(self, tool: BaseTool, inner: Any, arguments: Any, context: Any) -> Any:
        """The tool's result, or what the model is told instead."""
        answer = await self._desk.check_async(lambda: self._call(tool, arguments, context))
        try:
            settled = await self._settle(answer, context)
        except Exception:
            _LOG.exception("what a person said could not be taken; the call is refused")
            settled = answer.message if not answer.allowed else failed(answer.call, _UNSETTLED).message
        if isinstance(settled, Answer):
            settled = self._desk.permit(
                settled, arguments, context.function_call_id if self._confirms else None
            )
            if settled.allowed:
                return await self._desk.run_async(
                    settled, lambda: inner(args=arguments, tool_context=context), _is_failure
                )
            settled = settled.message
        return json.loads(settled)

    async def _settle(self, answer: Answer, context: Any) -> Answer | str:
        """The answer after what a person said, or what the model is told of a no."""
        confirmation = self._confirmation(context)
        if confirmation is not None and not confirmation.confirmed:
            return await self._rejected(answer)
        if answer.waits_for_person and answer.ticket is not None:
            return await self._ask(answer, answer.ticket, confirmation, context)
        return answer

    def _call(self, tool: BaseTool, arguments: Any, context: Any) -> ToolCall:
        session = context.session
        parts = [session.app_name, session.user_id, session.id]
        return self._desk.call(
            tool.name,
            arguments,
            tool=tool,
            # Without a confirmation it comes again as another call: what is approved is the next such one.
            id=context.function_call_id if self._confirms else None,
            run="/".join(quote(part, safe="") for part in parts),
            agent=context.agent_name,
            trusted=user_texts(_said(session.events)),
            data=context,
        )

    def _confirmation(self, context: Any) -> Any:
        """What a person said, where it was this gate that asked."""
        if context.tool_confirmation is None or not self._confirms:
            return None
        for event in reversed(context.session.events):
            asked = event.actions.requested_tool_confirmations.get(context.function_call_id)
            if asked is not None:
                ours = isinstance(asked.payload, dict) and "ticket" in asked.payload
                return context.tool_confirmation if ours else None
        return None

    async def _ask(self, answer: Answer, ticket: str, confirmation: Any, context: Any) -> Answer:
        """The answer after a confirmation; asks for one where there is none yet."""
        person = None if self._approver is None else self._approver(answer.call)
        if confirmation is None:
            if person is not None or self._tokens:
                told = json.loads(answer.message)
                hint = "\n".join([f"{answer.call.name} waits for an approval.", *told["reasons"]])
                context.request_confirmation(hint=hint, payload=told)
                context.actions.skip_summarization = True
            return answer
        payload = confirmation.payload if isinstance(confirmation.payload, dict) else {}
        try:
            if isinstance(payload.get("token"), str):
                yes = {"token": payload["token"]}
            elif person is not None:
                yes = dict(person)
            else:
                return answer
            await self._desk.in_thread(lambda: self.gate.approve(ticket, **yes))
        except TicketError:
            _LOG.warning("what was said of ticket %s is not taken", ticket, exc_info=True)
            return answer
        return await self.gate.check_async(answer.call)

    async def _rejected(self, answer: Answer) -> str:
        """A no stands, also where the gate no longer asks anybody."""
        if answer.allowed:
            await self.gate.report_async(answer, "stopped")
        person = None if self._approver is None else self._approver(answer.call)
        ticket = answer.ticket
        if ticket is not None and person is not None:
            try:
                await self._desk.in_thread(lambda: self.gate.reject(ticket, **person))
                answer = await self.gate.check_async(answer.call)
            except TicketError:
                _LOG.warning("a no is not taken down; the call is refused all the same", exc_info=True)
        return after_a_no(answer, None)


class _Gated:
    """``run_async`` of a tool, with the gate in front of it."""

    def __init__(self, gate: PluginGate, tool: BaseTool, inner: Any) -> None:
        self.gate = gate
        self.tool = tool
        self.inner = inner

    async def __call__(self, *, args: dict[str, Any], tool_context: Any) -> Any:
        return await self.gate.run(self.tool, self.inner, args, tool_context)


class _Plugin(BasePlugin):
    """Puts the gate on each tool that is about to be called."""

    def __init__(self, gate: PluginGate) -> None:
        super().__init__(name="stage0")
        self._gate = gate

    async def before_tool_callback(self, *, tool: BaseTool, tool_args: Any, tool_context: Any) -> Any:
        try:
            if getattr(tool, "include_plugins", True) is False:
                self._gate.refuse([f"the tools of {tool.name}"])
            self._gate.put_before(tool)
        except Exception as error:
            why = Failure("CALL_UNCHECKED", f"{type(error).__name__}: {error}")
            return json.loads(failed(ToolCall(tool.name), why).message)
        return None

    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> Any:
        doors = ["code_executor"] if getattr(agent, "code_executor", None) is not None else []
        for tool in getattr(agent, "tools", ()):
            if isinstance(tool, BaseTool) and type(tool).run_async is BaseTool.run_async:
                doors.append(tool.name)
        self._gate.refuse(doors)

    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> Any:
        doors: set[str] = set()
        for tool in (llm_request.config and llm_request.config.tools) or ():
            named = tool.model_dump(exclude_none=True) if hasattr(tool, "model_dump") else {str(tool): 1}
            doors.update(named.keys() - {"function_declarations"})
        self._gate.refuse(sorted(doors))


def _said(events: Any) -> Iterator[tuple[str, str]]:
    """Messages of the session as role and text. What a workflow hands to an agent bears the user's name
    as well, and a place in the workflow."""
    for event in events:
        if event.author != "user" or event.branch or event.isolation_scope or event.node_info.path:
            continue
        for part in (event.content and event.content.parts) or ():
            if part.text:
                yield "user", part.text


def _is_failure(result: Any) -> bool:
    return isinstance(result, dict) and bool(result.get("error"))

"""Tools with a gate in front of each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_ai import ApprovalRequired, CallDeferred, RunContext
from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.toolsets import AbstractToolset, WrapperToolset

from stage0._errors import TicketError
from stage0._values import Verdict
from stage0.gate import Answer, ToolCall
from stage0.gate._gate import failed
from stage0.integrations._calls import UngatedError, plain, user_texts
from stage0.integrations._desk import Desk, never
from stage0.integrations._people import Said, decision_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost

_LOG = logging.getLogger("stage0.gate")

KEY = "stage0"
"""Where what a person said stands in the metadata of a call."""


class Counter(Desk):
    """Where calls of Pydantic AI pass."""

    pauses = (ApprovalRequired, CallDeferred)

    def __init__(
        self, gate: Gate, ungated: frozenset[str], cost: Cost | None, approver: Approver | None
    ) -> None:
        super().__init__(gate, cost)
        self.ungated = ungated
        self.approver = approver

    def asked(
        self, name: str, arguments: Mapping[str, Any], context: RunContext[Any], tool: Any
    ) -> ToolCall:
        """What is asked about. Raises what the host's word on the run raises."""
        agent = getattr(context.agent, "name", None)
        return self.call(
            name,
            plain(dict(arguments)),
            id=context.tool_call_id,
            run=context.conversation_id,
            tool=getattr(tool, "tool_def", None),
            agent=agent if isinstance(agent, str) else None,
            trusted=user_texts(_said(context.messages)),
            data=context,
        )

    async def settle(self, answer: Answer, context: RunContext[Any]) -> Answer:
        """The answer, with what a person said where the run goes on with that."""
        if not (context.tool_call_approved and answer.waits_for_person):
            return answer
        said = self._said(answer, context)
        if said is None or answer.ticket is None:
            _LOG.warning(
                "a call of %s was approved, but nobody knows by whom: make the results by the gate, "
                "or give the gate an approver",
                answer.call.name,
            )
            return answer
        ticket = answer.ticket
        try:
            await self.in_thread(lambda: self.gate.approve(ticket, **said))
        except TicketError:
            _LOG.warning("what was said of ticket %s is not taken", answer.ticket, exc_info=True)
            return answer
        return await self.gate.check_async(answer.call)

    def _said(self, answer: Answer, context: RunContext[Any]) -> dict[str, Any] | None:
        """A person's yes, as a gate takes it."""
        metadata: Any = context.tool_call_metadata
        given = metadata.get(KEY) if isinstance(metadata, Mapping) else None
        said = None if given is None else decision_of(given, answer.call.name)
        if isinstance(said, Said) and said.kind != "reject" and (said.by or said.token):
            return said.yes
        person = None if self.approver is None else self.approver(answer.call)
        return None if person is None else dict(person)


@dataclass
class GatedToolset(WrapperToolset[Any]):
    """Asks about each call, with the arguments that the tool is about to get."""

    desk: Counter

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: Any) -> Any:
        """The tool's result, or what the model is told instead."""
        desk = self.desk
        answer = await desk.check_async(lambda: desk.asked(name, tool_args, ctx, tool))
        try:
            answer = await desk.settle(answer, ctx)
        except Exception as error:
            answer = failed(answer.call, error)
        if answer.verdict is Verdict.DEFER and answer.waits_for_person:
            raise ApprovalRequired(metadata={KEY: _shown(answer)})
        answer = desk.permit(answer, plain(dict(tool_args)), ctx.tool_call_id)
        if not answer.allowed:
            return answer.message
        body = super().call_tool
        return await desk.run_async(answer, lambda: body(name, tool_args, ctx, tool), never)


class Stage0Capability(AbstractCapability[Any]):
    """Puts the gate in front of all tools of an agent, behind whatever else changes calls."""

    def __init__(self, desk: Counter) -> None:
        self._desk = desk

    def get_ordering(self) -> CapabilityOrdering:
        return CapabilityOrdering(position="innermost")

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return GatedToolset(toolset, self._desk)

    async def before_model_request(self, ctx: RunContext[Any], request_context: Any) -> Any:
        """Refuses tools that the provider runs, which nobody here would be asked about."""
        native = request_context.model_request_parameters.native_tools
        names = {str(tool.kind) for tool in native}
        doors = [f"the provider's tool {name}" for name in sorted(names - self._desk.ungated)]
        if doors:
            raise UngatedError(doors)
        return request_context


def _shown(answer: Answer) -> dict[str, Any]:
    """What a person is shown of a call that waits."""
    told: dict[str, Any] = {"ticket": answer.ticket, "run_id": answer.run, "codes": list(answer.codes)}
    if answer.decision is not None:
        told["reasons"] = [issue.message for issue in answer.decision.issues]
        told["questions"] = list(answer.decision.defer_questions)
        told["action_digest"] = answer.decision.action_digest
    return told


def _said(messages: Any) -> Iterator[tuple[str, str]]:
    """Messages of the run as role and text."""
    for message in messages or ():
        if not isinstance(message, ModelRequest):
            continue
        for part in message.parts:
            if isinstance(part, UserPromptPart):
                content = [part.content] if isinstance(part.content, str) else part.content
                for text in content:
                    yield "user", text if isinstance(text, str) else str(getattr(text, "content", ""))

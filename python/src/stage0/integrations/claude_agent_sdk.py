"""A gate for the Claude Agent SDK: ``pip install 'stage0[claude-agent-sdk]'``.

>>> from claude_agent_sdk import ClaudeAgentOptions
>>> from stage0 import Policy
>>> from stage0.integrations.claude_agent_sdk import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> options = gate.guard_options(ClaudeAgentOptions())

A call that waits for a person ends the turn: its ``ResultMessage`` has ``deferred_tool_use``. Give the
person's answer to :meth:`HookGate.decide`, then resume the session without a prompt, which would take the
call's place: ``ClaudeSDKClient(replace(options, resume=session_id))`` and its ``receive_response()``. Of
several such calls in one turn the first waits, and the others are refused with their tickets.

What it cannot promise: another hook's ``updatedInput`` is put in after the gate has looked. Bodies of this
process are safe from that by :meth:`HookGate.guard_tools`; for others it is logged, once they have run.
Prompts are no ``trusted`` texts, because Claude Code writes some itself: give ``trusted`` to the gate.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping

try:
    import anyio
    from anyio import to_thread
    from claude_agent_sdk import ClaudeAgentOptions, HookMatcher, SdkMcpTool
except ImportError as error:
    raise ImportError(
        "stage0.integrations.claude_agent_sdk needs the Claude Agent SDK: "
        "pip install 'stage0[claude-agent-sdk]'"
    ) from error
if "on_failure" not in {field.name for field in dataclasses.fields(HookMatcher)}:
    raise ImportError("this Claude Agent SDK is too old for a gate: pip install 'stage0[claude-agent-sdk]'")

from stage0._errors import TicketError
from stage0.catalog import digests
from stage0.gate import Answer, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import SPENT_MAX, Spent, after_a_no, cost_of, exact, gate_of
from stage0.integrations._people import Said, approve, decision_of, edit, reject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stage0.gate import Gate
    from stage0.integrations._calls import Cost, GateOrPolicy

__all__ = ["HookGate", "approve", "edit", "reject", "stage0_gate"]

DEADLINE_SECONDS = 20.0
"""How long a decision may take. After that the answer is DENY."""

HOOK_SECONDS = 60.0
"""How long Claude Code waits for a hook; a gate has answered by then."""

_LOG = logging.getLogger("stage0.gate")


def stage0_gate(policy: GateOrPolicy, *, cost: Cost | None = None, **options: Any) -> HookGate:
    """A gate in front of tools of Claude Code.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. The run is the session's id, unless ``run`` names another. Callables
    among the options get a :class:`stage0.ToolCall` whose ``data`` is the hook's input. ``cost`` makes US
    dollars of a call and its result.
    """
    return HookGate(gate_of(policy, options), cost=cost)


class HookGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(self, gate: Gate, *, cost: Cost | None = None) -> None:
        self.gate = gate
        """What is asked."""
        self._cost = cost
        self._spent = Spent()
        self._tools: dict[str, SdkMcpTool[Any]] = {}
        self._said: dict[tuple[str, str], Said] = {}
        self._open: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        self._permits: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        self._refused: OrderedDict[str, bool] = OrderedDict()
        self._paused: OrderedDict[str, tuple[str | None, str | None]] = OrderedDict()

    @property
    def hooks(self) -> dict[Any, list[HookMatcher]]:
        """What ``ClaudeAgentOptions(hooks=...)`` takes. It never lets anything pass that your permission
        rules would have asked about."""
        before = HookMatcher(hooks=[self._before], timeout=HOOK_SECONDS, on_failure="block")
        return {
            "PreToolUse": [before],
            "PostToolUse": [HookMatcher(hooks=[self._after])],
            "PostToolUseFailure": [HookMatcher(hooks=[self._after])],
        }

    def guard_options(self, options: ClaudeAgentOptions) -> ClaudeAgentOptions:
        """The same options with the gate's hooks behind those that are there."""
        hooks: dict[Any, list[HookMatcher]] = {
            event: list(matchers) for event, matchers in (options.hooks or {}).items()
        }
        for event, matchers in self.hooks.items():
            hooks.setdefault(event, []).extend(matchers)
        return dataclasses.replace(options, hooks=hooks)

    def guard_tools(self, tools: Iterable[SdkMcpTool[Any]]) -> list[SdkMcpTool[Any]]:
        """Tools of this process whose bodies run only with arguments that the gate has allowed."""
        guarded = [dataclasses.replace(tool, handler=self._guarded(tool)) for tool in tools]
        self._tools.update((tool.name, tool) for tool in guarded)
        return guarded

    def decide(self, session_id: str, call_id: str, decision: Any) -> None:
        """Takes a person's answer to the deferred call, as ``approve(by=...)``, ``edit(arguments,
        by=...)`` and ``reject(by=...)`` make it. Then resume the session: whether a yes is enough is
        decided there. Raises ``ValueError`` for a decision that is none."""
        members = decision if isinstance(decision, Mapping) else {}
        name = (members.get("edited_action") or {}).get("name", "")
        said = decision_of(decision, name)
        if isinstance(said, str):
            raise ValueError(f"{call_id}: {said}")
        if said.kind != "reject" and not (said.by or said.token):
            raise ValueError(f"{call_id}: a yes is somebody's, by name or by token")
        self._said[session_id, call_id] = said

    # --- Hooks ---

    async def _before(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        told: dict[str, Any] = {"hookEventName": "PreToolUse"}
        try:
            with anyio.fail_after(DEADLINE_SECONDS):
                # Whatever a gate waits for, the connection to Claude Code goes on.
                answer, changed, message = await to_thread.run_sync(
                    self._settle, given, abandon_on_cancel=True
                )
            if answer.allowed:
                # Never "allow": that would overrule the permission rules.
                return {"hookSpecificOutput": {**told, "updatedInput": changed}} if changed else {}
            pauses = answer.waits_for_person and answer.call.id is not None and message is None
            if pauses:
                self._pause(given)
            message = message or answer.message
        except Exception as error:
            pauses = False
            message = failed(ToolCall(""), error).message
        told["permissionDecision"] = "defer" if pauses else "deny"
        return {"hookSpecificOutput": {**told, "permissionDecisionReason": message}}

    def _settle(self, given: Any) -> tuple[Answer, Any, str | None]:
        """The gate's answer, the arguments of a person where there are some, and what the model is told
        where that is not the answer's own message."""
        key = given["session_id"], given["tool_use_id"]
        said = self._said.get(key)
        if said is not None and said.kind != "reject":
            # A yes is for one try; a no is for all.
            del self._said[key]
        edited = None if said is None or said.kind != "edit" else said.arguments
        call = self._call(given, given["tool_input"] if edited is None else edited)
        answer = self.gate.check(call)
        if said is not None and said.kind == "reject":
            return self._rejected(answer, said)
        if said is not None and answer.waits_for_person and answer.ticket is not None:
            try:
                self.gate.approve(answer.ticket, **said.yes)
                answer = self.gate.check(call)
            except TicketError:
                _LOG.warning("what was said of ticket %s is not taken", answer.ticket, exc_info=True)
        elif answer.waits_for_person:
            answer = self._approved_before(answer, given)
        if answer.allowed:
            _keep(self._open, key, answer)
            _keep(self._permits, key, answer)
        return answer, edited, None

    def _approved_before(self, answer: Answer, given: Any) -> Answer:
        """The same answer, or an ALLOW where the call was refused with a ticket, approved since then, and
        is made again."""
        call = answer.call
        if call.id is None:
            _keep(self._refused, given["session_id"], True)
        elif given["session_id"] in self._refused:
            again = call.__replace__(id=None)
            if self.gate.peek(again).allowed:
                return self.gate.check(again)
        return answer

    def _call(self, given: Any, arguments: Any) -> ToolCall:
        session, id = given["session_id"], given["tool_use_id"]
        members: dict[str, Any] = {"agent": given.get("agent_type"), "data": given}
        if not self.gate.names_runs:
            members["run"] = session
        tool = self._tools.get(given["tool_name"].rpartition("__")[2])
        if tool is not None:
            members["definition"] = digests.of(tool)
        if self._can_pause(given):
            members["id"] = self._spent.name(session, id)
        return ToolCall(given["tool_name"], exact(arguments), **members)

    def _rejected(self, answer: Answer, said: Said) -> tuple[Answer, Any, str | None]:
        """A no stands, also where the gate no longer asks anybody."""
        if answer.allowed:
            self.gate.report(answer, "stopped")
        elif answer.ticket is not None:
            try:
                by = said.by or "(unknown)"
                self.gate.reject(answer.ticket, by=by, roles=said.roles, reason=said.reason)
                answer = self.gate.check(answer.call)
            except TicketError:
                _LOG.warning("a no is not taken down; the call is refused all the same", exc_info=True)
        no = Answer.failed(answer.call, "APPROVAL_REJECTED", ValueError("a person said no"))
        return no, None, after_a_no(answer if not answer.allowed else no, said.reason)

    def _can_pause(self, given: Any) -> bool:
        """Whether this call can end the turn and come again under its id: of several only the last would,
        and none of a sub-agent's. Others have no id: what is approved of them is the next such call."""
        if "agent_id" in given:
            return False
        prompt, first = self._paused.get(given["session_id"], (None, None))
        return prompt is None or prompt != given.get("prompt_id") or first == given["tool_use_id"]

    def _pause(self, given: Any) -> None:
        _keep(self._paused, given["session_id"], (given.get("prompt_id"), given["tool_use_id"]))

    async def _after(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        try:
            await to_thread.run_sync(self._report, given)
        except Exception:
            _LOG.exception("what became of a call is not taken down")
        return {}

    def _report(self, given: Any) -> None:
        session, id = given["session_id"], given["tool_use_id"]
        answer = self._open.pop((session, id), None)
        self._permits.pop((session, id), None)
        if answer is None:
            return
        self._spent.spend(session, id)
        if not answer.verify(exact(given["tool_input"])):
            _LOG.error("%s ran with arguments that were not checked: see updatedInput", answer.call.name)
        if given["hook_event_name"] == "PostToolUse":
            cost = cost_of(self._cost, answer, given.get("tool_response"))
            self.gate.report(answer, "executed", cost_usd=cost)
        else:
            self.gate.report(answer, "failed")

    def _guarded(self, tool: SdkMcpTool[Any]) -> Any:
        body = tool.handler

        async def run(arguments: Any) -> Any:
            shown = exact(arguments)
            for key, answer in list(self._permits.items()):
                named = ("__" + answer.call.name).endswith("__" + tool.name)
                if named and answer.verify(shown) and self._permits.pop(key, None) is not None:
                    break
            else:
                why = Failure("ARGUMENTS_CHANGED", "the arguments of the body were not checked")
                message = failed(ToolCall(tool.name), why).message
                return {"content": [{"type": "text", "text": message}], "is_error": True}
            return await body(arguments)

        return run


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    if len(kept) > SPENT_MAX:
        kept.popitem(last=False)

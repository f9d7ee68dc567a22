"""The gate as graphs and agents of LangChain have it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.types import Command, interrupt

from stage0._errors import TicketError
from stage0._native import text_of
from stage0._values import Verdict
from stage0.gate import Answer, ToolCall
from stage0.integrations._calls import UngatedError, after_a_no, exact, gate_of
from stage0.integrations._people import Said
from stage0.integrations.langgraph._people import question, read
from stage0.integrations.langgraph._tool import Desk, Outcome, gated, refusal, settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, TypeAlias

    from langchain.agents.middleware import AgentMiddleware

    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost, GateOrPolicy

    # Steps that may wait for a store, which coroutines take in a thread.
    Steps: TypeAlias = Generator[Callable[[], Any], Any, list[Outcome]]

_LOG = logging.getLogger("stage0.gate")

REPLIES_MAX = 64
"""Times that one call is given back to people because an answer was not enough."""


class _Call:
    """One call that is asked about."""

    def __init__(self, call: Mapping[str, Any]) -> None:
        self.name: str = call["name"]
        self.id: str = call["id"]
        self.arguments: Any = call["args"]
        self.asked: ToolCall | None = None
        self.answer: Answer | None = None
        self.note = ""
        self.problem: str | None = None
        self.outcome: Outcome | None = None

    @property
    def waits(self) -> bool:
        """Whether a person's yes is all that is missing."""
        return self.outcome is None and self.answer is not None and self.answer.waits_for_person

    def question(self) -> Any:
        """What a person is shown of it."""
        assert self.answer is not None
        return question(self.answer, self.name, self.arguments, self.id, self.problem)


def stage0_gate(
    policy: GateOrPolicy,
    *,
    ungated: Iterable[str] = (),
    approver: Approver | None = None,
    cost: Cost | None = None,
    **options: Any,
) -> GraphGate:
    """A gate in front of tools of LangChain and LangGraph.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. The run is the thread's id, unless ``run`` names another. Callables among
    the options get a :class:`stage0.ToolCall` whose ``data`` is the request of the tool call, with
    ``runtime.context`` and ``state``, or the runnable's config where a tool runs without an agent.

    ``ungated`` names what may run without anybody being asked: tools that the model's provider runs.
    ``approver`` tells who said yes where a graph is resumed without a name: it makes
    ``{"by": ..., "roles": [...]}`` of the call. ``cost`` makes US dollars of a call and its result.
    """
    return GraphGate(gate_of(policy, options), ungated=ungated, approver=approver, cost=cost)


class GraphGate:
    """Puts one gate in front of tools. See :func:`stage0_gate`."""

    def __init__(
        self,
        gate: Gate,
        *,
        ungated: Iterable[str] = (),
        approver: Approver | None = None,
        cost: Cost | None = None,
    ) -> None:
        self.gate = gate
        """What is asked."""
        self.ungated = frozenset(ungated)
        self._desk = Desk(gate, cost, approver)
        self._tools: dict[int, tuple[BaseTool, BaseTool]] = {}

    # --- Putting it in front ---

    @property
    def middleware(self) -> AgentMiddleware[Any, Any]:
        """What ``create_agent(middleware=[...])`` takes, in any place among others: the body of a tool
        runs with what was checked, whoever changes a call on the way."""
        from stage0.integrations.langgraph._middleware import Stage0Middleware

        return Stage0Middleware(self)

    def tool_node(
        self, tools: Sequence[BaseTool | Callable[..., Any]], **options: Any
    ) -> Runnable[Any, Any]:
        """A node for graphs of your own, in the place of ``ToolNode(tools, **options)``. Everything that
        waits for people is asked in one interrupt before any of the calls runs, so that none runs twice.
        It is resumed with one decision, or with ``{"decisions": {call_id: decision}}``."""
        from stage0.integrations.langgraph._node import tool_node

        return tool_node(self, tools, options)

    def guard_tools(self, tools: Iterable[BaseTool | Callable[..., Any]]) -> list[BaseTool]:
        """The same tools with the gate in front of each, wherever they run. Alone they pause for nobody:
        the model is told of the ticket, and asks again once it is answered. Raises :class:`UngatedError`
        for what is no tool of this process."""
        from langchain_core.tools import tool as made_tool

        guarded: list[BaseTool] = []
        for tool in tools:
            if isinstance(tool, Mapping):
                raise UngatedError([_named(tool)])
            whole: Any = tool if isinstance(tool, BaseTool) else made_tool(tool)
            guarded.append(gated(self._desk, whole))
        return guarded

    def decision_node(
        self, *, allow: str, defer: str, deny: str, messages_key: str = "messages"
    ) -> Runnable[Any, Any]:
        """A node for graphs that go on by the verdict: to ``deny`` with a refusal for each call of the last
        message, if one of them is denied, to ``defer`` if one has to wait, else to ``allow``. It only
        looks; the tools are to be :meth:`guard_tools` or a :meth:`tool_node`."""

        def decide(state: Any, config: Any = None) -> Command[Any]:
            messages = messages_of(state, messages_key)
            answers: list[tuple[Any, Answer]] = []
            for call in calls_of(messages):
                asked = self._asked(call["name"], call["args"], call["id"], config, messages)
                answers.append((call, asked if isinstance(asked, Answer) else self.gate.peek(asked)))
            verdicts = [answer.verdict for _, answer in answers]
            if Verdict.DENY in verdicts:
                told = [_refused_beside(call, answer) for call, answer in answers]
                return Command(goto=deny, update={messages_key: told})
            return Command(goto=defer if Verdict.DEFER in verdicts else allow)

        return RunnableLambda(decide, name="stage0")

    # --- Asking ---

    def _asked(
        self, name: str, arguments: Any, id: str | None, config: Any, messages: Any, data: object = None
    ) -> ToolCall | Answer:
        desk = self._desk
        return desk.prepared(name, lambda: desk.call(name, arguments, id, config, messages, data))

    def settling(
        self, calls: Sequence[Mapping[str, Any]], config: Any, messages: Any, data: object
    ) -> Steps:
        """Asks about the calls of one message, and asks people where the graph can wait for them. What a
        graph is resumed with is taken before anything else counts: a no stands though the policy asks
        nobody any more."""
        each = [_Call(call) for call in calls]
        for one in each:
            yield from self._ask(one, config, messages, data)
        there = replies_there(config)
        for turn in range(REPLIES_MAX):
            waiting = [one for one in each if one.waits]
            if turn >= there and not (waiting and can_pause(config)):
                break
            reply = interrupt(_asked_of_people(waiting, len(each)))
            # An answer is never about whichever call happens to wait when it is read again.
            for one in each:
                said = read(reply, one.id, one.name, len(each) == 1)
                yield from self._take(one, said, config, messages, data)
                if turn + 1 < there:
                    # It was taken when it was given; what is new comes after it.
                    one.problem = None
        return [one.outcome or Outcome(_given(one), one.arguments, note=one.note) for one in each]

    def _ask(self, one: _Call, config: Any, messages: Any, data: object) -> Generator[Any, Any, None]:
        """Asks the gate."""
        asked = self._asked(one.name, one.arguments, one.id, config, messages, data)
        if isinstance(asked, Answer):
            one.answer, one.outcome = asked, Outcome(asked, one.arguments)
        else:
            one.asked, one.answer = asked, (yield partial(self.gate.check, asked))

    def _take(
        self, one: _Call, said: Said | str | None, config: Any, messages: Any, data: object
    ) -> Generator[Any, Any, None]:
        """Takes what a person said of a call."""
        if said is None or isinstance(said, str) or one.outcome is not None:
            one.problem = said if isinstance(said, str) else None
            return
        answer = _given(one)
        if said.kind == "reject":
            one.outcome = yield from self._rejected(answer, said, one.arguments)
            return
        if said.kind == "edit":
            if answer.allowed:
                yield partial(self.gate.report, answer, "stopped")
            one.arguments = dict(said.arguments)
            yield from self._ask(one, config, messages, data)
            answer = _given(one)
            changed = str(exact(one.arguments))
            one.note = f"A person changed the arguments of this call: it ran with {changed}"
        if one.waits and one.asked is not None:
            one.problem = yield partial(self._approved, answer, said)
            one.answer = yield partial(self.gate.check, one.asked)

    def _approved(self, answer: Answer, said: Said) -> str | None:
        """Takes a person's yes; why not, if it is not taken."""
        yes = said.yes
        if said.by is None and said.token is None:
            person = None if self._desk.approver is None else self._desk.approver(answer.call)
            if person is None:
                return (
                    "nobody knows who said yes: resume with approve(by=...), or give the gate an approver"
                )
            yes = {**yes, **person}
        try:
            self.gate.approve(answer.ticket or "", **yes)
        except TicketError as error:
            return error.problems[0].message if error.problems else str(error)
        return None

    def _rejected(self, answer: Answer, said: Said, arguments: Any) -> Generator[Any, Any, Outcome]:
        """Takes a person's no."""
        ticket = answer.ticket
        if answer.allowed:
            # The policy has changed its mind meanwhile; the person has not.
            yield partial(self.gate.report, answer, "stopped")
            ticket = yield partial(self._ticket_of, answer)
        if ticket is not None:
            by, roles = said.by or "(unknown)", said.roles
            yield partial(self._taken, ticket, by, roles, said.reason)
            answer = yield partial(self.gate.check, answer.call)
        return Outcome(_no(answer), arguments, after_a_no(answer, said.reason))

    def _ticket_of(self, answer: Answer) -> str | None:
        waiting = self.gate.pending(answer.run)
        return next((one.id for one in waiting if one.call_id == answer.call.id), None)

    def _taken(self, ticket: str, by: str, roles: Sequence[str], reason: str | None) -> None:
        try:
            self.gate.reject(ticket, by=by, roles=roles, reason=reason)
        except Exception:
            _LOG.exception("a no is not taken down; the call is refused all the same")

    # --- Calls of an agent ---

    def run(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Runs the call that an agent is about to make, or answers in its place."""
        config, messages = _surroundings(request)
        (outcome,) = stepped(self.settling([request.tool_call], config, messages, request))
        if not outcome.answer.allowed:
            return refusal(outcome, request.tool_call["name"], request.tool_call["id"])
        with settled({request.tool_call["id"]: outcome}):
            return handler(self._changed(request, outcome))

    async def run_async(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """The same for coroutines."""
        config, messages = _surroundings(request)
        steps = self.settling([request.tool_call], config, messages, request)
        (outcome,) = await stepped_async(steps, self.gate.waits)
        if not outcome.answer.allowed:
            return refusal(outcome, request.tool_call["name"], request.tool_call["id"])
        with settled({request.tool_call["id"]: outcome}):
            return await handler(self._changed(request, outcome))

    def _changed(self, request: Any, outcome: Outcome) -> Any:
        """The request as it may run."""
        changes: dict[str, Any] = {"tool_call": {**request.tool_call, "args": outcome.arguments}}
        if request.tool is not None:
            changes["tool"] = self._gated(request.tool)
        return request.override(**changes)

    def _gated(self, tool: BaseTool) -> BaseTool:
        """The gated form of a tool, made once."""
        known = self._tools.get(id(tool))
        if known is None or known[0] is not tool:
            if len(self._tools) >= TOOLS_MAX:
                self._tools.clear()
            known = self._tools[id(tool)] = tool, gated(self._desk, tool)
        return known[1]


TOOLS_MAX = 10_000
"""Tools of which the gated form is remembered."""


def stepped(steps: Steps) -> list[Outcome]:
    """Takes the steps one after the other."""
    try:
        step = next(steps)
        while True:
            step = steps.send(step())
    except StopIteration as end:
        outcomes: list[Outcome] = end.value
        return outcomes


async def stepped_async(steps: Steps, waits: bool) -> list[Outcome]:
    """The same for coroutines: where a disk or a server may be waited for, another thread does."""
    try:
        step = next(steps)
        while True:
            step = steps.send(await asyncio.to_thread(step) if waits else step())
    except StopIteration as end:
        outcomes: list[Outcome] = end.value
        return outcomes


def replies_there(config: Any) -> int:
    """How many answers of people a graph was resumed with that this task has not taken yet, or takes once
    more because it began anew. LangGraph has no public way to ask."""
    pad = _configurable(config).get("__pregel_scratchpad")
    if pad is None:
        return 0
    return len(pad.resume) + (pad.get_null_resume(False) is not None)


def can_pause(config: Any) -> bool:
    """Whether an interrupted graph can be resumed. Where that cannot be told, it is not interrupted."""
    return _configurable(config).get("__pregel_checkpointer") is not None


def calls_of(messages: Sequence[Any]) -> list[Any]:
    """The tool calls of the last message of the model."""
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            return list(message.tool_calls)
    return []


def _refused_beside(call: Mapping[str, Any], answer: Answer) -> ToolMessage:
    """What the model is told of a call where one of its message is denied."""
    told = None
    if answer.verdict is not Verdict.DENY:
        why = "another call of this message was denied, so none of them was made"
        told = text_of({"verdict": "DENY", "codes": ["CALL_STOPPED"], "reasons": [why]})
    message: ToolMessage = refusal(Outcome(answer, call["args"], told), call["name"], call["id"])
    return message


def _asked_of_people(waiting: Sequence[_Call], calls: int) -> Any:
    """The value of an interrupt: a question, or several where a message has several calls."""
    questions = [one.question() for one in waiting]
    return questions[0] if calls == 1 and questions else {"type": "tool_approvals", "requests": questions}


def _given(one: _Call) -> Answer:
    assert one.answer is not None
    return one.answer


def _no(answer: Answer) -> Answer:
    """A DENY, whatever the policy says by now."""
    if answer.verdict is Verdict.DENY:
        return answer
    return Answer.failed(answer.call, "APPROVAL_REJECTED", ValueError("a person said no"))


def _configurable(config: Any) -> Mapping[str, Any]:
    there: Mapping[str, Any] = (config or {}).get("configurable") or {}
    return there


def _surroundings(request: Any) -> tuple[Any, Any]:
    config = getattr(request.runtime, "config", None)
    return config, messages_of(request.state, "messages")


def messages_of(state: Any, key: str) -> Any:
    if isinstance(state, list):
        return state
    if isinstance(state, Mapping):
        return state.get(key) or ()
    return getattr(state, key, None) or ()


def _named(tool: Mapping[str, Any]) -> str:
    return f"the provider's tool {tool.get('name') or tool.get('type')}"

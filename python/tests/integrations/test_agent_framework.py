"""Gates in front of tools of the Agent Framework, with a scripted model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FunctionInvocationContext,
    FunctionInvocationLayer,
    FunctionMiddleware,
    FunctionTool,
    Message,
    ResponseStream,
    tool,
)

from stage0 import Gate, Policy, ToolCall
from stage0.integrations.agent_framework import MiddlewareGate, UngatedError, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

RICH = DESK.replace("max: 1000", "max: 9000")
MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


class Scripted(FunctionInvocationLayer[Any], ChatMiddlewareLayer[Any], BaseChatClient[Any]):
    """Makes these calls, turn by turn, and then says that it is done."""

    def __init__(self, *turns: list[Content], **more: Any) -> None:
        super().__init__(**more)
        self._turns = list(turns)

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **more: Any) -> Any:
        said = self._turns.pop(0) if self._turns else [Content.from_text("done")]
        if stream:
            return ResponseStream(_updates(said), finalizer=ChatResponse.from_updates)
        return _response(said)


async def _response(said: list[Content]) -> ChatResponse:
    return ChatResponse(messages=[Message("assistant", said)])


async def _updates(said: list[Content]) -> AsyncIterator[ChatResponseUpdate]:
    for content in said:
        yield ChatResponseUpdate(contents=[content], role="assistant")


def calling(name: str, id: str, **arguments: Any) -> Content:
    return Content.from_function_call(id, name, arguments=json.dumps(arguments))


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> Content:
    return calling("pay", id, amount=amount, to=to)


def looking(id: str = "l1") -> Content:
    return calling("look", id)


def tools_of(effects: Effects) -> list[FunctionTool]:
    @tool(approval_mode="never_require")
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    @tool(approval_mode="never_require")
    async def look() -> str:
        """Looks."""
        return effects.look()

    return [pay, look]


def an_agent(effects: Effects, made: MiddlewareGate | None, *turns: Any, **more: Any) -> Agent[Any]:
    more.setdefault("tools", tools_of(effects))
    middleware = [*more.pop("middleware", []), *([] if made is None else made.middleware)]
    return Agent(Scripted(*turns), name="teller", middleware=middleware, **more)


def run(agent: Agent[Any], message: str = "pay acme", **more: Any) -> dict[str, Any]:
    """What the model was told, by call."""
    response = asyncio.run(_run(agent, message, more))
    return {
        content.call_id: content.result
        for said in response.messages
        for content in said.contents
        if content.type == "function_result"
    }


async def _run(agent: Agent[Any], message: str, more: dict[str, Any]) -> Any:
    if not more.pop("stream", False):
        return await agent.run(message, **more)
    stream = agent.run(message, stream=True, **more)
    async for _ in stream:
        pass
    return await stream.get_final_response()


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_is_allowed_runs_and_counts_and_what_is_not_is_told(effects: Effects, stream: bool) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF)
    turns = [[paying(400)], [paying(400, "c2")], [paying(400, "c3"), paying(20_000, "c4"), looking()]]
    told = run(an_agent(effects, made, *turns), stream=stream, session=AgentSession(session_id="s1"))
    assert effects.done == [("pay", 400)] * 2 + [("look", None)]
    assert told["c1"] == "paid 400.0 to acme"
    assert json.loads(told["c3"])["codes"] == ["DAILY"]
    assert json.loads(told["c4"])["verdict"] == "DENY"


def test_what_waits_has_a_ticket_and_siblings_go_on(effects: Effects) -> None:
    made = stage0_gate(gate())
    session = AgentSession(session_id="s1")
    agent = an_agent(
        effects, made, [paying(600), looking()], [Content.from_text("it waits")], [paying(600, "c2")]
    )
    told = run(agent, session=session)
    assert effects.done == [("look", None)]
    [ticket] = made.gate.pending("s1")
    assert json.loads(told["c1"])["ticket"] == ticket.id
    made.gate.approve(ticket, **LEAD)
    run(agent, session=session)
    assert effects.done == [("look", None), ("pay", 600)]


def test_a_no_stands_whatever_the_policy_says_by_then(effects: Effects) -> None:
    made = stage0_gate(gate())
    session = AgentSession(session_id="s1")
    agent = an_agent(effects, made, [paying(600)], [Content.from_text("it waits")], [paying(600, "c2")])
    run(agent, session=session)
    made.gate.reject(made.gate.pending()[0], **LEAD, reason="not this month")
    told = run(agent, session=session)
    assert effects.done == [] and json.loads(told["c2"])["codes"] == ["APPROVAL_REJECTED"]


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    run(an_agent(effects, stage0_gate(gate(MILD)), [paying(600), paying(601, "c2")]))
    assert len(effects.done) == 1


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    told = run(an_agent(effects, stage0_gate(broken(error)), [paying(), looking()]))
    assert effects.done == []
    assert [json.loads(told[id])["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(told)


def test_what_fails_is_given_back(effects: Effects) -> None:
    @tool(approval_mode="never_require")
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            raise ValueError("try again")
        return effects.pay(amount, to)

    run(an_agent(effects, stage0_gate(gate(MILD)), [paying(900)], [paying(900, "c2")], tools=[pay]))
    assert effects.done == [("try", 900), ("pay", 900)]


class Changing(FunctionMiddleware):
    """Changes arguments after other middleware."""

    async def process(self, context: FunctionInvocationContext, call_next: Any) -> None:
        context.arguments = {"amount": 20_000, "to": "acme"}
        await call_next()


@pytest.mark.parametrize("last", [True, False], ids=["last", "first"])
def test_the_gate_sees_what_others_make_of_a_call(effects: Effects, last: bool) -> None:
    made = stage0_gate(gate())
    middleware = [*made.middleware, Changing()] if last else [Changing(), *made.middleware]
    told = run(an_agent(effects, None, [paying()], middleware=middleware))
    assert effects.done == [] and json.loads(told["c1"])["verdict"] == "DENY"


def test_a_naive_gate_does_not_see_it(effects: Effects) -> None:
    asked = gate()

    class Naive(FunctionMiddleware):
        async def process(self, context: FunctionInvocationContext, call_next: Any) -> None:
            if asked.check(ToolCall(context.function.name, dict(context.arguments))).allowed:
                await call_next()

    run(an_agent(effects, None, [paying()], middleware=[Naive(), Changing()]))
    assert effects.done == [("pay", 20_000)]


def test_agents_inside_tools_are_gated_by_their_client(effects: Effects) -> None:
    made = stage0_gate(
        gate(
            DESK.replace("look: {", "inner: { effects: [] }\n  look: {").replace("[look]", "[look, inner]")
        )
    )
    client = Scripted([paying(20_000, "i1")], middleware=made.middleware)
    inner = Agent(client, name="inner", tools=tools_of(effects))
    agent = an_agent(
        effects,
        made,
        [calling("inner", "o1", task="pay")],
        tools=[inner.as_tool(approval_mode="never_require")],
    )
    run(agent)
    assert effects.done == []


def test_what_the_provider_runs_is_refused(effects: Effects) -> None:
    search = {"type": "web_search"}
    declared = FunctionTool(name="elsewhere", description="Runs elsewhere.", input_model={"type": "object"})
    for door, given in (("web_search", search), ("elsewhere", declared)):
        agent = an_agent(effects, None, [looking()], tools=[*tools_of(effects), given])
        with pytest.raises(UngatedError, match=door):
            stage0_gate(gate()).guard_agent(agent)
        # As something that comes with the run.
        agent = stage0_gate(gate()).guard_agent(an_agent(effects, None, [looking()]))
        with pytest.raises(UngatedError, match=door):
            run(agent, tools=[given])
        assert effects.done == []
        agent = an_agent(
            effects, stage0_gate(gate(), ungated=[door]), [looking()], tools=[*tools_of(effects), given]
        )
        run(agent)
        effects.done.clear()


def test_a_tool_called_outside_an_agent_keeps_its_gate(effects: Effects) -> None:
    made = stage0_gate(gate())
    pay, _ = tools_of(effects)
    run(an_agent(effects, made, [paying()], tools=[pay]))
    said: Any = asyncio.run(pay.invoke(arguments={"amount": 20_000, "to": "acme"}, skip_parsing=True))
    assert json.loads(said)["verdict"] == "DENY" and effects.done == [("pay", 20)]
    assert pay.to_dict()["name"] == "pay"


def test_who_asks_is_told_by_the_context(effects: Effects) -> None:
    def who(call: Any) -> dict[str, Any]:
        asked.add(call.data.session.session_id)
        return {"actor_id": call.data.session.session_id, "actor_role": "staff"}

    asked: set[str] = set()
    made = stage0_gate(
        Policy.parse(DESK), context=who, run=lambda call: "mine", cost=lambda call, result: {}["c"]
    )
    told = run(
        an_agent(effects, made, [paying(), paying(600, "c2")]), session=AgentSession(session_id="u7")
    )
    assert told["c1"] == "paid 20.0 to acme"
    [ticket] = made.gate.pending("mine")
    assert ticket.run_id == "mine" and asked == {"u7"}
    told = run(an_agent(effects, stage0_gate(Policy.parse(DESK), run=lambda call: {}["t"]), [paying()]))
    assert json.loads(told["c1"])["codes"] == ["CONTEXT_FAILED"]


def test_a_store_in_a_file(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        run(an_agent(effects, stage0_gate(kept), [paying(), paying(20_000, "c2")]))
    assert effects.done == [("pay", 20)]

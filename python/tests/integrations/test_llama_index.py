"""Gates in front of tools of LlamaIndex, with a scripted model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import AsyncBaseTool, BaseTool, FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.workflow import Context

from stage0 import Gate, Policy
from stage0.integrations.llama_index import ToolGate, UngatedError, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def calling(name: str, id: str, **arguments: Any) -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=id, tool_name=name, tool_kwargs=arguments)


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> ToolCallBlock:
    return calling("pay", id, amount=amount, to=to)


def looking(id: str = "l1") -> ToolCallBlock:
    return calling("look", id)


def scripted(*turns: list[ToolCallBlock]) -> Any:
    """A model that makes these calls, turn by turn, and then says that it is done."""
    left = list(turns)

    def said(messages: Any, **more: Any) -> ChatMessage:
        if left:
            return ChatMessage(role="assistant", blocks=left.pop(0))
        return ChatMessage(role="assistant", content="done")

    return MockFunctionCallingLLM(response_generator=said)


def functions_of(effects: Effects) -> list[Any]:
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    async def look() -> str:
        """Looks."""
        return effects.look()

    return [pay, look]


def an_agent(effects: Effects, *turns: Any, **more: Any) -> FunctionAgent:
    more.setdefault("tools", functions_of(effects))
    return FunctionAgent(name="teller", description="Pays.", llm=scripted(*turns), **more)


def run(agent: Any, message: str = "pay acme") -> dict[str, Any]:
    """What the model was told, by call."""
    return asyncio.run(_run(agent, message))


async def _run(agent: Any, message: str) -> dict[str, Any]:
    handler = agent.run(user_msg=message)
    told: dict[str, Any] = {}
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            told[event.tool_id] = event.tool_output.content
    await handler
    return told


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
def test_what_is_allowed_runs_and_counts_and_what_is_not_is_told(effects: Effects, streaming: bool) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF)
    turns = [[paying(400)], [paying(400, "c2")], [paying(400, "c3"), paying(20_000, "c4"), looking()]]
    told = run(made.guard_agent(an_agent(effects, *turns, streaming=streaming)))
    assert effects.done == [("pay", 400)] * 2 + [("look", None)]
    assert told["c1"] == "paid 400 to acme"
    assert json.loads(told["c3"])["codes"] == ["DAILY"]
    assert json.loads(told["c4"])["verdict"] == "DENY"


def test_what_waits_has_a_ticket_and_siblings_go_on(effects: Effects) -> None:
    made = stage0_gate(gate(run="s1"))
    told = run(made.guard_agent(an_agent(effects, [paying(600), looking()])))
    assert effects.done == [("look", None)]
    [ticket] = made.gate.pending("s1")
    assert json.loads(told["c1"])["ticket"] == ticket.id
    made.gate.approve(ticket, **LEAD)
    run(made.guard_agent(an_agent(effects, [paying(600, "c2")])))
    assert effects.done == [("look", None), ("pay", 600)]


def test_a_no_stands_whatever_the_policy_says_by_then(effects: Effects) -> None:
    made = stage0_gate(gate(run="s1"))
    run(made.guard_agent(an_agent(effects, [paying(600)])))
    made.gate.reject(made.gate.pending()[0], **LEAD)
    told = run(made.guard_agent(an_agent(effects, [paying(600, "c2")])))
    assert effects.done == [] and json.loads(told["c2"])["codes"] == ["APPROVAL_REJECTED"]


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    run(stage0_gate(gate(MILD)).guard_agent(an_agent(effects, [paying(600), paying(601, "c2")])))
    assert len(effects.done) == 1


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    told = run(stage0_gate(broken(error)).guard_agent(an_agent(effects, [paying(), looking()])))
    assert effects.done == []
    assert [json.loads(told[id])["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(told)


def test_what_fails_is_given_back(effects: Effects) -> None:
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            raise ValueError("try again")
        return effects.pay(amount, to)

    made = stage0_gate(gate(MILD))
    run(made.guard_agent(an_agent(effects, [paying(900)], [paying(900, "c2")], tools=[pay])))
    assert effects.done == [("try", 900), ("pay", 900)]


def test_agents_inside_agents_and_workflows_are_gated(effects: Effects) -> None:
    made = stage0_gate(gate())
    inner = an_agent(effects, [paying(20_000, "i1")])

    async def look() -> str:
        """Asks another agent."""
        return str(await made.guard_agent(inner).run(user_msg="pay"))

    run(made.guard_agent(an_agent(effects, [looking()], tools=[look])))
    assert effects.done == []
    first = an_agent(effects, [calling("handoff", "h1", to_agent="other", reason="pay")])
    other = FunctionAgent(
        name="other", description="Pays.", llm=scripted([paying(20_000)]), tools=functions_of(effects)
    )
    workflow = AgentWorkflow(agents=[first, other], root_agent="teller")
    with pytest.raises(UngatedError, match="handoff"):
        made.guard_agent(workflow)
    told = run(made.guard_agent(workflow, ungated=["handoff"]))
    assert effects.done == [] and json.loads(told["c1"])["verdict"] == "DENY"


def test_what_nobody_would_be_asked_about_is_refused(effects: Effects) -> None:
    from llama_index.core.objects import ObjectRetriever

    class Retriever(ObjectRetriever[Any]):
        def __init__(self) -> None:
            pass

    made = stage0_gate(gate())
    with pytest.raises(UngatedError, match="tool_retriever"):
        made.guard_agent(an_agent(effects, tool_retriever=Retriever()))
    coder = CodeActAgent(code_execute_fn=lambda code: code, llm=scripted(), tools=[])
    with pytest.raises(UngatedError, match="code_execute_fn"):
        made.guard_agent(coder)
    assert made.guard_agent(coder, ungated=["code_execute_fn"]) is coder


def test_a_tool_is_gated_however_it_is_called(effects: Effects) -> None:
    pay: Any
    pay, _ = stage0_gate(gate()).guard_tools(functions_of(effects))
    assert isinstance(pay, FunctionTool)
    given = {"amount": 20_000, "to": "acme"}
    outputs = [
        pay(**given).raw_output,
        pay.call(**given).raw_output,
        asyncio.run(pay.acall(**given)).raw_output,
        pay.call(20_000, "acme").raw_output,
        pay.fn(**given),
        asyncio.run(pay.async_fn(**given)),
    ]
    assert [output["verdict"] for output in outputs] == ["DENY"] * 6
    assert effects.done == []
    assert pay.fn(amount=20, to="acme") == "paid 20 to acme"
    assert pay.call(20, amount=30).raw_output["codes"] == ["CONTEXT_FAILED"]


def test_what_the_tool_itself_adds_is_asked_about(effects: Effects) -> None:
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    tool = FunctionTool.from_defaults(pay, partial_params={"amount": 20_000})
    [guarded] = stage0_gate(gate()).guard_tools([tool])
    assert guarded(to="acme").raw_output["verdict"] == "DENY" and effects.done == []


class Waits(AsyncBaseTool):
    """A tool whose one form is made of the other."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(name="pay", description="Pays.")

    def call(self, amount: float, to: str) -> ToolOutput:
        said = self.effects.pay(amount, to)
        return ToolOutput(content=said, tool_name="pay", raw_input={}, raw_output=said)

    async def acall(self, amount: float, to: str) -> ToolOutput:
        if amount == 7:
            # What is something else is asked about.
            return self.call(amount=20_000, to=to)
        return self.call(amount=amount, to=to)


class Only(BaseTool):
    """A tool that can only be called."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(name="pay", description="Pays.")

    def __call__(self, amount: float, to: str) -> ToolOutput:
        said = self.effects.pay(amount, to)
        return ToolOutput(content=said, tool_name="pay", raw_input={}, raw_output=said)


@pytest.mark.parametrize("kind", [Waits, Only])
def test_tools_of_other_classes_are_asked_about_once(effects: Effects, kind: Any) -> None:
    made = stage0_gate(gate(MILD))
    agent = made.guard_agent(
        an_agent(effects, [paying(600)], [paying(20_000, "c2")], tools=[kind(effects)])
    )
    told = run(agent)
    assert effects.done == [("pay", 600)] and json.loads(told["c2"])["verdict"] == "DENY"
    if kind is Waits:
        run(made.guard_agent(an_agent(effects, [paying(7)], tools=[kind(effects)])))
        assert effects.done == [("pay", 600)]


def test_who_asks_is_told_by_the_workflow_s_context(effects: Effects) -> None:
    async def pay(ctx: Context, amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    # The framework does not read annotations that are texts.
    pay.__annotations__["ctx"] = Context

    def who(call: Any) -> dict[str, Any]:
        assert call.data.store is not None and "ctx" not in str(call.arguments)
        return STAFF

    made = stage0_gate(Policy.parse(DESK), context=who, cost=lambda call, result: "0.10")
    told = run(made.guard_agent(an_agent(effects, [paying()], tools=[pay])))
    assert told["c1"] == "paid 20 to acme"
    made = stage0_gate(Policy.parse(DESK), run=lambda call: {}["thread"])
    told = run(made.guard_agent(an_agent(effects, [paying()])))
    assert json.loads(told["c1"])["codes"] == ["CONTEXT_FAILED"] and len(effects.done) == 1


def test_a_gate_is_put_before_a_tool_once(effects: Effects) -> None:
    made: ToolGate = stage0_gate(gate())
    once = made.guard_tools(functions_of(effects))
    assert made.guard_tools(once) == once


def test_a_store_in_a_file(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        run(stage0_gate(kept).guard_agent(an_agent(effects, [paying(), paying(20_000, "c2")])))
    assert effects.done == [("pay", 20)]

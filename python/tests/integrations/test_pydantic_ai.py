"""Gates in front of tools of Pydantic AI, with its own scripted model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    DeferredToolRequests,
    DeferredToolResults,
    ModelMessagesTypeAdapter,
    RunContext,
    ToolApproved,
)
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.toolsets import FunctionToolset, WrapperToolset

from stage0 import Gate, Policy, ToolCall
from stage0.integrations.pydantic_ai import (
    ToolsetGate,
    UngatedError,
    approve,
    edit,
    reject,
    stage0_gate,
)

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

RICH = DESK.replace("max: 1000", "max: 9000")
MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> ToolCallPart:
    return ToolCallPart("pay", {"amount": amount, "to": to}, id)


def looking(id: str = "l1") -> ToolCallPart:
    return ToolCallPart("look", {}, id)


def scripted(*turns: list[ToolCallPart]) -> FunctionModel:
    """A model that makes these calls, turn by turn, and then says that it is done."""
    left = list(turns)

    def said(messages: Any, info: Any) -> ModelResponse:
        return ModelResponse(list(left.pop(0)) if left else [TextPart("done")])

    async def streamed(messages: Any, info: Any) -> Any:
        if not left:
            yield "done"
            return
        from pydantic_ai.models.function import DeltaToolCall

        for place, part in enumerate(left.pop(0)):
            text = json.dumps(part.args)
            yield {place: DeltaToolCall(part.tool_name, text, tool_call_id=part.tool_call_id)}

    return FunctionModel(said, stream_function=streamed)


def an_agent(effects: Effects, made: ToolsetGate, *turns: Any, **more: Any) -> Agent[Any, Any]:
    capabilities = more.pop("capabilities", None) or [made.capability]
    agent: Agent[Any, Any] = Agent(
        scripted(*turns),
        output_type=[str, DeferredToolRequests],
        capabilities=capabilities,
        **more,
    )

    @agent.tool_plain
    def pay(amount: float, to: str) -> str:
        """Pays somebody."""
        return effects.pay(amount, to)

    @agent.tool_plain
    def look() -> str:
        """Looks."""
        return effects.look()

    return agent


def outputs(result: Any) -> dict[str, Any]:
    """What the model was told, by call."""
    return {
        part.tool_call_id: part.content
        for message in result.all_messages()
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    }


def told(result: Any, id: str = "c1") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(outputs(result)[id])
    return read


@pytest.fixture
def effects() -> Effects:
    return Effects()


def go_on(agent: Agent[Any, Any], result: Any, results: DeferredToolResults) -> Any:
    return agent.run_sync(
        message_history=result.all_messages(),
        deferred_tool_results=results,
    )


# --- Allow and deny ---


def test_what_is_allowed_runs_and_counts(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF)
    turns = [[paying(400)], [paying(400, "c2")], [paying(400, "c3")]]
    result = an_agent(effects, made, *turns).run_sync("pay acme")
    assert effects.done == [("pay", 400.0)] * 2
    assert outputs(result)["c1"] == "paid 400.0 to acme"
    assert told(result, "c3")["codes"] == ["DAILY"]


def test_a_deny_is_told_and_nothing_runs(effects: Effects) -> None:
    result = an_agent(effects, stage0_gate(gate()), [paying(20_000)]).run_sync("pay")
    assert effects.done == [] and told(result)["verdict"] == "DENY" and result.output == "done"


# --- Waiting for people ---


def test_a_yes_lets_the_next_run_go_on(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    assert isinstance(result.output, DeferredToolRequests) and effects.done == []
    shown = result.output.metadata["c1"]["stage0"]
    assert shown["ticket"] == made.gate.pending()[0].id
    assert shown["questions"] == ["Who approves this payout?"]
    result = go_on(agent, result, made.results(result.output, {"c1": approve(**LEAD)}))
    assert effects.done == [("pay", 600.0)] and result.output == "done"


def test_a_run_goes_on_in_another_process(effects: Effects) -> None:
    agent = an_agent(effects, stage0_gate(gate()), [paying(600)])
    result = agent.run_sync("pay acme")
    history = ModelMessagesTypeAdapter.dump_json(result.all_messages())
    requests: Any = result.output
    # Nothing but the history: the store was in memory.
    made = stage0_gate(gate())
    agent = an_agent(effects, made)
    agent.run_sync(
        message_history=ModelMessagesTypeAdapter.validate_json(history),
        deferred_tool_results=made.results(requests, {"c1": approve(**LEAD)}),
    )
    assert effects.done == [("pay", 600.0)]


def test_a_no_tells_the_model_why_and_stands(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    conversation = made.gate.pending()[0].run_id
    results = made.results(result.output, {"c1": reject(**LEAD, reason="not this month")})
    made.gate.reload(Policy.parse(MILD))
    result = go_on(agent, result, results)
    assert effects.done == []
    assert "a person said no: not this month" in told(result)["reasons"]
    call = ToolCall("pay", {"amount": 600.0, "to": "acme"}, id="c1", run=conversation)
    assert made.gate.check(call).codes == ("APPROVAL_REJECTED",)


def test_a_yes_without_a_name_or_with_another_role_waits_on(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    for results in (
        DeferredToolResults(approvals={"c1": True}),
        made.results(result.output, {"c1": approve(by="bob", roles=["intern"])}),
    ):
        result = go_on(agent, result, results)
        assert effects.done == [] and isinstance(result.output, DeferredToolRequests)
    for wrong in ("yes", {"type": "Approve"}, {"type": "edit"}):
        with pytest.raises(ValueError, match="c1"):
            made.results(result.output, {"c1": wrong})
    with pytest.raises(ValueError, match="c9"):
        made.results(result.output, {"c9": approve(**LEAD)})


def test_an_approver_says_who_a_bare_yes_is_from(effects: Effects) -> None:
    made = stage0_gate(gate(), approver=lambda call: LEAD)
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    go_on(agent, result, DeferredToolResults(approvals={"c1": True}))
    assert effects.done == [("pay", 600.0)]


def test_two_people_answer_one_after_the_other(effects: Effects) -> None:
    made = stage0_gate(gate(DESK.replace("approval: { roles", "approval: { min: 2, roles")))
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    result = go_on(agent, result, made.results(result.output, {"c1": approve(**LEAD)}))
    assert effects.done == [] and isinstance(result.output, DeferredToolRequests)
    second = approve(by="joe", roles=["lead"])
    go_on(agent, result, made.results(result.output, {"c1": second}))
    assert effects.done == [("pay", 600.0)]


def test_edited_arguments_are_asked_about(effects: Effects) -> None:
    made = stage0_gate(gate(RICH))
    agent = an_agent(effects, made, [paying(600)])
    result = agent.run_sync("pay acme")
    edited = edit({"amount": 550, "to": "acme"}, **LEAD)
    go_on(agent, result, made.results(result.output, {"c1": edited}))
    assert effects.done == [("pay", 550.0)]
    agent = an_agent(effects, made, [paying(600, "c2")])
    result = agent.run_sync("pay acme")
    edited = edit({"amount": 20_000, "to": "acme"}, **LEAD)
    result = go_on(agent, result, made.results(result.output, {"c2": edited}))
    assert effects.done == [("pay", 550.0)] and told(result, "c2")["verdict"] == "DENY"
    # An override without a name is no approval of what it says.
    agent = an_agent(effects, made, [paying(600, "c3")])
    result = agent.run_sync("pay acme")
    overridden = ToolApproved(override_args={"amount": 601, "to": "acme"})
    go_on(agent, result, DeferredToolResults(approvals={"c3": overridden}))
    assert effects.done == [("pay", 550.0)]


# --- Several at once, and what goes wrong ---


def test_siblings_are_answered_each_by_itself(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = an_agent(effects, made, [paying(20_000), paying(600, "c2"), looking("c3")])
    result = agent.run_sync("pay")
    assert effects.done == [("look", None)]
    assert [call.tool_call_id for call in result.output.approvals] == ["c2"]
    result = go_on(agent, result, made.results(result.output, {"c2": approve(**LEAD)}))
    assert effects.done == [("look", None), ("pay", 600.0)]
    assert told(result)["verdict"] == "DENY" and outputs(result)["c3"] == "seen"


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    made = stage0_gate(gate(MILD))
    an_agent(effects, made, [paying(600), paying(601, "c2")]).run_sync("pay")
    assert len(effects.done) == 1


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    result = an_agent(effects, stage0_gate(broken(error)), [paying(), looking()]).run_sync("pay")
    assert effects.done == []
    assert [told(result, id)["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(outputs(result))


def test_a_context_that_cannot_be_told_is_a_deny(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(DESK), run=lambda call: {}["thread"])
    result = an_agent(effects, made, [paying()]).run_sync("pay")
    assert effects.done == [] and told(result)["codes"] == ["CONTEXT_FAILED"]


def test_what_fails_is_given_back(effects: Effects) -> None:
    made = stage0_gate(gate(MILD))
    agent: Agent[Any, Any] = Agent(
        scripted([paying(900)], [paying(900, "c2")]), capabilities=[made.capability]
    )

    @agent.tool_plain
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        from pydantic_ai import ModelRetry

        if not effects.done:
            effects.done.append(("try", amount))
            raise ModelRetry("try again")
        return effects.pay(amount, to)

    agent.run_sync("pay")
    assert effects.done == [("try", 900.0), ("pay", 900.0)]


# --- Innermost ---


class Rewriter(AbstractCapability[Any]):
    """Changes arguments in every place where a capability can."""

    async def before_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any) -> Any:
        return {**args, "amount": 20_000}

    def get_wrapper_toolset(self, toolset: Any) -> Any:
        @dataclass
        class Changed(WrapperToolset[Any]):
            async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
                return await super().call_tool(name, {**tool_args, "amount": 20_000}, ctx, tool)

        return Changed(toolset)


@pytest.mark.parametrize("order", [1, -1], ids=["gate-first", "gate-last"])
def test_the_gate_sees_what_others_make_of_a_call(effects: Effects, order: int) -> None:
    made = stage0_gate(gate())
    capabilities = [made.capability, Rewriter()][::order]
    result = an_agent(effects, made, [paying()], capabilities=capabilities).run_sync("pay")
    assert effects.done == [] and told(result)["verdict"] == "DENY"


def test_a_naive_gate_does_not_see_it(effects: Effects) -> None:
    policy = gate()

    class Naive(AbstractCapability[Any]):
        async def wrap_tool_execute(
            self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any
        ) -> Any:
            if not policy.check(ToolCall(call.tool_name, args)).allowed:
                return "no"
            return await handler(args)

    class Later(AbstractCapability[Any]):
        async def wrap_tool_execute(
            self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any
        ) -> Any:
            return await handler({**args, "amount": 20_000})

    made = stage0_gate(policy)
    an_agent(effects, made, [paying()], capabilities=[Naive(), Later()]).run_sync("pay")
    assert effects.done == [("pay", 20_000)]


def test_tools_of_the_provider_are_refused(effects: Effects) -> None:
    from pydantic_ai.capabilities import NativeTool
    from pydantic_ai.native_tools import WebSearchTool

    made = stage0_gate(gate())
    agent = an_agent(
        effects, made, [looking()], capabilities=[made.capability, NativeTool(WebSearchTool())]
    )
    with pytest.raises(UngatedError, match="web_search"):
        agent.run_sync("look")
    assert effects.done == []


def test_a_toolset_can_be_gated_alone(effects: Effects) -> None:
    made = stage0_gate(gate())
    tools: FunctionToolset[Any] = FunctionToolset()

    @tools.tool_plain
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    agent: Agent[Any, Any] = Agent(scripted([paying(20_000)]), toolsets=[made.toolset(tools)])
    result = agent.run_sync("pay")
    assert effects.done == [] and told(result)["verdict"] == "DENY"


# --- Who asks, what the user said, other ways to run ---

GROUNDED = DESK.replace(
    "allow: args.amount <= 10000", "allow: 'args.amount <= 10000 && grounded(args.to, trusted)'"
)


def test_what_the_user_wrote_is_trusted_and_what_a_model_wrote_is_not(effects: Effects) -> None:
    made = stage0_gate(gate(GROUNDED))
    agent = an_agent(effects, made, [paying()], [paying(20, "c2", "mallory")])
    result = agent.run_sync("please pay 20 to acme")
    assert effects.done == [("pay", 20.0)] and told(result, "c2")["verdict"] != "ALLOW"
    effects.done.clear()
    inner = an_agent(effects, made, [paying(20, "c3", "mallory")])
    outer: Agent[Any, Any] = Agent(scripted([looking()]), capabilities=[made.capability])

    @outer.tool_plain
    async def look() -> str:
        """Asks another agent."""
        return str((await inner.run("pay 20 to mallory")).output)

    outer.run_sync("look around")
    assert effects.done == []


def test_who_asks_is_told_by_the_run_s_dependencies(effects: Effects) -> None:
    made = stage0_gate(
        Policy.parse(DESK),
        context=lambda call: {"actor_id": call.data.deps["user"], "actor_role": "staff"},
    )
    agent = an_agent(effects, made, [paying(600)], deps_type=dict, name="teller")
    agent.run_sync("pay", deps={"user": "u7"}, conversation_id="t7")
    assert made.gate.pending("t7")[0].call_id == "c1"


class To(BaseModel):
    name: str


@dataclass
class Sum:
    amount: float


def test_models_and_dataclasses_are_asked_about_by_their_fields(effects: Effects) -> None:
    policy = """
stage0: v1
name: nested
version: 1.0.0
tools: { send: { effects: [] } }
rules:
  - { id: small, tools: [send], allow: 'args.sum.amount < 100.0 && args.to.name == "acme"' }
"""
    made = stage0_gate(gate(policy))
    calls = [
        ToolCallPart("send", {"sum": {"amount": amount}, "to": {"name": "acme"}}, f"s{amount}")
        for amount in (20, 200)
    ]
    agent: Agent[Any, Any] = Agent(scripted(calls), capabilities=[made.capability])

    @agent.tool
    def send(ctx: RunContext[Any], sum: Sum, to: To) -> str:
        """Sends."""
        return effects.pay(sum.amount, to.name)

    agent.run_sync("send")
    assert effects.done == [("pay", 20.0)]


def test_streaming_is_gated(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = an_agent(effects, made, [paying(20_000), paying(600, "c2"), looking("c3")])

    async def streamed() -> Any:
        async with agent.run_stream("pay") as result:
            return await result.get_output()

    output = asyncio.run(streamed())
    assert isinstance(output, DeferredToolRequests)
    assert effects.done == [("look", None)]


def test_a_store_in_a_file_is_asked_from_a_thread(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        made = stage0_gate(kept)
        agent = an_agent(effects, made, [paying(600)])
        result = agent.run_sync("pay")
        go_on(agent, result, made.results(result.output, {"c1": approve(**LEAD)}))
    assert effects.done == [("pay", 600.0)]

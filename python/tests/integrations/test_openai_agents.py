"""Gates in front of tools of the OpenAI Agents SDK, with its own scripted model."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
from typing import Any

import pytest
from agents import (
    Agent,
    FunctionTool,
    RunConfig,
    Runner,
    RunState,
    SQLiteSession,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tool_context import ToolContext
from agents.tool_guardrails import ToolGuardrailFunctionOutput, ToolInputGuardrail

from stage0 import Gate, Policy, TicketError, ToolCall
from stage0.integrations.openai_agents import AgentsGate, UngatedError, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def tools_of(effects: Effects) -> list[FunctionTool]:
    @function_tool
    def pay(amount: float, to: str) -> str:
        """Pays somebody."""
        return effects.pay(amount, to)

    @function_tool
    async def look() -> str:
        """Looks."""
        return effects.look()

    return [pay, look]


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> Any:
    return function_call("pay", f'{{"amount": {amount}, "to": "{to}"}}', call_id=id)


def looking(id: str = "l1") -> Any:
    return function_call("look", "{}", call_id=id)


def scripted(*turns: Any) -> ScriptedModel:
    """A model that says these turns and then that it is done."""
    return ScriptedModel([*turns, [assistant_message("done")]])


def an_agent(effects: Effects, *turns: Any, name: str = "Teller", **more: Any) -> Agent[Any]:
    return Agent(name=name, tools=[*tools_of(effects)], model=scripted(*turns), **more)


def outputs(result: Any) -> list[str]:
    """What the model was told of its calls."""
    items = result.to_input_list()
    return [item["output"] for item in items if item.get("type") == "function_call_output"]


def told(result: Any, place: int = 0) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(outputs(result)[place])
    return read


@pytest.fixture
def effects() -> Effects:
    return Effects()


# --- Allow and deny ---


async def run(agent: Agent[Any], text: Any = "pay acme", **more: Any) -> Any:
    return await Runner.run(agent, text, **more)


def test_what_is_allowed_runs_and_is_told(effects: Effects) -> None:
    turns = [[paying(400)], [paying(400, "c2")], [paying(400, "c3")]]
    agent = stage0_gate(gate()).guard_agent(an_agent(effects, *turns))
    result = asyncio.run(run(agent))
    assert outputs(result)[:2] == ["paid 400.0 to acme"] * 2
    # They are counted: three times 400 is more than a day's 1,000, and no person can help it.
    assert effects.done == [("pay", 400.0)] * 2 and result.interruptions == []
    assert told(result, 2)["codes"] == ["DAILY"] and told(result, 2)["needs"] == ["wait"]


def test_a_deny_is_told_to_the_model_and_nothing_runs(effects: Effects) -> None:
    agent = stage0_gate(gate()).guard_agent(an_agent(effects, [paying(20_000)]))
    result = asyncio.run(run(agent))
    assert effects.done == []
    assert told(result)["verdict"] == "DENY"
    assert "NO_RULE_ALLOWS" in told(result)["codes"]
    assert result.final_output == "done"


def test_a_policy_is_enough(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(DESK), context=STAFF)
    result = asyncio.run(run(made.guard_agent(an_agent(effects, [paying()]))))
    assert effects.done == [("pay", 20.0)] and outputs(result) == ["paid 20.0 to acme"]
    with pytest.raises(TypeError, match="a gate has its own context"):
        stage0_gate(gate(), context=STAFF)


def test_single_tools_can_be_guarded(effects: Effects) -> None:
    made = stage0_gate(gate())
    pay, look = tools_of(effects)
    agent = Agent(
        name="Teller",
        tools=[made.guard_tool(pay), *made.guard_tools([look])],
        model=scripted([paying(20_000), looking()]),
    )
    result = asyncio.run(run(agent))
    assert effects.done == [("look", None)]
    assert told(result)["verdict"] == "DENY" and outputs(result)[1] == "seen"


def test_guarding_twice_is_guarding_once_and_two_gates_are_refused(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(made.guard_agent(an_agent(effects, [paying()])))
    assert [len(tool.tool_input_guardrails or []) for tool in agent.tools] == [1, 1]  # type: ignore[union-attr]
    asyncio.run(run(agent))
    assert effects.done == [("pay", 20.0)]
    with pytest.raises(ValueError, match="another one"):
        stage0_gate(gate()).guard_agent(agent)


# --- Waiting for people ---


def paused(effects: Effects, made: AgentsGate, *turns: Any, **more: Any) -> Any:
    agent = made.guard_agent(an_agent(effects, *turns))
    result = asyncio.run(run(agent, **more))
    assert effects.done == [] and len(result.interruptions) == 1
    return agent, result


def test_a_yes_resumes_the_call_that_was_approved(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)])
    assert made.gate.pending()[0].call_id == "c1"
    state = result.to_state()
    item = result.interruptions[0]
    assert made.ticket(state, item) == made.gate.pending()[0].id
    made.approve(state, item, **LEAD)
    result = asyncio.run(run(agent, state))
    assert effects.done == [("pay", 600.0)] and result.final_output == "done"
    assert made.gate.pending() == ()


def test_a_yes_of_somebody_without_the_role_lets_nothing_run(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)])
    state = result.to_state()
    with pytest.raises(TicketError, match="role lead"):
        made.approve(state, result.interruptions[0], by="bob", roles=["intern"])
    # Nothing was taken, so the run still waits.
    result = asyncio.run(run(agent, state))
    assert effects.done == [] and len(result.interruptions) == 1


def test_a_no_tells_the_model_why_and_stands(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)])
    state = result.to_state()
    made.reject(state, result.interruptions[0], **LEAD, reason="not this month")
    made.gate.reload(Policy.parse(MILD))
    result = asyncio.run(run(agent, state))
    assert effects.done == []
    assert told(result)["verdict"] == "DENY"
    assert "a person said no: not this month" in told(result)["reasons"]
    # The same call under its own id, though the policy asks nobody any more.
    again = made.gate.check(ToolCall("pay", {"amount": 600.0, "to": "acme"}, id="c1"))
    assert again.codes == ("APPROVAL_REJECTED",)


def test_an_approval_by_the_state_alone_needs_somebody_s_name(
    effects: Effects, caplog: pytest.LogCaptureFixture
) -> None:
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)])
    state = result.to_state()
    state.approve(result.interruptions[0])
    result = asyncio.run(run(agent, state))
    assert effects.done == []
    assert told(result)["verdict"] == "DEFER" and told(result)["ticket"]
    assert "nobody knows by whom" in caplog.text


def test_an_approver_says_who_approved_in_the_state(effects: Effects) -> None:
    seen: list[ToolCall] = []

    def approver(call: ToolCall) -> dict[str, Any]:
        seen.append(call)
        return LEAD

    made = stage0_gate(gate(), approver=approver)
    agent, result = paused(effects, made, [paying(600)], context={"user": "u1"})
    state = result.to_state()
    state.approve(result.interruptions[0])
    asyncio.run(run(agent, state))
    assert effects.done == [("pay", 600.0)]
    assert [call.data.context for call in seen] == [{"user": "u1"}]  # type: ignore[attr-defined]


def test_always_approve_approves_one_call(effects: Effects) -> None:
    # What the SDK makes of it: the next call under another id is not asked about any more.
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)], [paying(610, "c2")])
    state = result.to_state()
    made.approve(state, result.interruptions[0], **LEAD)
    state.approve(result.interruptions[0], always_approve=True)
    result = asyncio.run(run(agent, state))
    assert effects.done == [("pay", 600.0)]
    assert told(result, 1)["verdict"] in ("DEFER", "DENY")


def test_a_run_goes_on_from_its_text_with_a_store_that_knew_nothing(effects: Effects) -> None:
    made = stage0_gate(gate())
    _, result = paused(effects, made, [paying(600)])
    text = result.to_state().to_string()
    # Another process: nothing but the text, and a policy.
    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects))

    async def resume() -> Any:
        state = await RunState.from_string(agent, text)
        made.approve(state, state.get_interruptions()[0], **LEAD)
        return await run(agent, state)

    asyncio.run(resume())
    assert effects.done == [("pay", 600.0)]


def test_edited_arguments_never_run_under_the_old_approval(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent, result = paused(effects, made, [paying(600)])
    text = result.to_state().to_string()
    made.gate.approve(made.gate.pending()[0], **LEAD)
    tampered = text.replace('\\"amount\\": 600', '\\"amount\\": 601')
    assert tampered != text

    async def resume() -> Any:
        state = await RunState.from_string(agent, tampered)
        state.approve(state.get_interruptions()[0])
        return await run(agent, state)

    try:
        result = asyncio.run(resume())
    except Exception:
        pass
    else:
        assert told(result)["verdict"] == "DEFER"
    assert effects.done == []


def test_a_fact_that_is_missing_is_the_models_to_find(effects: Effects) -> None:
    made = stage0_gate(gate(ROOMS))
    agent = made.guard_agent(an_agent(effects, [looking()]))
    result = asyncio.run(run(agent))
    assert result.interruptions == [] and effects.done == []
    assert told(result)["verdict"] == "DEFER" and told(result)["needs"] == ["fact"]


ROOMS = """
stage0: v1
name: rooms
version: 1.0.0
tools: { look: { effects: [] } }
rules:
  - { id: looks, tools: [look], allow: context.room == "open" }
"""


# --- Several calls at once ---


def test_siblings_are_answered_each_by_itself(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects, [paying(20_000, "c1"), paying(600, "c2"), looking("c3")]))
    result = asyncio.run(run(agent))
    assert effects.done == [("look", None)]
    assert [item.call_id for item in result.interruptions] == ["c2"]
    state = result.to_state()
    made.approve(state, result.interruptions[0], **LEAD)
    result = asyncio.run(run(agent, state))
    assert effects.done == [("look", None), ("pay", 600.0)]
    by_id = {
        item["call_id"]: item["output"]
        for item in result.to_input_list()
        if item.get("type") == "function_call_output"
    }
    assert json.loads(by_id["c1"])["verdict"] == "DENY"
    assert by_id["c2"] == "paid 600.0 to acme" and by_id["c3"] == "seen"


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    made = stage0_gate(gate(MILD))
    agent = made.guard_agent(an_agent(effects, [paying(600, "c1"), paying(601, "c2")]))
    asyncio.run(run(agent))
    assert len(effects.done) == 1


def test_an_id_that_has_run_is_another_call_the_next_time(effects: Effects) -> None:
    # Some models number the calls of each turn anew.
    made = stage0_gate(gate(MILD))
    agent = made.guard_agent(an_agent(effects))
    for _ in range(3):
        agent.model = scripted([paying(400, "call_0")])
        asyncio.run(run(agent))
    assert effects.done == [("pay", 400.0), ("pay", 400.0)]


# --- What goes wrong ---


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    agent = stage0_gate(broken(error)).guard_agent(an_agent(effects, [paying(), looking()]))
    result = asyncio.run(run(agent))
    assert effects.done == []
    assert [told(result, place)["verdict"] for place in (0, 1)] == ["DENY", "DENY"]
    assert "secret" not in "".join(outputs(result))


def test_a_context_that_cannot_be_told_is_a_deny(effects: Effects) -> None:
    def context(call: ToolCall) -> dict[str, Any]:
        raise KeyError("user")

    made = stage0_gate(Policy.parse(DESK), context=context)
    result = asyncio.run(run(made.guard_agent(an_agent(effects, [paying()]))))
    assert effects.done == [] and told(result)["codes"] == ["CONTEXT_FAILED"]


def test_arguments_that_are_no_json_never_run(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(
        an_agent(effects, [function_call("pay", '{"amount": 1, "amount": 2, "to": "a"}', call_id="c1")])
    )
    result = asyncio.run(run(agent))
    assert effects.done == [] and told(result)["codes"] == ["CALL_INVALID"]
    # What cannot be read at all the SDK gives to a person: a yes lets nothing run.
    agent.model = scripted([function_call("pay", '{"amount": 20, "to"', call_id="c2")])
    result = asyncio.run(run(agent))
    state = result.to_state()
    for item in result.interruptions:
        state.approve(item)
    result = asyncio.run(run(agent, state))
    assert effects.done == []


def test_digits_that_a_float_would_lose_are_decided_about(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects, [paying("500.000000000000000001")]))
    result = asyncio.run(run(agent))
    assert effects.done == []
    assert told(result)["verdict"] == "DEFER"


@pytest.mark.parametrize("kind", ["rejectContent", "reject_content "])
def test_a_behaviour_that_the_sdk_does_not_know_lets_nothing_run(
    effects: Effects, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def corrupt(message: str, output_info: Any = None) -> ToolGuardrailFunctionOutput:
        behavior: Any = {"type": kind, "message": message}
        return ToolGuardrailFunctionOutput(output_info, behavior)

    # Without a defence the SDK takes the unknown word for a yes.
    async def naive(data: Any) -> ToolGuardrailFunctionOutput:
        return corrupt("no")

    pay = tools_of(effects)[0]
    pay.tool_input_guardrails = [ToolInputGuardrail(naive, name="naive")]
    asyncio.run(run(Agent(name="Naive", tools=[pay], model=scripted([paying(20_000)]))))
    assert effects.done == [("pay", 20_000.0)]
    effects.done.clear()

    monkeypatch.setattr(ToolGuardrailFunctionOutput, "reject_content", staticmethod(corrupt))
    agent = stage0_gate(gate()).guard_agent(an_agent(effects, [paying(20_000)]))
    with pytest.raises(Exception, match="the SDK makes"):
        asyncio.run(run(agent))
    assert effects.done == []


def test_a_corrupt_guardrail_does_not_open_the_body(
    effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects, [paying(20_000)]))

    async def yes(data: Any) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.allow()

    for tool in agent.tools:
        assert isinstance(tool, FunctionTool)
        tool.tool_input_guardrails = [ToolInputGuardrail(yes, name="yes")]
    result = asyncio.run(run(agent))
    assert effects.done == [] and told(result)["codes"] == ["CALL_UNCHECKED"]


def context_of(tool: FunctionTool, arguments: str, id: str = "c1") -> ToolContext[Any]:
    return ToolContext(None, tool_name=tool.name, tool_call_id=id, tool_arguments=arguments)


def test_the_body_runs_only_right_after_it_was_asked_about(effects: Effects) -> None:
    pay = tools_of(effects)[0]
    arguments = '{"amount": 20, "to": "acme"}'
    # The SDK's own door to the body, which a naive gate leaves open.
    assert asyncio.run(pay.on_invoke_tool(context_of(pay, arguments), arguments)) == "paid 20.0 to acme"
    effects.done.clear()
    guarded = stage0_gate(gate()).guard_tool(pay)
    for tool in (guarded, copy.copy(guarded), dataclasses.replace(guarded, name="pay")):
        answer = asyncio.run(tool.on_invoke_tool(context_of(tool, arguments), arguments))
        assert json.loads(answer)["codes"] == ["CALL_UNCHECKED"]
        with pytest.raises(AttributeError):
            tool.__wrapped__(amount=20, to="acme")
    assert effects.done == []


def test_a_permit_is_for_one_run_with_these_arguments(effects: Effects) -> None:
    tried: list[str] = []
    made = stage0_gate(gate())

    @function_tool
    async def look(context: ToolContext[Any]) -> str:
        """Looks, and tries to pay with the right that it has."""
        paid = await pay.on_invoke_tool(context, '{"amount": 20, "to": "me"}')
        again = await guarded_look.on_invoke_tool(context, "{}")
        tried.extend([paid, again])
        return effects.look()

    pay = made.guard_tool(tools_of(effects)[0])
    guarded_look = made.guard_tool(look)
    agent = Agent(name="Teller", tools=[pay, guarded_look], model=scripted([looking()]))
    asyncio.run(run(agent))
    assert effects.done == [("look", None)]
    assert [json.loads(answer)["codes"] for answer in tried] == [["CALL_UNCHECKED"]] * 2


# --- What cannot be gated ---


def test_what_cannot_be_gated_is_listed_and_refused(effects: Effects) -> None:
    other = an_agent(effects, [paying(20_000)], name="Other")
    agent = an_agent(effects, handoffs=[other])
    agent.tools.append(WebSearchTool())
    made = stage0_gate(gate())
    with pytest.raises(UngatedError) as refused:
        made.guard_agent(agent)
    assert refused.value.doors == (
        "WebSearchTool web_search of agent Teller",
        "handoff transfer_to_other of agent Teller",
    )
    assert "name it in `ungated`" in str(refused.value)
    # Nothing has changed, so nobody takes it for gated.
    assert all(tool.tool_input_guardrails is None for tool in agent.tools[:2])  # type: ignore[union-attr]
    made.guard_agent(agent, ungated=["web_search", "transfer_to_other"])


@pytest.mark.parametrize("wrap", [lambda agent: agent, handoff], ids=["agent", "handoff"])
def test_an_agent_that_is_handed_over_to_is_gated(effects: Effects, wrap: Any) -> None:
    other = an_agent(effects, [paying(20_000)], name="Other")
    agent = an_agent(
        effects, [function_call("transfer_to_other", "{}", call_id="h1")], handoffs=[wrap(other)]
    )
    stage0_gate(gate()).guard_agent(agent, ungated=["transfer_to_other"])
    result = asyncio.run(run(agent))
    assert effects.done == [] and result.last_agent is other
    assert told(result, 1)["verdict"] == "DENY"


def test_what_comes_later_is_gated_or_fails_the_run(effects: Effects) -> None:
    agent = Agent(name="Late", model=scripted([paying(20_000)]))
    stage0_gate(gate()).guard_agent(agent)
    agent.tools.append(tools_of(effects)[0])
    result = asyncio.run(run(agent))
    assert effects.done == [] and told(result)["verdict"] == "DENY"
    agent.tools.append(WebSearchTool())
    agent.model = scripted([paying(20)])
    with pytest.raises(UngatedError):
        asyncio.run(run(agent))
    agent.tools.pop()
    agent.handoffs.append(an_agent(effects, name="Other"))
    with pytest.raises(UngatedError, match="transfer_to_other"):
        asyncio.run(run(agent))
    assert effects.done == []


def test_copies_of_an_agent_keep_the_gate(effects: Effects) -> None:
    agent = stage0_gate(gate()).guard_agent(an_agent(effects))
    for another in (agent.clone(name="Clone"), copy.copy(agent)):
        another.model = scripted([paying(20_000)])
        result = asyncio.run(run(another))
        assert effects.done == [] and told(result)["verdict"] == "DENY"


# --- Agents that are tools ---


def test_an_agent_that_is_a_tool_is_gated_inside(effects: Effects) -> None:
    inner = an_agent(effects, [paying(20_000)], name="Inner")
    outer = Agent(
        name="Outer",
        tools=[inner.as_tool("look", "looks")],
        model=scripted([function_call("look", '{"input": "pay"}', call_id="o1")]),
    )
    stage0_gate(gate()).guard_agent(outer)
    asyncio.run(run(outer))
    assert effects.done == []
    assert isinstance(inner.model, ScriptedModel) and len(inner.model.calls) == 2


def test_a_pause_inside_an_agent_that_is_a_tool_comes_out_and_goes_on(effects: Effects) -> None:
    inner = an_agent(effects, [paying(600)], name="Inner")
    outer = Agent(
        name="Outer",
        tools=[inner.as_tool("look", "looks")],
        model=scripted([function_call("look", '{"input": "pay"}', call_id="o1")]),
    )
    asked = gate()
    made = stage0_gate(asked)
    made.guard_agent(outer)
    result = asyncio.run(run(outer))
    assert [item.name for item in result.interruptions] == ["pay"] and effects.done == []
    state = result.to_state()
    made.approve(state, result.interruptions[0], **LEAD)
    result = asyncio.run(run(outer, state))
    assert effects.done == [("pay", 600.0)] and outputs(result) == ["done"]


def test_an_agent_that_is_run_inside_a_tool_is_gated_where_it_was_guarded(effects: Effects) -> None:
    made = stage0_gate(gate())
    inner = made.guard_agent(an_agent(effects, [paying(20_000)], name="Inner"))

    @function_tool
    async def look() -> str:
        """Asks another agent."""
        result = await Runner.run(inner, "pay everybody")
        return str(result.final_output)

    outer = made.guard_agent(Agent(name="Outer", tools=[look], model=scripted([looking()])))
    asyncio.run(run(outer))
    assert effects.done == []


# --- What the user said ---

GROUNDED = DESK.replace(
    "allow: args.amount <= 10000", "allow: 'args.amount <= 10000 && grounded(args.to, trusted)'"
)


def test_what_the_user_wrote_is_trusted_and_what_a_model_wrote_is_not(effects: Effects) -> None:
    made = stage0_gate(gate(GROUNDED))
    agent = made.guard_agent(an_agent(effects, [paying(20)], [paying(20, "c2", "mallory")]))
    result = asyncio.run(run(agent, "please pay 20 to acme"))
    assert effects.done == [("pay", 20.0)]
    assert told(result, 1)["verdict"] != "ALLOW"
    effects.done.clear()
    # What one agent tells another is nobody's wish.
    inner = an_agent(effects, [paying(20, "c3", "mallory")], name="Inner")
    outer = Agent(
        name="Outer",
        tools=[inner.as_tool("look", "looks")],
        model=scripted([function_call("look", '{"input": "pay 20 to mallory"}', call_id="o1")]),
    )
    made.guard_agent(outer)
    asyncio.run(run(outer, "look around"))
    assert effects.done == []


def test_what_the_user_wrote_earlier_in_a_session_counts_too(effects: Effects) -> None:
    made = stage0_gate(gate(GROUNDED))
    agent = made.guard_agent(an_agent(effects))

    async def talk() -> None:
        session = SQLiteSession("t1")
        agent.model = scripted()
        await Runner.run(agent, "I owe acme 20", session=session)
        agent.model = scripted([paying(20)])
        await Runner.run(agent, [{"role": "user", "content": "pay it"}], session=session)

    asyncio.run(talk())
    assert effects.done in ([("pay", 20.0)], [])


# --- Who asks, runs, outcomes ---


def test_who_asks_is_told_by_the_run_s_context(effects: Effects) -> None:
    made = stage0_gate(
        Policy.parse(DESK),
        context=lambda call: {"actor_id": call.data.context["user"], "actor_role": "staff"},
        run=lambda call: call.data.context["thread"],
    )
    agent = made.guard_agent(an_agent(effects, [paying(600)]))
    result = asyncio.run(run(agent, context={"user": "u7", "thread": "t7"}))
    ticket = made.gate.pending("t7")[0]
    assert ticket.run_id == "t7" and ticket.call_id == "c1"
    assert result.interruptions
    assert made.gate.pending("other") == ()


class Kept:
    """A log in memory."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def append(self, record: str) -> None:
        self.lines.append(json.loads(record))


def test_what_became_of_a_call_is_told(effects: Effects) -> None:
    kept = Kept()
    made = stage0_gate(gate(audit=kept), cost=lambda call, result: "0.02" if result == "seen" else None)

    @function_tool
    def pay(amount: float, to: str) -> str:
        """Fails."""
        raise OSError("the bank is closed")

    @function_tool(failure_error_function=lambda context, error: "own words")
    def payout(amount: float, to: str) -> str:
        """Fails in its own words."""
        raise OSError("the bank is closed")

    look = tools_of(effects)[1]
    calls = [paying(), function_call("payout", '{"amount": 20, "to": "a"}', call_id="p1"), looking()]
    agent = made.guard_agent(Agent(name="Teller", tools=[pay, payout, look], model=scripted(calls)))
    result = asyncio.run(run(agent))
    assert outputs(result)[1] == "own words" and "error" in outputs(result)[0]
    told_of = [line["report"] for line in kept.lines if "report" in line]
    assert {one["id"]: (one["outcome"], one.get("cost")) for one in told_of} == {
        "c1": ("failed", None),
        "p1": ("failed", None),
        "l1": ("executed", "0.02"),
    }


def test_what_failed_is_given_back(effects: Effects) -> None:
    made = stage0_gate(gate(MILD))

    @function_tool
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            raise OSError("closed")
        return effects.pay(amount, to)

    agent = made.guard_agent(
        Agent(name="T", tools=[pay], model=scripted([paying(900)], [paying(900, "c2")]))
    )
    asyncio.run(run(agent))
    assert effects.done == [("try", 900.0), ("pay", 900.0)]


# --- Other ways to run ---


def test_streaming_is_gated_and_pauses(effects: Effects) -> None:
    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects, [paying(20_000)], [paying(600, "c2")]))

    async def streamed() -> Any:
        result = Runner.run_streamed(agent, "pay")
        async for _ in result.stream_events():
            pass
        assert effects.done == [] and len(result.interruptions) == 1
        state = result.to_state()
        made.approve(state, result.interruptions[0], **LEAD)
        result = Runner.run_streamed(agent, state)
        async for _ in result.stream_events():
            pass
        return result

    asyncio.run(streamed())
    assert effects.done == [("pay", 600.0)]


def test_a_guardrail_and_a_predicate_can_be_had_alone(effects: Effects) -> None:
    made = stage0_gate(gate())

    @function_tool(tool_input_guardrails=[made.guardrail], needs_approval=made.needs_approval("pay"))
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    agent = Agent(name="T", tools=[pay], model=scripted([paying("2e4")], [paying("600.0", "c2")]))
    result = asyncio.run(run(agent))
    # The SDK itself asks a person where an integer becomes a float.
    assert effects.done == [] and [item.call_id for item in result.interruptions] == ["c2"]
    state = result.to_state()
    made.approve(state, result.interruptions[0], **LEAD)
    result = asyncio.run(run(agent, state))
    assert effects.done == [("pay", 600.0)] and told(result)["verdict"] == "DENY"


def test_guardrails_before_an_approval_do_not_keep_it_from_pausing(effects: Effects) -> None:
    from agents.run_config import ToolExecutionConfig

    made = stage0_gate(gate())
    agent = made.guard_agent(an_agent(effects, [paying(600)]))
    config = RunConfig(tool_execution=ToolExecutionConfig(pre_approval_tool_input_guardrails=True))
    result = asyncio.run(run(agent, run_config=config))
    # Then the model is told at once, with a ticket; nothing runs unasked.
    assert effects.done == [] and (result.interruptions or told(result)["ticket"])


def test_a_store_in_a_file_is_asked_from_a_thread(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'runs.db'}") as asked:
        made = stage0_gate(asked)
        agent = made.guard_agent(an_agent(effects, [paying(600), looking()]))
        result = asyncio.run(run(agent))
        state = result.to_state()
        text = state.to_string()
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'runs.db'}") as asked:
        made = stage0_gate(asked)
        agent = made.guard_agent(an_agent(effects))

        async def resume() -> Any:
            state = await RunState.from_string(agent, text)
            made.approve(state, state.get_interruptions()[0], **LEAD)
            return await run(agent, state)

        asyncio.run(resume())
    assert effects.done == [("look", None), ("pay", 600.0)]


# --- MCP servers ---


def test_tools_of_an_mcp_server_are_gated_and_pause(effects: Effects) -> None:
    from agents.mcp import MCPServer
    from mcp.types import CallToolResult, TextContent
    from mcp.types import Tool as McpTool

    schema = {"type": "object", "properties": {"amount": {"type": "number"}, "to": {"type": "string"}}}

    class Bank(MCPServer):
        @property
        def name(self) -> str:
            return "bank"

        async def connect(self) -> None: ...

        async def cleanup(self) -> None: ...

        async def list_tools(self, *_: Any, **__: Any) -> list[Any]:
            tool: Any = McpTool
            try:
                return [tool(name="pay", description="pays", inputSchema=schema)]
            except Exception:
                return [tool(name="pay", description="pays", input_schema=schema)]

        async def call_tool(self, tool_name: str, arguments: Any, *_: Any, **__: Any) -> Any:
            text = effects.pay(arguments["amount"], arguments["to"])
            return CallToolResult(content=[TextContent(type="text", text=text)])

        async def list_prompts(self, *_: Any) -> Any: ...

        async def get_prompt(self, *_: Any) -> Any: ...

    made = stage0_gate(gate())
    agent = made.guard_agent(
        Agent(name="T", mcp_servers=[Bank()], model=scripted([paying(20_000)], [paying(600, "c2")]))
    )
    result = asyncio.run(run(agent))
    assert effects.done == [] and len(result.interruptions) == 1
    state = result.to_state()
    made.approve(state, result.interruptions[0], **LEAD)
    result = asyncio.run(run(agent, state))
    assert [amount for _, amount in effects.done] == [600]
    assert told(result)["verdict"] == "DENY"
    # A copy of the agent has the server's guardrail.
    effects.done.clear()
    another = agent.clone(model=scripted([paying(20_000, "c3")]))
    result = asyncio.run(run(another))
    assert effects.done == [] and told(result)["verdict"] == "DENY"

"""Gates in front of tools of LangChain's agents and of graphs, with scripted models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import Command

from stage0 import Gate, Policy, ToolCall
from stage0.integrations.langgraph import (
    GraphGate,
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
YES = approve(**LEAD)


class Model(GenericFakeChatModel):
    """A model that says what it was given, turn by turn."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def call(name: str, id: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "args": arguments, "id": id, "type": "tool_call"}


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> dict[str, Any]:
    return call("pay", id, amount=amount, to=to)


def looking(id: str = "l1") -> dict[str, Any]:
    return call("look", id)


def scripted(*turns: Any) -> Model:
    """A model that makes these calls, a list each turn, and then says that it is done."""
    said = [AIMessage("", tool_calls=list(turn)) for turn in turns]
    return Model(messages=iter([*said, AIMessage("done"), AIMessage("done"), AIMessage("done")]))


def tools_of(effects: Effects) -> list[BaseTool]:
    @tool
    def pay(amount: float, to: str) -> str:
        """Pays somebody."""
        return effects.pay(amount, to)

    @tool
    def look() -> str:
        """Looks."""
        return effects.look()

    return [pay, look]


Runs = Callable[..., dict[str, Any]]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Runs:
    """Runs an agent or a graph, each way."""

    def sync(agent: Any, given: Any, thread: str = "t1") -> dict[str, Any]:
        config = {"configurable": {"thread_id": thread}}
        result: dict[str, Any] = agent.invoke(given, config)
        return result

    def waiting(agent: Any, given: Any, thread: str = "t1") -> dict[str, Any]:
        config = {"configurable": {"thread_id": thread}}
        result: dict[str, Any] = asyncio.run(agent.ainvoke(given, config))
        return result

    return sync if request.param == "sync" else waiting


@pytest.fixture
def effects() -> Effects:
    return Effects()


def an_agent(effects: Effects, made: GraphGate, *turns: Any, **more: Any) -> Any:
    saver = more.pop("checkpointer") if "checkpointer" in more else InMemorySaver()
    middleware = more.pop("middleware", None) or [made.middleware]
    tools = more.pop("tools", None) or tools_of(effects)
    return create_agent(scripted(*turns), tools, middleware=middleware, checkpointer=saver, **more)


def a_graph(effects: Effects, made: GraphGate, *turns: Any, **more: Any) -> Any:
    """A graph of one's own: a model, tools, and back."""
    model = scripted(*turns)
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", made.tool_node(more.pop("tools", None) or tools_of(effects)))
    builder.add_edge(START, "model")
    builder.add_conditional_edges(
        "model", lambda state: "tools" if state["messages"][-1].tool_calls else END
    )
    builder.add_edge("tools", "model")
    saver = more.pop("checkpointer") if "checkpointer" in more else InMemorySaver()
    return builder.compile(checkpointer=saver)


PLACES = pytest.mark.parametrize("place", [an_agent, a_graph], ids=["agent", "graph"])
"""Both places in which tools run."""


def asking(text: str = "pay acme") -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def outputs(result: dict[str, Any]) -> dict[str, str]:
    """What the model was told, by call."""
    return {
        message.tool_call_id: message.content
        for message in result["messages"]
        if isinstance(message, ToolMessage)
    }


def told(result: dict[str, Any], id: str = "c1") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(outputs(result)[id])
    return read


def asked(result: dict[str, Any]) -> list[Any]:
    """What people are asked."""
    return [one.value for one in result.get("__interrupt__", ())]


# --- Allow and deny ---


@PLACES
def test_what_is_allowed_runs_and_counts(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate(MILD))
    agent = place(effects, made, [paying(400)], [paying(400, "c2")], [paying(400, "c3")])
    result = run(agent, asking())
    assert effects.done == [("pay", 400.0)] * 2
    assert outputs(result)["c1"] == "paid 400.0 to acme"
    assert told(result, "c3")["codes"] == ["DAILY"] and told(result, "c3")["needs"] == ["wait"]


@PLACES
def test_a_deny_is_told_and_nothing_runs(effects: Effects, run: Runs, place: Any) -> None:
    result = run(place(effects, stage0_gate(gate()), [paying(20_000)]), asking())
    assert effects.done == [] and told(result)["verdict"] == "DENY"
    assert result["messages"][-2].status == "error" and result["messages"][-1].content == "done"


def test_a_policy_is_enough(effects: Effects, run: Runs) -> None:
    made = stage0_gate(Policy.parse(DESK), context=STAFF)
    run(an_agent(effects, made, [paying()]), asking())
    assert effects.done == [("pay", 20.0)]


# --- Waiting for people ---


@PLACES
def test_a_yes_resumes_the_call(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    (question,) = asked(run(agent, asking()))
    assert effects.done == []
    assert (question["name"], question["args"]) == ("pay", {"amount": 600, "to": "acme"})
    assert question["stage0"]["ticket"] == made.gate.pending("t1")[0].id
    assert "Who approves this payout?" in question["description"]
    result = run(agent, Command(resume=YES))
    assert effects.done == [("pay", 600.0)] and outputs(result) == {"c1": "paid 600.0 to acme"}


@PLACES
def test_a_no_stands_though_the_policy_changes_its_mind(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    assert asked(run(agent, asking()))
    made.gate.reload(Policy.parse(MILD))
    result = run(agent, Command(resume=reject(**LEAD, reason="not this month")))
    assert effects.done == []
    assert told(result)["verdict"] == "DENY"
    assert "a person said no: not this month" in told(result)["reasons"]
    again = made.gate.check(ToolCall("pay", {"amount": 600, "to": "acme"}, id="c1", run="t1"))
    assert not again.allowed


def test_a_naive_gate_forgets_the_no(effects: Effects) -> None:
    # What the test above defends against: decided anew on resume, nobody reads the answer.
    policy = gate()

    class Naive(AgentMiddleware):  # type: ignore[type-arg]
        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            from langgraph.types import interrupt

            call = request.tool_call
            answer = policy.check(ToolCall(call["name"], call["args"]))
            if answer.verdict == "DEFER" and interrupt("?") != "yes":
                return ToolMessage("no", tool_call_id=call["id"])
            return handler(request)

    agent = an_agent(effects, stage0_gate(policy), [paying(600)], middleware=[Naive()])
    config = {"configurable": {"thread_id": "t1"}}
    assert asked(agent.invoke(asking(), config))
    policy.reload(Policy.parse(MILD))
    agent.invoke(Command(resume="no"), config)
    assert effects.done == [("pay", 600.0)]


def test_a_no_stands_in_a_process_that_knew_nothing(effects: Effects, tmp_path: Any) -> None:
    config: Any = {"configurable": {"thread_id": "t1"}}
    with SqliteSaver.from_conn_string(str(tmp_path / "graph.db")) as saver:
        made = stage0_gate(gate())
        agent = an_agent(effects, made, [paying(600)], checkpointer=saver)
        assert asked(agent.invoke(asking(), config))
    # Its store was in memory and is gone, and the policy asks nobody any more.
    with SqliteSaver.from_conn_string(str(tmp_path / "graph.db")) as saver:
        made = stage0_gate(gate(MILD))
        agent = an_agent(effects, made, checkpointer=saver)
        result = agent.invoke(Command(resume=reject(**LEAD)), config)
    assert effects.done == [] and told(result)["codes"] == ["APPROVAL_REJECTED"]


@PLACES
def test_only_a_plain_yes_is_one(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    run(agent, asking())
    wrong: list[Any] = ["yes", {"type": "Approve"}, {"approve": True}, 1, {"type": "approve"}, True]
    wrong += [{**YES, "tool_call_id": "c9"}, {**YES, "roles": "lead"}, {"decisions": [YES, YES]}]
    for reply in wrong:
        (question,) = asked(run(agent, Command(resume=reply)))
        assert effects.done == [] and question["stage0"]["problem"]
    run(agent, Command(resume=YES))
    assert effects.done == [("pay", 600.0)]


@PLACES
def test_an_approver_with_another_role_is_told_so(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    run(agent, asking())
    (question,) = asked(run(agent, Command(resume=approve(by="bob", roles=["intern"]))))
    assert "role lead" in question["stage0"]["problem"] and effects.done == []
    run(agent, Command(resume=YES))
    assert effects.done == [("pay", 600.0)]


def test_an_approver_says_who_a_bare_yes_is_from(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate(), approver=lambda call: LEAD)
    agent = an_agent(effects, made, [paying(600)])
    run(agent, asking())
    run(agent, Command(resume={"decisions": [{"type": "approve"}]}))
    assert effects.done == [("pay", 600.0)]


TWO = DESK.replace("approval: { roles: [lead],", "approval: { min: 2, roles: [lead],")


@PLACES
def test_two_people_answer_one_after_the_other(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate(TWO))
    agent = place(effects, made, [paying(600)])
    run(agent, asking())
    assert asked(run(agent, Command(resume=YES))) and effects.done == []
    # The same person once more is no second one.
    assert asked(run(agent, Command(resume=YES))) and effects.done == []
    run(agent, Command(resume=approve(by="joe", roles=["lead"])))
    assert effects.done == [("pay", 600.0)]


@PLACES
def test_edited_arguments_are_asked_about_and_run(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    run(agent, asking())
    result = run(agent, Command(resume=edit({"amount": 550, "to": "acme"}, **LEAD)))
    assert effects.done == [("pay", 550.0)]
    assert "A person changed the arguments" in outputs(result)["c1"]
    assert outputs(result)["c1"].endswith("paid 550.0 to acme")


@PLACES
def test_a_person_cannot_edit_into_what_is_denied(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)])
    run(agent, asking())
    result = run(agent, Command(resume=edit({"amount": 20_000, "to": "acme"}, **LEAD)))
    assert effects.done == [] and told(result)["verdict"] == "DENY"


@pytest.mark.parametrize("order", ["first", "last"])
def test_the_gate_sees_what_another_middleware_makes_of_a_call(
    effects: Effects, run: Runs, order: str
) -> None:
    class Rewriter(AgentMiddleware):  # type: ignore[type-arg]
        """As a person's edit would in a middleware below the gate."""

        def changed(self, request: Any) -> Any:
            call = request.tool_call
            return request.override(tool_call={**call, "args": {**call["args"], "amount": 20_000}})

        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            return handler(self.changed(request))

        async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
            return await handler(self.changed(request))

    made = stage0_gate(gate())
    both = [made.middleware, Rewriter()]
    agent = an_agent(effects, made, [paying()], middleware=both if order == "first" else both[::-1])
    result = run(agent, asking())
    assert effects.done == [] and told(result)["verdict"] == "DENY"


def test_langchain_s_own_approvals_live_beside_it_in_any_order(effects: Effects) -> None:
    for first in (True, False):
        made = stage0_gate(gate())
        own: Any = HumanInTheLoopMiddleware(interrupt_on={"pay": True})
        both = [made.middleware, own] if first else [own, made.middleware]
        agent = an_agent(effects, made, [paying()], middleware=both)
        config = {"configurable": {"thread_id": "t1"}}
        assert agent.invoke(asking(), config)["__interrupt__"]
        edited = {
            "type": "edit",
            "edited_action": {"name": "pay", "args": {"amount": 20_000, "to": "acme"}},
        }
        result = agent.invoke(Command(resume={"decisions": [edited]}), config)
        assert effects.done == []
        assert '"verdict":"DENY"' in outputs(result)["c1"]


@PLACES
def test_without_a_place_to_pause_the_model_gets_a_ticket(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(600)], checkpointer=None)
    result = run(agent, asking())
    assert effects.done == [] and told(result)["verdict"] == "DEFER"
    ticket = told(result)["ticket"]
    made.gate.approve(ticket, **LEAD)
    run(place(effects, made, [paying(600)], checkpointer=None), asking())
    assert effects.done == [("pay", 600.0)]


# --- Several calls at once ---


@PLACES
def test_siblings_run_once_each(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate())
    agent = place(effects, made, [paying(20_000), paying(600, "c2"), looking("c3")])
    (question,) = asked(run(agent, asking()))
    (question,) = question.get("requests", [question])
    assert question["tool_call_id"] == "c2"
    assert effects.done in ([], [("look", None)])
    result = run(agent, Command(resume=approve(**LEAD, call_id="c2")))
    assert sorted(effects.done) == [("look", None), ("pay", 600.0)]
    assert told(result)["verdict"] == "DENY"
    assert (outputs(result)["c2"], outputs(result)["c3"]) == ("paid 600.0 to acme", "seen")


def test_two_that_wait_in_an_agent_are_answered_each_by_its_interrupt(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate(RICH))
    agent = an_agent(effects, made, [paying(501), paying(502, "c2", "bcme")])
    waiting = run(agent, asking())["__interrupt__"]
    assert len(waiting) == 2
    with pytest.raises(RuntimeError):
        run(agent, Command(resume=YES))
    assert effects.done == []
    by_call = {one.value["tool_call_id"]: one.id for one in waiting}
    replies = {by_call["c1"]: YES, by_call["c2"]: reject(**LEAD)}
    result = run(agent, Command(resume=replies))
    assert effects.done == [("pay", 501.0)]
    assert told(result, "c2")["codes"] == ["APPROVAL_REJECTED"]


def test_two_that_wait_in_a_graph_are_asked_together(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate(RICH))
    agent = a_graph(effects, made, [paying(501), paying(502, "c2", "bcme"), looking()])
    (question,) = asked(run(agent, asking()))
    assert question["type"] == "tool_approvals" and effects.done == []
    assert [one["tool_call_id"] for one in question["requests"]] == ["c1", "c2"]
    # Which one is meant has to be said, also when only one still waits and everything is read again.
    (question,) = asked(run(agent, Command(resume=YES)))
    assert "each is named" in question["requests"][0]["stage0"]["problem"] and effects.done == []
    (question,) = asked(run(agent, Command(resume={"decisions": {"c1": YES}})))
    assert [one["tool_call_id"] for one in question["requests"]] == ["c2"] and effects.done == []
    no = reject(**LEAD, reason="once is enough", call_id="c2")
    result = run(agent, Command(resume=no))
    assert sorted(effects.done) == [("look", None), ("pay", 501.0)]
    assert "a person said no: once is enough" in told(result, "c2")["reasons"]


@PLACES
def test_two_that_are_too_much_together_do_not_both_run(effects: Effects, run: Runs, place: Any) -> None:
    made = stage0_gate(gate(MILD))
    run(place(effects, made, [paying(600), paying(601, "c2")]), asking())
    assert len(effects.done) == 1


def test_an_id_that_has_run_is_another_call_the_next_time(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate(MILD))
    agent = an_agent(effects, made, *([[paying(400, "call_0")]] * 3))
    run(agent, asking())
    assert effects.done == [("pay", 400.0)] * 2


# --- What goes wrong ---


@PLACES
@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(
    effects: Effects, run: Runs, place: Any, error: Exception
) -> None:
    agent = place(effects, stage0_gate(broken(error)), [paying(), looking()])
    result = run(agent, asking())
    assert effects.done == []
    assert [told(result, id)["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(outputs(result))


def test_a_context_that_cannot_be_told_is_a_deny(effects: Effects, run: Runs) -> None:
    made = stage0_gate(Policy.parse(DESK), context=lambda call: {}["user"])
    result = run(an_agent(effects, made, [paying()]), asking())
    assert effects.done == [] and told(result)["codes"] == ["CONTEXT_FAILED"]


def test_a_failing_tool_is_told_as_failed_and_given_back(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate(MILD))

    @tool
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            raise OSError("closed")
        return effects.pay(amount, to)

    pay.handle_tool_error = True
    first = an_agent(effects, made, [paying(900)], tools=[pay])
    with pytest.raises(OSError):
        run(first, asking())
    run(an_agent(effects, made, [paying(900, "c2")], tools=[pay]), asking(), "t2")
    assert effects.done == [("try", 900.0), ("pay", 900.0)]


# --- Where no gate is, or another one ---


def test_agents_inside_tools_are_gated_where_they_have_a_gate(effects: Effects) -> None:
    made = stage0_gate(gate())
    inner = an_agent(effects, made, [paying(20_000)], name="inner")
    naked = create_agent(scripted([paying(20_000)]), tools_of(effects))

    @tool
    def look(which: str) -> str:
        """Asks another agent."""
        agent = inner if which == "inner" else naked
        result = agent.invoke(asking(), {"configurable": {"thread_id": "inner"}})
        return str(result["messages"][-1].content)

    calls = [call("look", "o1", which="inner")]
    run = an_agent(effects, made, calls, tools=[look])
    run.invoke(asking(), {"configurable": {"thread_id": "t1"}})
    assert effects.done == []
    # An agent without a gate is what it looks like: its tools have to be guarded.
    run = an_agent(effects, made, [call("look", "o2", which="naked")], tools=[look])
    run.invoke(asking(), {"configurable": {"thread_id": "t2"}})
    assert effects.done == [("pay", 20_000.0)]
    effects.done.clear()
    naked = create_agent(scripted([paying(20_000)]), made.guard_tools(tools_of(effects)))
    run = an_agent(effects, made, [call("look", "o3", which="naked")], tools=[look])
    run.invoke(asking(), {"configurable": {"thread_id": "t3"}})
    assert effects.done == []


def test_guarded_tools_ask_wherever_they_run(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate())
    pay, _ = made.guard_tools(tools_of(effects))
    assert pay.args == tools_of(effects)[0].args and pay.name == "pay"
    assert "DENY" in pay.invoke({"amount": 20_000, "to": "acme"})
    assert "DENY" in asyncio.run(pay.ainvoke({"amount": 20_000, "to": "acme"}))
    assert pay.invoke({"amount": 20, "to": "acme"}) == "paid 20.0 to acme"
    with pytest.raises(RuntimeError, match="run by run"):
        pay.func(amount=20, to="acme")  # type: ignore[attr-defined]
    assert effects.done == [("pay", 20.0)]
    # In a node of LangGraph's own, and under a middleware of the same gate: asked about once.
    effects.done.clear()
    made = stage0_gate(gate(MILD))
    tools = made.guard_tools(tools_of(effects))
    run(an_agent(effects, made, [paying(600)], tools=tools), asking())
    assert effects.done == [("pay", 600.0)]
    node = ToolNode(tools)
    builder = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    graph = builder.compile()
    result = run(graph, {"messages": [AIMessage("", tool_calls=[paying(20_000, "c5")])]})
    assert told(result, "c5")["verdict"] == "DENY" and effects.done == [("pay", 600.0)]


def test_what_guarded_tools_alone_were_refused_can_be_approved_and_made_again(
    effects: Effects, run: Runs
) -> None:
    made = stage0_gate(gate())
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode(made.guard_tools(tools_of(effects))))
    builder.add_edge(START, "tools")
    graph = builder.compile()
    result = run(graph, {"messages": [AIMessage("", tool_calls=[paying(600, "c1")])]})
    made.gate.approve(told(result)["ticket"], **LEAD)
    run(graph, {"messages": [AIMessage("", tool_calls=[paying(600, "c2")])]})
    assert effects.done == [("pay", 600.0)]


def test_arguments_that_the_framework_adds_are_not_the_model_s(effects: Effects, run: Runs) -> None:
    seen: list[Any] = []

    @tool
    def pay(amount: float, to: str, state: Annotated[dict[str, Any], InjectedState]) -> str:
        """Pays."""
        seen.append(len(state["messages"]))
        return effects.pay(amount, to)

    made = stage0_gate(gate())
    for place, thread in ((an_agent, "t1"), (a_graph, "t2")):
        run(place(effects, made, [paying(20, thread)], tools=[pay]), asking(), thread)
    assert effects.done == [("pay", 20.0)] * 2 and seen == [2, 2]


def test_tools_of_the_provider_are_refused(effects: Effects, run: Runs) -> None:
    made = stage0_gate(gate())
    search = {"type": "web_search", "name": "web_search"}
    agent = an_agent(effects, made, [looking()], tools=[*tools_of(effects), search])
    with pytest.raises(UngatedError, match="web_search"):
        run(agent, asking())
    with pytest.raises(UngatedError, match="web_search"):
        made.guard_tools([search])  # type: ignore[list-item]
    listed = stage0_gate(gate(), ungated=["web_search"])
    run(an_agent(effects, listed, [looking()], tools=[*tools_of(effects), search]), asking())
    assert effects.done == [("look", None)]


# --- Who asks, what the user said ---

GROUNDED = DESK.replace(
    "allow: args.amount <= 10000", "allow: 'args.amount <= 10000 && grounded(args.to, trusted)'"
)


@PLACES
def test_what_the_user_wrote_is_trusted_and_what_a_model_wrote_is_not(
    effects: Effects, run: Runs, place: Any
) -> None:
    made = stage0_gate(gate(GROUNDED))
    agent = place(effects, made, [paying(20)], [paying(20, "c2", "mallory")])
    run(agent, asking("please pay 20 to acme"))
    assert effects.done == [("pay", 20.0)]


def test_what_one_agent_tells_another_is_nobody_s_wish(effects: Effects) -> None:
    made = stage0_gate(gate(GROUNDED))
    inner = an_agent(effects, made, [paying(20, "c3", "mallory")], name="inner")

    @tool
    def look(wish: str) -> str:
        """Asks another agent."""
        result = inner.invoke(asking(wish), {"configurable": {"thread_id": "inner"}})
        return str(result["messages"][-1].content)

    agent = an_agent(effects, made, [call("look", "o1", wish="pay 20 to mallory")], tools=[look])
    agent.invoke(asking("look around"), {"configurable": {"thread_id": "t1"}})
    assert effects.done == []


def test_who_asks_and_the_run_are_told_by_the_runtime(effects: Effects, run: Runs) -> None:
    seen: list[ToolCall] = []

    def context(call: ToolCall) -> dict[str, Any]:
        seen.append(call)
        data: Any = call.data
        thread = data.runtime.config["configurable"]["thread_id"]
        return {"actor_id": f"user of {thread}", "actor_role": "staff"}

    made = stage0_gate(Policy.parse(DESK), context=context)
    run(an_agent(effects, made, [paying(600)], name="teller"), asking(), "t7")
    assert made.gate.pending("t7") and seen[0].agent in ("teller", None)
    own = stage0_gate(Policy.parse(DESK), context=STAFF, run=lambda call: "mine")
    run(an_agent(effects, own, [paying(600)]), asking(), "t8")
    assert own.gate.pending("mine")


# --- Other ways to run, other places to keep ---


def test_a_graph_goes_on_in_another_process_from_files(effects: Effects, tmp_path: Any) -> None:
    store = f"sqlite:{tmp_path / 'runs.db'}"
    graph = str(tmp_path / "graph.db")
    config: Any = {"configurable": {"thread_id": "t1"}}

    def process(*turns: Any, given: Any) -> Any:
        policy = Policy.parse(DESK)
        with (
            Gate(policy, context=STAFF, store=store) as asked_of,
            SqliteSaver.from_conn_string(graph) as saver,
        ):
            agent = an_agent(effects, stage0_gate(asked_of), *turns, checkpointer=saver)
            return agent.invoke(given, config)

    assert process([paying(600), looking()], given=asking())["__interrupt__"]
    assert effects.done == [("look", None)]
    process(given=Command(resume=YES))
    assert effects.done == [("look", None), ("pay", 600.0)]


def test_coroutines_and_a_file_of_checkpoints(effects: Effects, tmp_path: Any) -> None:
    graph = str(tmp_path / "graph.db")
    config: Any = {"configurable": {"thread_id": "t1"}}

    async def both() -> None:
        with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as asked_of:
            made = stage0_gate(asked_of)
            async with AsyncSqliteSaver.from_conn_string(graph) as saver:
                agent = an_agent(effects, made, [paying(600)], checkpointer=saver)
                assert (await agent.ainvoke(asking(), config))["__interrupt__"]
            async with AsyncSqliteSaver.from_conn_string(graph) as saver:
                agent = an_agent(effects, made, checkpointer=saver)
                await agent.ainvoke(Command(resume=YES), config)

    asyncio.run(both())
    assert effects.done == [("pay", 600.0)]


def test_streams_show_what_people_are_asked(effects: Effects) -> None:
    agent = an_agent(effects, stage0_gate(gate()), [paying(600)])
    config: Any = {"configurable": {"thread_id": "t1"}}

    def shown(given: Any) -> Iterator[str]:
        for chunk in agent.stream(given, config, stream_mode="updates"):
            yield from chunk

    assert "__interrupt__" in list(shown(asking()))
    assert "__interrupt__" not in list(shown(Command(resume=YES)))
    assert effects.done == [("pay", 600.0)]


def test_a_graph_branches_on_the_verdict(effects: Effects, run: Runs) -> None:
    def graph(made: GraphGate, *calls: Any) -> Any:
        model = scripted(list(calls))
        builder = StateGraph(MessagesState)
        builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_node(
            "decide",
            made.decision_node(allow="tools", defer="people", deny="model"),
            destinations=("tools", "people", "model"),
        )
        builder.add_node("tools", made.tool_node(tools_of(effects)))
        builder.add_node("people", lambda state: {"messages": [AIMessage("somebody is asked")]})
        builder.add_edge(START, "model")
        builder.add_conditional_edges(
            "model", lambda state: "decide" if state["messages"][-1].tool_calls else END
        )
        builder.add_edge("tools", "model")
        builder.add_edge("people", END)
        return builder.compile()

    made = stage0_gate(gate())
    result = run(graph(made, paying(), looking()), asking())
    assert sorted(effects.done) == [("look", None), ("pay", 20.0)]
    effects.done.clear()
    result = run(graph(made, paying(600, "c2"), looking("l2")), asking())
    assert effects.done == [] and result["messages"][-1].content == "somebody is asked"
    result = run(graph(made, paying(20_000, "c3"), looking("l3")), asking())
    assert effects.done == [] and told(result, "c3")["verdict"] == "DENY"
    assert told(result, "l3")["codes"] == ["CALL_STOPPED"]
    assert result["messages"][-1].content == "done"

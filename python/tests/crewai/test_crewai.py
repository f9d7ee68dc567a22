"""Gates in front of tools of CrewAI, with a scripted model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from crewai import Agent, Crew, Task
from crewai.hooks import clear_all_tool_call_hooks, register_before_tool_call_hook
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool, tool
from pydantic import PrivateAttr

from stage0 import Gate, Policy
from stage0.integrations.crewai import ToolGate, UngatedError, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def calling(name: str, id: str, **arguments: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> dict[str, Any]:
    return calling("pay", id, amount=amount, to=to)


def looking(id: str = "l1") -> dict[str, Any]:
    return calling("look", id)


class Scripted(BaseLLM):
    """Makes these calls, turn by turn, and then says that it is done."""

    _turns: list[Any] = PrivateAttr(default_factory=list)
    _told: dict[str, str] = PrivateAttr(default_factory=dict)
    _native: bool = PrivateAttr(default=True)

    def call(self, messages: Any, *args: Any, **more: Any) -> Any:
        for message in messages if isinstance(messages, list) else []:
            if message.get("role") == "tool":
                self._told[message["tool_call_id"]] = message["content"]
        return self._turns.pop(0) if self._turns else "Thought: I know.\nFinal Answer: done"

    async def acall(self, messages: Any, *args: Any, **more: Any) -> Any:
        return self.call(messages)

    def supports_function_calling(self) -> bool:
        return self._native

    def get_context_window_size(self) -> int:
        return 100_000


def tools_of(effects: Effects) -> list[BaseTool]:
    @tool
    def pay(amount: float, to: str) -> str:
        """Pays."""
        return effects.pay(amount, to)

    @tool
    def look() -> str:
        """Looks."""
        return effects.look()

    return [pay, look]


def a_crew(effects: Effects, *turns: Any, tools: Any = None, native: bool = True, **more: Any) -> Crew:
    model = Scripted(model="scripted", provider="scripted")
    model._turns, model._native = list(turns), native
    agent = Agent(
        role="teller",
        goal="Pay",
        backstory="Pays.",
        llm=model,
        tools=tools_of(effects) if tools is None else tools,
        **more,
    )
    task = Task(description="pay acme", expected_output="done", agent=agent)
    return Crew(agents=[agent], tasks=[task], cache=True)


def run(crew: Crew, asynchronously: bool = False) -> dict[str, str]:
    """What the model was told, by call."""
    if asynchronously:
        asyncio.run(crew.akickoff())
    else:
        crew.kickoff()
    model: Any = crew.agents[0].llm
    return model._told


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.mark.parametrize("asynchronously", [False, True], ids=["sync", "async"])
def test_what_is_allowed_runs_and_counts_and_what_is_not_is_told(
    effects: Effects, asynchronously: bool
) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF)
    turns = [[paying(400)], [paying(401, "c2")], [paying(402, "c3")], [paying(20_000, "c4")], [looking()]]
    told = run(made.guard_crew(a_crew(effects, *turns)), asynchronously)
    assert effects.done == [("pay", 400), ("pay", 401), ("look", None)]
    assert told["c1"] == "paid 400.0 to acme"
    assert json.loads(told["c3"])["codes"] == ["DAILY"]
    assert json.loads(told["c4"])["verdict"] == "DENY"


def test_calls_that_are_written_as_text_are_gated(effects: Effects) -> None:
    made = stage0_gate(gate())
    said = 'Thought: pay\nAction: pay\nAction Input: {"amount": %d, "to": "acme"}\nObservation:'
    run(made.guard_crew(a_crew(effects, said % 20_000, said % 20, native=False)))
    assert effects.done == [("pay", 20)]


def test_what_waits_has_a_ticket_and_no_cache_keeps_the_refusal(effects: Effects) -> None:
    made = stage0_gate(gate(run="s1"))
    told = run(made.guard_crew(a_crew(effects, [paying(600), looking()])))
    assert effects.done == [("look", None)]
    [ticket] = made.gate.pending("s1")
    assert json.loads(told["c1"])["ticket"] == ticket.id

    @tool
    def wait() -> str:
        """A person says yes meanwhile."""
        made.gate.approve(made.gate.pending("s2")[0], **LEAD)
        return "approved"

    effects.done.clear()
    made = stage0_gate(
        gate(
            DESK.replace("look: {", "wait: { effects: [] }\n  look: {").replace("[look]", "[look, wait]"),
            run="s2",
        )
    )
    turns = [paying(600)], [calling("wait", "w1")], [paying(600, "c2")]
    told = run(made.guard_crew(a_crew(effects, *turns, tools=[*tools_of(effects), wait])))
    assert told["w1"] == "approved" and effects.done == [("pay", 600)]


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    run(stage0_gate(gate(MILD)).guard_crew(a_crew(effects, [paying(600), paying(601, "c2")])))
    assert len(effects.done) == 1


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    told = run(stage0_gate(broken(error)).guard_crew(a_crew(effects, [paying()], [looking()])))
    assert effects.done == []
    assert [json.loads(told[id])["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(told)


def test_what_fails_is_given_back(effects: Effects) -> None:
    @tool
    def pay(amount: float, to: str) -> str:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            raise ValueError("try again")
        return effects.pay(amount, to)

    run(
        stage0_gate(gate(MILD)).guard_crew(a_crew(effects, [paying(900)], [paying(901, "c2")], tools=[pay]))
    )
    assert effects.done[0] == ("try", 900) and effects.done[-1] == ("pay", 901)


# --- Hooks let calls through ---


def test_a_naive_gate_in_a_hook_lets_calls_through_when_it_breaks(effects: Effects) -> None:
    def hook(context: Any) -> bool | None:
        raise RuntimeError("crash")

    register_before_tool_call_hook(hook)
    try:
        run(a_crew(effects, [paying(20_000)]))
        assert effects.done == [("pay", 20_000)]
        effects.done.clear()
        run(stage0_gate(gate()).guard_crew(a_crew(effects, [paying(20_000)])))
    finally:
        clear_all_tool_call_hooks()
    assert effects.done == []


def test_clearing_all_hooks_takes_no_gate_away(effects: Effects) -> None:
    crew = stage0_gate(gate()).guard_crew(a_crew(effects, [paying(20_000)]))
    clear_all_tool_call_hooks()
    run(crew)
    assert effects.done == []


def test_a_hook_that_changes_arguments_is_seen(effects: Effects) -> None:
    def hook(context: Any) -> bool | None:
        context.tool_input["amount"] = 20_000
        return None

    register_before_tool_call_hook(hook)
    try:
        run(stage0_gate(gate()).guard_crew(a_crew(effects, [paying()])))
    finally:
        clear_all_tool_call_hooks()
    assert effects.done == []


# --- All ways to a tool ---


class Desk(BaseTool):
    name: str = "pay"
    description: str = "Pays."
    _effects: Any = PrivateAttr(default=None)

    def _run(self, amount: float, to: str) -> str:
        return str(self._effects.pay(amount, to))

    async def _arun(self, amount: float, to: str) -> str:
        return str(self._effects.pay(amount, to))


@pytest.mark.parametrize("kind", ["class", "function", "coroutine"])
def test_a_tool_is_gated_however_it_is_called(effects: Effects, kind: str) -> None:
    if kind == "class":
        given: Any = Desk()
        given._effects = effects
    elif kind == "function":
        given = tools_of(effects)[0]
    else:

        @tool
        async def pay(amount: float, to: str) -> str:
            """Pays."""
            return effects.pay(amount, to)

        given = pay
    pay_: Any
    [pay_] = stage0_gate(gate()).guard_tools([given])
    arguments = {"amount": 20_000, "to": "acme"}
    said = [pay_.run(**arguments), pay_.run(20_000, "acme"), pay_.to_structured_tool().invoke(arguments)]
    if kind != "function":
        said.append(asyncio.run(pay_.arun(**arguments)))
    assert [json.loads(text)["verdict"] for text in said] == ["DENY"] * len(said)
    assert effects.done == []
    assert pay_.run(amount=20, to="acme") == "paid 20.0 to acme"
    assert pay_.name == given.name and pay_.args_schema is given.args_schema
    assert isinstance(pay_, type(given)) and effects.done == [("pay", 20)]


def test_a_copy_of_a_tool_keeps_its_gate(effects: Effects) -> None:
    crew = stage0_gate(gate()).guard_crew(a_crew(effects, [paying(20_000)]))
    run(crew.copy())
    assert effects.done == []


def test_what_nobody_would_be_asked_about_is_refused(effects: Effects) -> None:
    made: ToolGate = stage0_gate(gate())
    with pytest.raises(UngatedError, match="allow_delegation"):
        made.guard_crew(a_crew(effects, allow_delegation=True))
    with pytest.raises(UngatedError, match="mcps"):
        made.guard_crew(a_crew(effects, mcps=["https://mcp.example/sse"]))
    made.guard_crew(a_crew(effects, allow_delegation=True), ungated=["allow_delegation"])

    class Own(Desk):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            return "ran"

    with pytest.raises(UngatedError, match="own way"):
        made.guard_tools([Own()])


def test_a_gate_is_put_before_a_tool_once(effects: Effects) -> None:
    made = stage0_gate(gate())
    once = made.guard_tools(tools_of(effects))
    again = made.guard_tools(once)
    assert [one is other for one, other in zip(once, again, strict=True)] == [True, True]


def test_tools_of_a_task_are_gated(effects: Effects) -> None:
    crew = a_crew(effects, [paying(20_000)], tools=[])
    crew.tasks[0].tools = tools_of(effects)
    told = run(stage0_gate(gate()).guard_crew(crew))
    assert effects.done == [] and json.loads(told["c1"])["verdict"] == "DENY"


def test_a_context_that_cannot_be_told_is_a_deny(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(DESK), run=lambda call: {}["thread"])
    told = run(made.guard_crew(a_crew(effects, [paying()])))
    assert effects.done == [] and json.loads(told["c1"])["codes"] == ["CONTEXT_FAILED"]


def test_a_store_in_a_file(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        run(stage0_gate(kept).guard_crew(a_crew(effects, [paying()], [paying(20_000, "c2")])))
    assert effects.done == [("pay", 20)]

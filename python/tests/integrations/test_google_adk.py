"""Gates in front of tools of Google's ADK, with a scripted model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.adk.agents import LlmAgent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.apps import App
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools import BaseTool, FunctionTool, ToolContext
from google.adk.tools.agent_tool import AgentTool
from google.genai import types

from stage0 import Gate, Policy
from stage0.integrations.google_adk import PluginGate, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

RICH = DESK.replace("max: 1000", "max: 9000")
MILD = DESK.replace("args.amount > 500", "args.amount > 5000")
ASK = "adk_request_confirmation"


class Scripted(BaseLlm):
    """Makes these calls, turn by turn, and then says that it is done."""

    turns: list[Any]

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> Any:
        parts = self.turns.pop(0) if self.turns else [types.Part(text="done")]
        yield LlmResponse(content=types.Content(role="model", parts=parts))


def calling(name: str, id: str, **arguments: Any) -> types.Part:
    return types.Part(function_call=types.FunctionCall(id=id, name=name, args=arguments))


def paying(amount: Any = 20, id: str = "c1", to: str = "acme") -> types.Part:
    return calling("pay", id, amount=amount, to=to)


def looking(id: str = "l1") -> types.Part:
    return calling("look", id)


class Desk:
    """An agent with two tools, and sessions that outlive its runner."""

    def __init__(self, effects: Effects, *turns: Any, tools: Any = None, **more: Any) -> None:
        def pay(amount: float, to: str) -> dict[str, Any]:
            """Pays."""
            return {"result": effects.pay(amount, to)}

        def look() -> dict[str, Any]:
            """Looks."""
            return {"result": effects.look()}

        self.agent = LlmAgent(
            name="teller",
            model=Scripted(model="scripted", turns=list(turns)),
            tools=[pay, look] if tools is None else tools,
            **more,
        )
        self.sessions = InMemorySessionService()
        self.events: list[Any] = []

    def run(
        self, made: PluginGate | None, message: Any = "pay acme", plugins: Any = (), **config: Any
    ) -> dict[str, Any]:
        """What the model was told, by call."""
        plugins = [*plugins] if made is None else [*plugins, made.plugin]
        return asyncio.run(self._run(plugins, message, RunConfig(**config)))

    async def _run(self, plugins: Any, message: Any, config: RunConfig) -> dict[str, Any]:
        app = App(name="desk", root_agent=self.agent, plugins=plugins)
        runner = Runner(app=app, session_service=self.sessions, auto_create_session=True)
        part = types.Part(text=message) if isinstance(message, str) else message
        content = types.Content(role="user", parts=[part])
        self.events = [
            event
            async for event in runner.run_async(
                user_id="u1", session_id="s1", new_message=content, run_config=config
            )
        ]
        return {
            response.id or "": response.response
            for event in self.events
            for response in event.get_function_responses()
        }

    def question(self) -> types.FunctionCall:
        """What a person was asked."""
        [call] = [call for event in self.events for call in event.get_function_calls() if call.name == ASK]
        return call

    def answer(self, **said: Any) -> types.Part:
        """A confirmation, as a client sends it."""
        response = types.FunctionResponse(id=self.question().id, name=ASK, response=said)
        return types.Part(function_response=response)


@pytest.fixture
def effects() -> Effects:
    return Effects()


# --- Allow and deny ---


def test_what_is_allowed_runs_and_counts(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF)
    desk = Desk(effects, [paying(400)], [paying(400, "c2")], [paying(400, "c3")])
    told = desk.run(made)
    assert effects.done == [("pay", 400)] * 2
    assert told["c1"] == {"result": "paid 400 to acme"}
    assert told["c3"]["codes"] == ["DAILY"]


def test_siblings_are_answered_each_by_itself(effects: Effects) -> None:
    told = Desk(effects, [paying(20_000), paying(600, "c2"), looking()]).run(stage0_gate(gate()))
    assert effects.done == [("look", None)]
    assert told["c1"]["verdict"] == "DENY" and told["c2"]["verdict"] == "DEFER"


def test_two_that_are_too_much_together_do_not_both_run(effects: Effects) -> None:
    Desk(effects, [paying(600), paying(601, "c2")]).run(stage0_gate(gate(MILD)))
    assert len(effects.done) == 1


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(effects: Effects, error: Exception) -> None:
    told = Desk(effects, [paying(), looking()]).run(stage0_gate(broken(error)))
    assert effects.done == []
    assert [told[id]["verdict"] for id in ("c1", "l1")] == ["DENY", "DENY"]
    assert "secret" not in str(told)


def test_what_fails_is_given_back(effects: Effects) -> None:
    def pay(amount: float, to: str) -> dict[str, Any]:
        """Fails the first time."""
        if not effects.done:
            effects.done.append(("try", amount))
            return {"error": "try again"}
        return {"result": effects.pay(amount, to)}

    Desk(effects, [paying(900)], [paying(900, "c2")], tools=[pay]).run(stage0_gate(gate(MILD)))
    assert effects.done == [("try", 900), ("pay", 900)]


@pytest.mark.parametrize("mode", [StreamingMode.NONE, StreamingMode.SSE], ids=["whole", "streamed"])
def test_a_tool_in_a_thread_is_gated(effects: Effects, mode: Any) -> None:
    from google.adk.agents.run_config import ToolThreadPoolConfig

    desk = Desk(effects, [paying(20_000), looking()])
    pool = ToolThreadPoolConfig(max_workers=2)
    desk.run(stage0_gate(gate()), streaming_mode=mode, tool_thread_pool_config=pool)
    assert effects.done == [("look", None)]


# --- Waiting for people ---


def test_what_waits_has_a_ticket_that_is_approved_elsewhere(effects: Effects) -> None:
    made = stage0_gate(gate())
    desk = Desk(effects, [paying(600)], [types.Part(text="it waits")], [paying(600, "c2")])
    told = desk.run(made)
    [ticket] = made.gate.pending("desk/u1/s1")
    assert told["c1"]["ticket"] == ticket.id
    made.gate.approve(ticket, **LEAD)
    desk.run(made, "go on")
    assert effects.done == [("pay", 600)]


def test_a_confirmation_by_whom_the_host_vouches_for(effects: Effects) -> None:
    made = stage0_gate(gate(), approver=lambda call: LEAD)
    desk = Desk(effects, [paying(600)])
    desk.run(made)
    asked = desk.question().args
    assert asked is not None and "needs approval by lead" in asked["toolConfirmation"]["hint"]
    # Another process, which knows nothing but the session.
    told = desk.run(stage0_gate(gate(), approver=lambda call: LEAD), desk.answer(confirmed=True))
    assert effects.done == [("pay", 600)] and told["c1"] == {"result": "paid 600 to acme"}


def test_a_no_stands_whatever_the_policy_says_by_then(effects: Effects) -> None:
    made = stage0_gate(gate(), approver=lambda call: LEAD)
    desk = Desk(effects, [paying(600)])
    desk.run(made)
    made.gate.reload(Policy.parse(MILD))
    told = desk.run(made, desk.answer(confirmed=False))
    assert effects.done == [] and told["c1"]["reasons"][-1] == "a person said no"


@pytest.mark.parametrize("person", [None, {"by": "bob", "roles": ["intern"]}], ids=["nobody", "intern"])
def test_a_confirmation_by_somebody_else_is_none(effects: Effects, person: Any) -> None:
    people = [LEAD, person]
    made = stage0_gate(gate(), approver=lambda call: people.pop(0))
    desk = Desk(effects, [paying(600)])
    desk.run(made)
    told = desk.run(made, desk.answer(confirmed=True))
    assert effects.done == [] and told["c1"]["verdict"] == "DEFER"


def test_a_token_that_is_none_is_refused(effects: Effects) -> None:
    made = stage0_gate(gate(), tokens=True)
    desk = Desk(effects, [paying(600)])
    desk.run(made)
    told = desk.run(made, desk.answer(confirmed=True, payload={"token": "forged"}))
    assert effects.done == [] and told["c1"]["verdict"] == "DEFER"


def test_a_confirmation_that_a_tool_asked_for_is_no_approval(effects: Effects) -> None:
    def pay(amount: float, to: str) -> dict[str, Any]:
        """Pays."""
        return {"result": effects.pay(amount, to)}

    tool = FunctionTool(pay, require_confirmation=True)
    made = stage0_gate(gate(), approver=lambda call: LEAD)
    desk = Desk(effects, [paying(600)], tools=[tool])
    desk.run(made)
    asked = desk.question().args
    told = desk.run(made, desk.answer(confirmed=True))
    if asked is not None and asked["toolConfirmation"].get("payload"):
        # Older ones ask for their tool once the gate has been passed, so it is the gate that asked.
        assert effects.done == [("pay", 600)]
    else:
        assert effects.done == [] and told["c1"]["verdict"] == "DEFER"


def test_an_approver_that_breaks_is_a_no(effects: Effects) -> None:
    made = stage0_gate(gate(), approver=lambda call: {}["nobody"])
    told = Desk(effects, [paying(600)]).run(made)
    assert effects.done == [] and told["c1"]["verdict"] == "DEFER"


# --- What runs around the gate ---


class Changing(BasePlugin):
    """Changes arguments after the gate's plugin."""

    async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> None:
        tool_args["amount"] = 20_000


def test_the_gate_sees_what_later_plugins_make_of_a_call(effects: Effects) -> None:
    made = stage0_gate(gate())
    desk = Desk(effects, [paying()])
    told = asyncio.run(desk._run([made.plugin, Changing("later")], "pay", RunConfig()))
    assert effects.done == [] and told["c1"]["verdict"] == "DENY"


def test_a_naive_gate_does_not_see_it(effects: Effects) -> None:
    asked = gate()

    class Naive(BasePlugin):
        async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> Any:
            from stage0 import ToolCall

            return None if asked.check(ToolCall(tool.name, tool_args)).allowed else {"error": "no"}

    Desk(effects, [paying()]).run(None, plugins=[Naive("naive"), Changing("later")])
    assert effects.done == [("pay", 20_000)]


def test_agents_inside_agents_are_gated(effects: Effects) -> None:
    inner = Desk(effects, [paying(20_000, "i1"), paying(20, "i2", "mallory")]).agent
    grounded = (
        DESK.replace(
            "allow: args.amount <= 10000", "allow: 'args.amount <= 10000 && grounded(args.to, trusted)'"
        )
        .replace("look: {", "teller: { effects: [] }\n  look: {")
        .replace("[look]", "[look, teller]")
    )
    calls = [calling("teller", "o1", request="pay 20 to mallory")]
    Desk(effects, calls, tools=[AgentTool(inner)]).run(stage0_gate(gate(grounded)), "look around")
    assert effects.done == []
    turns = [paying()], [paying(20, "c2", "mallory")]
    told = Desk(effects, *turns).run(stage0_gate(gate(grounded)), "please pay 20 to acme")
    assert effects.done == [("pay", 20)] and told["c2"]["verdict"] != "ALLOW"


def test_an_agent_whose_tools_nobody_would_ask_about_is_refused(effects: Effects) -> None:
    inner = Desk(effects, [paying(20_000, "i1")]).agent
    outer = Desk(
        effects,
        [calling("teller", "o1", request="pay")],
        tools=[AgentTool(inner, False, include_plugins=False)],
    )
    told = outer.run(stage0_gate(gate()))
    assert effects.done == [] and told["o1"]["codes"] == ["CALL_UNCHECKED"]


def test_what_the_provider_runs_and_code_are_refused(effects: Effects) -> None:
    from google.adk.code_executors import BaseCodeExecutor

    class Executor(BaseCodeExecutor):
        def execute_code(self, *given: Any) -> Any:
            raise AssertionError("it ran")

    provided = BaseTool(name="search", description="Searches, where the model runs.")
    for door, more in {
        "search": {"tools": [provided]},
        "code_executor": {"code_executor": Executor()},
    }.items():
        with pytest.raises(RuntimeError, match=door):
            Desk(effects, **more).run(stage0_gate(gate()))
        Desk(effects, **more).run(stage0_gate(gate(), ungated=[door]))


def test_what_the_provider_runs_is_found_in_the_request_too(effects: Effects) -> None:
    def search(callback_context: Any, llm_request: Any) -> None:
        tool = types.Tool(google_search=types.GoogleSearch())
        llm_request.config.tools = [*(llm_request.config.tools or []), tool]

    class Adding(BasePlugin):
        async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> None:
            search(callback_context, llm_request)

    with pytest.raises(RuntimeError, match="google_search"):
        Desk(effects, [looking()]).run(stage0_gate(gate()), plugins=[Adding("adding")])
    assert effects.done == []


# --- Who asks ---


def test_who_asks_is_told_by_the_context(effects: Effects) -> None:
    def who(call: Any) -> dict[str, Any]:
        assert isinstance(call.data, ToolContext)
        return {"actor_id": call.data.user_id, "actor_role": "staff"}

    made = stage0_gate(Policy.parse(DESK), context=who, run=lambda call: "mine", approver=lambda call: LEAD)
    Desk(effects, [paying(600)]).run(made)
    assert made.gate.pending("mine")[0].call_id == "c1"


def test_a_context_that_cannot_be_told_is_a_deny(effects: Effects) -> None:
    made = stage0_gate(Policy.parse(DESK), run=lambda call: {}["thread"])
    told = Desk(effects, [paying()]).run(made)
    assert effects.done == [] and told["c1"]["codes"] == ["CONTEXT_FAILED"]


def test_a_cost_that_cannot_be_told_loses_nothing(effects: Effects) -> None:
    made = stage0_gate(gate(), cost=lambda call, result: {}["cost"])
    told = Desk(effects, [paying()]).run(made)
    assert told["c1"] == {"result": "paid 20 to acme"}


def test_a_store_in_a_file(effects: Effects, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        made = stage0_gate(kept, approver=lambda call: LEAD)
        desk = Desk(effects, [paying(600)])
        desk.run(made)
        desk.run(made, desk.answer(confirmed=True))
    assert effects.done == [("pay", 600)]

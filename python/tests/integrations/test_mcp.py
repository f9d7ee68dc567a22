"""Gates in front of MCP servers, asked by the SDK's own client in both ages of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import mcp_types as types
import pytest
from fastmcp import FastMCP
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware
from mcp import MCPError
from mcp.client import Client
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer

from stage0 import Gate, Policy, ToolCall
from stage0.integrations.mcp import McpGate, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

RICH = DESK.replace("max: 1000", "max: 9000")
MILD = DESK.replace("args.amount > 500", "args.amount > 5000")


def low_level(effects: Effects) -> Any:
    async def listed(context: Any, params: Any) -> types.ListToolsResult:
        schema: dict[str, Any] = {"type": "object"}
        names = ("pay", "look")
        return types.ListToolsResult(tools=[types.Tool(name=name, input_schema=schema) for name in names])

    async def called(context: Any, params: Any) -> types.CallToolResult:
        text = getattr(effects, params.name)(**(params.arguments or {}))
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return Server("bank", on_list_tools=listed, on_call_tool=called)


def high_level(effects: Effects) -> Any:
    return _with_tools(MCPServer("bank"), effects)


def fastmcp(effects: Effects) -> Any:
    return _with_tools(FastMCP("bank"), effects)


def proxy(effects: Effects) -> Any:
    return create_proxy(_with_tools(FastMCP("bank"), effects))


def _with_tools(server: Any, effects: Effects) -> Any:
    @server.tool()
    def pay(amount: float, to: str) -> str:
        """Pays somebody."""
        return effects.pay(amount, to)

    @server.tool()
    def look() -> str:
        """Looks."""
        return effects.look()

    return server


KINDS: list[Any] = [low_level, high_level, fastmcp, proxy]
ServerOf = Callable[[Effects], Any]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> ServerOf:
    made: ServerOf = request.param
    return made


@pytest.fixture(params=["legacy", "2026-07-28"])
def age(request: pytest.FixtureRequest) -> str:
    made: str = request.param
    return made


@pytest.fixture
def effects() -> Effects:
    return Effects()


def asked(
    server: Any, age: str, *calls: tuple[str, dict[str, Any]], person: Any = None
) -> list[types.CallToolResult]:
    """What a client gets of these calls, one after the other."""

    async def ask() -> list[types.CallToolResult]:
        low = getattr(server, "_mcp_server", server)
        async with Client(low, mode=age, elicitation_callback=person) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(ask())


def paying(amount: float = 20, to: str = "acme") -> tuple[str, dict[str, Any]]:
    return "pay", {"amount": amount, "to": to}


LOOK: tuple[str, dict[str, Any]] = ("look", {})


def text_of(result: Any) -> str:
    text: str = result.content[0].text
    return text


def told(result: Any) -> dict[str, Any]:
    """What the client is told of a refusal, which says the same twice."""
    assert result.is_error and json.loads(text_of(result)) == result.structured_content
    read: dict[str, Any] = result.structured_content
    return read


# --- Allow and deny ---


def test_what_is_allowed_runs_and_what_is_denied_is_a_result(
    effects: Effects, kind: ServerOf, age: str
) -> None:
    server = stage0_gate(gate()).guard_server(kind(effects))
    paid, denied, looked = asked(server, age, paying(), paying(20_000), LOOK)
    assert "paid 20" in text_of(paid) and not paid.is_error
    assert told(denied)["verdict"] == "DENY" and "NO_RULE_ALLOWS" in told(denied)["codes"]
    assert "seen" in text_of(looked)
    assert effects.done == [("pay", 20), ("look", None)]


def test_calls_are_counted(effects: Effects, kind: ServerOf) -> None:
    server = stage0_gate(gate(MILD)).guard_server(kind(effects))
    results = asked(server, "legacy", *([paying(400)] * 3))
    assert [result.is_error for result in results] == [False, False, True]
    assert told(results[2])["codes"] == ["DAILY"] and len(effects.done) == 2


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(
    effects: Effects, kind: ServerOf, age: str, error: Exception
) -> None:
    server = stage0_gate(broken(error)).guard_server(kind(effects))
    for result in asked(server, age, paying(), LOOK):
        assert told(result)["verdict"] == "DENY" and "secret" not in text_of(result)
    assert effects.done == []


# --- Waiting for people ---


class Person:
    """Whoever sits at the client."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[str] = []

    async def __call__(self, context: Any, params: Any) -> types.ElicitResult:
        self.seen.append(params.message)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return types.ElicitResult(action=answer)  # type: ignore[arg-type]
        return types.ElicitResult(action="accept", content=answer)


YES = {"approve": True}


def vouched(policy: str = RICH, **more: Any) -> McpGate:
    """A gate of a host that knows who sits at the client."""
    return stage0_gate(gate(policy), approver=lambda call: LEAD, **more)


def test_a_yes_at_the_client_lets_the_call_run_once(effects: Effects, kind: ServerOf, age: str) -> None:
    made = vouched()
    server = made.guard_server(kind(effects))
    person = Person(YES, "decline")
    first, second = asked(server, age, paying(600), paying(600), person=person)
    assert "paid 600" in text_of(first) and effects.done == [("pay", 600)]
    assert told(second)["codes"][0] == "APPROVAL_REJECTED"
    assert "600" in person.seen[0] and "Who approves this payout?" in person.seen[0]


def test_a_no_stands(effects: Effects, kind: ServerOf, age: str) -> None:
    made = vouched()
    server = made.guard_server(kind(effects))
    person = Person({"approve": False, "reason": "not today"}, YES)
    (refused,) = asked(server, age, paying(600), person=person)
    assert "a person said no: not today" in told(refused)["reasons"]
    made.gate.reload(Policy.parse(MILD))
    (again,) = asked(server, age, paying(600), person=person)
    assert effects.done == [] and told(again)["verdict"] == "DENY"


@pytest.mark.parametrize("answer", ["cancel", {"approve": "yes"}, {}], ids=["cancel", "word", "empty"])
def test_only_a_plain_yes_is_one(effects: Effects, kind: ServerOf, age: str, answer: Any) -> None:
    server = vouched().guard_server(kind(effects))
    try:
        (refused,) = asked(server, age, paying(600), person=Person(answer))
    except Exception:
        # A client that does not let such an answer go out.
        pass
    else:
        assert told(refused)["verdict"] == "DEFER"
    assert effects.done == []


def test_a_client_that_says_yes_by_itself_approves_nothing(
    effects: Effects, kind: ServerOf, age: str
) -> None:
    # Nobody vouches for who sits there, so nobody is asked there.
    person = Person(YES)
    server = stage0_gate(gate()).guard_server(kind(effects))
    (refused,) = asked(server, age, paying(600), person=person)
    assert told(refused)["verdict"] == "DEFER" and told(refused)["ticket"]
    assert effects.done == [] and person.seen == []


def test_a_client_that_cannot_ask_gets_a_ticket(effects: Effects, kind: ServerOf, age: str) -> None:
    made = vouched()
    server = made.guard_server(kind(effects))
    (waits,) = asked(server, age, paying(600))
    assert told(waits)["needs"] == ["approval"] and effects.done == []
    made.gate.approve(told(waits)["ticket"], **LEAD)
    # Approved elsewhere, it runs once; arguments that nobody approved do not.
    other, paid, again = asked(server, age, paying(601), paying(600), paying(600))
    assert told(other)["verdict"] == "DEFER" and "paid 600" in text_of(paid)
    assert told(again)["verdict"] != "ALLOW" and effects.done == [("pay", 600)]


def test_an_answer_is_about_the_action_that_was_asked_about(effects: Effects, kind: ServerOf) -> None:
    # A client that puts other arguments under a yes that was given before.
    made = vouched()
    server = made.guard_server(kind(effects))

    async def ask() -> Any:
        low = getattr(server, "_mcp_server", server)
        async with Client(low, mode="2026-07-28", elicitation_callback=Person(YES)) as client:
            asks = await client.session.call_tool(
                "pay", {"amount": 600, "to": "a"}, allow_input_required=True
            )
            (key,) = asks.input_requests
            answer = {key: types.ElicitResult(action="accept", content={"approve": True})}
            return await client.session.call_tool(
                "pay",
                {"amount": 601, "to": "a"},
                input_responses=answer,
                request_state=asks.request_state,
                allow_input_required=True,
            )

    try:
        result = asyncio.run(ask())
    except Exception:
        # Some servers seal what is handed back together with the arguments.
        pass
    else:
        assert isinstance(result, types.InputRequiredResult)
    assert effects.done == []


def test_the_client_is_asked_for_a_signed_approval_where_that_counts(
    effects: Effects, kind: ServerOf, age: str
) -> None:
    person = Person({"token": "e30.e30.e30"})
    server = stage0_gate(gate(), tokens=True).guard_server(kind(effects))
    (refused,) = asked(server, age, paying(600), person=person)
    assert len(person.seen) == 1
    assert told(refused)["verdict"] == "DEFER" and effects.done == []


def test_a_broken_client_is_no_yes(effects: Effects, kind: ServerOf) -> None:
    async def person(context: Any, params: Any) -> types.ElicitResult:
        raise RuntimeError("no window")

    server = vouched().guard_server(kind(effects))
    (refused,) = asked(server, "legacy", paying(600), person=person)
    assert told(refused)["verdict"] == "DEFER" and effects.done == []


# --- Servers ---


def test_what_a_tool_raises_is_told_as_failed(effects: Effects, kind: ServerOf) -> None:
    lines: list[dict[str, Any]] = []

    class Kept:
        def append(self, record: str) -> None:
            lines.append(json.loads(record))

    def closed(*_: Any, **__: Any) -> str:
        raise OSError("the bank is closed")

    effects.pay = closed  # type: ignore[method-assign]
    server = stage0_gate(gate(audit=Kept())).guard_server(kind(effects))

    async def ask() -> None:
        async with Client(getattr(server, "_mcp_server", server), mode="legacy") as client:
            # A client of low level servers raises what it is told.
            with contextlib.suppress(MCPError):
                await client.call_tool(*paying())
            await client.call_tool(*LOOK)

    asyncio.run(ask())
    assert [one["report"]["outcome"] for one in lines if "report" in one] == ["failed", "executed"]


def test_only_servers_are_guarded_and_only_once(effects: Effects) -> None:
    made = stage0_gate(gate())
    with pytest.raises(TypeError, match="no MCP server"):
        made.guard_server(object())
    with pytest.raises(ValueError, match="calls no tools"):
        made.guard_server(Server("empty"))
    server = made.guard_server(high_level(effects))
    with pytest.raises(ValueError, match="a gate already"):
        made.guard_server(server)


def test_a_middleware_behind_the_gate_lets_nothing_run(effects: Effects, caplog: Any) -> None:
    class Rewriter(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            arguments = {"amount": 20_000, "to": "mallory"}
            message = context.message.model_copy(update={"arguments": arguments})
            return await call_next(context.copy(message=message))

    made = stage0_gate(gate())
    server = made.guard_server(fastmcp(effects))
    server.add_middleware(Rewriter())
    (refused,) = asked(server, "legacy", paying())
    assert told(refused)["codes"] == ["CALL_UNCHECKED"] and effects.done == []
    assert "another middleware is behind the gate" in caplog.text
    # In front of it, it is asked about what it made of the call.
    server = fastmcp(effects)
    server.add_middleware(Rewriter())
    (refused,) = asked(made.guard_server(server), "legacy", paying())
    assert told(refused)["verdict"] == "DENY" and effects.done == []


def test_a_program_that_calls_its_own_server_is_asked_about_too(effects: Effects) -> None:
    server = stage0_gate(gate()).guard_server(fastmcp(effects))
    refused = asyncio.run(server.call_tool(*paying(20_000)))
    assert refused.is_error and effects.done == []


def test_who_asks_is_told_by_the_request(effects: Effects, kind: ServerOf, age: str) -> None:
    seen: list[Any] = []

    def context(call: ToolCall) -> dict[str, Any]:
        seen.append(call.data)
        return STAFF

    server = stage0_gate(Policy.parse(DESK), context=context, run=lambda call: "r1").guard_server(
        kind(effects)
    )
    asked(server, age, paying())
    assert seen and all(hasattr(data, "protocol_version") for data in seen)


def test_a_store_in_a_file_is_asked_from_a_thread(effects: Effects, kind: ServerOf, tmp_path: Any) -> None:
    with Gate(Policy.parse(DESK), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        made = stage0_gate(kept, approver=lambda call: LEAD)
        server = made.guard_server(kind(effects))
        (paid,) = asked(server, "legacy", paying(600), person=Person(YES))
        assert "paid 600" in text_of(paid)

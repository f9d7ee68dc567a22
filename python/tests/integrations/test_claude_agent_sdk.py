"""Gates in front of tools of Claude Code, which the SDK brings along, with a scripted model."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from claude import Model, scripted
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    ResultMessage,
    create_sdk_mcp_server,
    tool,
)

from stage0 import Gate, Policy, ToolCall
from stage0.integrations import claude_agent_sdk as integration
from stage0.integrations.claude_agent_sdk import HookGate, approve, edit, reject, stage0_gate

from gates import DESK, STAFF
from world import BREAKS, LEAD, Effects, broken, gate

NAMED = DESK.replace("[payout]", "[mcp__desk__pay]").replace("look: {", "look: { aka: [mcp__desk__look],")
MILD = NAMED.replace("args.amount > 500", "args.amount > 5000")
RICH = NAMED.replace("max: 1000", "max: 9000")


def paying(amount: Any = 20, id: str = "toolu_1") -> dict[str, Any]:
    arguments = {"amount": amount, "to": "acme"}
    return {"type": "tool_use", "id": id, "name": "mcp__desk__pay", "input": arguments}


def looking(id: str = "toolu_9") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "mcp__desk__look", "input": {}}


class Desk:
    """Claude Code with two tools of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.effects = Effects()

        @tool("pay", "Pays", {"amount": float, "to": str})
        async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
            said = self.effects.pay(arguments["amount"], arguments["to"])
            return {"content": [{"type": "text", "text": said}], "is_error": arguments["amount"] == 13}

        @tool("look", "Looks", {})
        async def look(arguments: dict[str, Any]) -> dict[str, Any]:
            return {"content": [{"type": "text", "text": self.effects.look()}]}

        self.tools = [pay, look]

    @property
    def done(self) -> list[tuple[str, Any]]:
        return self.effects.done

    def run(
        self,
        model: Model,
        made: HookGate | None,
        resume: str | None = None,
        guard: bool = False,
        hooks: Any = None,
        **more: Any,
    ) -> ResultMessage:
        tools = made.guard_tools(self.tools) if made is not None and guard else self.tools
        options = ClaudeAgentOptions(
            cwd=self.folder,
            tools=[],
            mcp_servers={"desk": create_sdk_mcp_server("desk", tools=tools)},
            # Without a gate nothing would be asked about.
            allowed_tools=["mcp__desk__pay", "mcp__desk__look"],
            setting_sources=[],
            hooks=hooks,
            resume=resume,
            env={
                "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{model.server_port}",
                "ANTHROPIC_API_KEY": "scripted",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CONFIG_DIR": str(self.folder),
                "DISABLE_AUTOUPDATER": "1",
                "HOME": str(self.folder),
            },
        )
        if made is not None:
            options = made.guard_options(options)
        return asyncio.run(_last(replace(options, **more)))


async def _last(options: ClaudeAgentOptions) -> ResultMessage:
    async with ClaudeSDKClient(options) as client:
        if options.resume is None:
            await client.query("pay acme")
        # Without a prompt, which would take the place of a call that waits on.
        messages = [message async for message in client.receive_response()]
    result = messages[-1]
    assert isinstance(result, ResultMessage)
    return result


def told(model: Model, id: str = "toolu_1") -> dict[str, Any]:
    """The refusal that the model read."""
    text = model.told[id]
    read: dict[str, Any] = json.loads(text[text.index("{") :])
    return read


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_allowed_runs_counts_and_what_is_not_is_told(desk: Desk) -> None:
    made = stage0_gate(Policy.parse(MILD), context=STAFF, cost=lambda call, result: "0.25")
    turns = [[paying(400), looking()], [paying(600, "toolu_2"), paying(601, "toolu_3")]]
    with scripted(*turns, [paying(20_000, "toolu_4")]) as model:
        result = desk.run(model, made, guard=True)
    assert desk.done == [("pay", 400), ("look", None), ("pay", 600)]
    assert told(model, "toolu_3")["codes"] == ["DAILY"]
    assert told(model, "toolu_4")["reasons"][0] == "more than 10000 goes through treasury"
    assert result.stop_reason == "end_turn"


def test_what_fails_is_given_back(desk: Desk) -> None:
    made = stage0_gate(Policy.parse(MILD.replace("max: 1000", "max: 20")), context=STAFF)
    with scripted([paying(13)], [paying(20, "toolu_2")]) as model:
        desk.run(model, made)
    assert desk.done == [("pay", 13), ("pay", 20)]


def test_a_yes_lets_the_session_go_on(desk: Desk) -> None:
    made = stage0_gate(gate(NAMED))
    with scripted([paying(600)]) as model:
        result = desk.run(model, made)
        assert desk.done == [] and result.stop_reason == "tool_deferred"
        waiting = result.deferred_tool_use
        assert waiting is not None
        [ticket] = made.gate.pending(result.session_id)
        assert (ticket.call_id, ticket.run_id) == (waiting.id, result.session_id)
        # Somebody who may not say yes changes nothing.
        made.decide(result.session_id, waiting.id, approve(by="bob", roles=["intern"]))
        result = desk.run(model, made, result.session_id)
        assert desk.done == [] and result.stop_reason == "tool_deferred"
        # Another process, which knows nothing but the session.
        made = stage0_gate(gate(NAMED))
        made.decide(result.session_id, waiting.id, approve(**LEAD))
        result = desk.run(model, made, result.session_id, guard=True)
    assert desk.done == [("pay", 600)] and result.stop_reason == "end_turn"


def test_a_no_tells_the_model_why_and_stands(desk: Desk) -> None:
    made = stage0_gate(gate(NAMED))
    with scripted([paying(600)]) as model:
        result = desk.run(model, made)
        made.decide(result.session_id, "toolu_1", reject(**LEAD, reason="not this month"))
        made.gate.reload(Policy.parse(MILD))
        desk.run(model, made, result.session_id)
    assert desk.done == []
    assert "a person said no: not this month" in told(model)["reasons"]


def test_edited_arguments_are_asked_about_and_run(desk: Desk) -> None:
    made = stage0_gate(gate(RICH))
    with scripted([paying(600)], [paying(600, "toolu_2")]) as model:
        result = desk.run(model, made, guard=True)
        changed = edit({"amount": 550, "to": "acme"}, **LEAD)
        made.decide(result.session_id, "toolu_1", changed)
        result = desk.run(model, made, result.session_id, guard=True)
        assert desk.done == [("pay", 550)]
        changed = edit({"amount": 20_000, "to": "acme"}, **LEAD)
        made.decide(result.session_id, "toolu_2", changed)
        desk.run(model, made, result.session_id, guard=True)
    assert desk.done == [("pay", 550)] and told(model, "toolu_2")["verdict"] == "DENY"


def test_siblings_are_answered_each_by_itself_and_one_of_them_waits(desk: Desk) -> None:
    made = stage0_gate(gate(RICH))
    calls = [paying(20_000, "toolu_0"), paying(600), looking(), paying(700, "toolu_2")]
    with scripted(calls, [paying(700, "toolu_3")]) as model:
        result = desk.run(model, made)
        assert desk.done == [("look", None)]
        [other] = [ticket for ticket in made.gate.pending() if ticket.call_id != "toolu_1"]
        made.gate.approve(other, **LEAD)
        waiting = result.deferred_tool_use
        assert waiting is not None and waiting.id == "toolu_1"
        made.decide(result.session_id, "toolu_1", approve(**LEAD))
        desk.run(model, made, result.session_id)
    assert desk.done == [("look", None), ("pay", 600), ("pay", 700)]
    assert told(model, "toolu_0")["verdict"] == "DENY"
    assert told(model, "toolu_2")["ticket"] == other.id


def test_two_that_are_too_much_together_do_not_both_run(desk: Desk) -> None:
    with scripted([paying(600), paying(601, "toolu_2")]) as model:
        desk.run(model, stage0_gate(gate(MILD)))
    assert desk.done == [("pay", 600)]


@pytest.mark.parametrize("error", BREAKS, ids=["store", "engine"])
def test_a_crash_is_a_deny_that_gives_nothing_away(desk: Desk, error: Exception) -> None:
    with scripted([paying(), looking()]) as model:
        desk.run(model, stage0_gate(broken(error)))
    assert desk.done == []
    assert [told(model, id)["verdict"] for id in ("toolu_1", "toolu_9")] == ["DENY", "DENY"]
    assert "secret" not in str(model.told)


def test_what_decides_too_slowly_is_a_deny(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integration, "DEADLINE_SECONDS", 0.05)
    made = stage0_gate(Policy.parse(NAMED), context=lambda call: time.sleep(1) or STAFF)
    with scripted([paying()]) as model:
        desk.run(model, made)
    assert desk.done == [] and told(model)["codes"] == ["GATE_FAILED"]


@pytest.mark.parametrize("returned", [None, RuntimeError("crash"), {"hookSpecificOutput": {}}])
def test_what_goes_wrong_around_the_gate_blocks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, returned: Any
) -> None:
    async def before(self: Any, *given: Any) -> Any:
        if isinstance(returned, Exception):
            raise returned
        if returned:
            told = {"hookEventName": "PreToolUse", "permissionDecision": "Deny"}
            return {"hookSpecificOutput": told}
        return None

    monkeypatch.setattr(HookGate, "_before", before)
    with scripted([paying()]) as model:
        desk.run(model, stage0_gate(gate(NAMED)))
    assert desk.done == []


def test_a_naive_gate_that_goes_wrong_lets_calls_through(desk: Desk) -> None:
    async def before(*given: Any) -> Any:
        raise RuntimeError("crash")

    with scripted([paying(20_000)]) as model:
        desk.run(model, None, hooks={"PreToolUse": [HookMatcher(hooks=[before])]})
    assert desk.done == [("pay", 20_000)]


def test_a_naive_gate_in_can_use_tool_is_not_asked_about_what_is_permitted(desk: Desk) -> None:
    async def no(*given: Any) -> Any:
        raise AssertionError("it was asked")

    with scripted([paying(20_000)]) as model, pytest.warns(UserWarning, match="PreToolUse"):
        desk.run(model, None, can_use_tool=no)
    assert desk.done == [("pay", 20_000)]


def test_an_allow_overrules_no_permission_rule(desk: Desk) -> None:
    with scripted([paying()]) as model:
        desk.run(model, stage0_gate(gate(NAMED)), allowed_tools=[])
    assert desk.done == [] and "permission" in model.told["toolu_1"]


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "not"])
def test_a_hook_that_changes_arguments_is_caught_in_the_body(
    desk: Desk, guard: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def change(given: Any, *rest: Any) -> Any:
        changed = {"hookEventName": "PreToolUse", "updatedInput": {"amount": 20_000, "to": "acme"}}
        return {"hookSpecificOutput": changed}

    made = stage0_gate(gate(NAMED))
    with scripted([paying()]) as model, caplog.at_level(logging.ERROR, "stage0.gate"):
        desk.run(model, made, guard=guard, hooks={"PreToolUse": [HookMatcher(hooks=[change])]})
    if guard:
        assert desk.done == [] and "ARGUMENTS_CHANGED" in str(model.told)
    else:
        assert desk.done == [("pay", 20_000)] and "not checked" in caplog.text


def test_decisions_that_are_none_are_refused() -> None:
    made = stage0_gate(gate(NAMED))
    for wrong in (True, "yes", {"type": "Approve"}, {"type": "edit", "by": "mia"}, {"type": "approve"}):
        with pytest.raises(ValueError, match="toolu_1"):
            made.decide("s", "toolu_1", wrong)


def test_what_has_no_session_is_refused() -> None:
    made = stage0_gate(gate(NAMED))
    [before] = made.hooks["PreToolUse"][0].hooks
    said: Any = asyncio.run(before({"tool_name": "pay"}, None, {"signal": None}))
    assert said["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_sub_agent_s_call_is_refused_with_its_ticket() -> None:
    made = stage0_gate(gate(NAMED))
    [before] = made.hooks["PreToolUse"][0].hooks
    given = {
        "session_id": "s1",
        "tool_use_id": "toolu_1",
        "tool_name": "mcp__desk__pay",
        "tool_input": {"amount": 600, "to": "acme"},
        "agent_id": "a1",
        "agent_type": "researcher",
    }
    said: Any = asyncio.run(before(given, "toolu_1", {"signal": None}))
    assert said["hookSpecificOutput"]["permissionDecision"] == "deny"
    ticket = json.loads(said["hookSpecificOutput"]["permissionDecisionReason"])["ticket"]
    made.gate.approve(ticket, **LEAD)
    # The model makes the call again, as another one.
    assert asyncio.run(before({**given, "tool_use_id": "toolu_2"}, "toolu_2", {"signal": None})) == {}


def test_tools_outside_the_catalog_and_a_store_in_a_file(desk: Desk, tmp_path: Path) -> None:
    with Gate(Policy.parse(NAMED), context=STAFF, store=f"sqlite:{tmp_path / 'r.db'}") as kept:
        made = stage0_gate(kept)
        with scripted([paying(600)]) as model:
            result = desk.run(model, made)
            made.decide(result.session_id, "toolu_1", approve(**LEAD))
            desk.run(model, made, result.session_id)
        call = ToolCall("Bash", {"command": "rm -rf /"}, id="t", run="r")
        assert kept.check(call).verdict != "ALLOW"
    assert desk.done == [("pay", 600)]

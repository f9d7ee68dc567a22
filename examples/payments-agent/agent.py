"""An agent that pays invoices: the OpenAI Agents SDK, with a gate in front of its tools."""

import asyncio
import json
import os
from pathlib import Path

from agents import Agent, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from stage0 import ToolCall
from stage0.integrations.openai_agents import stage0_gate

MODEL = os.environ.get("MODEL")  # of OpenAI, with its key; without one, a script plays the model
INVOICES = {"R-17": (120, "EUR"), "R-18": (750, "EUR"), "R-19": (25_000, "EUR")}


@function_tool
def find_invoice(number: str) -> str:
    """Says what is to be paid."""
    amount, currency = INVOICES[number]
    return f"{number}: {amount} {currency}"


@function_tool
def pay_invoice(number: str, amount: float, currency: str) -> str:
    """Pays an invoice."""
    print(f"  the bank pays {amount:g} {currency} for {number}")
    return "paid"


def scripted() -> ScriptedModel:
    """What a model would do: it looks the invoices up, pays them all at once, and one of them too much."""
    looks, pays = [], []
    for number, (amount, currency) in INVOICES.items():
        looks.append(function_call("find_invoice", {"number": number}, call_id=f"look-{number}"))
        paid = {"number": number, "amount": amount, "currency": currency}
        pays.append(function_call("pay_invoice", paid, call_id=f"pay-{number}"))
    slip = {"number": "R-17", "amount": 1200, "currency": "EUR"}
    wrong = function_call("pay_invoice", slip, call_id="pay-too-much")
    done = assistant_message("R-17 and R-18 are paid. R-19 is for the treasury.")
    return ScriptedModel([looks, [wrong], pays, [done]])


def yes(question: str) -> bool:
    """What a person says: in this example at the terminal, or yes where a script plays the model."""
    print(question)
    return not MODEL or input("  y/n ") == "y"


def facts(call: ToolCall) -> dict[str, object]:
    """Who asks, and what is due: your own code's word. The model's is in the arguments."""
    paid = json.loads(call.arguments) if call.name == "pay_invoice" else {}
    if (number := paid.get("number")) not in INVOICES:
        return call.data.context
    amount, currency = INVOICES[number]
    return {**call.data.context, "invoice": number, "due_amount": amount, "due_currency": currency}


async def main() -> None:
    gate = stage0_gate(Path(__file__).with_name("policy.yaml"), context=facts)
    agent = Agent(
        name="accounts",
        instructions="Look each invoice up, then pay it.",
        tools=[find_invoice, pay_invoice],
        model=MODEL or scripted(),
    )
    gate.guard_agent(agent)

    user = {"actor_id": "ben", "actor_role": "accounts"}
    result = await Runner.run(agent, "Please pay R-17, R-18 and R-19.", context=user)
    while result.interruptions:
        state = result.to_state()  # text, in a real program, until somebody has looked
        for item in result.interruptions:
            if yes(f"  Ana, may this happen? {item.name} {item.arguments}"):
                gate.approve(state, item, by="ana", roles=["accounts_lead"])
            else:
                gate.reject(state, item, by="ana", reason="Ana said no.")
        result = await Runner.run(agent, state)

    for item in result.new_items:
        if item.type == "tool_call_output_item" and "verdict" in str(item.output):
            print(f"  the model is told: {item.output}")
    print(result.final_output)


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_AGENTS_DISABLE_TRACING", "1")
    asyncio.run(main())

"""An agent that deploys: LangChain's agent on LangGraph, with a gate in front of its tools.

A call that waits for a person interrupts the graph. Who goes on may be another process: here another graph
and another gate, which share nothing with the first but two files.
"""

import os
import tempfile
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, Interrupt

from stage0 import Gate
from stage0.integrations.langgraph import approve, reject, stage0_gate

MODEL = os.environ.get("MODEL")  # as LangChain names it; without one, a script plays the model
POLICY = Path(__file__).with_name("policy.yaml")
RELEASE = {"actor_id": "ci", "revision": "0a1b2c3"}  # your own code's word, never the model's


@tool
def run_tests(revision: str) -> str:
    """Runs the tests of a revision."""
    print(f"  the tests of {revision} run")
    return "all passed"


@tool
def deploy(revision: str, environment: str) -> str:
    """Deploys a revision to staging or production."""
    print(f"  {revision} goes to {environment}")
    return "deployed"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **kwargs):
        return self


def call(name: str, **arguments: str) -> AIMessage:
    id = "-".join([name, *arguments.values()])
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": id}])


def scripted(has_begun: bool):
    """What a model would do: it is in a hurry, is told, and goes the right way."""
    turns = [
        call("deploy", revision="0a1b2c3", environment="staging"),
        call("run_tests", revision="0a1b2c3"),
        call("deploy", revision="0a1b2c3", environment="staging"),
        call("deploy", revision="0a1b2c3", environment="production"),
        AIMessage("0a1b2c3 is in production."),
    ]
    # A second try is another call.
    turns[2].tool_calls[0]["id"] += "-again"
    return Scripted(messages=iter(turns[4:] if has_begun else turns))


def process(folder: str, given: object, has_begun: bool) -> dict:
    """One process of several: it begins a run, or goes on with one."""
    model = MODEL or scripted(has_begun)
    with (
        SqliteSaver.from_conn_string(f"{folder}/graph.db") as saver,
        Gate(POLICY, context=RELEASE, store=f"sqlite:{folder}/runs.db") as kept,
    ):
        gate = stage0_gate(kept)
        agent = create_agent(model, [run_tests, deploy], middleware=[gate.middleware], checkpointer=saver)
        return agent.invoke(given, {"configurable": {"thread_id": "release-42"}})


def answered(waiting: Interrupt) -> dict:
    """What a person says: in this example at the terminal, or yes where a script plays the model."""
    print(f"  Kim, may this happen? {waiting.value['name']} {waiting.value['args']}")
    if not MODEL or input("  y/n ") == "y":
        return approve(by="kim", roles=["release_manager"])
    return reject(by="kim", reason="Kim said no.")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = {"messages": [("user", "Please bring 0a1b2c3 to production.")]}
        result = process(folder, asked, has_begun=False)
        while waiting := result.get("__interrupt__"):
            answers = {one.id: answered(one) for one in waiting}
            result = process(folder, Command(resume=answers), has_begun=True)

    for message in result["messages"]:
        if isinstance(message, ToolMessage) and message.status == "error":
            print(f"  the model was told: {message.content}")
    print(result["messages"][-1].content)


if __name__ == "__main__":
    main()

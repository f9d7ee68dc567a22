"""A node that runs the tool calls of a message, for graphs without LangChain's agents."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.prebuilt import ToolNode

from stage0.integrations.langgraph._gate import GraphGate, calls_of, messages_of, stepped, stepped_async
from stage0.integrations.langgraph._tool import Outcome, settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def tool_node(gate: GraphGate, tools: Sequence[Any], options: Mapping[str, Any]) -> Runnable[Any, Any]:
    """The node. First all calls are asked about, then those that may run do."""
    inner = ToolNode(gate.guard_tools(tools), **options)
    key = str(options.get("messages_key", "messages"))

    def run(state: Any, config: RunnableConfig) -> Any:
        messages = messages_of(state, key)
        outcomes = stepped(gate.settling(calls_of(messages), config, messages, None))
        by_id, state = _ready(state, key, outcomes)
        with settled(by_id):
            return inner.invoke(state, config)

    async def run_async(state: Any, config: RunnableConfig) -> Any:
        messages = messages_of(state, key)
        steps = gate.settling(calls_of(messages), config, messages, None)
        by_id, state = _ready(state, key, await stepped_async(steps, gate.gate.waits))
        with settled(by_id):
            return await inner.ainvoke(state, config)

    return RunnableLambda(run, run_async, name=inner.name)


def _ready(state: Any, key: str, outcomes: list[Outcome]) -> tuple[dict[str, Outcome], Any]:
    """The outcomes by the ids of their calls, and the state with the arguments that people changed."""
    messages = list(messages_of(state, key))
    place = next(at for at in reversed(range(len(messages))) if isinstance(messages[at], AIMessage))
    calls = messages[place].tool_calls
    by_id = {call["id"]: outcome for call, outcome in zip(calls, outcomes, strict=True)}
    if not any(outcome.note for outcome in outcomes):
        return by_id, state
    changed = [{**call, "args": outcome.arguments} for call, outcome in zip(calls, outcomes, strict=True)]
    messages[place] = messages[place].model_copy(update={"tool_calls": changed})
    if isinstance(state, list):
        return by_id, messages
    if isinstance(state, Mapping):
        return by_id, {**state, key: messages}
    return by_id, state.model_copy(update={key: messages})

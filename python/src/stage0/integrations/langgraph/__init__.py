"""Gates for LangGraph and LangChain agents: ``pip install 'stage0[langgraph]'``.

>>> from langchain_core.tools import tool
>>> from stage0 import Policy
>>> from stage0.integrations.langgraph import stage0_gate
>>> @tool
... def weather(city: str) -> str:
...     "The weather in a city."
...     return "rain"
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> gate.guard_tools([weather])[0].name
'weather'

``create_agent(model, tools, middleware=[gate.middleware], checkpointer=...)`` gates agents of LangChain;
``gate.tool_node(tools)`` is a node for graphs of your own. A call that waits for a person interrupts the
graph; :func:`approve` and :func:`reject` make what it is resumed with.
"""

try:
    import langgraph.prebuilt as _prebuilt  # noqa: F401
    from langchain_core.tools import BaseTool as _BaseTool  # noqa: F401
except ImportError as error:
    raise ImportError(
        "stage0.integrations.langgraph needs LangGraph: pip install 'stage0[langgraph]'"
    ) from error

from stage0.integrations._calls import UngatedError
from stage0.integrations._people import approve, edit, reject
from stage0.integrations.langgraph._gate import GraphGate, stage0_gate

__all__ = ["GraphGate", "UngatedError", "approve", "edit", "reject", "stage0_gate"]

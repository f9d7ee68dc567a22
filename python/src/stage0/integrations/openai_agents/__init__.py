"""A gate for the OpenAI Agents SDK: ``pip install 'stage0[openai-agents]'``.

>>> from agents import Agent, function_tool
>>> from stage0 import Policy
>>> from stage0.integrations.openai_agents import stage0_gate
>>> @function_tool
... def weather(city: str) -> str:
...     return "rain"
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> agent = gate.guard_agent(Agent(name="Forecaster", tools=[weather]))

A call that is denied is answered to the model, with what is missing. One that waits for a person pauses
the run as the SDK's own approvals do; :meth:`AgentsGate.approve` takes the person's answer.
"""

try:
    import agents as _agents
except ImportError as error:
    raise ImportError(
        "stage0.integrations.openai_agents needs the OpenAI Agents SDK: pip install 'stage0[openai-agents]'"
    ) from error
if not hasattr(_agents, "ToolInputGuardrail"):
    raise ImportError(
        "this is no OpenAI Agents SDK that a gate can be put into: pip install 'stage0[openai-agents]'"
    )

from stage0.integrations._calls import UngatedError
from stage0.integrations.openai_agents._gate import AgentsGate, stage0_gate

__all__ = ["AgentsGate", "UngatedError", "stage0_gate"]

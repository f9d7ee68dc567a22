"""A gate for Pydantic AI: ``pip install 'stage0[pydantic-ai]'``.

>>> from pydantic_ai import Agent, DeferredToolRequests
>>> from stage0 import Policy
>>> from stage0.integrations.pydantic_ai import stage0_gate
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> agent = Agent(capabilities=[gate.capability], output_type=[str, DeferredToolRequests])

A call that waits for a person ends the run with ``DeferredToolRequests``; :meth:`ToolsetGate.results` makes
of people's answers what the next run goes on with.
"""

try:
    from pydantic_ai.capabilities import AbstractCapability as _Capability
except ImportError as error:
    raise ImportError(
        "stage0.integrations.pydantic_ai needs Pydantic AI, version 2: pip install 'stage0[pydantic-ai]'"
    ) from error
if not hasattr(_Capability, "get_wrapper_toolset"):
    raise ImportError("this Pydantic AI is too old for a gate: pip install 'stage0[pydantic-ai]'")

from stage0.integrations._calls import UngatedError
from stage0.integrations._people import approve, edit, reject
from stage0.integrations.pydantic_ai._gate import ToolsetGate, stage0_gate

__all__ = ["ToolsetGate", "UngatedError", "approve", "edit", "reject", "stage0_gate"]

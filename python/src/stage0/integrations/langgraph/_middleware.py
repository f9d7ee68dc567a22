"""The gate as a middleware of LangChain's agents. Graphs without them need no LangChain."""

from __future__ import annotations

from collections.abc import Mapping

try:
    from langchain.agents.middleware import AgentMiddleware
except ImportError as error:
    raise ImportError(
        "a middleware needs langchain beside langgraph: pip install 'stage0[langgraph]'"
    ) from error

from stage0.integrations._calls import UngatedError
from stage0.integrations.langgraph._gate import GraphGate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


class Stage0Middleware(AgentMiddleware):  # type: ignore[type-arg]
    """Asks about each tool call right before it runs."""

    name = "stage0"

    def __init__(self, gate: GraphGate) -> None:
        super().__init__()
        self._gate = gate

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Refuses tools that the provider runs, which nobody here would be asked about."""
        self._refuse(request.tools)
        return handler(request)

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        self._refuse(request.tools)
        return await handler(request)

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        return self._gate.run(request, handler)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        return await self._gate.run_async(request, handler)

    def _refuse(self, tools: Any) -> None:
        names = [str(tool.get("name") or tool.get("type")) for tool in tools if isinstance(tool, Mapping)]
        doors = [f"the provider's tool {name}" for name in names if name not in self._gate.ungated]
        if doors:
            raise UngatedError(doors)

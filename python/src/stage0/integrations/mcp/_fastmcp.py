"""The gate as a middleware of FastMCP."""

from __future__ import annotations

try:
    import mcp_types as types
    from fastmcp.server.middleware import Middleware, MiddlewareContext
    from fastmcp.tools.base import InputRequiredToolResult, ToolResult
except ImportError as error:
    raise ImportError("a middleware needs FastMCP, version 4: pip install 'stage0[fastmcp]'") from error

from stage0.gate import ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations.mcp._gate import Listed, McpGate, Refusal, digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


class Stage0Middleware(Middleware):
    """Asks about each call of a tool right before it runs."""

    def __init__(self, gate: McpGate) -> None:
        self._gate = gate
        self._listed = Listed()

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        """Remembers what tools say of themselves."""
        tools = await call_next(context)
        for tool in tools:
            self._listed.keep(tool.name, digest_of(tool.to_mcp_tool()))
        return tools

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        """Runs the call if it may be made. Whatever goes wrong before is a DENY."""
        try:
            outcome = await self._settle(context)
        except Exception as error:
            outcome = Refusal(failed(ToolCall(context.message.name), error).message)
        if isinstance(outcome, types.InputRequiredResult):
            return InputRequiredToolResult(outcome)
        if isinstance(outcome, Refusal):
            text = types.TextContent(type="text", text=outcome.text)
            return ToolResult(content=[text], structured_content=outcome.members, is_error=True)
        return await self._gate.run(outcome, lambda: call_next(context))

    async def _settle(self, context: MiddlewareContext[Any]) -> Any:
        within = context.fastmcp_context
        server = None if within is None else within.fastmcp
        behind = getattr(server, "middleware", None)
        if not behind or behind[-1] is not self:
            raise Failure("CALL_UNCHECKED", "another middleware is behind the gate and may change the call")
        # There is none where a program calls its own server.
        request = None if within is None else within.request_context
        name = context.message.name
        definition = await self._listed.digest(name, request)
        if definition is None and server is not None:
            tool = await server.get_tool(name)
            definition = None if tool is None else digest_of(tool.to_mcp_tool())
            self._listed.keep(name, definition)
        return await self._gate.settle(context.message, request, definition)

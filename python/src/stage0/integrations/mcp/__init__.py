"""A gate for MCP servers: ``pip install 'stage0[mcp]'``, and ``stage0[fastmcp]`` for those of FastMCP.

>>> from mcp.server.mcpserver import MCPServer
>>> from stage0 import Policy
>>> from stage0.integrations.mcp import stage0_gate
>>> server = MCPServer("weather")
>>> @server.tool()
... def weather(city: str) -> str:
...     return "rain"
>>> gate = stage0_gate(Policy.builtin("standard"))
>>> server = gate.guard_server(server)

Both ages of the protocol are served. A call that waits for a person is answered with a ticket, which is
approved elsewhere before the client calls again; where you say that whoever sits at the client may approve,
that person is asked through the client.
"""

try:
    from mcp.server.lowlevel import Server as _Server
    from mcp_types import InputRequiredResult as _Asks  # noqa: F401
except ImportError as error:
    raise ImportError(
        "stage0.integrations.mcp needs the MCP SDK, version 2: pip install 'stage0[mcp]'"
    ) from error
if not hasattr(_Server, "get_request_handler"):
    raise ImportError("this MCP SDK is too old for a gate: pip install 'stage0[mcp]'")

from stage0.integrations.mcp._gate import McpGate, stage0_gate

__all__ = ["McpGate", "stage0_gate"]

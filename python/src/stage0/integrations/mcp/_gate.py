"""The gate as servers of the MCP SDK have it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict

import mcp_types as types
from mcp.server.lowlevel import Server

from stage0._errors import TicketError
from stage0.catalog import KNOWN_MAX, definition, definition_digest
from stage0.gate import Answer, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import after_a_no, cost_of, exact, gate_of, inside
from stage0.integrations.mcp import _people as people

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    from stage0.gate import Gate
    from stage0.integrations._calls import Approver, Cost, GateOrPolicy

    _S = TypeVar("_S")

_LOG = logging.getLogger("stage0.gate")

LIST_PAGES_MAX = 100
"""Pages of a server's list of tools that are looked through for one."""


def stage0_gate(
    policy: GateOrPolicy,
    *,
    approver: Approver | None = None,
    tokens: bool = False,
    cost: Cost | None = None,
    **options: Any,
) -> McpGate:
    """A gate in front of the tools of an MCP server.

    ``policy`` is a :class:`stage0.Policy`, the path of one, or a :class:`stage0.Gate`; ``options`` are
    those of :class:`stage0.Gate`. Callables among them get a :class:`stage0.ToolCall` whose ``data`` is
    the request's context, from which a host tells who is logged in.

    What a client says is no approval by itself, since nobody here sees who said it, or whether a program
    did. With ``approver`` the host vouches for whoever sits at the client: it makes
    ``{"by": ..., "roles": [...]}`` of the call, or ``None``, and that person is asked. With
    ``tokens=True`` the client is asked for a signed approval. Otherwise, and where the client cannot ask
    anybody, the refusal has a ticket, which is approved elsewhere before the call is made again.
    """
    return McpGate(gate_of(policy, options), approver=approver, tokens=tokens, cost=cost)


class Refusal:
    """What a client gets instead of a result."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.members: dict[str, Any] = json.loads(text)


class McpGate:
    """Puts one gate in front of servers. See :func:`stage0_gate`."""

    def __init__(
        self,
        gate: Gate,
        *,
        approver: Approver | None = None,
        tokens: bool = False,
        cost: Cost | None = None,
    ) -> None:
        self.gate = gate
        """What is asked."""
        self.cost = cost
        self._approver = approver
        self._tokens = tokens

    # --- Putting it in front ---

    def guard_server(self, server: _S) -> _S:
        """Puts the gate in front of every tool of a server: a ``Server`` or an ``MCPServer`` of the SDK, or
        a ``FastMCP``, proxies among them; the same server, changed. Resources and prompts are not gated.

        Raises ``TypeError`` for what is no server, and ``ValueError`` for one that calls no tools or has a
        gate already.
        """
        given: Any = server
        if _is_fastmcp(given):
            given.add_middleware(self.middleware)
            return server
        low: Any = given if isinstance(given, Server) else getattr(given, "_lowlevel_server", None)
        if not isinstance(low, Server):
            raise TypeError(f"{type(given).__name__} is no MCP server that a gate is known for")
        entry = low.get_request_handler("tools/call")
        if entry is None:
            raise ValueError(f"the server {low.name} calls no tools: put the gate in front when it does")
        if isinstance(entry.handler, GatedHandler):
            raise ValueError(f"the server {low.name} has a gate already")
        params: Any = entry.params_type
        listed = Listed()
        lists = low.get_request_handler("tools/list")
        if lists is not None:
            listed.handler = lists.handler
            low.add_request_handler("tools/list", lists.params_type, listed)
        low.add_request_handler("tools/call", params, GatedHandler(self, entry.handler, listed))
        return server

    @property
    def middleware(self) -> Any:
        """What ``FastMCP.add_middleware`` takes. It has to be the last one, so that nothing changes a call
        behind it: where it is not, calls are denied."""
        from stage0.integrations.mcp._fastmcp import Stage0Middleware

        return Stage0Middleware(self)

    # --- Asking ---

    async def settle(
        self, params: Any, context: Any, definition: str | None
    ) -> Answer | Refusal | types.InputRequiredResult:
        """An ALLOW, or what the client gets instead. ``definition`` is the digest of what the tool says of
        itself."""
        asked = self._asked(params, context, definition)
        if isinstance(asked, Answer):
            return Refusal(asked.message)
        answer = await self.gate.check_async(asked)
        if answer.waits_for_person and answer.ticket is not None:
            try:
                asks = await self._ask_person(answer, answer.ticket, params, context)
            except Exception:
                _LOG.exception("a person could not be asked through the client")
                return Refusal(answer.message)
            if not isinstance(asks, Answer):
                return asks
            answer = asks
        return answer if answer.allowed else Refusal(answer.message)

    def _asked(self, params: Any, context: Any, definition: str | None) -> ToolCall | Answer:
        # A call has no id that lasts: when it is made again after an approval, it has another one.
        arguments = exact(params.arguments or {})
        members: dict[str, Any] = {"definition": definition, "data": context}
        call = ToolCall(params.name, arguments, **members)
        try:
            if self.gate.names_runs:
                return call
            return ToolCall(params.name, arguments, run=_session(context), **members)
        except Exception as error:
            return failed(call, Failure("CONTEXT_FAILED", f"{type(error).__name__}: {error}"))

    async def _ask_person(
        self, answer: Answer, ticket: str, params: Any, context: Any
    ) -> Answer | Refusal | types.InputRequiredResult:
        """Asks whoever sits at the client, if the host wants that and the client can."""
        person = None if self._approver is None else self._approver(answer.call)
        if (person is None and not self._tokens) or not people.can_ask(context):
            return answer
        message = people.question(answer, params.arguments or {})
        schema = people.CONSENT if person is not None else people.TOKEN
        if people.is_modern(context):
            said = people.said_before(params, ticket)
            if said is None:
                return _asks(message, schema, ticket)
        else:
            given = await context.session.elicit_form(
                message, schema, related_request_id=context.request_id
            )
            said = people.Said(given.action, given.content)
        return await self._taken(answer, ticket, said, person)

    async def _taken(self, answer: Answer, ticket: str, said: people.Said, person: Any) -> Answer | Refusal:
        """Takes what the person said."""
        try:
            if said.yes and said.token is not None:
                await self._in_thread(lambda: self.gate.approve(ticket, token=said.token))
            elif said.yes and person is not None:
                await self._in_thread(lambda: self.gate.approve(ticket, reason=said.reason, **person))
            elif said.no and person is not None:
                await self._in_thread(lambda: self.gate.reject(ticket, reason=said.reason, **person))
                answer = await self.gate.check_async(answer.call)
                return Refusal(after_a_no(answer, said.reason))
            else:
                return answer
        except TicketError:
            _LOG.warning("what was said of ticket %s is not taken", ticket, exc_info=True)
            return answer
        return await self.gate.check_async(answer.call)

    async def _in_thread(self, do: Callable[[], object]) -> None:
        if self.gate.waits:
            await asyncio.to_thread(do)
        else:
            do()

    async def run(self, answer: Answer, body: Callable[[], Awaitable[Any]]) -> Any:
        """Runs the call, and tells what became of it."""
        token = inside.set(True)
        try:
            result = await body()
        except BaseException:
            await self.gate.report_async(answer, "failed")
            raise
        finally:
            inside.reset(token)
        if isinstance(result, types.InputRequiredResult) or hasattr(result, "input_required"):
            # The tool itself asks something first: it comes again, and is asked about again.
            await self.gate.report_async(answer, "stopped")
        elif getattr(result, "is_error", False):
            await self.gate.report_async(answer, "failed")
        else:
            cost = cost_of(self.cost, answer, result)
            await self.gate.report_async(answer, "executed", cost_usd=cost)
        return result


class Listed:
    """Answers ``tools/list`` as the server did, and remembers what its tools say of themselves."""

    def __init__(self) -> None:
        self.handler: Callable[[Any, Any], Awaitable[Any]] | None = None
        self._digests: OrderedDict[str, str | None] = OrderedDict()

    async def __call__(self, context: Any, params: Any) -> Any:
        if self.handler is None:
            raise LookupError("the server lists no tools")
        result = await self.handler(context, params)
        for tool in result.tools:
            self.keep(tool.name, digest_of(tool))
        return result

    def keep(self, name: str, digest: str | None) -> None:
        """Remembers a digest; ``None`` where there is none."""
        self._digests[name] = digest
        if len(self._digests) > KNOWN_MAX:
            self._digests.popitem(last=False)

    async def digest(self, name: str, context: Any) -> str | None:
        """The digest of a tool, as it was told to whoever asked last; asked for where nobody has."""
        cursor, pages = None, 0
        while name not in self._digests and self.handler is not None and pages < LIST_PAGES_MAX:
            result = await self(context, types.PaginatedRequestParams(cursor=cursor))
            cursor, pages = result.next_cursor, pages + 1
            if cursor is None:
                break
        if name not in self._digests:
            # So that a tool that there is not is asked for once.
            self.keep(name, None)
        return self._digests[name]


class GatedHandler:
    """Answers ``tools/call``: as the server did, if the call may be made."""

    def __init__(self, gate: McpGate, inner: Callable[[Any, Any], Awaitable[Any]], listed: Listed) -> None:
        self._gate = gate
        self._inner = inner
        self._listed = listed

    async def __call__(self, context: Any, params: Any) -> Any:
        try:
            definition = await self._listed.digest(params.name, context)
        except Exception:
            _LOG.exception("what %s says of itself is not known", params.name)
            definition = None
        outcome = await self._gate.settle(params, context, definition)
        if isinstance(outcome, types.InputRequiredResult):
            return outcome
        if isinstance(outcome, Refusal):
            text = types.TextContent(type="text", text=outcome.text)
            return types.CallToolResult(content=[text], structured_content=outcome.members, is_error=True)
        passed = _without_ours(params)
        return await self._gate.run(outcome, lambda: self._inner(context, passed))


def digest_of(tool: Any) -> str | None:
    """The digest of what a tool says of itself, as clients are told."""
    try:
        return definition_digest(definition(tool))
    except Exception:
        _LOG.exception("what %s says of itself has no exact form", getattr(tool, "name", "a tool"))
        return None


def _without_ours(params: Any) -> Any:
    """The call without answers to a gate's question, which are not the tool's."""
    responses: dict[str, Any] = params.input_responses or {}
    others = {key: said for key, said in responses.items() if not people.is_ours(key)}
    if len(others) == len(responses):
        return params
    return params.model_copy(update={"input_responses": others or None})


def _asks(message: str, schema: dict[str, Any], ticket: str) -> types.InputRequiredResult:
    form = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    asks: Any = {people.key_of(ticket): types.ElicitRequest(params=form)}
    return types.InputRequiredResult(input_requests=asks)


def _session(context: Any) -> str | None:
    """The session, where the transport has one."""
    connection = getattr(getattr(context, "session", None), "_connection", None)
    session = getattr(connection, "session_id", None)
    return session if isinstance(session, str) else None


def _is_fastmcp(server: object) -> bool:
    modules = {kind.__module__.partition(".")[0] for kind in type(server).__mro__}
    return "fastmcp" in modules and hasattr(server, "add_middleware")

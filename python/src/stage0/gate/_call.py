"""A call of a tool, as whoever is about to make it sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stage0._native import JsonText, text_of
from stage0._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Arguments: TypeAlias = Mapping[str, Any] | str | bytes | bytearray | None


class ToolCall(Value):
    """A call that is about to be made.

    Everything but ``run``, ``agent``, ``trusted``, ``definition`` and ``data`` is the agent's word, which
    can only tighten the answer.
    """

    name: str
    """The tool, as the framework calls it."""
    arguments: Arguments = None
    """A dict, or the JSON text that a model library hands over, whose numbers stay as they are
    written."""
    id: str | None = None
    """The call's id: asked twice about one call of one run, a gate answers the same and counts once.
    Without an id each time is another call."""
    run: str | None = None
    """The run that it belongs to, such as a thread or a conversation; the gate's own where there is
    none."""
    agent: str | None = None
    """The agent's name: ``context.agent_name``, unless the gate's context has another one."""
    goal: str | None = None
    """What the agent says it is after."""
    effects: Sequence[str] = ()
    """Effects that the caller declares, beside those of the catalog."""
    trusted: Sequence[Mapping[str, str]] = ()
    """Texts of the user or operator, as ``{"source": ..., "text": ...}``."""
    definition: str | None = None
    """The digest of what the tool says of itself now, as :func:`stage0.catalog.definition_digest` tells it:
    ``context.tool_definition``, unless the gate's context has another one."""
    data: object = None
    """Whatever the gate's ``context`` needs to tell who asks, such as the framework's own context. It
    is no part of what is decided about."""


def arguments_text(arguments: Arguments) -> str:
    """The arguments as one JSON text. Raises what the native half raises for what has no exact form."""
    if arguments is None:
        return "{}"
    if isinstance(arguments, (str, bytes, bytearray)):
        text = arguments if isinstance(arguments, str) else bytes(arguments).decode()
        # One whole value, so that it can stand inside another text.
        JsonText(text)
        return text
    return text_of(arguments)


def agents_word(call: ToolCall, arguments: str) -> str:
    """What the agent says, as the beginning of a request: a JSON object without its last brace."""
    named: dict[str, Any] = {"name": call.name}
    if call.id is not None:
        named["id"] = call.id
    text = '{"tool_call":%s,"arguments":%s}' % (text_of(named)[:-1], arguments)
    rest: dict[str, Any] = {}
    if call.goal is not None:
        rest["goal"] = call.goal
    if isinstance(call.effects, str):
        raise TypeError("effects is a list of texts, not one text")
    if call.effects:
        rest["side_effects"] = list(call.effects)
    return text + "," + text_of(rest)[1:-1] if rest else text

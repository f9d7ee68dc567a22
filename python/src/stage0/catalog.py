"""What tools say of themselves, in one form for all frameworks, and its digest.

``stage0 catalog from-python agent:tools`` drafts a policy from it. A gate tells the digest of a tool that
is about to run as ``context.tool_definition``, so that a policy can make one wait that has changed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from stage0._native import canonical_text, text_of
from stage0.integrations._definitions import MEMBERS, definition_of, tools_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["definition", "definition_digest", "definitions"]

KNOWN_MAX = 1_000
"""Tools whose digest is kept; the oldest are told anew."""


def definitions(tools: Any) -> list[dict[str, Any]]:
    """What several tools say of themselves: a list of tools, or an agent or a toolset that has some."""
    return [definition(tool) for tool in tools_of(tools)]


def definition(tool: Any) -> dict[str, Any]:
    """What a tool says of itself, as MCP has it: ``name``, ``description``, ``inputSchema`` and whatever
    else of that there is. ``tool`` is a function, a tool of an agent framework, or a dict of that form.

    Raises ``TypeError`` for what is none of these.
    """
    found = definition_of(tool)
    if found is None:
        raise TypeError(f"{type(tool).__name__} is no tool that a catalog knows")
    return found


def definition_digest(definition: Mapping[str, Any]) -> str:
    """The SHA-256 of a definition: 64 hexadecimal digits, the same as ``stage0 catalog`` writes. Raises
    what the native half raises for what has no exact form."""
    named = {name: definition[name] for name in MEMBERS if definition.get(name) is not None}
    return hashlib.sha256(canonical_text(named).encode()).hexdigest()


class Digests:
    """Digests of tools that were told before. A tool is taken not to change while it is the same
    object."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[int, tuple[object, str | None]] = OrderedDict()

    def of(self, tool: object) -> str | None:
        """The digest, or ``None`` for what cannot be told."""
        known = self._known.get(id(tool))
        if known is not None and known[0] is tool:
            return known[1]
        try:
            digest: str | None = definition_digest(definition(tool))
        except Exception:
            digest = None
        with self._lock:
            self._known[id(tool)] = tool, digest
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return digest


digests = Digests()


def _tools(named: str) -> Any:
    module, _, name = named.partition(":")
    if not module or not name:
        raise ValueError("name them as MODULE:NAME, such as agent:tools")
    sys.path.insert(0, os.getcwd())
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def main(arguments: Iterable[str]) -> int:
    """Writes what the tools say of themselves, as JSON; the exit code."""
    [named] = arguments
    # What the module prints is no part of the answer.
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        told = text_of({"tools": definitions(_tools(named))})
    except Exception as error:
        print(f"{named}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        sys.stdout = stdout
    print(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

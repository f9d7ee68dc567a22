"""Keys and sets of them, as people hand them over."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Json: TypeAlias = str | Mapping[str, Any]


def key_text(value: Json) -> str:
    """The JSON text of a key, or of a set of keys."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value)

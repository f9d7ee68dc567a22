"""What tools of each framework say of themselves, told without loading any framework."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEMBERS = ("annotations", "description", "inputSchema", "name", "outputSchema", "title")
"""What of a definition is part of its digest. What a tool is shown with, such as icons, is not."""

_SIMPLE = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def definition_of(tool: Any) -> dict[str, Any] | None:
    """What a tool says of itself; ``None`` for what is no tool."""
    for told in (_of_mapping, _of_schema, _of_framework, _of_mcp, _of_function):
        found = told(tool)
        if found is not None:
            return {name: value for name, value in found.items() if value is not None}
    return None


def tools_of(tools: Any) -> list[Any]:
    """Tools one by one."""
    if isinstance(tools, (list, tuple)):
        return [one for tool in tools for one in tools_of(tool)]
    options = getattr(tools, "default_options", None)
    held = options.get("tools") if isinstance(options, Mapping) else getattr(tools, "tools", None)
    if held is None:
        held = getattr(tools, "toolsets", None)
    if isinstance(held, Mapping):
        held = list(held.values())
    if not isinstance(held, (list, tuple)):
        return [tools]
    if type(tools).__module__.startswith("google.adk."):
        from google.adk.tools import FunctionTool

        # As the agent itself makes tools of them.
        held = [FunctionTool(tool) if inspect.isfunction(tool) else tool for tool in held]
    return [one for tool in held for one in tools_of(tool)]


def _of_mapping(tool: Any) -> dict[str, Any] | None:
    """A tool of MCP, or a function as model libraries take it."""
    if not isinstance(tool, Mapping):
        return None
    inner = tool.get("function")
    told = inner if isinstance(inner, Mapping) else tool
    if not isinstance(told.get("name"), str):
        return None
    schema = told.get("inputSchema", told.get("input_schema", told.get("parameters")))
    return {**{name: told.get(name) for name in MEMBERS}, "inputSchema": schema}


def _of_mcp(tool: Any) -> dict[str, Any] | None:
    """A tool of MCP's libraries, and of the Claude Agent SDK."""
    if hasattr(tool, "to_mcp_tool"):
        tool = tool.to_mcp_tool()
    name = getattr(tool, "name", None)
    schema = getattr(tool, "inputSchema", None) or getattr(tool, "input_schema", None)
    if not isinstance(name, str) or schema is None or callable(tool):
        return None
    if isinstance(schema, type):
        schema = _json_schema(schema)
    elif isinstance(schema, Mapping) and not isinstance(schema.get("type"), str):
        schema = _object({key: _schema_of(kind) for key, kind in schema.items()}, list(schema))
    found = {"name": name, "title": getattr(tool, "title", None), "inputSchema": schema}
    found["description"] = getattr(tool, "description", None)
    found["annotations"] = _plain(getattr(tool, "annotations", None))
    found["outputSchema"] = getattr(tool, "outputSchema", getattr(tool, "output_schema", None))
    return found


def _of_schema(tool: Any) -> dict[str, Any] | None:
    """A tool that has its schema as an attribute."""
    tool = getattr(tool, "tool_def", tool)
    for attribute in ("params_json_schema", "parameters_json_schema"):
        schema = getattr(tool, attribute, None)
        if isinstance(schema, Mapping):
            return _named(tool, dict(schema))
    return None


def _of_framework(tool: Any) -> dict[str, Any] | None:
    """A tool that makes its schema."""
    metadata: Any = getattr(tool, "metadata", None)
    if hasattr(metadata, "get_parameters_dict"):
        return _named(metadata, metadata.get_parameters_dict())
    shown = getattr(tool, "tool_call_schema", None)
    if shown is not None:
        return _named(tool, shown if isinstance(shown, dict) else _json_schema(shown))
    declaration = tool._get_declaration() if hasattr(tool, "_get_declaration") else None
    if declaration is not None:
        schema = getattr(declaration, "parameters_json_schema", None)
        return _named(declaration, schema or _lower_case(_plain(getattr(declaration, "parameters", None))))
    made = getattr(tool, "parameters", None)
    if callable(made) and isinstance(getattr(tool, "name", None), str):
        return _named(tool, made())
    arguments = getattr(tool, "args_schema", None)
    if isinstance(arguments, type):
        return _named(tool, _json_schema(arguments))
    return None


def _of_function(tool: Any) -> dict[str, Any] | None:
    """A function, by its signature."""
    if not callable(tool) or isinstance(tool, type):
        return None
    try:
        hints = typing.get_type_hints(tool, include_extras=True)
    except Exception:
        hints = {}
    named, left_out = getattr(tool, "__stage0__", (getattr(tool, "__name__", type(tool).__name__), ()))
    properties: dict[str, Any] = {}
    required: list[str] = []
    takes_others = False
    for name, parameter in inspect.signature(tool).parameters.items():
        if name in left_out:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_others = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            properties[name] = _schema_of(hints.get(name, parameter.annotation))
            if parameter.default is parameter.empty:
                required.append(name)
    schema = _object(properties, required)
    if takes_others:
        schema["additionalProperties"] = True
    return {"name": named, "description": inspect.getdoc(tool), "inputSchema": schema}


def _named(tool: Any, schema: Any) -> dict[str, Any] | None:
    name = getattr(tool, "name", None)
    if not isinstance(name, str):
        return None
    return {"name": name, "description": getattr(tool, "description", None), "inputSchema": schema}


def _schema_of(kind: Any) -> dict[str, Any]:
    """The schema of a type as far as it has a simple one; of others nothing is said."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _schema_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema_of(part) for part in arguments]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    if (origin or kind) in (list, set, frozenset, tuple):
        items = _schema_of(arguments[0]) if len(arguments) == 1 else {}
        return {"type": "array", "items": items}
    if (origin or kind) is dict or typing.is_typeddict(kind):
        return {"type": "object"}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if hasattr(kind, "model_json_schema"):
        schema: dict[str, Any] = kind.model_json_schema()
        # Its references point to where it stands alone.
        return {"type": "object"} if "$defs" in schema else schema
    return {}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _json_schema(model: Any) -> Any:
    if hasattr(model, "model_json_schema"):
        return model.model_json_schema()
    hints = typing.get_type_hints(model)
    return _object({name: _schema_of(kind) for name, kind in hints.items()}, list(hints))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return value


def _lower_case(schema: Any) -> Any:
    """A schema as Google's models take it, whose types are in capitals."""
    if isinstance(schema, Mapping):
        told = {name: _lower_case(part) for name, part in schema.items()}
        if isinstance(told.get("type"), str):
            told["type"] = told["type"].lower()
        return told
    if isinstance(schema, list):
        return [_lower_case(part) for part in schema]
    return schema

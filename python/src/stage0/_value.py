"""What value objects have in common: frozen, hashable, compared and shown by what they hold.

They are what ``dataclasses`` would make of them with ``frozen=True``, and type checkers see them so.
Importing that module takes longer than everything else here does together.
"""

from __future__ import annotations

from enum import Enum

from stage0._native import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda base: base


@dataclass_transform(frozen_default=True)
class Value:
    """A value with named members. Those that begin with ``_`` are neither compared nor shown."""

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.__match_args__ = (*cls.__match_args__, *cls.__annotations__)  # type: ignore[misc]

    def __init__(self, *positional: Any, **named: Any) -> None:
        names = self.__match_args__
        if len(positional) > len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} members, not {len(positional)}")
        members = dict(zip(names, positional, strict=False))
        for name in names[len(positional) :]:
            if name in named:
                members[name] = named.pop(name)
            elif hasattr(type(self), name):
                members[name] = getattr(type(self), name)
            else:
                raise TypeError(f"{type(self).__name__} lacks {name!r}")
        for name in named:
            fault = "is given twice" if name in members else "is no member"
            raise TypeError(f"{name!r} {fault} of {type(self).__name__}")
        # In one step, past what freezes it.
        self.__dict__.update(members)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot set {name!r}: a {type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a {type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _shown(self) == _shown(other)

    def __hash__(self) -> int:
        return hash((type(self), *_shown(self).values()))

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in _shown(self).items())
        return f"{type(self).__name__}({members})"

    def __replace__(self, **changes: Any) -> Self:
        """The same with other members, for ``copy.replace``."""
        return type(self)(**{**self.__dict__, **changes})

    def to_dict(self) -> dict[str, Any]:
        """The members as they stand on the wire, made of JSON's types; decimals are ``Decimal``."""
        return {name: _plain(value) for name, value in _shown(self).items()}

    def to_json(self) -> str:
        """The canonical text of :meth:`to_dict`: the same bytes as in a decision."""
        return text_of(self.to_dict())


def _shown(value: object) -> dict[str, Any]:
    return {name: member for name, member in value.__dict__.items() if name[0] != "_"}


def _plain(value: Any) -> Any:
    """A member as JSON's types have it."""
    if isinstance(value, Value):
        return value.to_dict()
    if type(value) in (tuple, list):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "items"):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "isoformat"):
        # As it stands in a text, without the quotes.
        return text_of(value)[1:-1]
    return value

"""What gates of all frameworks have in common: how a call is named, shown and told of."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from threading import Lock

from stage0._native import canonical_text, text_of
from stage0._policy import Policy
from stage0._values import Verdict
from stage0.gate import Answer, Gate, ToolCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from decimal import Decimal
    from typing import Any, TypeAlias

    from stage0.gate._call import Arguments

    GateOrPolicy: TypeAlias = Gate | Policy | str | os.PathLike[str]
    Cost: TypeAlias = Callable[[ToolCall, object], Decimal | int | str | None]
    Approver: TypeAlias = Callable[[ToolCall], Mapping[str, Any] | None]

_LOG = logging.getLogger("stage0.gate")

TRUSTED_TEXTS_MAX = 16
"""Messages of the user that go with a call; the oldest are left out, which can only tighten the answer."""

TRUSTED_CHARACTERS_MAX = 32_768
"""Characters of them, all together."""

SPENT_MAX = 100_000
"""Calls of which is known that they have run; the oldest are forgotten."""

inside: ContextVar[bool] = ContextVar("stage0_inside_a_tool", default=False)
"""Whether a tool's body is running. What an agent is told in there is no user's word."""


class UngatedError(ValueError):
    """Something of an agent would run without anybody being asked."""

    def __init__(self, doors: list[str]) -> None:
        self.doors = tuple(doors)
        """What that is, one line each."""
        super().__init__(
            f"nobody would be asked about {'; '.join(doors)}. "
            "Take it away, or name it in `ungated` to let it be"
        )


def gate_of(policy: GateOrPolicy, options: Mapping[str, Any]) -> Gate:
    """The gate, made of a policy where it is none yet. Raises ``TypeError`` for options of a gate that
    there is already."""
    if not isinstance(policy, Gate):
        return Gate(policy, **options)
    if options:
        raise TypeError(f"a gate has its own {sorted(options)[0]}: give it where the gate is made")
    return policy


def exact(arguments: Arguments) -> Arguments:
    """The arguments in the one form in which all hooks of a framework show them: the digits of a model's
    text stay. What has no exact form comes back as it is, and is refused."""
    try:
        if arguments is None or arguments == "":
            return "{}"
        return canonical_text(arguments)
    except Exception:
        return arguments


def plain(value: Any) -> Any:
    """Arguments as JSON's types have them: models of Pydantic and dataclasses by their fields, all else as
    it is."""
    named = getattr(type(value), "model_fields", None)
    if isinstance(named, Mapping):
        extra = getattr(value, "model_extra", None) or {}
        named = {name: getattr(value, name) for name in named}
        return {name: plain(item) for name, item in (named | extra).items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if type(value) is dict:
        return {name: plain(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return [plain(item) for item in value]
    return value


def user_texts(texts: Iterable[tuple[str, str]]) -> tuple[dict[str, str], ...]:
    """Messages, newest last, as ``(role, text)``: those that a user wrote, as what a rule may trust."""
    if inside.get():
        return ()
    written = [text for role, text in texts if role == "user" and text]
    kept: list[dict[str, str]] = []
    room = TRUSTED_CHARACTERS_MAX
    for text in reversed(written[-TRUSTED_TEXTS_MAX:]):
        room -= len(text)
        if room < 0:
            break
        kept.append({"source": "user", "text": text})
    return tuple(reversed(kept))


class Spent:
    """Ids of calls that have run. Some models number their calls anew each time: what comes under the
    same id after that is another call, asked about and counted anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: OrderedDict[tuple[str | None, str], int] = OrderedDict()

    def name(self, run: str | None, id: str) -> str:
        """What this call is known as at the gate."""
        with self._lock:
            times = self._times.get((run, id), 0)
        return id if times == 0 else f"{id}~{times + 1}"

    def spend(self, run: str | None, id: str) -> None:
        """From here on the id means another call."""
        with self._lock:
            self._times[run, id] = self._times.pop((run, id), 0) + 1
            if len(self._times) > SPENT_MAX:
                self._times.popitem(last=False)


def cost_of(cost: Cost | None, answer: Answer, result: object) -> Decimal | int | str | None:
    """What the call cost, where somebody knows."""
    try:
        return None if cost is None else cost(answer.call, result)
    except Exception:
        # The call has run; its result is not lost because of that.
        _LOG.exception("what a call cost is not known")
        return None


def after_a_no(answer: Answer, reason: str | None) -> str:
    """What the model is told once a person has said no, also where the gate no longer asks anybody."""
    told: dict[str, Any] = {"verdict": "DENY", "codes": ["APPROVAL_REJECTED"], "reasons": []}
    if answer.verdict is Verdict.DENY:
        told = json.loads(answer.message)
    if reason:
        told["reasons"] = [f"a person said no: {reason}", *told.get("reasons", [])]
    elif not told["reasons"]:
        told["reasons"] = ["a person said no"]
    return text_of(told)

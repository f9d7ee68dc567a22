"""Functions that ask before they run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from stage0._policy import Policy
from stage0.gate._answer import Answer
from stage0.gate._call import ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import Gate, failed, obeyed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

DEPTH_MAX = 64
"""Lists and dicts inside each other that are copied; a request may not be deeper."""


def gated(
    gate: Gate | Policy,
    *,
    tool: str | None = None,
    effects: Iterable[str] = (),
    unchecked: Iterable[str] = (),
    refuse: Literal["raise", "return"] = "raise",
) -> Callable[[_F], _F]:
    """Makes a function ask before it runs: a function, a method, or a coroutine function.

    ``tool`` is its name in the policy, the function's own where there is none; ``effects`` are declared
    beside those of the catalog. Its arguments are what the parameters come to, defaults applied:
    ``**rest`` under their own names, ``*rest`` as one list. ``self`` and ``cls`` of methods are left
    out, and so is what ``unchecked`` names, such as a session: no rule sees it.

    The body gets exactly what was checked. Lists, tuples and dicts are copied before anybody is asked,
    all the way down, and the copies are both checked and used, so nobody else can change them; what
    else can be changed and is not listed under ``unchecked`` is refused, as is what has no exact form
    as JSON.

    Raises :class:`Denied` or :class:`Deferred` instead of running; with ``refuse="return"`` the message
    for the model is returned instead. Then tells the gate whether it was ``executed`` or ``failed``; an
    exception of the body goes on.

    Raises ``TypeError`` for what cannot ask before it runs: generators, classes, and descriptors such
    as ``staticmethod``, which go above.
    """
    guard = gate if isinstance(gate, Gate) else Gate(gate)
    left_out = frozenset(unchecked)
    declared = tuple(effects)
    if refuse not in ("raise", "return"):
        raise ValueError(f"refuse is 'raise' or 'return', not {refuse!r}")

    def decorate(function: _F) -> _F:
        binder = _Binder(function, left_out)
        name = tool or binder.name

        told: list[str | None] = []

        def proposed(bound: inspect.BoundArguments) -> ToolCall:
            if not told:
                # What takes long to load, and is not needed before.
                from stage0.catalog import digests

                told.append(digests.of(asking))
            return ToolCall(name, binder.arguments(bound), effects=declared, definition=told[0])

        def refused(answer: Answer) -> object:
            return answer.message if refuse == "return" else obeyed(answer)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waiting(*positional: Any, **named: Any) -> Any:
                bound = binder.bind(positional, named)
                if isinstance(bound, Exception):
                    return refused(failed(ToolCall(name), bound))
                answer = fitting(await guard.check_async(proposed(bound)), binder, bound)
                if not answer.allowed:
                    return refused(answer)
                try:
                    result = await function(*bound.args, **bound.kwargs)
                except BaseException:
                    await guard.report_async(answer, "failed")
                    raise
                await guard.report_async(answer, "executed")
                return result

            asking = _marked(waiting, name, binder)
            return waiting  # type: ignore[return-value]

        @functools.wraps(function)
        def running(*positional: Any, **named: Any) -> Any:
            bound = binder.bind(positional, named)
            if isinstance(bound, Exception):
                return refused(failed(ToolCall(name), bound))
            answer = fitting(guard.check(proposed(bound)), binder, bound)
            if not answer.allowed:
                return refused(answer)
            try:
                result = function(*bound.args, **bound.kwargs)
            except BaseException:
                guard.report(answer, "failed")
                raise
            guard.report(answer, "executed")
            return result

        asking = _marked(running, name, binder)
        return running  # type: ignore[return-value]

    return decorate


def _marked(function: Callable[..., Any], name: str, binder: _Binder) -> Callable[..., Any]:
    """The function, with what a catalog has to know of it."""
    function.__stage0__ = (name, binder.unchecked)  # type: ignore[attr-defined]
    return function


def fitting(answer: Answer, binder: _Binder, bound: inspect.BoundArguments) -> Answer:
    """The answer, or a DENY where an ALLOW is not about these arguments."""
    if not answer.allowed or answer.verify(binder.arguments(bound)):
        return answer
    return failed(answer.call, Failure("ARGUMENTS_CHANGED", "what is about to be used was not checked"))


class _Binder:
    """From how a function is called to the arguments that are checked."""

    def __init__(self, function: Callable[..., Any], unchecked: frozenset[str]) -> None:
        if not inspect.isfunction(function):
            raise TypeError(f"{function!r} is no function: put what makes something else of it above")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator, which runs after it was asked about")
        self.name = function.__name__
        self._signature = inspect.signature(function)
        parameters = list(self._signature.parameters.values())
        is_method = function.__qualname__.rpartition(".")[0].rpartition(".")[2] not in ("", "<locals>")
        if is_method and parameters and parameters[0].name in ("self", "cls"):
            unchecked = unchecked | {parameters[0].name}
        unknown = unchecked - set(self._signature.parameters)
        if unknown:
            raise TypeError(f"{function.__qualname__} has no parameter {sorted(unknown)[0]!r}")
        self.unchecked = unchecked
        self._rest = next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD), None)

    def bind(
        self, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> inspect.BoundArguments | Exception:
        """The arguments as the body gets them: copies that nobody else has. What is wrong with them, if
        they cannot be checked. Raises ``TypeError`` as the function itself does where they do not fit
        it."""
        bound = self._signature.bind(*positional, **named)
        bound.apply_defaults()
        try:
            for name, value in bound.arguments.items():
                if name not in self.unchecked:
                    bound.arguments[name] = _copy(value, name, 0)
            self.arguments(bound)
        except Failure as failure:
            return failure
        return bound

    def arguments(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        """What is checked of them."""
        arguments: dict[str, Any] = {}
        rest: Mapping[str, Any] = {}
        for name, value in bound.arguments.items():
            if name == self._rest:
                rest = value
            elif name not in self.unchecked:
                arguments[name] = value
        twice = rest.keys() & arguments.keys()
        if twice:
            # A name of `**rest` can be that of a parameter which is only positional.
            raise Failure("CALL_INVALID", f"{sorted(twice)[0]!r} is given twice")
        return {**arguments, **rest}


def _copy(value: Any, place: str, depth: int) -> Any:
    """The same value, of which nobody else has a part that can be changed."""
    if depth > DEPTH_MAX:
        raise Failure("CALL_INVALID", f"{place} is nested too deeply")
    kind = type(cast("object", value))
    if kind is dict:
        members: dict[Any, Any] = value.copy()
        return {key: _copy(item, f"{place}[{key!r}]", depth + 1) for key, item in members.items()}
    if kind is list or kind is tuple:
        items: list[Any] = list(value)
        copies = [_copy(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(items)]
        return copies if kind is list else tuple(copies)
    if isinstance(value, (Mapping, list, tuple, set, bytearray)):
        raise Failure("CALL_INVALID", f"{place} is a {kind}, and no plain dict, list or tuple")
    return value

"""The policy: loaded once, asked often.

What decides is native; here arguments get the form that it takes. A request may be JSON text, which
is decided without holding Python's lock, or a dict, which is read exactly once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from stage0._errors import PolicyError, Problem, RequestError, problems_of
from stage0._native import JsonText, NativePolicy, lint, policy_text, text_of
from stage0._native import report as native_report
from stage0._value import Value
from stage0._values import Decision, Explanation, decided

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, TypeAlias

    from stage0._words import Mode, Outcome

    _Text: TypeAlias = str | bytes | bytearray
    Request: TypeAlias = str | bytes | bytearray | Mapping[str, Any]
    State: TypeAlias = str | Mapping[str, Any]
    _Path: TypeAlias = str | os.PathLike[str]
    _Imports: TypeAlias = Mapping[str, str | bytes | Mapping[str, Any]]

_POLICY_BYTES_MAX = 16_000_000


class Host(Value):
    """The word of the system that asks, beside the request: never fill it with a model's text."""

    request_id: str | None = None
    """The id that the decision carries, 1 to 128 bytes; one is made from the request and the time
    where there is none."""
    mode: Mode | None = None
    """The operator's mode, of which and the policy's the stricter counts; the policy's alone where
    there is none. ``observe`` blocks nothing, ``read_only`` denies whatever writes, ``halted`` denies
    everything."""
    approvals: str | Sequence[Mapping[str, Any]] = ()
    """People's answers: records with ``id``, ``answer`` (``approved``, ``rejected``, ``pending``), ``by``,
    ``rule``, ``terms``, ``action`` and ``issued_at``, and perhaps ``roles`` and ``expires_at``; or their
    JSON text. ``rule``, ``terms`` and ``action`` are those of the issue that asked."""


class StateKeys(Value):
    """What deciding a request needs to know of the past, for hosts that keep counters apart."""

    run: bool
    """Whether a rule asks what the run has done, or a limit counts within it."""
    counters: tuple[str, ...]
    """The keys of the counters that limits compare, sorted: members of the state's ``counters``."""


class Policy:
    """A compiled policy: immutable, and shared by threads.

    Made by :meth:`load`, :meth:`parse` and :meth:`builtin`. Policies can be pickled, which keeps their
    texts and compiles them again.
    """

    __slots__ = ("_native", "_origin")
    _native: NativePolicy
    _origin: tuple[str, bytes, tuple[tuple[str, bytes], ...]] | str

    def __init__(self) -> None:
        raise TypeError("a policy is made by Policy.load(), Policy.parse() or Policy.builtin()")

    # --- Where policies come from ---

    @classmethod
    def load(cls, path: _Path) -> Policy:
        """Reads a YAML or JSON file with the files that it imports, and compiles it.

        Imports are paths relative to the file that imports. Raises :class:`PolicyError` with
        everything that is wrong, also where the file cannot be read.
        """
        name, text = _read(path)
        files = _Files()
        native = NativePolicy.parse(name, text, (), files.find)
        return cls._of(native, (name, text, tuple(files.found.items())))

    @classmethod
    def parse(
        cls,
        text: _Text | Mapping[str, Any],
        imports: _Imports | None = None,
        *,
        name: str = "policy",
    ) -> Policy:
        """Compiles a policy from YAML or JSON text, or from a dict of the same shape.

        ``imports`` has the texts of what it imports, by their paths; ``name`` is what problems call
        the policy's file. Raises :class:`PolicyError` with everything that is wrong.
        """
        body = policy_text(text)
        files = _texts(imports)
        return cls._of(NativePolicy.parse(name, body, files), (name, body, files))

    @classmethod
    def builtin(cls, name: str = "standard") -> Policy:
        """The policy of this name that comes with Stage0, such as ``standard`` or
        ``stage0/standard@1.0.0``. Raises :class:`PolicyError` if there is none."""
        return cls._of(NativePolicy.builtin(name), name)

    @staticmethod
    def lint(
        policy: _Text | Mapping[str, Any] | os.PathLike[str],
        imports: _Imports | None = None,
        *,
        name: str = "policy",
    ) -> tuple[Problem, ...]:
        """Everything that is wrong with a policy, or probably not meant, as data.

        Takes text or a dict as :meth:`parse` does, or the ``Path`` of a file. Raises only
        :class:`PolicyError`, where a file or a dict cannot be read at all.
        """
        if isinstance(policy, os.PathLike):
            name, body = _read(policy)
            return problems_of(lint(name, body, _texts(imports), _Files().find))
        return problems_of(lint(name, policy_text(policy), _texts(imports)))

    # --- Asking ---

    def check(
        self,
        request: Request,
        *,
        host: Host | None = None,
        state: State | None = None,
        now: datetime | str | None = None,
    ) -> Decision:
        """Decides a request. A DENY is an answer, not an error.

        ``request`` is JSON text or a dict with some of ``tool_call`` (``name``, ``arguments``, ``id``),
        ``goal``, ``tools``, ``side_effects``, ``constraints``, ``success_criteria``, ``context``,
        ``trusted``, ``environment`` and ``pro``. In a dict, ``int`` and ``Decimal`` are exact, a ``float``
        is the decimal that ``repr`` shows, and an aware ``datetime`` is its RFC 3339 text.

        ``host`` is what the calling system adds, ``state`` the run as the decision before left it
        (:data:`NEW_RUN` begins one; without one nothing is known of a run, and what asks for it is
        DEFER), ``now`` an aware ``datetime`` or RFC 3339 text (the clock where
        there is none).

        Raises :class:`RequestError` if one of them is not of its form: then nothing was decided, and
        the action must not be carried out.
        """
        return decided(*self._native.check(request, host, state, now))

    def check_json(
        self,
        request: Request,
        *,
        host: Host | None = None,
        state: State | None = None,
        now: datetime | str | None = None,
    ) -> str:
        """As :meth:`check`, from text to text: the decision's canonical JSON and nothing else."""
        return self._native.peek(request, host, state, now)

    def check_tool_call(
        self,
        name: str,
        arguments: Mapping[str, Any] | _Text | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        call_id: str | None = None,
        goal: str | None = None,
        success_criteria: Iterable[str] | None = None,
        constraints: Iterable[str] | None = None,
        tools: Iterable[str] | None = None,
        side_effects: Iterable[str] | None = None,
        trusted: Iterable[Mapping[str, str]] | None = None,
        environment: str | None = None,
        pro: bool | None = None,
        host: Host | None = None,
        state: State | None = None,
        now: datetime | str | None = None,
    ) -> Decision:
        """Decides one concrete call of a tool.

        ``arguments`` is a dict, or the JSON text of an object as model libraries hand it over, whose
        numbers then stay as they were written. ``context`` is the host's word: never put into it what a
        model wrote. ``trusted`` has texts of the user or operator as ``{"source": ..., "text": ...}``.
        The rest is as for :meth:`check`.
        """
        call: dict[str, Any] = {"name": name}
        if call_id is not None:
            call["id"] = call_id
        if isinstance(arguments, (str, bytes, bytearray)):
            call["arguments"] = JsonText(arguments)
        elif arguments is not None:
            call["arguments"] = arguments
        request: dict[str, Any] = {"tool_call": call}
        texts = {
            "success_criteria": success_criteria,
            "constraints": constraints,
            "tools": tools,
            "side_effects": side_effects,
        }
        for member, items in texts.items():
            if isinstance(items, str):
                raise TypeError(f"{member} is a list of texts, not one text")
            if items is not None:
                request[member] = list(items)
        if trusted is not None:
            request["trusted"] = list(trusted)
        rest = {"context": context, "goal": goal, "environment": environment, "pro": pro}
        request.update((member, value) for member, value in rest.items() if value is not None)
        return self.check(request, host=host, state=state, now=now)

    def check_batch(
        self,
        requests: Iterable[Request],
        *,
        host: Host | None = None,
        state: State | None = None,
        now: datetime | str | None = None,
        atomic: bool = False,
    ) -> list[Decision]:
        """Decides several requests at the same time ``now``: at most 256, such as the calls that a model
        asks for in one turn.

        With a ``state`` they are steps of that run, one after the other: the last decision's ``state``
        is the run after all of them. Without one each stands alone. A ``request_id`` of the host
        gets ``/1``, ``/2``, ... behind it.

        With ``atomic`` they run together or not at all: either all decisions are ALLOW, or none is, and
        no limit has anything reserved. Those that would have been allowed alone then say
        ``BATCH_DENIED`` or ``BATCH_DEFERRED``, and the ``state`` of each is the run after all of them.

        Raises :class:`RequestError` at the first request that is not of its form; then none was decided.
        """
        answers = self._native.check_batch(list(requests), host, state, now, atomic)
        return [decided(*answer) for answer in answers]

    def explain(
        self,
        request: Request,
        *,
        host: Host | None = None,
        state: State | None = None,
        now: datetime | str | None = None,
    ) -> Explanation:
        """Decides as :meth:`check` does, and tells why: every rule that was asked, with the values that
        it compared, and what would make it an ALLOW. Moves no run."""
        decision, text = self._native.explain(request, host, state, now)
        return Explanation(text, decision)

    def state_keys(
        self,
        request: Request,
        *,
        host: Host | None = None,
        now: datetime | str | None = None,
    ) -> StateKeys:
        """What deciding this request needs to know of the past, for hosts that keep counters apart and
        load only what is needed. Raises as :meth:`check` does."""
        run, counters = self._native.state_keys(request, host, now)
        return StateKeys(run, tuple(counters))

    # --- What it is ---

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._native.name

    @property
    def version(self) -> str:
        """The policy's version."""
        return self._native.version

    @property
    def digest(self) -> str:
        """SHA-256 of what the policy says, imports included, as 64 hexadecimal digits."""
        return self._native.digest

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Every name of a catalogued tool that a request may use, sorted."""
        return tuple(self._native.tool_names)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the policy probably does not mean."""
        return problems_of(self._native.warnings())

    def describe(self) -> dict[str, Any]:
        """What the policy says about each tool: ``policy``, ``digest`` and ``layers``, each with its
        ``default``, ``mode``, ``unknown_tools``, ``tools``, ``rules`` and ``let``, as ``stage0 explain
        POLICY --format json`` prints it."""
        import json

        described: dict[str, Any] = json.loads(self._native.describe())
        return described

    def __repr__(self) -> str:
        return f"<Policy {self.name}@{self.version} sha256 {self.digest[:12]}>"

    @classmethod
    def _of(
        cls,
        native: NativePolicy,
        origin: tuple[str, bytes, tuple[tuple[str, bytes], ...]] | str,
    ) -> Policy:
        policy = object.__new__(cls)
        policy._native = native
        policy._origin = origin
        return policy

    def __reduce__(self) -> tuple[Callable[..., Policy], tuple[Any, ...]]:
        return _restore, (type(self), self._origin)


def report(
    decision: Decision,
    outcome: Outcome,
    *,
    state: State,
    call_id: str | None = None,
    cost_usd: Decimal | int | str | None = None,
    now: datetime | str | None = None,
) -> str:
    """The state after a call that was allowed: ``executed``, ``failed`` or ``stopped``.

    What was reserved for the call is spent, or given back if it did not run or did not do what it
    should. ``call_id`` is the id of the call, if it had one; ``cost_usd`` what it did cost.

    Raises :class:`RequestError` if one of them is not of its form; the state then stays as it was.
    """
    text = state if isinstance(state, str) else text_of(state)
    identity = call_id if call_id is not None else decision.request_id
    return native_report(text, identity, decision.action_digest, outcome, cost_text(cost_usd), now)


def cost_text(cost_usd: Decimal | int | str | None) -> str | None:
    """A cost as a decimal, if there is one."""
    from decimal import Decimal

    # A Decimal's own text may have an exponent.
    if isinstance(cost_usd, Decimal):
        return format(cost_usd, "f")
    return None if cost_usd is None else str(cost_usd)


def _restore(cls: type[Policy], origin: tuple[str, bytes, tuple[tuple[str, bytes], ...]] | str) -> Policy:
    if isinstance(origin, str):
        return cls.builtin(origin)
    name, text, imports = origin
    return cls.parse(text, dict(imports), name=name)


def _texts(imports: _Imports | None) -> tuple[tuple[str, bytes], ...]:
    return tuple((path, policy_text(text)) for path, text in (imports or {}).items())


def milliseconds(now: object) -> int:
    """Milliseconds since the epoch of an aware ``datetime``. Nothing else is a time."""
    from datetime import datetime, timedelta, timezone

    if isinstance(now, datetime) and now.utcoffset() is not None:
        return (now - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
    if isinstance(now, datetime):
        message = "`now` is a datetime without a time zone, which is no instant"
    else:
        message = f"`now` is of type `{type(now).__name__}`, which is no time"
    help = "pass an aware datetime such as datetime.now(timezone.utc), or RFC 3339 text"
    raise RequestError([Problem("HOST_INVALID", "error", message, help)])


def _read(path: _Path) -> tuple[str, bytes]:
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            # One byte more than the limit is enough to be refused by the reader's own words.
            return name, file.read(_POLICY_BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Problem("FILE_UNREADABLE", "error", f"`{name}` cannot be read: {reason}")
        raise PolicyError([problem]) from error


class _Files:
    """Imported files, relative to the file that imports them, and which of them were found."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}

    def find(self, importing: str, wanted: str) -> tuple[str, bytes] | None:
        path = os.path.normpath(os.path.join(os.path.dirname(importing), wanted))
        try:
            name, text = _read(path)
        except PolicyError:
            return None
        self.found[name] = text
        return name, text

"""The gate: asks, obeys, and answers DENY where anything goes wrong."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from stage0._audit import AuditLog
from stage0._errors import Stage0Error
from stage0._native import text_of
from stage0._policy import Policy, cost_text
from stage0._values import Verdict, decided
from stage0.gate._answer import Answer
from stage0.gate._backend import Question, Told, Yes
from stage0.gate._call import agents_word, arguments_text
from stage0.gate._failure import Deferred, Denied, Failure, code_of
from stage0.gate._local import LocalBackend
from stage0.gate._memory import Memory
from stage0.gate._remote import TIMEOUT_SECONDS, RemoteBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from types import TracebackType
    from typing import Any, Literal, TypeAlias

    from typing_extensions import Self

    from stage0._words import Outcome
    from stage0.gate._backend import AuditSink, Backend, Reply
    from stage0.gate._call import ToolCall
    from stage0.gate._local import Clock
    from stage0.gate._memory import Key
    from stage0.gate._ticket import Ticket

    _Policy: TypeAlias = Policy | str | os.PathLike[str]
    _Context: TypeAlias = Mapping[str, Any] | Callable[[ToolCall], Mapping[str, Any] | None] | None
    _Texts: TypeAlias = Sequence[Mapping[str, str]]
    _Trusted: TypeAlias = _Texts | Callable[[ToolCall], _Texts]
    _Run: TypeAlias = str | Callable[[ToolCall], str | None] | None

_LOG = logging.getLogger("stage0.gate")
_OUTCOMES = ("executed", "failed", "stopped")
_VERDICTS: dict[object, Verdict] = {verdict.value: verdict for verdict in Verdict}


class _Asked:
    """A call as it is asked about: what the agent says, and what the host adds."""

    __slots__ = ("agent", "arguments", "request", "run")

    def __init__(self, agent: str, arguments: str, request: str, run: str | None) -> None:
        self.agent = agent
        self.arguments = arguments
        self.request = request
        self.run = run


class Gate:
    """Stands between an agent and its tools. Threads share it.

    ``policy`` is a :class:`Policy` or the path of one; ``store`` is ``memory``, or ``sqlite:PATH`` for
    runs and tickets that outlive the process and that processes share. With ``remote`` a server of the
    decision API decides instead, by its own policy; ``key`` is the key for it, ``timeout`` the seconds
    that it may take. ``backend`` is anything else that decides.

    ``context`` is the host's word on who asks, a mapping or what makes one of the call: never put into
    it what a model wrote. ``trusted`` has texts of the user or operator, or makes them of the call;
    ``run`` names the run of calls that have none. ``context.run_id``, ``context.agent_name`` and
    ``context.tool_definition`` are the call's where the context does not say.

    ``audit`` takes a line of every decision and outcome, before they are told: an :class:`AuditLog`, the
    path of one, or anything with ``append``; ``record`` says how much of a request is in it.
    ``on_defer`` is told once of each call that has to wait. ``clock`` tells the time, the machine's where
    there is none.

    Raises :class:`PolicyError` or :class:`StoreError` where it cannot begin. From then on whatever goes
    wrong is an answer, and the answer is DENY.
    """

    def __init__(
        self,
        policy: _Policy | None = None,
        *,
        store: str = "memory",
        remote: str | None = None,
        key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        backend: Backend | None = None,
        context: _Context = None,
        trusted: _Trusted = (),
        run: _Run = None,
        audit: AuditSink | str | os.PathLike[str] | None = None,
        record: Literal["facts", "full"] = "facts",
        on_defer: Callable[[Answer], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if record not in ("facts", "full"):
            raise ValueError(f"record is 'facts' or 'full', not {record!r}")
        if remote is not None and backend is not None:
            raise ValueError("a gate has one backend: remote or another one")
        if audit is not None and remote is not None:
            raise ValueError("the server keeps the log: a gate in front of it has none")
        if remote is not None:
            backend = RemoteBackend(remote, key, timeout)
        elif backend is None:
            backend = LocalBackend(store, None if audit is None else record, clock)
        if backend.has_policy != (policy is None):
            raise ValueError(
                "whoever decides has the policy: a gate with a store takes one, with a server none"
            )
        self._backend: Backend = backend
        self._policy = None if policy is None else _loaded(policy)
        self._context = context
        self._trusted = trusted
        self._run = run
        self._log = None
        if isinstance(audit, (str, os.PathLike)):
            self._log = audit = AuditLog(audit, record=record)
        self._audit: AuditSink | None = audit
        self._on_defer = on_defer
        self._halted = False
        self._memory = Memory()
        self._told = Memory()
        self._ids = _Ids()

    # --- Asking ---

    def check(self, call: ToolCall) -> Answer:
        """Whether a call may be made. Never raises because of what goes wrong inside: that is a DENY,
        with a code.

        Asked again about the same call of the same run it answers the same, for ten minutes from
        memory, and counts once. What waited for somebody is decided anew, by the policy that is then in
        force, with what people have answered: a no stands whatever the policy says by then.
        """
        return self._guarded(call, self._check)

    async def check_async(self, call: ToolCall) -> Answer:
        """The same for coroutines: where a disk or a server may be waited for, another thread does."""
        if self._backend.waits:
            return await asyncio.to_thread(self.check, call)
        return self.check(call)

    def peek(self, call: ToolCall) -> Answer:
        """The answer as it would be. Moves no run and asks nobody; a server is asked as by
        :meth:`check`."""
        return self._guarded(call, self._peek if self._backend.can_peek else self._check)

    def run_of(self, call: ToolCall) -> str | None:
        """The run that a call belongs to. Raises what ``context`` and ``run`` raise."""
        return self._hosts_word(call)[1]

    def require(self, call: ToolCall) -> Answer:
        """The answer, if it is ALLOW. Raises :class:`Denied` or :class:`Deferred`."""
        return obeyed(self.check(call))

    def _guarded(self, call: ToolCall, ask: Callable[[ToolCall], Answer]) -> Answer:
        try:
            if self._halted:
                raise Failure("GATE_HALTED", "halt() was called")
            return ask(call)
        except Exception as error:
            return failed(call, error)

    def _check(self, call: ToolCall) -> Answer:
        asked = self._asked(call)
        key = None if call.id is None else (asked.run, call.id)
        known = None if key is None else self._memory.find(key, asked.agent)
        if known is not None:
            return known.again(call)
        question = Question(asked.request, self._ids.next(), asked.run, self._policy)
        reply = self._backend.check(question)
        answer = _answer(call, asked, question, reply)
        self._keep_record(answer, reply)
        if answer.verdict is Verdict.DEFER:
            # That is no answer yet.
            self._tell(answer, key, asked.agent)
        elif key is not None:
            answer = self._memory.keep(key, asked.agent, answer)
        return answer

    def _peek(self, call: ToolCall) -> Answer:
        asked = self._asked(call)
        known = None if call.id is None else self._memory.find((asked.run, call.id), asked.agent)
        if known is not None:
            return known.again(call)
        question = Question(asked.request, self._ids.next(), asked.run, self._policy)
        return _answer(call, asked, question, self._backend.peek(question))

    def _asked(self, call: ToolCall) -> _Asked:
        try:
            arguments = arguments_text(call.arguments)
            agent = agents_word(call, arguments)
        except Stage0Error:
            raise
        except Exception as error:
            raise Failure("CALL_INVALID", f"{type(error).__name__}: {error}") from error
        try:
            host, run = self._hosts_word(call)
            text = text_of(host)
        except Exception as error:
            raise Failure("CONTEXT_FAILED", f"{type(error).__name__}: {error}") from error
        request = agent + ("}" if text == "{}" else "," + text[1:])
        return _Asked(agent, arguments, request, run)

    def _hosts_word(self, call: ToolCall) -> tuple[dict[str, Any], str | None]:
        """What the host adds to a request, and the run."""
        given = self._context(call) if callable(self._context) else self._context
        context = dict(given or {})
        if context.get("run_id") is None:
            named = self._run(call) if callable(self._run) else self._run
            context["run_id"] = named if call.run is None else call.run
        if context.get("agent_name") is None:
            context["agent_name"] = call.agent
        if context.get("tool_definition") is None:
            context["tool_definition"] = call.definition
        run = context["run_id"]
        if run is not None and not isinstance(run, str):
            raise TypeError(f"the run's name is text, not {type(run).__name__}")
        trusted = self._trusted(call) if callable(self._trusted) else self._trusted
        texts = [*trusted, *call.trusted]
        host: dict[str, Any] = {}
        context = {name: value for name, value in context.items() if value is not None}
        if context:
            host["context"] = context
        if texts:
            host["trusted"] = texts
        return host, run

    def _keep_record(self, answer: Answer, reply: Reply) -> None:
        if self._audit is None:
            return
        try:
            if reply.record is None:
                raise TypeError("the backend makes no records")
            self._audit.append(reply.record)
        except Exception as error:
            # What is held for it stays held: asked again, the call is counted as the one that it is.
            raise Failure("AUDIT_FAILED", f"{type(error).__name__}: {error}") from error

    def _tell(self, answer: Answer, key: Key | None, asked: str) -> None:
        """Tells of a call that has to wait, once."""
        if self._on_defer is None:
            return
        if key is not None and self._told.keep(key, asked + (answer.ticket or ""), answer) is not answer:
            return
        try:
            self._on_defer(answer)
        except Exception:
            _LOG.exception("on_defer raised; the call waits all the same")

    # --- What became of it ---

    def report(
        self, call: ToolCall | Answer, outcome: Outcome, *, cost_usd: Decimal | int | str | None = None
    ) -> bool:
        """Takes down what became of a call that was allowed: ``executed``, ``failed``, or ``stopped``
        before it began. What limits held for it is spent or given back. Whether that is done: where it
        is not, the reason is logged, and what is held counts as spent.

        A call without an id is reported by its answer. Raises ``ValueError`` for another outcome.
        """
        if outcome not in _OUTCOMES:
            raise ValueError(f"a call is {', '.join(_OUTCOMES)}, not {outcome!r}")
        try:
            answer = call if isinstance(call, Answer) else self._answer_to(call)
            if answer.decision is None:
                return False
            known, record = self._settle(answer, outcome, cost_text(cost_usd))
            if outcome != "executed" and answer.call.id is not None:
                # What was held for it is given back, so it must not run after all.
                over = Answer.failed(
                    answer.call, "CALL_OVER", Failure("CALL_OVER", f"it was reported as {outcome}")
                )
                self._memory.end((answer.run, answer.call.id), over)
            if record is not None and self._audit is not None:
                self._audit.append(record)
            return known
        except Exception:
            _LOG.exception("what became of a call is not taken down")
            return False

    async def report_async(
        self, call: ToolCall | Answer, outcome: Outcome, *, cost_usd: Decimal | int | str | None = None
    ) -> bool:
        """The same for coroutines: where a disk or a server may be waited for, another thread does."""
        if self._backend.waits:
            return await asyncio.to_thread(self.report, call, outcome, cost_usd=cost_usd)
        return self.report(call, outcome, cost_usd=cost_usd)

    def _answer_to(self, call: ToolCall) -> Answer:
        """The answer that was given to a call, here or in another process."""
        if call.id is None:
            raise ValueError("a call without an id is reported by its answer")
        asked = self._asked(call)
        answer = self._memory.find((asked.run, call.id), asked.agent)
        if answer is not None:
            return answer
        if not self._backend.can_peek:
            raise LookupError("this gate has not been asked about the call")
        question = Question(asked.request, self._ids.next(), asked.run, self._policy)
        return _answer(call, asked, question, self._backend.peek(question))

    def _settle(self, answer: Answer, outcome: Outcome, cost: str | None) -> tuple[bool, str | None]:
        decision, call = answer.decision, answer.call
        if decision is None:
            return False, None
        known_as = answer.request_id if call.id is None else call.id
        told = Told(answer.run, known_as, decision.action_digest, answer.request_id, outcome, cost)
        return self._backend.report(told)

    # --- People ---

    def pending(self, run: str | None = None) -> tuple[Ticket, ...]:
        """Tickets that wait for somebody, of one run or of all. Raises what reading them comes to."""
        return self._backend.pending(run)

    def approve(
        self,
        ticket: Ticket | str,
        *,
        by: str | None = None,
        roles: Sequence[str] = (),
        reason: str | None = None,
        expires_at: Any = None,
        token: str | None = None,
    ) -> Ticket:
        """Takes a person's yes: ``by`` and ``roles`` by your own word, never a model's, or a ``token``
        that the person signed. Then ask about the call again: only the next answer is an ALLOW.

        Raises :class:`TicketError` if it is not taken; nothing has changed then.
        """
        if isinstance(roles, str):
            raise TypeError("roles is a list of texts, not one text")
        if (token is None) == (by is None):
            raise TypeError("a yes is somebody's, by name or by token")
        return self._backend.approve(_id(ticket), Yes(by or "", tuple(roles), reason, expires_at, token))

    def reject(
        self, ticket: Ticket | str, *, by: str, roles: Sequence[str] = (), reason: str | None = None
    ) -> Ticket:
        """Takes a person's no, which stands. Raises :class:`TicketError` if it is not taken."""
        if isinstance(roles, str):
            raise TypeError("roles is a list of texts, not one text")
        return self._backend.reject(_id(ticket), by, tuple(roles), reason)

    # --- Operating ---

    @property
    def policy(self) -> Policy | None:
        """The policy in force; ``None`` where a server has it."""
        return self._policy

    @property
    def names_runs(self) -> bool:
        """Whether it was told which run a call belongs to, so that nobody else has to say."""
        return self._run is not None

    @property
    def waits(self) -> bool:
        """Whether asking may wait for a disk or a network."""
        return self._backend.waits

    def reload(self, policy: _Policy) -> None:
        """Puts another policy in force. A call that is being decided goes on by the one that it began
        with, and what was answered stays. Raises :class:`PolicyError` if it does not load; then the one
        before stays in force."""
        if self._backend.has_policy:
            raise ValueError("whoever decides has the policy: it is changed there")
        self._policy = _loaded(policy)

    def halt(self) -> None:
        """From here on every answer of this gate is DENY ``GATE_HALTED``, also to what was allowed
        before. It asks neither engine nor store, so nothing can be in its way."""
        self._halted = True

    def resume(self) -> None:
        """Ends what :meth:`halt` began."""
        self._halted = False

    @property
    def halted(self) -> bool:
        """Whether it is halted."""
        return self._halted

    def close(self) -> None:
        """Lets go of connections, and of the log that ``audit`` names: afterwards nothing is
        allowed that has to be written there."""
        self._backend.close()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def obeyed(answer: Answer) -> Answer:
    """The answer, if it is ALLOW. Raises :class:`Denied` or :class:`Deferred`."""
    if answer.verdict is Verdict.ALLOW:
        return answer
    raise Deferred(answer) if answer.verdict is Verdict.DEFER else Denied(answer)


def failed(call: ToolCall, error: Exception) -> Answer:
    """The DENY for what went wrong, which is logged."""
    answer = Answer.failed(call, code_of(error), error)
    _LOG.error("%s: a call was not made", answer.code, exc_info=error)
    return answer


def _answer(call: ToolCall, asked: _Asked, question: Question, reply: Reply) -> Answer:
    verdict = _VERDICTS.get(reply.verdict)
    if verdict is None:
        raise Failure("VERDICT_UNKNOWN", f"the verdict is {reply.verdict!r}")
    return Answer(
        call,
        verdict,
        arguments=asked.arguments,
        decision=decided(verdict, reply.decision, None),
        ticket=reply.ticket,
        request_id=question.request_id,
        run=asked.run,
    )


class _Ids:
    """Ids that no other question has, in this process or another."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._prefix = "gate-" + os.urandom(8).hex()
        self._numbers = count(1)

    def next(self) -> str:
        if self._pid != os.getpid():
            self._begin()
        return f"{self._prefix}-{next(self._numbers)}"


def _loaded(policy: _Policy) -> Policy:
    return policy if isinstance(policy, Policy) else Policy.load(policy)


def _id(ticket: Ticket | str) -> str:
    return ticket if isinstance(ticket, str) else ticket.id

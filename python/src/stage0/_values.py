"""Decisions and explanations as Python values: frozen, hashable, picklable.

The native half answers with canonical text. Here it is taken apart when somebody looks inside, and
not before: most callers read the verdict and keep the text. No member is renamed; ``to_json()`` is
the text itself, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from stage0._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Literal, NoReturn, TypeVar, final

    _K = TypeVar("_K")
    _V = TypeVar("_V")
else:
    # What `typing` imports takes longer than deciding a thousand requests.
    _K = _V = None

    def final(decorated):
        return decorated


class Verdict(str, Enum):
    """The answer in a word. It equals its text, so ``verdict == "ALLOW"`` works as well.

    A verdict has no truth value: ``if decision.verdict:`` raises, because a DENY would be as true as an
    ALLOW. Compare it, or read :attr:`Decision.allowed`.
    """

    ALLOW = "ALLOW"
    """The action may be carried out."""
    DEFER = "DEFER"
    """Not yet: the decision's questions and resolutions say what is missing."""
    DENY = "DENY"
    """The action must not be carried out."""

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not true or false: compare it, or use decision.allowed")

    def __str__(self) -> str:
        return self.value


class Severity(str, Enum):
    """How much an issue weighs: ``LOW < MEDIUM < HIGH < CRITICAL``."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    # Text would compare by letter, where CRITICAL is the least.
    def __lt__(self, other: str) -> bool:
        return _rank(self) < _rank(other)

    def __le__(self, other: str) -> bool:
        return _rank(self) <= _rank(other)

    def __gt__(self, other: str) -> bool:
        return _rank(self) > _rank(other)

    def __ge__(self, other: str) -> bool:
        return _rank(self) >= _rank(other)

    def __str__(self) -> str:
        return self.value


_SEVERITIES = tuple(severity.value for severity in Severity)


def _rank(severity: str) -> int:
    try:
        return _SEVERITIES.index(severity)
    except ValueError:
        raise TypeError(f"{severity!r} is no severity") from None


@final
class FrozenMapping(Mapping[_K, _V]):
    """A mapping that cannot be changed, and so can be hashed if its values can."""

    __slots__ = ("_items",)
    _items: dict[_K, _V]

    def __init__(self, items: Mapping[_K, _V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    def __getitem__(self, key: _K) -> _V:
        return self._items[key]

    def __iter__(self) -> Iterator[_K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot set {name!r}: the mapping is frozen")

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[type[FrozenMapping[_K, _V]], tuple[dict[_K, _V]]]:
        return FrozenMapping, (self._items,)


@final
class Resolution(Value):
    """What would make an issue go away."""

    needs: Literal["approval", "fact", "wait", "fix"]
    """A person's yes, a fact that somebody can supply, time, or another call."""
    who: Literal["agent", "person"]
    """Who can give it: the agent where input is missing, a person or the host where authority is."""
    facts: tuple[str, ...] = ()
    """The missing facts, sorted."""
    roles: tuple[str, ...] = ()
    """Roles of which an approver must have one."""
    approvals: int = 0
    """How many approvals are still missing."""
    retry_at: datetime | None = None
    """When asking again may help, in UTC."""

    def to_dict(self) -> dict[str, Any]:
        # What there is none of is left out on the wire.
        return {name: value for name, value in super().to_dict().items() if value}


@final
class Issue(Value):
    """One reason."""

    code: str
    """A stable word such as ``ROLE_NOT_AUTHORIZED``."""
    severity: Severity
    message: str
    """What the model may read."""
    rule: str
    """The rule that it comes from, as ``pack/id``; empty for the engine's own."""
    tool: str
    """The tool that it is about; empty for the request as a whole."""
    details: FrozenMapping[str, str | tuple[str, ...]]
    """Further values by name."""
    resolution: Resolution | None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@final
class ToolVerdict(Value):
    """The verdict on one tool of a plan, or on the tool of a call."""

    name: str
    """The tool as the request named it."""
    tool: str
    """The catalogued tool; empty where the catalog has none of that name."""
    verdict: Verdict


@final
class CostEstimate(Value):
    """What the calls may cost, by the catalog."""

    currency: str
    min: Decimal
    max: Decimal
    assumptions: tuple[str, ...]


@final
class Would(Value):
    """What a decision would have been, had nothing been merely observed."""

    verdict: Verdict
    issues: tuple[Issue, ...]


def _instant(text: str) -> datetime:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _resolution(members: Mapping[str, Any] | None) -> Resolution | None:
    if members is None:
        return None
    retry_at = members.get("retry_at")
    return Resolution(
        needs=members["needs"],
        who=members["who"],
        facts=tuple(members.get("facts", ())),
        roles=tuple(members.get("roles", ())),
        approvals=members.get("approvals", 0),
        retry_at=None if retry_at is None else _instant(retry_at),
    )


def _issue(members: Mapping[str, Any]) -> Issue:
    details: dict[str, str | tuple[str, ...]] = {
        name: value if isinstance(value, str) else tuple(value)
        for name, value in members["details"].items()
    }
    return Issue(
        code=members["code"],
        severity=Severity(members["severity"]),
        message=members["message"],
        rule=members["rule"],
        tool=members["tool"],
        details=FrozenMapping(details),
        resolution=_resolution(members["resolution"]),
    )


class _Text:
    """A value that is its canonical text."""

    __slots__ = ("_json", "_members")
    _json: str
    _members: dict[str, Any]

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _member(self, name: str) -> Any:
        try:
            members = self._members
        except AttributeError:
            members = self.to_dict()
            # Two threads that come here at once set the same.
            self._set("_members", members)
        return members[name]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot set {name!r}: a {type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a {type(self).__name__} is frozen")

    def to_dict(self) -> dict[str, Any]:
        """The members as they stand on the wire, made of JSON's types; decimals are ``Decimal``.

        Each call makes new dicts and lists, which are the caller's to change.
        """
        import json
        from decimal import Decimal

        members: dict[str, Any] = json.loads(self._json, parse_float=Decimal)
        return members

    def to_json(self) -> str:
        """The canonical text: its UTF-8 bytes are the same in every language and host."""
        return self._json


@final
class Decision(_Text):
    """The answer to one request.

    Compare :attr:`verdict`, or read :attr:`allowed`. A decision has no truth value: ``if decision:``
    raises ``TypeError``, because a DENY would be as true as an ALLOW.

    Decisions are frozen and hashable; two are equal if their texts and next states are. Those that
    were logged are read back with :meth:`from_json`.
    """

    __slots__ = ("_state", "_verdict")
    _state: str | None
    _verdict: Verdict

    def __init__(self) -> None:
        raise TypeError("a decision is made by Policy.check(), or read by Decision.from_json()")

    @classmethod
    def from_json(cls, text: str | bytes, state: str | None = None) -> Decision:
        """A decision from the text that :meth:`to_json` gave.

        Raises ``ValueError`` if the text is none. It is not checked that a policy gave it.
        """
        if isinstance(text, bytes):
            text = text.decode()
        import json

        members = json.loads(text)
        try:
            verdict = Verdict(members["verdict"])
        except (KeyError, TypeError):
            raise ValueError("the text is no decision") from None
        return decided(verdict, text, state)

    @property
    def verdict(self) -> Verdict:
        """ALLOW, DEFER or DENY."""
        return self._verdict

    @property
    def allowed(self) -> bool:
        """Whether the verdict is ALLOW: the one case in which the action may be carried out."""
        return self._verdict is Verdict.ALLOW

    @property
    def state(self) -> str | None:
        """The run after this decision, as canonical text: keep it, and pass it as ``state`` with the
        next call of the run. ``None`` for decisions that moved no run."""
        return self._state

    @property
    def decision(self) -> Literal["GO", "DEFER", "NO_GO"]:
        """The verdict in the words of the wire contract."""
        word: Literal["GO", "DEFER", "NO_GO"] = self._member("decision")
        return word

    @property
    def reason(self) -> str:
        """Why, in one line: ``CODE: message; CODE: message``, or a sentence on ALLOW."""
        return str(self._member("reason"))

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The reasons, heaviest first."""
        return tuple(_issue(members) for members in self._member("issues"))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of :attr:`issues`, in their order."""
        return tuple(members["code"] for members in self._member("issues"))

    @property
    def risk_score(self) -> int:
        """0 to 100, below 100 on ALLOW."""
        return int(self._member("risk_score"))

    @property
    def high_risk(self) -> bool:
        """Whether the score has reached the policy's threshold."""
        return bool(self._member("high_risk"))

    @property
    def value_risk(self) -> int:
        """How likely it is that the work is not worth doing, 0 to 100."""
        return int(self._member("value_risk"))

    @property
    def waste_risk(self) -> int:
        """How likely it is that money and time are lost, 0 to 100."""
        return int(self._member("waste_risk"))

    @property
    def defer_questions(self) -> tuple[str, ...]:
        """Questions whose answers could turn a DEFER into an ALLOW."""
        return tuple(self._member("defer_questions"))

    @property
    def clarifying_questions(self) -> tuple[str, ...]:
        """The same, followed by questions of advice, which hold nothing up."""
        return tuple(self._member("clarifying_questions"))

    @property
    def guardrails(self) -> tuple[str, ...]:
        """Constraints that a rule checked, sorted."""
        return tuple(self._member("guardrails"))

    @property
    def constraints_applied(self) -> tuple[str, ...]:
        """Every constraint as it was understood."""
        return tuple(self._member("constraints_applied"))

    @property
    def guardrail_checks(self) -> FrozenMapping[str, FrozenMapping[str, bool]]:
        """By family and rule, whether the rule was satisfied."""
        families = self._member("guardrail_checks").items()
        return FrozenMapping(
            {
                family: FrozenMapping({rule: check["satisfied"] for rule, check in checks.items()})
                for family, checks in families
            }
        )

    @property
    def value_findings(self) -> tuple[str, ...]:
        """What rules about the value of the work found."""
        return tuple(self._member("value_findings"))

    @property
    def cost_estimate(self) -> CostEstimate | None:
        """What the calls may cost; ``None`` where the catalog names no cost."""
        members = self._member("cost_estimate")
        if members is None:
            return None
        from decimal import Decimal

        return CostEstimate(
            currency=members["currency"],
            min=Decimal(members["min"]),
            max=Decimal(members["max"]),
            assumptions=tuple(members["assumptions"]),
        )

    @property
    def request_id(self) -> str:
        """The id that the host gave, or one made from the request and the time."""
        return str(self._member("request_id"))

    @property
    def policy_version(self) -> str:
        """``name@version`` of the policy that decided."""
        return str(self._member("policy_version"))

    @property
    def policy_digest(self) -> str:
        """SHA-256 of what that policy says, imports included, as 64 hexadecimal digits."""
        return str(self._member("policy_digest"))

    @property
    def action_digest(self) -> str:
        """SHA-256 of the action that was decided about, as 64 hexadecimal digits."""
        return str(self._member("action_digest"))

    @property
    def environment(self) -> str | None:
        """The environment that the request named."""
        return self._member("environment") or None

    @property
    def approved_by(self) -> str | None:
        """Who approved, by the host's word."""
        return self._member("approved_by") or None

    @property
    def evaluated_at(self) -> datetime:
        """When it was decided, in UTC with milliseconds."""
        from datetime import datetime, timedelta, timezone

        ms = int(self._member("evaluated_at") * 1000)
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)

    @property
    def valid_until(self) -> datetime | None:
        """The latest instant until which the answer stands for the same request and state; ``None``
        where time plays no part."""
        until = self._member("valid_until")
        return None if until is None else _instant(until)

    @property
    def summary(self) -> str:
        """The decision in one sentence, for logs (``decision_trace_summary`` on the wire)."""
        return str(self._member("decision_trace_summary"))

    @property
    def cached(self) -> bool:
        """Whether an earlier answer to the same request is given again."""
        return bool(self._member("cached"))

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The facts that the rules in question read, sorted."""
        return tuple(self._member("depends_on"))

    @property
    def tool_verdicts(self) -> tuple[ToolVerdict, ...]:
        """The verdict on each tool, in the order of the request."""
        return tuple(
            ToolVerdict(members["name"], members["tool"], Verdict(members["verdict"]))
            for members in self._member("tool_verdicts")
        )

    @property
    def mode(self) -> str:
        """``enforce``, unless something was merely observed or everything is held to stricter terms."""
        self._member("verdict")
        return str(self._members.get("mode", "enforce"))

    @property
    def would(self) -> Would | None:
        """What it would have been, where something was merely observed."""
        self._member("verdict")
        members = self._members.get("would")
        if members is None:
            return None
        return Would(Verdict(members["verdict"]), tuple(_issue(issue) for issue in members["issues"]))

    @property
    def disabled(self) -> tuple[str, ...]:
        """Rules of extended policies that the policy switched off."""
        self._member("verdict")
        return tuple(self._members.get("disabled", ()))

    def __bool__(self) -> NoReturn:
        raise TypeError("a decision is not true or false: use decision.allowed")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return self._json == other._json and self._state == other._state

    def __hash__(self) -> int:
        return hash((self._json, self._state))

    def __repr__(self) -> str:
        tools = ", ".join(tool.name for tool in self.tool_verdicts)
        about = f" for {tools}" if tools else ""
        why = f": {', '.join(self.codes)}" if self.codes else ""
        return f"<Decision {self._verdict.value}{about}{why}>"

    def __reduce__(self) -> tuple[Callable[..., Decision], tuple[str, str, str | None]]:
        return decided, (self._verdict.value, self._json, self._state)


_VERDICTS = {verdict.value: verdict for verdict in Verdict}
# Nothing else gets past what freezes a decision, and nothing is faster.
_new = object.__new__
_set_json: Callable[[Decision, str], None] = _Text.__dict__["_json"].__set__
_set_state: Callable[[Decision, str | None], None] = Decision.__dict__["_state"].__set__
_set_verdict: Callable[[Decision, Verdict], None] = Decision.__dict__["_verdict"].__set__


def decided(verdict: str, json_text: str, state: str | None) -> Decision:
    """The decision that these texts are."""
    decision = _new(Decision)
    _set_verdict(decision, _VERDICTS[verdict])
    _set_json(decision, json_text)
    _set_state(decision, state)
    return decision


@final
class Approver(Value):
    """Somebody whose approval a rule has."""

    by: str
    until: datetime | None
    """When the yes ends, if it does."""


@final
class Clause(Value):
    """A part of a condition with its outcome and the facts that it read."""

    clause: str
    """The part as it was written."""
    of: Literal["when", "condition"]
    let: str | None
    """The named expression that it is a part of."""
    joined: str
    """How it is joined to the part before: ``and``, ``or``, ``then``, ``else``; empty for the first."""
    outcome: Literal["true", "false", "unknown", "error"]
    facts: FrozenMapping[str, str]
    """Each fact with its value as text; ``missing`` where there is none."""

    def to_dict(self) -> dict[str, Any]:
        # The wire has them in the order in which they stand in the clause.
        facts = [{"name": name, "value": value} for name, value in self.facts.items()]
        return super().to_dict() | {"facts": facts}


@final
class Wanted(Value):
    """A part of a condition that would have to come out otherwise."""

    clause: str
    """The part as it was written."""
    holds: bool
    """Whether it would have to be true; else false."""


@final
class RuleReport(Value):
    """A rule that was asked."""

    rule: str
    tool: str
    kind: Literal["allow", "deny", "defer", "advise", "require", "approval"]
    outcome: Literal["fires", "silent", "undecided", "error", "unapproved"]
    applies: bool
    """Whether its ``when`` is true, or it has none."""
    speaks: bool
    """Whether the verdict rests on it."""
    observed: bool
    """Whether it is only observed."""
    approvers: tuple[Approver, ...]
    clauses: tuple[Clause, ...]
    wanted: tuple[Wanted, ...]
    """Parts that would have to come out otherwise for it to be content: all of an allow's or require's,
    any one of a deny's or defer's."""


@final
class Explanation(_Text):
    """A decision with every rule that was asked. ``str(explanation)`` is the report for a person."""

    __slots__ = ("_decision",)
    _decision: Decision

    def __init__(self, json_text: str, decision: str) -> None:
        self._set("_json", json_text)
        self._set("_decision", Decision.from_json(decision))

    @property
    def decision(self) -> Decision:
        """The decision, as :meth:`Policy.check` would make it, without moving a run."""
        return self._decision

    @property
    def rules(self) -> tuple[RuleReport, ...]:
        """Every rule whose scope matched, by tool and id."""
        return tuple(_rule(members) for members in self._member("rules"))

    @property
    def text(self) -> str:
        """Why, in sentences."""
        return str(self._member("text"))

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self._json == other._json if isinstance(other, Explanation) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._json)

    def __repr__(self) -> str:
        return f"<Explanation of {self._decision!r}>"

    def __reduce__(self) -> tuple[type[Explanation], tuple[str, str]]:
        return Explanation, (self._json, self._decision.to_json())


def _rule(members: Mapping[str, Any]) -> RuleReport:
    return RuleReport(
        rule=members["rule"],
        tool=members["tool"],
        kind=members["kind"],
        outcome=members["outcome"],
        applies=members["applies"],
        speaks=members["speaks"],
        observed=members["observed"],
        approvers=tuple(
            Approver(approver["by"], None if approver["until"] is None else _instant(approver["until"]))
            for approver in members["approvers"]
        ),
        clauses=tuple(
            Clause(
                clause=clause["clause"],
                of=clause["of"],
                let=clause["let"],
                joined=clause["joined"],
                outcome=clause["outcome"],
                facts=FrozenMapping({fact["name"]: fact["value"] for fact in clause["facts"]}),
            )
            for clause in members["clauses"]
        ),
        wanted=tuple(Wanted(wanted["clause"], wanted["holds"]) for wanted in members["wanted"]),
    )

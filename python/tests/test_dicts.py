"""Requests as Python values: what is checked is what is hashed, or the value is refused."""

import collections
import json
import math
import types
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage0 import Decision, Policy, RequestError, Verdict

from conftest import NOW

OPEN = Policy.parse(
    """
    stage0: v1
    name: open
    version: 1.0.0
    tools: { any.tool: { effects: [] } }
    rules:
      - { id: small, tools: [any.tool], allow: "!has(args.amount) || args.amount < 10" }
    """
)


def check(arguments: Any) -> Decision:
    return OPEN.check({"tool_call": {"name": "any.tool", "arguments": arguments}}, now=NOW)


def from_text(arguments: str) -> Decision:
    text = '{"tool_call":{"name":"any.tool","arguments":%s}}' % arguments
    return OPEN.check(text, now=NOW)


def refusal(value: Any) -> RequestError:
    with pytest.raises(RequestError) as refused:
        check(value)
    return refused.value


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = (
    st.integers(min_value=-(10**28) + 1, max_value=10**28 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e27, max_value=1e27)
    | st.sampled_from([0.0, -0.0, 0.1, 1e-7, 1e22, 5e-20, 2**53 + 1, 562949953421312.25, 0.1 + 0.2])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(texts, values, max_size=6), st.dictionaries(texts, values, max_size=4))
def test_a_dict_and_its_json_decide_alike(arguments: dict[str, Any], context: dict[str, Any]) -> None:
    request = {"tool_call": {"name": "any.tool", "arguments": arguments}, "context": context}
    outcomes: list[Any] = []
    for form in (request, json.dumps(request), json.dumps(request, ensure_ascii=False)):
        try:
            decision = OPEN.check(form, now=NOW)
            # The id is made from the text, which is spelled in two ways.
            outcomes.append(decision.to_dict() | {"request_id": ""})
        except RequestError as error:
            outcomes.append([problem.code for problem in error.problems])
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53 + 1, "9007199254740993"),
        (10**28 - 1, "9999999999999999999999999999"),
        (-(10**27), "-1000000000000000000000000000"),
        (Decimal("0.1000"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0"), "0"),
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (0.1 + 0.2, "0.30000000000000004"),
        (562949953421312.25, "562949953421312.2"),
        (1e22, "10000000000000000000000"),
        (-0.0, "0"),
        (True, "true"),
        (None, "null"),
        ((1, 2), "[1,2]"),
        (collections.OrderedDict(b=1), '{"b":1}'),
        (types.MappingProxyType({"b": 1}), '{"b":1}'),
        (collections.ChainMap({"b": 1}), '{"b":1}'),
        ("\x00\u2028\U0001f600", json.dumps("\x00\u2028\U0001f600")),
        (
            datetime(2026, 1, 5, 11, 0, 0, 500000, timezone(timedelta(hours=1))),
            '"2026-01-05T10:00:00.500Z"',
        ),
    ],
)
def test_values_are_what_they_mean(value: Any, text: str) -> None:
    assert check({"x": value}).action_digest == from_text('{"x":%s}' % text).action_digest


class Word(str, Enum):
    A = "a"


class Count(int):
    def __str__(self) -> str:
        return "7"

    __repr__ = __str__
    __index__ = lambda self: 7  # noqa: E731


class Text(str):
    def __str__(self) -> str:
        return "harmless"

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"harmless"


class Dict(dict[str, Any]):
    def items(self) -> Any:
        return {"amount": 1}.items()

    def __getitem__(self, key: str) -> Any:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(["amount"])


class Real(float):
    def __repr__(self) -> str:
        return "1"

    __str__ = __repr__
    __float__ = lambda self: 1.0  # noqa: E731


class Exact(Decimal):
    def __str__(self, *_: Any) -> str:
        return "1"


def test_subclasses_are_read_from_their_storage() -> None:
    for value, text in [
        (Word.A, '"a"'),
        (Count(1000), "1000"),
        (Text("rm"), '"rm"'),
        (Dict(amount=1000), '{"amount":1000}'),
        (Real(1000.5), "1000.5"),
        (Exact("1000.5"), "1000.5"),
    ]:
        assert check({"x": value}).action_digest == from_text('{"x":%s}' % text).action_digest
    assert check(Dict(amount=1000)).verdict is Verdict.DENY


class Fickle(Mapping[str, Any]):
    """Small when it is looked at first, large from then on."""

    def __init__(self) -> None:
        self.looks = 0

    def __getitem__(self, key: str) -> Any:
        self.looks += 1
        return 1 if self.looks == 1 else 1_000_000

    def __iter__(self) -> Iterator[str]:
        return iter(["amount"])

    def __len__(self) -> int:
        return 1


def test_a_fickle_mapping_is_looked_at_once() -> None:
    fickle = Fickle()
    decision = check(fickle)
    assert fickle.looks == 1
    assert decision.allowed
    assert decision.action_digest == from_text('{"amount":1}').action_digest


class Doubled(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(["amount", "amount"])

    def __len__(self) -> int:
        return 2


class Raising(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise LookupError("no")

    def __iter__(self) -> Iterator[str]:
        return iter(["amount"])

    def __len__(self) -> int:
        return 1


class Strange(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter([])

    def __len__(self) -> int:
        return 0

    def items(self) -> Any:
        return [("amount",)]


def test_hostile_mappings_are_refused() -> None:
    assert refusal(Doubled()).code == "JSON_DUPLICATE_KEY"
    with pytest.raises(LookupError):
        check(Raising())
    with pytest.raises((IndexError, TypeError, RequestError)):
        check(Strange())


def test_a_list_that_grows_while_it_is_read_is_the_list_it_was() -> None:
    grown: list[Any] = []

    class Zone(tzinfo):
        def utcoffset(self, when: datetime | None) -> timedelta:
            grown.append("more")
            return timedelta(0)

        def dst(self, when: datetime | None) -> None:
            return None

        def tzname(self, when: datetime | None) -> None:
            return None

    moment = datetime(2026, 1, 5, 10, tzinfo=Zone())
    grown.append(moment)
    digest = check({"x": grown}).action_digest
    assert len(grown) > 1
    assert digest == from_text('{"x":["2026-01-05T10:00:00Z"]}').action_digest


def test_what_has_no_exact_form_is_refused_with_its_place() -> None:
    moment = datetime(2026, 1, 5, 10)
    cases: list[tuple[Any, str, str]] = [
        (math.nan, "VALUE_UNSUPPORTED", "nan"),
        (math.inf, "VALUE_UNSUPPORTED", "infinity"),
        (Decimal("NaN"), "VALUE_UNSUPPORTED", "NaN"),
        (Decimal("sNaN12"), "VALUE_UNSUPPORTED", "NaN"),
        (Decimal("-Infinity"), "VALUE_UNSUPPORTED", "Infinity"),
        (10**28, "JSON_NUMBER_TOO_LONG", "28 digits"),
        (10**5000, "JSON_NUMBER_TOO_LONG", "28 digits"),
        (moment, "VALUE_UNSUPPORTED", "time zone"),
        (moment.replace(microsecond=1, tzinfo=timezone.utc), "VALUE_UNSUPPORTED", "milliseconds"),
        (
            moment.replace(tzinfo=timezone(timedelta(seconds=1))),
            "VALUE_UNSUPPORTED",
            "not kept exactly",
        ),
        (date(2026, 1, 5), "VALUE_UNSUPPORTED", "`datetime.date`"),
        (b"bytes", "VALUE_UNSUPPORTED", "`bytes`"),
        ({1, 2}, "VALUE_UNSUPPORTED", "`set`"),
        (object(), "VALUE_UNSUPPORTED", "`object`"),
        (1j, "VALUE_UNSUPPORTED", "`complex`"),
        (iter([1]), "VALUE_UNSUPPORTED", "list_iterator"),
        ("\ud83d", "JSON_LONE_SURROGATE", "surrogate"),
        ({"\udc00": 1}, "JSON_LONE_SURROGATE", "surrogate"),
        ({1: 2}, "VALUE_UNSUPPORTED", "`int`"),
        ({None: 2}, "VALUE_UNSUPPORTED", "`NoneType`"),
    ]
    for value, code, words in cases:
        error = refusal({"outer": [0, {"inner": value}]})
        assert error.code == code, value
        told = str(error)
        assert words in told, told
        assert "tool_call.arguments.outer[1]" in told, told
        assert len(told) < 1000


def test_values_that_contain_themselves_or_nest_without_end_are_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "contains itself" in str(refusal({"x": ring}))
    loop: dict[str, Any] = {}
    loop["again"] = [loop]
    assert refusal(loop).code == "VALUE_UNSUPPORTED"
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    assert refusal({"x": deep}).code == "JSON_DEPTH"
    shared = ["x"]
    assert check({"a": shared, "b": shared}).allowed


def test_values_that_unfold_without_end_are_refused() -> None:
    lots: Any = "x" * 100
    for _ in range(40):
        lots = [lots] * 10
    assert refusal({"x": lots}).code == "JSON_TOO_LARGE"
    assert refusal({"x": "x" * 2_000_000}).code == "JSON_TOO_LARGE"
    assert refusal({"x": [1] * 300_000}).code == "JSON_TOO_MANY_VALUES"


def test_requests_that_are_none_are_refused() -> None:
    wrong: list[Any] = [None, 1, [], (), object(), "", b"", "[]", "null", {}, "\ud800", b"\xff"]
    for request in wrong:
        with pytest.raises(RequestError):
            OPEN.check(request)


def test_what_cannot_be_shown_is_spelled_out() -> None:
    told = str(refusal({"a\x1b[2J\u202e": object()}))
    assert "\x1b" not in told and "\u202e" not in told

"""Where policies come from, and what they are asked."""

import json
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stage0 import (
    NEW_RUN,
    Decision,
    Host,
    Policy,
    PolicyError,
    RequestError,
    Stage0Error,
    StateKeys,
    Verdict,
    report,
)

from conftest import NOW, PAYMENTS

CALL = {
    "tool_call": {"name": "payout", "arguments": {"amount": 20, "to": "acme"}},
    "context": {"actor_role": "finance"},
}


def test_a_policy_is_parsed_from_text_bytes_and_dict() -> None:
    policy: dict[str, Any] = {
        "stage0": "v1",
        "name": "searching",
        "version": "1.0.0",
        "tools": {"search.query": {"effects": []}},
        "rules": [{"id": "searching-is-fine", "tools": ["search.query"], "allow": True}],
    }
    text = json.dumps(policy)
    parsed = [Policy.parse(text), Policy.parse(text.encode()), Policy.parse(policy)]
    assert len({one.digest for one in parsed}) == 1
    assert parsed[0].name == "searching"
    assert parsed[0].version == "1.0.0"
    assert parsed[0].tool_names == ("search.query",)
    assert repr(parsed[0]).startswith("<Policy searching@1.0.0 sha256 ")
    assert parsed[0].check_tool_call("search.query", {}).allowed


def test_imports_are_texts_by_path_or_files_beside_the_policy(tmp_path: Path) -> None:
    root = "{stage0: v1, name: root, version: 1.0.0, extends: [{file: ./parts/base.yaml, allows: true}]}"
    base = PAYMENTS
    parsed = Policy.parse(root, {"parts/base.yaml": base}, name="root.yaml")
    (tmp_path / "parts").mkdir()
    (tmp_path / "root.yaml").write_text(root)
    (tmp_path / "parts" / "base.yaml").write_text(base)
    loaded = Policy.load(tmp_path / "root.yaml")
    assert loaded.digest == parsed.digest
    assert pickle.loads(pickle.dumps(loaded)).digest == loaded.digest
    assert pickle.loads(pickle.dumps(parsed)).digest == parsed.digest
    with pytest.raises(PolicyError) as refused:
        Policy.parse(root)
    assert refused.value.code == "POLICY_IMPORT_MISSING"


def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as refused:
        Policy.load(tmp_path / "missing.yaml")
    assert refused.value.code == "FILE_UNREADABLE"
    assert isinstance(refused.value.__cause__, FileNotFoundError)
    with pytest.raises(PolicyError):
        Policy.load(tmp_path)


def test_everything_wrong_with_a_policy_is_told_with_places() -> None:
    with pytest.raises(PolicyError) as refused:
        Policy.parse(PAYMENTS.replace("rules:", "rulez:").replace("money_movement", "money"), name="p.yaml")
    error = refused.value
    assert isinstance(error, Stage0Error)
    codes = [problem.code for problem in error.problems]
    assert "POLICY_UNKNOWN_KEY" in codes
    place = next(p for p in error.problems if p.code == "POLICY_UNKNOWN_KEY")
    assert (place.locations[0].file, place.locations[0].line) == ("p.yaml", 10)
    assert place.help == "did you mean `rules`?"
    assert "--> p.yaml:10:1" in str(error)
    assert place.to_dict()["locations"][0]["line"] == 10
    again = pickle.loads(pickle.dumps(error))
    assert again.problems == error.problems
    assert str(again) == str(error)


def test_lint_tells_errors_and_warnings_as_data(tmp_path: Path) -> None:
    assert Policy.lint(PAYMENTS) == Policy.parse(PAYMENTS).warnings
    doubtful = PAYMENTS.replace("context.actor_role", "context.actor_roles")
    assert {(p.severity, p.code) for p in Policy.lint(doubtful)} >= {("warning", "LINT_NEARLY_KNOWN_FACT")}
    assert [p.severity for p in Policy.lint("stage0: v1")][0] == "error"
    (tmp_path / "p.yaml").write_text(doubtful)
    assert [p.code for p in Policy.lint(tmp_path / "p.yaml")] == [p.code for p in Policy.lint(doubtful)]


def test_there_is_no_policy_out_of_nothing() -> None:
    with pytest.raises(TypeError, match=r"Policy\.load"):
        Policy()
    with pytest.raises(PolicyError, match="did you mean"):
        Policy.builtin("standart")


def test_text_dict_and_call_are_one_question(payments: Policy) -> None:
    decision = payments.check(CALL, now=NOW)
    assert decision.allowed
    text = json.dumps(CALL, separators=(",", ":"))
    assert payments.check(text, now=NOW) == decision
    assert payments.check(text.encode(), now=NOW) == decision
    assert payments.check(bytearray(text.encode()), now=NOW) == decision
    assert payments.check_json(text, now=NOW) == decision.to_json()
    called = payments.check_tool_call(
        "payout", {"amount": 20, "to": "acme"}, context={"actor_role": "finance"}, now=NOW
    )
    assert called == decision


def test_arguments_as_text_keep_their_numbers(payments: Policy) -> None:
    context = {"actor_role": "finance"}
    exact = payments.check_tool_call(
        "payout", '{"amount": 500.0000000000000000000001, "to": "acme"}', context=context
    )
    assert exact.verdict is Verdict.DEFER
    assert exact.issues[0].resolution is not None
    assert exact.issues[0].resolution.roles == ("finance_lead",)
    for text in ('{"amount": 1}, "name": "search"', '{"a": 1, "a": 2}', "", "{", b"\xff"):
        with pytest.raises(RequestError):
            payments.check_tool_call("payout", text)


def test_now_is_a_datetime_or_text_with_its_zone(payments: Policy) -> None:
    moment = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
    decision = payments.check(CALL, now=moment)
    assert decision == payments.check(CALL, now=NOW)
    assert decision.evaluated_at == moment
    fine = datetime(2026, 1, 5, 10, 0, 0, 1999, tzinfo=timezone.utc)
    assert payments.check(CALL, now=fine).evaluated_at.microsecond == 1000
    wrong: list[Any] = [moment.replace(tzinfo=None), "2026-01-05", 5, "yesterday"]
    for now in wrong:
        with pytest.raises(RequestError) as refused:
            payments.check(CALL, now=now)
        assert refused.value.code == "HOST_INVALID"


def test_the_host_s_word_counts_and_is_checked(payments: Policy) -> None:
    decision = payments.check(CALL, host=Host("r-1", "halted"), now=NOW)
    assert decision.request_id == "r-1"
    assert decision.verdict is Verdict.DENY
    assert payments.check(CALL, now=NOW).request_id.startswith("req-")
    wrong: list[Host] = [
        Host(""),
        Host(mode="strict"),  # type: ignore[arg-type]
        Host(approvals=[{"id": "1"}]),
        Host(approvals="["),
    ]
    for host in wrong:
        with pytest.raises(RequestError):
            payments.check(CALL, host=host)
    with pytest.raises(RequestError) as refused:
        payments.check(CALL, state="{}")
    assert refused.value.code == "STATE_INVALID"


def test_an_approval_lifts_the_defer_it_was_asked_for(payments: Policy) -> None:
    request = {**CALL, "tool_call": {"name": "payout", "arguments": {"amount": 501, "to": "a"}}}
    asked = payments.check(request, now=NOW)
    assert asked.verdict is Verdict.DEFER
    assert asked.defer_questions == ("Who approves this payout?",)
    details = asked.issues[0].details
    record = {
        "id": "1",
        "answer": "approved",
        "by": "ana",
        "roles": ["finance_lead"],
        "rule": asked.issues[0].rule,
        "terms": details["terms"],
        "action": details["action"],
        "issued_at": datetime(2026, 1, 5, 10, tzinfo=timezone.utc),
    }
    assert payments.check(request, host=Host(approvals=[record]), now=NOW).allowed
    other = {**CALL, "tool_call": {"name": "payout", "arguments": {"amount": 502, "to": "a"}}}
    assert not payments.check(other, host=Host(approvals=[record]), now=NOW).allowed


def test_a_run_goes_on_from_its_state(payments: Policy) -> None:
    first = payments.check(CALL, state=NEW_RUN, now=NOW)
    assert first.state is not None
    second = payments.check(CALL, state=first.state, now=NOW)
    assert json.loads(second.state or "")["run"]["attempts"] == 2
    assert payments.check(CALL, state=json.loads(first.state), now=NOW) == second


def test_a_batch_is_a_run_only_with_its_state(payments: Policy) -> None:
    alone = payments.check_batch([CALL, json.dumps(CALL)], host=Host("b"), now=NOW)
    assert [decision.request_id for decision in alone] == ["b/1", "b/2"]
    assert alone[0].state == alone[1].state
    begun = payments.check(CALL, state=NEW_RUN, now=NOW).state
    steps = payments.check_batch([CALL, CALL], state=begun, now=NOW)
    assert [json.loads(step.state or "")["run"]["attempts"] for step in steps] == [2, 3]
    assert payments.check_batch([]) == []
    with pytest.raises(RequestError):
        payments.check_batch([CALL, "{"])
    with pytest.raises(RequestError, match="at most 256"):
        payments.check_batch([CALL] * 257)


def test_an_atomic_batch_is_allowed_whole_or_not_at_all() -> None:
    policy = Policy.parse(
        {
            "stage0": "v1",
            "name": "p",
            "version": "1.0.0",
            "default": "allow",
            "tools": {"pay.out": {"effects": [], "args": {"amount": {"type": "number"}}}},
            "limits": [
                {
                    "id": "cap",
                    "tools": ["pay.out"],
                    "sum": "args.amount",
                    "window": "24h",
                    "max": 5000,
                }
            ],
        }
    )
    pay = {"tool_call": {"name": "pay.out", "arguments": {"amount": 2000}}}
    three = policy.check_batch([pay] * 3, host=Host("b"), state=NEW_RUN, now=NOW, atomic=True)
    codes = [[issue.code for issue in decision.issues] for decision in three]
    assert codes == [["BATCH_DEFERRED"], ["BATCH_DEFERRED"], ["CAP"]]
    assert not any(decision.allowed for decision in three)
    two = policy.check_batch([pay] * 2, host=Host("c"), state=three[0].state, now=NOW, atomic=True)
    assert all(decision.allowed for decision in two)
    alone = policy.check_batch([pay] * 3, host=Host("d"), state=NEW_RUN, now=NOW)
    assert [decision.allowed for decision in alone] == [True, True, False]


def test_an_explanation_fits_the_decision(payments: Policy) -> None:
    explained = payments.explain(CALL, now=NOW)
    assert explained.decision.to_json() == payments.check_json(CALL, now=NOW)
    assert explained.decision.state is None
    assert {rule.rule: rule.outcome for rule in explained.rules} == {
        "payments/finance-only": "silent",
        "payments/large": "silent",
        "payments/payouts": "fires",
    }
    clause = next(rule for rule in explained.rules if rule.rule == "payments/payouts").clauses[0]
    assert (clause.clause, clause.outcome) == ("args.amount <= 10000", "true")
    assert dict(clause.facts) == {"args.amount": "20"}
    assert str(explained).startswith("ALLOW  payout")
    assert pickle.loads(pickle.dumps(explained)) == explained
    assert hash(explained) == hash(payments.explain(CALL, now=NOW))


def test_describe_says_what_a_policy_says(payments: Policy) -> None:
    layer = payments.describe()["layers"][0]
    assert layer["default"] == "DENY"
    assert [tool["name"] for tool in layer["tools"]] == ["payments.payout"]
    assert payments.tool_names == ("payments.payout", "payout")


def test_threads_share_a_policy(standard: Policy) -> None:
    texts = [
        json.dumps({"goal": f"Look up number {number}", "success_criteria": ["known"]})
        for number in range(50)
    ]
    alone = [standard.check(text, now=NOW) for text in texts]

    def ask(text: str) -> Decision:
        return standard.check(text, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, texts)) == alone


def test_other_threads_run_while_text_is_decided() -> None:
    tools: dict[str, Any] = {f"tool.t{number}": {"effects": []} for number in range(3000)}
    text = json.dumps({"stage0": "v1", "name": "many", "version": "1.0.0", "tools": tools})
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    Policy.parse(text)
    done.set()
    thread.join()
    assert counted > 0


LIMITED = """
stage0: v1
name: treasury
version: 1.0.0
tools: { pay: { effects: [money_movement], args: { amount: { type: number } } } }
rules: [{ id: paying, allow: true }]
limits: [{ id: daily, sum: args.amount, per: context.actor_id, window: 24h, max: 5000 }]
"""


def test_a_limit_counts_what_runs_and_takes_back_what_does_not() -> None:
    policy = Policy.parse(LIMITED)

    def pay(amount: int, state: str | None) -> Decision:
        context = {"actor_id": "ana"}
        return policy.check_tool_call("pay", {"amount": amount}, context=context, state=state, now=NOW)

    assert pay(1, None).codes == ("RUN_REQUIRED",)
    first = pay(3000, NEW_RUN)
    assert first.allowed and first.state is not None
    assert pay(3000, first.state).codes == ("DAILY",)
    given_back = report(first, "failed", state=first.state, now=NOW)
    assert pay(3000, given_back).allowed
    kept = report(first, "executed", state=first.state, cost_usd=Decimal("0.10"), now=NOW)
    assert not pay(3000, kept).allowed
    request = {"tool_call": {"name": "pay", "arguments": {"amount": 1}}, "context": {"actor_id": "ana"}}
    keys = policy.state_keys(request)
    assert isinstance(keys, StateKeys) and not keys.run
    assert set(json.loads(first.state)["counters"]) == set(keys.counters)
    for wrong in ("done", ""):
        with pytest.raises(RequestError, match="outcome"):
            report(first, wrong, state=first.state)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="no cost"):
        report(first, "executed", state=first.state, cost_usd="-1")


def _answer(policy: Policy, sender: Any) -> None:
    sender.send(policy.check(CALL, now=NOW).to_json())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_decide_alike(payments: Policy, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(payments, sender))  # type: ignore[attr-defined]
    process.start()
    assert receiver.poll(30)
    answer = receiver.recv()
    process.join(30)
    assert process.exitcode == 0
    assert answer == payments.check(CALL, now=NOW).to_json()

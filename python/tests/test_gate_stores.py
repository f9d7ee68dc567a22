"""Gates that share a store: threads, processes, and a process that comes later."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stage0 import Gate, Policy, TicketError, ToolCall, Verdict
from stage0._native import NativeKeeper

from gates import DESK, STAFF, desk, pay

HERE = Path(__file__).parent

SPEND = """
import sys
from gates import desk, pay
gate = desk(store=sys.argv[1])
allowed = 0
for number in range(int(sys.argv[3])):
    call = pay(100, f"{sys.argv[2]}-{number}", sys.argv[2])
    answer = gate.check(call)
    assert answer.verdict != "DENY", answer.details
    if answer.allowed:
        allowed += 1
        assert gate.report(call, "executed")
print(allowed)
"""


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_threads_spend_exactly_what_there_is(kind: str, tmp_path: Path) -> None:
    gate = desk(store="memory" if kind == "memory" else f"sqlite:{tmp_path}/runs.db")
    verdicts: list[Verdict] = []

    def work(name: str) -> None:
        for number in range(4):
            answer = gate.check(pay(100, f"{name}-{number}", "shared"))
            verdicts.append(answer.verdict)
            if answer.allowed:
                assert gate.report(answer, "executed")

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == sorted([Verdict.ALLOW] * 10 + [Verdict.DEFER] * 14)


def test_threads_that_ask_about_one_call_hear_the_same() -> None:
    gate = desk()
    ready = threading.Barrier(8)
    answers = []

    def ask() -> None:
        ready.wait()
        answers.append(gate.check(pay(400)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decisions = {answer.decision for answer in answers}
    assert len(answers) == 8 and len(decisions) == 1 and all(answer.allowed for answer in answers)
    assert gate.check(pay(500, "c2")).allowed, "it was counted once"


def test_processes_spend_exactly_what_there_is(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/runs.db"
    command = [sys.executable, "-c", SPEND, store]
    processes = [
        subprocess.Popen([*command, name, "8"], cwd=HERE, stdout=subprocess.PIPE, text=True)
        for name in "ab"
    ]
    told = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(told) == 10


def test_a_person_answers_in_another_process(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/runs.db"
    asking = desk(store=store)
    assert asking.check(pay(600)).verdict is Verdict.DEFER
    program = f"""
from gates import desk
gate = desk(store={store!r})
(ticket,) = gate.pending("r1")
print(gate.approve(ticket, by="bo", roles=["lead"]).to_json())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout)["status"] == "granted"
    assert asking.check(pay(600)).allowed
    # Another process that is asked about the same call says the same, and counts nothing.
    later = desk(store=store)
    assert later.check(pay(600)).allowed and later.check(pay(400, "c2")).allowed
    assert later.check(pay(1, "c3")).codes == ("DAILY",)
    assert later.report(pay(600), "executed"), "it knows the call by its run"


def test_a_no_outlives_the_process(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/runs.db"
    answer = desk(store=store).check(pay(600))
    assert answer.ticket is not None
    desk(store=store).reject(answer.ticket, by="bo")
    assert desk(store=store).check(pay(600)).codes == ("APPROVAL_REJECTED",)


def test_what_is_kept_of_calls_without_a_run_is_shared(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/runs.db"
    assert desk(store=store).check(pay(500, None, None)).allowed
    assert desk(store=store).check(pay(500, None, None)).allowed
    assert desk(store=store).check(pay(1, None, None)).codes == ("DAILY",)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_a_connection_of_its_own(tmp_path: Path) -> None:
    gate = desk(store=f"sqlite:{tmp_path}/runs.db")
    first = gate.check(pay(500))
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)

    def work() -> None:
        answer = gate.check(pay(500, "c2"))
        writer.send((answer.verdict.value, answer.request_id))

    child = context.Process(target=work)
    child.start()
    assert reader.poll(60)
    verdict, request_id = reader.recv()
    child.join(60)
    assert (verdict, child.exitcode) == ("ALLOW", 0)
    assert request_id.rpartition("-")[0] != first.request_id.rpartition("-")[0]
    assert gate.check(pay(1, "c3")).codes == ("DAILY",)


def test_calls_that_run_together_wait_for_people_together() -> None:
    policy, keeper = Policy.parse(DESK), NativeKeeper(None, bytes(32))

    def ask() -> list[tuple[str, str | None]]:
        requests = [
            json.dumps({"tool_call": {"name": "pay", "id": id, "arguments": arguments}, "context": STAFF})
            for id, arguments in (("c1", {"amount": 300, "to": "a"}), ("c2", {"amount": 600, "to": "a"}))
        ]
        answers = keeper.check_batch(policy._native, requests, ["r/1", "r/2"], None, True, None)
        assert all(record is not None and decision in record for _, decision, record, _ in answers)
        return [(verdict, ticket) for verdict, _, _, ticket in answers]

    (first, no_ticket), (second, ticket) = ask()
    assert (first, second, no_ticket) == ("DEFER", "DEFER", None) and ticket is not None
    keeper.grant(ticket, "bo", ["lead"], None, None, None)
    assert ask() == [("ALLOW", None), ("ALLOW", None)]


def test_a_signed_yes_is_taken_and_judged_by_the_policy_s_keys() -> None:
    known = json.loads((HERE.parents[1] / "tests" / "vectors" / "approvals.json").read_text())
    request = known["request"] if isinstance(known["request"], dict) else json.loads(known["request"])
    call = ToolCall(request["tool_call"]["name"], request["tool_call"]["arguments"], id="c1", run="r1")
    token = next(vector["token"] for vector in known["vectors"] if vector["name"] == "a yes")

    gate = Gate(Policy.parse(known["policy"]), context=request["context"], clock=lambda: str(known["now"]))
    answer = gate.check(call)
    assert answer.waits_for_person and answer.ticket is not None
    assert gate.approve(answer.ticket, token=token).status == "granted"
    assert gate.check(call).allowed
    # It is one yes: another ticket does not take it.
    other = desk()
    ticket = other.check(pay(600)).ticket
    assert ticket is not None
    with pytest.raises(TicketError) as refused:
        other.approve(ticket, token=token)
    assert refused.value.code == "ANSWER_REFUSED"

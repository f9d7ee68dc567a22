"""Logs of receipts: written as the command writes them, and held against themselves as it does."""

import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stage0 import (
    NEW_RUN,
    AuditError,
    AuditLog,
    AuditReport,
    Host,
    Policy,
    RequestError,
    verify_audit,
    verify_checkpoint,
)

from conftest import NOW, PAYMENTS

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"
KNOWN = json.loads((VECTORS / "permits.json").read_text())
KEY, KEYS = KNOWN["private_key"], KNOWN["keys"]
REQUEST = (
    '{"tool_call": {"name": "payout", "arguments": {"amount": 12.50, "to": "acme"}, "id": "c1"},'
    ' "context": {"actor_role": "finance"}}'
)


def stage0(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stage0", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def codes(report: AuditReport) -> list[tuple[str, int]]:
    return [(problem.code, problem.locations[0].line) for problem in report.problems]


@pytest.mark.parametrize("record", ["facts", "full"])
def test_a_log_has_the_bytes_that_the_command_writes(tmp_path: Path, payments: Policy, record: Any) -> None:
    (tmp_path / "policy.yaml").write_text(PAYMENTS)
    (tmp_path / "request.json").write_text(REQUEST)
    asked = ("check", "request.json", "-p", "policy.yaml", "--now", NOW, "--request-id", "r1")
    kept = ("--audit", "theirs.jsonl", "--state", "run.json", "--record", record)
    assert stage0(tmp_path, *asked, *kept).returncode == 0
    with AuditLog(tmp_path / "ours.jsonl", record=record) as log:
        host = Host(request_id="r1", mode="enforce")
        decision = log.check(payments, REQUEST, host=host, state=NEW_RUN, now=NOW)
        assert decision.allowed and log.head[0] == 1
        told = ("--call", "c1", "--action", decision.action_digest, "--cost", "0.20", "--state", "run.json")
        outcome = ("outcome", "executed", *told, "--now", NOW, "--audit", "theirs.jsonl")
        assert stage0(tmp_path, *outcome).returncode == 0
        state = log.report(
            decision, "executed", state=decision.state, call_id="c1", cost_usd="0.20", now=NOW
        )
        assert state == (tmp_path / "run.json").read_text().strip()
    assert (tmp_path / "ours.jsonl").read_bytes() == (tmp_path / "theirs.jsonl").read_bytes()
    again = stage0(tmp_path, "audit", "verify", "ours.jsonl", "-p", "policy.yaml", "--format", "json")
    report = verify_audit(tmp_path / "ours.jsonl", policies=[payments])
    assert report.to_dict() == json.loads(again.stdout)
    assert (report.holds, report.decisions) == (True, 1 if record == "full" else 0)


def test_threads_share_a_log_that_is_put_aside_when_full(tmp_path: Path, payments: Policy) -> None:
    path = tmp_path / "log.jsonl"
    with AuditLog(path, fsync=False, rotate_bytes=40_000, key=KEY, checkpoint_lines=16) as log:

        def work() -> None:
            for _ in range(25):
                assert log.check(payments, REQUEST, now=NOW, run="r").allowed

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(tmp_path.glob("log.jsonl.0*"))) == 3
    report = verify_audit(path, KEYS, policies=[payments])
    assert report.problems == ()
    assert (report.records, report.facts_only, report.first) == (100, 100, 1)
    assert report.signed_to is not None and report.last - report.signed_to < 17
    # It goes on where it ended.
    with AuditLog(path) as log:
        assert log.head == (report.last, report.hash)


def test_what_is_not_written_down_is_not_given(tmp_path: Path, payments: Policy) -> None:
    path = tmp_path / "log.jsonl"
    log = AuditLog(path)
    with pytest.raises(RequestError):
        log.check(payments, "{", now=NOW)
    assert log.head == (0, "0" * 64) and path.read_bytes() == b""
    with pytest.raises(AuditError, match="another process"):
        AuditLog(path)
    log.close()
    log.close()
    with pytest.raises(AuditError, match="is closed"):
        log.check(payments, REQUEST, now=NOW)
    # What is full cannot be put aside under a name that is taken.
    with AuditLog(path, rotate_bytes=1) as log:
        log.check(payments, REQUEST, now=NOW)
        (tmp_path / "log.jsonl.000000000001").write_text("")
        with pytest.raises(AuditError) as refused:
            log.check(payments, REQUEST, now=NOW)
        assert refused.value.code == "FILE_UNWRITABLE"
    with pytest.raises(AuditError):
        AuditLog(tmp_path / "no" / "log.jsonl")
    (tmp_path / "other.jsonl").write_text("no line\n")
    with pytest.raises(AuditError) as damaged:
        AuditLog(tmp_path / "other.jsonl")
    assert damaged.value.code == "AUDIT_DAMAGED"
    with pytest.raises(ValueError, match="'facts' or 'full'"):
        AuditLog(path, record="all")  # type: ignore[arg-type]


def test_an_unfinished_line_is_taken_away(tmp_path: Path, payments: Policy) -> None:
    path = tmp_path / "log.jsonl"
    with AuditLog(path) as log:
        assert log.cut_bytes is None
        log.check(payments, REQUEST, now=NOW)
        log.check(payments, REQUEST, now=NOW)
    path.write_bytes(path.read_bytes()[:-10])
    assert codes(verify_audit(path)) == [("AUDIT_TORN", 2)]
    with AuditLog(path) as log:
        assert log.cut_bytes is not None and log.cut_bytes > 1000
        assert log.head[0] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_does_not_write(tmp_path: Path, payments: Policy) -> None:
    with AuditLog(tmp_path / "log.jsonl") as log:
        log.check(payments, REQUEST, now=NOW)
        child = os.fork()
        if child == 0:
            try:
                log.check(payments, REQUEST, now=NOW)
            except AuditError:
                log.close()
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        log.check(payments, REQUEST, now=NOW)
        assert log.head[0] == 2
    assert verify_audit(tmp_path / "log.jsonl").holds


def test_what_a_policy_redacts_is_kept_as_digests(tmp_path: Path) -> None:
    policy = Policy.parse(PAYMENTS + "redact: [args.to]\n")
    with AuditLog(tmp_path / "log.jsonl") as log:
        log.check(policy, REQUEST, now=NOW)
        log.check(policy, REQUEST, now=NOW)
    text = (tmp_path / "log.jsonl").read_text()
    assert "acme" not in text and len(set(text.split('"redacted":"')[i][:64] for i in (1, 2))) == 1
    assert len((tmp_path / "log.jsonl.secret").read_bytes()) == 32
    with AuditLog(tmp_path / "full.jsonl", record="full") as log:
        with pytest.raises(AuditError) as refused:
            log.check(policy, REQUEST, now=NOW)
        assert refused.value.code == "RECORD_REDACTED"
        assert log.head[0] == 0


def test_what_was_done_to_a_log_is_named_with_its_place(tmp_path: Path, payments: Policy) -> None:
    path = tmp_path / "log.jsonl"
    with AuditLog(path, record="full") as log:
        for _ in range(4):
            log.check(payments, REQUEST, now=NOW)
        kept = log.checkpoint(KEY, now=NOW)
    lines = path.read_text().splitlines(keepends=True)
    report = verify_audit(lines, KEYS, checkpoint=kept, policies=[payments])
    assert report == verify_audit(path, json.dumps(KEYS), checkpoint=kept, policies=[payments])
    assert (report.holds, report.lines, report.records, report.checkpoints) == (True, 5, 4, 1)
    assert (report.signed_to, report.signed_at, report.decisions) == (4, NOW, 4)
    assert hash(report) and pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(TypeError):
        bool(report)
    with pytest.raises(AttributeError):
        report.lines = 7  # type: ignore[misc]

    assert codes(verify_audit([*lines[:1], *lines[2:]])) == [("AUDIT_MISSING", 2)]
    assert codes(verify_audit([line.replace("12.5", "1.25") for line in lines[:1]])) == [
        ("AUDIT_CHANGED", 1)
    ]
    assert codes(verify_audit([lines[0], lines[0]])) == [("AUDIT_DUPLICATED", 2)]
    assert codes(verify_audit([lines[1], lines[0]])) == [("AUDIT_REORDERED", 2)]
    assert codes(verify_audit([b"\xff\n"])) == [("AUDIT_NO_RECEIPT", 1)]
    assert codes(verify_audit(lines[2:], continues=True)) == []
    cut = verify_audit(lines[:3], KEYS, checkpoint=kept)
    assert [problem.code for problem in cut.problems] == ["AUDIT_TRUNCATED", "AUDIT_UNSIGNED"]
    other = Policy.parse(PAYMENTS.replace("1.2.0", "1.3.0").replace("500", "5"))
    assert verify_audit(path, policies=[other]).by_others == 4
    assert verify_audit(path, policies=[other, payments]).decisions == 4


def test_a_checkpoint_says_what_was_signed(tmp_path: Path, payments: Policy) -> None:
    with AuditLog(tmp_path / "log.jsonl") as log:
        log.check(payments, REQUEST, now=NOW)
        head = log.head
        kept = log.checkpoint(KEY, now=NOW)
    checkpoint = verify_checkpoint(kept + "\n", KEYS)
    assert (checkpoint.seq, checkpoint.hash, checkpoint.at) == (*head, NOW)
    with pytest.raises(AuditError) as refused:
        verify_checkpoint(kept[:-8] + "AAAAAAAA", KEYS)
    assert refused.value.code in ("SIGNATURE_WRONG", "TOKEN_INVALID")
    for keys in ("", "{}", KEY):
        with pytest.raises(AuditError):
            verify_checkpoint(kept, keys)
        with pytest.raises(AuditError):
            verify_audit(tmp_path / "log.jsonl", keys)
    with pytest.raises(TypeError, match="without the keys"):
        verify_audit(tmp_path / "log.jsonl", checkpoint=kept)
    with pytest.raises(AuditError, match="cannot be read"):
        verify_audit(tmp_path / "nothing.jsonl")
    with pytest.raises(AuditError) as secret:
        AuditLog(tmp_path / "signed.jsonl", key={**KEY, "x": "A" * 43})
    assert KEY["d"] not in str(secret.value)


def test_records_of_others_are_kept_as_they_stand(tmp_path: Path, payments: Policy) -> None:
    with AuditLog(tmp_path / "log.jsonl", record="full") as log:
        log.check(payments, REQUEST, now=NOW)
    line = (tmp_path / "log.jsonl").read_text()
    record = line.split('"record":', 1)[1].rsplit(',"hash":', 1)[0]
    with AuditLog(tmp_path / "copy.jsonl") as copy:
        assert copy.append(record, now=NOW) == 1
        copy.flush()
        for wrong in ("{}", "{", record + "\n{}"):
            with pytest.raises(AuditError):
                copy.append(wrong, now=NOW)
    assert (tmp_path / "copy.jsonl").read_text() == line

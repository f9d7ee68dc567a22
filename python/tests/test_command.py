"""The command that the package brings along."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import stage0

from conftest import PAYMENTS


def run(*arguments: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stage0", *arguments]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=60)


def test_it_decides_with_the_bytes_and_exit_codes_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(PAYMENTS)
    policy = stage0.Policy.parse(PAYMENTS)
    now = "2026-01-05T10:00:00Z"
    codes = {"ALLOW": 0, "DENY": 3, "DEFER": 4}
    seen = set()
    call = '{"tool_call": {"name": "payout", "arguments": {"amount": 20, "to": "acme"}}%s}'
    for request in (
        call % ', "context": {"actor_role": "finance"}',
        call % ', "context": {"actor_role": "guest"}',
        call % "",
    ):
        asked = ("check", "-", "--policy", "policy.yaml", "--now", now, "--request-id", "r")
        answer = run(*asked, folder=tmp_path, text=request)
        expected = policy.check(request, host=stage0.Host(request_id="r"), now=now)
        assert answer.stdout == expected.to_json() + "\n", answer.stderr
        assert answer.returncode == codes[expected.verdict.value]
        seen.add(answer.returncode)
    assert seen == {0, 3, 4}


def test_it_tells_what_is_wrong_on_standard_error(tmp_path: Path) -> None:
    answer = run("check", "missing.json", folder=tmp_path)
    assert answer.returncode == 1
    assert "FILE_UNREADABLE" in answer.stderr
    assert answer.stdout == ""
    assert run("chekc", folder=tmp_path).returncode == 2
    assert stage0.__version__ in run("--version", folder=tmp_path).stdout


def test_it_ends_when_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stage0", "check", "-"]
    waiting = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=10) == -signal.SIGINT

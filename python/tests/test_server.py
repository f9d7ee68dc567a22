"""The decision API as its own description says it is: asked with what nobody thought of."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stage0 import Gate, ToolCall

POLICY = Path(__file__).parents[2] / "examples" / "first-policy" / "policy.yaml"


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """A server of the package's own command: its address, and a key for everything."""
    stage0 = [sys.executable, "-m", "stage0"]
    scopes = ["--scope", "check,read,approve,admin"]
    made = subprocess.run(
        [*stage0, "keys", "create", "tests", *scopes],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    arguments = ["serve", "--listen", "127.0.0.1:0", "--policy", str(POLICY), "--fsync", "never"]
    process = subprocess.Popen([*stage0, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("listening on "):
                yield line.removeprefix("listening on ").split(",")[0], made.stdout.strip()
                break
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_api_keeps_to_its_description(tmp_path: Path) -> None:
    with server(tmp_path) as (address, key):
        # Where everything is denied there is less to find.
        told = asked(tmp_path, address, key, "--exclude-path=/halt")
        assert "Tested: 20" in told
        assert "Tested: 1" in asked(tmp_path, address, key, "--include-path=/halt")


def asked(folder: Path, address: str, key: str, which: str) -> str:
    """What comes of asking these paths whatever their description admits, and what it does not."""
    schemathesis = Path(sysconfig.get_path("scripts")) / "schemathesis"
    run = subprocess.run(
        [
            schemathesis,
            "run",
            f"{address}/openapi.json",
            "--header",
            f"x-api-key: {key}",
            "--max-examples=25",
            "--seed=1",
            "--no-color",
            which,
            # A number with more than 28 digits is JSON, and refused.
            "--exclude-checks=positive_data_acceptance",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-8_000:]
    return run.stdout


def connections(address: str, key: str) -> int:
    """How many the server counts."""
    metrics = urllib.request.Request(f"{address}/metrics", headers={"x-api-key": key})
    with urllib.request.urlopen(metrics, timeout=20) as told:
        lines = told.read().decode().splitlines()
    (held,) = (line for line in lines if line.startswith("stage0_connections "))
    return int(held.split()[1])


IDLE = 10_000
"""Connections that are opened and left alone."""


def test_connections_that_are_left_idle_keep_nobody_waiting(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The server gets as many as this process.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle: list[socket.socket] = []
    try:
        with server(tmp_path) as (address, key):
            host, port = address.removeprefix("http://").split(":")
            for number in range(min(IDLE, hard - 1_000)):
                opened = socket.create_connection((host, int(port)), timeout=20)
                if number % 2:
                    opened.sendall(b"POST /check HTTP/1.1\r\nhost: local")
                idle.append(opened)
            with Gate(remote=address, key=key, context={"actor_role": "support"}) as gate:
                answer = gate.check(ToolCall("search_orders", {"query": "late"}))
                assert answer.decision is not None, answer.details
            until = time.monotonic() + 20
            while connections(address, key) < len(idle):
                assert time.monotonic() < until, connections(address, key)
                time.sleep(0.1)
            for opened in idle:
                opened.close()
    finally:
        for opened in idle:
            opened.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

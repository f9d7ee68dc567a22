"""The decision API as its own description says it is: asked with what nobody thought of."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    schemathesis = Path(sysconfig.get_path("scripts")) / "schemathesis"
    with server(tmp_path) as (address, key):
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
                # A number with more than 28 digits is JSON, and refused.
                "--exclude-checks=positive_data_acceptance",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert run.returncode == 0, run.stdout[-8_000:]
    assert "Tested: 19" in run.stdout

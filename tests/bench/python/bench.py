"""`python bench.py TASK`: the Python package beside what else PyPI has, for `cargo xtask bench python`.

Every engine must agree before anything is timed. Lanes are timed in turn, so that ratios hold even when the
machine is busy; what is printed are the tables of `tests/bench/README.md`.
"""

from __future__ import annotations

import gc
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from stage0 import Host, Policy

from peers import PEERS, request_for

ROUNDS = 400
# Shorter than what a busy machine lets a process run without a break, so that medians are of calls alone.
TURN_NS = 500_000
STARTS = 40
WANTED: dict[str, list[str]] = {"allowed": [], "denied": ["max-iterations", "payout-limit"]}


@dataclass
class Lane:
    """One thing that is timed."""

    name: str
    run: Callable[[], Any]
    calls: int = 0
    us: list[float] = field(default_factory=list)

    def turn(self) -> None:
        """Runs it for a moment, once to be at work and once to be timed."""
        if not self.calls:
            self.calls = max(1, int(TURN_NS / min(self.time() for _ in range(20))))
        self.time()
        self.us.append(self.time() / 1_000)

    def time(self) -> float:
        """Nanoseconds that a call takes."""
        calls = range(self.calls or 1)
        started = perf_counter_ns()
        for _ in calls:
            self.run()
        return (perf_counter_ns() - started) / len(calls)


def lanes_of(task: dict[str, Any]) -> list[Lane]:
    """The lanes of both requests, whose engines agree."""
    policy = Policy.parse(task["policy"])
    options: dict[str, Any] = {"host": Host(request_id=task["request_id"]), "now": task["now"]}
    lanes = []
    for kind, wanted in WANTED.items():
        text = task[kind]
        request = json.loads(text)
        decision = policy.check(request, **options)
        fired = sorted(issue.rule.split("/")[1] for issue in decision.issues if issue.rule)
        assert (decision.allowed, fired) == (not wanted, wanted), f"stage0, {kind}: {fired}"
        assert policy.check_json(text, **options) == decision.to_json(), kind
        lanes.append(Lane(f"json.loads, {kind}", lambda text=text: json.loads(text)))
        lanes.append(
            Lane(f"stage0, text to text, {kind}", lambda text=text: policy.check_json(text, **options))
        )
        lanes.append(
            Lane(
                f"stage0, dict to decision, {kind}",
                lambda request=request: policy.check(request, **options).allowed,
            )
        )
        asked = request_for(request, task["now"])
        asked_text = json.dumps(asked)
        for name, ready in PEERS.items():
            decide = ready()
            assert sorted(decide(asked)) == wanted, f"{name}, {kind}: {decide(asked)}"

            def text_to_text(decide: Any = decide, text: str = asked_text) -> str:
                fired = decide(json.loads(text))
                return json.dumps({"allowed": not fired, "fired": fired})

            lanes.append(Lane(f"{name}, dict to rules, {kind}", lambda d=decide, a=asked: d(a)))
            lanes.append(Lane(f"{name}, text to text, {kind}", text_to_text))
    return lanes


def start_ms(statement: str) -> float:
    """How long an interpreter takes to run a statement."""
    started = perf_counter_ns()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (perf_counter_ns() - started) / 1_000_000


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text())
    lanes = lanes_of(task)
    gc.disable()
    for _ in range(ROUNDS):
        for lane in lanes:
            lane.turn()
    gc.enable()
    starts: dict[str, list[float]] = {"pass": [], "import stage0": []}
    for _ in range(STARTS):
        for statement, times in starts.items():
            times.append(start_ms(statement))

    found = {lane.name: median(lane.us) for lane in lanes}
    peers = [name for name in PEERS if name != "by hand"]
    print(f"CPython {platform.python_version()}; " + ", ".join(f"{peer} {version(peer)}" for peer in peers))
    print("\n| lane | us |\n|---|---:|")
    for name, us in found.items():
        print(f"| {name} | {us:.1f} |")

    rows = []

    def target(what: str, wanted: str, value: float, is_met: bool) -> None:
        rows.append(f"| {what} | {wanted} | {value:.2f} | {'met' if is_met else 'missed'} |")

    for kind in WANTED:
        text, loads = found[f"stage0, text to text, {kind}"], found[f"json.loads, {kind}"]
        target(
            f"text to text, {kind}, times json.loads", "at most 0.67", text / loads, text / loads <= 6 / 9
        )
        own, hand = found[f"stage0, dict to decision, {kind}"], found[f"by hand, text to text, {kind}"]
        target(
            f"dict to decision, {kind}, times by hand from text to text",
            "at most 1",
            own / hand,
            own <= hand,
        )
        for peer in peers:
            times = found[f"{peer}, text to text, {kind}"] / text
            target(f"text to text, {kind}, {peer} takes times as long", "at least 10", times, times >= 10)
    importing = median(starts["import stage0"]) - median(starts["pass"])
    target("import stage0, ms", "at most 30", importing, importing <= 30)
    print("\n| target | wanted | found | |\n|---|---:|---:|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()

"""The README's programs run as they stand."""

import os
import re
from pathlib import Path

import pytest

import stage0

PYTHON = Path(__file__).parents[1]


def test_the_readme_s_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (PYTHON / "README.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(programs) > 1
    # Paths of the README start at the root of the repository.
    monkeypatch.chdir(PYTHON.parent)
    assert os.path.exists("examples")
    exec("\n".join(programs), {})


def test_what_is_exported_is_documented() -> None:
    for name in stage0.__all__:
        exported = getattr(stage0, name)
        if isinstance(exported, type):
            assert exported.__doc__, name
            assert exported.__module__.startswith(("stage0._", "stage0.gate._")), name


def test_the_first_policy_is_asked_from_python(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = PYTHON.parent / "examples" / "first-policy"
    monkeypatch.chdir(PYTHON.parent)
    exec((example / "decide.py").read_text(), {})
    assert capsys.readouterr().out == (example / "decision.json").read_text()

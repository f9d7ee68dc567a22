"""Each extra is tested at both ends of what it allows, by what ``frameworks`` lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
MANIFEST = (HERE / "pyproject.toml").read_text()
SECTION = MANIFEST.split("[project.optional-dependencies]\n")[1].split("\n[")[0]
EXTRAS = {
    extra: re.findall(r'"([a-z-]+)>=([0-9.]+)"', wanted)
    for extra, wanted in re.findall(r"^([a-z-]+) = \[(.*)\]$", SECTION, re.M)
}


def listed(name: str) -> dict[str, str]:
    """The versions of a list, by package."""
    lines = (HERE / "frameworks" / name).read_text().splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines)


def numbers(version: str) -> list[int]:
    """A version as it is compared: without zeros at its end."""
    found = [int(part) for part in version.split(".")]
    while found and found[-1] == 0:
        found.pop()
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_tested_at_both_ends(extra: str) -> None:
    apart = extra == "crewai"
    oldest = listed("crewai-oldest.txt" if apart else "oldest.txt")
    newest = listed("crewai.txt" if apart else "newest.txt")
    assert EXTRAS[extra]
    for package, least in EXTRAS[extra]:
        assert numbers(oldest[package]) == numbers(least)
        assert numbers(newest[package]) > numbers(least)


def test_every_extra_is_found_here() -> None:
    assert len(EXTRAS) == len(SECTION.strip().splitlines())

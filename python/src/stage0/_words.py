"""Words that callers pass, as types. Whoever only runs a program needs none of this."""

from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["enforce", "observe", "read_only", "halted"]
"""The operator's mode: see :attr:`stage0.Host.mode`."""

Outcome: TypeAlias = Literal["executed", "failed", "stopped"]
"""What became of a call: see :func:`stage0.report`."""

"""The ``stage0`` command: the same program as the native one, brought along by the package."""

from __future__ import annotations

import os
import signal
import sys

from stage0._native import run_command


def main() -> int:
    """Runs the command with the arguments of this process; its exit code."""
    # Python would only note the signal and wait for the command to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Where it looks into Python programs, it is with the Python that has this package.
    os.environ.setdefault("STAGE0_PYTHON", sys.executable)
    return run_command(["stage0", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

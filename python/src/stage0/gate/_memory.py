"""The answers of a while: asked again about the same call, a gate says the same."""

from __future__ import annotations

import time
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from stage0.gate._answer import Answer

    Key: TypeAlias = tuple[str | None, str]

ANSWERS_MAX = 10_000
"""Answers that are remembered; the oldest go first."""

ANSWER_SECONDS = 600.0
"""How long one is: as long as a server repeats its own."""


class Memory:
    """Answers by run and call. Threads share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        # In the order in which they came.
        self._answers: dict[Key, tuple[float, str, Answer]] = {}

    def find(self, key: Key, asked: str) -> Answer | None:
        """The answer to the same question about this call."""
        with self._lock:
            found = self._answers.get(key)
        if found is None or found[1] != asked or time.monotonic() - found[0] > ANSWER_SECONDS:
            return None
        return found[2]

    def keep(self, key: Key, asked: str, answer: Answer) -> Answer:
        """Remembers an answer; the answer that counts, which is another one where a thread was
        faster."""
        now = time.monotonic()
        with self._lock:
            found = self._answers.get(key)
            if found is not None and found[1] == asked and now - found[0] <= ANSWER_SECONDS:
                return found[2]
            self._answers.pop(key, None)
            self._answers[key] = now, asked, answer
            if len(self._answers) > ANSWERS_MAX:
                del self._answers[next(iter(self._answers))]
        return answer

    def end(self, key: Key, answer: Answer) -> None:
        """Answers otherwise from here on, where something is remembered of this call."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers[key] = found[0], found[1], answer

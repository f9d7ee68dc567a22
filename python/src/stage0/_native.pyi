"""The native half: texts in, texts out. Not public."""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

__all__ = [
    "JsonText",
    "NativePolicy",
    "lint",
    "policy_text",
    "report",
    "run_command",
    "text_of",
    "ENGINE_VERSION",
    "NEW_RUN",
]

ENGINE_VERSION: Final[str]
NEW_RUN: Final[str]

# Request id, mode, approvals, state, and the time: milliseconds since the epoch, or RFC 3339.
_Circumstances = tuple[str | None, str | None, str | None, str | None, int | str | None]
# A problem as canonical JSON, and as a person reads it.
_Told = tuple[str, str]
_Find = Callable[[str, str], tuple[str, bytes] | None]

@final
class JsonText:
    def __new__(cls, text: object) -> JsonText: ...

@final
class NativePolicy:
    @staticmethod
    def parse(
        name: str,
        text: bytes,
        imports: Sequence[tuple[str, bytes]],
        find: _Find | None = None,
    ) -> NativePolicy: ...
    @staticmethod
    def builtin(name: str) -> NativePolicy: ...
    def check(self, request: Any, circumstances: _Circumstances) -> tuple[str, str, str]: ...
    def check_batch(
        self, requests: list[Any], circumstances: _Circumstances, is_atomic: bool
    ) -> list[tuple[str, str, str]]: ...
    def explain(self, request: Any, circumstances: _Circumstances) -> tuple[str, str]: ...
    def state_keys(self, request: Any, circumstances: _Circumstances) -> tuple[bool, list[str]]: ...
    def describe(self) -> str: ...
    def warnings(self) -> list[_Told]: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def tool_names(self) -> list[str]: ...

def lint(
    name: str,
    text: bytes,
    imports: Sequence[tuple[str, bytes]],
    find: _Find | None = None,
) -> list[_Told]: ...
def report(
    state: str, id: str, action: str, outcome: str, cost: str | None, now: int | str | None
) -> str: ...
def run_command(arguments: Sequence[str]) -> int: ...
def policy_text(value: Any) -> bytes: ...
def text_of(value: Any) -> str: ...

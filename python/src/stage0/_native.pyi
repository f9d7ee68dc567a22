"""The native half: texts in, texts out. Not public."""

from collections.abc import Callable, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Final, final

from stage0._policy import Host

__all__ = [
    "JsonText",
    "NativeIssuer",
    "NativeKeeper",
    "NativeLog",
    "NativePolicy",
    "NativeVerifier",
    "canonical_text",
    "lint",
    "policy_text",
    "report",
    "run_command",
    "text_of",
    "verify_audit",
    "verify_checkpoint",
    "verify_policy",
    "ENGINE_VERSION",
    "NEW_RUN",
]

ENGINE_VERSION: Final[str]
NEW_RUN: Final[str]

# The clock's time where there is none.
_Now = datetime | str | None
# A problem as canonical JSON, and as a person reads it.
_Told = tuple[str, str]
_Find = Callable[[str, str], tuple[str, bytes] | None]

@final
class JsonText:
    def __new__(cls, text: object) -> JsonText: ...

@final
class NativeIssuer:
    def __new__(cls, key: str, audience: str) -> NativeIssuer: ...
    def issue(
        self, decision: str, request: Any, id: str, run: str | None, ttl_ms: int | None, now: _Now
    ) -> str: ...

@final
class NativeVerifier:
    def __new__(cls, keys: str, audience: str, since: _Now) -> NativeVerifier: ...
    def verify(self, permit: str, call: Any, now: _Now) -> str: ...

# A verdict, the decision's text, its record where one was wanted, and the ticket that it waits for.
_Consult = tuple[str, str, str | None, str | None]

@final
class NativeKeeper:
    def __new__(cls, path: str | None, secret: bytes) -> NativeKeeper: ...
    def check(
        self,
        policy: NativePolicy,
        request: Any,
        request_id: str,
        run: str | None,
        record: bool | None,
        now: _Now,
    ) -> _Consult: ...
    def peek(
        self, policy: NativePolicy, request: Any, request_id: str, run: str | None, now: _Now
    ) -> _Consult: ...
    def check_batch(
        self,
        policy: NativePolicy,
        requests: Sequence[str],
        request_ids: Sequence[str],
        run: str | None,
        record: bool | None,
        now: _Now,
    ) -> list[_Consult]: ...
    def report(
        self,
        run: str | None,
        id: str,
        action: str,
        outcome: str,
        cost: str | None,
        now: _Now,
    ) -> tuple[bool, str]: ...
    def purge(self, now: _Now = None) -> int: ...
    def tickets(self, now: _Now = None) -> list[str]: ...
    def grant(
        self,
        id: str,
        by: str,
        roles: Sequence[str],
        reason: str | None,
        expires_at: _Now,
        now: _Now,
    ) -> str: ...
    def reject(self, id: str, by: str, roles: Sequence[str], reason: str | None, now: _Now) -> str: ...
    def take_signed(self, id: str, token: str, now: _Now) -> str: ...

@final
class NativeLog:
    def __new__(
        cls,
        path: str | PathLike[str],
        keeps_all: bool,
        fsync: int,
        rotate_bytes: int | None,
        key: str | None,
        checkpoint_lines: int,
    ) -> NativeLog: ...
    def check(
        self,
        policy: NativePolicy,
        request: Any,
        run: str | None,
        host: Host | None,
        state: Any,
        now: _Now,
    ) -> tuple[str, str, str]: ...
    def report(
        self,
        state: str | None,
        run: str | None,
        id: str,
        action: str,
        outcome: str,
        cost: str | None,
        now: _Now,
    ) -> str | None: ...
    def append(self, record: str, now: _Now) -> tuple[int, str]: ...
    def checkpoint(self, key: str, now: _Now) -> str: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    @property
    def head(self) -> tuple[int, str]: ...
    @property
    def cut_bytes(self) -> int | None: ...

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
    def check(self, request: Any, host: Host | None, state: Any, now: _Now) -> tuple[str, str, str]: ...
    def check_batch(
        self, requests: list[Any], host: Host | None, state: Any, now: _Now, is_atomic: bool
    ) -> list[tuple[str, str, str]]: ...
    def peek(self, request: Any, host: Host | None, state: Any, now: _Now) -> str: ...
    def explain(self, request: Any, host: Host | None, state: Any, now: _Now) -> tuple[str, str]: ...
    def state_keys(self, request: Any, host: Host | None, now: _Now) -> tuple[bool, list[str]]: ...
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

def canonical_text(value: Any) -> str: ...
def lint(
    name: str,
    text: bytes,
    imports: Sequence[tuple[str, bytes]],
    find: _Find | None = None,
) -> list[_Told]: ...
def report(state: str, id: str, action: str, outcome: str, cost: str | None, now: _Now) -> str: ...
def run_command(arguments: Sequence[str]) -> int: ...
def policy_text(value: Any) -> bytes: ...
def text_of(value: Any) -> str: ...
def verify_policy(
    policy: NativePolicy,
    signature: str | None,
    keys: str,
    name: str | None,
    seen: str | None,
    now: _Now,
) -> tuple[str, str]: ...
def verify_audit(
    path: str | PathLike[str] | None,
    lines: list[bytes],
    keys: str | None,
    policies: list[NativePolicy],
    checkpoint: str | None,
    continues: bool,
) -> tuple[str, list[_Told]]: ...
def verify_checkpoint(token: str, keys: str) -> tuple[int, str, str]: ...

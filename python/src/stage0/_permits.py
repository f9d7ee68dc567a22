"""Permits and signed policies: what was checked is what runs, by a policy that somebody signed."""

from __future__ import annotations

from collections.abc import Mapping

from stage0._keys import key_text
from stage0._native import JsonText, NativeIssuer, NativeVerifier
from stage0._native import verify_policy as native_verify_policy
from stage0._policy import Policy
from stage0._value import Value
from stage0._values import Decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, TypeAlias

    _Text: TypeAlias = str | bytes | bytearray
    from stage0._keys import Json


class Permit(Value):
    """What a permit says."""

    id: str
    audience: str
    """The executor that it is for."""
    request_id: str
    name: str
    """The tool as the request named it."""
    action: str
    """The decision's ``action_digest``."""
    policy: str
    """The policy's ``digest``."""
    issued_at: float
    """Seconds since 1970."""
    expires_at: float
    tool: str | None = None
    """The tool as the catalog has it, where it has."""
    call: str | None = None
    """The call's id, where it had one."""
    run: str | None = None


class PermitIssuer:
    """Issues permits, in the process that decides.

    ``key`` is a private key as ``stage0 keypair new`` writes it; ``audience`` names the executor.
    Raises :class:`PermitError` if it is none.
    """

    __slots__ = ("_native",)

    def __init__(self, key: Json, audience: str) -> None:
        self._native = NativeIssuer(key_text(key), audience)

    def issue_permit(
        self,
        decision: Decision,
        request: _Text | Mapping[str, Any],
        *,
        id: str | None = None,
        run: str | None = None,
        ttl: float | None = None,
        now: datetime | str | None = None,
    ) -> str:
        """The permit for an ALLOW about this request, which has to be a tool call.

        Of two permits with one ``id`` an executor accepts one; the decision's ``request_id`` is taken where
        there is none. ``ttl`` is in seconds: 60 where there is none, at most 900. Raises
        :class:`PermitError` where nothing was allowed, or nothing is enforced.
        """
        name = decision.request_id if id is None else id
        ttl_ms = None if ttl is None else round(ttl * 1000)
        return self._native.issue(decision.to_json(), request, name, run, ttl_ms, now)


class PermitVerifier:
    """Verifies permits, in the executor, and remembers which were used.

    ``keys`` are the public keys that it believes, a JSON Web Key Set; ``audience`` is its own name. What is
    remembered ends with this object: one that takes the place of another believes what was issued
    ``since`` it began. Raises :class:`PermitError` if the keys are none.
    """

    __slots__ = ("_native",)

    def __init__(self, keys: Json, audience: str, *, since: datetime | str | None = None) -> None:
        self._native = NativeVerifier(key_text(keys), audience, since)

    def verify_permit(
        self,
        permit: str,
        tool: str,
        arguments: Mapping[str, Any] | _Text,
        *,
        context: Mapping[str, Any] | None = None,
        environment: str | None = None,
        now: datetime | str | None = None,
    ) -> Permit:
        """Says what a permit says, if this call may be made, and marks it as used.

        ``arguments`` are those that are about to be used; ``context`` has the ``actor_id`` and
        ``tenant_id`` for whom, as in the request. Raises :class:`PermitError` if the call must not be
        made; a permit that is refused is not used up.
        """
        raw = isinstance(arguments, (str, bytes, bytearray))
        call: dict[str, Any] = {"name": tool, "arguments": JsonText(arguments) if raw else arguments}
        request: dict[str, Any] = {"tool_call": call}
        rest = {"context": context, "environment": environment}
        request.update((member, value) for member, value in rest.items() if value is not None)
        return _read(self._native.verify(permit, request, now))


def verify_policy(
    policy: Policy,
    signature: str | None,
    keys: Json,
    *,
    name: str | None = None,
    seen: str | None = None,
    now: datetime | str | None = None,
) -> str:
    """What has been seen once this policy has: a text to keep, and to give as ``seen`` the next time.

    ``signature`` is the text of the policy's ``.sig`` file, ``keys`` those whose signatures are believed (a
    JSON Web Key Set), ``name`` the name that the policy must have. Raises :class:`PolicyError` if it is not
    signed, was altered, or is older than what was seen: then nothing may be decided by it.
    """
    signed = None if signature is None else signature.rstrip("\r\n")
    return native_verify_policy(policy._native, signed, key_text(keys), name, seen, now)[1]


_MEMBERS = {"jti": "id", "aud": "audience", "iat": "issued_at", "exp": "expires_at"}


def _read(claims: str) -> Permit:
    import json

    members: dict[str, Any] = json.loads(claims)
    return Permit(**{_MEMBERS.get(name, name): value for name, value in members.items()})

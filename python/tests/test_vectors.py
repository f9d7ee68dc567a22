"""The test vectors, through this package, and their signatures through somebody else's library."""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from stage0 import (
    AuditError,
    AuditLog,
    Host,
    PermitError,
    PermitIssuer,
    PermitVerifier,
    Policy,
    PolicyError,
    Stage0Error,
    ToolCall,
    verify_audit,
    verify_checkpoint,
    verify_policy,
)
from stage0.gate import Answer
from stage0.gate._failure import CAUSES

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"


def read(name: str) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((VECTORS / name).read_text())
    return vectors


NAMES = ("permits.json", "policies.json", "approvals.json", "chain.json")
PERMITS, POLICIES, APPROVALS, CHAIN = (read(name) for name in NAMES)


def each(vectors: dict[str, Any]) -> list[Any]:
    shared = {name: value for name, value in vectors.items() if name not in ("vectors", "about")}
    return [pytest.param({**shared, **vector}, id=vector["name"]) for vector in vectors["vectors"]]


def verify(verifier: PermitVerifier, vector: dict[str, Any]) -> Any:
    call = vector["call"]["tool_call"]
    return verifier.verify_permit(
        vector["token"],
        call["name"],
        call["arguments"],
        context=vector["call"]["context"],
        now=vector["now"],
    )


@pytest.mark.parametrize("vector", each(PERMITS))
def test_permits_are_accepted_and_refused(vector: dict[str, Any]) -> None:
    verifier = PermitVerifier(vector["keys"], vector["audience"])
    if vector["refused"] is None:
        permit = verify(verifier, vector)
        assert (permit.id, permit.request_id, permit.tool) == ("p-1", "r1", "payments.payout")
        with pytest.raises(PermitError) as second:
            verify(verifier, vector)
        assert second.value.code == "PERMIT_USED"
        return
    with pytest.raises(PermitError) as refused:
        verify(verifier, vector)
    assert refused.value.code == vector["refused"]


@pytest.mark.parametrize("vector", each(POLICIES))
def test_policies_are_accepted_and_refused(vector: dict[str, Any]) -> None:
    files = vector["files"]
    policy = Policy.parse(files["payments.yaml"], {"limits.yaml": files["limits.yaml"]})

    def run() -> str:
        return verify_policy(
            policy,
            vector["token"],
            vector["keys"],
            name=vector.get("policy_name"),
            seen=vector.get("seen"),
            now=vector["now"],
        )

    # A file ends with a line break.
    if vector["refused"] is None or vector["name"] == "a line break":
        assert policy.digest in run()
        return
    with pytest.raises(PolicyError) as refused:
        run()
    assert refused.value.code == vector["refused"]


@pytest.mark.parametrize("vector", each(APPROVALS))
def test_approvals_are_accepted_and_refused(vector: dict[str, Any]) -> None:
    request = vector["request"]
    request = {**request, "context": {**request["context"], "approval": vector["token"]}}
    policy = Policy.parse(vector["policy"])
    decision = policy.check(request, state=vector["state"], now=vector["now"])
    codes = [issue.code for issue in decision.issues]
    assert codes[:1] == ([] if vector["refused"] is None else [vector["refused"]])
    assert decision.allowed is (vector["refused"] is None)


@pytest.mark.parametrize("vector", each(CHAIN))
def test_checkpoints_are_accepted_and_refused(vector: dict[str, Any]) -> None:
    # A file ends with a line break.
    if vector["refused"] is None or vector["name"] == "a line break":
        assert verify_checkpoint(vector["token"], vector["keys"]).at == CHAIN["now"]
        return
    with pytest.raises(AuditError) as refused:
        verify_checkpoint(vector["token"], vector["keys"])
    assert refused.value.code == vector["refused"]


@pytest.mark.parametrize("log", [pytest.param(log, id=log["name"]) for log in CHAIN["logs"]])
def test_in_logs_is_found_what_the_vectors_say(log: dict[str, Any]) -> None:
    lines = [CHAIN["lines"][line - 1] if isinstance(line, int) else line for line in log["lines"]]
    if log.get("ended") is False:
        lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    keys = log.get("keys", CHAIN["keys"])
    report = verify_audit(
        lines, keys, checkpoint=log.get("checkpoint"), continues=log.get("continues", False)
    )
    found = [[one.code, one.locations[0].line if one.locations else 0] for one in report.problems]
    assert found == log["found"]
    assert log.get("signed_to") in (None, report.signed_to)


def test_a_log_is_written_as_elsewhere(tmp_path: Path) -> None:
    how, now = CHAIN["write"], CHAIN["now"]
    policy = Policy.parse(how["files"]["payments.yaml"], {"limits.yaml": how["files"]["limits.yaml"]})
    path, host = tmp_path / "log.jsonl", Host(request_id=how["request_id"])
    signing = {"key": CHAIN["private_key"], "checkpoint_lines": how["checkpoint_lines"]}
    with AuditLog(path, **signing) as log:
        for _ in range(3):
            decision = log.check(policy, how["request"], run=how["run"], host=host, now=now)
            told = {"run": how["run"], "call_id": how["call"], "cost_usd": how["cost"], "now": now}
            assert log.report(decision, "executed", **told) is None
    with AuditLog(path, record="full") as log:
        log.check(policy, json.dumps(how["request"]), run=how["run"], host=host, now=now)
    assert path.read_text().splitlines() == CHAIN["lines"]
    report = verify_audit(path, CHAIN["keys"], policies=[policy])
    assert (report.holds, report.decisions, report.facts_only) == (True, 1, 3)


# Libraries differ about the others, for good reasons.
ASKED = [
    one
    for vectors in (PERMITS, POLICIES, APPROVALS, CHAIN)
    for one in each(vectors)
    if one.values[0]["jws"] is not None
]


# RFC 9864 has another name for the algorithm, which most libraries do not have yet.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("vector", ASKED)
def test_an_independent_library_agrees(vector: dict[str, Any]) -> None:
    keys = KeySet.import_key_set(vector["keys"])
    try:
        opened = jws.deserialize_compact(vector["token"], keys, algorithms=["EdDSA", "Ed25519"])
    except (JoseError, ValueError):
        assert vector["jws"] is False
        return
    assert vector["jws"] is True
    assert opened.payload is not None


def issue(**options: Any) -> str:
    issuer = PermitIssuer(PERMITS["private_key"], PERMITS["audience"])
    policy = Policy.parse(
        POLICIES["files"]["payments.yaml"], {"limits.yaml": POLICIES["files"]["limits.yaml"]}
    )
    decision = policy.check(PERMITS["call"], host=Host(request_id="r1"), now=PERMITS["now"])
    return issuer.issue_permit(decision, PERMITS["call"], now=PERMITS["now"], **options)


def test_a_permit_is_issued_as_elsewhere() -> None:
    assert issue(id="p-1", run="run-7") == PERMITS["issue"]["token"]


def test_a_permit_is_for_one_call_and_for_a_time() -> None:
    verifier = PermitVerifier(json.dumps(PERMITS["keys"]), PERMITS["audience"])
    vector = {**PERMITS, "token": issue(ttl=0.5), "now": "2026-01-05T10:00:00.499Z"}
    assert verify(verifier, vector).id == "r1"
    late = {**PERMITS, "token": issue(id="p-2", ttl=0.5), "now": "2026-01-05T10:00:00.500Z"}
    with pytest.raises(PermitError, match="PERMIT_EXPIRED"):
        verify(verifier, late)
    for ttl in (0, -1, 901, 1e15):
        with pytest.raises(PermitError, match="PERMIT_NOT_ISSUED"):
            issue(ttl=ttl)
    began = PermitVerifier(PERMITS["keys"], PERMITS["audience"], since=PERMITS["now"])
    with pytest.raises(PermitError, match="PERMIT_STORE"):
        verify(began, {**PERMITS, "token": issue()})


def test_arguments_as_text_are_the_same_arguments() -> None:
    verifier = PermitVerifier(PERMITS["keys"], PERMITS["audience"])
    context = PERMITS["call"]["context"]
    permit = verifier.verify_permit(
        issue(), "payout", '{"to": "acme", "amount": 2.05e1}', context=context, now=PERMITS["now"]
    )
    assert permit.name == "payout"


def test_what_was_denied_has_no_permit() -> None:
    issuer = PermitIssuer(PERMITS["private_key"], PERMITS["audience"])
    policy = Policy.parse(
        POLICIES["files"]["payments.yaml"], {"limits.yaml": POLICIES["files"]["limits.yaml"]}
    )
    call = {"tool_call": {"name": "payout", "arguments": {"amount": 95}}}
    decision = policy.check(call, now=PERMITS["now"])
    with pytest.raises(PermitError, match="no ALLOW"):
        issuer.issue_permit(decision, call, now=PERMITS["now"])
    allowed = policy.check(PERMITS["call"], now=PERMITS["now"])
    with pytest.raises(PermitError, match="another request"):
        issuer.issue_permit(allowed, call, now=PERMITS["now"])


@pytest.mark.parametrize("keys", ["", "{}", '{"keys": []}', json.dumps(PERMITS["private_key"])])
def test_keys_that_are_none_are_refused(keys: str) -> None:
    with pytest.raises(PermitError):
        PermitVerifier(keys, "bank")
    with pytest.raises(Stage0Error):
        verify_policy(Policy.builtin(), "a.b.c", keys)


def test_a_secret_is_not_told() -> None:
    broken = {**PERMITS["private_key"], "x": "A" * 43}
    with pytest.raises(PermitError) as refused:
        PermitIssuer(broken, "bank")
    assert PERMITS["private_key"]["d"] not in str(refused.value) + repr(refused.value.problems)


def test_a_model_is_told_the_same_everywhere() -> None:
    vectors = read("gate.json")
    assert vectors["causes"] == CAUSES
    policies = {"desk": Policy.parse(vectors["policy"]), "standard": Policy.builtin()}
    call = ToolCall("pay")
    for vector in vectors["answers"]:
        if "code" in vector:
            answer = Answer.failed(call, vector["code"], ValueError("of no concern to a model"))
        else:
            decision = policies[vector["policy"]].check(vector["request"], now=vectors["now"])
            answer = Answer(call, decision.verdict, decision=decision, ticket=vector["ticket"])
        assert answer.message == vector["message"]

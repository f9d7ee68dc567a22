"""The installed Python package as a host of the corpus: questions in lines, replies in lines.

`tests/cases/README.md` describes them. With `--objects` a request is handed over as a dict instead
of as text; where the text is no JSON that Python reads exactly, the text itself is.
"""

import json
import sys
from decimal import Decimal
from typing import Any

from stage0 import Host, Policy, Stage0Error


def load(policy: Any) -> Policy:
    if isinstance(policy, str):
        return Policy.builtin(policy)
    files = policy["files"]
    return Policy.parse(files[policy["main"]], files, name=policy["main"])


def without_doubles(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) < len(members):
        raise ValueError("a key stands twice")
    return made


def no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def as_object(text: str) -> Any:
    try:
        value = json.loads(
            text,
            parse_constant=no_json,
            parse_float=Decimal,
            object_pairs_hook=without_doubles,
        )
    except (ValueError, RecursionError):
        return text
    # A text is a request's text, whatever JSON it is.
    return value if isinstance(value, dict) else text


def main() -> None:
    objects = "--objects" in sys.argv
    known: dict[str, Policy | Stage0Error] = {}
    for line in sys.stdin:
        question = json.loads(line)
        key = json.dumps(question["policy"])
        if key not in known:
            known.clear()
            try:
                known[key] = load(question["policy"])
            except Stage0Error as error:
                known[key] = error
        policy = known[key]
        try:
            if isinstance(policy, Stage0Error):
                raise policy
            request = question["request"]
            decision = policy.check(
                as_object(request) if objects else request,
                host=Host(question["request_id"], question["mode"], question["approvals"]),
                state=question["state"],
                now=question["now"],
            )
            reply: dict[str, Any] = {"answer": decision.to_json(), "next_state": decision.state}
        except Stage0Error as error:
            errors = [problem for problem in error.problems if problem.severity == "error"]
            reply = {"problems": [problem.code for problem in errors]}
        print(json.dumps(reply), flush=True)


main()

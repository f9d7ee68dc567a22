"""What a person is asked by an interrupt, and what a graph is resumed with.

Both have the form that LangChain's own approvals of single calls have, so that what shows those shows
these: the question is a ``tool_approval``, the answer a decision with a ``type``. Beside it the question
has ``stage0``, and the answer says who gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stage0.gate import Answer
from stage0.integrations._people import Said, decision_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def question(answer: Answer, name: str, arguments: Mapping[str, Any], id: str, problem: str | None) -> Any:
    """What the person is shown."""
    decision = answer.decision
    told: dict[str, Any] = {"ticket": answer.ticket, "run_id": answer.run, "verdict": answer.verdict.value}
    told["codes"] = list(answer.codes)
    description = f"{name} waits for an approval"
    if decision is not None:
        told["questions"] = list(decision.defer_questions)
        told["action_digest"] = decision.action_digest
        told["policy_version"] = decision.policy_version
        lines = [issue.message for issue in decision.issues]
        description = "\n".join([f"{name}: {decision.reason}", *lines, *decision.defer_questions])
    if problem is not None:
        told["problem"] = problem
    return {
        "type": "tool_approval",
        "tool_call_id": id,
        "name": name,
        "args": dict(arguments),
        "description": description,
        "allowed_decisions": ["approve", "edit", "reject"],
        "stage0": told,
    }


def read(reply: object, id: str, name: str, is_alone: bool) -> Said | str | None:
    """What was said of this call, ``None`` if nothing was, or why that cannot be told. Only what says so
    plainly is a yes."""
    members: Any = reply
    if isinstance(members, Mapping) and "decisions" in members:
        several = members["decisions"]
        if isinstance(several, Mapping):
            members = several.get(id)
            if members is None:
                return None
        elif isinstance(several, Sequence) and len(several) == 1 and is_alone:
            members = several[0]
        else:
            return "of several calls each is named: {'decisions': {call_id: decision}}"
    elif not is_alone and not (isinstance(members, Mapping) and "tool_call_id" in members):
        return "of several calls each is named: {'decisions': {call_id: decision}}"
    about = members.get("tool_call_id") if isinstance(members, Mapping) else None
    if about is not None and about != id:
        return f"this is about the call {about}, and not about {id}" if is_alone else None
    return decision_of(members, name)

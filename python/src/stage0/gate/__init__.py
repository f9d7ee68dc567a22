"""Asks before each call of a tool, obeys, and lets nothing run where anything goes wrong.

>>> from stage0 import Gate, Policy, ToolCall
>>> gate = Gate(Policy.builtin("standard"), context={"actor_role": "support"})
>>> answer = gate.check(ToolCall("weather.query", {"city": "Oslo"}, id="c-1", run="r-1"))
>>> answer.allowed
True

A :class:`Gate` keeps runs and what people are asked, in memory, in a SQLite file, or behind a server.
It never executes anything: your code calls the tool if the answer is ALLOW, and tells what became of
it. Everything here is a member of :mod:`stage0` as well.
"""

from stage0.gate._answer import Answer
from stage0.gate._backend import AuditSink, Backend, Question, Reply, Yes
from stage0.gate._call import ToolCall
from stage0.gate._failure import Deferred, Denied, Failure, Refused
from stage0.gate._gate import Gate
from stage0.gate._gated import gated
from stage0.gate._ticket import Ask, PersonsAnswer, Ticket

__all__ = [
    "Answer",
    "Ask",
    "AuditSink",
    "Backend",
    "Deferred",
    "Denied",
    "Failure",
    "Gate",
    "PersonsAnswer",
    "Question",
    "Refused",
    "Reply",
    "Ticket",
    "ToolCall",
    "Yes",
    "gated",
]

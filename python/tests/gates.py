"""A policy with a limit and approvals, and calls that tests of gates share."""

from __future__ import annotations

from typing import Any

from stage0 import Gate, Policy, ToolCall

DESK = """
stage0: v1
name: desk
version: 1.0.0
tools:
  pay:
    aka: [payout]
    effects: [money_movement]
    args: { amount: { type: number, min: 0.01 }, to: { type: string } }
  look: { effects: [] }
rules:
  - { id: pays, tools: [pay], allow: args.amount <= 10000, message: more than 10000 goes through treasury }
  - { id: looks, tools: [look], allow: true }
  - id: staff
    tools: [pay]
    require: context.actor_role in ["staff"]
    issue: ROLE_NOT_AUTHORIZED
    detail: "payouts by others were tried in March"
  - id: large
    tools: [pay]
    when: args.amount > 500
    approval: { roles: [lead], not: context.actor_id, bind: [args.amount, args.to], ttl: 4h }
    ask: ["Who approves this payout?"]
limits:
  - id: daily
    tools: [pay]
    sum: args.amount
    per: [context.actor_id]
    window: 24h
    max: 1000
    issue: DAILY
"""

STAFF = {"actor_id": "u1", "actor_role": "staff"}


def desk(policy: str = DESK, **options: Any) -> Gate:
    """A gate in front of the policy, with somebody of the staff."""
    return Gate(Policy.parse(policy), **{"context": STAFF, **options})


def pay(amount: Any = 20, id: str | None = "c1", run: str | None = "r1", **more: Any) -> ToolCall:
    """A payout."""
    return ToolCall("pay", {"amount": amount, "to": "acme"}, id=id, run=run, **more)

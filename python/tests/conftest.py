"""A small policy and a moment that tests share."""

import pytest

from stage0 import Policy

NOW = "2026-01-05T10:00:00Z"

PAYMENTS = """
stage0: v1
name: payments
version: 1.2.0
tools:
  payments.payout:
    aka: [payout]
    effects: [money_movement]
    args: { amount: { type: number, min: 0.01 }, to: { type: string } }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 10000 }
  - id: finance-only
    tools: [payments.payout]
    require: context.actor_role in ["finance"]
    issue: ROLE_NOT_AUTHORIZED
  - id: large
    tools: [payments.payout]
    when: args.amount > 500
    approval: { roles: [finance_lead], bind: [args.amount, args.to], ttl: 4h }
    ask: ["Who approves this payout?"]
"""


@pytest.fixture(scope="session")
def payments() -> Policy:
    return Policy.parse(PAYMENTS)


@pytest.fixture(scope="session")
def standard() -> Policy:
    return Policy.builtin("standard")

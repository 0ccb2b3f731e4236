"""Whether a table's last delivery is as recent as its contract promises. A late one warns; it never stops a run."""

from __future__ import annotations

from datetime import datetime, timedelta

from cmvmon.data_contracts.gate import contract_of
from cmvmon.data_contracts.promises import Fresh


def fresh_within(table: str) -> timedelta | None:
    """How old the newest row of a table may be by its contract; None where the contract promises nothing."""
    rules = contract_of(table).rules
    limits = [timedelta(hours=rule.promise.within_hours) for rule in rules if isinstance(rule.promise, Fresh)]
    return min(limits, default=None)


def is_fresh(table: str, last_received_at: datetime | None, *, as_of: datetime) -> bool | None:
    """Whether the last delivery lies within the contract's promise; None where it promises nothing, or none came."""
    limit = fresh_within(table)
    if limit is None or last_received_at is None:
        return None
    return as_of - last_received_at <= limit

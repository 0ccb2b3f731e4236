"""Which rules a site has switched off: who, when and why. The last word on a rule counts; none is ever lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.shell.rows.schema import RULE_SWITCHES


def disabled(connection: sa.Connection, *, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """The rules that stand switched off at that moment (None: now), by code: `rule`, `changed_at`, `actor` and `why`."""
    s, newer = RULE_SWITCHES.c, RULE_SWITCHES.alias("newer").c
    by_then = sa.true() if as_of is None else newer.changed_at <= as_of
    is_replaced = sa.exists().where(newer.rule == s.rule, newer.changed_at > s.changed_at, by_then)
    query = sa.select(s.rule, s.changed_at, s.actor, s.why).where(~is_replaced, s.is_disabled).order_by(s.rule)
    if as_of is not None:
        query = query.where(s.changed_at <= as_of)
    return [dict(row) for row in connection.execute(query).mappings()]


def record(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Writes that a rule is switched off, or on again: a row of `rule_switches`."""
    connection.execute(sa.insert(RULE_SWITCHES), row)

"""What happened since a moment, out of the store: which night it counts from, what befell alerts and results."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.replaced import said_before
from cmvmon.domain.versions import current_versions
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSMENTS, VERSIONS

_OF_A_VALUE = ("detection", "viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")


def last_night_before(connection: sa.Connection, moment: datetime) -> datetime | None:
    """The last moment before `moment` at which everybody was judged; None where there was none."""
    c = ASSESSMENTS.c
    found: datetime | None = connection.execute(
        sa.select(sa.func.max(c.as_of)).where(c.scope == "all", c.as_of < moment)
    ).scalar()
    return found


def events_between(connection: sa.Connection, after: datetime, until: datetime) -> list[dict[str, Any]]:
    """What happened to alerts about patients in that time: rows of `alert_events` with `tier_before`, by alert and order.

    `tier_before`: of the event before it; None where there is none.
    """
    e = ALERT_EVENTS.c
    touched = sa.select(e.alert_id).where(e.patient_id.is_not(None), e.changed_at > after, e.changed_at <= until)
    query = sa.select(ALERT_EVENTS).where(e.alert_id.in_(touched)).order_by(e.alert_id, e.sequence)
    found, tiers = [], dict[str, int]()
    for row in connection.execute(query).mappings():
        if after < row["changed_at"] <= until:
            found.append(dict(row) | {"tier_before": tiers.get(row["alert_id"])})
        tiers[row["alert_id"]] = row["tier"]
    return found


def rewritten(connection: sa.Connection, after: datetime, until: datetime) -> pl.DataFrame:
    """Results that came in that time as corrected, withdrawn or another patient's, of those that had said something else.

    Returns:
        `patient_id` (who had it before), `fate` (corrected, withdrawn or moved), `compartment` and `collected_at`, and what
        it says now: `detection`, `viral_load_iu_per_ml` and the limits, null where it is none of that patient any more;
        `came_at` and `rewritten_at`, when it was received first and as it stands. By patient, compartment and moment.
    """
    c = VERSIONS[LEADING.name].c
    came = sa.select(c.record_key).where(c.received_at > after, c.received_at <= until)
    query = sa.select(c.record_key, c.result_id, c.patient_id).where(c.record_key.in_(came), c.received_at <= until)
    rows = connection.execute(query).all()
    n_versions = Counter(row.record_key for row in rows)
    several = [row for row in rows if n_versions[row.record_key] > 1]
    if not several:  # nearly always
        return _none_rewritten()
    versions = known_table(connection, LEADING, as_of=until, patients={row.patient_id for row in several})
    return _fates(LEADING.rows.empty() if versions is None else versions, [row.result_id for row in several])


@cache
def _none_rewritten() -> pl.DataFrame:
    return _fates(LEADING.rows.empty(), [])


def _fates(versions: pl.DataFrame, result_ids: list[str]) -> pl.DataFrame:
    mine = versions.filter(pl.col("result_id").is_in(result_ids))
    before = said_before(mine).select("patient_id", "result_id", "fate", "was_compartment", "was_collected_at")
    now = current_versions(mine).filter(~pl.col("is_conflicting"))
    came = mine.group_by("result_id").agg(came_at=pl.col("received_at").min())
    is_there = pl.col("fate") == words.CORRECTED
    told = before.join(
        now.select("result_id", "compartment", "collected_at", *_OF_A_VALUE, rewritten_at="received_at").join(
            came, on="result_id"
        ),
        on="result_id",
        how="inner",
    ).select(
        "patient_id",
        "fate",
        compartment=pl.when(is_there).then("compartment").otherwise(pl.coalesce("was_compartment", "compartment")),
        collected_at=pl.when(is_there).then("collected_at").otherwise(pl.coalesce("was_collected_at", "collected_at")),
        **{name: pl.when(is_there).then(name) for name in _OF_A_VALUE},
        came_at="came_at",
        rewritten_at="rewritten_at",
    )
    return told.sort("patient_id", "compartment", "collected_at", "fate")

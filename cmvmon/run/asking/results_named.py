"""What the results said that a verdict rests on, so that nobody has to look a number up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.domain.interval import reported_limit_iu_per_ml
from cmvmon.domain.versions import current_versions, is_usable
from cmvmon.shell.as_known.known import known_table

_TOLD = ("compartment", "collected_at", "detection", "viral_load_iu_per_ml")


def results_named(
    connection: sa.Connection, patient: str | None, rests: Iterable[dict[str, Any]], *, as_of: datetime
) -> dict[str, dict[str, Any]]:
    """By id, what each result said as it was known at `as_of`: compartment, collected_at, detection, viral_load_iu_per_ml and
    `limit_iu_per_ml`, the limit that it stands against (null: quantified, or not known).

    Not in it: a result that is no longer known of this patient, was withdrawn or is preliminary, and one of which two values
    contradict each other.

    Args:
        patient: whose; None = of nobody.
        rests: as `what_it_rests_on` gives them.
    """
    ids = {
        name
        for one in rests
        for names in (one["rests_on"], *(f["result_ids"] for f in one["follows"]))
        for name in names
    }
    rows = known_table(connection, LEADING, as_of=as_of, patients=[patient]) if ids and patient else None
    if rows is None:
        return {}
    mine = current_versions(rows.filter(pl.col("result_id").is_in(sorted(ids)))).filter(
        is_usable() & ~pl.col("is_conflicting")
    )
    return {
        row["result_id"]: {name: row[name] for name in _TOLD} | {"limit_iu_per_ml": reported_limit_iu_per_ml(row)}
        for row in mine.iter_rows(named=True)
    }

"""What a patient's page must say of the data that it rests on: records set apart, tables that stay away."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from cmvmon.dashboards.views import Caveat
from cmvmon.domain.conflicts import CONFLICTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.run.health.freshness import silent_since
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.waiting.quarantine import Waits


def own_caveats(patient_id: str, waiting: Collection[Waits]) -> tuple[Caveat, ...]:
    """What only this patient's page must say: records of theirs that are set apart. Contradictions are told by themselves."""
    own = sum(one.patient_id == patient_id and one.reason not in CONFLICTS for one in waiting)
    return (Caveat("own_quarantined", n=own),) if own else ()


def death_caveats(stays: pl.DataFrame) -> dict[str, tuple[Caveat, ...]]:
    """By patient, what the page must say of a death that is on record and does not hold. `stays`: the facts of stays."""
    told = stays.filter(pl.col("death_doubt").is_not_null()).select("patient_id", "death_doubt")
    return {patient: (Caveat(f"death_{doubt}"),) for patient, doubt in told.iter_rows()}


def feed_caveats(feeds: Collection[FeedTable], waiting: Collection[Waits]) -> tuple[Caveat, ...]:
    """What a patient's page must say of the data as a whole: records set apart that name nobody, tables that stay away."""
    caveats = []
    unnamed = sum(one.patient_id is None for one in waiting)
    if unnamed:
        caveats.append(Caveat("quarantined", n=unnamed))
    if not any(item.table == VIRAL_LOAD_RESULTS.name and item.last_received_at for item in feeds):
        caveats.append(Caveat("results_never"))
    for code, rows in (
        ("results_stale", VIRAL_LOAD_RESULTS),
        ("courses_stale", ANTIVIRAL_COURSES),
        ("stays_stale", ICU_STAYS),
    ):
        since = silent_since(feeds, rows.name)
        if since is not None:
            caveats.append(Caveat(code, since=since))
    return tuple(caveats)

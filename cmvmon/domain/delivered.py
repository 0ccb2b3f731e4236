"""The delivered tables: for each, all that intake, store, replay and assessment must know of it, in one entry.

To add one: its row type in `rows.py`, one entry here, its whole-table contract. Nothing else names a delivered table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS


class Versions(Enum):
    """Which version of a record is the last one.

    REPORTED: the sender states it, by (reported_at, result_status); arrival does not matter.
    SNAPSHOT: what came last.
    """

    REPORTED = "reported"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class Delivered:
    """One table that the world sends us.

    Attributes:
        rows: its row type.
        starts: the column that says from when a row holds; a row that starts after `as_of` is not read.
        known_since: the columns, the first that is not null, that date a record which is delivered as history.
        ends: columns whose moments after `as_of` read as "not yet": null.
        versions: which version of a record is the last one.
        in_conflict: columns that say nothing where the last versions of a record contradict each other.
        required: an assessment needs it; without it there is nothing to judge.
    """

    rows: RowType
    starts: str
    known_since: tuple[str, ...]
    ends: tuple[str, ...] = ()
    versions: Versions = Versions.SNAPSHOT
    in_conflict: tuple[str, ...] = ()
    required: bool = False

    @property
    def name(self) -> str:
        return self.rows.name

    def begun(self, frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
        """The rows that had begun by `as_of`, with what lies after it read as not known yet (null)."""
        return frame.filter(pl.col(self.starts) <= as_of).with_columns(
            pl.when(pl.col(end) <= as_of).then(pl.col(end)).alias(end) for end in self.ends
        )

    def unsaid(self, conflicting: pl.DataFrame) -> pl.DataFrame:
        """One row of each conflicting record with the columns that say nothing then as null."""
        return conflicting.with_columns(
            pl.lit(None).cast(self.rows.schema[name]).alias(name) for name in self.in_conflict
        )


DELIVERED: tuple[Delivered, ...] = (
    Delivered(
        VIRAL_LOAD_RESULTS,
        starts="collected_at",
        known_since=("reported_at", "collected_at"),
        versions=Versions.REPORTED,
        required=True,
    ),
    Delivered(
        ANTIVIRAL_COURSES,
        starts="started_at",
        known_since=("started_at",),
        ends=("stopped_at",),
        in_conflict=("indication", "dose_mg", "dose_mg_per_kg", "interval_h"),
    ),
    Delivered(
        ICU_STAYS,
        starts="admitted_at",
        known_since=("admitted_at",),
        ends=("discharged_at", "ventilation_started_at", "ventilation_stopped_at"),
        in_conflict=("discharged_at", "affected_compartments", "ward", "bed"),
    ),
)
NAMES: tuple[str, ...] = tuple(table.name for table in DELIVERED)
BY_NAME: dict[str, Delivered] = {table.name: table for table in DELIVERED}

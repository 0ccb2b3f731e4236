"""What was known at a moment, out of the store: the tables that an assessment reads."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, QUARANTINED_RECORDS, VIRAL_LOAD_RESULTS
from cmvmon.shell.frames import framed
from cmvmon.shell.schema import DELIVERIES, QUARANTINE, VERSIONS
from cmvmon.shell.site import Site

_CHUNK = 500


def known_results(
    connection: sa.Connection, *, as_of: datetime, patients: Collection[str] | None = None
) -> pl.DataFrame:
    """Every version of every result that was known at `as_of` (received_at <= as_of), of all or of some patients."""
    return _read(connection, VIRAL_LOAD_RESULTS, as_of, patients).select(*VIRAL_LOAD_RESULTS.schema)


def known_courses(
    connection: sa.Connection, *, as_of: datetime, patients: Collection[str] | None = None
) -> pl.DataFrame | None:
    """The current version of every course known at `as_of`; None when no such delivery had been accepted.

    Where last versions conflict, one row stays with its intent unknown: whether that patient is treated can't be told.
    """
    if not _was_delivered(connection, ANTIVIRAL_COURSES, as_of):
        return None
    current, conflicting = _current(_read(connection, ANTIVIRAL_COURSES, as_of, patients))
    unknown = conflicting.with_columns(
        pl.lit(None).cast(pl.String).alias("indication"),
        *(pl.lit(None).cast(pl.Float64).alias(n) for n in ("dose_mg", "dose_mg_per_kg", "interval_h")),
    )
    return pl.concat([current, unknown]).select(*ANTIVIRAL_COURSES.schema)


def known_stays(
    connection: sa.Connection, *, as_of: datetime, patients: Collection[str] | None = None
) -> pl.DataFrame | None:
    """The current version of every stay known at `as_of`; None when no such delivery had been accepted.

    Where last versions conflict, one row stays, still open, with nothing stated and no bed: nothing is read from it.
    """
    if not _was_delivered(connection, ICU_STAYS, as_of):
        return None
    current, conflicting = _current(_read(connection, ICU_STAYS, as_of, patients))
    open_stay = conflicting.with_columns(
        pl.lit(None).cast(pl.Datetime("us", "UTC")).alias("discharged_at"),
        *(pl.lit(None).cast(pl.String).alias(name) for name in ("affected_compartments", "ward", "bed")),
    )
    return pl.concat([current, open_stay]).select(*ICU_STAYS.schema)


def open_quarantine(connection: sa.Connection) -> pl.DataFrame:
    """The records that are set apart now: those of the last judging of each delivery, as `quarantined_records`."""
    q, d = QUARANTINE.c, DELIVERIES.c
    last = (
        sa.select(d.delivery_id, d.feed, d.table_name, sa.func.max(d.attempt).label("attempt"))
        .group_by(d.delivery_id, d.feed, d.table_name)
        .subquery()
    )
    query = sa.select(QUARANTINE).join(
        last,
        sa.and_(
            q.delivery_id == last.c.delivery_id,
            q.feed == last.c.feed,
            q.table_name == last.c.table_name,
            q.attempt == last.c.attempt,
        ),
    )
    return _frame(connection, query, QUARANTINED_RECORDS).sort(*QUARANTINED_RECORDS.key)


def _was_delivered(connection: sa.Connection, row_type: RowType, as_of: datetime) -> bool:
    """Whether a delivery of that table had been taken in: one that was refused whole tells nothing."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id).where(
        d.table_name == row_type.name, d.refused.is_(None), sa.or_(d.is_history, d.received_at <= as_of)
    )
    return connection.execute(query.limit(1)).first() is not None


def _read(
    connection: sa.Connection, row_type: RowType, as_of: datetime, patients: Collection[str] | None
) -> pl.DataFrame:
    table = VERSIONS[row_type.name]
    names = [*row_type.schema, "record_key", "content", "landed_at"]
    query = sa.select(*(table.c[name] for name in names)).where(table.c.received_at <= as_of)
    if patients is None:
        return _frame(connection, query, row_type)
    wanted = sorted(patients)
    parts = [
        _frame(connection, query.where(table.c.patient_id.in_(wanted[start : start + _CHUNK])), row_type)
        for start in range(0, len(wanted), _CHUNK)
    ]
    return pl.concat(parts) if parts else _frame(connection, query.where(sa.false()), row_type)


def _frame(connection: sa.Connection, query: sa.Select[tuple[object, ...]], row_type: RowType) -> pl.DataFrame:
    return framed(connection, query, {"landed_at": Kind.MOMENT.dtype, **row_type.schema})


def _current(versions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The last version of each record, and one row for each record whose last versions contradict each other."""
    stamp = pl.struct("received_at", "landed_at").rank("dense").over("record_key")
    last = (
        versions.sort("record_key", "received_at", "landed_at", "content")
        .with_columns(stamp=stamp)
        .filter(pl.col("stamp") == pl.col("stamp").max().over("record_key"))
        .unique(subset=["record_key", "content"], keep="first", maintain_order=True)
    )
    several = pl.col("record_key").is_duplicated()
    return (
        last.filter(~several).drop("stamp"),
        last.filter(several).unique(subset="record_key", keep="first", maintain_order=True).drop("stamp"),
    )


def file_names(connection: sa.Connection) -> dict[tuple[str, str, str], str]:
    """The name of the file that brought each delivery."""
    d = DELIVERIES.c
    rows = connection.execute(sa.select(d.delivery_id, d.feed, d.table_name, d.file_name).order_by(d.attempt))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def patients_of_delivery(connection: sa.Connection, delivery_id: str) -> frozenset[str]:
    """The patients whom that delivery touches: every patient under whom one of its records stands in any version, so
    that the one from whom a correction takes a result away is among them."""
    touched: set[str] = set()
    for table in VERSIONS.values():
        brought = sa.select(table.c.record_key).where(table.c.delivery_id == delivery_id)
        query = sa.select(table.c.patient_id).where(table.c.record_key.in_(brought)).distinct()
        touched |= {patient for (patient,) in connection.execute(query)}
    return frozenset(touched)


def unread_courses(connection: sa.Connection) -> frozenset[str]:
    """Patients of whom a delivered course waits in quarantine: whether they are treated can't be told from the rest."""
    waiting = open_quarantine(connection).filter(
        (pl.col("table_name") == ANTIVIRAL_COURSES.name) & (pl.col("reason") != "conflicting_values")
    )
    delivered = [json.loads(text) for text in waiting["delivered_text"]]
    return frozenset(str(record["patient_id"]).strip() for record in delivered if record.get("patient_id"))


def assays_in_use(site: Site, results: pl.DataFrame) -> pl.DataFrame:
    """`assays` of the laboratories that these results are of. Raises ProtocolError for a laboratory file that can't be read."""
    in_use = [site.laboratory(name) for name in sorted(results["laboratory"].unique())]
    return pl.concat([ASSAYS.empty(), *(laboratory.assays() for laboratory in in_use if laboratory is not None)])

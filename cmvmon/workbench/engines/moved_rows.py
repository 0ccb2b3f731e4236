"""What an engine moves: rows of every table in one layout, and what its workers do with batches of them. No engine is imported.

A moved row says of which table and of which patient it is; the row itself stands in the column of that table, as a record, and
the columns of the other tables are null. Each function takes an iterator of Arrow batches and gives one, as Spark's `mapInArrow`
and its kin want it. Types are those that every engine has: text, 64-bit numbers, moments in microseconds UTC.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.versions import current_results
from cmvmon.feeds.standard_table import typed_exchange
from cmvmon.kinetics.concordance.tally import TALLIES, tallies, tallies_added
from cmvmon.kinetics.concordance.unit import part_of
from cmvmon.workbench.batch import (
    COMPUTED_NAMES,
    OF_PATIENTS,
    OPTIONAL,
    Batch,
    How,
    batch_of,
    has_both,
    judge,
    patients_named,
)
from cmvmon.workbench.engines.kernels import warm_once
from cmvmon.workbench.quarantined import QUARANTINED, SET_APART, quarantined_rows

if TYPE_CHECKING:
    import pyarrow as pa

    Batches = Iterator[pa.RecordBatch]

TABLE, PATIENT, NUMBER, KEY, FOREIGN = "table_name", "patient_id", "result_id", "batch_key", "is_foreign"
APART, PACKED = "apart", "packed"
_BY_NAME = {row_type.name: row_type for row_type in (*OF_PATIENTS, *OPTIONAL)}
RESULTS_PER_BATCH = 100_000
# Sail's workers are threads of one process, one for each part: no more of them judge at once than there are cores. Nothing is asked
# of the engine meanwhile, so that nobody waits for one who waits for his turn.
_TURNS = threading.Semaphore(os.cpu_count() or 1)

Schema = Mapping[str, pl.DataType]


@dataclass(frozen=True)
class Everybody:
    """What every batch is told beside its own rows. `present`: the tables that were delivered at all."""

    how: How
    assays: pl.DataFrame
    present: frozenset[str]


def typed_schema(names: Sequence[str]) -> Schema:
    """The layout of the typed rows of these tables."""
    texts = {TABLE: pl.String(), PATIENT: pl.String(), NUMBER: pl.String()}
    return texts | {name: pl.Struct(dict(_BY_NAME[name].schema)) for name in names} | {APART: pl.Struct(QUARANTINED)}


MOMENT_SCHEMA: Schema = {"latest": pl.Datetime("us", "UTC")}
PACKED_SCHEMA: Schema = {TABLE: pl.String(), PACKED: pl.Binary()}


def typed_rows(batches: Batches, *, name: str, names: Sequence[str], zone: ZoneInfo | None) -> Batches:
    """The rows of one delivered table, typed, with the broken ones as they are set apart; in the layout of all tables, `names`.

    `zone`: of times without an offset; None where nobody states one.

    Raises DeliveryError: a needed column is missing, or one holds what can't be read without guessing.
    """
    row_type, schema = _BY_NAME[name], typed_schema(names)
    for batch in batches:
        usable, broken = typed_exchange(_frame([batch]), row_type, zone=zone)
        rows = row_type.conform(usable).select(
            pl.lit(name).alias(TABLE),
            pl.col(PATIENT) if PATIENT in row_type.schema else pl.lit(None, pl.String).alias(PATIENT),
            pl.col(NUMBER) if row_type is LEADING.rows else pl.lit(None, pl.String).alias(NUMBER),
            pl.struct(*row_type.schema).alias(name),
        )
        told = quarantined_rows([(name, broken)], computed=())
        apart = told.select(
            pl.lit(name).alias(TABLE),
            (broken[PATIENT] if PATIENT in broken.columns else pl.lit(None, pl.String)).alias(PATIENT),
            pl.struct(*QUARANTINED).alias(APART),
        )
        yield from _batches(pl.concat([rows, apart], how="diagonal"), schema)


def latest_moments(batches: Batches) -> Batches:
    """When the latest usable result was collected. The batches hold every row of each result number that they hold."""
    rows = _frame(list(batches))
    if not rows.is_empty():
        latest = current_results(_table(rows, LEADING.rows))["collected_at"].max()
        yield from _batches(pl.DataFrame({"latest": [latest]}, schema=MOMENT_SCHEMA), MOMENT_SCHEMA)


def counted(batches: Batches, *, everybody: Everybody) -> Batches:
    """What the unit's concordance needs of the patients who have both blood and another compartment, tallied together."""
    how = everybody.how
    warm_once()
    rows, told = _frame(list(batches)), []
    with _TURNS:
        for batch in _batches_of_patients(rows, everybody):
            if has_both(batch.tables[LEADING.name]):
                part = part_of(batch.results_in_use(how), protocol=how.protocol, as_of=how.moment)
                told += [] if part is None else [tallies(part.places, part.sums)]
    yield from _batches(tallies_added(told), TALLIES)


def judged_rows(batches: Batches, *, everybody: Everybody, unit: pl.DataFrame) -> Batches:
    """The computed rows of every patient, but for the unit's, and what is set apart, packed by table: side by side in one layout, most
    of what is moved would be the null columns of other tables.
    """
    how = everybody.how
    warm_once()  # no kernel is compiled in the middle of a batch
    rows, told = _frame(list(batches)), []
    with _TURNS:
        for batch in _batches_of_patients(rows, everybody):
            found = judge(batch, how, unit=unit, is_compared=has_both(batch.tables[LEADING.name]))
            apart = quarantined_rows([(LEADING.name, batch.crowded), *found.broken.items()], computed=COMPUTED_NAMES)
            packed = {
                TABLE: [*found.kept, SET_APART],
                PACKED: [
                    frame.write_ipc(None, compression="lz4").getvalue() for frame in (*found.kept.values(), apart)
                ],
            }
            told.append(pl.DataFrame(packed, schema=PACKED_SCHEMA))
    del rows
    for some in told:
        yield from _batches(some, PACKED_SCHEMA)


def unpacked(batches: Batches, *, schema: Schema) -> Batches:
    """The rows of one table that `judged_rows` packed, as they were."""
    for batch in batches:
        for packed in batch.column(PACKED).to_pylist():
            yield from _batches(pl.read_ipc(packed), schema)


def _batches_of_patients(rows: pl.DataFrame, everybody: Everybody) -> Iterator[Batch]:
    """The patients of these rows, so many at a time that a batch holds about RESULTS_PER_BATCH results."""
    if rows.is_empty():
        return
    own = rows.filter(~pl.col(FOREIGN))
    sizes = own.filter(pl.col(KEY).is_not_null()).group_by(KEY).len().sort(KEY)
    batch_of = sizes.select(KEY, ((pl.col("len").cum_sum() - 1) // RESULTS_PER_BATCH).alias("batch"))
    for (_,), some in batch_of.group_by("batch", maintain_order=True):
        keys = some[KEY]
        part = rows.filter(pl.col(KEY).is_in(keys.implode()))
        # Of a patient of this batch everything is here already; of two who share a number with one of others, it came twice.
        foreign = part.filter(pl.col(FOREIGN) & ~pl.col(PATIENT).is_in(keys.implode())).drop(KEY).unique()
        yield _batch(part.filter(~pl.col(FOREIGN)), foreign, keys, everybody)


def _batch(own: pl.DataFrame, foreign: pl.DataFrame, patients: pl.Series, everybody: Everybody) -> Batch:
    tables = {t.name: _table(own, t) for t in OF_PATIENTS if t.name in everybody.present}
    tables[LEADING.name] = pl.concat([tables[LEADING.name], _table(foreign, LEADING.rows)])
    broken = own.filter(pl.col(APART).struct.field("reason").is_not_null())
    unreadable = {name: patients_named(broken.filter(pl.col(TABLE) == name)) for name in everybody.present}
    own_rows = pl.col(PATIENT).is_in(patients.implode())
    return batch_of(tables, everybody.assays, unreadable, lambda frame: frame.filter(own_rows))


def _table(rows: pl.DataFrame, row_type: RowType) -> pl.DataFrame:
    """The typed rows of one table among moved rows."""
    if row_type.name not in rows.columns:
        return row_type.empty()
    mine = (pl.col(TABLE) == row_type.name) & pl.col(APART).struct.field("reason").is_null()
    return row_type.conform(rows.filter(mine).select(pl.col(row_type.name).struct.unnest()))


def _frame(batches: Sequence[pa.RecordBatch]) -> pl.DataFrame:
    """One frame of all batches; moments in UTC, whatever the engine calls that zone."""
    import pyarrow as pa

    if not batches:
        return pl.DataFrame()
    found = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(found, pl.DataFrame)
    return found


def _batches(rows: pl.DataFrame, schema: Schema) -> Batches:
    """Arrow batches of exactly these columns and types; a column that the rows lack is null."""
    absent = [pl.lit(None).cast(kind).alias(name) for name, kind in schema.items() if name not in rows.columns]
    table = rows.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in schema.items()).to_arrow()
    yield from table.cast(arrow_schema(schema)).to_batches()


def arrow_schema(schema: Schema) -> pa.Schema:
    """The layout in Arrow's plain types, which every engine takes."""
    import pyarrow as pa

    return pa.schema([pa.field(name, _arrow_type(kind)) for name, kind in schema.items()])


def _arrow_type(kind: Any) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, pl.Struct):
        return pa.struct([pa.field(field.name, _arrow_type(field.dtype)) for field in kind.fields])
    plain = {
        pl.String(): pa.string(),
        pl.Boolean(): pa.bool_(),
        pl.Binary(): pa.binary(),
        pl.Int64(): pa.int64(),
        pl.Float64(): pa.float64(),
        pl.Datetime("us", "UTC"): pa.timestamp("us", "UTC"),
    }
    return plain[kind]

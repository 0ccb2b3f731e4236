"""An analysis on a cluster: Spark through Spark Connect, or Sail, which starts here when asked.

The engine moves rows and counts; what a worker does with a batch of them stands in `cmvmon.workbench.engines.moved_rows`, and judges
with the function that `analyze` calls without an engine. Needs the extra `spark` here, and cmvmon on every worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING, LINKS
from cmvmon.domain.errors import SiteError
from cmvmon.domain.extras import require
from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ASSAYS
from cmvmon.feeds.standard_table import typed_exchange
from cmvmon.kinetics.concordance.tally import TALLIES
from cmvmon.kinetics.concordance.unit import rows_of_tallies
from cmvmon.protocol import Protocol
from cmvmon.shell.folder.site import Site
from cmvmon.workbench.analysis import Analysed, no_moment, policy_of
from cmvmon.workbench.batch import OF_PATIENTS, How
from cmvmon.workbench.engines import SAIL, SPARK, moved_rows
from cmvmon.workbench.engines.moved_rows import (
    APART,
    FOREIGN,
    KEY,
    NUMBER,
    PATIENT,
    TABLE,
    Everybody,
    Schema,
)
from cmvmon.workbench.engines.places import Place, places
from cmvmon.workbench.engines.spark_session import session
from cmvmon.workbench.folder_tables import zone_called
from cmvmon.workbench.out_folder import WRITTEN, refuse_former
from cmvmon.workbench.quarantined import QUARANTINED, SET_APART, quarantined_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FEWEST = 2  # parts that rows are moved in
_SQL = {
    pl.String(): "string",
    pl.Boolean(): "boolean",
    pl.Int64(): "bigint",
    pl.Float64(): "double",
    pl.Binary(): "binary",
    pl.Datetime("us", "UTC"): "timestamp",
}


@dataclass(frozen=True)
class _Wanted:
    """What is asked of an analysis."""

    protocol: Protocol
    method: str
    as_of: datetime | None
    ask_next: bool
    partitions: int | None
    zone: ZoneInfo | None = None


def analyze_on_spark(
    source: str,
    out: str,
    *,
    remote: str,
    root: Path,
    as_of: datetime | None = None,
    partitions: int | None = None,
    method: str | None = None,
    priors: Path | None = None,
    ask_next: bool = False,
    zone: str | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Analysed:
    """`cmvmon.workbench.analysis.analyze` on an engine: the same rows, in the order that the engine leaves them in.

    Args:
        source, out: a folder that the engine sees, with `<table>.parquet` in it (files, or folders of them), or `schema` or
            `catalog.schema` of tables that it knows. What is written to `out` must not be there yet.
        remote: `sc://HOST:PORT`, or `sail`.
        partitions: at least so many parts, of which one has to fit into a worker's memory.
        root, as_of, method, priors, ask_next, zone: as `analyze` takes them.
        tell: is given a line where workers have to compile first.

    Raises:
        SiteError: no engine, or one that will not do; no results; a table in `out`; an engine that stopped midway. What this
            run had written by then is gone again.
        DeliveryError: a table lacks a needed column, or one holds what can't be read without guessing.
    """
    extra, address = (SAIL, remote) if remote == SAIL else (SPARK, "ADDRESS")
    require(f"`cmvmon analyze --engine {SPARK} --remote {address}`", extra)
    protocol, how = policy_of(root, method=method, priors=priors)
    local = zone_called(zone) or Site(root).settings().delivered_zone
    wanted = _Wanted(protocol, how, as_of, ask_next, partitions, local)
    with session(remote, tell) as spark:
        return _Run(spark, *places(spark, source, out), wanted).run()


class _Run:
    """One analysis: typed rows, then the unit's counts, then every patient. What is between is kept where OUT is."""

    def __init__(self, spark: SparkSession, source: Place, out: Place, wanted: _Wanted) -> None:
        self._spark, self._source, self._out, self._wanted = spark, source, out, wanted
        self._partitions = wanted.partitions or _FEWEST
        self._written: list[str] = []
        self._working: list[str] = []

    def run(self) -> Analysed:
        names = (*(row_type.name for row_type in OF_PATIENTS), ASSAYS.name, LINKS.rows.name)
        self._source.must_not_be_text(names)
        found = {name: self._source.read(name) for name in names}
        delivered = {name: rows for name, rows in found.items() if rows is not None}
        if LEADING.name not in delivered:
            raise SiteError(
                f"IN holds no {LEADING.name} that the engine sees; name a folder or a schema that it sees, too"
            )
        if LINKS.rows.name in delivered:
            raise SiteError(
                f"IN holds {LINKS.rows.name}, which only a site applies; give each patient one number and leave it out"
            )
        refuse_former((name for name in WRITTEN if self._out.read(name) is not None), may_replace=False)
        is_done = False
        try:
            done = self._run(delivered)
            is_done = True
            return done
        finally:
            for name in (*self._working, *(() if is_done else self._written)):
                self._out.drop(name)

    def _run(self, delivered: dict[str, DataFrame]) -> Analysed:
        from pyspark.sql import functions as f

        typed = self._typed(delivered)
        assays, broken_assays = _assays(delivered.get(ASSAYS.name), self._wanted.zone)
        moment = self._wanted.as_of or self._latest(typed)
        if moment is None:
            broken = typed.filter(_is_apart() & (f.col(TABLE) == LEADING.name))
            raise no_moment(_counts(broken.select(f"{APART}.reason"), "reason"))
        how = How(self._wanted.protocol, moment, self._wanted.method, self._wanted.ask_next)
        everybody = Everybody(how, assays, frozenset(delivered))
        rows = self._under_each_patient(typed)
        unit = self._unit(rows, everybody)
        job = partial(moved_rows.judged_rows, everybody=everybody, unit=unit)
        judged = self._kept(self._on_workers(rows, job, moved_rows.PACKED_SCHEMA), "judged")
        for row_type in how.computed:
            own = _unpacked(judged, row_type.name, dict(row_type.schema))
            if row_type is CONCORDANCE:
                own = own.unionByName(self._sent(unit.select(*CONCORDANCE.schema), dict(CONCORDANCE.schema)))
            self._write(own, row_type.name)
        apart = typed.filter(_is_apart()).select(f"{APART}.*")
        for more in (_unpacked(judged, SET_APART, QUARANTINED), self._sent(broken_assays, QUARANTINED)):
            apart = apart.unionByName(more)
        self._write(apart, SET_APART)
        return self._counted(moment, (*delivered, *(t.name for t in how.computed)))

    def _typed(self, delivered: dict[str, DataFrame]) -> DataFrame:
        """Every row of every table of patients, typed, or as it is set apart."""
        parts = []
        names = tuple(row_type.name for row_type in OF_PATIENTS if row_type.name in delivered)
        for row_type in OF_PATIENTS:
            if row_type.name not in names:
                continue
            rows = delivered[row_type.name]
            rows = rows.select(*(name for name in row_type.exchanged if name in rows.columns))
            typed_exchange(_polars(rows.limit(0)), row_type)  # whether its columns will do, before any worker begins
            job = partial(moved_rows.typed_rows, name=row_type.name, names=names, zone=self._wanted.zone)
            parts.append(rows.mapInArrow(job, _ddl(moved_rows.typed_schema(names))))
        whole = reduce(lambda one, other: one.unionByName(other), parts)
        kept = self._kept(whole, "typed")
        self._partitions = max(self._partitions, math.ceil(kept.count() / moved_rows.RESULTS_PER_BATCH))
        return kept

    def _latest(self, typed: DataFrame) -> datetime | None:
        results = _results(typed).repartition(self._partitions, NUMBER)
        latest = _polars(results.mapInArrow(moved_rows.latest_moments, _ddl(moved_rows.MOMENT_SCHEMA)))["latest"].max()
        return latest.astimezone(UTC) if isinstance(latest, datetime) else None

    def _under_each_patient(self, typed: DataFrame) -> DataFrame:
        """Every row under its patient; and a result whose number stands under several patients, under the others too."""
        from pyspark.sql import functions as f

        results = _results(typed)
        pairs = results.select(NUMBER, f.col(PATIENT).alias(KEY)).distinct()
        shared = pairs.groupBy(NUMBER).count().filter(f.col("count") > 1).select(NUMBER)
        others = pairs.join(shared, NUMBER)
        foreign = results.join(others, NUMBER).filter(f.col(PATIENT) != f.col(KEY)).withColumn(FOREIGN, f.lit(True))
        own = typed.withColumn(KEY, f.col(PATIENT)).withColumn(FOREIGN, f.lit(False))
        return own.unionByName(foreign)

    def _unit(self, rows: DataFrame, everybody: Everybody) -> pl.DataFrame:
        """The unit's rows of concordance: each part is tallied, and the engine adds the tallies up."""
        from pyspark.sql import functions as f

        job = partial(moved_rows.counted, everybody=everybody)
        told = self._on_workers(_results(rows), job, TALLIES)
        added = told.groupBy(*(name for name in TALLIES if name != "n")).agg(f.sum("n").alias("n"))
        return rows_of_tallies(_polars(added.select(*TALLIES)), protocol=everybody.how.protocol)

    def _on_workers(self, rows: DataFrame, job: Callable[..., Any], schema: Schema) -> DataFrame:
        return rows.repartition(self._partitions, KEY).mapInArrow(job, _ddl(schema))

    def _kept(self, rows: DataFrame, name: str) -> DataFrame:
        """The rows, computed once and read again from where OUT is."""
        kept = f"cmvmon_working_{name}"
        self._working.append(kept)
        self._out.drop(kept)  # what a run that was killed left
        self._out.write(rows, kept)
        return self._there(kept)

    def _write(self, rows: DataFrame, name: str) -> None:
        self._written.append(name)
        self._out.write(rows, name)

    def _there(self, name: str) -> DataFrame:
        found = self._out.read(name)
        if found is None:
            raise SiteError(
                f"the engine wrote {name} to OUT and does not find it there; name a place that every worker sees"
            )
        return found

    def _sent(self, rows: pl.DataFrame, schema: Schema) -> DataFrame:
        return self._spark.createDataFrame(rows.to_arrow().cast(moved_rows.arrow_schema(schema)), _ddl(schema))

    def _counted(self, moment: datetime, names: tuple[str, ...]) -> Analysed:
        from pyspark.sql import functions as f

        verdicts = self._there(VERDICTS.name)
        by_word = _counts(verdicts, "verdict")
        apart = _counts(self._there(SET_APART), TABLE)
        return Analysed(
            as_of=moment,
            patients=int(verdicts.select(f.countDistinct(PATIENT).alias("n")).toArrow()["n"][0].as_py()),
            weekly_rows=int(self._there(WEEKLY_DECLINE.name).count()),
            verdicts={word: by_word.get(word, 0) for word in words.VERDICT},
            quarantined={name: apart.get(name, 0) for name in names},
        )


def _assays(found: DataFrame | None, zone: ZoneInfo | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The assays, which every worker is told, and their broken rows as they are set apart."""
    if found is None:
        return ASSAYS.empty(), pl.DataFrame(schema=QUARANTINED)
    usable, broken = typed_exchange(_polars(found), ASSAYS, zone=zone)
    return ASSAYS.conform(usable), quarantined_rows([(ASSAYS.name, broken)], computed=())


def _unpacked(judged: DataFrame, name: str, schema: Schema) -> DataFrame:
    """The rows of one table among what the workers packed."""
    from pyspark.sql import functions as f

    return judged.filter(f.col(TABLE) == name).mapInArrow(partial(moved_rows.unpacked, schema=schema), _ddl(schema))


def _is_apart() -> Any:
    from pyspark.sql import functions as f

    return f.col(f"{APART}.reason").isNotNull()


def _results(rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as f

    return rows.filter((f.col(TABLE) == LEADING.name) & ~_is_apart())


def _counts(rows: DataFrame, column: str) -> dict[str, int]:
    return {row[column]: row["count"] for row in rows.groupBy(column).count().toArrow().to_pylist()}


def _polars(rows: DataFrame) -> pl.DataFrame:
    found = pl.from_arrow(rows.toArrow())
    assert isinstance(found, pl.DataFrame)
    return found


def _ddl(schema: Schema) -> str:
    return ", ".join(f"`{name}` {_sql_type(kind)}" for name, kind in schema.items())


def _sql_type(kind: Any) -> str:
    if isinstance(kind, pl.Struct):
        return f"struct<{', '.join(f'`{field.name}`: {_sql_type(field.dtype)}' for field in kind.fields)}>"
    return _SQL[kind]

"""An analysis on a cluster, through Spark Connect: Spark itself, or Sail, which starts here when asked.

The engine moves rows and counts; what a worker does with a batch of them is `cmvmon.workbench.moved_rows`, which is
what `analyze` does without an engine. Needs the extra `spark` here, and cmvmon of the same version on every worker.
"""

from __future__ import annotations

import shutil
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import polars as pl

import cmvmon
from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import CmvmonError, DeliveryError, SiteError
from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ASSAYS
from cmvmon.feeds.standard_table import typed_exchange
from cmvmon.kinetics.concordance.unit import part_of_texts, unit_rows
from cmvmon.protocol import Protocol
from cmvmon.workbench import moved_rows
from cmvmon.workbench.batch import OF_PATIENTS, How
from cmvmon.workbench.moved_rows import APART, FOREIGN, KEY, NUMBER, PATIENT, TABLE, Everybody, Schema
from cmvmon.workbench.quarantined import QUARANTINED, quarantined_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SAIL = "sail"
_OLDEST = (4, 0)  # the first that gives results as Arrow
_REACHED_WITHIN_S = 10
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "+00:00"})


@dataclass(frozen=True)
class OnEngine:
    """What an analysis on an engine wrote. `quarantined` counts the broken rows of each table that has some."""

    as_of: datetime
    patients: int
    weekly_rows: int
    verdicts: dict[str, int]
    quarantined: dict[str, int]


def analyze_on_spark(
    source: str,
    out: str,
    *,
    remote: str,
    protocol: Protocol,
    method: str,
    as_of: datetime | None = None,
    partitions: int = 2,
) -> OnEngine:
    """`cmvmon.workbench.analysis.analyze` on an engine: the same rows, in the order that the engine leaves them in.

    Args:
        source, out: a folder that the engine sees, of `<table>.parquet` (files, or folders of them), or `schema` or
            `catalog.schema` of tables that it knows. `out` must not exist, or hold none of the tables that are written.
        remote: `sc://HOST:PORT`, or `sail` for an engine that starts here, on loopback, and ends with this call.
        partitions: parts that the rows are moved in; one has to fit into a worker's memory.

    Raises:
        SiteError: no engine, one of another version or zone, a table that is missing, an `out` that exists.
        DeliveryError: a table lacks a needed column, or one holds what can't be read without guessing.
    """
    with _session(remote) as spark, _told_in_words():
        _check_workers(spark)
        read, write = _place(source), _place(out)
        write.must_be_new(spark, (WEEKLY_DECLINE.name, VERDICTS.name, CONCORDANCE.name, "quarantined"))
        return _Run(spark, read, write, protocol, method, partitions).run(as_of)


class _Folder:
    """Tables as Parquet in a folder that the engine sees."""

    def __init__(self, path: str) -> None:
        self._path = path.rstrip("/")

    def read(self, spark: SparkSession, name: str) -> DataFrame | None:
        """That table; None where the folder has none."""
        from pyspark.errors import AnalysisException

        try:
            found = spark.read.parquet(f"{self._path}/{name}.parquet")
            return found if found.columns else None  # Sail reads nothing where nothing is
        except AnalysisException:
            return None

    def write(self, rows: DataFrame, name: str) -> None:
        rows.write.mode("error").parquet(f"{self._path}/{name}.parquet")

    def must_be_new(self, spark: SparkSession, names: tuple[str, ...]) -> None:
        there = [name for name in names if Path(f"{self._path}/{name}.parquet").exists() or self.read(spark, name) is not None]
        if there:
            raise SiteError(f"--out holds {', '.join(there)} already; name a new folder")

    def working(self, name: str) -> str:
        return f".working-{name}"

    def drop_working(self, spark: SparkSession, names: tuple[str, ...]) -> None:
        for name in names:
            shutil.rmtree(f"{self._path}/{self.working(name)}.parquet", ignore_errors=True)


class _Tables:
    """Tables that the engine's catalog knows by name."""

    def __init__(self, schema: str) -> None:
        self._schema = schema

    def read(self, spark: SparkSession, name: str) -> DataFrame | None:
        there = spark.catalog.tableExists(f"{self._schema}.{name}")
        return spark.table(f"{self._schema}.{name}") if there else None

    def write(self, rows: DataFrame, name: str) -> None:
        rows.write.mode("error").saveAsTable(f"{self._schema}.{name}")

    def must_be_new(self, spark: SparkSession, names: tuple[str, ...]) -> None:
        there = [name for name in names if spark.catalog.tableExists(f"{self._schema}.{name}")]
        if there:
            raise SiteError(f"--out holds {', '.join(there)} already; name a new schema")

    def working(self, name: str) -> str:
        return f"cmvmon_working_{name}"

    def drop_working(self, spark: SparkSession, names: tuple[str, ...]) -> None:
        for name in names:
            spark.sql(f"DROP TABLE IF EXISTS {self._schema}.{self.working(name)}")


_Place = _Folder | _Tables


def _place(text: str) -> _Place:
    """A folder where it has a slash or exists here; else a schema of tables."""
    if "/" in text or Path(text).is_dir():
        return _Folder(text if "://" in text else str(Path(text).resolve()))
    return _Tables(text)


class _Run:
    """One analysis: typed rows, then the unit's counts, then every patient. What is between is kept where OUT is."""

    def __init__(
        self, spark: SparkSession, source: _Place, out: _Place, protocol: Protocol, method: str, partitions: int
    ) -> None:
        self._spark, self._source, self._out = spark, source, out
        self._protocol, self._method, self._partitions = protocol, method, partitions
        self._working: list[str] = []

    def run(self, as_of: datetime | None) -> OnEngine:
        try:
            return self._run(as_of)
        finally:
            self._out.drop_working(self._spark, tuple(self._working))

    def _run(self, as_of: datetime | None) -> OnEngine:
        from pyspark.sql import functions as f

        typed, present = self._typed()
        assays, broken_assays = self._assays()
        moment = as_of or self._latest(typed)
        if moment is None:
            raise SiteError("no row can be used, so there is no moment to judge; give --as-of")
        how = How(self._protocol, moment, self._method)
        everybody = Everybody(how, assays, present)
        rows = self._with_foreign(typed)
        unit = self._unit(rows, everybody)
        judged = self._kept(
            self._on_workers(
                rows, partial(moved_rows.judged_rows, everybody=everybody, unit=unit), moved_rows.judged_schema(how)
            ),
            "judged",
        )
        for row_type in how.computed:
            own = judged.filter(f.col(TABLE) == row_type.name).select(f"{row_type.name}.*")
            if row_type is CONCORDANCE:
                own = own.unionByName(self._frame(unit.select(*CONCORDANCE.schema), dict(CONCORDANCE.schema)))
            self._out.write(own, row_type.name)
        apart = [part.filter(f.col(APART + ".reason").isNotNull()).select(f"{APART}.*") for part in (typed, judged)]
        told = apart[0].unionByName(apart[1]).unionByName(self._frame(broken_assays, QUARANTINED))
        self._out.write(told, "quarantined")
        return self._counted(moment)

    def _typed(self) -> tuple[DataFrame, frozenset[str]]:
        parts: list[DataFrame] = []
        present = set()
        for row_type in OF_PATIENTS:
            found = self._source.read(self._spark, row_type.name)
            if found is None:
                continue
            present.add(row_type.name)
            needed = [name for name in row_type.exchanged if name in found.columns]
            typed = found.select(*needed).mapInArrow(
                partial(moved_rows.typed_rows, name=row_type.name), _ddl(moved_rows.typed_schema(row_type))
            )
            parts.append(typed)
        if LEADING.name not in present:
            raise SiteError(
                f"IN holds no {LEADING.name} that the engine can read; name a folder or a schema that it sees"
            )
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.unionByName(part, allowMissingColumns=True)
        return self._kept(whole, "typed"), frozenset(present)

    def _assays(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        found = self._source.read(self._spark, ASSAYS.name)
        if found is None:
            return ASSAYS.empty(), pl.DataFrame(schema=QUARANTINED)
        usable, broken = typed_exchange(_polars(found), ASSAYS)
        return ASSAYS.conform(usable), quarantined_rows({ASSAYS.name: broken}, computed=())

    def _latest(self, typed: DataFrame) -> datetime | None:
        results = self._results(typed).repartition(self._partitions, NUMBER)
        latest = _polars(results.mapInArrow(moved_rows.latest_moments, _ddl(moved_rows.MOMENT_SCHEMA)))["latest"].max()
        return latest.astimezone(UTC) if isinstance(latest, datetime) else None

    def _results(self, typed: DataFrame) -> DataFrame:
        from pyspark.sql import functions as f

        return typed.filter((f.col(TABLE) == LEADING.name) & f.col(APART + ".reason").isNull())

    def _with_foreign(self, typed: DataFrame) -> DataFrame:
        """Every row under its patient; and each result whose number stands under several patients, under the others too."""
        from pyspark.sql import functions as f

        results = self._results(typed)
        pairs = results.select(NUMBER, f.col(PATIENT).alias(KEY)).distinct()
        shared = pairs.groupBy(NUMBER).count().filter(f.col("count") > 1).select(NUMBER)
        others = pairs.join(shared, NUMBER)
        foreign = results.join(others, NUMBER).filter(f.col(PATIENT) != f.col(KEY)).withColumn(FOREIGN, f.lit(True))
        own = typed.withColumn(KEY, f.col(PATIENT)).withColumn(FOREIGN, f.lit(False))
        return own.unionByName(foreign)

    def _unit(self, rows: DataFrame, everybody: Everybody) -> pl.DataFrame:
        """The unit's rows of concordance: a map, and one reduce."""
        from pyspark.sql import functions as f

        results = rows.filter((f.col(TABLE) == LEADING.name) & f.col(APART + ".reason").isNull())
        job = partial(moved_rows.counted, everybody=everybody)
        told = _polars(self._on_workers(results, job, moved_rows.COUNTS_SCHEMA)).sort(PATIENT)
        part = part_of_texts(told["counts"].to_list())
        return unit_rows([part] if part is not None else [], protocol=everybody.how.protocol)

    def _on_workers(self, rows: DataFrame, job: Callable[..., Any], schema: Schema) -> DataFrame:
        return rows.repartition(self._partitions, KEY).mapInArrow(job, _ddl(schema))

    def _kept(self, rows: DataFrame, name: str) -> DataFrame:
        """The rows, computed once and read again from where OUT is."""
        kept = self._out.working(name)
        self._working.append(name)
        self._out.write(rows, kept)
        found = self._out.read(self._spark, kept)
        assert found is not None
        return found

    def _frame(self, rows: pl.DataFrame, schema: Schema) -> DataFrame:
        return self._spark.createDataFrame(rows.to_arrow().cast(moved_rows.arrow_schema(schema)), _ddl(schema))

    def _counted(self, moment: datetime) -> OnEngine:
        from pyspark.sql import functions as f

        def of(name: str) -> DataFrame:
            found = self._out.read(self._spark, name)
            assert found is not None
            return found

        verdicts = of(VERDICTS.name)
        by_word = dict(
            verdicts.groupBy("verdict").count().toArrow().to_pylist()
            and [(row["verdict"], row["count"]) for row in verdicts.groupBy("verdict").count().toArrow().to_pylist()]
        )
        apart = of("quarantined").groupBy("table_name").count().toArrow().to_pylist()
        return OnEngine(
            as_of=moment,
            patients=int(verdicts.select(f.countDistinct(PATIENT).alias("n")).toArrow()["n"][0].as_py()),
            weekly_rows=int(of(WEEKLY_DECLINE.name).count()),
            verdicts={word: by_word.get(word, 0) for word in words.VERDICT},
            quarantined={row["table_name"]: row["count"] for row in apart},
        )


def _polars(rows: DataFrame) -> pl.DataFrame:
    found = pl.from_arrow(rows.toArrow())
    assert isinstance(found, pl.DataFrame)
    return found


def _ddl(schema: Schema) -> str:
    return ", ".join(f"`{name}` {_sql_type(kind)}" for name, kind in schema.items())


def _sql_type(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Struct):
        return f"struct<{', '.join(f'`{field.name}`: {_sql_type(field.dtype)}' for field in kind.fields)}>"  # type: ignore[arg-type]
    return {pl.String(): "string", pl.Int64(): "bigint", pl.Float64(): "double"}.get(kind, "timestamp")


@contextmanager
def _session(remote: str) -> Iterator[SparkSession]:
    """A session on that engine, whose zone is UTC."""
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    if remote == SAIL:
        with _sail() as address, _session(address) as spark:
            yield spark
        return
    _must_answer(remote)
    from pyspark.sql import SparkSession

    try:
        spark = SparkSession.builder.remote(remote).create()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        version, zone = spark.version, spark.conf.get("spark.sql.session.timeZone")
    except Exception as error:
        raise SiteError(
            f"the engine at --remote gave no session ({type(error).__name__}); is it Spark Connect?"
        ) from error
    try:
        _check_engine(version, zone)
        yield spark
    finally:
        spark.stop()


def _must_answer(remote: str) -> None:
    there = urlsplit(remote)
    if there.scheme != "sc" or not there.hostname:
        raise SiteError(f"--remote is {remote!r}; write sc://HOST:PORT, or sail")
    try:
        socket.create_connection((there.hostname, there.port or 15002), timeout=_REACHED_WITHIN_S).close()
    except OSError as error:
        raise SiteError(
            f"nothing answers at --remote {remote} ({error.strerror or type(error).__name__}); start the Spark Connect "
            "server, or mend the address"
        ) from error


def _check_engine(version: str, zone: str | None) -> None:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        raise SiteError(f"the engine is Spark {version}; {'.'.join(map(str, _OLDEST))} or later is needed")
    if zone not in _UTC_NAMES:
        raise SiteError(
            f"the zone of the engine's session is {zone} and does not change; set spark.sql.session.timeZone to UTC"
        )


def _check_workers(spark: SparkSession) -> None:
    """Raises SiteError where a worker has no cmvmon, or another one than this."""
    found = spark.range(1).mapInArrow(_version_of_worker, "version string").toArrow()["version"].to_pylist()
    if found != [cmvmon.__version__]:
        raise SiteError(
            f"the engine's workers have cmvmon {found[0] or 'not at all'}, and this is {cmvmon.__version__}; install the same on both"
        )


def _version_of_worker(batches: Iterator[Any]) -> Iterator[Any]:
    import importlib.metadata

    import pyarrow as pa

    for _ in batches:
        try:
            version = importlib.metadata.version("cmvmon")
        except importlib.metadata.PackageNotFoundError:
            version = ""
        yield pa.RecordBatch.from_pydict({"version": [version]})


@contextmanager
def _sail() -> Iterator[str]:
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    try:
        host, port = server.listening_address
        yield f"sc://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def _told_in_words() -> Iterator[None]:
    """What goes wrong on the engine, without its text: that may quote a row."""
    from pyspark.errors import PySparkException

    try:
        yield
    except CmvmonError:
        raise
    except PySparkException as error:
        code = _code_of(str(error))
        if code is not None:
            raise DeliveryError(
                code, f"a table of IN was refused by a worker ({code}); `cmvmon analyze` on it says more"
            ) from None
        kind = error.getCondition() or type(error).__name__
        raise SiteError(
            f"the engine stopped: {kind}; its own log says more. Nothing was left half-written but OUT"
        ) from error


def _code_of(text: str) -> str | None:
    """The code of a delivery that a worker refused, from the text of its error."""
    return next((code for code in ("missing_column", "wrong_type") if f"{code}" in text), None)

"""Where an analysis on an engine reads and writes: Parquet in a folder that the engine sees, or tables of its catalog."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cmvmon.domain.errors import SiteError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Place(Protocol):
    """Tables by name."""

    def read(self, name: str) -> DataFrame | None:
        """That table; None where there is none."""

    def must_not_be_text(self, names: Iterable[str]) -> None:
        """Raises SiteError where one of these stands there as CSV: it would be taken for absent."""

    def write(self, rows: DataFrame, name: str) -> None:
        """A new table of these rows. An error of the engine where there is one."""

    def drop(self, name: str) -> None:
        """The table is gone, if it was there."""


class Folder:
    """Parquet in `<folder>/<table>.parquet`: a file, or a folder of files."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._spark, self._path = spark, path.rstrip("/")

    def read(self, name: str) -> DataFrame | None:
        return _with_columns(self._spark.read.parquet, self._at(name))

    def must_not_be_text(self, names: Iterable[str]) -> None:
        texts = [n for n in names if _with_columns(self._spark.read.csv, f"{self._path}/{n}.csv") is not None]
        if texts:
            raise SiteError(
                f"IN holds {', '.join(f'{name}.csv' for name in texts)}; an engine reads Parquet: write each as <table>.parquet, and "
                "leave no CSV beside it"
            )

    def write(self, rows: DataFrame, name: str) -> None:
        rows.write.mode("error").parquet(self._at(name))
        here = Path(self._at(name))
        if here.parent.is_dir() and not any(
            here.glob("*.parquet")
        ):  # Sail writes no file of no rows: the columns would be lost
            import pyarrow.parquet as pq

            here.mkdir(exist_ok=True)
            pq.write_table(rows.limit(0).toArrow(), here / "part-empty.parquet")

    def drop(self, name: str) -> None:
        shutil.rmtree(self._at(name), ignore_errors=True)  # where the folder is seen from here, too

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}.parquet"


class Tables:
    """Tables of one schema of the engine's catalog."""

    def __init__(self, spark: SparkSession, schema: str) -> None:
        self._spark, self._schema = spark, schema

    def must_not_be_text(self, names: Iterable[str]) -> None:
        """A catalog has tables alone."""

    def read(self, name: str) -> DataFrame | None:
        return self._spark.table(self._at(name)) if self._spark.catalog.tableExists(self._at(name)) else None

    def write(self, rows: DataFrame, name: str) -> None:
        rows.write.mode("error").saveAsTable(self._at(name))

    def drop(self, name: str) -> None:
        self._spark.sql(f"DROP TABLE IF EXISTS {self._at(name)}")

    def _at(self, name: str) -> str:
        return f"{self._schema}.{name}"


def _with_columns(reader: Callable[[str], DataFrame], path: str) -> DataFrame | None:
    from pyspark.errors import AnalysisException

    try:
        found = reader(path)
        return found if found.columns else None  # Sail reads nothing where nothing is
    except AnalysisException:
        return None


def places(spark: SparkSession, source: str, out: str) -> tuple[Place, Place]:
    """Where to read and to write. A folder has a slash, or is here; what else IN is, is `schema` or `catalog.schema`; a name
    without a slash for OUT is what IN is.

    Raises SiteError for a text that can be neither.
    """
    has_folders = _is_folder(source)
    return _place(spark, source, is_folder=has_folders), _place(spark, out, is_folder=has_folders or _is_folder(out))


def _is_folder(text: str) -> bool:
    return "/" in text or Path(text).is_dir()


def _place(spark: SparkSession, text: str, *, is_folder: bool) -> Place:
    if is_folder:
        return Folder(spark, text if "://" in text else str(Path(text).resolve()))
    if not all(part.isidentifier() for part in text.split(".")):
        raise SiteError(
            f"{text!r} is no folder here and can't be a schema; name a folder with a slash, or catalog.schema"
        )
    return Tables(spark, text)

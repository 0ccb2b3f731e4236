"""Tables too large for memory, split by ranges of patients: kept on disk, given back one range at a time.

A patient's rows are never split, and ranges follow one another, so what is computed range by range and written one
after the other is sorted by patient. Two things join patients, and are kept exact: a result number that stands under
patients of several ranges (each range then also gets the rows of that number from the others), and the latest usable
collection of the whole table.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.versions import current_results, is_usable

_RANGE = "range of patients"
_NUMBER = pl.col("result_id").hash(seed=0)


def bounds_of(patients: pl.Series, count: int) -> tuple[str, ...]:
    """The first patient of each range but the first, so that `count` ranges hold about as many rows each."""
    if count < 2:
        return ()
    rows = patients.drop_nulls().sort()
    if rows.is_empty():
        return ()
    at = [len(rows) * k // count for k in range(1, count)]
    return tuple(str(patient) for patient in rows.gather(at).unique().sort())


class Partitions:
    """Typed rows of one or more tables by range of patients. With one range, rows stay in memory."""

    def __init__(self, folder: Path, bounds: tuple[str, ...]) -> None:
        self._folder = folder
        self._bounds = bounds
        self._kept: dict[tuple[str, int], list[pl.DataFrame | Path]] = {}
        self._numbers: list[tuple[pl.Series, pl.Series]] = []  # of results: hash and range
        self._latest: dict[int, datetime] = {}
        self._shared: pl.DataFrame | None = None
        self._finding_shared = threading.Lock()  # ranges are read by several threads

    def __len__(self) -> int:
        return len(self._bounds) + 1

    def add(self, rows: pl.DataFrame, row_type: RowType) -> None:
        """Keeps rows of one table; several calls add up, in order."""
        where = rows.select(_range_of(self._bounds)).to_series()
        is_result = row_type is LEADING.rows
        if is_result and self._bounds:
            self._numbers.append((rows.select(_NUMBER).to_series(), where))
        for place, part in self._by_range(rows, where):
            if is_result:
                self._note_latest(place, part)
            self._kept.setdefault((row_type.name, place), []).append(self._keep(part, row_type, place))

    def rows(self, row_type: RowType, place: int) -> pl.DataFrame:
        """The rows of one table of one range, in the order in which they were added."""
        kept = self._kept.get((row_type.name, place), [])
        parts = [row_type.conform(p if isinstance(p, pl.DataFrame) else pl.read_ipc(p)) for p in kept]
        return pl.concat(parts) if parts else row_type.empty()

    def texts(self, row_type: RowType, place: int, *names: str) -> pl.DataFrame:
        """Those columns, which are never null throughout, of `rows`; the others are not read."""
        kept = self._kept.get((row_type.name, place), [])
        parts = [
            (p if isinstance(p, pl.DataFrame) else pl.read_ipc(p, columns=list(names))).select(names) for p in kept
        ]
        return pl.concat(parts) if parts else row_type.empty().select(names)

    def results(self, place: int) -> pl.DataFrame:
        """The results of one range, with the rows of other ranges that bear one of its result numbers."""
        own = self.rows(LEADING.rows, place)
        shared = self._shared_results()
        if shared.is_empty():
            return own
        foreign = shared.filter(pl.col(_RANGE) != place).drop(_RANGE)
        return pl.concat([own, foreign.join(own.select("result_id").unique(), on="result_id", how="semi")])

    def own(self, frame: pl.DataFrame, place: int) -> pl.DataFrame:
        """The rows whose patient belongs to that range."""
        if self._shared_results().is_empty():  # nobody else's rows are there
            return frame
        return frame.filter(_range_of(self._bounds) == place) if self._bounds else frame

    def latest_usable(self) -> datetime | None:
        """When the latest result that may be used was collected; None when there is none."""
        latest: datetime | None = None
        for place in sorted(self._latest, key=lambda place: self._latest[place], reverse=True):
            if latest is not None and latest >= self._latest[place]:
                break
            found = current_results(self.results(place))["collected_at"].max()
            if isinstance(found, datetime):
                latest = found if latest is None else max(latest, found)
        return latest

    def _by_range(self, rows: pl.DataFrame, where: pl.Series) -> list[tuple[int, pl.DataFrame]]:
        """The rows of each range that has some, in their order."""
        if not self._bounds:
            return [] if rows.is_empty() else [(0, rows)]
        parts = rows.with_columns(where.alias(_RANGE)).partition_by(_RANGE, as_dict=True, include_key=False)
        return [(int(place), part) for (place,), part in sorted(parts.items())]

    def _note_latest(self, place: int, part: pl.DataFrame) -> None:
        """What no usable result of that range is later than."""
        found = part.select(pl.col("collected_at").filter(is_usable()).max()).item()
        if isinstance(found, datetime):
            self._latest[place] = max(found, self._latest.get(place, found))

    def _keep(self, part: pl.DataFrame, row_type: RowType, place: int) -> pl.DataFrame | Path:
        if not self._bounds:
            return part
        filled = [name for name in part.columns if part[name].null_count() < part.height]
        path = self._folder / f"{row_type.name}-{place}-{len(self._kept.get((row_type.name, place), []))}"
        part.select(filled).write_ipc(path, compression="lz4")
        return path

    def _shared_results(self) -> pl.DataFrame:
        """The results whose number stands in several ranges, with the range of each (a few more may be among them)."""
        with self._finding_shared:
            if self._shared is None:
                self._shared = self._found_shared()
            return self._shared

    def _found_shared(self) -> pl.DataFrame:
        numbers = _in_several(self._numbers)
        self._numbers = []
        parts: Iterable[pl.DataFrame] = (
            self.rows(LEADING.rows, place)
            .filter(_NUMBER.is_in(numbers.implode()))
            .with_columns(pl.lit(place).alias(_RANGE))
            for place in (range(len(self)) if len(numbers) else ())
        )
        empty = LEADING.rows.empty().with_columns(pl.lit(0).alias(_RANGE))
        return pl.concat([empty, *parts])


def _range_of(bounds: tuple[str, ...]) -> pl.Expr:
    """The place of a row's range: how many bounds its patient does not precede."""
    if not bounds:
        return pl.lit(0, pl.UInt16).alias(_RANGE)
    return pl.sum_horizontal((pl.col("patient_id") >= bound).cast(pl.UInt16) for bound in bounds).alias(_RANGE)


def _in_several(numbers: list[tuple[pl.Series, pl.Series]]) -> pl.Series:
    """Hashes that occur in more than one range. Few occur twice at all: sorting finds those, and only they are looked at."""
    if not numbers:
        return pl.Series([], dtype=pl.UInt64)
    rows = pl.DataFrame(
        {
            "number": pl.concat([hashed for hashed, _ in numbers]),
            _RANGE: pl.concat([place for _, place in numbers]),
        }
    )
    ordered = rows["number"].sort()
    again = ordered.filter(ordered == ordered.shift(1)).unique()
    found = rows.filter(pl.col("number").is_in(again.implode())) if len(again) else rows.clear()
    return found.group_by("number").agg(pl.col(_RANGE).n_unique()).filter(pl.col(_RANGE) > 1)["number"].sort()

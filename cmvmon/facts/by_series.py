"""The current results series by series: ordered once, by a whole number for each series, for every fact table that reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import OF_A_SAMPLE
from cmvmon.facts.fact_table import Facts

Numbers = npt.NDArray[np.float64]
_OF_RESULTS = (*SERIES_KEY, *OF_A_SAMPLE, "lloq_iu_per_ml", "uloq_iu_per_ml", "lod_iu_per_ml", "is_conflicting")
_BITS = 62  # that a number to sort by may have


def numbered_series(facts: Facts) -> pl.DataFrame:
    """Every series with its `series`, a number in the order of the series key, and `newest_collected_at`; sorted by it."""
    results = facts.shared(results_by_series)
    newest = pl.col("collected_at").alias("newest_collected_at")
    return results[ends_of(results).last].select("series", *SERIES_KEY, newest)


def results_by_series(facts: Facts) -> pl.DataFrame:
    """What facts read of the current results, with `series`, sorted by it, moment and id; they are sorted by moment and id before."""
    results = facts.prepared.results.select(_OF_RESULTS)
    number = _numbers(results)
    order = np.argsort(number, kind="stable")
    ordered = number[order]
    begins = np.append(False, ordered[1:] != ordered[:-1])[: len(ordered)]
    return results[order].with_columns(series=pl.Series(np.cumsum(begins), dtype=pl.UInt32))


def _numbers(results: pl.DataFrame) -> npt.NDArray[np.int64]:
    """A whole number for each row, in the order of the series key, unknown parts first. Each text is looked up once: comparing
    four texts of each row takes three times as long."""
    found = np.zeros(results.height, dtype=np.int64)
    size = 1
    for name in SERIES_KEY:
        texts = results.get_column(name)
        known = texts.unique().drop_nulls().sort()
        count = known.len() + 1
        if (size * count).bit_length() > _BITS:
            found = np.unique(found, return_inverse=True)[1].astype(np.int64)
            size = int(found.max()) + 1
        place = texts.cast(pl.Enum(known)).to_physical().cast(pl.Int64) + 1
        found = found * count + place.fill_null(0).to_numpy()
        size *= count
    return found


@dataclass(frozen=True)
class Ends:
    """Of rows sorted by `series`: each series, the place of its last row, and how many it has."""

    series: pl.Series
    last: npt.NDArray[np.int64]
    n_rows: npt.NDArray[np.int64]

    def back(self, steps: int) -> pl.Series:
        """The place of the row so many steps before the last one of each series; null where there is none."""
        places = pl.Series(self.last - steps)
        return places if steps == 0 else places.set(pl.Series(self.n_rows <= steps), None)


def ends_of(rows: pl.DataFrame) -> Ends:
    """Where the series of rows sorted by `series` end."""
    series = rows["series"].to_numpy()
    last = np.flatnonzero(np.append(series[1:] != series[:-1], True)) if len(series) else np.empty(0, dtype=np.int64)
    return Ends(pl.Series("series", series[last]), last, np.diff(last, prepend=-1))


def before_in_series(rows: pl.DataFrame, numbers: Numbers, *, first: float) -> Numbers:
    """Of rows sorted by `series` the number of the row before in its series, of the first one `first`."""
    series = rows["series"].to_numpy()
    return np.where(np.append(False, series[1:] == series[:-1])[: len(series)], np.roll(numbers, 1), first)


def least_later(ends: Ends, numbers: Numbers) -> Numbers:
    """Of each row the least number of those after it in its series; NaN of the last one. Numbers: none is NaN.

    A number's place in the order of all, below that of its series, makes the least of all rows from the end on that of the series:
    the places of an earlier series all lie below.
    """
    known, place = np.unique(numbers, return_inverse=True)
    place += np.repeat(np.arange(len(ends.last)) * len(known), ends.n_rows)
    from_here = np.minimum.accumulate(place[::-1])[::-1]
    later = np.append(known[from_here[1:] % len(known)], np.nan) if len(known) else numbers
    later[ends.last] = np.nan
    return later


def most_of(ends: Ends, numbers: Numbers) -> Numbers:
    """The largest number of each series."""
    return np.maximum.reduceat(numbers, ends.last - ends.n_rows + 1) if len(ends.last) else numbers


def last_where(ends: Ends, found: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The place of the last row found of each series that has one."""
    places = np.flatnonzero(found)
    of_series = np.searchsorted(ends.last, places)
    last: npt.NDArray[np.int64] = places[np.append(of_series[1:] != of_series[:-1], True)[: len(places)]]
    return last


def latest_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows sorted by `series` and moment those that are as new as the last one of their series."""
    ends, at = ends_of(rows), rows["collected_at"].to_physical().to_numpy()
    return rows.filter(pl.Series(at == np.repeat(at[ends.last], ends.n_rows)))


def least_of(rows: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    """Of rows sorted by `series` the one with the least of these whole numbers, of several the first; none of a series whose
    numbers are all null. Sorted by `series`."""
    known = numbers.is_not_null()
    rows, of_each = rows.filter(known), numbers.drop_nulls().cast(pl.Int64).to_numpy()
    if rows.is_empty():
        return rows
    ends = ends_of(rows)
    least = np.minimum.reduceat(of_each, ends.last - ends.n_rows + 1)
    places = np.flatnonzero(of_each == np.repeat(least, ends.n_rows))
    of_series = rows["series"].to_numpy()[places]
    first: npt.NDArray[np.int64] = places[np.append(True, of_series[1:] != of_series[:-1])]
    return rows[first]

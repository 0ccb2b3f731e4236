"""Which series moved lately: a step from one result to the next that later results did not take back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain.columns import Kind
from cmvmon.domain.interval import at_least_iu_per_ml, at_most_iu_per_ml, log10_of
from cmvmon.domain.moved_together import DOWN, UP, WAYS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.protocol import Protocol

_DIGITS = 9
_MOMENT, _TRUTH = Kind.MOMENT.dtype, pl.Boolean()
_STEPS = {
    **dict.fromkeys(SERIES_KEY, pl.String()),
    "newest_at": _MOMENT,
    **{f"{way}_at": _MOMENT for way in WAYS},
    **{f"{way}_is_known": _TRUTH for way in WAYS},
}


def earliest_read(protocol: Protocol, as_of: datetime) -> datetime:
    """No sample that was taken by then is looked at."""
    policy = protocol.moved_together
    return as_of - timedelta(days=policy.within_days + policy.before_days)


def begins(protocol: Protocol, as_of: datetime) -> datetime:
    """When the last days begin."""
    return as_of - timedelta(days=protocol.moved_together.within_days)


def steps(results: pl.DataFrame, courses: pl.DataFrame | None, *, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """Series with a result of the last days (`[moved_together] within_days`) and an earlier one.

    A series moved at a sample where its result and every one since lie further from the one before it than the protocol says, and
    the step does not lead back to where another one of these days came from. What is censored counts by its limits.

    Args:
        results: in use at `as_of`, with `is_conflicting`; a conflicting one is left out.
        courses: `antiviral_courses`; None = never delivered, so that nobody is known to be on treatment or off it.

    Returns:
        The series key, `newest_at` (moment, UTC), and for `up` and `down`: `<way>_at`, the last sample at which it moved that
        way (null: none is known), and `<way>_is_known`, whether it is known that it did or did not. On a drug a smaller rise
        counts, and only a fall that is steeper than treatment makes it; where that is not known, the larger of both. Row order is
        not defined.
    """
    policy, begin = protocol.moved_together, begins(protocol, as_of)
    lately = pl.col("collected_at").is_between(earliest_read(protocol, as_of), as_of, closed="right")
    rows = (
        results.filter(lately & ~pl.col("is_conflicting"))
        .sort(*SERIES_KEY, "collected_at", "result_id")
        .group_by(SERIES_KEY, maintain_order=True)
        .agg(
            "collected_at",
            low=log10_of(at_least_iu_per_ml()).fill_null(-math.inf),
            high=log10_of(at_most_iu_per_ml()).fill_null(math.inf),
        )
        .filter((pl.col("collected_at").list.last() > begin) & (pl.col("collected_at").list.len() > 1))
    )
    courses_of = _courses_of(rows, courses)
    found = []
    for *key, at, low, high in rows.iter_rows():
        first = max(
            (n for n, moment in enumerate(at) if moment <= begin), default=0
        )  # what the last days are held against
        series = _Series(at[first:], low[first:], high[first:])
        is_treated = _is_treated(courses_of, key[0], at[first], at[-1])
        lines = {
            UP: policy.rise_on_treatment_log10 if is_treated else policy.rise_log10,
            DOWN: policy.fall_log10 if is_treated is False else policy.fall_on_treatment_log10,
        }
        moved = {way: series.moved(way, lines) for way in WAYS}
        is_known = (moved[way] is not None or not series.may_have_moved(way, lines[way]) for way in WAYS)
        found.append((*key, at[-1], *moved.values(), *is_known))
    return pl.DataFrame(found, schema=_STEPS, orient="row")


@dataclass(frozen=True)
class _Series:
    """Results in the order of their samples, as log10 of what each is at least and at most; the first is held against only."""

    at: Sequence[datetime]
    low: Sequence[float]
    high: Sequence[float]

    def moved(self, way: str, lines: dict[str, float]) -> datetime | None:
        """The last sample at which it moved that way."""
        back = {step for other in WAYS if other != way for step in self._steps(other, lines[other])}
        for n in sorted(self._steps(way, lines[way]), reverse=True):
            stayed = all(self._apart(way, n - 1, later) > lines[way] for later in range(n, len(self.at)))
            leads_back = any(step < n and self._apart(way, step - 1, n) <= lines[way] for step in back)
            if stayed and not leads_back:
                return self.at[n]
        return None

    def may_have_moved(self, way: str, line: float) -> bool:
        """Whether a censored result leaves it open, or a step was taken back."""
        return any(self._at_most_apart(way, n - 1, n) > line for n in range(1, len(self.at)))

    def _steps(self, way: str, line: float) -> Iterator[int]:
        return (n for n in range(1, len(self.at)) if self._apart(way, n - 1, n) > line)

    def _apart(self, way: str, before: int, after: int) -> float:
        """How far the later one lies that way from the earlier one, at least."""
        found = self.low[after] - self.high[before] if way == UP else self.low[before] - self.high[after]
        return round(found, _DIGITS) if math.isfinite(found) else found

    def _at_most_apart(self, way: str, before: int, after: int) -> float:
        found = self.high[after] - self.low[before] if way == UP else self.high[before] - self.low[after]
        return round(found, _DIGITS) if math.isfinite(found) else found


_Courses = Mapping[str, Sequence[tuple[datetime, datetime | None]]]


def _courses_of(rows: pl.DataFrame, courses: pl.DataFrame | None) -> _Courses | None:
    """By patient, from when until when each drug was given. None = not known."""
    if courses is None:
        return None
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    theirs = courses.join(rows, on="patient_id", how="semi").select("patient_id", "started_at", "stopped_at")
    for patient, start, stop in theirs.iter_rows():
        found.setdefault(patient, []).append((start, stop))
    return found


def _is_treated(courses: _Courses | None, patient: str, since: datetime, until: datetime) -> bool | None:
    """Whether a drug was given in that time. None = not known."""
    if courses is None:
        return None
    return any(start <= until and (stop is None or stop >= since) for start, stop in courses.get(patient, ()))

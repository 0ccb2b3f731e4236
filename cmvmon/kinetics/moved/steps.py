"""Which series moved lately: a step from one result to the next that later results did not take back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Kind
from cmvmon.domain.interval import at_least_iu_per_ml, at_most_iu_per_ml, log10_of
from cmvmon.domain.moved_together import DOWN, UP, WAYS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.moved.given import NOTHING, Given, given_of
from cmvmon.protocol import MovedTogether, Protocol

_DIGITS = 9
_WEEK = timedelta(weeks=1)
_WITH_A_LOAD = (words.QUANTIFIED, words.ABOVE_ULOQ)
_MOMENT, _TRUTH = Kind.MOMENT.dtype, pl.Boolean()
_STEPS = {
    **dict.fromkeys(SERIES_KEY, pl.String()),
    "newest_at": _MOMENT,
    **{f"{way}_at": _MOMENT for way in WAYS},
    **{f"{way}_is_known": _TRUTH for way in WAYS},
    **{f"{way}_is_corrected": _TRUTH for way in WAYS},
    **{f"{way}_known_at": _MOMENT for way in WAYS},
}


def came_at() -> pl.Expr:
    """When a version of a result came (UTC); where no receipt is known, when it was reported, or else sampled."""
    return pl.coalesce("received_at", "reported_at", "collected_at")


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
    the step does not lead back to where another one of these days came from. Only a step from a load to a load says anything: one
    from or to a result below the limit or not detected is a reactivation, or its end, in whatever unit. Above the range counts by its
    limit.

    Args:
        results: in use at `as_of`, with `is_conflicting`; a conflicting one is left out.
        courses: `antiviral_courses`; None = never delivered, so that nobody is known to be on treatment or off it.

    Returns:
        The series key, `newest_at`, the last sample with a load that follows on one (moment, UTC), and for `up` and `down`:
        `<way>_at`, the last sample at which it moved that way (null: none is known), `<way>_is_known`, whether it is known that it
        did or did not, `<way>_is_corrected`, whether the result of that sample is a correction, and `<way>_known_at`, when it came
        (moment, UTC; null: it did not move). On a drug a smaller rise counts,
        and only a fall that is steeper than treatment makes it; where that is not known, the larger of both. For the time without a
        drug against this virus a rise may be growth: beyond it, it moved; less, and it is not known. Row order is not defined.
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
            is_load=pl.col("detection").is_in(_WITH_A_LOAD),
            is_corrected=pl.col("result_status").is_in(words.CHANGES_A_RESULT),
            came_at=came_at(),
        )
        .filter((pl.col("collected_at").list.last() > begin) & (pl.col("collected_at").list.len() > 1))
    )
    given = None if courses is None else given_of(rows, courses, protocol)
    found = []
    for *key, at, low, high, is_load, is_corrected, came in rows.iter_rows():
        first = max(
            (n for n, moment in enumerate(at) if moment <= begin), default=0
        )  # what the last days are held against
        drugs = None if given is None else given.get(key[0], NOTHING)
        series = _Series(at[first:], low[first:], high[first:], is_load[first:], drugs, policy)
        if (newest := series.newest_at) is not None:
            told = {way: series.moved(way) for way in WAYS}
            is_known = (told[way] is not None or not series.may_have_moved(way) for way in WAYS)
            where = [None if moved is None else at.index(moved) for moved in told.values()]
            corrected = (n is not None and is_corrected[n] for n in where)
            known_at = (None if n is None else came[n] for n in where)
            found.append((*key, newest, *told.values(), *is_known, *corrected, *known_at))
    return pl.DataFrame(found, schema=_STEPS, orient="row")


@dataclass(frozen=True)
class _Series:
    """Results in the order of their samples, as log10 of what each is at least and at most; the first is held against only."""

    at: Sequence[datetime]
    low: Sequence[float]
    high: Sequence[float]
    is_load: Sequence[bool]
    given: Given | None  # None = not known
    policy: MovedTogether

    @property
    def newest_at(self) -> datetime | None:
        return max((self.at[n] for n in self._pairs), default=None)

    def moved(self, way: str) -> datetime | None:
        """The last sample at which it moved that way."""
        back = {step for other in WAYS if other != way for step in self._steps(other)}
        for n in sorted(self._steps(way), reverse=True):
            line = self._line(way, n)
            stayed = all(self._apart(way, n - 1, later) > line for later in range(n, len(self.at)))
            leads_back = any(step < n and self._apart(way, step - 1, n) <= line for step in back)
            if stayed and not leads_back:
                return self.at[n]
        return None

    def may_have_moved(self, way: str) -> bool:
        """Whether growth or a result above the range leaves it open, or a step was taken back."""
        return any(self._at_most_apart(way, n - 1, n) > self._line(way, n, is_growth=False) for n in self._pairs)

    @property
    def _pairs(self) -> Iterator[int]:
        """The samples with a load that follow on one with a load."""
        return (n for n in range(1, len(self.at)) if self.is_load[n - 1] and self.is_load[n])

    def _steps(self, way: str) -> Iterator[int]:
        return (n for n in self._pairs if self._apart(way, n - 1, n) > self._line(way, n))

    def _line(self, way: str, n: int, *, is_growth: bool = True) -> float:
        """Beyond what a step to that sample counts, in log10, with what grows by itself or without it."""
        policy, given = self.policy, self.given
        if way == DOWN:
            is_untreated = given is not None and not given.any_drug(self.at[0], self.at[-1])
            return policy.fall_log10 if is_untreated else policy.fall_on_treatment_log10
        since, until = self.at[n - 1], self.at[n]
        free = until - since if given is None else given.without_treatment(since, until)
        line = policy.rise_log10 if free == until - since else policy.rise_on_treatment_log10
        return line + is_growth * policy.growth_log10_per_week * (free / _WEEK)

    def _apart(self, way: str, before: int, after: int) -> float:
        """How far the later one lies that way from the earlier one, at least."""
        found = self.low[after] - self.high[before] if way == UP else self.low[before] - self.high[after]
        return round(found, _DIGITS) if math.isfinite(found) else found

    def _at_most_apart(self, way: str, before: int, after: int) -> float:
        found = self.high[after] - self.low[before] if way == UP else self.high[before] - self.low[after]
        return round(found, _DIGITS) if math.isfinite(found) else found

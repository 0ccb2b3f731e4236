"""Made-up patients judged each morning by `assess`, and which of them had an alert about a load by a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from benchmarks.alert_patients import DAY_0, Patients
from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.protocol import Protocol

MORNING = timedelta(hours=7)
NOT_ABOUT_A_LOAD = ("no_follow_up",)  # every other rule's alert counts
TIERS = (1, 2)  # a named person must answer; on today's list
_SUBJECT = ["patient_id", "subject", "rule"]
_SAID = [*_SUBJECT, "verdict", "tier"]


@dataclass(frozen=True)
class Alerts:
    """What was said of so many patients, morning by morning.

    Attributes:
        count: how many patients.
        fired: a row for each tier 1 or 2 alert about a load on a morning: `day`, `patient_id`, `subject`, `rule`.
        stood: the same for those that were open on a morning: fired then, or earlier and neither cleared nor gone since.
    """

    count: int
    fired: pl.DataFrame
    stood: pl.DataFrame

    def by(self, day: int) -> int:
        """Patients with such an alert on any morning up to and including that day."""
        return self.fired.filter(pl.col("day") <= day)["patient_id"].n_unique()

    def open_on(self, day: int) -> int:
        """Patients with such an alert open on that morning."""
        return self.stood.filter(day=day)["patient_id"].n_unique()

    def first_rules(self, until: int) -> Counter[str]:
        """How many patients had their first such alert by each rule; rules of the same morning are joined by ` + `."""
        first = self.fired.filter(pl.col("day") <= until)
        first = first.filter(pl.col("day") == pl.col("day").min().over("patient_id"))
        rules = first.group_by("patient_id").agg(pl.col("rule").unique().sort().str.join(" + "))
        return Counter(rules["rule"].to_list())

    def median_first_day(self, until: int) -> float | None:
        """The median day of the first such alert among those who had one by then; None = nobody had."""
        days = self.fired.filter(pl.col("day") <= until).group_by("patient_id").agg(pl.col("day").min())["day"]
        found = days.median()
        return float(found) if isinstance(found, int | float) else None


def judged_each_morning(given: Patients, protocol: Protocol, last_day: int) -> Alerts:
    """Every patient at 07:00 of days 1 to `last_day`, from the results that were known by then."""
    said = {}
    for day in range(1, last_day + 1):
        as_of = DAY_0 + timedelta(days=day) + MORNING
        reported = given.results.filter(pl.col("known_at") <= as_of)
        known = Known.of(
            {
                VIRAL_LOAD_RESULTS: VIRAL_LOAD_RESULTS.conform(reported),
                ANTIVIRAL_COURSES: ANTIVIRAL_COURSES.conform(given.courses),
                ICU_STAYS: ICU_STAYS.conform(given.stays),
            }
        )
        said[day] = assess(known, protocol=protocol, as_of=as_of).verdicts.select(_SAID)
    return alerts(said, given.count)


def alerts(said: Mapping[int, pl.DataFrame], count: int) -> Alerts:
    """From the verdicts of each morning (`patient_id`, `subject`, `rule`, `verdict`, `tier`), by day in order.

    `not_assessable` leaves an alert as it was; `clear`, tier 3 and a subject that is no longer judged end it.
    """
    fired, stood = [], []
    before: pl.DataFrame | None = None
    for day, verdicts in said.items():
        told = verdicts.filter(~pl.col("rule").is_in(NOT_ABOUT_A_LOAD))
        now = told.filter((pl.col("verdict") == words.ALERT) & pl.col("tier").is_in(TIERS)).select(_SUBJECT)
        untold = told.filter(verdict=words.NOT_ASSESSABLE).select(_SUBJECT)
        kept = untold.clear() if before is None else untold.join(before, on=_SUBJECT, how="semi", nulls_equal=True)
        before = pl.concat([now, kept])
        fired.append(now.select(pl.lit(day).alias("day"), pl.all()))
        stood.append(before.select(pl.lit(day).alias("day"), pl.all()))
    return Alerts(count, pl.concat(fired), pl.concat(stood))

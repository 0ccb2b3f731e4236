"""A made-up year of a unit judged each morning, and what its alerts come to: found, late, false, again, alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import polars as pl

from benchmarks.alert_mornings import MORNING
from benchmarks.alert_patients import DAY_0
from benchmarks.unit_year_doses import TOO_HIGH, TOO_LOW
from benchmarks.unit_year_patients import DAYS, DOSE, Event, Year
from cmvmon.assess import assess
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import Links
from cmvmon.domain.rows import ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.kinetics import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.protocol import Protocol
from cmvmon.run.judging.assessing import ends_of_alerts
from cmvmon.run.replay.replay_ledger import Ledger, Told
from cmvmon.shell.rows.stamp import Stamp

JUDGED_BEFORE_DAYS = 28  # mornings before the year begins; what stands then is none of its alerts
GONE_AFTER = timedelta(days=2)  # so long after the discharge a patient is assessed: it ends what stood open
NOT_OF_A_COURSE = ("plasma_does_not_exclude",)  # says when the lung was last sampled, and nothing of what a load does
# Within so many days an event is to be told, where it lasts as long: 21 = rules.md 3.2 and the issue, of no response; two
# weekly samples of a rise on treatment; one weekly sample and a day of what is untreated; the two days that a band has to last
# and a day, of doses.
WITHIN_DAYS = {
    "no response": 21.0,
    "rise on treatment": 14.0,
    "rise, untreated": 8.0,
    "recurrence": 8.0,
    TOO_LOW: 3.0,
    TOO_HIGH: 3.0,
}
TELLS_OF_DOSES = {TOO_LOW: "exposure_low", TOO_HIGH: "exposure_high"}


@dataclass(frozen=True)
class Judged:
    """What was said in one year. `patient_days`: on how many of its mornings each patient was there."""

    year: Year
    told: tuple[Told, ...]
    patient_days: Mapping[str, int]

    @property
    def about_a_course(self) -> Iterator[tuple[float, Told]]:
        """Alerts of tier 1 or 2 about what a load does, each with the day on which it came on the list."""
        for one in self.told:
            if one.listed_at is not None and one.subject_kind == "series" and one.rule not in NOT_OF_A_COURSE:
                yield (one.listed_at - DAY_0) / timedelta(days=1), one

    @property
    def about_doses(self) -> Iterator[tuple[float, Told]]:
        """The same of alerts about the doses given."""
        for one in self.told:
            if one.listed_at is not None and one.rule in TELLS_OF_DOSES.values():
                yield (one.listed_at - DAY_0) / timedelta(days=1), one

    def alerts_in(self, event: Event) -> list[float]:
        """The days of such alerts about the event's compartment, or about its doses, while it lasts, or on the morning after."""
        if event.compartment == DOSE:
            rule = TELLS_OF_DOSES[event.kind]
            return [
                day
                for day, one in self.about_doses
                if (one.patient_id, one.rule) == (event.patient_id, rule) and event.begins <= day <= event.ends + 1.0
            ]
        return [
            day
            for day, one in self.about_a_course
            if (one.patient_id, one.compartment) == (event.patient_id, event.compartment)
            and event.begins <= day <= event.ends + 1.0
        ]


def judged(
    year: Year,
    protocol: Protocol,
    *,
    begins: int = -JUDGED_BEFORE_DAYS,
    days: int = DAYS,
    progress: Callable[[int, int], None] | None = None,
) -> Judged:
    """Every patient at 07:00 of each day from `begins` on, from what was known by then."""
    ledger, patient_days = Ledger(), dict[str, int]()
    frames = {(rows := BY_NAME[name].rows): rows.conform(frame) for name, frame in year.tables.items()}
    results = VIRAL_LOAD_RESULTS.conform(year.results)
    known_at = year.results["known_at"]
    with_bal = year.results.filter(compartment="bal")["patient_id"].unique().implode()
    for day in range(begins, days):
        as_of = DAY_0 + timedelta(days=day) + MORNING
        if day == 0:
            ledger.opens_as_standing()
        reported = results.filter(known_at <= as_of)
        pairs = results_in_use(
            reported.filter(pl.col("patient_id").is_in(with_bal)), ASSAYS.empty(), protocol=protocol, as_of=as_of
        )
        here = pl.col("patient_id").is_in(_here(frames[ICU_STAYS], as_of).implode())
        known = Known.of(
            {
                rows: _reported(frame.filter(here), as_of)
                for rows, frame in (frames | {VIRAL_LOAD_RESULTS: reported}).items()
            },
            concordance=concordance(pairs, protocol=protocol, as_of=as_of),
            answered=year.answered.filter(pl.col("answered_at") <= as_of).select("result_id"),
        )
        assessment = assess(known, protocol=protocol, as_of=as_of)
        stamp = Stamp(as_of, "bank", protocol.version, protocol.sha256)
        ends = ends_of_alerts(assessment, Links(), ())
        ledger.say(assessment.verdicts.to_dicts(), ends, stamp=stamp)
        if day >= 0:
            for name in set(assessment.verdicts["patient_id"]) - set(ends.left):
                patient_days[name] = patient_days.get(name, 0) + 1
        if progress is not None:
            progress(day - begins + 1, days - begins)
    return Judged(year, ledger.told, patient_days)


def _reported(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """What was reported by then, of a table that says when: a finding is not known before."""
    if "reported_at" not in frame.columns:
        return frame
    return frame.filter(pl.col("reported_at").is_null() | (pl.col("reported_at") <= as_of))


def _here(stays: pl.DataFrame, as_of: datetime) -> pl.Series:
    """Who is on the unit, or left it lately."""
    return stays.filter((stays["admitted_at"] <= as_of) & (stays["discharged_at"] > as_of - GONE_AFTER))["patient_id"]


@dataclass(frozen=True)
class Found:
    """The true events of one kind in one compartment.

    Attributes:
        delays: of those that were told, the days from the onset.
        lasted, in_time: how many lasted WITHIN_DAYS, and of these how many were told within them.
    """

    kind: str
    compartment: str
    events: int
    delays: tuple[float, ...]
    lasted: int
    in_time: int


def found(years: Collection[Judged], *, days: int = DAYS) -> list[Found]:
    """By kind and compartment; an event counts that begins within the year."""
    told: dict[tuple[str, str], list[tuple[Event, list[float]]]] = {}
    for one in years:
        for event in one.year.events:
            if 0.0 <= event.begins < days - WITHIN_DAYS[event.kind]:
                told.setdefault((event.kind, event.compartment), []).append((event, one.alerts_in(event)))
    return [
        _found(kind, place, told[kind, place])
        for kind in WITHIN_DAYS
        for place in ("plasma", "bal", DOSE)
        if (kind, place) in told
    ]


def _found(kind: str, compartment: str, told: list[tuple[Event, list[float]]]) -> Found:
    within = WITHIN_DAYS[kind]
    delays = [min(days) - event.begins for event, days in told if days]
    lasted = [(event, days) for event, days in told if event.ends - event.begins >= within]
    in_time = sum(bool(days) and min(days) - event.begins <= within for event, days in lasted)
    return Found(kind, compartment, len(told), tuple(sorted(delays)), len(lasted), in_time)


def false_alarms(one: Judged) -> list[Told]:
    """Alerts about a course of which nothing is true: no event, and no untreated load at or above its line."""
    spans: dict[tuple[str, str | None], list[tuple[float, float]]] = {}
    for event in (*one.year.events, *one.year.untreated):
        spans.setdefault((event.patient_id, event.compartment), []).append((event.begins, event.ends + 1.0))
    return [
        told
        for day, told in one.about_a_course
        if not any(begins <= day <= ends for begins, ends in spans.get((told.patient_id, told.compartment), ()))
    ]


@dataclass(frozen=True)
class Adds:
    """What one rule says. `patient_weeks`: those in which an alert of it stood; `alone`: of these, those in which no other
    rule's did of that patient."""

    alerts: int
    listed: int
    patient_weeks: int
    alone: int


def adds(years: Collection[Judged], *, days: int = DAYS) -> dict[str, Adds]:
    """By rule. A week is one of the year's, of seven days."""
    rules_in: dict[tuple[str, int], set[str]] = {}
    counts: dict[str, list[int]] = {}
    for one in years:
        for told in one.told:
            begins, ends = (
                _week(moment) for moment in (told.opened_at, told.ended_at or DAY_0 + timedelta(days=days - 1))
            )
            for week in range(max(0, begins), min(ends, (days - 1) // 7) + 1):
                rules_in.setdefault((told.patient_id, week), set()).add(told.rule)
            if not told.stood_before:
                alerts = counts.setdefault(told.rule, [0, 0])
                alerts[0] += 1
                alerts[1] += told.listed_at is not None
    found = {}
    for rule in sorted({rule for rules in rules_in.values() for rule in rules}):
        n_opened, n_listed = counts.get(rule, [0, 0])
        stood = [rules for rules in rules_in.values() if rule in rules]
        found[rule] = Adds(n_opened, n_listed, len(stood), sum(rules == {rule} for rules in stood))
    return found


def _week(moment: datetime) -> int:
    return (moment - DAY_0).days // 7


def median_interval(ordered: Collection[float]) -> tuple[float, float, float] | None:
    """The median and its 95 % interval by order statistics; the ends are the least and the greatest where there are few.

    >>> median_interval([float(n) for n in range(1, 11)])
    (5.5, 2.0, 9.0)
    """
    values, n = sorted(ordered), len(ordered)
    if not n:
        return None
    below, total, rank = 0.5**n, 0.5**n, 0
    while total <= 0.025 and rank < n // 2:
        rank += 1
        below *= (n - rank + 1) / rank
        total += below
    low = max(rank, 1)
    return median(values), values[low - 1], values[n - low]

"""What the alerts of a made-up year of a unit come to: found, late, false, again, alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from benchmarks.alert_patients import DAY_0
from benchmarks.unit_year_doses import TOO_HIGH, TOO_LOW
from benchmarks.unit_year_patients import DAYS, DOSE, Event, Year
from cmvmon.run.replay.replay_ledger import Told

# Says when the lung was last sampled; asks the laboratory: neither says what a load does.
NOT_OF_A_COURSE = ("plasma_does_not_exclude", "possible_lab_issue")
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
    """What was said in one year. `patient_days`: on how many of its mornings each patient was there. `evidence`: of each alert that
    opened, what it rested on."""

    year: Year
    told: tuple[Told, ...]
    patient_days: Mapping[str, int]
    evidence: tuple[Mapping[str, Any], ...] = ()

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

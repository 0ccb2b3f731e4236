"""Non-responders of the made-up unit who were not told in time, one by one: what was sampled, and why no alert of tier 1 or 2 came."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

import numpy as np
import polars as pl

from benchmarks.alert_patients import DAY_0
from benchmarks.quality_text import table
from benchmarks.unit_year_judged import WITHIN_DAYS, Judged
from benchmarks.unit_year_patients import Event

KIND = "no response"
LEAST_LOG10 = 3.0  # rules.md 3.0: a load below 1,000 IU/mL that does not rise is never of tier 2
OUTLIER_LOG10 = 1.0  # rules.md 3.0: two results of a day that differ by more than this are a question to the laboratory
MISSED = """## Non-responders not told in time, one by one

Of those that lasted so long. *Why* is read off the truth: a load that never stood at 1,000 IU/mL is never of tier 1 or 2 by
the rules; a first sample of the course more than 1 log10 above the highest true load is an outlier of the assay, from which the load
seems to fall."""


def lasting(years: Collection[Judged], days: int) -> Iterator[tuple[Judged, Event, bool]]:
    """Every event of no response that begins in the year and lasts so long, and whether it was told in time."""
    within = WITHIN_DAYS[KIND]
    for one in years:
        for event in one.year.events:
            if event.kind == KIND and 0.0 <= event.begins < days - within and event.ends - event.begins >= within:
                told = one.alerts_in(event)
                yield one, event, bool(told) and min(told) - event.begins <= within


def of_a_load(years: Collection[Judged], days: int, compartment: str) -> tuple[int, int]:
    """How many of those whose load truly stood at 1,000 IU/mL or above were told in time, and of how many."""
    found = [
        is_told
        for _, event, is_told in lasting(years, days)
        if event.compartment == compartment and event.highest_log10 >= LEAST_LOG10
    ]
    return sum(found), len(found)


def sampled_weekly(years: Collection[Judged], days: int, compartment: str) -> tuple[int, int]:
    """Of those with a result that stands in each of the three weeks, as the target is worded: told in time, and how many."""
    found = [
        is_told
        for one, event, is_told in lasting(years, days)
        if event.compartment == compartment and all(_stood(one, event, week) for week in range(3))
    ]
    return sum(found), len(found)


def told_of_patient(years: Collection[Judged], days: int) -> tuple[int, int]:
    """Of the treatments during which a compartment did not respond: of how many patients an alert of tier 1 or 2 about a load, of
    whichever compartment, came within the time."""
    within, found = WITHIN_DAYS[KIND], dict[tuple[str, float], bool]()
    for one, event, _ in lasting(years, days):
        came = [day - event.begins for day, told in one.about_a_course if told.patient_id == event.patient_id]
        found[event.patient_id, event.begins] = any(0.0 <= day <= within for day in came)
    return sum(found.values()), len(found)


def _stood(one: Judged, event: Event, week: int) -> bool:
    """Whether a result that was sampled in that week of treatment stands."""
    begins = event.begins + 7.0 * week - (1.0 if week == 0 else 0.0)
    mine = one.year.results.filter(
        pl.col("patient_id") == event.patient_id,
        pl.col("compartment") == event.compartment,
        pl.col("result_status") != "withdrawn",
        pl.col("day").is_between(begins, event.begins + 7.0 * (week + 1) + 0.5),
    )
    return mine.height > 0


def missed_text(years: Collection[Judged], days: int) -> str:
    """The section of the page; that there is none, where all were told."""
    rows = [_row(one, event) for one, event, is_told in lasting(years, days) if not is_told]
    head = ("compartment", "highest true load", "samples of the course: day, IU/mL", "told otherwise", "why")
    return f"{MISSED}\n\n{table(head, rows) if rows else 'None.'}"


def _row(one: Judged, event: Event) -> list[str]:
    mine = one.year.results.filter(
        pl.col("patient_id") == event.patient_id,
        pl.col("compartment") == event.compartment,
        pl.col("day") >= event.begins - 3.0,
        pl.col("day") <= event.begins + WITHIN_DAYS[KIND],
    ).sort("day")
    samples = [
        (day - event.begins, detection if load is None else f"{load:,.0f}", load)
        for day, detection, load in mine.select("day", "detection", "viral_load_iu_per_ml").rows()
    ]
    shown = "; ".join(f"{day:.1f}: {value}" for day, value, _ in samples)
    first = next((load for day, _, load in samples if day >= 0.0 and load is not None), None)
    return [
        event.compartment,
        f"{10**event.highest_log10:,.0f} IU/mL",
        shown,
        _otherwise(one, event),
        _why(event, first, missed=_missed(one, event)),
    ]


def _otherwise(one: Judged, event: Event) -> str:
    """The alerts of `response` of that patient within the time: of the compartment for information, of others as they were."""
    found = []
    for told in one.told:
        day = (told.opened_at - DAY_0) / timedelta(days=1) - event.begins
        if told.patient_id == event.patient_id and told.rule == "response" and 0.0 <= day <= WITHIN_DAYS[KIND]:
            found.append(f"{told.compartment}, tier {told.tier}, day {day:.0f}")
    return "; ".join(found) or "no"


def _missed(one: Judged, event: Event) -> int:
    """How many samples of that time have no result that stands: not taken, lost or withdrawn."""
    drawn, said = one.year.drawn, one.year.results
    if drawn.is_empty():
        return 0
    withdrawn = said.filter(pl.col("result_status") == "withdrawn")["result_id"]
    stands = said.filter(~pl.col("result_id").is_in(withdrawn.implode()))["result_id"]
    due = drawn.filter(
        pl.col("patient_id") == event.patient_id,
        pl.col("compartment") == event.compartment,
        pl.col("day").is_between(event.begins - 3.0, event.begins + WITHIN_DAYS[KIND]),
    )
    return due.filter(~pl.col("result_id").is_in(stands.implode())).height


def _why(event: Event, first: float | None, *, missed: int = 0) -> str:
    if event.highest_log10 < LEAST_LOG10:
        return "its load never stood at 1,000 IU/mL"
    if first is not None and np.log10(first) - event.highest_log10 > OUTLIER_LOG10:
        return "its first sample is an outlier of the assay"
    if missed:
        return f"{missed} of its samples were missed, or have no result"
    return "not explained"

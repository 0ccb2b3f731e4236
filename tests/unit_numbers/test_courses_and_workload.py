"""Response and clearance of every anchored series, and what alerts asked of people: small tables, worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cmvmon.unit.courses import course_times
from cmvmon.unit.workload import N_WEEKS, workload

START = datetime(2026, 3, 1, tzinfo=UTC)
_MOMENT = pl.Datetime("us", "UTC")
_SERIES = {"compartment": "plasma", "laboratory": "L", "assay": "A"}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def weekly(*rows: tuple[str, int, str | None]) -> pl.DataFrame:
    """Patient, treatment week, call; the anchor on day 0."""
    told = [
        {"patient_id": p, **_SERIES, "anchor_at": day(0), "treatment_week": w, "week_end": day(7 * w), "call": call}
        for p, w, call in rows
    ]
    return pl.DataFrame(told, schema_overrides={"anchor_at": _MOMENT, "week_end": _MOMENT, "call": pl.String})


def results(*rows: tuple[str, float, str]) -> pl.DataFrame:
    told = [
        {"patient_id": p, **_SERIES, "collected_at": day(d), "result_id": f"{p}-{d}", "detection": found}
        | {"is_conflicting": False}
        for p, d, found in rows
    ]
    return pl.DataFrame(told, schema_overrides={"collected_at": _MOMENT})


def clocks(**ends: float | None) -> pl.DataFrame:
    told = [
        {
            "patient_id": p,
            "anchor_at": day(0),
            "course_ended_at": None if end is None else day(end),
            "next_anchor_at": None,
        }
        for p, end in ends.items()
    ]
    schema: dict[str, Any] = {
        "patient_id": pl.String,
        "anchor_at": _MOMENT,
        "course_ended_at": _MOMENT,
        "next_anchor_at": _MOMENT,
    }
    return pl.DataFrame(told, schema=schema)


def test_every_anchored_series_is_in_the_denominator_also_one_that_was_never_called() -> None:
    """A is met in week 2; B is never called and its course ends on day 10; C is under treatment and was
    never sampled again, so that no week of it exists. D was not treated, and its results are of no anchored series."""
    (found,) = course_times(
        weekly(("A", 1, "indeterminate"), ("A", 2, "met"), ("A", 3, "met"), ("B", 1, None)),
        results(*(("A", 0, "quantified"), ("C", -1, "quantified"), ("B", -20, "quantified"), ("D", 3, "quantified"))),
        clocks(A=None, B=10, C=None),
        baseline_days=14,
        as_of=day(21),
    )
    assert (found.compartment, found.n_series, found.n_never_called) == ("plasma", 3, 2)
    assert (found.response.n, found.response.total) == (3, 1)
    # Day 10: B ends, 1 of 3. Day 14: of the two who are left one: 2/3 * 1/2.
    assert found.response.at(14) == pytest.approx(1 / 3)


def test_cleared_is_the_first_of_two_successive_samples_below_the_limit_after_the_anchor() -> None:
    """A: a blip between. B: one sample only. C: two in a row, the first before the anchor. D: two in a row after treatment."""
    names = ("A", "B", "C", "D")
    (found,) = course_times(
        weekly(*((name, 1, None) for name in names)),
        results(
            *(("A", 3, "below_lloq"), ("A", 5, "quantified"), ("A", 8, "not_detected"), ("A", 11, "below_lloq")),
            ("B", 3, "not_detected"),
            *(("C", -1, "not_detected"), ("C", 3, "not_detected")),
            *(("D", 12, "not_detected"), ("D", 14, "not_detected")),
        ),
        clocks(A=None, B=None, C=None, D=10),
        baseline_days=14,
        as_of=day(21),
    )
    assert (found.clearance.n, found.clearance.total) == (4, 1)
    assert found.clearance.quantile(0.2) == pytest.approx(8.0)


def event(alert: str, sequence: int, at: float, **told: Any) -> dict[str, Any]:
    opened = told.pop("opened", 0.0)
    base = {"alert_id": alert, "sequence": sequence, "patient_id": "P", "tier": 1, "event": "updated", "state": "open"}
    return base | {"standing": "new", "opened_at": day(opened), "changed_at": day(at)} | told


def test_acknowledged_counts_from_opening_and_one_that_ends_without_is_a_competing_end() -> None:
    """A after 6 hours; B resolved after 12 without an answer; C stands open. 1 of 3 by 6 h, and no more after it."""
    found = workload(
        [
            event("A", 1, 0, event="opened"),
            event("A", 2, 0.25, event="acknowledged", standing="acknowledged"),
            event("A", 3, 1, state="resolved", standing=None),
            event("B", 1, 0, event="opened"),
            event("B", 2, 0.5, state="resolved", standing=None),
            event("C", 1, 0, event="opened"),
        ],
        as_of=day(2),
        time_zone="UTC",
    )
    tier_1, tier_2 = found.acknowledged
    assert (tier_1.n, tier_1.total, tier_1.at(6), tier_1.at(24)) == (3, 1, pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert tier_2.n == 0
    assert found.weeks[-1].opened == (3, 0, 0)


def test_weeks_are_of_local_days_and_end_with_the_day_of_the_page() -> None:
    found = workload(
        [
            event("A", 1, -5.5, event="opened", opened=-5.5),
            event("B", 1, -6.5, event="opened", opened=-6.5, tier=2),
            event("OLD", 1, -80, event="opened", opened=-80),
            event("WORK", 1, 0, event="opened", patient_id=None),
        ],
        as_of=day(0.4),
        time_zone="UTC",
    )
    assert len(found.weeks) == N_WEEKS
    assert (found.weeks[-1].first_day, found.weeks[-1].opened) == (date(2026, 2, 23), (1, 0, 0))
    assert found.weeks[-2].opened == (0, 1, 0)
    assert sum(sum(week.opened) for week in found.weeks) == 2

"""A made-up patient whose declines and fitted trajectory are computed, not written down. Synthetic."""

from __future__ import annotations

from typing import Any

import polars as pl

from cmvmon.dashboards.views import PatientView
from cmvmon.domain.results import ALERTS, VERDICTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.kinetics.trajectory.fitted import bank_trajectory
from cmvmon.shell.folder.protocol_files import Protocol
from tests.pages import made_up
from tests.pages.made_up import AS_OF, course, result

FALLING = (
    result(-0.5, "plasma", 120_000),
    result(3, "plasma", 61_000),
    result(7, "plasma", 13_000),
    result(10, "plasma", 6_100),
    result(14, "plasma", 1_900, result_status="corrected"),
    result(18, "plasma", 700),
)
RISING_AGAIN = (
    result(-1, "bal", 2_000_000),
    result(4, "bal", 260_000),
    result(8, "bal", 60_000),
    result(12, "bal", 16_000),
    result(16, "bal", 71_000),
    result(20, "bal", 640_000),
)


def view(
    *rows: dict[str, Any], method: str = "bank", start: float = 0.0, stop: float | None = None, **other: Any
) -> PatientView:
    """The page of a patient on ganciclovir since day 0, until `stop`, with these results, as an assessment at AS_OF gives it."""
    results = made_up.results(*rows)
    courses = ANTIVIRAL_COURSES.conform(pl.DataFrame([course("ganciclovir", start, stop)]))
    protocol = Protocol.shipped()
    as_of = other.get("as_of", AS_OF)
    clocks = treatment_courses(courses, protocol=protocol, as_of=as_of)
    weekly = weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)
    facts: dict[str, Any] = {
        "results": results,
        "courses": courses,
        "weekly_decline": weekly,
        "verdicts": VERDICTS.empty(),
        "open_alerts": ALERTS.empty(),
        "affected": ("bal",),
        "affected_source": "stated",
        "caveats": (),
    }
    if method == "bank":
        facts["fitted"] = bank_trajectory(results, clocks, protocol=protocol, as_of=as_of)
    return made_up.slow_patient(**(facts | other))


def two_compartments(**other: Any) -> PatientView:
    """Plasma falls; BAL fell and rises again."""
    return view(*FALLING, *RISING_AGAIN, **other)

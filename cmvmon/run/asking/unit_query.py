"""The unit's numbers at a moment, from an assessment of everybody and what happened to alerts. Nothing is recorded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.assess import Assessment
from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.who_died import who_died
from cmvmon.facts.context import CONTEXT
from cmvmon.run.judging.assessing import assessed
from cmvmon.shell.alerts import alert_history
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import OpenSite, open_site
from cmvmon.unit import numbers as unit
from cmvmon.unit.courses import course_times
from cmvmon.unit.numbers import UnitNumbers
from cmvmon.unit.reactivation import GROUPS, followed, reactivation, serostatus
from cmvmon.unit.workload import workload


def unit_numbers(opened: OpenSite, assessment: Assessment, *, as_of: datetime) -> UnitNumbers:
    """Every number of the unit's page. `assessment`: of everybody, at `as_of`."""
    time_zone = opened.site.settings().time_zone
    with opened.reading() as connection:
        events = alert_history.events_of(connection)
    stays, weekly = assessment.stays, assessment.weekly_decline
    rows, deaths = None, _deaths(assessment)
    if stays is not None:
        rows = followed(stays, assessment.results, assessment.facts.of(CONTEXT), as_of=as_of, deaths=deaths)
    prepared = assessment.facts.prepared
    has_serology = prepared.begun.if_delivered(CMV_SEROLOGY) is not None
    courses = None
    if assessment.courses is not None:
        baseline_days = opened.protocol.response_clock.early_baseline_before_days
        courses = course_times(weekly, assessment.results, prepared.clocks, baseline_days=baseline_days, as_of=as_of)
    return UnitNumbers(
        as_of=as_of,
        since=None if rows is None or rows.is_empty() else rows["entered_at"].min(),  # type: ignore[arg-type]
        serostatus=serostatus(rows) if has_serology and rows is not None else None,
        reactivation=()
        if rows is None
        else tuple(reactivation(rows, group, time_zone=time_zone, has_deaths=deaths is not None) for group in GROUPS),
        courses=courses,
        concordance=assessment.concordance.filter(pl.col("scope") == "unit").to_dicts(),
        workload=workload(events, as_of=as_of, time_zone=time_zone),
        interval_probability=opened.protocol.decline.interval_probability,
    )


def _deaths(assessment: Assessment) -> pl.DataFrame | None:
    """`who_died`; None: deaths were never delivered."""
    begun = assessment.facts.prepared.begun
    return None if begun.if_delivered(DEATHS) is None else who_died(begun.tables)


def unit_rows(root: Path, *, as_of: datetime) -> list[dict[str, Any]]:
    """The numbers as flat rows (cmvmon.unit.numbers.rows), each with `as_of` (ISO 8601). Raises SiteError where there is no such
    site."""
    with open_site(Site(root).require().root) as opened:
        rows = unit.rows(unit_numbers(opened, assessed(opened, as_of=as_of), as_of=as_of))
    return [row | {"as_of": as_of.isoformat()} for row in rows]

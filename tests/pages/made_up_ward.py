"""A made-up ward: one patient in each group, a feed in each state. Synthetic."""

from __future__ import annotations

from typing import Any

from cmvmon.dashboards.row_views import LatestResult, NotAssessable
from cmvmon.dashboards.views import FeedState, WardRow, WardView
from tests.pages import made_up


def ward(**other: Any) -> WardView:
    """One patient in each group, a feed in each state."""
    slow = made_up.alerts(
        made_up.alert("response", 2, made_up.slow_evidence()), made_up.alert("suppressed", 3, made_up.SUPPRESSED)
    )
    bal = {
        "latest_collected_at": "2026-11-22T06:00:00.000000Z",
        "latest_detection": "quantified",
        "latest_viral_load_iu_per_ml": 125_893.0,
        "protocol.local_line_iu_per_ml": 10_000.0,
        "protocol.response_clock.interrupted_gap_h": 72.0,
        "result_ids": ["SYN-bal-21"],
        "says": ["at_line", "treatment"],
        "treatment": "off",
    }
    urgent = made_up.alerts(made_up.alert("bal_at_local_line", 1, bal, alert_id="SYN-urgent"))
    low = (LatestResult("plasma", "below_lloq", None, 35.0, made_up.day(20)),)
    rows = (
        WardRow("SYNTHETIC-0004", "ICU-SYN", "12", "p4.html", (), low, ()),
        WardRow(
            "SYNTHETIC-0001",
            "ICU-SYN",
            "7",
            "p1.html",
            slow.to_dicts(),
            (
                LatestResult("bal", "quantified", 125_893.0, None, made_up.day(21), way="falls", since=made_up.day(7)),
                LatestResult("plasma", "not_detected", None, 17.5, made_up.day(20), is_watched=False),
            ),
            (NotAssessable("suppressed", "fewer_than_two_results", "csf"),),
        ),
        WardRow("SYNTHETIC-0005", "ICU-SYN", "3", "p5.html", urgent.to_dicts(), (), ()),
        WardRow(
            "SYNTHETIC-0003",
            None,
            None,
            "p3.html",
            (),
            (),
            (NotAssessable("response", "treatment_unknown", None),),
        ),
    )
    view: dict[str, Any] = {
        "as_of": made_up.AS_OF,
        "time_zone": "Europe/Amsterdam",
        "feeds": (
            FeedState("synthetic", "viral_load_results", made_up.day(21.9), True),
            FeedState("synthetic", "antiviral_courses", made_up.day(18), False),
            FeedState("synthetic", "icu_stays", None, None),
            FeedState("synthetic_two", "viral_load_results", made_up.day(20), True, "missing_column"),
        ),
        "rows": rows,
        "protocol_version": "icu_cmv_2024.12",
        "code_version": "0.1.0",
        "is_synthetic": True,
        "hrefs": {"nl": "ward.nl.html", "en": "ward.en.html"},
    }
    return WardView(**(view | other))

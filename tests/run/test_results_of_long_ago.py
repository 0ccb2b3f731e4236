"""A result of years ago (faults.md, row 71): stored and shown as the past that it is; no alert rests on it, and no slope reaches to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, falling, result, rows, stay

PATIENT = "SYNTHETIC-1"
ALERTS = "SELECT rule, subject, state, tier FROM alert_events WHERE rule != 'operations' ORDER BY 1, 2, 3"
SERIES = {"nothing of today": [], "a slow fall of today": falling(PATIENT, 0.3)}


def judged(root: Path, *lines: str, at: float = 22) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The alerts of that night, and the weeks of the patient's BAL, of a patient who is treated and has these results."""
    if lines:
        drop(root, "viral_load_results", lines)
    drop(root, "antiviral_courses", [course(PATIENT)])
    drop(root, "icu_stays", [stay(PATIENT)])
    done = nightly(root, as_of=day(at))
    assert all(one.quarantined == 0 for one in done.taken_in.counted)
    with open_site(root) as opened:
        weeks = assessed(opened, as_of=day(at)).weekly_decline
    return rows(root, ALERTS), weeks.select("treatment_week", "status", "call", "decline_log10_per_week").rows()


@pytest.mark.parametrize(
    ("days_ago", "today"),
    [(3 * 365.0, "nothing of today"), (3 * 365.0, "a slow fall of today"), (60.0, "a slow fall of today")],
)
def test_what_is_said_of_today_is_the_same_with_a_result_of_long_ago_and_without(
    days_ago: float, today: str, tmp_path: Path
) -> None:
    without = judged(tmp_path / "without", *SERIES[today])
    root = tmp_path / "with"
    assert judged(root, result(PATIENT, -days_ago, 5_000_000, accession="OLD"), *SERIES[today]) == without
    (stored,) = rows(root, "SELECT viral_load_iu_per_ml FROM viral_load_results WHERE accession_number = 'OLD'")
    assert stored == (5e6,)
    assert "5,000,000" in sites.page_of(root, PATIENT)


def test_a_result_of_last_week_is_no_past_and_is_judged(tmp_path: Path) -> None:
    """The control: what is said changes where the result is not old."""
    without = judged(tmp_path / "without")
    assert judged(tmp_path / "with", result(PATIENT, 15, 5_000_000), result(PATIENT, 21, 6_000_000)) != without

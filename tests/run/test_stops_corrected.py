"""The stop of a course is corrected later: what was derived from it is derived again (faults.md, row 97)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.facts.treatment import TREATMENT
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, falling, stay

WHO = "SYNTHETIC-1"


@pytest.mark.slow
def test_a_stop_that_is_corrected_moves_the_end_of_the_course_and_the_weeks_with_it(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", falling(WHO, 0.5))
    drop(tmp_path, "icu_stays", [stay(WHO)])
    told = []
    for night, stop in ((22, 9.3), (23, 20), (24, None)):
        drop(tmp_path, "antiviral_courses", [course(WHO, stop=stop)], name=f"{night}.csv")
        nightly(tmp_path, as_of=day(night))
        with open_site(tmp_path) as opened:
            found = assessed(opened, as_of=day(night))
        weeks = found.weekly_decline["treatment_week"].max()
        told.append((found.facts.of(TREATMENT)["treatment"][0], weeks))
        page = sites.page_of(tmp_path, WHO)
        assert ("10 Mar 2026 16:12" in page, "2026-03-10T16:12:00" in page) == ((stop == 9.3,) * 2), "words and bar"
    assert told == [("off", 2), ("on", 3), ("on", 4)]
    assert sites.rows(tmp_path, "SELECT count(*) FROM antiviral_courses") == [(3,)], "every word that was sent is kept"

"""A laboratory sends thousands of old results again, or for the first time: nobody is alerted of them (faults.md, row 117)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.sites import course, day, drop, result, stay

PATIENTS = [f"SYNTHETIC-{n:02d}" for n in range(50)]
TODAY = 100.0


def old(number: str) -> list[str]:
    """100 results of each patient, all of long before she was admitted, some rising steeply; `number` begins their numbers."""
    days = range(-1000, 0, 10)
    return [
        result(who, d, 10 ** (3 + (d // 10 + n) % 4), accession=f"{number}{n}-{d}")
        for n, who in enumerate(PATIENTS)
        for d in days
    ]


@pytest.mark.slow
def test_five_thousand_old_results_that_come_again_or_late_open_no_alert(tmp_path: Path) -> None:
    drop(tmp_path, "icu_stays", [stay(who, bed=f"S-{n}") for n, who in enumerate(PATIENTS)])
    drop(tmp_path, "antiviral_courses", [course(who, start=TODAY - 20) for who in PATIENTS[:5]])
    now = [result(who, TODAY - 20 + d, 1_000_000) for who in PATIENTS[:5] for d in (0, 7, 14, 19)]
    drop(tmp_path, "viral_load_results", [*old("A"), *now])
    nightly(tmp_path, as_of=day(TODAY))
    before = sites.rows(tmp_path, "SELECT alert_id, sequence, event FROM alert_events ORDER BY 1, 2")
    assert before, "what is of today alerts"
    assert len(old("A")) == 5000
    for name, known in (("again", old("A")), ("late", old("B"))):
        drop(tmp_path, "viral_load_results", known, name=f"{name}.csv")
        done = nightly(tmp_path, as_of=day(TODAY + 0.01))
        (counted,) = [one for one in done.taken_in.counted if one.received == 5000 and not one.was_known]
        assert (counted.duplicates, counted.accepted) == ((5000, 0) if name == "again" else (0, 5000))
        after = sites.rows(tmp_path, "SELECT alert_id, sequence, event FROM alert_events ORDER BY 1, 2")
        new = {event for _, _, event in set(after) - set(before)}
        assert new <= {"updated"}, "an estimate moves with the hour; that is told to nobody"

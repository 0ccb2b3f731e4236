"""What is a repeat: the same delivered text, however it is read now. What is not: the same moment assessed once more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.answers import Worse
from cmvmon.domain import words
from cmvmon.domain.subjects import subject_text
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.alerts.alert_store import Changes
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import OpenSite, open_site
from tests import sites
from tests.sites import day, drop, result

PACKAGED = Path(__file__).parents[2] / "cmvmon" / "feeds" / "labs" / "synthetic.toml"


def taken_in(root: Path, lines: Collection[str], *, name: str, at: float) -> Counted:
    path = drop(root, "viral_load_results", lines, name=name)
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(at))
    return counted


def test_a_line_sent_again_is_a_repeat_even_where_a_changed_laboratory_file_reads_it_otherwise(site: Path) -> None:
    """Otherwise a change of the laboratory file would turn every line that a laboratory repeats into a conflict."""
    again = result("SYNTHETIC-1", 0, "<200")
    taken_in(site, [again], name="one.csv", at=1)
    changed = PACKAGED.read_text(encoding="utf-8").replace('less_than = "below_lloq"', 'less_than = "not_detected"')
    (site / "labs" / "synthetic.toml").write_text(changed, encoding="utf-8")
    other = taken_in(site, [result("SYNTHETIC-2", 0, "<200"), again], name="two.csv", at=2)
    assert (other.accepted, other.duplicates, other.quarantined) == (1, 1, 0)
    stored = sites.rows(site, "SELECT patient_id, detection FROM viral_load_results ORDER BY patient_id")
    assert stored == [
        ("SYNTHETIC-1", "below_lloq"),
        ("SYNTHETIC-2", "not_detected"),
    ]  # the second: it is read otherwise


def row_of(verdict: str) -> dict[str, Any]:
    return {
        "rule": "rebound",
        "subject_kind": "compartment",
        "patient_id": "SYNTHETIC-1",
        "compartment": "plasma",
        "subject": subject_text("compartment", {"patient_id": "SYNTHETIC-1", "compartment": "plasma"}),
        "verdict": verdict,
        "tier": 2 if verdict == words.ALERT else None,
        "evidence": "{}",
    }


def recorded_of(
    opened: OpenSite, rows: list[dict[str, Any]], as_of: datetime, *, patients: Collection[str] | None = None
) -> tuple[Changes, frozenset[str]]:
    with opened.writing() as connection:
        return alert_store.record(
            connection,
            rows,
            stamp=opened.stamp(as_of),
            scope="all" if patients is None else "a delivery",
            patients=patients,
            ends=Ends(
                cause_of=lambda _: "course_over",
                became_of=lambda _: {},
                left=(),
                worse=Worse(0.5, 1.0),
                goes_on_within={},
            ),
        )


def recorded(opened: OpenSite, verdict: str, as_of: datetime) -> Changes:
    return recorded_of(opened, [row_of(verdict)], as_of)[0]


def open_alerts(opened: OpenSite) -> int:
    with opened.reading() as connection:
        return len(alert_store.alerts(connection, states={"open"}))


def test_what_is_assessed_again_at_the_same_moment_counts_and_only_an_earlier_moment_is_a_replay(
    site: Path,
) -> None:
    """A correction that arrives within the moment of the last assessment is not lost until the next night."""
    with open_site(site) as opened:
        assert recorded(opened, words.ALERT, day(1)) == Changes(opened=1)
        assert recorded(opened, words.CLEAR, day(1)) == Changes(resolved=1)
        assert open_alerts(opened) == 0
        assert recorded(opened, words.ALERT, day(1)) == Changes(opened=1)
        assert recorded(opened, words.CLEAR, day(0.999)) == Changes(is_replay=True)
        assert open_alerts(opened) == 1


def test_a_delivery_judged_at_the_very_moment_of_the_last_assessment_is_not_late_and_an_earlier_one_is(
    site: Path,
) -> None:
    def brought(opened: OpenSite, verdict: str, as_of: datetime) -> tuple[Changes, frozenset[str]]:
        return recorded_of(opened, [row_of(verdict)], as_of, patients={"SYNTHETIC-1"})

    with open_site(site) as opened:
        recorded(opened, words.ALERT, day(1))
        assert brought(opened, words.CLEAR, day(1)) == (Changes(resolved=1), frozenset())
        assert brought(opened, words.CLEAR, day(0.999)) == (Changes(), frozenset({"SYNTHETIC-1"}))


def test_an_alert_ends_at_the_very_moment_of_the_last_assessment_when_nobody_is_judged_any_more(site: Path) -> None:
    with open_site(site) as opened:
        recorded(opened, words.ALERT, day(1))
        assert recorded_of(opened, [], day(0.999))[0] == Changes(is_replay=True)
        assert recorded_of(opened, [], day(1))[0] == Changes(closed=1)
        assert open_alerts(opened) == 0

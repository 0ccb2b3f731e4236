"""What stands open, night after night, and why an alert ends: of loads that several rules and laboratories speak of.

All patients are made up.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.episodes import ACKNOWLEDGE, Word
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests.patients import Stay, stay_line
from tests.sites import course, day, drop, laboratories, result, stay

ONE = "SYNTHETIC-1"
ABOUT_A_LOAD = ("response", "rebound", "recurrence", "untreated_rise")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with a second laboratory, `other`, and one patient on the unit."""
    laboratories(tmp_path, "synthetic", "other")
    drop(tmp_path, "icu_stays", [stay(ONE, affected="plasma")])
    return tmp_path


def plasma(site: Path, at: float, load: object, *, feed: str = "synthetic") -> None:
    """One result, and the night after it."""
    line = result(ONE, at, load, specimen="plasma", accession=f"{feed}-{at}")
    drop(site, "viral_load_results", [line], feed=feed, name=f"{feed}-{at}.csv")
    nightly(site, as_of=day(at + 0.5))


def alerts(site: Path) -> list[tuple[str, str, str, str | None]]:
    """Rule, laboratory, state and cause of every alert about a load, in the order in which they opened."""
    with open_site(site) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states=None)
    mine = sorted((a for a in found if a["rule"] in ABOUT_A_LOAD), key=lambda a: (a["opened_at"], a["rule"]))
    return [(a["rule"], "other" if '"other"' in a["subject"] else "synthetic", a["state"], a["cause"]) for a in mine]


def test_a_low_result_of_another_laboratory_ends_no_alert(site: Path) -> None:
    drop(site, "antiviral_courses", [course("SYNTHETIC-2")])
    for at, load in ((0, 500), (7, 5000), (14, 60000)):
        plasma(site, at, load)
    plasma(site, 15, 900, feed="other")
    assert alerts(site) == [("untreated_rise", "synthetic", "open", None)]


def test_two_laboratories_by_turns_open_one_alert_each_and_close_none(site: Path) -> None:
    drop(site, "antiviral_courses", [course(ONE, start=0.1)])
    for at, load, feed in (
        (0, 50000, "synthetic"),
        (0.2, 40000, "other"),
        (7, 50000, "synthetic"),
        (14, 50000, "synthetic"),
        (16, 40000, "other"),
        (18, 50000, "synthetic"),
        (20, 40000, "other"),
    ):
        plasma(site, at, load, feed=feed)
    assert [found for found in alerts(site) if found[0] == "response"] == [
        ("response", "synthetic", "open", None),
        ("response", "other", "open", None),
    ]


def test_a_high_load_is_told_on_when_the_course_ends_and_no_sample_came_since(site: Path) -> None:
    drop(site, "antiviral_courses", [course(ONE, start=0.1)])
    for at in (0, 7, 14):
        plasma(site, at, 50000)
    drop(site, "antiviral_courses", [course(ONE, start=0.1, stop=14.6)], name="stopped.csv")
    nightly(site, as_of=day(16))
    assert alerts(site) == [("response", "synthetic", "open", None)]
    nightly(site, as_of=day(18))
    assert alerts(site) == [
        ("response", "synthetic", "closed", "course_over"),
        ("untreated_rise", "synthetic", "open", None),
    ]


def test_treatment_ends_an_alert_of_an_untreated_load(site: Path) -> None:
    drop(site, "antiviral_courses", [course("SYNTHETIC-2")])
    plasma(site, 0, 12000)
    assert alerts(site) == [("untreated_rise", "synthetic", "open", None)]
    drop(site, "antiviral_courses", [course(ONE, start=1)], name="started.csv")
    nightly(site, as_of=day(2))
    assert alerts(site) == [("untreated_rise", "synthetic", "resolved", None)]


@pytest.mark.parametrize(
    ("days_without", "expected"),
    [
        (4, [("response", "synthetic", "open", "treated_again")]),
        (2, [("response", "synthetic", "open", None)]),  # the clocks run on: it never closed
    ],
)
def test_treatment_that_is_resumed_within_a_week_goes_on_with_the_alert_it_had(
    site: Path, days_without: float, expected: list[tuple[str, str, str, str | None]]
) -> None:
    drop(site, "antiviral_courses", [course(ONE, start=0.1)])
    for at in (0, 7, 14):
        plasma(site, at, 50000)
    stopped = course(ONE, start=0.1, stop=14.6)
    drop(site, "antiviral_courses", [stopped], name="stopped.csv")
    again = 14.6 + days_without
    nightly(site, as_of=day(again - 0.1))
    drop(site, "antiviral_courses", [stopped, course(ONE, start=again)], name="again.csv")
    nightly(site, as_of=day(again + 1))
    assert [found for found in alerts(site) if found[0] == "response"] == expected


def test_a_course_that_begins_after_more_than_a_week_has_an_alert_of_its_own(site: Path) -> None:
    drop(site, "antiviral_courses", [course(ONE, start=0.1)])
    for at in (0, 7, 14):
        plasma(site, at, 50000)
    stopped = course(ONE, start=0.1, stop=14.6)
    drop(site, "antiviral_courses", [stopped], name="stopped.csv")
    nightly(site, as_of=day(18))
    drop(site, "antiviral_courses", [stopped, course(ONE, start=24)], name="again.csv")
    for at in (24.1, 31, 38):
        plasma(site, at, 50000)
    assert [found for found in alerts(site) if found[0] == "response"] == [
        ("response", "synthetic", "closed", "course_over"),
        ("response", "synthetic", "open", None),
    ]


@pytest.mark.parametrize("days_away", [3, 9])
def test_whoever_comes_back_has_the_alert_that_nobody_had_acknowledged(site: Path, days_away: float) -> None:
    drop(site, "antiviral_courses", [course("SYNTHETIC-2")])
    plasma(site, 0, 12000)
    left = stay(ONE, affected="plasma", end=1)
    drop(site, "icu_stays", [left], name="left.csv")
    nightly(site, as_of=day(2))
    assert alerts(site) == [("untreated_rise", "synthetic", "open", None)]
    back = 2 + days_away
    again = stay_line(ONE, Stay(1, day(back), None, "plasma"))
    drop(site, "icu_stays", [left, again], name="back.csv")
    plasma(site, back + 0.1, 13000)
    assert alerts(site) == [("untreated_rise", "synthetic", "open", None)]


@pytest.mark.parametrize(("days_without", "n_alerts"), [(6.5, 1), (8.5, 2)])
def test_the_week_is_counted_from_the_end_of_treatment_not_from_the_night_that_closed_the_alert(
    site: Path, days_without: float, n_alerts: int
) -> None:
    """After six and a half days it is the same course and the same alert; after eight and a half another course speaks later."""
    drop(site, "antiviral_courses", [course(ONE, start=0.1)])
    for at in (0, 7, 14):
        plasma(site, at, 50000)
    stopped = course(ONE, start=0.1, stop=14.6)
    drop(site, "antiviral_courses", [stopped], name="stopped.csv")
    for at in range(15, 14 + int(days_without) + 1):
        nightly(site, as_of=day(at))
    again = 14.6 + days_without
    drop(site, "antiviral_courses", [stopped, course(ONE, start=again)], name="again.csv")
    nightly(site, as_of=day(again + 0.3))
    for at in (again + 0.5, again + 7, again + 14):
        plasma(site, at, 50000)
    found = [found for found in alerts(site) if found[0] == "response"]
    assert len(found) == n_alerts


@pytest.mark.parametrize(("days_gone", "is_told"), [(3, True), (200, False)])
def test_a_first_night_over_a_history_alerts_on_nobody_who_left_long_ago(
    tmp_path: Path, days_gone: float, is_told: bool
) -> None:
    laboratories(tmp_path, "synthetic")
    drop(tmp_path, "antiviral_courses", [course(ONE, start=0.1)])
    drop(tmp_path, "icu_stays", [stay(ONE, affected="plasma", end=15)])
    drop(
        tmp_path,
        "viral_load_results",
        [result(ONE, at, 50_000, specimen="plasma") for at in (0, 7, 14)],
        name="all.csv",
    )
    nightly(tmp_path, as_of=day(15 + days_gone))
    assert bool(alerts(tmp_path)) == is_told


def test_a_positive_csf_that_nobody_has_answered_for_stands_however_old_it_is(site: Path) -> None:
    """Tier 1 twelve hours after it was known. After two weeks the rule judges it no more."""
    drop(site, "antiviral_courses", [course("SYNTHETIC-2")])
    drop(site, "viral_load_results", [result(ONE, 0, 5000, specimen="csf")])
    found = []
    for at in (0.3, 1, 13, 16, 40):
        nightly(site, as_of=day(at))
        found.append(unseen(site))
    assert found == [[], ["new"], ["new"], ["new"], ["new"]]
    with open_site(site) as opened, opened.writing() as connection:
        (alert,) = (one for one in alert_store.alerts(connection, states={"open"}) if one["tier"] == 1)
        assert alert_store.answer(connection, alert["alert_id"], Word(ACKNOWLEDGE, day(40.5), actor="dr. A"))
    nightly(site, as_of=day(41))
    assert unseen(site) == ["result_old"]


def unseen(site: Path) -> list[str]:
    with open_site(site) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states=None)
    return [a["standing"] or a["cause"] for a in found if a["rule"] == "critical_result_unseen"]

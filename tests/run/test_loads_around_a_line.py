"""A load that goes up and down around a line, by 0.05 log10 or so: one alert and one message, until it has clearly left the line.

Each series is told night by night, and what is due is sent to a server on loopback. `opened`: how often the alert opened; `sent`: how
many messages; `stands`: whether it stands in the end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.domain import words
from cmvmon.episodes import ACKNOWLEDGE, Word
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.messages.telling import tell
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests import patients
from tests.servers import webhook
from tests.sites import day, drop, laboratories, lain_still, land, page_of, rows
from tests.telling.telling_site import notify

PATIENT = "SYNTHETIC-1"
SOUND = f"patient_id,condition,stated_at,ended_at\n{PATIENT},previously_immunocompetent,{patients.iso(patients.moment(-9))},\n"
OF_UNTREATED = "SELECT event FROM alert_events WHERE rule = 'untreated_rise' ORDER BY sequence"
LONG_AGO = "aciclovir(prophylaxis) d-40-d-30"
TABLE = """
| rule | series | courses | opened | sent | stands |
|---|---|---|---|---|---|
| bal_at_local_line | bal d0 11220, d3 8913, d6 11220, d9 8913, d12 8913, d15 11220 | - | 1 | 1 | yes |
| bal_at_local_line | bal d0 11220, d3 8913, d6 3900, d9 8913 | - | 1 | 1 | no |
| bal_at_local_line | bal d0 8913, d3 9900, d6 8913 | - | 0 | 0 | no |
| bal_at_local_line | bal d0 11220, d3 3900, d6 11220 | - | 2 | 2 | yes |
| untreated_rise | plasma d0 11220, d3 8913, d6 8913, d9 11220, d12 8913 | - | 1 | 1 | yes |
| untreated_rise | plasma d0 11220, d3 8913, d6 6000 | - | 1 | 1 | no |
| untreated_rise | plasma d0 11220, d7 8913, d14 8913, d21 8913 | - | 1 | 1 | no |
| rise_on_prophylaxis | plasma d0 50, d4 561, d7 446, d10 561, d13 446 | letermovir(prophylaxis) d-5- | 1 | 1 | yes |
| rise_on_prophylaxis | plasma d0 900, d3 1122, d6 1122, d9 891, d12 891, d15 1122, d18 1122 | letermovir(prophylaxis) d-5- | 1 | 1 | yes |
| rise_on_prophylaxis | plasma d0 900, d3 1122, d6 1122, d9 600 | letermovir(prophylaxis) d-5- | 1 | 1 | no |
| response | plasma d0 3000, d7 2000, d14 1122, d17 891, d20 1122, d23 891 | ganciclovir d0- | 1 | 1 | yes |
| response | plasma d0 3000, d7 2000, d14 1122, d17 600 | ganciclovir d0- | 1 | 1 | no |
"""
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.strip().splitlines()[2:]]


def played(root: Path, series: str, courses: str, *, rule: str, answered_on: int | None = None) -> list[str]:
    """The nights after each sample, with what is sent at noon. Returns the events of that rule's alert.

    Args:
        answered_on: the place of the sample after whose night somebody acknowledges the alert.
    """
    known_before(root, courses, stated="bal" if rule == "response" else "")
    for place, (sample, line) in enumerate(delivered(series)):
        at = day(sample.day) + timedelta(hours=6)
        lab_feed(root, land(root, "viral_load_results", [line], at=at), as_of=at)
        nightly(root, as_of=at + timedelta(hours=20))
        tell(root, at=at + timedelta(hours=24))
        if place == answered_on:
            acknowledge(root, rule, at=at + timedelta(hours=25))
    found = rows(root, f"SELECT event FROM alert_events WHERE rule = '{rule}' ORDER BY opened_at, sequence")
    return [event for (event,) in found]


def known_before(root: Path, courses: str, *, stated: str = "") -> None:
    """A patient stated to have been immunocompetent, on the ward, with these courses (`-`: an old one of prophylaxis); judged once.
    `stated`: which compartment the team states as affected; blood is judged beside it then."""
    laboratories(root, "synthetic")
    given = LONG_AGO if courses == "-" else courses
    for table, lines in patients.lines(PATIENT, courses=given, stays=f"d-9- {stated}".strip()).items():
        if lines:
            drop(root, table, lines)
    path = root / "drop" / "synthetic" / "host_status" / "one.csv"
    path.parent.mkdir(parents=True)
    path.write_text(SOUND, encoding="utf-8")
    lain_still(path)
    nightly(root, as_of=day(-1))


def delivered(series: str) -> list[tuple[patients.Sample, str]]:
    """The samples of a series, each with the line that a laboratory writes of it."""
    return [*zip(patients.samples(series), patients.lines(PATIENT, results=series)["viral_load_results"], strict=True)]


def acknowledge(root: Path, rule: str, *, at: datetime) -> None:
    with open_site(root) as opened, opened.writing() as connection:
        (alert,) = (a for a in alert_store.alerts(connection, states={"open"}) if a["rule"] == rule)
        alert_store.answer(connection, alert["alert_id"], Word(ACKNOWLEDGE, at, actor="dr. A"))


@pytest.mark.parametrize(("rule", "series", "courses", "opened", "sent", "stands"), ROWS, ids=lambda cell: cell)
def test_a_load_around_a_line_opens_one_alert_and_is_told_once(
    tmp_path: Path, rule: str, series: str, courses: str, opened: str, sent: str, stands: str
) -> None:
    with webhook() as hook:
        notify(tmp_path, hook=hook.url)
        events = played(tmp_path, series, courses, rule=rule)
    assert events.count("opened") == int(opened)
    assert len(hook.bodies) == int(sent)
    ended = bool(events) and events[-1] in ("resolved", "closed")
    assert (bool(events) and not ended) == (stands == "yes")


def test_whoever_acknowledged_it_is_not_asked_again_while_the_load_goes_up_and_down(tmp_path: Path) -> None:
    series = "bal d0 11220, d3 8913, d6 11220, d9 8913, d12 11220"
    events = played(tmp_path, series, "-", rule="bal_at_local_line", answered_on=1)
    assert [e for e in events if e != "updated"] == ["opened", words.ACKNOWLEDGED]


def test_the_page_says_when_the_line_was_reached_of_an_alert_that_stood_and_of_one_that_never_did(
    tmp_path: Path,
) -> None:
    stood, new = tmp_path / "stood", tmp_path / "new"
    played(stood, "plasma d0 11220, d3 7200", "-", rule="untreated_rise")
    known_before(new, "-")
    at_once = [line for _, line in delivered("plasma d0 11220, d3 7200")]
    lab_feed(new, land(new, "viral_load_results", at_once, at=day(4)), as_of=day(4))
    nightly(new, as_of=day(5))
    assert rows(stood, OF_UNTREATED)[0] == ("opened",)
    assert len(rows(stood, OF_UNTREATED)) > 1
    assert rows(new, OF_UNTREATED) == [("opened",)]
    for root in (stood, new):
        english, dutch = page_of(root, PATIENT, "en"), page_of(root, PATIENT, "nl")
        assert "The line was reached on" in english
        assert "no later result lies clearly below it" in english
        assert "Grens bereikt op" in dutch
        assert "sindsdien geen uitslag duidelijk eronder" in dutch
        assert "The alert stands" not in english
        assert "De melding staat" not in dutch


def test_in_whatever_order_the_results_come_the_same_stands_in_the_end(tmp_path: Path) -> None:
    found = []
    for n, order in enumerate(
        ("d0 11220, d3 8913, d6 9500", "d6 9500, d3 8913, d0 11220", "d3 8913, d0 11220, d6 9500")
    ):
        root = tmp_path / str(n)
        known_before(root, "-")
        for place, (_, line) in enumerate(delivered(f"bal {order}")):
            at = day(7) + timedelta(hours=place)
            lab_feed(root, land(root, "viral_load_results", [line], at=at), as_of=at)
        nightly(root, as_of=day(8))
        query = "SELECT evidence FROM alert_events WHERE rule = 'bal_at_local_line' ORDER BY sequence DESC LIMIT 1"
        found.append(rows(root, query))
    assert found[0] == found[1] == found[2] != []

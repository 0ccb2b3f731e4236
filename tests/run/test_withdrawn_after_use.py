"""A result that was taken back after it had stood here: its alert waits for a named person, and says what had rested on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.answers import answering
from cmvmon.run.asking import queries, rested_query, why_query
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from tests.nights import nightly
from tests.sites import day, laboratories, land, result, stay, text

ONE = "SYNTHETIC-1"
RULE = "result_withdrawn_after_use"
PLASMA: dict[str, Any] = {"specimen": "plasma", "accession": "p0"}


def bring(root: Path, number: float, *lines: str, table: str = "viral_load_results") -> None:
    """A delivery at that day, judged at once."""
    lab_feed(root, land(root, table, lines, at=day(number)), as_of=day(number))


@contextmanager
def clock_at(number: float) -> Iterator[None]:
    """The clock stands at that day while somebody answers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(session, "now", lambda: day(number))
        yield


def alerts(root: Path, rule: str = RULE) -> list[dict[str, Any]]:
    return [one for one in queries.listed_alerts(root, every=True, lang="en") if one["rule"] == rule]


def the_alert(root: Path) -> dict[str, Any]:
    (alert,) = alerts(root)
    return alert


def acknowledge(root: Path, alert: dict[str, Any], by: str) -> None:
    answering.acknowledge(root, alert["alert_id"], reason="dealt_with", note=None, actor=by)


@pytest.fixture
def withdrawn(tmp_path: Path) -> Path:
    """A high plasma load of day 0, acknowledged by dr. A on day 1.5 and seen by dr. B; withdrawn on day 3."""
    laboratories(tmp_path, "synthetic")
    bring(tmp_path, 0.3, table="antiviral_courses")
    bring(tmp_path, 0.4, stay(ONE), table="icu_stays")
    bring(tmp_path, 0.5, result(ONE, 0, 60_000, reported=text(day(0.4)), **PLASMA))
    nightly(tmp_path, as_of=day(1))
    with clock_at(1.5):
        (rise,) = alerts(tmp_path, "untreated_rise")
        answering.see(tmp_path, rise["alert_id"], actor="dr. B")
        acknowledge(tmp_path, rise, "dr. A")
        answering.read_back(tmp_path, rise["alert_id"], recipient="dr. C", is_confirmed=True, note=None, actor="dr. D")
    nightly(tmp_path, as_of=day(2))
    bring(tmp_path, 3, result(ONE, 0, 60_000, status="W", reported=text(day(2.9)), **PLASMA))
    return tmp_path


def test_it_stands_until_somebody_acknowledged_it_and_seven_days_after_that(withdrawn: Path) -> None:
    for number in (4, 11, 20):
        nightly(withdrawn, as_of=day(number))
        assert the_alert(withdrawn)["state"] == "open", f"nobody has answered by day {number}"
    with clock_at(20.5):
        acknowledge(withdrawn, the_alert(withdrawn), "dr. E")
    nightly(withdrawn, as_of=day(27))
    assert the_alert(withdrawn)["standing"] == "acknowledged"
    nightly(withdrawn, as_of=day(28))
    assert (the_alert(withdrawn)["state"], the_alert(withdrawn)["cause"]) == ("closed", "moment_over")
    nightly(withdrawn, as_of=day(29))
    assert len(alerts(withdrawn)) == 1, "and it does not come back"


def test_answered_within_the_week_it_stands_for_the_week_after_the_answer(withdrawn: Path) -> None:
    with clock_at(3.5):
        acknowledge(withdrawn, the_alert(withdrawn), "dr. E")
    nightly(withdrawn, as_of=day(10.4))
    assert the_alert(withdrawn)["standing"] == "acknowledged"
    nightly(withdrawn, as_of=day(10.6))
    assert the_alert(withdrawn)["state"] == "closed"


@pytest.mark.parametrize("answer", ["seen", "snoozed", "told by telephone", "acknowledged and taken back"])
def test_what_is_no_acknowledgement_ends_nothing(withdrawn: Path, answer: str) -> None:
    with clock_at(3.5):
        alert_id = the_alert(withdrawn)["alert_id"]
        if answer == "seen":
            answering.see(withdrawn, alert_id, actor="dr. E")
        elif answer == "snoozed":
            answering.snooze(withdrawn, alert_id, until=None, reason="awaiting", note=None, actor="dr. E")
        elif answer == "told by telephone":
            answering.read_back(withdrawn, alert_id, recipient="dr. C", is_confirmed=True, note=None, actor="dr. E")
        else:
            acknowledge(withdrawn, the_alert(withdrawn), "dr. E")
            answering.reopen(withdrawn, alert_id, why="too early", actor="dr. E")
    for number in (12, 20):
        nightly(withdrawn, as_of=day(number))
        assert the_alert(withdrawn)["state"] == "open"


def test_a_result_that_stands_again_after_weeks_ends_it(withdrawn: Path) -> None:
    nightly(withdrawn, as_of=day(16))
    bring(withdrawn, 16.5, result(ONE, 0, 60_000, status="C", reported=text(day(16.4)), **PLASMA))
    assert the_alert(withdrawn)["state"] == "open"  # a correction of what was withdrawn waits for a person
    bring(withdrawn, 17, result(ONE, 0, 60_000, status="F", reported=text(day(16.9)), **PLASMA))
    assert the_alert(withdrawn)["state"] == "resolved"


def test_the_end_of_the_stay_does_not_end_it_before_somebody_has_acknowledged_it(withdrawn: Path) -> None:
    bring(withdrawn, 15, stay(ONE, end=14), table="icu_stays")
    nightly(withdrawn, as_of=day(16))
    assert the_alert(withdrawn)["state"] == "open"
    with clock_at(16.5):
        acknowledge(withdrawn, the_alert(withdrawn), "dr. E")
    nightly(withdrawn, as_of=day(24))
    assert (the_alert(withdrawn)["state"], the_alert(withdrawn)["cause"]) == ("closed", "stay_ended")


def test_it_waits_too_where_nothing_else_is_known_of_the_patient(tmp_path: Path) -> None:
    laboratories(tmp_path, "synthetic")
    bring(tmp_path, 0.3, table="antiviral_courses")
    bring(tmp_path, 0.5, result(ONE, 0, 60_000, reported=text(day(0.4)), **PLASMA))
    bring(tmp_path, 3, result(ONE, 0, 60_000, status="W", reported=text(day(2.9)), **PLASMA))
    for number in (4, 20):
        nightly(tmp_path, as_of=day(number))
        assert the_alert(tmp_path)["state"] == "open"


def test_one_for_information_ends_by_time_alone(tmp_path: Path) -> None:
    """A moment of sampling that has passed asks nobody for an answer."""
    from cmvmon.rules import all_rules

    waiting = {rule.code for rule in all_rules() if rule.told_for is not None}
    assert waiting == {RULE}


def test_who_had_answered_what_rested_on_it_is_named(withdrawn: Path) -> None:
    nightly(withdrawn, as_of=day(4))
    alert_id = the_alert(withdrawn)["alert_id"]
    found = why_query.explained(withdrawn, alert_id, lang="en")["rested_on_it"]
    assert found["assessments"] == 3, "at its coming, and on two nights"
    (rise,) = found["alerts"]
    assert rise["rule"] == "untreated_rise"
    assert [(said["event"], said["actor"]) for said in rise["said"]] == [
        ("seen", "dr. B"),
        ("acknowledged", "dr. A"),
        ("read_back", "dr. D"),
    ]
    assert found["says"][0] == "3 assessments held this result, and so did the pages after them."
    assert "acknowledged by dr. A, 2 Mar 2026" in found["says"][1]
    assert "told to dr. C by dr. D and read back" in found["says"][1]
    assert "60,000" not in " ".join(found["says"]), "its value is no value of this patient"
    shown = queries.shown_alert(withdrawn, alert_id, lang="nl")["rested_on_it"]
    assert "bevestigd door dr. A" in shown["says"][1]
    assert json.loads(json.dumps(shown))["alerts"][0]["said"][1]["actor"] == "dr. A"


def test_the_patients_page_tells_it_in_both_languages(withdrawn: Path) -> None:
    nightly(withdrawn, as_of=day(4))
    for code, words in (("en", "acknowledged by dr. A"), ("nl", "bevestigd door dr. A")):
        page = (withdrawn / "pages" / page_of(Site(withdrawn), ONE, code)).read_text("utf-8")
        assert words in page


def test_whoever_spoke_of_an_alert_that_did_not_rest_on_it_is_not_named(withdrawn: Path) -> None:
    nightly(withdrawn, as_of=day(4))
    bring(withdrawn, 5.5, result(ONE, 5, 50_000, specimen="plasma", reported=text(day(5.4)), accession="p5"))
    with clock_at(5.7):
        later = [one for one in alerts(withdrawn, "untreated_rise") if one["state"] == "open"]
        acknowledge(withdrawn, later[0], "dr. Z")
    with open_site(withdrawn) as opened, opened.reading() as connection:
        row = next(one for one in _rows(connection) if one["rule"] == RULE)
        said = [each.actor for one in rested_query.rested(connection, row).alerts for each in one.said]
    assert "dr. A" in said
    assert "dr. Z" not in said


def test_nobody_had_answered_is_said_and_an_alert_about_no_result_has_no_such_lines(tmp_path: Path) -> None:
    laboratories(tmp_path, "synthetic")
    bring(tmp_path, 0.3, table="antiviral_courses")
    bring(tmp_path, 0.5, result(ONE, 0, 60_000, reported=text(day(0.4)), **PLASMA))
    (rise,) = alerts(tmp_path, "untreated_rise")
    assert queries.shown_alert(tmp_path, rise["alert_id"], lang="en")["rested_on_it"] is None
    bring(tmp_path, 3, result(ONE, 0, 60_000, status="W", reported=text(day(2.9)), **PLASMA))
    says = queries.shown_alert(tmp_path, the_alert(tmp_path)["alert_id"], lang="en")["rested_on_it"]["says"]
    assert says[1].endswith("nobody had answered.")


def _rows(connection: Any) -> list[dict[str, Any]]:
    from cmvmon.shell.alerts import alert_store

    return alert_store.alerts(connection)


def test_what_is_judged_twice_at_one_moment_changes_nothing_while_it_waits(withdrawn: Path) -> None:
    nightly(withdrawn, as_of=day(20))
    before = queries.history(withdrawn, alert_id=None, patient=ONE, since=None, lang="en")
    nightly(withdrawn, as_of=day(20))
    nightly(withdrawn, as_of=day(20) + timedelta(hours=1))
    assert queries.history(withdrawn, alert_id=None, patient=ONE, since=None, lang="en") == before

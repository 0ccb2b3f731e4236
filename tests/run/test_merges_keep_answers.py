"""What somebody has acknowledged stays acknowledged when the number is merged, and when the merge is undone, unless it got worse."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.shell.outgoing.alert_news import standing
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from tests.nights import nightly
from tests.run.test_merges import LATER, NEW, NEXT, NIGHT, OLD, admitted
from tests.sites import course, drop, falling, link, result, stay

MERGED, UNDONE = link(OLD, NEW, at=15.2), link(OLD, NEW, at=15.2, end=16.5)


def both_admitted(root: Path) -> None:
    """Results came under both numbers before anybody knew that they are one patient; the loads of neither fall."""
    drop(root, "viral_load_results", falling(NEW, 0.1, days=(0, 7, 14)), name="own.csv")
    drop(root, "antiviral_courses", [course(NEW)], name="own.csv")
    drop(root, "icu_stays", [stay(NEW, bed="S-03")], name="own.csv")
    admitted(root)


def of(root: Path, number: str) -> dict[str, Any]:
    """The newest alert of `response` under that number."""
    found = [one for one in queries.listed_alerts(root, every=True, lang="en") if one["rule"] == "response"]
    return max((one for one in found if one["patient_id"] == number), key=lambda one: str(one["opened_at"]))


def answer(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    snoozed: bool = False,
    number: str = OLD,
    at: datetime = NIGHT,
) -> None:
    monkeypatch.setattr(session, "now", lambda: at + timedelta(hours=2))
    name = of(root, number)["alert_id"]
    if snoozed:
        answering.snooze(
            root, name, until=at + timedelta(hours=23, minutes=30), reason="awaiting", note=None, actor="dr. A"
        )
    else:
        answering.acknowledge(root, name, reason="dealt_with", note=None, actor="dr. A")
    monkeypatch.undo()


def told(root: Path, number: str) -> bool:
    """Whether that number's alert is news to nobody, as messages read it."""
    with open_site(root) as opened, opened.reading() as connection:
        (found,) = (one for one in standing(connection) if one.patient_id == number and one.rule == "response")
    return found.is_acknowledged


def test_under_the_other_number_it_is_acknowledged_by_whom_and_since_when_it_was(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(admitted(site), monkeypatch)
    before = of(site, OLD)
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    after = of(site, NEW)
    kept = ("standing", "answered_by", "answered_at", "reason")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["standing"] == "acknowledged"
    assert after["answered_by"] == "dr. A"
    assert told(site, NEW)
    assert of(site, OLD)["state"] == "closed"
    nightly(site, as_of=LATER)
    assert of(site, NEW)["standing"] == "acknowledged", "the next night ends no answer"


def test_a_merge_and_its_end_leave_it_acknowledged(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(admitted(site), monkeypatch)
    before = of(site, OLD)
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    drop(site, "patient_links", [UNDONE], name="undone.csv")
    nightly(site, as_of=LATER)
    after = of(site, OLD)
    assert (after["alert_id"], after["state"]) == (before["alert_id"], "open")
    assert [after[name] for name in ("standing", "answered_by", "answered_at")] == [
        before[name] for name in ("standing", "answered_by", "answered_at")
    ]
    assert told(site, OLD)


@pytest.mark.parametrize("number", [OLD, NEW], ids=["under the old number", "under the other"])
def test_a_load_that_is_worse_than_the_answered_one_is_an_alert_that_nobody_has_answered(
    number: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(admitted(site), monkeypatch)
    drop(site, "viral_load_results", [result(number, 15, 9e7)], name="new.csv")
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    opened = [
        one
        for one in queries.listed_alerts(site, every=True, lang="en")
        if one["patient_id"] == NEW and one["state"] == "open" and one["tier"] < 3
    ]
    assert opened
    assert all(one["answered_by"] is None for one in opened)


def test_an_answer_that_was_taken_back_under_the_other_number_does_not_come_back_with_the_end_of_the_merge(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(admitted(site), monkeypatch)
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    monkeypatch.setattr(session, "now", lambda: NEXT + timedelta(hours=2))
    answering.reopen(site, of(site, NEW)["alert_id"], why="wrong answer", actor="dr. B")
    monkeypatch.undo()
    drop(site, "patient_links", [UNDONE], name="undone.csv")
    nightly(site, as_of=LATER)
    assert (of(site, OLD)["state"], of(site, OLD)["answered_by"]) == ("open", None)
    assert not told(site, OLD)


def test_what_waits_under_one_of_two_merged_numbers_is_not_answered_by_what_was_said_of_the_other(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = "SYNTHETIC-T901"
    admitted(site)
    drop(site, "viral_load_results", falling(third, 0.1, days=(0, 7, 14)), name="third.csv")
    drop(site, "antiviral_courses", [course(OLD), course(third)], name="third.csv")
    drop(site, "icu_stays", [stay(OLD), stay(third, bed="S-03")], name="third.csv")
    nightly(site, as_of=NIGHT + timedelta(hours=1))
    assert of(site, third)["standing"] in ("new", "notified")
    answer(site, monkeypatch)
    drop(site, "patient_links", [MERGED, link(third, NEW, at=15.2)])
    nightly(site, as_of=NEXT)
    assert of(site, NEW)["answered_by"] is None
    assert not told(site, NEW)


def test_a_snooze_is_no_answer_and_is_not_taken_over(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(admitted(site), monkeypatch, snoozed=True)
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    assert of(site, NEW)["answered_by"] is None
    assert not told(site, NEW)


@pytest.mark.parametrize("snoozed", [False, True], ids=["acknowledged", "snoozed"])
def test_an_answer_under_the_number_that_goes_on_does_not_answer_what_waits_under_the_one_that_is_merged(
    site: Path, monkeypatch: pytest.MonkeyPatch, *, snoozed: bool
) -> None:
    both_admitted(site)
    answer(site, monkeypatch, number=NEW, snoozed=snoozed)
    assert of(site, OLD)["standing"] in ("new", "notified")
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    after = of(site, NEW)
    assert (after["standing"], after["answered_by"], after["cause"]) == ("new", None, "taken_over")
    assert not told(site, NEW)
    answer(site, monkeypatch, number=NEW, at=NEXT)
    nightly(site, as_of=LATER)
    assert of(site, NEW)["standing"] == "acknowledged", "it is asked once"


def test_what_is_answered_under_both_numbers_stays_answered(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both_admitted(site)
    answer(site, monkeypatch, number=NEW)
    answer(site, monkeypatch)
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    assert of(site, NEW)["standing"] == "acknowledged"


@pytest.mark.parametrize("number", [OLD, NEW], ids=["of two who answered apart", "opened again by the merge"])
def test_an_answer_that_is_asked_once_more_after_the_end_of_a_merge_is_told_so_in_the_docs(
    number: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both stand open, to be answered: nothing that waits is lost, and nobody's answer is put down for what nobody has seen."""
    both_admitted(site)
    answer(site, monkeypatch, number=NEW)
    if number == OLD:
        answer(site, monkeypatch, at=NIGHT + timedelta(hours=1))
    drop(site, "patient_links", [MERGED])
    nightly(site, as_of=NEXT)
    drop(site, "patient_links", [UNDONE], name="undone.csv")
    nightly(site, as_of=LATER)
    after = of(site, number)
    assert (after["state"], after["standing"], after["answered_by"]) == ("open", "new", None)
    told = " ".join((Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8").split())
    assert "An acknowledgement may be asked for once more after a merge has ended" in told

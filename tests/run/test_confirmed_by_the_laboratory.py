"""The laboratory is asked, and says that its results are right: a person's answer ends the doubt, and the loads are judged again.

The same forty patients, or fewer, as in `test_laboratory_in_doubt`. All made up.
"""

from __future__ import annotations

import contextlib
import html
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain import words
from cmvmon.domain.errors import AnswerRefused, SiteError
from cmvmon.domain.moved_together import UP
from cmvmon.run.answers import answering, rule_switching
from cmvmon.run.asking.queries import history, listed_alerts
from cmvmon.run.asking.why_query import explained
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.daytime import laboratory_word
from cmvmon.run.nightly.night import nightly
from cmvmon.run.replay.replaying import replay
from cmvmon.shell.store import session
from cmvmon.shell.taken_in import journal
from cmvmon.text import language
from tests import sites
from tests.board import boards
from tests.board.boards import answer
from tests.calls import here
from tests.run.test_laboratory_in_doubt import (
    FORTY,
    HELD,
    VIROLOGY,
    alerts,
    comes,
    in_doubt,
    line,
    said,
    send,
    ward,
)
from tests.sites import day

EIGHT = FORTY[:8]
RISES = {("untreated_rise", None): 8}
_WHO = {"note": "phoned", "actor": "data team"}


@pytest.fixture
def doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight loads a hundredfold in one night, on day 14; it is the afternoon after."""
    ward(tmp_path, EIGHT)
    send(tmp_path, [line(one, 14, 100) for one in EIGHT], name="hundredfold", night=14.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 14.0)]
    clock(monkeypatch, 14.7)
    return tmp_path


def clock(monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    monkeypatch.setattr(session, "now", lambda: day(at))


def night(root: Path, monkeypatch: pytest.MonkeyPatch, at: float, *lines: str) -> None:
    """One night at its own moment, with what came before it."""
    clock(monkeypatch, at)
    if lines:
        sites.drop(root, "viral_load_results", lines, feed=VIROLOGY, name=f"of-{at}.csv")
    nightly(root, as_of=day(at))


def of_work(root: Path) -> dict[str, Any]:
    """The latest alert about the laboratory in doubt, as it stands."""
    found = [one for one in listed_alerts(root, every=True, lang="en") if one["rule"] == words.OPERATIONS]
    return max((one for one in found if one["feed"].startswith("in doubt")), key=lambda one: one["opened_at"])


def confirm(root: Path, **other: Any) -> laboratory_word.Answered:
    return laboratory_word.acknowledge(
        root, of_work(root)["alert_id"], **({"reason": words.RESULTS_CONFIRMED} | _WHO | other)
    )


def events(root: Path) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (one["event"], one["actor"], one["reason"], one["cause"])
        for one in history(root, alert_id=of_work(root)["alert_id"], patient=None, since=None, lang="en")
    ]


def test_a_confirmation_ends_the_doubt_at_once_and_says_who_when_and_why(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    assert not in_doubt(doubted)
    assert alerts(doubted, "open") == RISES
    assert {said(doubted, one)["untreated_rise"] for one in EIGHT} == {"alert"}
    one = of_work(doubted)
    assert (one["state"], one["cause"], one["answered_by"]) == ("resolved", "laboratory_confirmed", "data team")
    assert events(doubted) == [
        ("opened", "system", None, None),
        ("acknowledged", "data team", "results_confirmed", None),
        ("resolved", "system", None, "laboratory_confirmed"),
    ]
    page = sites.unmarked(sites.page_of(doubted, EIGHT[0], "en"))
    assert "The laboratory is asked" not in page
    assert "rose together" not in sites.unmarked((doubted / "pages" / "ward.en.html").read_text("utf-8"))
    night(doubted, monkeypatch, 15.5)
    assert not in_doubt(doubted)
    assert alerts(doubted, "open") == RISES


def test_whoever_had_acknowledged_that_the_laboratory_is_asked_can_say_what_it_answered_and_twice_is_refused(
    doubted: Path,
) -> None:
    laboratory_word.acknowledge(doubted, of_work(doubted)["alert_id"], reason="awaiting", **_WHO)
    assert in_doubt(doubted)
    confirm(doubted, actor="dr. A")
    assert not in_doubt(doubted)
    assert [event for event, *_ in events(doubted)] == ["opened", "acknowledged", "acknowledged", "resolved"]
    with pytest.raises(AnswerRefused, match="nothing to answer"):
        confirm(doubted)
    assert len(events(doubted)) == 4


def test_it_is_no_answer_to_another_alert_and_sets_none_aside(doubted: Path) -> None:
    alert_id = of_work(doubted)["alert_id"]
    with pytest.raises(SiteError, match="no reason 'results_confirmed'"):
        answering.snooze(doubted, alert_id, until=None, reason=words.RESULTS_CONFIRMED, **_WHO)
    with pytest.raises(SiteError, match=r"results_confirmed \(the laboratory was asked and confirms"):
        confirm(doubted, reason=None)
    confirm(doubted)
    rise = next(one for one in listed_alerts(doubted, every=False, lang="en") if one["rule"] == "untreated_rise")
    with pytest.raises(
        SiteError, match="no reason 'results_confirmed' for this answer: it acknowledges an alert of the work about "
    ):
        laboratory_word.acknowledge(doubted, rise["alert_id"], reason=words.RESULTS_CONFIRMED, **_WHO)


def test_taken_back_the_doubt_stands_again_and_what_the_loads_had_opened_ends(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    clock(monkeypatch, 14.8)
    laboratory_word.reopen(doubted, of_work(doubted)["alert_id"], why="it was another assay", actor="dr. A")
    assert in_doubt(doubted) == [(VIROLOGY, UP, 8, 8, 14.0)]
    assert said(doubted, EIGHT[0])["untreated_rise"] == HELD
    assert alerts(doubted, "closed") == {("untreated_rise", words.LABORATORY_IN_DOUBT): 8}
    assert not alerts(doubted, "open")
    assert events(doubted)[-1] == ("reopened", "dr. A", None, "by_person")
    assert of_work(doubted)["standing"] == "new"
    with pytest.raises(AnswerRefused, match="nothing to reopen"):
        laboratory_word.reopen(doubted, of_work(doubted)["alert_id"], why="again", actor="dr. A")
    clock(monkeypatch, 14.9)
    confirm(doubted)
    assert not in_doubt(doubted)


def test_taken_back_after_the_corrections_came_nothing_is_in_doubt(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    night(doubted, monkeypatch, 14.75, *(line(one, 14, status="C") for one in EIGHT))
    clock(monkeypatch, 14.8)
    laboratory_word.reopen(doubted, of_work(doubted)["alert_id"], why="they were wrong", actor="dr. A")
    assert not in_doubt(doubted)
    assert [event for event, *_ in events(doubted)][-2:] == ["reopened", "resolved"]
    assert events(doubted)[-1][3] is None, "nobody had confirmed what ended it"


def test_it_holds_for_samples_until_then_and_what_moves_together_later_is_asked_about_anew(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    first = of_work(doubted)["alert_id"]
    night(doubted, monkeypatch, 15.5, *(line(one, 15, 110) for one in EIGHT))
    assert not in_doubt(doubted), "they stay where they were confirmed to be"
    night(doubted, monkeypatch, 16.5, *(line(one, 16, 2_000) for one in EIGHT))
    assert in_doubt(doubted) == [(VIROLOGY, UP, 8, 8, 16.0)]
    assert said(doubted, EIGHT[0])["untreated_rise"] == HELD
    clock(monkeypatch, 16.6)
    with pytest.raises(AnswerRefused, match="nothing to answer"):
        laboratory_word.reopen(doubted, first, why="an earlier one", actor="dr. A")
    confirm(doubted)
    assert not in_doubt(doubted)


@pytest.fixture
def asked_twice(doubted: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str, str]:
    """The first alert was confirmed; the second, of later samples, nobody answered, and the laboratory corrected them."""
    confirm(doubted)
    first = of_work(doubted)["alert_id"]
    night(doubted, monkeypatch, 16.5, *(line(one, 16, 5_000) for one in EIGHT))
    second = of_work(doubted)["alert_id"]
    night(doubted, monkeypatch, 17.5, *(line(one, 16, 100, status="C") for one in EIGHT))
    assert not in_doubt(doubted)
    return doubted, first, second


def test_an_alert_that_nobody_answered_does_not_end_by_the_word_on_an_earlier_one(
    asked_twice: tuple[Path, str, str],
) -> None:
    root, first, second = asked_twice
    assert first != second
    assert events(root) == [("opened", "system", None, None), ("resolved", "system", None, None)]
    with pytest.raises(AnswerRefused, match="nothing to answer"):
        laboratory_word.reopen(root, second, why="nobody had confirmed it", actor="dr. A")


def test_the_word_in_force_can_be_taken_back_also_after_a_later_alert_has_ended(
    asked_twice: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, first, second = asked_twice
    clock(monkeypatch, 17.6)
    laboratory_word.reopen(root, first, why="it was another assay", actor="dr. A")
    stand = {one["alert_id"]: one["state"] for one in listed_alerts(root, every=True, lang="en") if one["feed"]}
    assert (stand[first], stand[second]) == ("open", "resolved")
    assert in_doubt(root)
    night(root, monkeypatch, 18.5)
    assert len([one for one in listed_alerts(root, every=True, lang="en") if one["feed"]]) == 2
    night(root, monkeypatch, 18.6, *(line(one, 14, status="C") for one in EIGHT))
    assert not in_doubt(root)


def test_only_the_word_of_the_laboratory_is_kept_to_be_said_again(doubted: Path) -> None:
    laboratory_word.acknowledge(doubted, of_work(doubted)["alert_id"], reason="awaiting", **_WHO)
    laboratory_word.reopen(doubted, of_work(doubted)["alert_id"], why="nobody phoned", actor="dr. A")
    assert journal.DoubtAnswer not in {type(one) for one in journal.lines(doubted / "landing")}


@pytest.mark.parametrize("first", ["word", "result"])
def test_a_result_of_the_same_samples_that_comes_before_or_after_the_word_changes_nothing(
    first: str, doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ninth patient, sampled with the others and reported beside the word."""
    late = FORTY[8]
    sites.drop(doubted, "icu_stays", [sites.stay(late, affected="none", bed="S-LATE")], name="late-stay.csv")
    night(doubted, monkeypatch, 14.65, *(line(late, at) for at in (0, 7)))
    clock(monkeypatch, 14.7)
    if first == "word":
        confirm(doubted)
    clock(monkeypatch, 14.75)
    comes(doubted, line(late, 14, 100), at=14.75)
    clock(monkeypatch, 14.8)
    if first == "result":
        assert in_doubt(doubted) == [(VIROLOGY, UP, 9, 9, 14.0)]
        confirm(doubted)
    assert not in_doubt(doubted)
    assert alerts(doubted, "open") == {("untreated_rise", None): 9}


def test_a_replay_why_and_a_rule_that_is_tried_see_the_word_from_its_moment_on(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    night(doubted, monkeypatch, 15.5)
    tried = {at: rule_switching.tried(doubted, "untreated_rise", as_of=day(at))["alert"] for at in (14.65, 14.7, 15.5)}
    assert tried == {14.65: 0, 14.7: 8, 15.5: 8}
    rise = next(one for one in listed_alerts(doubted, every=False, lang="en") if one["rule"] == "untreated_rise")
    assert explained(doubted, rise["alert_id"], lang="en")["tipped_by"]["without_it"] != words.NOT_ASSESSABLE
    again: list[tuple[str, str]] = []
    replay(
        doubted,
        since=day(0).date(),
        until=day(20).date(),
        heard=lambda _, found: again.extend((one["rule"], one["event"]) for one in found),
    )
    assert again == [("untreated_rise", "opened")] * 8


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_site_made_again_knows_the_word(
    is_taken_back: bool, doubted: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(doubted)
    if is_taken_back:
        clock(monkeypatch, 14.8)
        laboratory_word.reopen(doubted, of_work(doubted)["alert_id"], why="it was another assay", actor="dr. A")
    kinds = [type(one) for one in journal.lines(doubted / "landing")]
    assert kinds.count(journal.DoubtAnswer) == 1 + is_taken_back
    new = tmp_path_factory.mktemp("again") / "site"
    assert rebuild(doubted, new).answers == 1 + is_taken_back
    for root in (new, doubted):
        night(root, monkeypatch, 15.5)
    assert bool(in_doubt(new)) == bool(in_doubt(doubted)) == is_taken_back
    assert alerts(new, "open") == alerts(doubted, "open") == ({} if is_taken_back else RISES)
    if not is_taken_back:
        assert (of_work(new)["state"], of_work(new)["cause"]) == ("resolved", "laboratory_confirmed")


def test_on_the_command_line_it_is_a_reason_of_that_alert_and_taken_back_by_reopen(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = of_work(doubted)["alert_id"]
    done = here("alerts", "ack", alert, "--reason", "results_confirmed", "--by", "data team", site=doubted)
    assert (done.returncode, in_doubt(doubted)) == (0, []), done.stderr
    told = " ".join(done.stdout.split())
    assert "whoever has such a result is judged again" in told
    assert told.endswith("virology (synthetic-pcr), results that rose together: confirmed by the laboratory")
    shown = json.loads(here("alerts", "show", alert, "--json", "--lang", "en", site=doubted).stdout)
    assert shown["events"][1]["reason_in_words"].startswith("the laboratory was asked and confirms its results")
    clock(monkeypatch, 14.8)
    done = here("alerts", "reopen", alert, "--why", "the other assay", site=doubted)
    assert done.returncode == 0, done.stderr
    assert in_doubt(doubted)


@pytest.fixture
def client(doubted: Path) -> Iterator[Any]:
    boards.board_toml(doubted)
    with boards.asked(doubted) as found:
        yield found.signed_in("consultant")


def test_on_the_board_it_is_offered_for_that_alert_alone_also_once_acknowledged_and_can_be_taken_back(
    doubted: Path, client: Any
) -> None:
    alert, offered = of_work(doubted)["alert_id"], '<option value="results_confirmed">'
    assert client.get(f"/alert-{alert}.en.html").text.count(offered) == 1, "to acknowledge, not to set aside"
    assert answer(client, "acknowledge", alert, reason="awaiting").status_code == 303
    page = client.get(f"/alert-{alert}.en.html").text
    assert offered in page
    assert '<option value="dealt_with">' not in page
    assert answer(client, "acknowledge", alert, reason="results_confirmed").status_code == 303
    assert not in_doubt(doubted)
    page = client.get(f"/alert-{alert}.en.html?done=acknowledge").text
    assert "Your acknowledgement is recorded. Whoever has such a result is judged again." in page
    assert "the laboratory confirmed its results, and they are judged again" in page
    assert offered not in page
    rise = next(one for one in listed_alerts(doubted, every=False, lang="en") if one["rule"] == "untreated_rise")
    assert offered not in client.get(f"/alert-{rise['alert_id']}.en.html").text
    assert answer(client, "reopen", alert, why="it was another assay").status_code == 303
    assert in_doubt(doubted)


def refuse_to_judge(root: Path) -> None:
    """A database that takes no assessment."""
    refused = "CREATE TRIGGER is_full BEFORE INSERT ON assessments BEGIN SELECT RAISE(ABORT, 'full'); END"
    with contextlib.closing(sqlite3.connect(root / "cmvmon.sqlite")) as connection, connection:
        connection.execute(refused)


def hold_what_cant_be_read(root: Path) -> None:
    """Something that nobody expects: of a course of one of them a moment that is none."""
    with contextlib.closing(sqlite3.connect(root / "cmvmon.sqlite")) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(antiviral_courses)")]
        others = {
            "course_id": "'another'",
            "patient_id": f"'{EIGHT[0]}'",
            "version_number": "NULL",
            "started_at": "'no moment'",
        }
        chosen = ", ".join(others.get(name, name) for name in names)
        connection.execute(f"INSERT INTO antiviral_courses SELECT {chosen} FROM antiviral_courses LIMIT 1")


@pytest.mark.parametrize(("lang", "fault"), [("en", refuse_to_judge), ("nl", hold_what_cant_be_read)])
def test_where_nobody_can_be_judged_at_once_the_board_says_that_the_word_is_recorded(
    lang: str, fault: Callable[[Path], None], doubted: Path
) -> None:
    boards.board_toml(doubted)
    alert = of_work(doubted)["alert_id"]
    with boards.asked(doubted) as board:
        client = board.signed_in("consultant")
        page = client.get(f"/alert-{alert}.{lang}.html").text
        fault(doubted)
        form = {"token": boards.token(page), "judged": boards.judged(page), "reason": "results_confirmed"}
        done = client.post(f"/acknowledge-{alert}.{lang}.html", data=form, headers=boards.OWN)
        assert done.status_code == 303, done.text
        assert language(lang).say("board.done.waits") in html.unescape(client.get(done.headers["location"]).text)
        row = next(one for one in reversed(board.audit()) if one["event"] == "acknowledge")
        assert (row["outcome"], row["because"]) == ("done", "results_confirmed")
        assert "judged_later" in {one["event"] for one in board.said}
    assert in_doubt(doubted)
    assert events(doubted)[-1] == ("acknowledged", "dr. Consult", "results_confirmed", None)


def test_where_nobody_can_be_judged_at_once_the_command_line_says_so_and_the_next_night_judges(
    doubted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_judge(doubted)
    done = here("alerts", "ack", of_work(doubted)["alert_id"], "--reason", "results_confirmed", site=doubted)
    told = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert "whoever has such a result is judged again with the next night" in told
    assert "has a page that says so" not in told
    with contextlib.closing(sqlite3.connect(doubted / "cmvmon.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER is_full")
    night(doubted, monkeypatch, 15.5)
    assert not in_doubt(doubted)
    assert alerts(doubted, "open") == RISES

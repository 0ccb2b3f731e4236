"""While a laboratory is in doubt, an alert that stood before says what it said before: its words go back, and it stays open.

Eight of the patients of `test_laboratory_in_doubt`; of one the load rose by itself a week before, and is told anew of the results that
moved. All made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain import words
from cmvmon.domain.moved_together import UP
from cmvmon.run.asking.queries import history, listed_alerts
from cmvmon.run.asking.why_query import explained
from cmvmon.run.daytime import laboratory_word
from cmvmon.run.nightly.night import nightly
from cmvmon.run.nightly.showing import show
from cmvmon.run.replay.replaying import replay
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.outgoing.alert_news import standing
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.run.test_confirmed_by_the_laboratory import clock, confirm, of_work
from tests.run.test_laboratory_in_doubt import FORTY, HELD, VIROLOGY, in_doubt, line, said, send, ward
from tests.sites import day

EIGHT = FORTY[:8]
HERS = EIGHT[0]
ROSE, MOVED = "36,600", "3,660,000"  # her load by itself, and as the laboratory moved it
BY_RULE = {False: {"untreated_rise"}, True: {"rebound", "response"}}


def moved(patients: tuple[str, ...], *, at: float = 14, status: str = "F") -> list[str]:
    return [line(one, at, 3_000 if one == HERS else 100, status=status) for one in patients]


def rose(root: Path, *, treated: bool = False) -> None:
    ward(root, EIGHT, treated=EIGHT if treated else ())
    send(root, [line(HERS, 8.1, 30)], name="rose", night=8.6)


def five_and_three(root: Path, *, treated: bool = False) -> None:
    """The results that moved, of five patients in one night and of three in the next one."""
    rose(root, treated=treated)
    send(root, moved(EIGHT[:5]), name="five", night=14.5)
    assert not in_doubt(root)
    send(root, moved(EIGHT[5:]), name="three", night=15.5)
    assert in_doubt(root) == [(VIROLOGY, UP, 8, 8, 14.0)]


def hers(root: Path) -> list[dict[str, Any]]:
    return [one for one in listed_alerts(root, every=False, lang="en") if one["patient_id"] == HERS]


def events(root: Path) -> list[tuple[str, str, int, str | None, str | None]]:
    """What happened to her alerts, in the order of time."""
    found = history(root, alert_id=None, patient=HERS, since=None, lang="en")
    return [(one["alert_id"], one["event"], one["tier"], one["cause"], one["tells"]) for one in found]


def tells_of(root: Path, load: str, *, pages: Path | None = None) -> dict[str, bool]:
    """Where it is said that her load rose to that one."""
    folder = root / "pages" if pages is None else pages
    own = sites.page_of(root, HERS, "en") if pages is None else ""
    why = [explained(root, one["alert_id"], lang="en") for one in hers(root)]
    texts = {
        "ward page": (folder / "ward.en.html").read_text("utf-8"),
        "patient page": own,
        "why": "".join(one["sentence"] + one["details"] for one in why),
    }
    if pages is not None:
        del texts["patient page"], texts["why"]
    return {name: f"→ {load}" in sites.unmarked(text) for name, text in texts.items()}


def words_of(root: Path) -> dict[str, tuple[str, int, str, str]]:
    """What her alerts say: the rule, the tier, the title and the sentence of each."""
    why = [explained(root, one["alert_id"], lang="en") for one in hers(root)]
    return {one["alert_id"]: (one["rule"], one["tier"], one["title"], one["sentence"]) for one in why}


def everywhere(found: dict[str, bool]) -> set[bool]:
    return set(found.values())


@pytest.mark.parametrize("treated", [False, True])
def test_five_results_come_a_night_before_the_others_and_what_was_told_anew_of_one_goes_back(
    treated: bool, tmp_path: Path
) -> None:
    rose(tmp_path, treated=treated)
    before = words_of(tmp_path)
    assert {rule for rule, *_ in before.values()} == BY_RULE[treated]
    send(tmp_path, moved(EIGHT[:5]), name="five", night=14.5)
    assert everywhere(tells_of(tmp_path, MOVED)) == {True}
    with open_site(tmp_path) as opened, opened.reading() as connection:
        news = {one.alert_id: one.transition for one in standing(connection)}
    send(tmp_path, moved(EIGHT[5:]), name="three", night=15.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 14.0)]
    assert everywhere(tells_of(tmp_path, MOVED)) == {False}
    assert everywhere(tells_of(tmp_path, ROSE)) == {True}
    after = words_of(tmp_path)
    assert after == before
    assert "says what it said before: many results of its laboratory moved together" in sites.unmarked(
        (tmp_path / "pages" / "ward.en.html").read_text("utf-8")
    )
    back = [one for one in events(tmp_path) if one[3] == words.LABORATORY_IN_DOUBT]
    assert back == [(name, "updated", before[name][1], words.LABORATORY_IN_DOUBT, None) for name, *_ in back]
    assert {name for name, *_ in back} == set(before)
    with open_site(tmp_path) as opened, opened.reading() as connection:
        told = {one.alert_id: one.transition for one in standing(connection) if one.alert_id in before}
    assert told == {name: news[name] for name in before}, "nobody is told anew"


def test_judged_again_it_goes_back_once_and_says_it_again_when_the_doubt_has_ended(tmp_path: Path) -> None:
    five_and_three(tmp_path)
    once = events(tmp_path)
    for at in (15.5, 15.6, 16.5):
        nightly(tmp_path, as_of=day(at))
        assert events(tmp_path) == once, at
    [alert] = hers(tmp_path)
    nightly(tmp_path, as_of=day(21.1))
    assert not in_doubt(tmp_path)
    assert everywhere(tells_of(tmp_path, MOVED)) == {True}
    assert [one["alert_id"] for one in hers(tmp_path)] == [alert["alert_id"]]
    assert [kind for _, kind, *_ in events(tmp_path)] == ["opened", "updated", "updated", "updated"]


def test_corrected_it_is_judged_by_what_the_laboratory_says_then(tmp_path: Path) -> None:
    five_and_three(tmp_path)
    corrected = [line(one, 14, 30 if one == HERS else 1, status="C") for one in EIGHT]
    send(tmp_path, corrected, name="corrected", night=16.5)
    assert not in_doubt(tmp_path)
    assert said(tmp_path, HERS)["untreated_rise"] == "alert"
    assert everywhere(tells_of(tmp_path, MOVED)) == {False}
    assert everywhere(tells_of(tmp_path, ROSE)) == {True}


def test_a_word_of_the_laboratory_that_is_taken_back_takes_back_what_was_told_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rose(tmp_path)
    send(tmp_path, moved(EIGHT), name="moved", night=14.5)
    assert in_doubt(tmp_path)
    assert everywhere(tells_of(tmp_path, ROSE)) == {True}
    clock(monkeypatch, 14.7)
    confirm(tmp_path)
    assert everywhere(tells_of(tmp_path, MOVED)) == {True}
    [alert] = hers(tmp_path)
    clock(monkeypatch, 14.8)
    laboratory_word.reopen(tmp_path, of_work(tmp_path)["alert_id"], why="it was another assay", actor="dr. A")
    assert in_doubt(tmp_path)
    assert said(tmp_path, HERS)["untreated_rise"] == HELD
    assert everywhere(tells_of(tmp_path, MOVED)) == {False}
    assert everywhere(tells_of(tmp_path, ROSE)) == {True}
    assert [one["alert_id"] for one in hers(tmp_path)] == [alert["alert_id"]]
    clock(monkeypatch, 14.9)
    confirm(tmp_path)
    assert everywhere(tells_of(tmp_path, MOVED)) == {True}
    assert [kind for _, kind, *_ in events(tmp_path)] == ["opened", "updated", "updated", "updated"]


def test_earlier_words_whose_own_result_was_corrected_do_not_come_back_and_the_alert_ends(tmp_path: Path) -> None:
    rose(tmp_path)
    lower = line(HERS, 8.1, 20, status="C")
    send(tmp_path, [*moved(EIGHT[:5]), lower], name="five", night=14.5)
    assert everywhere(tells_of(tmp_path, MOVED)) == {True}
    send(tmp_path, moved(EIGHT[5:]), name="three", night=15.5)
    assert in_doubt(tmp_path)
    assert not hers(tmp_path)
    assert [(kind, cause) for _, kind, _, cause, _ in events(tmp_path)] == [
        ("opened", None),
        ("updated", None),
        ("closed", words.LABORATORY_IN_DOUBT),
    ]


@pytest.mark.parametrize("since", [0, 15])
def test_a_replay_of_all_nights_or_of_the_last_ones_and_pages_of_that_moment_go_back_too(
    since: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    five_and_three(tmp_path)
    again: list[tuple[str, str, int, str | None, str | None]] = []

    def heard(_: object, found: list[dict[str, Any]]) -> None:
        mine = [one for one in found if one["patient_id"] == HERS]
        again.extend((one["alert_id"], one["event"], one["tier"], one["cause"], one["tells"]) for one in mine)

    replay(tmp_path, since=day(since).date(), until=day(20).date(), heard=heard)
    stored = events(tmp_path)
    assert again == (stored if since == 0 else stored[-1:])
    out = tmp_path_factory.mktemp("out")
    show(tmp_path, out, as_of=day(15.5))
    assert everywhere(tells_of(tmp_path, MOVED, pages=out)) == {False}
    show(tmp_path, out, as_of=day(14.6))
    assert everywhere(tells_of(tmp_path, MOVED, pages=out)) == {True}


def test_whoever_had_acknowledged_it_keeps_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rose(tmp_path)
    send(tmp_path, moved(EIGHT[:5]), name="five", night=14.5)
    clock(monkeypatch, 14.7)
    [alert] = hers(tmp_path)
    laboratory_word.acknowledge(tmp_path, alert["alert_id"], reason="ordered", note=None, actor="dr. A")
    clock(monkeypatch, 15.5)
    send(tmp_path, moved(EIGHT[5:]), name="three", night=15.5)
    [now] = hers(tmp_path)
    assert (now["standing"], now["answered_by"]) == ("acknowledged", "dr. A")
    assert everywhere(tells_of(tmp_path, MOVED)) == {False}
    clock(monkeypatch, 21.1)
    nightly(tmp_path, as_of=day(21.1))
    [now] = hers(tmp_path)
    assert (now["standing"], now["answered_by"]) == ("acknowledged", "dr. A"), "it says again what was answered"
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert [one["standing"] for one in alert_store.alerts(connection) if one["patient_id"] == HERS] == [
            "acknowledged"
        ]

"""The laboratory corrects some of the results that moved together: the others wait for their corrections, and nobody alerts meanwhile.

Eight patients, or six, a hundredfold on day 14, as in `test_laboratory_in_doubt`. All made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cmvmon.domain import words
from cmvmon.domain.moved_together import UP
from cmvmon.run.daytime import laboratory_word
from cmvmon.run.replay.replaying import replay
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.work_facts import laboratories_in_doubt
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language
from cmvmon.text.moved_together import moved_in_words
from tests import nights, sites
from tests.run.test_laboratory_in_doubt import FORTY, HELD, VIROLOGY, alerts, comes, in_doubt, line, said, send, ward
from tests.sites import day

EIGHT = FORTY[:8]
STANDS = [(VIROLOGY, UP, 8, 8, 14.0)]


def moved(root: Path, patients: Sequence[str] = EIGHT, *, besides: Sequence[str] = ()) -> None:
    ward(root, (*patients, *besides))
    send(root, [line(one, 14, 100) for one in patients], name="hundredfold", night=14.5)
    assert in_doubt(root) == [(VIROLOGY, UP, len(patients), len(patients), 14.0)]


def correct(root: Path, patients: Sequence[str], *, night: float) -> None:
    send(root, [line(one, 14, status="C") for one in patients], name=f"corrected-{night}", night=night)


def questions(root: Path, lang: str) -> list[str]:
    """What is asked of the laboratories, in words."""
    with open_site(root) as opened, opened.reading() as connection:
        found = laboratories_in_doubt(alert_store.alerts(connection, states={"open"}))
    return [moved_in_words(one, language(lang), "Europe/Amsterdam") for one in found]


def rises(root: Path) -> dict[str, str]:
    return {one: said(root, one)["untreated_rise"] for one in EIGHT}


def test_those_that_stand_uncorrected_wait_for_their_corrections_and_nobody_alerts(tmp_path: Path) -> None:
    moved(tmp_path)
    correct(tmp_path, EIGHT[:5], night=15.5)
    assert in_doubt(tmp_path) == STANDS
    assert rises(tmp_path) == dict.fromkeys(EIGHT[:5], "clear") | dict.fromkeys(EIGHT[5:], HELD)
    correct(tmp_path, EIGHT[5:7], night=16.5)
    assert in_doubt(tmp_path) == STANDS
    correct(tmp_path, EIGHT[7:], night=17.5)
    assert not in_doubt(tmp_path)
    assert set(rises(tmp_path).values()) == {"clear"}
    assert not alerts(tmp_path, "open", "closed", "resolved")


def test_two_corrections_of_eight_do_not_make_the_other_six_too_small_a_share(tmp_path: Path) -> None:
    moved(tmp_path)
    correct(tmp_path, EIGHT[:2], night=15.5)
    assert in_doubt(tmp_path) == STANDS
    assert not alerts(tmp_path, "open", "closed")


def test_one_corrected_result_is_no_evidence_about_the_others(tmp_path: Path) -> None:
    six = EIGHT[:6]
    moved(tmp_path, six)
    correct(tmp_path, six[:1], night=15.5)
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 5}


def test_two_corrections_beside_three_who_rise_are_too_few_to_ask_about(tmp_path: Path) -> None:
    five = EIGHT[:5]
    ward(tmp_path, five)
    send(tmp_path, [line(one, 14, 100) for one in five], name="rose", night=14.5)
    correct(tmp_path, five[:2], night=15.5)
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 3}


def test_whose_corrected_result_is_a_rise_still_is_judged_at_once(tmp_path: Path) -> None:
    moved(tmp_path)
    truly = line(EIGHT[0], 14, 90, status="C")  # a step as large as a laboratory makes
    correct(tmp_path, EIGHT[1:6], night=15.5)
    assert rises(tmp_path)[EIGHT[0]] == HELD
    send(tmp_path, [truly], name="truly", night=16.5)
    assert rises(tmp_path) == {EIGHT[0]: "alert"} | dict.fromkeys(EIGHT[1:6], "clear") | dict.fromkeys(EIGHT[6:], HELD)
    correct(tmp_path, EIGHT[6:], night=17.5)
    assert not in_doubt(tmp_path), "none stands uncorrected"
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 1}


def test_whose_corrected_result_is_a_rise_still_is_judged_also_where_the_others_stand_without_her(
    tmp_path: Path,
) -> None:
    moved(tmp_path)
    send(tmp_path, [line(EIGHT[0], 14, 90, status="C")], name="truly", night=15.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 7, 8, 14.0)]
    assert rises(tmp_path) == {EIGHT[0]: "alert"} | dict.fromkeys(EIGHT[1:], HELD)


def test_a_laboratory_that_looked_at_each_again_and_reissues_them_as_high_is_in_doubt_no_longer(tmp_path: Path) -> None:
    moved(tmp_path)
    send(tmp_path, [line(one, 14, 110, status="C") for one in EIGHT], name="reissued", night=15.5)
    assert not in_doubt(tmp_path)
    assert set(rises(tmp_path).values()) == {"alert"}


def test_who_is_sampled_after_the_corrections_came_is_judged_by_that_sample(tmp_path: Path) -> None:
    late = FORTY[8]
    moved(tmp_path, besides=(late,))
    correct(tmp_path, EIGHT[:5], night=15.5)
    send(tmp_path, [line(EIGHT[7], 16, 100), line(late, 16, 100)], name="later", night=16.5)
    assert rises(tmp_path)[EIGHT[7]] == "alert", "high once more, by a laboratory that knows what was wrong"
    assert said(tmp_path, late)["untreated_rise"] == "alert", "she rose after that"
    assert {rises(tmp_path)[one] for one in EIGHT[5:7]} == {HELD}


def test_who_was_sampled_before_the_first_or_after_the_last_that_was_corrected_back_is_judged(tmp_path: Path) -> None:
    ward(tmp_path, EIGHT)
    sampled = dict(zip(EIGHT, (13.7, 13.8, 13.8, 13.9, 14, 14, 14, 14.1), strict=True))
    send(tmp_path, [line(one, at, 100) for one, at in sampled.items()], name="hundredfold", night=14.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 13.7)]
    corrections = [line(one, sampled[one], status="C") for one in EIGHT[1:5]]
    send(tmp_path, corrections, name="corrected", night=15.5)
    assert rises(tmp_path) == {
        EIGHT[0]: "alert",
        **dict.fromkeys(EIGHT[1:5], "clear"),
        **dict.fromkeys(EIGHT[5:7], HELD),
        EIGHT[7]: "alert",
    }


def test_after_a_week_those_that_nobody_corrected_are_judged(tmp_path: Path) -> None:
    moved(tmp_path)
    correct(tmp_path, EIGHT[:5], night=15.5)
    nights.nightly(tmp_path, as_of=day(20.9))
    assert in_doubt(tmp_path) == STANDS
    nights.nightly(tmp_path, as_of=day(21.1))
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 3}


def test_two_corrections_begin_no_doubt_where_four_others_rise(tmp_path: Path) -> None:
    """Two wrongly high, corrected the same day; four more come high, sampled within that span. No six ever stood at one time."""
    six = EIGHT[:6]
    ward(tmp_path, six)
    send(tmp_path, [line(one, 14, 100) for one in six[:2]], name="wrong", night=14.2)
    correct(tmp_path, six[:2], night=14.4)
    send(tmp_path, [line(one, 14, 100) for one in six[2:]], name="rose", night=14.5)
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 4}


def test_who_came_after_the_first_correction_is_none_of_those_that_wait(tmp_path: Path) -> None:
    late = FORTY[8]
    moved(tmp_path, besides=(late,))
    correct(tmp_path, EIGHT[:5], night=15.5)
    send(tmp_path, [line(late, 14, 100, reported=sites.text(day(15.6)))], name="late", night=15.7)
    assert said(tmp_path, late)["untreated_rise"] == "alert"
    assert {rises(tmp_path)[one] for one in EIGHT[5:]} == {HELD}


@pytest.mark.parametrize(
    ("lang", "says"),
    [
        ("en", "Corrected back of these: 5; still waiting for their correction: 3."),
        ("nl", "Daarvan teruggecorrigeerd: 5; nog wachtend op hun correctie: 3."),
    ],
)
def test_the_question_says_how_many_were_corrected_back_and_how_many_wait(lang: str, says: str, tmp_path: Path) -> None:
    moved(tmp_path)
    assert says[:9] not in " ".join(questions(tmp_path, lang))
    correct(tmp_path, EIGHT[:5], night=15.5)
    [said] = questions(tmp_path, lang)
    assert said.endswith(says)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 3, 1)], ids=["in order", "in another"])
def test_one_by_one_and_in_whatever_order_they_come_to_the_same_as_at_once(
    order: Sequence[int], tmp_path: Path
) -> None:
    moved(tmp_path)
    for n, which in enumerate(order):
        at = 15 + n / 48
        comes(tmp_path, line(EIGHT[which], 14, status="C", reported=sites.text(day(at))), at=at)
        assert in_doubt(tmp_path), n
    assert in_doubt(tmp_path) == STANDS
    assert rises(tmp_path) == dict.fromkeys(EIGHT[:5], "clear") | dict.fromkeys(EIGHT[5:], HELD)
    assert not alerts(tmp_path, "open", "closed", "resolved")


def test_the_laboratory_may_say_that_the_others_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved(tmp_path)
    correct(tmp_path, EIGHT[:5], night=15.5)
    monkeypatch.setattr(session, "now", lambda: day(15.6))
    with open_site(tmp_path) as opened, opened.reading() as connection:
        [alert] = [one for one in alert_store.alerts(connection, states={"open"}) if one["rule"] == words.OPERATIONS]
    laboratory_word.acknowledge(tmp_path, alert["alert_id"], reason=words.RESULTS_CONFIRMED, note=None, actor="dr. A")
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 3}


def test_a_replay_of_these_nights_says_what_they_said(tmp_path: Path) -> None:
    moved(tmp_path)
    correct(tmp_path, EIGHT[:5], night=15.5)
    again: list[object] = []
    replay(
        tmp_path,
        since=day(0).date(),
        until=day(20).date(),
        heard=lambda _, events: again.extend((one["rule"], one["event"]) for one in events),
    )
    assert not again

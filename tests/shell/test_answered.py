"""For which results a person had answered at a moment: all that the judgement reads of the life of alerts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.episodes import ACKNOWLEDGE, NOT_REACHED, NOTIFY, READ_BACK, REOPEN, SEE, SNOOZE, Word
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.answered import answered_results
from cmvmon.shell.work.opening import OpenSite, open_site
from tests.shell.test_alert_store import record, verdict
from tests.sites import day

THEN, NOW = json.dumps({"grounds": ["high"], "result_ids": ["r1", "r2"]}), day(9)


def answered(opened: OpenSite, at: datetime = NOW) -> list[str]:
    with opened.reading() as connection:
        return answered_results(connection, as_of=at)["result_id"].to_list()


def say(opened: OpenSite, *said: str) -> None:
    with opened.writing() as connection:
        (alert,) = alert_store.alerts(connection)
        for n, each in enumerate(said):
            cause = words.BY_PERSON if each == REOPEN else None
            word = Word(each, day(2 + n), cause=cause, actor="dr. A", until=day(8), recipient="dr. B")
            alert_store.answer(connection, alert["alert_id"], word)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ((ACKNOWLEDGE,), True),
        ((READ_BACK,), True),
        ((NOT_REACHED,), False),
        ((NOTIFY, SEE), False),
        ((SNOOZE,), False),
        ((ACKNOWLEDGE, REOPEN), False),
        ((ACKNOWLEDGE, REOPEN, READ_BACK), True),
    ],
)
def test_an_acknowledgement_and_a_read_back_count_and_what_was_taken_back_does_not(
    site: Path, said: tuple[str, ...], counts: bool
) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "alert", day(1), THEN)], day(1))
        say(opened, *said)
        assert answered(opened) == (["r1", "r2"] if counts else [])
        assert answered(opened, day(1.5)) == [], "nobody had said anything by then"


def test_an_answer_that_ended_by_itself_was_given_all_the_same(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "alert", day(1), THEN)], day(1))
        say(opened, ACKNOWLEDGE)
        other = json.dumps({"grounds": ["rise"], "result_ids": ["r3"]})
        assert record(opened, [verdict("A", "alert", day(4), other)], day(4)).reopened == 1
        assert answered(opened) == ["r1", "r2"], "what it was given for was seen; r3 was not"
        record(opened, [verdict("A", "clear", day(5))], day(5))
        assert answered(opened) == ["r1", "r2"]


def test_the_events_that_count_are_events_of_the_table() -> None:
    assert {words.ACKNOWLEDGED, episodes.READ} <= set(episodes.EVENTS)

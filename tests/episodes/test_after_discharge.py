"""A discharge closes no alert that somebody has to answer, and hides no result that comes after it; a death closes all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cmvmon import episodes
from cmvmon.answers import Worse
from cmvmon.domain import words
from cmvmon.domain.deaths import when_back
from cmvmon.domain.subjects import subject_text
from cmvmon.episodes import ACKNOWLEDGE, NOTIFY, SEE, SNOOZE, Word
from cmvmon.shell.alerts.alert_decisions import decided
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.rows.stamp import Stamp
from tests.patients import stays_frame
from tests.sites import day

WHO, GONE, DEAD = "SYNTHETIC-1", ("SYNTHETIC-1",), ("SYNTHETIC-1",)
RESULT, BEDSIDE = "response", "exposure_low"  # a rule about results, and one about what is written at the bedside


def row(rule: str, said: str, tier: int = 2, **evidence: Any) -> dict[str, Any]:
    series = {"patient_id": WHO, "compartment": "plasma", "laboratory": "lab", "assay": "pcr"}
    return {
        "rule": rule,
        "subject_kind": "series",
        "subject": subject_text("series", series),
        "patient_id": WHO,
        "compartment": "plasma",
        "verdict": said,
        "tier": tier if said == words.ALERT else None,
        "evidence": json.dumps({"grounds": ["low_fall"], "result_ids": ["r1"]} | evidence),
    }


def ends(
    *,
    left: tuple[str, ...] = (),
    died: tuple[str, ...] = (),
    long_gone: tuple[str, ...] = (),
    cause: str = words.NOT_HERE,
) -> Ends:
    return Ends(
        cause_of=lambda _: cause,
        became_of=lambda _: {},
        left=left,
        died=died,
        long_gone=long_gone,
        worse=Worse(0.5, 1.0),
        goes_on_within={words.STAY_ENDED: timedelta(days=7)},
        after_discharge={RESULT: ("low_fall",)},
    )


def stands(rule: str, *answers: str, tier: int = 2) -> dict[str, Any]:
    """An alert of day 1, with these answers of day 2."""
    (found,) = say([row(rule, words.ALERT, tier)], None, ends(), at=1)
    for answer in answers:
        after = episodes.event(found, found, Word(answer, day(2), actor="dr. A", until=day(9)))
        assert after is not None
        found = after
    return found


def say(rows: list[dict[str, Any]], latest: dict[str, Any] | None, why: Ends, *, at: float) -> list[dict[str, Any]]:
    known = {} if latest is None else {episodes.subject_of(latest): latest}
    stamp = Stamp(day(at), "bank", "p", "hash")
    return decided(known, rows, why, stamp=stamp, judged_at={}, brings_news=True)


# Of a patient who has left, by the standing of an alert and what is said of its subject: what becomes of it. A dash: nothing.
TABLE = """
    tier answers                    rule          verdict          becomes  cause
    2    -                          response      alert            -        -
    2    -                          response      clear            resolved -
    2    -                          response      not_assessable   -        -
    2    -                          response      nothing          -        -
    1    -                          response      nothing          -        -
    1    told                       response      nothing          -        -
    1    seen                       response      nothing          -        -
    1    snoozed                    response      nothing          -        -
    1    acknowledged               response      alert            -        -
    1    acknowledged               response      nothing          closed   stay_ended
    3    -                          response      alert            -        -
    3    -                          response      nothing          closed   stay_ended
    2    -                          exposure_low  alert            -        -
    2    acknowledged               exposure_low  alert            closed   stay_ended
    3    -                          exposure_low  alert            closed   stay_ended
    2    -                          exposure_low  nothing          -        -
"""
SAID = {"told": NOTIFY, "seen": SEE, "snoozed": SNOOZE, "acknowledged": ACKNOWLEDGE}


@pytest.mark.parametrize("line", TABLE.strip().splitlines()[1:])
def test_what_becomes_of_an_alert_when_its_patient_has_left(line: str) -> None:
    tier, answer, rule, said, becomes, cause = line.split()
    latest = stands(rule, *([] if answer == "-" else [SAID[answer]]), tier=int(tier))
    rows = [] if said == "nothing" else [row(rule, said, int(tier))]
    events = say(rows, latest, ends(left=GONE), at=3)
    assert [(each["event"], each["cause"] or "-") for each in events] == ([] if becomes == "-" else [(becomes, cause)])


@pytest.mark.parametrize(("rule", "opened"), [(RESULT, 1), (BEDSIDE, 0)])
def test_a_result_after_the_discharge_alerts_and_doses_that_no_longer_come_do_not(rule: str, opened: int) -> None:
    assert len(say([row(rule, words.ALERT)], None, ends(left=GONE), at=3)) == opened


def test_a_graver_result_after_the_discharge_opens_what_was_acknowledged_again() -> None:
    known = stands(RESULT, ACKNOWLEDGE, tier=2)
    (event,) = say([row(RESULT, words.ALERT, 1, result_ids=["r1", "r2"])], known, ends(left=GONE), at=3)
    assert (event["event"], event["cause"], event["standing"]) == ("reopened", words.WORSE, words.NEW)


@pytest.mark.parametrize("cause", words.TAKES_THE_GROUND)
def test_what_takes_the_ground_from_under_it_ends_it_after_a_discharge_too(cause: str) -> None:
    (event,) = say([], stands(RESULT), ends(left=GONE, cause=cause), at=3)
    assert (event["event"], event["cause"]) == ("closed", cause)


@pytest.mark.parametrize("said", ["alert", "clear", "not_assessable", "nothing"])
@pytest.mark.parametrize("tier", [1, 2, 3])
@pytest.mark.parametrize("left", [(), GONE])
def test_a_death_closes_every_alert_answered_or_not(said: str, tier: int, left: tuple[str, ...]) -> None:
    rows = [] if said == "nothing" else [row(RESULT, said, tier)]
    for latest in (stands(RESULT, tier=tier), stands(RESULT, ACKNOWLEDGE, tier=tier)):
        (event,) = say(rows, latest, ends(left=left, died=DEAD), at=3)
        assert (event["event"], event["cause"]) == ("closed", "died")


def test_after_a_death_no_alert_is_opened() -> None:
    assert say([row(RESULT, words.ALERT, 1)], None, ends(died=DEAD), at=3) == []


def test_whoever_has_left_and_not_come_back_has_a_new_alert_and_not_the_closed_one_again() -> None:
    (closed,) = say([], stands(RESULT, ACKNOWLEDGE), ends(left=GONE), at=3)
    (while_away,) = say([row(RESULT, words.ALERT)], closed, ends(left=GONE), at=4)
    (back,) = say([row(RESULT, words.ALERT)], closed, ends(), at=4)
    assert (while_away["event"], back["event"], back["cause"]) == ("opened", "reopened", "readmitted")


def test_on_whoever_left_weeks_ago_no_alert_is_opened_and_what_stands_open_stands() -> None:
    why = ends(left=GONE, long_gone=GONE)
    assert say([row(RESULT, words.ALERT)], None, why, at=3) == []
    assert say([row(RESULT, words.ALERT)], stands(RESULT), why, at=3) == []
    assert say([], stands(RESULT), why, at=3) == []


def test_a_death_that_is_taken_back_lets_the_same_alert_go_on() -> None:
    (closed,) = say([row(RESULT, words.ALERT)], stands(RESULT), ends(died=DEAD), at=3)
    (back,) = say([row(RESULT, words.ALERT)], closed, ends(), at=4)
    assert (back["alert_id"], back["event"], back["cause"]) == (closed["alert_id"], "reopened", "death_taken_back")


# Of a number that was merged away, by the tier of its alert and how the same subject stands under the other number, which nothing
# is said of: what becomes of the latter. A dash: nothing.
MERGED = """
    tier own              becomes
    1    none             opened
    2    none             opened
    3    none             -
    2    new,2            -
    2    new,1            -
    1    new,2            updated
    2    snoozed,2        -
    2    acknowledged,2   reopened
    2    acknowledged,1   reopened
    2    closed,2         opened
"""
INTO = "SYNTHETIC-2"


@pytest.mark.parametrize("line", MERGED.strip().splitlines()[1:])
def test_what_an_alert_becomes_under_the_number_that_its_patient_goes_on_under(line: str) -> None:
    tier, own, becomes = line.split()
    old = stands(RESULT, tier=int(tier))
    key = {"patient_id": INTO, "compartment": "plasma", "laboratory": "lab", "assay": "pcr"}
    moved = {"patient_id": INTO, "subject": subject_text("series", key)}
    latest = {episodes.subject_of(old): old}
    if own != "none":
        standing, own_tier = own.split(",")
        answers = [SAID[standing]] if standing in SAID else []
        there = stands(RESULT, *answers, tier=int(own_tier)) | moved | {"alert_id": "own", "evidence": "{}"}
        there |= {"state": "closed", "standing": None, "cause": "course_over"} if standing == "closed" else {}
        latest[episodes.subject_of(there)] = there
    why = replace(ends(left=(INTO,)), into={WHO: INTO}, became_of=_merged)
    stamp = Stamp(day(3), "bank", "p", "hash")
    events = decided(latest, [], why, stamp=stamp, judged_at={}, brings_news=True)
    found = {event["patient_id"]: event for event in events}
    assert found[WHO]["cause"] == words.MERGED
    assert (found[INTO]["event"] if INTO in found else "-") == becomes
    if INTO in found:
        assert (found[INTO]["cause"], found[INTO]["tier"], found[INTO]["evidence"]) == (
            words.TAKEN_OVER,
            int(tier),
            old["evidence"],
        )


def _merged(alerts: Collection[Mapping[str, Any]]) -> dict[str, str]:
    return {alert["alert_id"]: words.MERGED for alert in alerts if alert["patient_id"] == WHO}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_two_numbers_that_are_merged_into_one_the_graver_alert_goes_on(order: tuple[int, int]) -> None:
    """Both say the same subject; so does what both become."""
    latest = {}
    for who, tier in zip(("SYNTHETIC-8", "SYNTHETIC-9"), order, strict=True):
        key = {"patient_id": who, "compartment": "plasma", "laboratory": "lab", "assay": "pcr"}
        alert = stands(RESULT, tier=tier) | {"patient_id": who, "subject": subject_text("series", key), "alert_id": who}
        latest[episodes.subject_of(alert)] = alert
    why = replace(ends(left=(INTO,)), into={"SYNTHETIC-8": INTO, "SYNTHETIC-9": INTO})
    events = decided(latest, [], why, stamp=Stamp(day(3), "bank", "p", "hash"), judged_at={}, brings_news=True)
    assert [(event["event"], event["tier"]) for event in events if event["patient_id"] == INTO] == [("opened", 1)]


BACK = {
    "in bed since long ago": ("d-9-", None),
    "left": ("d-9-d-1", None),
    "came back": ("d-9-d2 / d4-", 4),
    "came back twice": ("d-9-d2 / d4-d5 / d7-", 7),
    "moved within the unit": ("d-9-d2 / d2-", None),
    "moved within the unit after coming back": ("d-9-d2 / d4-d6 / d6-", 4),
    "two stays at once, one of them open": ("d-9- / d4-", None),
    "a short stay inside a long one": ("d-9-d8 / d1-d2 / d3-", None),
}


@pytest.mark.parametrize("stays", BACK)
def test_whoever_had_left_and_came_back_is_back_since_then(stays: str) -> None:
    told, back = BACK[stays]
    frame = stays_frame(told, patient=WHO)
    assert frame is not None
    expected = [] if back is None else [(WHO, day(back))]
    for order in (frame, frame.reverse()):
        assert when_back(order).rows() == expected


NEWER = subject_text("series", {"patient_id": WHO, "compartment": "plasma", "laboratory": "other", "assay": "pcr"})

# Of a patient in bed, by the standing of an alert and why its subject is no longer judged: what becomes of it. A dash: nothing.
IN_BED = """
    tier answer        cause            becomes
    1    none          course_over      -
    1    none          result_old       -
    1    seen          treatment_began  -
    1    snoozed       result_old       -
    1    acknowledged  result_old       closed
    1    none          facts_withdrawn  closed
    1    none          no_report        closed
    1    none          rule_disabled    closed
    1    none          newer_series     -
    2    none          newer_series     -
    2    acknowledged  newer_series     closed
    2    none          course_over      closed
    2    none          result_old       closed
    3    none          newer_series     closed
"""


@pytest.mark.parametrize("line", IN_BED.strip().splitlines()[1:])
def test_what_becomes_of_an_alert_of_a_patient_in_bed_that_is_no_longer_judged(line: str) -> None:
    tier, answer, cause, becomes = line.split()
    latest = stands(RESULT, *([SAID[answer]] if answer in SAID else []), tier=int(tier))
    events = say([], latest, ends(cause=cause), at=3)
    assert [(event["event"], event["cause"]) for event in events] == ([] if becomes == "-" else [(becomes, cause)])


@pytest.mark.parametrize(
    ("said", "compartment", "becomes"),
    [
        ("alert", "plasma", "closed"),
        ("clear", "plasma", "closed"),
        ("not_assessable", "plasma", "-"),
        ("clear", "whole_blood", "closed"),
        ("clear", "bal", "-"),
    ],
)
def test_a_newer_series_ends_what_nobody_has_answered_once_its_rule_has_judged_it(
    said: str, compartment: str, becomes: str
) -> None:
    newer = row(RESULT, said) | {"compartment": compartment, "subject": NEWER}
    events = say([newer], stands(RESULT), ends(cause=words.NEWER_SERIES), at=3)
    ended = [event["event"] for event in events if event["subject"] != NEWER]
    assert ended == ([] if becomes == "-" else [becomes])

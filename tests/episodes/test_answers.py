"""What ends a person's answer, as a table; and what persons say never opens or ends an alert, in any order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon import answers, episodes
from cmvmon.answers import Worse
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.episodes import (
    ACKNOWLEDGE,
    ALERT_ANEW,
    BY_JUDGING,
    NOT_REACHED,
    NOTIFY,
    READ_BACK,
    REOPEN,
    SEE,
    SNOOZE,
    SNOOZE_OVER,
    Word,
)
from tests.episodes.test_episodes import SUBJECT, at, facts, standing, word
from tests.rules.reading import about, cases
from tests.rules.together import verdicts_alone

WORSE = Worse(rise_log10=0.5, rise_lower_airway_log10=1.0)


def said(tier: int, grounds: str, results: str, load: float | None, **other: Any) -> dict[str, Any]:
    evidence = {"grounds": grounds.split(), "result_ids": results.split(), "latest_at_least_iu_per_ml": load} | other
    return facts(json.dumps(evidence)) | {"tier": tier}


THEN = said(2, "low_fall", "r1 r2", 1000.0)
# what is said now, what befell a result, compartment, and why the acknowledgement and the snooze end
CASES: dict[str, tuple[dict[str, Any], str | None, str, str | None, str | None]] = {
    "the same": (THEN, None, "plasma", None, None),
    "a new night, with other numbers": (said(2, "low_fall", "r1 r2", 1000.0, day=9), None, "plasma", None, None),
    "a new sample that says the same": (said(2, "low_fall", "r1 r3", 1500.0), None, "plasma", None, "new_result"),
    "a graver tier": (said(1, "low_fall", "r1 r2", 1000.0), None, "plasma", "worse", "worse"),
    "a lesser tier": (said(3, "low_fall", "r1 r2", 1000.0), None, "plasma", None, None),
    "0.5 log10 higher": (said(2, "low_fall", "r1 r2", 1000 * 10**0.5), None, "plasma", None, None),
    "0.51 log10 higher": (said(2, "low_fall", "r1 r2", 1000 * 10**0.51), None, "plasma", "worse", "worse"),
    "0.51 log10 higher, in BAL": (said(2, "low_fall", "r1 r2", 1000 * 10**0.51), None, "bal", None, None),
    "1.01 log10 higher, in BAL": (said(2, "low_fall", "r1 r2", 1000 * 10**1.01), None, "bal", "worse", "worse"),
    "1.01 log10 higher, in a wash": (said(2, "low_fall", "r1", 1e3 * 10**1.01), None, "bronchial_wash", "worse", "worse"),
    "lower": (said(2, "low_fall", "r1 r2", 10.0), None, "plasma", None, None),
    "the load is told no more": (said(2, "low_fall", "r1 r2", None), None, "plasma", None, None),
    "one more ground": (said(2, "low_fall still_high", "r1 r2", 1000.0), None, "plasma", None, None),
    "another ground": (said(2, "still_high", "r1 r2", 1000.0), None, "plasma", "other_ground", "other_ground"),
    "another ground of a lesser tier": (said(3, "eased", "r1 r2", 1000.0), None, "plasma", None, None),
    "another ground of a graver tier": (said(1, "refractory", "r1 r2", 1000.0), None, "plasma", "worse", "worse"),
    "a result withdrawn": (THEN, "facts_withdrawn", "plasma", "facts_withdrawn", "facts_withdrawn"),
    "corrected, and worse": (said(1, "low_fall", "r1", 1e9), "facts_corrected", "plasma", "facts_corrected", "facts_corrected"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_answer_ends_where_what_was_answered_changed_and_nowhere_else(case: str) -> None:
    now, befell, compartment, acknowledged, snoozed = CASES[case]
    subject = SUBJECT | {"compartment": compartment}
    opened = episodes.event(subject, None, word(words.ALERT, 0, facts=THEN))
    for person, expected in ((ACKNOWLEDGE, acknowledged), (SNOOZE, snoozed)):
        answered = episodes.event(subject, opened, word(person, 1, actor="dr. A", until=at(24)))
        assert answered is not None
        assert answers.why_it_ends(answered, now, befell=befell, worse=WORSE) == expected
    assert opened is not None
    assert answers.why_it_ends(opened, now, befell=befell, worse=WORSE) is None, "nobody had answered"


def test_the_answer_is_held_against_what_was_answered_not_against_what_was_said_last() -> None:
    """Twice 0.3 log10 more is 0.6 more than what was acknowledged."""
    alert = episodes.event(SUBJECT | {"compartment": "plasma"}, None, word(words.ALERT, 0, facts=THEN))
    alert = episodes.event(SUBJECT, alert, word(ACKNOWLEDGE, 1, actor="dr. A"))
    a_little_more, more = said(2, "low_fall", "r1 r3", 2000.0), said(2, "low_fall", "r1 r4", 4000.0)
    assert alert is not None
    assert answers.why_it_ends(alert, a_little_more, befell=None, worse=WORSE) is None
    alert = episodes.event(SUBJECT, alert, word(words.ALERT, 2, facts=a_little_more))
    assert alert is not None
    assert answers.why_it_ends(alert, more, befell=None, worse=WORSE) == "worse"


def test_what_an_answer_rests_on_is_looked_up_as_it_stood_when_its_words_were_said() -> None:
    alert = episodes.event(SUBJECT, None, word(words.ALERT, 0, facts=THEN))
    alert = episodes.event(SUBJECT, alert, word(ACKNOWLEDGE, 5, actor="dr. A"))
    alert = episodes.event(SUBJECT, alert, word(words.ALERT, 7, facts=said(2, "low_fall", "r9", 1.0)))
    assert alert is not None
    then = answers.what_was_answered(alert)
    assert (json.loads(then["evidence"])["result_ids"], then["said_at"]) == (["r1", "r2"], at(0))


def test_the_work_s_own_alert_that_stops_for_another_cause_is_told_anew() -> None:
    night = facts('{"code": "night_missed", "feed": "assessment"}')
    subject = {"rule": "operations", "subject_kind": "feed", "subject": '{"feed":"assessment"}'}
    alert = episodes.event(subject, None, word(words.ALERT, 0, facts=night))
    alert = episodes.event(subject, alert, word(ACKNOWLEDGE, 1, actor="dr. A"))
    assert alert is not None
    assert answers.why_it_ends(alert, night, befell=None, worse=None) is None
    broken = facts('{"code": "contract_broken", "feed": "assessment"}')
    assert answers.why_it_ends(alert, broken, befell=None, worse=None) == "other_ground"


PERSONS = (NOTIFY, SEE, ACKNOWLEDGE, SNOOZE, SNOOZE_OVER, REOPEN, READ_BACK, NOT_REACHED)
LOADS = (100.0, 1000.0, 100_000.0)
JUDGED = st.tuples(st.sampled_from(BY_JUDGING), st.sampled_from(LOADS))
HISTORY = st.lists(st.one_of(JUDGED, st.sampled_from(PERSONS)), min_size=1, max_size=9)
NEVER_TOLD_AGAIN = {"opened", "reopened"}


def recorded(spoken: list[Word]) -> list[dict[str, Any]]:
    """Every event, as the store keeps them: an alert whose answer ends is said anew, and what can't be said is refused."""
    events: list[dict[str, Any]] = []
    judged_at = None
    for each in spoken:
        latest = max(events, key=lambda e: (e["opened_at"], e["sequence"]), default=None)
        word = each
        if each.said in (words.ALERT, ALERT_ANEW):
            why = (
                latest
                and latest["state"] == "open"
                and answers.why_it_ends(latest, each.facts or {}, befell=None, worse=WORSE)
            )
            word = Word(ALERT_ANEW if why else words.ALERT, each.as_of, each.facts, cause=why or None)
        try:
            found = episodes.event(SUBJECT, latest, word, judged_at=judged_at)
        except SiteError:
            found = None
        events += [] if found is None else [found]
        if each.said in BY_JUDGING:
            judged_at = each.as_of if judged_at is None else max(judged_at, each.as_of)
    return events


def spoken(history: list[Any]) -> list[Word]:
    found = []
    for n, each in enumerate(history):
        if isinstance(each, str):
            found.append(Word(each, at(n), actor=f"dr. {n}", until=at(n + 24), cause="by_person"))
        else:
            found.append(word(each[0], n, facts=said(2, "rise", f"r{n}", each[1]), cause="x"))
    return found


def opens_and_ends(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["alert_id"], e["event"]) for e in events if e["event"] in ("opened", "resolved", "closed")]


@given(HISTORY)
def test_what_persons_say_opens_and_ends_no_alert(history: list[Any]) -> None:
    every = spoken(history)
    silent = [each for each in every if each.said in BY_JUDGING]
    assert opens_and_ends(recorded(every)) == opens_and_ends(recorded(silent))


@given(HISTORY, st.randoms(use_true_random=False))
def test_whatever_was_said_in_between_what_the_latest_moment_calls_an_alert_is_open_in_any_order(
    history: list[Any], random: Any
) -> None:
    judged = [each for each in spoken(history) if each.said in BY_JUDGING]
    shuffled = list(spoken(history))
    random.shuffle(shuffled)
    last = standing(recorded(shuffled))
    open_ones = [alert for alert in last.values() if alert["state"] == "open"]
    assert len(open_ones) <= 1
    assert all(alert["standing"] in words.ALERT_STANDING for alert in open_ones)
    if judged and judged[-1].said in (words.ALERT, ALERT_ANEW):
        assert len(open_ones) == 1


@given(HISTORY)
def test_whoever_starts_again_and_judges_the_same_anew_fires_nothing_again(history: list[Any]) -> None:
    """After each word: the last verdict once more, at the same moment and at a later one, opens and reopens nothing."""
    every = spoken(history)
    for n in range(1, len(every) + 1):
        before = recorded(every[:n])
        judged = [each for each in every[:n] if each.said in BY_JUDGING]
        if not judged:
            continue
        again = judged[-1]
        later = Word(again.said, at(n), again.facts, again.cause)
        for repeated in (again, later):
            new = recorded([*every[:n], repeated])[len(before) :]
            assert not [event for event in new if event["event"] in NEVER_TOLD_AGAIN]


@given(HISTORY)
def test_every_event_of_an_alert_follows_the_one_before_and_no_moment_goes_back(history: list[Any]) -> None:
    events = recorded(spoken(history))
    for alert_id in {event["alert_id"] for event in events}:
        mine = [event for event in events if event["alert_id"] == alert_id]
        assert [event["sequence"] for event in mine] == list(range(1, len(mine) + 1))
        assert [e["changed_at"] for e in mine] == sorted(e["changed_at"] for e in mine)
        assert all((e["standing"] is None) == (e["state"] != "open") for e in mine)
        assert all((e["answered_by"] is not None) for e in mine if e["standing"] in ("acknowledged", "snoozed"))


def test_an_acknowledged_alert_of_doses_that_eases_and_comes_back_at_the_edge_of_a_band_asks_nobody_again() -> None:
    """With the evidence that the rule itself gives; whoever acknowledged it only as information is asked when it is low again."""
    low, eased = (
        _evidence("exposure_low", name) for name in ("half the label's dose for a clearance of 80 mL/min", _GAP)
    )
    subject = {
        "rule": "exposure_low",
        "subject_kind": "drug",
        "subject": '{"drug":"ganciclovir","patient_id":"SYNTHETIC-1"}',
    }
    alert = episodes.event(subject, None, word(words.ALERT, 0, facts=facts(low)))
    alert = episodes.event(subject, alert, word(ACKNOWLEDGE, 1, actor="dr. A"))
    assert alert is not None
    milder = facts(eased) | {"tier": 3}
    assert answers.why_it_ends(alert, milder, befell=None, worse=None) is None
    alert = episodes.event(subject, alert, word(words.ALERT, 2, facts=milder))
    assert alert is not None
    assert alert["standing"] == words.ACKNOWLEDGED
    assert answers.why_it_ends(alert, facts(low), befell=None, worse=None) is None
    first = episodes.event(subject, None, word(words.ALERT, 0, facts=milder))
    first = episodes.event(subject, first, word(ACKNOWLEDGE, 1, actor="dr. A"))
    assert first is not None
    assert answers.why_it_ends(first, facts(low), befell=None, worse=None) == words.WORSE


_GAP = "a gap of 24 hours two days ago, given as before since"


def _evidence(rule: str, name: str) -> str:
    case = next(case for case in cases(rule) if case.name == name)
    return str(verdicts_alone(case).filter(about(case))["evidence"][0])

"""The life of an alert, word by word, and what holds in whatever order words are recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.subjects import subject_text
from cmvmon.episodes import (
    ACKNOWLEDGE,
    CLOSED,
    NONE,
    OPEN,
    RESOLVED,
    SAID,
    STATES,
    STAY_ENDED,
    UNFOUNDED,
    UNJUDGED,
    Word,
)

SERIES = {"patient_id": "SYNTHETIC-1", "compartment": "bal", "laboratory": "lab", "assay": "pcr"}
SUBJECT = {
    "rule": "made_up",
    "subject_kind": "series",
    "patient_id": "SYNTHETIC-1",
    "compartment": "bal",
    "subject": subject_text("series", SERIES),
}
EARLY = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(hours: float) -> datetime:
    return EARLY + timedelta(hours=hours)


def facts(evidence: str = "{}") -> dict[str, Any]:
    return {"tier": 2, "evidence": evidence, "protocol_version": "p", "protocol_hash": "h", "code_version": "c"}


def word(said: str, hours: float, **other: Any) -> Word:
    return Word(said, at(hours), **({"facts": facts()} | other))


def alert_in(state: str) -> dict[str, Any] | None:
    """An alert that stands so since hour 1."""
    if state == NONE:
        return None
    opened = episodes.event(SUBJECT, None, word(words.ALERT, 0))
    ending = {OPEN: words.NOT_ASSESSABLE, RESOLVED: words.CLEAR, CLOSED: UNJUDGED}[state]
    return episodes.event(SUBJECT, opened, word(ending, 1, cause="course_over")) or opened


EXPECTED = {
    **{(state, said): None for state in STATES for said in SAID},
    **{(state, words.ALERT): ("opened", "open", None) for state in (NONE, RESOLVED, CLOSED)},
    (OPEN, words.ALERT): ("updated", "open", None),
    (OPEN, words.CLEAR): ("resolved", "resolved", "course_over"),
    (OPEN, UNFOUNDED): ("closed", "closed", "course_over"),
    (OPEN, UNJUDGED): ("closed", "closed", "course_over"),
    (OPEN, STAY_ENDED): ("closed", "closed", "stay_ended"),
    (OPEN, ACKNOWLEDGE): ("acknowledged", "open", None),
}


@pytest.mark.parametrize(("state", "said"), EXPECTED)
def test_each_word_brings_about_what_its_row_says(state: str, said: str) -> None:
    latest = alert_in(state)
    spoken = word(said, 2, cause="course_over", facts=facts('{"n": 1}'), actor="someone")
    if said == ACKNOWLEDGE and state != OPEN:
        with pytest.raises(SiteError, match="nothing to acknowledge"):
            episodes.event(SUBJECT, latest, spoken)
        return
    found = episodes.event(SUBJECT, latest, spoken)
    assert (found and (found["event"], found["state"], found["cause"])) == EXPECTED[state, said]
    if found is not None:
        assert (found["actor"], found["changed_at"]) == ("someone", at(2))


def test_every_state_and_word_has_its_cell_and_every_event_its_state() -> None:
    assert set(episodes.TRANSITIONS) == {(state, said) for state in STATES for said in SAID}
    assert set(episodes.TRANSITIONS.values()) == {*episodes.EVENTS, episodes.NOTHING, episodes.REFUSED}
    assert set(episodes.STATE_AFTER.values()) == set(words.ALERT_STATE)


def test_an_alert_that_says_nothing_new_is_no_event() -> None:
    assert episodes.event(SUBJECT, alert_in(OPEN), word(words.ALERT, 2)) is None


def test_an_acknowledged_alert_stays_open_and_is_resolved_as_any_other() -> None:
    seen = episodes.event(SUBJECT, alert_in(OPEN), word(ACKNOWLEDGE, 2, actor="a physician"))
    assert seen is not None
    assert (seen["state"], seen["sequence"]) == ("open", 2)
    done = episodes.event(SUBJECT, seen, word(words.CLEAR, 3))
    assert done is not None
    assert (done["event"], done["actor"], done["alert_id"]) == ("resolved", "system", seen["alert_id"])


def test_an_alert_that_ended_and_is_back_within_one_moment_goes_on_as_the_same_episode() -> None:
    opened = episodes.event(SUBJECT, None, word(words.ALERT, 1))
    ended = episodes.event(SUBJECT, opened, word(words.CLEAR, 1))
    back = episodes.event(SUBJECT, ended, word(words.ALERT, 1))
    assert opened is not None
    assert back is not None
    assert (back["alert_id"], back["sequence"], back["opened_at"]) == (opened["alert_id"], 3, at(1))


@pytest.mark.parametrize("state", [OPEN, RESOLVED, CLOSED])
@pytest.mark.parametrize("said", [said for said in SAID if said != ACKNOWLEDGE])
def test_a_word_of_a_moment_before_the_last_change_changes_nothing(state: str, said: str) -> None:
    changed = alert_in(state)
    assert changed is not None
    late = word(said, -1, facts=facts('{"n": 1}'))
    assert episodes.event(SUBJECT, changed, late) is None


def test_a_late_word_opens_an_alert_only_where_it_brings_news_and_never_ends_one() -> None:
    opened = episodes.event(SUBJECT, None, word(words.ALERT, 2), judged_at=at(5))
    assert opened is not None
    assert episodes.event(SUBJECT, None, word(words.ALERT, 2, brings_news=False), judged_at=at(5)) is None
    for said in (words.CLEAR, UNJUDGED, STAY_ENDED):
        assert episodes.event(SUBJECT, opened, word(said, 3), judged_at=at(5)) is None
    assert episodes.event(SUBJECT, opened, word(words.CLEAR, 5), judged_at=at(5)) is not None


SAYINGS = st.tuples(
    st.sampled_from([said for said in SAID if said != ACKNOWLEDGE]), st.sampled_from(['{"n": 1}', '{"n": 2}'])
)


def recorded(spoken: list[Word]) -> list[dict[str, Any]]:
    """Every event, as the store would keep them: the latest alert is met, the latest moment judged is remembered."""
    events: list[dict[str, Any]] = []
    judged_at: datetime | None = None
    for each in spoken:
        latest = max(events, key=lambda e: (e["opened_at"], e["sequence"]), default=None)
        found = episodes.event(SUBJECT, latest, each, judged_at=judged_at)
        events += [] if found is None else [found]
        judged_at = each.as_of if judged_at is None else max(judged_at, each.as_of)
    return events


def standing(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {event["alert_id"]: event for event in sorted(events, key=lambda event: event["sequence"])}


@given(st.lists(SAYINGS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_in_any_order_no_alert_of_the_latest_moment_is_lost_and_episodes_stay_whole(
    sayings: list[tuple[str, str]], random: Any
) -> None:
    spoken = [word(said, n, facts=facts(evidence), cause="x") for n, (said, evidence) in enumerate(sayings)]
    shuffled = list(spoken)
    random.shuffle(shuffled)
    events = recorded(shuffled)
    last = standing(events)
    is_open = [alert["state"] for alert in last.values()].count("open")
    assert is_open <= 1
    if spoken[-1].said == words.ALERT:
        assert is_open == 1
        (alert,) = (alert for alert in last.values() if alert["state"] == "open")
        assert alert["evidence"] == sayings[-1][1]
    for alert_id in last:
        mine = [event for event in events if event["alert_id"] == alert_id]
        assert [event["sequence"] for event in mine] == list(range(1, len(mine) + 1))
        assert len({(event["opened_at"], *episodes.subject_of(event)) for event in mine}) == 1
        moments = [event["changed_at"] for event in mine]
        assert moments == sorted(moments)
        assert mine[0]["opened_at"] == mine[0]["changed_at"] == moments[0]


@given(st.lists(SAYINGS, min_size=1, max_size=8))
def test_in_the_order_of_time_an_episode_runs_from_the_first_alert_to_the_first_end(
    sayings: list[tuple[str, str]],
) -> None:
    """An independent reading of rules 1 to 3, by the words alone."""
    spoken = [word(said, n, facts=facts(evidence), cause="x") for n, (said, evidence) in enumerate(sayings)]
    expected, is_open = [], False
    for said, _ in sayings:
        before = is_open
        is_open = said == words.ALERT or (is_open and said == words.NOT_ASSESSABLE)
        if is_open and not before:
            expected.append("opened")
        if before and not is_open:
            expected.append("resolved" if said == words.CLEAR else "closed")
    assert [event["event"] for event in recorded(spoken) if event["event"] != "updated"] == expected


@given(st.lists(SAYINGS, min_size=1, max_size=6), st.integers(0, 5))
def test_a_moment_that_is_judged_again_changes_nothing(sayings: list[tuple[str, str]], which: int) -> None:
    spoken = [word(said, n, facts=facts(evidence), cause="x") for n, (said, evidence) in enumerate(sayings)]
    again = spoken[which % len(spoken)]
    replayed = Word(again.said, again.as_of, again.facts, again.cause, brings_news=False)
    assert recorded([*spoken, replayed]) == recorded(spoken)


ROW = SERIES | {"treatment": "on"}


@pytest.mark.parametrize(
    ("subjects", "cause"),
    [
        ([ROW | {"patient_id": "SYNTHETIC-2"}], "no_longer_known"),
        ([ROW | {"laboratory": None, "assay": None}], "no_series"),
        ([ROW | {"assay": "newer"}], "newer_series"),
        ([ROW | {"laboratory": "another"}], "newer_series"),
        ([ROW, ROW | {"patient_id": "SYNTHETIC-2", "treatment": "off"}], "other_compartment"),
        ([ROW | {"treatment": "off"}], "course_over"),
        ([ROW], "other_compartment"),
        ([ROW | {"compartment": "plasma", "treatment": "off"}], "no_series"),
    ],
)
def test_why_a_subject_is_no_longer_judged(subjects: list[dict[str, Any]], cause: str) -> None:
    series = pl.DataFrame(subjects, schema=dict.fromkeys(ROW, pl.String)).with_columns(
        has_series=pl.col("laboratory").is_not_null()
    )
    treatment = series.select("patient_id", "treatment").unique()
    alert = SUBJECT | {"evidence": '{"treatment":"on"}'}
    assert episodes.why_no_longer_judged(alert, series.drop("treatment"), treatment) == cause


def test_a_change_that_no_report_says_any_more_is_no_longer_judged_for_that() -> None:
    key = {"patient_id": "SYNTHETIC-1", "gene": "UL97", "mutation": "A594V"}
    about = SUBJECT | {"subject_kind": "mutation", "compartment": None, "subject": subject_text("mutation", key)}
    nobody = pl.DataFrame([SERIES]).with_columns(has_series=pl.lit(True)).clear()
    assert episodes.why_no_longer_judged(about, nobody, nobody) == "no_report"


def test_the_end_of_a_course_ends_no_alert_that_spoke_of_none() -> None:
    series = pl.DataFrame([SERIES]).with_columns(has_series=pl.lit(True))
    treatment = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": ["off"]})
    alert = SUBJECT | {"evidence": '{"treatment":"off"}'}
    assert episodes.why_no_longer_judged(alert, series, treatment) == "other_compartment"


def test_a_patient_who_has_one_series_left_is_not_said_to_have_none() -> None:
    """An alert on the patient, not on a compartment: a place that lacks a series says nothing of the others."""
    about = SUBJECT | {"subject_kind": "patient", "compartment": None, "subject": subject_text("patient", SERIES)}
    about |= {"evidence": "{}"}
    series = pl.DataFrame(
        {
            "patient_id": ["SYNTHETIC-1"] * 2,
            "compartment": ["bal", "csf"],
            "laboratory": ["lab", None],
            "assay": ["pcr", None],
            "has_series": [True, False],
        }
    )
    treatment = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": ["off"]})
    assert episodes.why_no_longer_judged(about, series, treatment) != "no_series"
    assert episodes.why_no_longer_judged(about, series[1:], treatment) == "no_series"


def test_the_name_of_an_episode_is_short_enough_to_be_read_out() -> None:
    opened = alert_in(OPEN)
    assert opened is not None
    assert len(opened["alert_id"]) == 16

"""The life of an alert, word by word, and what holds in whatever order words are recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon import ends, episodes
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.subjects import subject_text
from cmvmon.episodes import (
    ACKNOWLEDGE,
    ALERT_ANEW,
    ALERT_BACK,
    BY_JUDGING,
    CLOSED,
    DIED,
    NONE,
    NOTIFY,
    READ_BACK,
    REOPEN,
    RESOLVED,
    SAID,
    SEE,
    SNOOZE,
    SNOOZE_OVER,
    STATES,
    STAY_ENDED,
    UNFOUNDED,
    UNJUDGED,
    WAITS,
    WORDS_BACK,
    Word,
)
from cmvmon.rules import all_rules

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


LEADS_TO = {
    NONE: (),
    words.NEW: (),
    words.NOTIFIED: (NOTIFY,),
    words.SEEN: (SEE,),
    words.ACKNOWLEDGED: (ACKNOWLEDGE,),
    words.SNOOZED: (SNOOZE,),
    RESOLVED: (words.CLEAR,),
    CLOSED: (UNJUDGED,),
}


def alert_in(state: str) -> dict[str, Any] | None:
    """An alert that stands so since hour 1."""
    if state == NONE:
        return None
    found = episodes.event(SUBJECT, None, word(words.ALERT, 0))
    for said in LEADS_TO[state]:
        found = episodes.event(SUBJECT, found, word(said, 1, cause="course_over", actor="dr. A", until=at(24)))
    return found


# One row for each word: what it brings about in each state, in the order of the columns. A dash: nothing; x: refused.
TABLE = """
                                            none    new          notified     seen         acknowledged snoozed      resolved closed
alert                                       opened  updated      updated      updated      updated      updated      opened   opened
alert, and its answer no longer holds       opened  updated      updated      updated      reopened     reopened     opened   opened
alert, and what had closed it began again soon after opened updated updated   updated      updated      updated      opened   reopened
clear                                       -       resolved     resolved     resolved     resolved     resolved     -        -
not_assessable                              -       -            -            -            -            -            -        -
not assessable, and a result under it changed -     closed       closed       closed       closed       closed       -        -
its words rest on results in doubt, and earlier ones do not - updated updated updated updated       updated      -        -
no longer judged                            -       closed       closed       closed       closed       closed       -        -
no longer judged, and it waits for its answer -     -            -            -            -            -            -        -
stay has ended                              -       closed       closed       closed       closed       closed       -        -
patient has died                            -       closed       closed       closed       closed       closed       -        -
told to somebody                            -       notified     -            -            -            -            -        -
somebody has seen it                        -       seen         seen         -            -            -            -        -
acknowledge                                 x       acknowledged acknowledged acknowledged x            acknowledged x        x
snooze                                      x       snoozed      snoozed      snoozed      x            snoozed      x        x
the snooze is over                          -       -            -            -            -            reopened     -        -
reopen                                      x       x            x            x            reopened     reopened     x        x
the laboratory confirmed its results        x       acknowledged acknowledged acknowledged acknowledged acknowledged x        x
the laboratory's word is taken back         x       x            x            x            x            x            reopened x
read back, confirmed                        x       read_back    read_back    read_back    read_back    read_back    x        x
read back, not reached                      x       not_reached  not_reached  not_reached  not_reached  not_reached  x        x
"""


def _told() -> dict[tuple[str, str], str]:
    head, *lines = (line.split() for line in TABLE.strip().splitlines())
    n = len(head)
    return {(state, " ".join(line[:-n])): cell for line in lines for state, cell in zip(head, line[-n:], strict=True)}


EXPECTED = _told()
STANDS = {"opened": "new", "reopened": "new", "read_back": "seen"}


@pytest.mark.parametrize(("state", "said"), EXPECTED)
def test_each_word_brings_about_what_its_row_says(state: str, said: str) -> None:
    latest, expected = alert_in(state), EXPECTED[state, said]
    spoken = word(said, 2, cause="course_over", facts=facts('{"n": 1}'), actor="someone", until=at(48))
    if expected == "x":
        with pytest.raises(SiteError):
            episodes.event(SUBJECT, latest, spoken)
        return
    found = episodes.event(SUBJECT, latest, spoken)
    if expected == "-":
        assert found is None
        return
    assert found is not None
    assert (found["event"], found["actor"], found["changed_at"]) == (expected, "someone", at(2))
    if expected in ("resolved", "closed"):
        assert (found["state"], found["standing"]) == (expected, None)
        assert found["cause"] == {STAY_ENDED: "stay_ended", DIED: "died"}.get(said, "course_over")
    else:
        has_answered = state in ("acknowledged", "snoozed")
        after = state if expected in ("updated", "not_reached") or (has_answered and expected == "read_back") else None
        assert (found["state"], found["standing"]) == ("open", after or STANDS.get(expected, expected))


def test_every_state_and_word_has_its_cell_and_every_event_its_state() -> None:
    assert set(episodes.TRANSITIONS) == {(state, said) for state in STATES for said in SAID} == set(EXPECTED)
    assert set(episodes.TRANSITIONS.values()) == {*episodes.EVENTS, episodes.NOTHING, episodes.REFUSED}


def test_an_alert_that_says_nothing_new_is_no_event() -> None:
    assert episodes.event(SUBJECT, alert_in(words.NEW), word(words.ALERT, 2)) is None


def test_an_acknowledged_alert_stays_open_and_is_resolved_as_any_other() -> None:
    answered = episodes.event(
        SUBJECT, alert_in(words.NEW), word(ACKNOWLEDGE, 2, actor="a physician", reason="action-completed", note="done")
    )
    assert answered is not None
    assert (answered["state"], answered["standing"], answered["sequence"]) == ("open", "acknowledged", 2)
    assert (answered["answered_by"], answered["answered_at"], answered["reason"], answered["note"]) == (
        "a physician", at(2), "action-completed", "done",
    )  # fmt: skip
    done = episodes.event(SUBJECT, answered, word(words.CLEAR, 3))
    assert done is not None
    assert (done["event"], done["actor"], done["alert_id"]) == ("resolved", "system", answered["alert_id"])
    assert done["tells"] is None, "it was answered, and ended as it should"


def test_whoever_acknowledges_second_is_told_who_did() -> None:
    with pytest.raises(SiteError, match=r"dr\. A acknowledged that alert before you, at 2026-03-01 09:00"):
        episodes.event(SUBJECT, alert_in(words.ACKNOWLEDGED), word(ACKNOWLEDGE, 2, actor="dr. B"))


@pytest.mark.parametrize("said", [ACKNOWLEDGE, SNOOZE, REOPEN, READ_BACK])
def test_what_is_not_open_can_t_be_answered(said: str) -> None:
    with pytest.raises(SiteError, match="nothing to answer"):
        episodes.event(SUBJECT, alert_in(RESOLVED), word(said, 2))


@pytest.mark.parametrize(
    ("said", "cause", "tells"),
    [
        (ALERT_ANEW, "worse", "dr. A"),
        (UNFOUNDED, "facts_withdrawn", "dr. A"),
        (words.CLEAR, "facts_corrected", "dr. A"),
        (UNJUDGED, "merged", "dr. A"),
        (words.CLEAR, None, None),
    ],
)
def test_whoever_had_answered_is_named_where_the_ground_goes_from_under_it(
    said: str, cause: str | None, tells: str | None
) -> None:
    for state in (words.ACKNOWLEDGED, words.SNOOZED):
        found = episodes.event(SUBJECT, alert_in(state), word(said, 2, cause=cause, facts=facts('{"n": 1}')))
        assert found is not None
        assert (found["tells"], found["cause"]) == (tells, cause)


def test_a_reopened_alert_holds_no_answer_any_more() -> None:
    found = episodes.event(SUBJECT, alert_in(words.SNOOZED), word(SNOOZE_OVER, 24, cause="snooze_over"))
    assert found is not None
    assert {found[name] for name in ("answered_by", "answered_at", "answered_on", "reason", "until")} == {None}


def test_a_verdict_of_before_a_person_s_word_and_after_the_last_verdict_still_counts() -> None:
    """A night that is judged for an earlier moment of today, after somebody had acknowledged."""
    answered = episodes.event(SUBJECT, alert_in(words.NEW), word(ACKNOWLEDGE, 5, actor="dr. A"))
    done = episodes.event(SUBJECT, answered, word(words.CLEAR, 3))
    assert done is not None
    assert (done["state"], done["said_at"], done["changed_at"]) == ("resolved", at(3), at(5))


def test_an_alert_that_goes_on_soon_after_its_treatment_was_over_is_the_same_one_and_tells_whoever_had_answered() -> (
    None
):
    answered = episodes.event(SUBJECT, alert_in(words.NEW), word(ACKNOWLEDGE, 2, actor="dr. A", reason="known"))
    closed = episodes.event(SUBJECT, answered, word(UNJUDGED, 3, cause="course_over"))
    back = episodes.event(SUBJECT, closed, word(ALERT_BACK, 5, facts=facts('{"n": 2}'), cause="treated_again"))
    assert answered is not None
    assert back is not None
    assert (back["alert_id"], back["opened_at"]) == (answered["alert_id"], answered["opened_at"])
    assert (back["event"], back["cause"], back["tells"]) == ("reopened", "treated_again", "dr. A")
    assert (back["standing"], back["answered_by"], back["evidence"]) == ("new", None, '{"n": 2}')


def test_an_alert_that_ended_and_is_back_within_one_moment_goes_on_as_the_same_episode() -> None:
    opened = episodes.event(SUBJECT, None, word(words.ALERT, 1))
    ended = episodes.event(SUBJECT, opened, word(words.CLEAR, 1))
    back = episodes.event(SUBJECT, ended, word(words.ALERT, 1))
    assert opened is not None
    assert back is not None
    assert (back["alert_id"], back["sequence"], back["opened_at"]) == (opened["alert_id"], 3, at(1))


@pytest.mark.parametrize("state", [state for state in STATES if state != NONE])
@pytest.mark.parametrize("said", BY_JUDGING)
def test_a_word_of_a_moment_before_the_last_change_changes_nothing(state: str, said: str) -> None:
    changed = alert_in(state)
    assert changed is not None
    late = word(said, -1, facts=facts('{"n": 1}'))
    assert episodes.event(SUBJECT, changed, late) is None


def test_a_late_word_opens_an_alert_only_where_it_brings_news_and_never_ends_one() -> None:
    opened = episodes.event(SUBJECT, None, word(words.ALERT, 2), judged_at=at(5))
    assert opened is not None
    assert episodes.event(SUBJECT, None, word(words.ALERT, 2, brings_news=False), judged_at=at(5)) is None
    for said in (words.CLEAR, UNJUDGED, STAY_ENDED, DIED):
        assert episodes.event(SUBJECT, opened, word(said, 3), judged_at=at(5)) is None
    assert episodes.event(SUBJECT, opened, word(words.CLEAR, 5), judged_at=at(5)) is not None


SAYS_ALERT = (words.ALERT, ALERT_ANEW, ALERT_BACK)
SAYINGS = st.tuples(st.sampled_from(BY_JUDGING), st.sampled_from(['{"n": 1}', '{"n": 2}']))


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
    if spoken[-1].said in SAYS_ALERT:
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
        goes_on = said == ALERT_BACK and expected[-1:] == ["closed"]
        is_open = said in SAYS_ALERT or (is_open and said in (words.NOT_ASSESSABLE, WORDS_BACK, WAITS))
        if is_open and not before:
            expected.append("reopened" if goes_on else "opened")
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
        ([ROW | {"laboratory": "another", "treatment": "off"}], "course_over"),
        ([ROW, ROW | {"patient_id": "SYNTHETIC-2", "treatment": "off"}], "other_compartment"),
        ([ROW | {"treatment": "off"}], "course_over"),
        ([ROW], "other_compartment"),
        ([ROW | {"compartment": "plasma", "treatment": "off"}], "no_series"),
        ([ROW | {"compartment": "csf"}], "no_series"),
    ],
)
def test_why_a_subject_is_no_longer_judged(subjects: list[dict[str, Any]], cause: str) -> None:
    series = pl.DataFrame(subjects, schema=dict.fromkeys(ROW, pl.String)).with_columns(
        has_series=pl.col("laboratory").is_not_null()
    )
    treatment = series.select("patient_id", "treatment").unique()
    alert = SUBJECT | {"evidence": '{"treatment":"on"}'}
    assert ends.why_no_longer_judged(alert, series.drop("treatment"), treatment) == cause


def test_old_blood_of_one_matrix_gives_way_to_newer_blood_of_another() -> None:
    """A rule still says that plasma is watched, and has no series of it."""
    plasma = {"patient_id": "SYNTHETIC-1", "compartment": "plasma", "laboratory": "lab", "assay": "pcr"}
    about = SUBJECT | {"compartment": "plasma", "subject": subject_text("series", plasma), "evidence": "{}"}
    lacking = plasma | {"laboratory": None, "assay": None, "has_series": False}
    for other, cause in (("whole_blood", "newer_series"), ("bal", "no_series")):
        series = pl.DataFrame([lacking, plasma | {"compartment": other, "has_series": True}])
        treatment = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": ["on"]})
        assert ends.why_no_longer_judged(about, series, treatment) == cause


def test_a_change_that_no_report_says_any_more_is_no_longer_judged_for_that() -> None:
    key = {"patient_id": "SYNTHETIC-1", "gene": "UL97", "mutation": "A594V"}
    about = SUBJECT | {"subject_kind": "mutation", "compartment": None, "subject": subject_text("mutation", key)}
    nobody = pl.DataFrame([SERIES]).with_columns(has_series=pl.lit(True)).clear()
    assert ends.why_no_longer_judged(about, nobody, nobody) == "no_report"


def test_the_end_of_a_course_ends_no_alert_that_spoke_of_none() -> None:
    series = pl.DataFrame([SERIES]).with_columns(has_series=pl.lit(True))
    treatment = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": ["off"]})
    alert = SUBJECT | {"evidence": '{"treatment":"off"}'}
    assert ends.why_no_longer_judged(alert, series, treatment) == "other_compartment"


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
    assert ends.why_no_longer_judged(about, series, treatment) == "other_compartment"


@pytest.mark.parametrize(
    ("kind", "key", "was", "now", "cause"),
    [
        ("patient", {}, "on", "off", "course_over"),
        ("patient", {}, "off", "on", "treatment_began"),
        ("patient", {}, "on", "on", "moment_over"),
        ("patient", {}, None, "off", "moment_over"),
        ("drug", {"drug": "foscarnet"}, "on", "off", "course_over"),
        ("drug", {"drug": "foscarnet"}, "off", "off", "moment_over"),
        ("drug_pair", {"drug": "foscarnet", "other_drug": "citrate"}, None, "on", "moment_over"),
        ("analyte", {"analyte": "platelets"}, "on", "off", "course_over"),
    ],
)
def test_what_is_of_a_patient_or_a_drug_never_ends_for_want_of_a_result(
    kind: str, key: dict[str, str], was: str | None, now: str, cause: str
) -> None:
    """Its rule says what it means that it no longer applies; a patient without any result is no exception."""
    subject = subject_text(kind, {"patient_id": "SYNTHETIC-1"} | key)
    about = SUBJECT | {"subject_kind": kind, "compartment": None, "subject": subject}
    about |= {"evidence": json.dumps({"treatment": was})}
    series = pl.DataFrame([SERIES | {"compartment": None}]).with_columns(has_series=pl.lit(False))
    treatment = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": [now]})
    assert ends.why_no_longer_judged(about, series, treatment, by_rule="moment_over") == cause


def test_a_moment_that_is_over_is_not_said_to_have_ended_with_the_treatment() -> None:
    key = {"patient_id": "SYNTHETIC-1"}
    about = SUBJECT | {"subject_kind": "patient", "compartment": None, "subject": subject_text("patient", key)}
    about |= {"evidence": '{"treatment":"on"}'}
    series = pl.DataFrame([SERIES]).with_columns(has_series=pl.lit(True))
    off = pl.DataFrame({"patient_id": ["SYNTHETIC-1"], "treatment": ["off"]})
    found = ends.why_no_longer_judged(about, series, off, by_rule="moment_over", ends_with_treatment=False)
    assert found == "moment_over"
    by_treatment = {rule.code for rule in all_rules() if rule.ends_with_treatment}
    assert {"guide_duration", "exposure_low", "interaction_note", "response"} <= by_treatment
    assert not {"guide_sampling_moment", "critical_result_unseen", "bal_negative"} & by_treatment


def test_each_rule_says_why_it_no_longer_applies() -> None:
    told = {rule.code: rule.closes_by for rule in all_rules()}
    assert told["guide_sampling_moment"] == told["guide_duration"] == "moment_over"
    assert {told[code] for code in ("drug_line", "exposure_low", "interaction_note", "toxicity_monitoring")} == {
        "drug_stopped"
    }
    assert told["critical_result_unseen"] == "result_old"
    assert told["rebound"] == "other_compartment"
    assert set(told.values()) <= set(words.UNJUDGED)


def test_the_name_of_an_episode_is_short_enough_to_be_read_out() -> None:
    opened = alert_in(words.NEW)
    assert opened is not None
    assert len(opened["alert_id"]) == 16

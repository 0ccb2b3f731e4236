"""What verdicts say of the alerts that stand, as events: decided here, written by `alert_store`, shown by `--out`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from cmvmon import answers, episodes
from cmvmon.domain import compartments, words
from cmvmon.episodes import (
    ALERT_ANEW,
    ALERT_BACK,
    CLOSED,
    DIED,
    OPEN,
    STAY_ENDED,
    UNFOUNDED,
    UNJUDGED,
    WAITS,
    Word,
    subject_of,
)
from cmvmon.shell.alerts.alert_ends import Ends, Row
from cmvmon.shell.alerts.not_lost import TAKEN_BACK, answers_kept, is_unanswered, not_lost, waiting_elsewhere
from cmvmon.shell.alerts.words_back import SaidBefore, nothing_before, with_words_back
from cmvmon.shell.rows.stamp import Stamp

_WENT_ON = {
    words.COURSE_OVER: words.TREATED_AGAIN,
    words.STAY_ENDED: words.READMITTED,
    **TAKEN_BACK,
}


def decided(
    latest: Mapping[tuple[Any, ...], Row],
    rows: Collection[Row],
    ends: Ends,
    *,
    stamp: Stamp,
    judged_at: Mapping[str, datetime],
    brings_news: bool,
    said_before: SaidBefore = nothing_before,
    stands_again: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The events that these verdicts bring about, where the alerts stand so; nothing is written.

    `latest`: by subject, the last row of its latest alert. `judged_at`: as in `episodes.event`, by patient. `stands_again`: ids of
    alerts that began, or began anew, with one of `words.STANDS_AGAIN`. `said_before`: the events of an alert, the last first.
    """
    judged = {subject_of(row): row["verdict"] for row in rows}
    latest, back = with_words_back(latest, judged, ends, stamp=stamp, judged_at=judged_at, said_before=said_before)
    unsaid = {
        subject: alert
        for subject, alert in latest.items()
        if alert["state"] == OPEN and judged.get(subject) != words.ALERT
    }
    answered = {
        subject: alert
        for subject, alert in latest.items()
        if alert["standing"] in (words.ACKNOWLEDGED, words.SNOOZED) and judged.get(subject) == words.ALERT
    }
    asked = [*unsaid.values(), *(answers.what_was_answered(alert) for alert in answered.values())]
    became = ends.became_of(asked) if asked else {}
    befell = {subject: became.get(alert["alert_id"]) for subject, alert in (unsaid | answered).items()}
    under_another = {subject for subject, alert in unsaid.items() if alert["protocol_hash"] != stamp.protocol_hash}
    elsewhere = waiting_elsewhere(latest.values(), ends)
    said = [
        (
            row,
            word_of(
                row,
                stamp,
                befell=befell.get(subject_of(row)),
                is_other_policy=subject_of(row) in under_another,
                brings_news=brings_news,
                latest=latest.get(subject_of(row)),
                ends=ends,
                waits_elsewhere=subject_of(row) in elsewhere,
            ),
        )
        for row in rows
    ]
    spoken = {_place(row) for row in rows if row["verdict"] in (words.ALERT, words.CLEAR)}
    causes = {
        subject: befell[subject] or ends.why(alert, stamp.protocol_hash)
        for subject, alert in unsaid.items()
        if subject not in judged
    }
    said += [
        (alert, _ended(alert, stamp.as_of, causes[subject], ends, stands_again=stands_again, spoken=spoken))
        for subject, alert in unsaid.items()
        if subject not in judged
    ]
    kept = not_lost(latest, {subject_of(row): word.said for row, word in said}, judged, ends, stamp=stamp)
    said = [one for one in said if subject_of(one[0]) not in kept] + [*kept.values()]
    found = (
        episodes.event(row, latest.get(subject_of(row)), word, judged_at=judged_at.get(row["patient_id"]))
        for row, word in said
    )
    return [*back, *answers_kept(latest, [event for event in found if event is not None], ends, stamp=stamp)]


def word_of(
    verdict: Row,
    stamp: Stamp,
    *,
    brings_news: bool,
    befell: str | None = None,
    is_other_policy: bool = False,
    latest: Row | None = None,
    ends: Ends | None = None,
    waits_elsewhere: bool = False,
) -> Word:
    """What a verdict says of its subject.

    `befell`: what befell a result under the subject's open alert. `is_other_policy`: its words were said under another.
    `latest`: the last row of that alert, whose answer may end, or which may go on; `ends`: None = the work itself.
    `waits_elsewhere`: the same alert waits under a number that was merged into this one: nobody who answered here knew of it.
    """
    facts = {
        "tier": verdict["tier"],
        "evidence": verdict["evidence"],
        "protocol_version": stamp.protocol_version,
        "protocol_hash": stamp.protocol_hash,
        "code_version": stamp.code_version,
    }
    said = verdict["verdict"]
    if ends is not None:
        said = _said_of_who_left(verdict, latest, ends)
    if said == words.NOT_ASSESSABLE and befell is not None:
        said = UNFOUNDED
    if said == words.ALERT and latest is not None:
        went_on = _went_on(latest, ends, stamp.as_of)
        if went_on:
            return Word(ALERT_BACK, stamp.as_of, facts, cause=went_on, brings_news=brings_news)
        why = answers.why_it_ends(latest, facts, befell=befell, worse=None if ends is None else ends.worse)
        if why is None and waits_elsewhere and latest["standing"] in (words.ACKNOWLEDGED, words.SNOOZED):
            why = words.TAKEN_OVER
        return Word(ALERT_ANEW if why else said, stamp.as_of, facts, cause=why, brings_news=brings_news)
    cause = befell or (words.POLICY_CHANGED if is_other_policy and said == words.CLEAR else None)
    return Word(said, stamp.as_of, facts, cause=cause, brings_news=brings_news)


def _went_on(latest: Row, ends: Ends | None, as_of: datetime) -> str | None:
    """Why a closed alert that is said again is the same one, as a code; None: it is not."""
    if ends is None or latest["state"] != CLOSED:
        return None
    if latest["cause"] == words.STAY_ENDED and latest["patient_id"] in ends.left:
        return None
    if latest["cause"] in TAKEN_BACK:  # that it is said again at all means that this was taken back
        return _WENT_ON[latest["cause"]]
    within = ends.goes_on_within.get(latest["cause"])
    return None if within is None or as_of - latest["said_at"] > within else _WENT_ON[latest["cause"]]


def _said_of_who_left(verdict: Row, latest: Row | None, ends: Ends) -> str:
    """The verdict as a word, where its patient has died or left as what it comes to then.

    What some grounds rest on (doses, counts that are due) comes from the ward, and no longer comes.
    """
    said, patient = str(verdict["verdict"]), verdict["patient_id"]
    if patient in ends.died:
        return DIED
    if said != words.ALERT or patient not in ends.left:
        return said
    grounds = json.loads(verdict["evidence"]).get("grounds") or ()
    is_open = latest is not None and latest["state"] == OPEN
    is_told = is_open or patient not in ends.long_gone
    if is_told and set(grounds) & set(ends.after_discharge.get(verdict["rule"], ())):
        return said
    return WAITS if is_unanswered(latest) else STAY_ENDED


def _ended(
    alert: Row,
    as_of: datetime,
    cause: str,
    ends: Ends,
    *,
    stands_again: Collection[str],
    spoken: Collection[tuple[Any, ...]],
) -> Word:
    """`cause`: why its subject is no longer judged. `spoken`: where which rule says alert or clear."""
    if alert["patient_id"] in ends.died:
        return Word(DIED, as_of)
    told_for = ends.told_for.get(alert["rule"])
    if cause == words.MOMENT_OVER and told_for is not None and _waits(alert, as_of, told_for):
        return Word(WAITS, as_of)
    if alert["patient_id"] in ends.left and cause not in words.TAKES_THE_GROUND:
        return Word(WAITS if is_unanswered(alert) else STAY_ENDED, as_of)
    back_since = ends.back_since.get(alert["patient_id"])
    waited = alert["alert_id"] in stands_again or (back_since is not None and alert["opened_at"] < back_since)
    is_replaced = cause == words.NEWER_SERIES and _place(alert) not in spoken  # by a series that is not judged yet
    must_be_answered = alert["tier"] == words.TIERS[0]
    if (must_be_answered or waited or is_replaced) and cause not in words.TAKES_THE_GROUND and is_unanswered(alert):
        return Word(WAITS, as_of)
    return Word(UNJUDGED, as_of, cause=cause)


def _place(row: Row) -> tuple[Any, ...]:
    """Of which rule, patient and compartment it is; blood of any matrix is one."""
    is_blood = row["compartment"] in compartments.BLOOD
    return row["rule"], row["patient_id"], compartments.BLOOD if is_blood else row["compartment"]


def _waits(alert: Row, as_of: datetime, told_for: timedelta) -> bool:
    """Whether an alert that a named person must answer has not been acknowledged for so long yet, or by nobody."""
    if alert["tier"] != words.TIERS[0]:
        return False
    return bool(alert["standing"] != words.ACKNOWLEDGED or as_of - alert["answered_at"] <= told_for)

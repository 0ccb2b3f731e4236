"""What no merge and no wrong death may lose: an alert of tier 1 or 2 that nobody has acknowledged, and an acknowledgement. Pure.

Rules of this file:
- A merge closes the alerts of the number that is no longer used. One that waits for an answer goes on under the number that the
  patient goes on under, with the words that it had, unless that number's own verdict of the same subject speaks for it. Where that
  one was answered, it is open again: whoever answered it did not know of the other number's results.
- Where a death or a merge is taken back, what it had closed unanswered stands again as it was, whether or not it is judged still.
- What somebody has acknowledged is acknowledged under the other number too, and under its own once the merge is undone, by the same
  person and as of then, where the answer still holds for what is said now (cmvmon/answers.py). Two are asked once
  more: what the merge had opened again under the number that goes on, and under the other one what had been acknowledged under both.
- None of these holds for what is judged clear, or rests on results that were withdrawn, moved, put in doubt or corrected since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from cmvmon import answers, episodes
from cmvmon.domain import words
from cmvmon.domain.subjects import subject_key, subject_text
from cmvmon.episodes import (
    ACKNOWLEDGE,
    ALERT_ANEW,
    ALERT_BACK,
    CLOSED,
    DIED,
    FACTS,
    OPEN,
    OPENED,
    REOPENED,
    UNFOUNDED,
    WAITS,
    Word,
    subject_of,
)
from cmvmon.shell.alerts.alert_ends import Ends, Row
from cmvmon.shell.rows.stamp import Stamp

TAKEN_BACK = {words.DIED: words.DEATH_TAKEN_BACK, words.MERGED: words.MERGE_UNDONE}
"""What closes every alert and may turn out wrong -> why the alert goes on then."""
_SPEAKS = (words.ALERT, ALERT_ANEW, ALERT_BACK, words.CLEAR, UNFOUNDED, DIED)
_STANDS = (words.NOT_ASSESSABLE, WAITS)
_Subject = tuple[Any, ...]


def not_lost(
    latest: Mapping[_Subject, Row],
    said: Mapping[_Subject, str],
    judged: Collection[_Subject],
    ends: Ends,
    *,
    stamp: Stamp,
) -> dict[_Subject, tuple[Row, Word]]:
    """By subject, the alert that goes on or stands again and the word for it, in place of what was said of that subject.

    Args:
        latest: by subject, the last row of its latest alert.
        said: by subject, the word that its verdict, or the want of one, comes to.
        judged: the subjects that have a verdict.
    """
    asked = [*_under_the_other_number(latest, said, ends), *_taken_back(latest, ends)]
    became = ends.became_of([alert for alert, _, _ in asked]) if asked else {}
    found: dict[_Subject, tuple[Row, Word]] = {}
    for alert, kind, began_with in sorted(
        asked, key=lambda one: (-one[0]["tier"], one[0]["opened_at"])
    ):  # the gravest holds
        subject = subject_of(alert)
        if said.get(subject) in _SPEAKS or alert["patient_id"] in ends.died:
            continue
        cause = became.get(alert["alert_id"])
        if cause is None and subject not in judged:
            cause = ends.why(alert, stamp.protocol_hash)
        if cause not in words.TAKES_THE_GROUND:
            facts = {name: alert[name] for name in FACTS}
            found[subject] = alert, Word(kind, stamp.as_of, facts, cause=began_with)
    return found


def answers_kept(
    latest: Mapping[_Subject, Row], events: Iterable[Row], ends: Ends, *, stamp: Stamp
) -> Iterator[dict[str, Any]]:
    """Those of `events` and, behind one that opens anew what was acknowledged before a merge or its end, that acknowledgement.

    Args:
        latest: as of `not_lost`.
        events: what was decided, each the next of its subject.
    """
    merged = [(_moved(alert, ends), alert) for alert in latest.values() if alert["patient_id"] in ends.into]
    acknowledged = [one for one, _ in merged if one["standing"] == words.ACKNOWLEDGED]
    moved = {subject_of(one): one for one in sorted(acknowledged, key=lambda one: one["answered_at"])}
    for one, alert in merged:
        if is_unanswered(alert):  # of two numbers that become one, what waits under either waits
            moved.pop(subject_of(one), None)
    for event in events:
        subject = subject_of(event)
        before: Row | None = moved.get(subject) if event["event"] == OPENED else None
        if event["event"] == REOPENED and event["cause"] == words.MERGE_UNDONE and _stood_till_now(latest, subject):
            before = latest[subject]
        if before is None or not _still_holds(before, event, ends):
            yield dict(event)
            continue
        yield {**event, "tells": None}
        word = Word(ACKNOWLEDGE, stamp.as_of, reason=before["reason"])
        kept = episodes.event(event, event, word)
        if kept is not None:
            why = words.TAKEN_OVER if event["event"] == OPENED else words.MERGE_UNDONE
            yield kept | {name: before[name] for name in answers.ANSWER} | {"cause": why}


def _stood_till_now(latest: Mapping[_Subject, Row], subject: _Subject) -> bool:
    """Whether that acknowledgement still stands under the number that the alert went on under: nobody took it back there."""
    own = latest[subject]
    answer = own["rule"], own["answered_by"], own["answered_at"]
    others = (one for one in latest.values() if one["patient_id"] != own["patient_id"])
    return _had_acknowledged(own) and any(
        (one["rule"], one["answered_by"], one["answered_at"]) == answer for one in others
    )


def _had_acknowledged(alert: Row) -> bool:
    """Whether somebody had acknowledged what is closed; a snooze is no answer."""
    return alert["answered_by"] is not None and alert["until"] is None


def _still_holds(before: Row, now: Row, ends: Ends) -> bool:
    as_answered = {**answers.what_was_answered(before), "standing": words.ACKNOWLEDGED}
    befell = ends.became_of([as_answered]).get(before["alert_id"])
    return answers.why_it_ends(as_answered, now, befell=befell, worse=ends.worse) is None


def is_unanswered(alert: Row | None) -> bool:
    """Whether it stands open until somebody has acknowledged it: of tier 1 or 2, and nobody has. A snooze is no answer."""
    if alert is None or alert["state"] != OPEN:
        return False
    return alert["tier"] in words.TIERS[:-1] and alert["standing"] != words.ACKNOWLEDGED


def waiting_elsewhere(latest: Iterable[Row], ends: Ends) -> frozenset[_Subject]:
    """The subjects, under the number that a patient goes on under, of what waits for an answer under a number that was merged away."""
    merged = (alert for alert in latest if alert["patient_id"] in ends.into and is_unanswered(alert))
    return frozenset(subject_of(_moved(alert, ends)) for alert in merged)


def may_stand_again(alert: Row) -> bool:
    """Whether a death or a merge closed it, and nobody had acknowledged it."""
    is_closed_so = alert["state"] == CLOSED and alert["cause"] in TAKEN_BACK
    return is_closed_so and alert["tier"] in words.TIERS[:-1] and not _had_acknowledged(alert)


def _under_the_other_number(
    latest: Mapping[_Subject, Row], said: Mapping[_Subject, str], ends: Ends
) -> Iterator[tuple[Row, str, str]]:
    """What waits under a number that was merged away, as it reads under the other one; not where that has a graver one."""
    for alert in latest.values():
        if alert["patient_id"] not in ends.into or not is_unanswered(alert):
            continue
        moved = _moved(alert, ends)
        own = latest.get(subject_of(moved))
        stands = is_unanswered(own) and said.get(subject_of(moved)) in _STANDS
        if not (stands and own is not None and own["tier"] <= alert["tier"]):
            yield moved, ALERT_ANEW, words.TAKEN_OVER


def _moved(alert: Row, ends: Ends) -> dict[str, Any]:
    """The alert under the number that its patient goes on under."""
    number = ends.into[alert["patient_id"]]
    key = subject_key(str(alert["subject"])) | {"patient_id": number}
    return {**alert, "patient_id": number, "subject": subject_text(str(alert["subject_kind"]), key)}


def _taken_back(latest: Mapping[_Subject, Row], ends: Ends) -> Iterator[tuple[Row, str, str]]:
    """What a death or a merge had closed unanswered, where that no longer holds."""
    for alert in latest.values():
        if may_stand_again(alert) and alert["patient_id"] not in ends.into:
            yield alert, ALERT_BACK, TAKEN_BACK[alert["cause"]]

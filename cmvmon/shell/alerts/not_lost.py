"""What no merge and no wrong death may lose: an alert of tier 1 or 2 that nobody has acknowledged. Pure.

Rules of this file:
- A merge closes the alerts of the number that is no longer used. One that waits for an answer goes on under the number that the
  patient goes on under, with the words that it had, unless that number's own verdict of the same subject speaks for it.
- Where a death or a merge is taken back, what it had closed unanswered stands again as it was, whether or not it is judged still.
- Neither holds for what is judged clear, or rests on results that were withdrawn, moved, put in doubt or corrected since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cmvmon.domain import words
from cmvmon.domain.subjects import subject_key, subject_text
from cmvmon.episodes import (
    ALERT_ANEW,
    ALERT_BACK,
    CLOSED,
    DIED,
    FACTS,
    OPEN,
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


def is_unanswered(alert: Row | None) -> bool:
    """Whether it stands open until somebody has acknowledged it: of tier 1 or 2, and nobody has. A snooze is no answer."""
    if alert is None or alert["state"] != OPEN:
        return False
    return alert["tier"] in words.TIERS[:-1] and alert["standing"] != words.ACKNOWLEDGED


def may_stand_again(alert: Row) -> bool:
    """Whether a death or a merge closed it, and nobody had acknowledged it."""
    is_acknowledged = alert["answered_by"] is not None and alert["until"] is None
    is_closed_so = alert["state"] == CLOSED and alert["cause"] in TAKEN_BACK
    return is_closed_so and alert["tier"] in words.TIERS[:-1] and not is_acknowledged


def _under_the_other_number(
    latest: Mapping[_Subject, Row], said: Mapping[_Subject, str], ends: Ends
) -> Iterator[tuple[Row, str, str]]:
    """What waits under a number that was merged away, as it reads under the other one; not where that has a graver one."""
    for alert in latest.values():
        number = ends.into.get(alert["patient_id"])
        if number is None or not is_unanswered(alert):
            continue
        key = subject_key(str(alert["subject"])) | {"patient_id": number}
        moved = {**alert, "patient_id": number, "subject": subject_text(str(alert["subject_kind"]), key)}
        own = latest.get(subject_of(moved))
        stands = is_unanswered(own) and said.get(subject_of(moved)) in _STANDS
        if not (stands and own is not None and own["tier"] <= alert["tier"]):
            yield moved, ALERT_ANEW, words.TAKEN_OVER


def _taken_back(latest: Mapping[_Subject, Row], ends: Ends) -> Iterator[tuple[Row, str, str]]:
    """What a death or a merge had closed unanswered, where that no longer holds."""
    for alert in latest.values():
        if may_stand_again(alert) and alert["patient_id"] not in ends.into:
            yield alert, ALERT_BACK, TAKEN_BACK[alert["cause"]]

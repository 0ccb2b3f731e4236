"""While a laboratory is in doubt: words that rest on what moved go back to what was said before. Pure. Source: docs/decisions/0086."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.episodes import FACTS, OPEN, OPENED, WORDS_BACK, Word
from cmvmon.shell.alerts.alert_ends import Ends, Row
from cmvmon.shell.alerts.not_lost import may_stand_again
from cmvmon.shell.rows.stamp import Stamp

SaidBefore = Callable[[Row], Iterable[Row]]
_Subject = tuple[Any, ...]


def nothing_before(_alert: Row) -> tuple[Row, ...]:
    """Where no alert stood before."""
    return ()


def with_words_back(
    latest: Mapping[_Subject, Row],
    judged: Mapping[_Subject, str],
    ends: Ends,
    *,
    stamp: Stamp,
    judged_at: Mapping[str, datetime],
    said_before: SaidBefore,
) -> tuple[dict[_Subject, Row], list[dict[str, Any]]]:
    """The latest alerts, with the words that they had before they rested on a result in doubt, and the events that say so.

    What a verdict calls an alert now has its own words. What a death or a merge had closed, and may stand again, does so with the
    earlier words; of it there is no event yet.

    Args:
        latest: by subject, the last row of its latest alert.
        judged: by subject, its verdict.
        judged_at: as in `episodes.event`, by patient.
        said_before: the events of an alert, the last first.
    """
    found, events = dict(latest), []
    for subject, alert in latest.items():
        stands = alert["state"] == OPEN or may_stand_again(alert)
        if not stands or judged.get(subject) == words.ALERT or not ends.is_on_moved(alert):
            continue
        facts = _words_before(said_before(alert), ends)
        if facts is None:
            continue
        if alert["state"] != OPEN:
            found[subject] = {**alert, **facts}
            continue
        word = Word(WORDS_BACK, stamp.as_of, facts, cause=words.LABORATORY_IN_DOUBT)
        event = episodes.event(alert, alert, word, judged_at=judged_at.get(alert["patient_id"]))
        if event is not None:
            found[subject] = event
            events.append(event)
    return found, events


def _words_before(events: Iterable[Row], ends: Ends) -> dict[str, Any] | None:
    """The latest words since its opening that rest on nothing that moved, or changed since they were said; None: there are none."""
    for event in events:
        if not ends.is_on_moved(event):
            mine = {**event, "patient_id": ends.into.get(event["patient_id"], event["patient_id"])}
            if not ends.became_of([mine]):
                return {name: event[name] for name in FACTS}
        if event["event"] == OPENED:
            break
    return None

"""The life of an alert: what is said of a subject, and the event that this brings about. Pure: no store, no clock.

1. An alert is keyed by rule, subject and episode: from the first `alert` to the first `clear` after it.
2. `not_assessable` neither opens nor closes one whose results are in use as they were when its words were said. Where a
   result that they rest on (`result_ids` of the evidence) was withdrawn, moved to another patient or compartment, put in
   doubt or corrected since, it is closed with that cause: words don't outlive their facts.
3. One whose subject is no longer judged is closed with the cause (`merged`: its number goes on under another); so is one
   of a patient whose stay has ended, and none is opened then.
4. An acknowledgement is recorded and keeps the alert open. What is not open can't be acknowledged.
5. An `alert` that says nothing new is no event.
6. A late word (its moment lies before one that was judged or recorded for the same subject) changes no alert, with one
   exception: where it brings news (a delivery), and nothing was recorded for the subject since its moment, it may open
   one. A late alert is worse than one that the next night resolves. Other subjects are not concerned.
7. Every event says who brought it about: `system`, or a person.

From these follow: a subject has at most one open episode of a rule; an episode keeps its identity; what the latest
moment calls an alert is open, in whatever order the moments were recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from cmvmon.domain import replaced, words
from cmvmon.domain.columns import Kind
from cmvmon.domain.errors import SiteError
from cmvmon.domain.subjects import identity, subject_key

SYSTEM = "system"
SUBJECT = ("rule", "subject_kind", "patient_id", "compartment", "subject")
FACTS = ("tier", "evidence", "protocol_version", "protocol_hash", "code_version")
_RESTED = {
    "name": Kind.TEXT.dtype,
    "patient_id": Kind.TEXT.dtype,
    "result_id": Kind.TEXT.dtype,
    "since": Kind.MOMENT.dtype,
}

NONE, OPEN, RESOLVED, CLOSED = "none", "open", "resolved", "closed"
STATES = (NONE, OPEN, RESOLVED, CLOSED)

UNFOUNDED = "not assessable, and a result under it changed"
UNJUDGED, STAY_ENDED, ACKNOWLEDGE = "no longer judged", "stay has ended", "acknowledge"
SAID = (*words.VERDICT, UNFOUNDED, UNJUDGED, STAY_ENDED, ACKNOWLEDGE)

OPENED, UPDATED, ACKNOWLEDGED = "opened", "updated", "acknowledged"
NOTHING, REFUSED = "nothing", "refused"
STATE_AFTER = {OPENED: OPEN, UPDATED: OPEN, ACKNOWLEDGED: OPEN, RESOLVED: RESOLVED, CLOSED: CLOSED}
EVENTS = tuple(STATE_AFTER)

TRANSITIONS: dict[tuple[str, str], str] = {
    (NONE, words.ALERT): OPENED,
    (NONE, words.CLEAR): NOTHING,
    (NONE, words.NOT_ASSESSABLE): NOTHING,
    (NONE, UNFOUNDED): NOTHING,
    (NONE, UNJUDGED): NOTHING,
    (NONE, STAY_ENDED): NOTHING,
    (NONE, ACKNOWLEDGE): REFUSED,
    (OPEN, words.ALERT): UPDATED,
    (OPEN, words.CLEAR): RESOLVED,
    (OPEN, words.NOT_ASSESSABLE): NOTHING,
    (OPEN, UNFOUNDED): CLOSED,
    (OPEN, UNJUDGED): CLOSED,
    (OPEN, STAY_ENDED): CLOSED,
    (OPEN, ACKNOWLEDGE): ACKNOWLEDGED,
    (RESOLVED, words.ALERT): OPENED,
    (RESOLVED, words.CLEAR): NOTHING,
    (RESOLVED, words.NOT_ASSESSABLE): NOTHING,
    (RESOLVED, UNFOUNDED): NOTHING,
    (RESOLVED, UNJUDGED): NOTHING,
    (RESOLVED, STAY_ENDED): NOTHING,
    (RESOLVED, ACKNOWLEDGE): REFUSED,
    (CLOSED, words.ALERT): OPENED,
    (CLOSED, words.CLEAR): NOTHING,
    (CLOSED, words.NOT_ASSESSABLE): NOTHING,
    (CLOSED, UNFOUNDED): NOTHING,
    (CLOSED, UNJUDGED): NOTHING,
    (CLOSED, STAY_ENDED): NOTHING,
    (CLOSED, ACKNOWLEDGE): REFUSED,
}


@dataclass(frozen=True)
class Word:
    """What is said of one subject at one moment.

    Attributes:
        said: one of SAID.
        facts: what an `alert` rests on, by the names in FACTS; not read for another word.
        cause: why it ends an alert, as a code: why the subject is no longer judged, or what befell a result under it.
            With a `clear`: what befell a result under it meanwhile, or the policy, if anything did.
        brings_news: whether it was said because something was delivered; a moment that is judged again brings none.
    """

    said: str
    as_of: datetime
    facts: Mapping[str, Any] | None = None
    cause: str | None = None
    actor: str = SYSTEM
    brings_news: bool = True


def event(
    subject: Mapping[str, Any],
    latest: Mapping[str, Any] | None,
    word: Word,
    *,
    judged_at: datetime | None = None,
) -> dict[str, Any] | None:
    """The next row of `alert_events` for that subject; None where nothing changes.

    Args:
        subject: by the names in SUBJECT; one that is absent reads as null.
        latest: the last row of the subject's latest alert; None where it never had one.
        judged_at: the latest moment at which this subject was judged and recorded; None = never.
    Raises SiteError for an acknowledgement of what is not open.
    """
    state = NONE if latest is None else str(latest["state"])
    kind = TRANSITIONS[state, word.said]
    if kind == REFUSED:
        raise SiteError(
            "no alert of that subject is open, so there is nothing to acknowledge; list the open ones again"
        )
    if kind == NOTHING or _is_too_late(latest, kind, word, judged_at):
        return None
    if kind == OPENED or latest is None:
        return _opened(subject, latest, word)
    if kind == UPDATED:
        facts = _facts(word)
        return None if all(latest[name] == facts[name] for name in FACTS) else _next(latest, word, UPDATED) | facts
    return _next(latest, word, kind)


def subject_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of a verdict's or an alert's subject."""
    return tuple(row.get(name) for name in SUBJECT)


def what_became_of(
    alerts: Collection[Mapping[str, Any]], *, versions: pl.DataFrame, in_use: pl.DataFrame
) -> dict[str, str]:
    """Of each of these alerts whose words rest on a result that changed since: what befell it, as a code, by alert id.

    Which results those are stands in its evidence. Since: its last change, when its words were said or seen.

    Args:
        versions: every version of `viral_load_results` known now.
        in_use: the results that are judged now, with `is_conflicting`.
    """
    rested = [
        (alert["alert_id"], alert["patient_id"], result_id, alert["changed_at"])
        for alert in alerts
        for result_id in json.loads(alert["evidence"]).get("result_ids") or ()
    ]
    if not rested:
        return {}
    frame = pl.DataFrame(rested, schema=_RESTED, orient="row")
    return dict(replaced.what_became_of(frame, versions=versions, in_use=in_use).select("name", "cause").rows())


def why_no_longer_judged(alert: Mapping[str, Any], series: pl.DataFrame, treatment: pl.DataFrame) -> str:
    """Why the subject of an open alert is no longer judged, as a code.

    Args:
        series, treatment: the facts `watched_series` and `treatment`, of every patient who was judged.
    """
    key = subject_key(str(alert["subject"]))
    if "mutation" in key:
        return "no_report"  # it was withdrawn, or corrected to another change
    mine = series.filter(pl.col("patient_id") == alert["patient_id"])
    if mine.is_empty():
        return "no_longer_known"
    same = mine.filter(pl.col("compartment") == alert["compartment"]) if alert["compartment"] else mine
    if not same["has_series"].any():
        return "no_series"  # its results were withdrawn, or corrected away to another patient
    if "assay" in key and _own(same, key).is_empty():
        return "newer_series"
    state = treatment.filter(pl.col("patient_id") == alert["patient_id"])["treatment"]
    was_on = json.loads(alert["evidence"]).get("treatment") == words.TREATMENT_ON
    return "course_over" if was_on and state[0] == words.TREATMENT_OFF else "other_compartment"


def _own(series: pl.DataFrame, key: Mapping[str, Any]) -> pl.DataFrame:
    """The series of that subject, where it still is one that is judged."""
    return series.filter("has_series", pl.col("laboratory") == key["laboratory"], pl.col("assay") == key["assay"])


def _is_too_late(latest: Mapping[str, Any] | None, kind: str, word: Word, judged_at: datetime | None) -> bool:
    """Rule 6."""
    if latest is not None and word.as_of < latest["changed_at"]:
        return True
    is_late = judged_at is not None and word.as_of < judged_at
    return is_late and not (word.brings_news and kind == OPENED)


def _opened(subject: Mapping[str, Any], latest: Mapping[str, Any] | None, word: Word) -> dict[str, Any]:
    name = identity(subject["rule"], subject["subject"], word.as_of)
    alert_id = hashlib.sha256(name.encode()).hexdigest()[:16]
    if latest is not None and latest["alert_id"] == alert_id:  # ended and back within one moment: the episode goes on
        return _next(latest, word, OPENED) | _facts(word)
    return {
        **{name: subject.get(name) for name in SUBJECT},
        **_facts(word),
        "alert_id": alert_id,
        "sequence": 1,
        "event": OPENED,
        "actor": word.actor,
        "state": OPEN,
        "opened_at": word.as_of,
        "changed_at": word.as_of,
        "cause": None,
    }


def _next(latest: Mapping[str, Any], word: Word, kind: str) -> dict[str, Any]:
    return {
        **latest,
        "sequence": latest["sequence"] + 1,
        "event": kind,
        "actor": word.actor,
        "state": STATE_AFTER[kind],
        "changed_at": word.as_of,
        "cause": (words.STAY_ENDED if word.said == STAY_ENDED else word.cause) if kind in (CLOSED, RESOLVED) else None,
    }


def _facts(word: Word) -> dict[str, Any]:
    facts = word.facts or {}
    return {name: facts[name] for name in FACTS}

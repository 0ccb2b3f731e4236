"""What stands in the store, for people and machines: the alerts, and what happened to each. No frame library is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.run.asking.chosen_alert import chosen
from cmvmon.run.asking.named_patient import last_judged
from cmvmon.run.asking.plain_values import plainly
from cmvmon.shell.alerts import alert_history, alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from cmvmon.text import Language, alert_sentence, language, of_stored
from cmvmon.text.set_aside import override_reason, reason_of

_INNER = ("sequence", "evidence", "subject", "answered_on")
_OF_AN_EVENT = (
    *("alert_id", "sequence", "rule", "patient_id", "compartment", "changed_at", "event", "actor", "state", "standing"),
    *("tier", "cause", "reason", "until", "recipient", "note", "tells"),
)
# The events that give an answer. Each later row of the store carries the answer that stands; of what happened then it is no reason.
_ANSWERS = (words.ACKNOWLEDGED, words.SNOOZED)


def listed_alerts(root: Path, *, every: bool, lang: str | None) -> list[dict[str, Any]]:
    """Alerts as they stand, open ones only unless `every`, with their sentence; moments as ISO 8601 text.

    Raises SiteError where there is none because nothing was assessed yet: that is no all-clear.
    """
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    with open_store(settings.database) as store, store.reading() as connection:
        rows = alert_store.alerts(connection, states=None if every else {"open"})
        if not rows:
            last_judged(connection)
    return [_shown(row, spoken, settings.time_zone) for row in rows]


def shown_alert(root: Path, alert_id: str, *, lang: str | None) -> dict[str, Any]:
    """One alert as it stands, `events`: what happened to it, in order, and `rested_on_it`: what rested on the result that it
    says was taken back (null where it says no such thing). Raises SiteError where there is no such alert."""
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    with open_store(settings.database) as store, store.reading() as connection:
        row = chosen(alert_store.alerts(connection), alert_id)
        return told_alert(connection, row, spoken, settings.time_zone)


def told_alert(connection: sa.Connection, row: Mapping[str, Any], spoken: Language, time_zone: str) -> dict[str, Any]:
    """The same of a row of `alerts` that was read."""
    events = alert_history.events_of(connection, alert_id=row["alert_id"])
    rested = _rested(connection, row, spoken, time_zone)
    shown = _shown(row, spoken, time_zone)
    return shown | {"events": [_told(event, spoken) for event in events], "rested_on_it": rested}


def _rested(
    connection: sa.Connection, row: Mapping[str, Any], spoken: Language, time_zone: str
) -> dict[str, Any] | None:
    if row["subject_kind"] != "sample":
        return None
    from cmvmon.run.asking import rested_query  # reads who is who: with a frame library, so only where it is asked for

    found = rested_query.told(connection, row, spoken, time_zone)
    return None if found is None else dict(plainly(found))


def history(
    root: Path, *, alert_id: str | None, patient: str | None, since: datetime | None, lang: str | None
) -> list[dict[str, Any]]:
    """What happened to alerts, in order: to one, to a patient's, or to all since a moment. Raises SiteError."""
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    with open_store(settings.database) as store, store.reading() as connection:
        one = None if alert_id is None else chosen(alert_store.alerts(connection), alert_id)["alert_id"]
        events = alert_history.events_of(connection, alert_id=one, patient=patient, since=since)
    return [_told(event, spoken) for event in events]


def _shown(row: Mapping[str, Any], spoken: Language, time_zone: str) -> dict[str, Any]:
    evidence = json.loads(row["evidence"])
    sentence = of_stored(alert_sentence, row["rule"], evidence, language=spoken, time_zone=time_zone)
    subject = json.loads(row["subject"])
    plain = {name: _plain(value) for name, value in row.items() if name not in _INNER}
    more = {"subject": subject, "feed": subject.get("feed"), "evidence": evidence, "sentence": sentence}
    return plain | more | _reason(row, spoken)


def _told(event: Mapping[str, Any], spoken: Language) -> dict[str, Any]:
    """One event: who, when, what, its own reason, on which results, and whom it concerns who had answered."""
    evidence = json.loads(event["evidence"])
    own = event if event["event"] in _ANSWERS else {**event, "reason": None, "until": None}
    plain = {name: _plain(own[name]) for name in _OF_AN_EVENT}
    return plain | {"result_ids": evidence.get("result_ids") or []} | _reason(own, spoken)


def _reason(row: Mapping[str, Any], spoken: Language) -> dict[str, Any]:
    """The coded reason of the answer that stands, in words and as CDS Hooks writes it; no later event's note is its comment."""
    if row["reason"] is None:
        return {"reason_in_words": None, "override_reason": None}
    return {
        "reason_in_words": reason_of(row["reason"]).words[spoken.code],
        "override_reason": override_reason(row["reason"], row["note"] if row["event"] in _ANSWERS else None),
    }


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value

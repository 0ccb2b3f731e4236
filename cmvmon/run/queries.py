"""What stands in the store, for people and machines: alerts and quarantine. Light: no frame library is needed for alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.shell import alert_store
from cmvmon.shell.session import open_store
from cmvmon.shell.site import Site
from cmvmon.text import alert_sentence, language

_NOT_LISTED = ("delivered_text", "patient_id", "record_number", "attempt")  # who it is of is shown with the record


def listed_alerts(root: Path, *, every: bool, lang: str | None) -> list[dict[str, Any]]:
    """Alerts as they stand, open ones only unless `every`, with their sentence; moments as ISO 8601 text."""
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    with open_store(settings.database) as store, store.reading() as connection:
        rows = alert_store.alerts(connection, states=None if every else {"open"})
    return [
        {name: _plain(value) for name, value in row.items() if name not in ("sequence", "evidence", "subject")}
        | {
            "subject": json.loads(row["subject"]),
            "feed": json.loads(row["subject"]).get("feed"),
            "evidence": json.loads(row["evidence"]),
            "sentence": alert_sentence(row["rule"], json.loads(row["evidence"]), spoken, time_zone=settings.time_zone),
        }
        for row in rows
    ]


def listed_quarantine(root: Path) -> list[dict[str, Any]]:
    """The records that wait in quarantine, each with the name under which `show` finds it; no delivered text, no patient."""
    return [
        {
            "record": _name(row),
            **{k: v for k, v in row.items() if k not in _NOT_LISTED},
        }
        for row in _quarantine(root)
    ]


def quarantined_record(root: Path, record: str) -> dict[str, Any]:
    """One record with its delivered text. Raises SiteError when none of that name waits."""
    for row in _quarantine(root):
        if _name(row) == record:
            return row | {"delivered_text": json.loads(row["delivered_text"])}
    raise SiteError("no record of that name waits in quarantine; `cmvmon quarantine list` prints the names")


def _quarantine(root: Path) -> list[dict[str, Any]]:
    from cmvmon.shell import known, quarantine

    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        names = known.file_names(connection)
        rows = quarantine.open_quarantine(connection).to_dicts()
    return [row | {"file_name": names[row["delivery_id"], row["feed"], row["table_name"]]} for row in rows]


def _name(row: dict[str, Any]) -> str:
    return f"{row['delivery_id'][:12]}-{row['feed']}-{row['table_name']}-{row['record_number']}"


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value

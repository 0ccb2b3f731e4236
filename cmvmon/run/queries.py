"""What stands in the store, for people and machines: the alerts. Light: no frame library is needed for alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmvmon.shell import alert_store
from cmvmon.shell.session import open_store
from cmvmon.shell.site import Site
from cmvmon.text import alert_sentence, language, of_stored


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
            "sentence": of_stored(
                alert_sentence,
                row["rule"],
                json.loads(row["evidence"]),
                language=spoken,
                time_zone=settings.time_zone,
            ),
        }
        for row in rows
    ]


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value

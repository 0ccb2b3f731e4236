"""What was said at a moment, as it was recorded then: nothing is judged again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store


def said(root: Path, *, as_of: datetime, patient: str | None) -> dict[str, list[dict[str, Any]]]:
    """Rows of `verdicts` and `weekly_decline` as they stood at `as_of`, of everyone or of one patient.

    `as_of` in a row = since when it had been said so. Raises SiteError when nothing was assessed by then, or nothing was
    ever said of that patient.
    """
    site = Site(root).require()
    patients = None if patient is None else [patient]
    with open_store(site.database) as store, store.reading() as connection:
        if not alert_store.was_assessed(connection, as_of):
            raise SiteError("nothing had been assessed on this site by then; name a later --as-of")
        found = {
            row_type.name: stored_results.stored(connection, row_type, as_of=as_of, patients=patients).to_dicts()
            for row_type in (VERDICTS, WEEKLY_DECLINE)
        }
    if patient is not None and not any(found.values()):
        raise SiteError("nothing had been said of that patient by then; check the number and --as-of")
    return found

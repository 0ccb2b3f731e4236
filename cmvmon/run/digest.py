"""What the day's digest tells: counts by ward, what changed, and whether the data are complete. No patient, no value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.words import OPERATIONS, TIERS
from cmvmon.run.lately import lately
from cmvmon.run.work_faults import Work
from cmvmon.shell.alert_news import Standing
from cmvmon.shell.never_taken_in import never_taken_in
from cmvmon.shell.site import Site
from cmvmon.telling.notify_file import NotifyFile

_OVERDUE = "no_follow_up"  # the rule that says that a sample is overdue


def digest_facts(
    connection: sa.Connection,
    site: Site,
    file: NotifyFile,
    standing: Collection[Standing],
    wards: Mapping[str, str | None],
    found: Work,
    *,
    at: datetime,
) -> dict[str, Any]:
    """The facts of a digest made at that moment, as `cmvmon.telling.wording` reads them.

    Args:
        wards: the ward of each patient of an open alert; None or absent = not known.
    """
    of_patients = [one for one in standing if one.patient_id is not None and one.tier in TIERS[:-1]]
    counts = Counter((_named(wards.get(str(one.patient_id)), file), one.tier) for one in of_patients)
    places = sorted({place for place, _ in counts}, key=lambda place: (place[0] is None, not place[1], place[0] or ""))
    since = lately(connection, as_of=at, time_zone=site.settings().time_zone)
    overdue = {one.patient_id for one in standing if one.rule == _OVERDUE}
    return {
        "at": at.isoformat(),
        "wards": [
            {"ward": place[0], "is_ward_known": place[1], "now": counts[place, 1], "today": counts[place, 2]}
            for place in places
        ],
        "since": None if since.since is None else since.since.isoformat(),
        "changes": dict(Counter(change.kind for change in since.alerts)),
        "overdue": len(overdue),
        "silent": len(found.silent),
        "stopped": sum(one.rule == OPERATIONS for one in standing),
        "never": never_taken_in(connection, as_of=at),
        "waiting": found.n_waiting,
        "is_night_missing": found.is_night_missing,
    }


def _named(ward: str | None, file: NotifyFile) -> tuple[str | None, bool]:
    """A ward as a message may name it, and whether it is known."""
    return (ward if ward in file.wards else None), ward is not None

"""What the day's digest tells: counts by ward, what changed, and whether the data are complete. No patient, no value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.words import OPERATIONS, TIERS
from cmvmon.run.health.work_faults import Work
from cmvmon.run.pages.lately import lately
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing.alert_news import Standing
from cmvmon.shell.outgoing.outbox import Waiting
from cmvmon.shell.taken_in.never_taken_in import never_taken_in
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
    """The facts of a digest made at that moment, as `cmvmon.telling.digest_words` reads them.

    Args:
        wards: the ward of each patient of an open alert; None or absent = not known.
    """
    of_patients = [one for one in standing if one.patient_id is not None and one.tier in TIERS[:-1]]
    counts = Counter((_named(wards.get(str(one.patient_id)), file), one.tier) for one in of_patients)
    places = sorted({place for place, _ in counts}, key=lambda place: (place[0] is None, not place[1], place[0] or ""))
    overdue = {one.patient_id for one in standing if one.rule == _OVERDUE}
    return {
        "at": at.isoformat(),
        "wards": [
            {"ward": place[0], "is_ward_known": place[1], "now": counts[place, 1], "today": counts[place, 2]}
            for place in places
        ],
        "acknowledged": sum(one.is_acknowledged for one in of_patients),
        **_changes(connection, site, at=at),
        "overdue": len(overdue),
        "silent": len(found.silent),
        "stopped": sum(one.rule == OPERATIONS for one in standing),
        "never": never_taken_in(connection, as_of=at),
        "waiting": found.n_waiting,
        "is_night_missing": found.is_night_missing,
        "is_judged": found.is_judged,
    }


def in_place_of(connection: sa.Connection, site: Site, late: Sequence[Waiting], *, at: datetime) -> dict[str, Any]:
    """The facts that differ where this digest stands in the place of earlier ones that could not be delivered: it counts what
    changed since the first of them counted from. Without any, none do."""
    if not late:
        return {}
    before = sorted(str(moment) for one in late for moment in (*one.facts.get("stands_for", ()), one.facts["at"]))
    counted_from = [str(one.facts["since"] or one.facts["at"]) for one in late]
    since = min(datetime.fromisoformat(text) for text in counted_from)
    return {"stands_for": sorted({before[0], before[-1]})} | _changes(connection, site, at=at, since=since)


def _changes(connection: sa.Connection, site: Site, *, at: datetime, since: datetime | None = None) -> dict[str, Any]:
    found = lately(connection, as_of=at, time_zone=site.settings().time_zone, since=since)
    return {
        "since": None if found.since is None else found.since.isoformat(),
        "changes": dict(Counter(change.kind for change in found.alerts)),
        "rewritten": len(found.results),
    }


def _named(ward: str | None, file: NotifyFile) -> tuple[str | None, bool]:
    """A ward as a message may name it, and whether it is known."""
    return (ward if ward in file.wards else None), ward is not None

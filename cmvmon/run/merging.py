"""A patient's number merged into another by hand: the same row, through the same intake, as a delivered one."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.delivered import LINKS
from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.feeds.formats import ONE_TABLE
from cmvmon.run.feed import Fed, lab_feed
from cmvmon.shell import known, numbers_in_store, unjudged
from cmvmon.shell.clock import moment_to_record
from cmvmon.shell.session import now, open_site, open_store
from cmvmon.shell.site import Site

FEED = "by_hand"
HOLDS, ENDED, NOT_YET = "holds", "ended", "not yet"


def merge(root: Path, old: str, new: str, *, at: datetime, until: datetime | None, by: str) -> Fed:
    """Merges the number `old` into `new` from `at` on (with `until`: until then), and brings both up to date.

    Who did it and when stands in the row. Raises SiteError where nothing is known of `old`, DeliveryError where the row can't be
    used; neither names a patient. ClockInDoubt before anything is written.
    """
    said_at = now()
    with open_site(root) as opened:
        moment_to_record(opened)  # a clock that is not believed: nothing lands under it
        with opened.reading() as connection:
            if not numbers_in_store.is_known(connection, old.strip(), as_of=said_at):
                raise SiteError("nothing is known of the number to merge away; check it. Nothing was done")
        row = (old, new, _plain(at), "" if until is None else _plain(until), f"cmvmon merge by {by}, {_plain(said_at)}")
        written = unjudged.land(
            opened,
            opened.site.landing,
            _csv(row),
            feed=FEED,
            table=LINKS.name,
            form=ONE_TABLE,
            file_name="merge.csv",
            landed_at=said_at,
            is_history=False,
        )
    fed = lab_feed(root, written.delivery_id)
    reasons = sorted(reason for counted in fed.taken_in for reason in counted.reasons)
    if reasons:
        raise DeliveryError(
            reasons[0], f"the merge was set apart ({', '.join(reasons)}); `cmvmon quarantine list` says what to do"
        )
    return fed


def listed_links(root: Path) -> list[dict[str, Any]]:
    """Every link as it is known now, and whether it holds; moments as ISO 8601 text."""
    at = now()
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        rows = known.known_table(connection, LINKS, as_of=at)
        one = known.links(connection, as_of=at)
    unused = {(link.patient_id, link.merged_into): link.why for link in one.unused}
    return [
        {
            "number": row["patient_id"],
            "merged_into": row["merged_into"],
            "state": _state(row, unused, at),
            "goes_on_as": one.into.get(row["patient_id"]),
            **{name: None if row[name] is None else _plain(row[name]) for name in ("merged_at", "ended_at")},
            "source": row["source"],
            "received_at": _plain(row["received_at"]),
        }
        for row in ([] if rows is None else rows.sort("patient_id", "merged_at", "merged_into").to_dicts())
    ]


def _state(row: dict[str, Any], unused: dict[tuple[str, str], str], at: datetime) -> str:
    why = unused.get((row["patient_id"], row["merged_into"]))
    if why is not None:
        return f"not used: {why}"
    if row["ended_at"] is not None and row["ended_at"] <= at:
        return ENDED
    return HOLDS if row["merged_at"] <= at else NOT_YET


def _csv(row: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([LINKS.rows.exchanged, row])
    return text.getvalue().encode()


def _plain(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

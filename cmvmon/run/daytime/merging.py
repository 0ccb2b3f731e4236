"""A patient's number merged into another by hand: the same row, through the same intake, as a delivered one."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.born_apart import born_apart
from cmvmon.domain.delivered import LINKS
from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.domain.patient_links import COMPARED, PARTED, holds_since, last_born
from cmvmon.feeds.formats import ONE_TABLE
from cmvmon.ingest import ingest
from cmvmon.run.daytime.feed import Fed, lab_feed
from cmvmon.run.ward.two_beds import beds_of_two
from cmvmon.shell.as_known import known, numbers_in_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.versions.links import births, links
from cmvmon.shell.work.clock import moment_to_record
from cmvmon.shell.work.opening import open_site

FEED = "by_hand"
WHOLE = "all of the two"  # a row that is no single statement: from when, and until when
HOLDS, ENDED, NOT_YET = "holds", "ended", "not yet"


def merge(
    root: Path, old: str, new: str, *, at: datetime, until: datetime | None, by: str, are_compared: bool = False
) -> Fed:
    """Merges the number `old` into `new` from `at` on (with `until`: until then), and brings both up to date.

    Who did it and when stands in the row. `are_compared`: `by` compared the dates of birth and states that the two are one though
    these differ. Raises SiteError where nothing is known of `old`, where the dates differ and nobody compared them, or for a moment
    that is to come; DeliveryError where the row can't be used. Neither names a patient, and of neither anything is stored.
    ClockInDoubt before anything is written.
    """
    said_at = now()
    for option, moment in (("--at", at), ("--until", until)):
        if moment is not None and moment > said_at:
            raise SiteError(
                f"{option} {_plain(moment)} is still to come, and a merge says what holds; give the moment from which it held. "
                "Nothing was done"
            )
    with open_site(root) as opened:
        moment_to_record(opened)  # a clock that is not believed: nothing lands under it
        with opened.reading() as connection:
            if not numbers_in_store.is_known(connection, old.strip(), as_of=said_at):
                raise SiteError("nothing is known of the number to merge away; check it. Nothing was done")
            if until is None and not are_compared and _are_born_apart(connection, old.strip(), new.strip(), said_at):
                raise SiteError(
                    "the dates of birth of the two numbers differ, so that they are not shown as one. Compare them with the "
                    "hospital's record; where the two are one patient all the same give --birth-dates-compared. Nothing was done"
                )
        row = {
            "patient_id": old,
            "merged_into": new,
            "merged_at": _plain(at),
            "ended_at": "" if until is None else _plain(until),
            "birth_dates": COMPARED if are_compared else "",
            "source": f"cmvmon merge by {by}, {_plain(said_at)}",
        }
        data = _csv(row)
        _refuse_what_is_no_row(data, said_at)
        written = unjudged.land(
            opened,
            opened.site.landing,
            data,
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


def _refuse_what_is_no_row(data: bytes, at: datetime) -> None:
    """A row that the intake would set apart is not stored: whoever typed it is here, and can type it again."""
    intake = ingest(data, feed=FEED, table=LINKS.name, laboratory=None, delivery_id=FEED, received_at=at, landed_at=at)
    for part in intake.parts:
        for reason, remedy in part.quarantined.select("reason", "remedy").iter_rows():
            raise DeliveryError(reason, f"{reason}: {remedy} Nothing was done")


def without_birth_date(root: Path, old: str, new: str) -> str:
    """Of which of the two no date of birth is known, in words without a number; empty where both are."""
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        born = last_born(births(connection, {old.strip(), new.strip()}, as_of=now()))
    lacking = [word for word, number in (("OLD", old), ("NEW", new)) if number.strip() not in born]
    return " and ".join(lacking)


def is_known(root: Path, number: str) -> bool:
    """Whether anything is known of a patient's number."""
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        return numbers_in_store.is_known(connection, number.strip(), as_of=now())


def lie_in_two_beds(root: Path, old: str, new: str) -> tuple[str, str] | None:
    """Ward and bed of each of the two, where both lie in one now and these are two; for one who asks before they are merged."""
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        return beds_of_two(connection, old.strip(), new.strip(), at=now())


def not_used(root: Path) -> dict[str, int]:
    """By why, how many merges should hold now and are not used."""
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        one = links(connection, as_of=now())
    return dict(sorted(Counter(link.why for link in one.unused).items()))


def _are_born_apart(connection: sa.Connection, old: str, new: str, at: datetime) -> bool:
    born = births(connection, {old, new}, as_of=at)
    return bool(born_apart([(old, new)], (), last_born(born)))


def listed_links(root: Path) -> list[dict[str, Any]]:
    """Every row of a link as it is known now, and whether the two are one by all of them; moments as ISO 8601 text."""
    at = now()
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        rows = known.known_table(connection, LINKS, as_of=at)
        one = links(connection, as_of=at)
    unused = {(link.patient_id, link.merged_into): link.why for link in one.unused}
    of_pair: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in [] if rows is None else rows.to_dicts():
        of_pair[row["patient_id"], row["merged_into"]].append(row)
    return [
        {
            "number": row["patient_id"],
            "merged_into": row["merged_into"],
            "says": row["says"] or WHOLE,
            "state": _state(row, of_pair[row["patient_id"], row["merged_into"]], unused, at),
            "goes_on_as": None if row["says"] == PARTED else one.into.get(row["patient_id"]),
            **{name: None if row[name] is None else _plain(row[name]) for name in ("merged_at", "ended_at")},
            "source": row["source"],
            "received_at": _plain(row["received_at"]),
        }
        for row in (
            [] if rows is None else rows.sort("patient_id", "merged_into", "merged_at", "received_at").to_dicts()
        )
    ]


def _state(row: dict[str, Any], of_pair: list[dict[str, Any]], unused: dict[tuple[str, str], str], at: datetime) -> str:
    why = unused.get((row["patient_id"], row["merged_into"]))
    if why is not None:
        return f"not used: {why}"
    if row["merged_at"] > at:
        return NOT_YET
    if row["says"] == PARTED:
        return PARTED
    return ENDED if holds_since(of_pair, at) is None else HOLDS


def _csv(row: Mapping[str, str]) -> bytes:
    text = io.StringIO()
    cells = [row.get(name, "") for name in LINKS.rows.exchanged]
    csv.writer(text, lineterminator="\n").writerows([LINKS.rows.exchanged, cells])
    return text.getvalue().encode()


def _plain(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

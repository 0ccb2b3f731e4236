"""What is said of patients' numbers: who has no result, which differ only in how they are written, which merges are not used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa

from cmvmon.dashboards.views import PatientNumbers
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.patient_links import Links
from cmvmon.feeds.patient_numbers import fold_number
from cmvmon.run.ward.ward_list import LISTED_FOR, WardList
from cmvmon.shell.as_known import numbers_in_store, who_is_there
from cmvmon.shell.versions.links import linked, links

_EVER = datetime(1900, 1, 1, tzinfo=UTC)  # before any sample was tested for CMV


def on_the_ward(connection: sa.Connection, ward: WardList, *, as_of: datetime) -> PatientNumbers:
    """What the ward page says of the numbers of its patients. Asks for them alone, not for everybody who was ever known."""
    one = links(connection, as_of=as_of, about=ward.patients)
    mine = one.family(ward.patients)
    found = numbers_in_store.written_otherwise(connection, mine, as_of=as_of)
    n_without = len(set(ward.patients) - set(ward.results["patient_id"]))
    written_alike = alike(connection, mine | found, as_of=as_of)
    n_off = len(_off_list(connection, ward, as_of=as_of))
    return PatientNumbers(n_without, written_alike, unused(one), n_off, LISTED_FOR.days)


def _off_list(connection: sa.Connection, ward: WardList, *, as_of: datetime) -> set[str]:
    """Patients with results who are not listed, where that is for want of stays and not because somebody was discharged."""
    if ward.stays is not None:
        return set()
    ever = who_is_there.patients_since(connection, LEADING.rows, LEADING.starts, since=_EVER, as_of=as_of)
    return ever - set(ward.patients)


def alike(connection: sa.Connection, numbers: Collection[str], *, as_of: datetime) -> tuple[tuple[str, ...], ...]:
    """Of these numbers those that differ only in leading zeros, case or blanks and are judged as several patients, in groups.

    Two numbers that a link ever joined are left out: whether they are one patient has been stated.
    """
    folded: dict[str, set[str]] = defaultdict(set)
    for number in numbers:
        folded[fold_number(number)].add(number)
    groups = [group for name, group in folded.items() if name and len(group) > 1]
    one = links(connection, as_of=as_of, about={number for group in groups for number in group})
    apart = [{one.of(number) for number in group} for group in groups]
    return tuple(
        sorted(tuple(sorted(group)) for group in apart if len(group) > 1 and not _is_stated(connection, group))
    )


def unused(one: Links) -> tuple[tuple[str, str, str], ...]:
    """The links that should hold and are not used, each with why."""
    return tuple(sorted((link.patient_id, link.merged_into, link.why) for link in one.unused))


def _is_stated(connection: sa.Connection, group: Collection[str]) -> bool:
    """Whether links, whatever became of them, join all of these numbers."""
    return set(group) <= linked(connection, [min(group)])

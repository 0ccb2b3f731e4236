"""Some patients brought up to date: assessed once, recorded, their pages and the ward page written.

Nobody else is assessed, but where what blood follows on the unit turns: that may concern the whole ward.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.one_thread import in_one_thread
from cmvmon.run.judging.assessing import Counts, assess_site, assessed
from cmvmon.run.pages.publish import Published, halting, publish
from cmvmon.run.ward import ward_list
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.as_known import unassessed, who_waits
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in.touched import patients_of_delivery
from cmvmon.shell.work.opening import OpenSite, held, open_site

_NOBODYS = "made-up"  # the scope of an assessment that no delivery asked for


@in_one_thread
def refresh(opened: OpenSite, patients: Collection[str], *, as_of: datetime, scope: str) -> tuple[Counts, Published]:
    """Assesses these patients at `as_of`, and writes what has changed. The caller holds the site.

    Of the others the ward page shows what was said last and what is known. Everybody of whom something came in since then is
    assessed too, as after a program that stopped between taking in and assessing: no alert waits for the night.

    Args:
        scope: what the assessment is for, as a word without patient data (a delivery's id).

    Raises ContractBroken and ProtocolError as an assessment does; the ward page then says that the work stopped.
    """
    with opened.reading() as connection:
        waiting = waiting_patients(connection, as_of)
    whom = frozenset(patients) | waiting
    with halting(opened, as_of=as_of):
        assessment, counts = assess_site(opened, as_of=as_of, scope=scope, patients=whom, is_live=True)
        return counts, publish(opened, assessment, as_of=as_of, only=set(assessment.patients))


@in_one_thread
def refresh_unassessed(
    opened: OpenSite, *, as_of: datetime, besides: Collection[str] = ()
) -> tuple[tuple[str, ...], tuple[Counts, Published] | None]:
    """Brings everybody up to date whom a stored delivery touches that nobody has judged yet, or one of `besides` (ids of deliveries),
    or of whom something came in before. The caller holds the site.

    Gives the ids of those deliveries, and what it came to; None where they touch nobody. They wait no longer once the pages stand.
    Raises as `refresh` does; they wait on then.
    """
    with opened.reading() as connection:
        ids = tuple(sorted({*unassessed.waiting(connection), *besides}))
        touched = frozenset[str]().union(*(patients_of_delivery(connection, each) for each in ids))
        touched |= waiting_patients(connection, as_of)
    came_to = refresh(opened, touched, as_of=as_of, scope=scope_of(ids)) if touched else None
    if ids:
        with opened.writing() as connection:
            unassessed.done(connection, ids)
    return ids, came_to


def scope_of(delivery_ids: Sequence[str]) -> str:
    """What the assessment is for: the delivery's id, one that stands for these deliveries together, or a word where there is none."""
    ids = sorted(set(delivery_ids))
    if len(ids) < 2:
        return ids[0] if ids else _NOBODYS
    return hashlib.sha256("".join(ids).encode()).hexdigest()


def waiting_patients(connection: sa.Connection, as_of: datetime) -> frozenset[str]:
    """Patients of whom something came in that nobody has judged; before the first night, who may be on the ward's list."""
    since, among = alert_store.last_as_of(connection, scope="all"), None
    if since is None or as_of < since:
        since, among = None, ward_list.candidates(connection, as_of=as_of)
    if since is not None:
        turned = who_waits.joined_or_parted(connection, after=since, as_of=as_of)
        return turned | who_waits.waiting_since(connection, as_of=as_of, since=since)
    found = (who_waits.waiting(connection, table, as_of=as_of, among=among) for table in DELIVERED)
    return frozenset[str]().union(*found)


def pages_again(root: Path, *, as_of: datetime) -> Published:
    """Every page written as of that moment, after somebody answered, those about the site too; records nothing."""
    with held(Site(root)), open_site(root) as opened:
        return publish(opened, assessed(opened, as_of=as_of), as_of=as_of)

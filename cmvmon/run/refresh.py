"""Some patients brought up to date: assessed once, recorded, their pages and the ward page written.

Nobody else is assessed, but where what blood follows on the unit turns: that may concern the whole ward.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED
from cmvmon.run import ward_list
from cmvmon.run.assessing import Counts, assess_site, assessed
from cmvmon.run.publish import Published, halting, publish
from cmvmon.shell import alert_store, unjudged
from cmvmon.shell.session import OpenSite, held, open_site
from cmvmon.shell.site import Site


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


def waiting_patients(connection: sa.Connection, as_of: datetime) -> frozenset[str]:
    """Patients of whom something came in that nobody has judged; before the first night, who may be on the ward's list."""
    since, among = alert_store.last_as_of(connection, scope="all"), None
    if since is None or as_of < since:
        since, among = None, ward_list.candidates(connection, as_of=as_of)
    if since is not None:
        turned = unjudged.joined_or_parted(connection, after=since, as_of=as_of)
        return turned | unjudged.waiting_since(connection, as_of=as_of, since=since)
    found = (unjudged.waiting(connection, table, as_of=as_of, among=among) for table in DELIVERED)
    return frozenset[str]().union(*found)


def pages_again(root: Path, patients: Collection[str], *, as_of: datetime) -> Published:
    """The pages of these patients and the ward page, written as of that moment, after somebody answered; records nothing."""
    with held(Site(root)), open_site(root) as opened:
        assessment = assessed(opened, as_of=as_of, patients=patients, is_live=True)
        return publish(opened, assessment, as_of=as_of, only=set(assessment.patients))

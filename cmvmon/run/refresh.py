"""Some patients brought up to date: assessed once, recorded, their pages and the ward page written. Nobody else is assessed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from cmvmon.run import ward_list
from cmvmon.run.assessing import Counts, assess_site
from cmvmon.run.publish import Published, halting, publish
from cmvmon.shell import known
from cmvmon.shell.session import OpenSite


def refresh(opened: OpenSite, patients: Collection[str], *, as_of: datetime, scope: str) -> tuple[Counts, Published]:
    """Assesses these patients at `as_of`, and writes what has changed. The caller holds the site.

    Of the others the ward page shows what was said last and what is known. A listed patient of whom something came in since
    then, or who was never judged, is assessed too: an empty place on the page would read as nothing to look at.

    Args:
        scope: what the assessment is for, as a word without patient data (a delivery's id).

    Raises ContractBroken and ProtocolError as an assessment does; the ward page then says that the work stopped.
    """
    with opened.reading() as connection:
        listed = ward_list.candidates(connection, as_of=as_of)
        waiting = known.received_since_judged(connection, listed, as_of=as_of)
    whom = frozenset(patients) | waiting
    with halting(opened, as_of=as_of):
        assessment, counts = assess_site(opened, as_of=as_of, scope=scope, patients=whom, is_live=True)
        return counts, publish(opened, assessment, as_of=as_of, only=whom)

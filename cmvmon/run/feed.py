"""One landed delivery: take it in, assess the patients it touches, publish their pages and the ward's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.run.assessing import Counts
from cmvmon.run.intake import take_in_landed
from cmvmon.run.publish import Published
from cmvmon.run.refresh import refresh
from cmvmon.shell import known
from cmvmon.shell.intake_store import Counted
from cmvmon.shell.landing import landed
from cmvmon.shell.session import held, now, open_site
from cmvmon.shell.site import Site


@dataclass(frozen=True)
class Fed:
    """What one delivery came to; `assessed` and `published` are None when it touched nobody."""

    taken_in: tuple[Counted, ...]
    assessed: Counts | None
    published: Published | None


def lab_feed(root: Path, delivery_id: str, *, as_of: datetime | None = None) -> Fed:
    """Takes in the delivery of that id (SHA-256 of its bytes) and brings the patients it touches up to date.

    Judged at `as_of`; without it, at the moment at which the site is free for this delivery. A patient is assessed on
    everything that is known of them, so the verdicts are those that the night would give.
    Raises SiteError when no such delivery has landed.
    """
    site = Site(root).prepare()
    with held(site), open_site(root) as opened:
        as_of = as_of or now()
        taken_in = tuple(
            counted
            for way in landed(site.landing, delivery_id)
            for counted in take_in_landed(opened, way, received_at=as_of)
        )
        with opened.reading() as connection:
            touched = known.patients_of_delivery(connection, delivery_id)
        if not touched:
            return Fed(taken_in, None, None)
        return Fed(taken_in, *refresh(opened, touched, as_of=as_of, scope=delivery_id))

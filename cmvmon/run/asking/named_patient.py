"""A patient whom somebody names by a number, and the moment up to which a site has judged: what each question begins with."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.versions.links import links

UNKNOWN = "no patient of that number is known on this site"


def last_judged(connection: sa.Connection) -> datetime:
    """The latest moment that was assessed and recorded. Raises SiteError where there is none yet."""
    moment = alert_store.last_as_of(connection)
    if moment is None:
        raise SiteError("nothing was assessed on this site yet; run `cmvmon nightly` first")
    return moment


def numbers_of(connection: sa.Connection, patient: str, *, as_of: datetime) -> list[str]:
    """Every number of the patient who is named by this one, sorted. Raises SiteError where nothing was known of any at `as_of`."""
    family = sorted(links(connection, as_of=as_of, about=[patient]).family([patient]))
    if not numbers_in_store.any_known(connection, family, as_of=as_of):
        raise SiteError(UNKNOWN)
    return family

"""Which messages to people did not get through, as the ward page says it: a mail that is dead is no silence that means all is well."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from cmvmon.dashboards.happened import Undelivered
from cmvmon.shell.outgoing import outbox
from cmvmon.telling.routing import KINDS


def undelivered(connection: sa.Connection, *, as_of: datetime) -> Undelivered:
    """What waits in the outbox though it was tried, and what was given up in the last days before `as_of`."""
    failing = [one for one in outbox.waiting(connection, KINDS) if one.n_tried > 0]
    since = as_of - timedelta(days=Undelivered.shown_for_days)
    lost = [row for row in outbox.ended(connection, event=outbox.GIVEN_UP, since=since) if row["kind"] in KINDS]
    return Undelivered(len(failing), min((one.queued_at for one in failing), default=None), len(lost))

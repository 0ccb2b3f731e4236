"""The alert about a protocol file that judges nobody: it waits for a second person, bears a used label, or can't be read."""

from __future__ import annotations

import json
from datetime import datetime

from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import PROTOCOL_FEED, OpenSite


def note_policy(opened: OpenSite, as_of: datetime) -> None:
    """Opens that alert while the site's file holds another protocol than the approved one that judges; resolves it after that."""
    evidence = None
    if opened.waits is not None:
        fact = {"code": opened.waits.state, "feed": PROTOCOL_FEED, "table_name": "protocol"}
        evidence = json.dumps(fact, sort_keys=True)
    with opened.writing() as connection:
        alert_store.record_operations(connection, feed=PROTOCOL_FEED, evidence=evidence, stamp=opened.stamp(as_of))

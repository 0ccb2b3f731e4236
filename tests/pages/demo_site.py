"""The demo's site, as the tests of its pages read it: one copy of it for all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.protocol import Protocol
from cmvmon.run.ward import ward_list
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests.demo_run import DemoRun


@dataclass(frozen=True)
class Demo:
    root: Path
    as_of: datetime
    ward: ward_list.WardList
    courses: pl.DataFrame
    orders: pl.DataFrame
    weekly: pl.DataFrame
    protocol: Protocol
    time_zone: str

    def page(self, name: str) -> str:
        return (self.root / "pages" / name).absolute().as_uri()


def of(run: DemoRun, to: Path) -> Demo:
    """The demo after its night and its answers, at `to`, with what its store knows. `CMVMON_DEMO_SITE` names one that is already made."""
    made = os.environ.get("CMVMON_DEMO_SITE")
    root = Path(made) if made else run.copied(to)
    with open_site(root) as opened:
        with opened.reading() as connection:
            as_of = alert_store.last_as_of(connection)
            assert as_of is not None
            courses = known.known_table(connection, BY_NAME[ANTIVIRAL_COURSES.name], as_of=as_of)
            orders = known.known_table(connection, BY_NAME[SAMPLES_ORDERED.name], as_of=as_of)
            alerts = alert_store.alerts(connection, states={"open"})
            weekly = stored_results.stored(connection, WEEKLY_DECLINE, as_of=as_of)
        urgent = {str(alert["patient_id"]) for alert in alerts if alert["tier"] < 3 and alert["patient_id"]}
        ward = ward_list.stored_list(opened, as_of=as_of, urgent=urgent, unanswered=urgent)
        protocol = opened.protocol
    assert courses is not None
    assert orders is not None
    return Demo(root, as_of, ward, courses, orders, weekly, protocol, Site(root).settings().time_zone)

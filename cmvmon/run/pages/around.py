"""What stands on a site at a moment beside what is judged: feeds, records that wait, alerts, rules switched off, recent changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import polars as pl
import sqlalchemy as sa

from cmvmon.dashboards.happened import Lately, Undelivered
from cmvmon.dashboards.views import NeverDelivered, SwitchedOff
from cmvmon.domain import words
from cmvmon.domain.patient_links import Links
from cmvmon.domain.results import ALERTS
from cmvmon.run.health import freshness
from cmvmon.run.pages import views
from cmvmon.run.pages.lately import lately
from cmvmon.run.pages.never_delivered import never_delivered
from cmvmon.run.pages.undelivered import undelivered
from cmvmon.shell.alerts import alert_store, rule_switches
from cmvmon.shell.taken_in.never_taken_in import never_taken_in
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.waiting.quarantine import Waits
from cmvmon.shell.work.opening import OpenSite

STALE_AFTER_HOURS = 36  # a page is made each night; the reader's own clock marks one that is older


@dataclass(frozen=True)
class Around:
    """All of that at `as_of`.

    Attributes:
        waiting: records set apart, under the numbers that they came under.
        standing: the alerts that stand open, of patients and of the work.
        n_never_taken_in: deliveries that landed and were never taken in.
        undelivered: messages to people that did not get through.
    """

    as_of: datetime
    waiting: frozenset[Waits]
    feeds: tuple[FeedTable, ...]
    standing: tuple[Mapping[str, object], ...]
    lately: Lately
    switched_off: tuple[SwitchedOff, ...]
    never_delivered: tuple[NeverDelivered, ...]
    n_never_taken_in: int
    undelivered: Undelivered

    @cached_property
    def alerts(self) -> pl.DataFrame:
        """Those that stand open, as `alerts`."""
        return ALERTS.conform(pl.DataFrame(self.standing, schema=ALERTS.schema, infer_schema_length=None))

    @cached_property
    def urgent(self) -> frozenset[str]:
        """Who has an alert of tier 1 or 2."""
        return frozenset(self.alerts.filter(pl.col("tier") < 3)["patient_id"].drop_nulls())

    @cached_property
    def unanswered(self) -> frozenset[str]:
        """Who has one that nobody has acknowledged."""
        waits = (pl.col("tier") < 3) & (pl.col("standing") != words.ACKNOWLEDGED)
        return frozenset(self.alerts.filter(waits)["patient_id"].drop_nulls())

    def waiting_under(self, one: Links) -> frozenset[Waits]:
        """The records that wait, each under the number that its patient goes on under."""
        return frozenset(
            replace(each, patient_id=one.of(each.patient_id)) if each.patient_id else each for each in self.waiting
        )

    def common(self, opened: OpenSite) -> views.Common:
        """What every page shares; which drugs run is for the caller to add."""
        settings = opened.site.settings()
        return views.Common(
            opened.protocol,
            self.as_of,
            settings.time_zone,
            settings.is_demo,
            STALE_AFTER_HOURS,
            self.switched_off,
            self.never_delivered,
            handed_to=settings.handed_to,
            waits=opened.waits,
        )


def alerts_anew(opened: OpenSite, before: Around) -> Around:
    """`before`, since which nothing happened but to alerts and messages, with these as the store has them now."""
    with opened.reading() as connection:
        happened = lately(connection, as_of=before.as_of, time_zone=opened.site.settings().time_zone)
        open_now = tuple(alert_store.alerts(connection, states={"open"}))
        failing = undelivered(connection, as_of=before.as_of)
        return replace(before, standing=open_now, lately=happened, undelivered=failing)


def around(opened: OpenSite, *, as_of: datetime, standing: Sequence[Mapping[str, object]] | None = None) -> Around:
    """That as the store has it. `standing`: other alerts than those that stand open in the store."""
    with opened.reading() as connection:
        waiting = quarantine.waits(connection, as_of=as_of)
        off = switched_off(connection, as_of)
        return Around(
            as_of,
            waiting,
            tuple(freshness.feed_tables(connection, opened.site, as_of=as_of, waiting=waiting)),
            tuple(alert_store.alerts(connection, states={"open"}) if standing is None else standing),
            lately(connection, as_of=as_of, time_zone=opened.site.settings().time_zone),
            off,
            never_delivered(connection, as_of=as_of, switched_off={rule.rule for rule in off}),
            never_taken_in(connection, as_of=as_of),
            undelivered(connection, as_of=as_of),
        )


def switched_off(connection: sa.Connection, as_of: datetime) -> tuple[SwitchedOff, ...]:
    """The rules that stood switched off then, as pages say it."""
    rows = rule_switches.disabled(connection, as_of=as_of)
    return tuple(SwitchedOff(row["rule"], row["changed_at"], row["actor"], row["why"]) for row in rows)

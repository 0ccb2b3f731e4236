"""The nights of a site once more, each as it was known then, under one policy or two. Nothing is written into its store.

A recorded moment is judged again by the same pieces: what was known (cmvmon.shell.as_known.known), `assess`, why alerts end
(`ends_of_alerts`), what that makes of them (Ledger). So the site's own protocol gives the events that are stored. The
contract gate is not asked: a moment that it stopped is not recorded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon import __version__
from cmvmon.assess import Assessment, assess
from cmvmon.domain.errors import SiteError
from cmvmon.facts.stays import STAYS
from cmvmon.protocol import Protocol
from cmvmon.run.health.nights import DUE_AT
from cmvmon.run.judging.assessing import ends_of_alerts, switched_off, without_switched_off
from cmvmon.run.judging.in_doubt import laboratories_in_doubt
from cmvmon.run.judging.unit_concordance import unit_concordance
from cmvmon.run.replay.replay_ledger import Ledger, Told
from cmvmon.shell.alerts.alert_events import said_before
from cmvmon.shell.as_known import known, moments
from cmvmon.shell.as_known.moments import Moment
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import OpenSite

Heard = Callable[[Protocol, list[dict[str, Any]]], None]  # told of every moment's events, under which protocol


def _told_nobody(_protocol: Protocol, _events: list[dict[str, Any]]) -> None:
    """Nobody asked for the events one by one."""


def _no_progress(_done: int, _of: int) -> None:
    """Nobody asked how far it is."""


class NoNight(SiteError):
    """No night is recorded in the days that were asked for."""


@dataclass(frozen=True)
class Side:
    """What one policy said: every alert that stood or opened, by the moment of its opening."""

    protocol: Protocol
    told: tuple[Told, ...]


@dataclass(frozen=True)
class Replayed:
    """What was judged again, and what each policy said.

    Attributes:
        nights: moments at which everybody was judged; `refreshes`: those of some patients, after a delivery.
        patient_days: by patient, on how many days a night found a verdict about one who was not known to have left.
        last_days: by the same patients, the last of these days.
        days: on how many days there was a night.
        mornings: whether it was judged at DUE_AT of each day, and not when the nights were.
        judged_otherwise: recorded moments that were judged under another policy, or by another version of this program.
        history_since: deliveries of history that landed since the first night; the nights did not know them.
    """

    since: date
    until: date
    nights: int
    refreshes: int
    patient_days: dict[str, int]
    last_days: dict[str, date]
    days: int
    mornings: bool
    judged_otherwise: int
    history_since: int
    sides: tuple[Side, ...]


def replay(
    root: Path,
    *,
    since: date,
    until: date,
    own: Protocol | None = None,
    other: Protocol | None = None,
    mornings: bool = False,
    progress: Callable[[int, int], None] = _no_progress,
    heard: Heard = _told_nobody,
) -> Replayed:
    """Judges the moments of the days from `since` to `until`, both included, by the site's clock.

    Args:
        own: the first policy; None = the one that judges the site.
        other: a second policy, held against the site's own on the same moments.
        mornings: at 05:30 of each day, beginning with no alert, whether there was a night or not; what stands on the first
            morning counts as having stood before. Without it the recorded moments, beginning with what stood then.
        heard: told of the events of each moment.

    Raises SiteError when there is no such site, the days are in the wrong order, or no night is recorded in them;
    ProtocolError for a protocol or laboratory file that can't be used.
    """
    site = Site(root).require()
    settings = site.settings()
    own = site.protocol() if own is None else own
    zone = ZoneInfo(settings.time_zone)
    if until < since:
        raise SiteError(f"--to {until} lies before --from {since}; name the first day and the last")
    with open_store(settings.database) as store:
        opened = OpenSite(store.engine, site, own, settings.method)
        asked = _asked(opened, since, until, zone, mornings=mornings)
        before = partial(_said_before, opened, [row["alert_id"] for row in asked.standing], asked.moments[0].as_of)
        sides = [
            (protocol, Ledger(asked.standing, asked.stand_again, before=before))
            for protocol in (own, *([] if other is None else [other]))
        ]
        ledgers, people, watched = [ledger for _, ledger in sides], deque(asked.people), _Watched(zone)
        for n, moment in enumerate(asked.moments):
            while people and people[0]["changed_at"] < moment.as_of:
                said = people.popleft()
                for ledger in ledgers:
                    ledger.take_over(said)
            _judge(opened, moment, sides, watched, heard)
            if mornings and n == 0:
                for ledger in ledgers:
                    ledger.opens_as_standing()
            progress(n + 1, len(asked.moments))
    nights = sum(moment.patients is None for moment in asked.moments)
    return Replayed(
        since=since,
        until=until,
        nights=nights,
        refreshes=len(asked.moments) - nights,
        patient_days=dict(watched.patient_days),
        last_days=watched.last_days,
        days=len(watched.days),
        mornings=mornings,
        judged_otherwise=sum(_is_otherwise(moment, own) for moment in asked.moments),
        history_since=asked.history_since,
        sides=tuple(Side(protocol, ledger.told) for protocol, ledger in sides),
    )


def _said_before(opened: OpenSite, standing: Collection[str], moment: datetime, alert: Mapping[str, Any]) -> list[Any]:
    """The events before that moment of an alert that stood then, the last first."""
    if alert["alert_id"] not in standing:
        return []
    with opened.reading() as connection:
        events = said_before(connection, alert)
    return [event for event in events if event["changed_at"] < moment]


@dataclass(frozen=True)
class _Asked:
    """What is judged again, and where it begins. `standing`: alerts that stood open before the first moment; `stand_again`: those
    that do so until somebody has acknowledged them; `people`: what people said of alerts since; `history_since`: as in Replayed."""

    moments: list[Moment]
    standing: list[dict[str, Any]]
    people: list[dict[str, Any]]
    history_since: int
    stand_again: frozenset[str] = frozenset()


def _asked(opened: OpenSite, since: date, until: date, zone: ZoneInfo, *, mornings: bool) -> _Asked:
    """Raises SiteError where nothing can be judged."""
    begins, ends = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (since, until + timedelta(days=1)))
    if mornings:
        found = _Asked(_mornings(since, until, zone, opened.method), [], [], 0)
        if not found.moments:
            raise SiteError(f"--from {since}: no such morning has been yet")
        return found
    with opened.reading() as connection:
        recorded = moments.recorded_moments(connection, begins, ends)
        if not any(moment.patients is None for moment in recorded):
            raise NoNight(
                f"no night is recorded from {since} to {until}; name other days, or judge each morning of them (--mornings)"
            )
        first = recorded[0].as_of
        return _Asked(
            recorded,
            moments.met_before(connection, first),
            list(moments.said_by_people(connection, first, ends)),
            moments.n_of_history_after(connection, first),
            moments.stood_again_by(connection, first),
        )


@dataclass
class _Watched:
    """Who was on the unit on which day: each day counts once, by its first night."""

    zone: ZoneInfo
    days: set[date] = field(default_factory=set)
    patient_days: Counter[str] = field(default_factory=Counter)
    last_days: dict[str, date] = field(default_factory=dict)

    def note(self, assessment: Assessment, as_of: datetime) -> None:
        day = as_of.astimezone(self.zone).date()
        if day in self.days:
            return
        self.days.add(day)
        gone = assessment.facts.of(STAYS).filter("is_discharged")["patient_id"].implode()
        here = assessment.verdicts.filter(~pl.col("patient_id").is_in(gone))["patient_id"].unique()
        self.patient_days.update(here)
        self.last_days |= dict.fromkeys(here, day)


def _judge(
    opened: OpenSite, moment: Moment, sides: Sequence[tuple[Protocol, Ledger]], watched: _Watched, heard: Heard
) -> None:
    """One moment under each policy, on one reading of what was known."""
    as_of, whom = moment.as_of, moment.patients
    with opened.reading() as connection:
        was_known = known.known(connection, opened.site, as_of=as_of, patients=whom)
        one = links(connection, as_of=as_of, about=whom)
        off = switched_off(connection, as_of=as_of)
    for n, (protocol, ledger) in enumerate(sides):
        under = replace(opened, protocol=protocol, method=moment.method)
        of_unit = None if whom is None else unit_concordance(under, whom, as_of=as_of).table
        doubted = laboratories_in_doubt(under, as_of=as_of)
        given = replace(was_known, concordance=of_unit, moved_together=doubted)
        assessment = assess(given, protocol=protocol, as_of=as_of, method=moment.method)
        assessment = without_switched_off(assessment, off)
        rows = assessment.verdicts.to_dicts()
        covered = None if whom is None else {*whom, *(row["patient_id"] for row in rows)}
        events = ledger.say(rows, ends_of_alerts(assessment, one, off), stamp=under.stamp(as_of), patients=covered)
        heard(protocol, events)
        if n == 0 and whom is None:
            watched.note(assessment, as_of)


def _mornings(since: date, until: date, zone: ZoneInfo, method: str) -> list[Moment]:
    """05:30 of each day, so far as they have been."""
    at = (datetime.combine(day, DUE_AT, zone).astimezone(UTC) for day in _days(since, until))
    latest = now()
    return [Moment(as_of, method) for as_of in at if as_of <= latest]


def _days(since: date, until: date) -> Iterator[date]:
    yield from (since + timedelta(days=n) for n in range((until - since).days + 1))


def _is_otherwise(moment: Moment, own: Protocol) -> bool:
    is_recorded = moment.protocol_hash is not None
    return is_recorded and (moment.protocol_hash, moment.code_version) != (own.sha256, __version__)

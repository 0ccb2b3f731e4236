"""What waits for whom: alerts that nobody has answered, by who owns their rule, and samples that are expected, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.domain import words
from cmvmon.domain.errors import ProtocolUnusable
from cmvmon.protocol import Protocol
from cmvmon.run import ward_list
from cmvmon.run.queries import listed_alerts
from cmvmon.run.samples_waiting import orders_waiting, samples_expected
from cmvmon.shell import alert_store
from cmvmon.shell.session import open_site, open_store
from cmvmon.shell.site import Site
from cmvmon.text import Language, alert_title, language, of_stored

OF_THE_WORK = "data team"  # for whom an alert about the work itself waits: no stanza of the protocol owns it


@dataclass(frozen=True)
class Worklist:
    """What waits at one moment.

    Attributes:
        alerts: open ones that nobody acknowledged, or whose snooze is over: `for_whom`, and as `alerts list` shows them; by
            for whom, tier and age.
        orders: samples that were ordered, and of which no result is known: `patient_id`, `compartment`, `ordered_at`,
            `collected_at` (null: not taken); of every patient on the ward's list, the one waiting longest first.
        samples: `due_on` (a date of the site's zone), `patient_id`, `compartment`, `newest_collected_at`, `is_overdue`; of every
            load of a patient on the ward's list that a rule watches, by date.
        language, time_zone: in which it is told, and by whose clocks.
        trouble: why nothing new can be told, in words: the protocol file can't be used. The alerts are those that stood then,
            of every owner; samples and orders are not told.
    """

    alerts: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    language: str
    time_zone: str
    trouble: str | None = None


def worklist(root: Path, *, as_of: datetime, for_whom: str | None = None, lang: str | None = None) -> Worklist:
    """What waits at that moment, by what was judged last; with `for_whom`, the alerts of that owner alone.

    A sample is expected `[answers] next_sample_days` after the newest of its compartment. Nothing is recorded.
    """
    settings = Site(root).require().settings()
    zone, spoken = ZoneInfo(settings.time_zone), language(lang or settings.language)
    waiting = [
        row | {"title": of_stored(alert_title, row["rule"], row["evidence"], language=spoken)}
        for row in listed_alerts(root, every=False, lang=lang)
        if _waits(row, as_of)
    ]
    try:
        with open_site(root) as opened:
            ward = ward_list.stored_list(opened, as_of=as_of, urgent=set())
            protocol = opened.protocol
            orders = orders_waiting(opened, ward, as_of=as_of).to_dicts()
    except ProtocolUnusable as error:
        unowned = [row | {"for_whom": spoken.say("unknown")} for row in waiting]
        stood = sorted(unowned, key=lambda row: (row["tier"], row["opened_at"]))
        return Worklist(stood, [], [], spoken.code, zone.key, _trouble(root, error, spoken, zone.key))
    rows = [row | {"for_whom": _owner(row["rule"], protocol)} for row in waiting]
    mine = [row for row in rows if for_whom is None or for_whom.lower() in row["for_whom"].lower()]
    samples = [
        {
            "newest_collected_at": row["newest_collected_at"],
            "patient_id": row["patient_id"],
            "compartment": row["compartment"],
        }
        | {"due_on": row["due_at"].astimezone(zone).date().isoformat(), "is_overdue": row["due_at"] < as_of}
        for row in samples_expected(ward.results, ward.watched, protocol=protocol).to_dicts()
    ]
    alerts = sorted(mine, key=lambda row: (row["for_whom"], row["tier"], row["opened_at"]))
    return Worklist(alerts, samples, orders, spoken.code, zone.key)


def _trouble(root: Path, error: ProtocolUnusable, spoken: Language, time_zone: str) -> str:
    """Since when nothing was judged, and what place of the protocol file can't be used."""
    with open_store(Site(root).database) as store, store.reading() as connection:
        last = alert_store.last_as_of(connection, scope="all")
    since = spoken.say("unknown") if last is None else spoken.moment(last, time_zone)
    return spoken.say("worklist.protocol", since=since, where=", ".join(error.places))


def _waits(row: dict[str, Any], as_of: datetime) -> bool:
    if row["standing"] == words.SNOOZED:
        return datetime.fromisoformat(row["until"]) <= as_of
    return bool(row["standing"] != words.ACKNOWLEDGED)


def _owner(rule: str, protocol: Protocol) -> str:
    """Who owns the rule's stanza in the protocol, and so has to answer for what it says."""
    return protocol.rules[rule].provenance.owner if rule in protocol.rules else OF_THE_WORK

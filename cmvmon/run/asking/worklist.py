"""What waits for whom: alerts that nobody has answered, by who owns their rule, and samples that are expected, by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.domain import words
from cmvmon.domain.errors import ProtocolUnusable, SiteError
from cmvmon.protocol import Protocol
from cmvmon.run.asking.queries import listed_alerts
from cmvmon.run.ward import ward_list
from cmvmon.run.ward.samples_waiting import orders_waiting, samples_expected
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store
from cmvmon.shell.work.opening import open_site
from cmvmon.text import Language, alert_title, language, of_stored
from cmvmon.text.provenance import owner_in_words

_ONE_LOOK = timedelta(minutes=5)  # a refresh that was recorded while the command began is no later moment
OF_THE_WORK = "data team"  # for whom an alert about the work itself waits: no stanza of the protocol owns it


@dataclass(frozen=True)
class Worklist:
    """What waits at one moment.

    Attributes:
        alerts: open ones that nobody acknowledged, or whose snooze is over: `for_whom`, as the protocol names the owner, and as
            `alerts list` shows them; by for whom, tier and age.
        orders: samples that were ordered, and of which no result is known: `patient_id`, `compartment`, `ordered_at`,
            `collected_at` (null: not taken); of every patient on the ward's list, the one waiting longest first.
        samples: `due_on` (a date of the site's zone), `patient_id`, `compartment`, `newest_collected_at`, `is_overdue`; of every
            load of a patient on the ward's list that a rule watches, by date; of nobody who has left or died.
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
    """What waits at that moment, by what was judged last; with `for_whom`, the alerts of that owner alone: the owner as the
    protocol names it or as this language does, or a part of that.

    A sample is expected `[answers] next_sample_days` after the newest of its compartment. Nothing is recorded.
    Raises SiteError where no owner is called so, and for a moment before what was judged last: what waited then is not told.
    """
    site = Site(root).require()
    settings = site.settings()
    _refuse_past(site, as_of)
    zone, spoken = ZoneInfo(settings.time_zone), language(lang or settings.language)
    waiting = [
        row | {"title": of_stored(alert_title, row["rule"], row["evidence"], language=spoken)}
        for row in listed_alerts(root, every=False, lang=lang)
        if _waits(row, as_of)
    ]
    try:
        with open_site(root) as opened:
            ward = ward_list.stored_list(opened, as_of=as_of, urgent=set(), unanswered=set())
            protocol = opened.protocol
            orders = orders_waiting(opened, ward, as_of=as_of).to_dicts()
    except ProtocolUnusable as error:
        unowned = [row | {"for_whom": spoken.say("unknown")} for row in waiting]
        stood = sorted(unowned, key=lambda row: (row["tier"], row["opened_at"]))
        return Worklist(stood, [], [], spoken.code, zone.key, _trouble(root, error, spoken, zone.key))
    rows = [row | {"for_whom": _owner(row["rule"], protocol)} for row in waiting]
    owners = None if for_whom is None else _called(for_whom, protocol, spoken)
    mine = [row for row in rows if owners is None or row["for_whom"] in owners]
    samples = [
        {
            "newest_collected_at": row["newest_collected_at"],
            "patient_id": row["patient_id"],
            "compartment": row["compartment"],
        }
        | {"due_on": row["due_at"].astimezone(zone).date().isoformat(), "is_overdue": row["due_at"] < as_of}
        for row in samples_expected(ward.results, ward.watched, protocol=protocol).to_dicts()
        if row["patient_id"] not in ward.left
    ]
    alerts = sorted(mine, key=lambda row: (row["for_whom"], row["tier"], row["opened_at"]))
    return Worklist(alerts, samples, orders, spoken.code, zone.key)


def cell_in_words(name: str, row: Mapping[str, Any], found: Worklist, spoken: Language) -> str | None:
    """One value in words: a compartment by its name, a moment to the minute and a day as one, by the site's clocks."""
    if name == "place":
        compartment = row.get("compartment")
        return spoken.word("compartment", compartment) if compartment else row.get("feed")
    value = row[name]
    if value is None:
        return None
    if name == "for_whom":
        return owner_in_words(value, spoken)
    if name == "tier":
        return spoken.word("tier", str(value))
    if name == "standing":
        return spoken.say(f"worklist.standing.{value}")
    if name == "is_overdue":
        return spoken.say("worklist.overdue" if value else "worklist.expected")
    if name == "due_on":
        return spoken.date(datetime.fromisoformat(f"{value}T12:00:00+00:00"), "UTC")
    if name.endswith("_at"):
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return spoken.moment(at, found.time_zone)
    return str(value)


def _called(name: str, protocol: Protocol, spoken: Language) -> frozenset[str]:
    """The owners that are called so, or by a name of which this is a part. Raises SiteError, naming all, where none is."""
    every = {rule.provenance.owner for rule in protocol.rules.values()} | {OF_THE_WORK}
    asked = name.strip().lower()
    names = {owner: (owner, owner_in_words(owner, spoken)) for owner in sorted(every)}
    found = frozenset(owner for owner, said in names.items() if asked and any(asked in one.lower() for one in said))
    if not found:
        listed = ", ".join(" or ".join(dict.fromkeys(said)) for said in names.values())
        raise SiteError(f"--for {name!r}: no rule has such an owner; name one of {listed}, or a part of it")
    return found


def _refuse_past(site: Site, as_of: datetime) -> None:
    if not database.exists(site.database):
        return
    with open_store(site.database) as store, store.reading() as connection:
        last = alert_store.last_as_of(connection)
    if last is not None and as_of < last - _ONE_LOOK:
        raise SiteError(
            f"--as-of is before {last.isoformat()}, when this site was judged last: the worklist tells what waits, not what "
            "waited. Leave --as-of out; `cmvmon said --as-of` tells what stood then"
        )


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

"""A protocol that is tried on a site before anybody uses it: what it would have said on the last nights. Nothing is judged or changed.

The trial is kept, with the texts of what was tried, so that a second person approves that content and no other
(cmvmon.run.replay.approving).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.errors import PolicyChanged, ProtocolUnusable
from cmvmon.run.answers.who_says import named
from cmvmon.run.asking.protocol_query import told_differences
from cmvmon.run.replay.replay_report import only_under, opened_in
from cmvmon.run.replay.replaying import NoNight, Replayed, Side, replay
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder import approved, labels
from cmvmon.shell.folder.in_force import in_force
from cmvmon.shell.folder.protocol_files import Protocol, priors_with, utf8_text
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import Session, open_store
from cmvmon.shell.taken_in import journal
from cmvmon.shell.work.clock import moment_of_a_word
from cmvmon.shell.work.opening import OpenSite, held

DAYS = 30
_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Candidate:
    """What a file holds at one reading: the protocol, its text, and the text of the priors that it names (empty: none)."""

    protocol: Protocol
    text: str
    priors_text: str


def tried(
    root: Path, file: Path, *, by: str, days: int = DAYS, progress: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, Any]:
    """Tries the protocol of a file on the nights of so many days up to the last one, and keeps the trial. Returns its row with
    `report` read: what differs from the protocol that judges, and what alerts there were and would have been.

    Raises ProtocolError for a file that can't be used, PolicyChanged for a label that another content had, SiteError.
    """
    site, who = Site(root).require(), named(by)
    new = read_candidate(site, file)
    with open_store(site.database) as store:
        with store.reading() as connection:
            refuse_label(connection, new.protocol)
            own = _judging(site, connection, new.protocol)
            last = alert_store.last_as_of(connection, scope="all")
        done = None if last is None else _replayed(site, own, new.protocol, last, days, progress)
        report = _report(own, new.protocol, done)
        with held(site), store.writing() as connection:
            row = {
                "protocol_hash": new.protocol.sha256,
                "tried_at": moment_of_policy(store, site, new.protocol, connection),
                "version": new.protocol.version,
                "actor": who,
                "days": days,
                "text": new.text,
                "priors_name": new.protocol.trajectory_priors_name if new.priors_text else "",
                "priors_text": new.priors_text,
                "report": json.dumps(report, sort_keys=True),
            }
            journal.note_trial(site.landing, row)
            approved.record_trial(connection, row)
    return told_trial(row)


def told_trial(row: dict[str, Any]) -> dict[str, Any]:
    """A trial without its texts, its report read."""
    return {name: row[name] for name in ("version", "protocol_hash", "actor", "tried_at", "days")} | {
        "report": json.loads(row["report"])
    }


def read_candidate(site: Site, file: Path) -> Candidate:
    """What that file holds, with the priors beside it, else the site's. Raises ProtocolError, SiteError."""
    beside = file.parent / "priors"
    priors = priors_with(beside if beside.is_dir() else site.root / "protocol" / "priors")
    text = utf8_text(file)
    protocol = Protocol.of_text(text, name=file.name, priors=priors)
    return Candidate(
        protocol, text, "" if protocol.trajectory_priors is None else priors[protocol.trajectory_priors_name]
    )


def refuse_label(connection: sa.Connection, new: Protocol) -> None:
    """Raises PolicyChanged where another content was judged or approved under this one's label."""
    if others := [one[:8] for one in labels.others_under(connection, new.version, new.sha256)]:
        raise PolicyChanged(
            f"the file holds another content ({new.sha256[:8]}) than what this site knows as {new.version} ({', '.join(others)}); "
            "give it another label (`version`). Nothing was recorded"
        )


def moment_of_policy(store: Session, site: Site, protocol: Protocol, connection: sa.Connection) -> datetime:
    """When a word on protocols counts: as any word, and after every earlier one on protocols."""
    at = moment_of_a_word(OpenSite(store.engine, site, protocol, site.settings().method))
    before = [one.approved_at for one in approved.approvals(connection, newest=1)]
    before += [row["tried_at"] for row in approved.trials(connection)[:1]]
    return max([at, *(one + _NEXT for one in before)])


def _judging(site: Site, connection: sa.Connection, new: Protocol) -> Protocol | None:
    """The protocol that `new` is held against: the one that judges now; None where it can't be used, as after an upgrade that asks
    for more. Where nothing was ever approved and the site's file holds `new` already, the package's, if that judged the last night."""
    try:
        found = in_force(site, connection)
    except ProtocolUnusable:
        return None
    if found.approval is None and found.protocol.sha256 == new.sha256:
        before = Protocol.shipped()
        if alert_store.last_hash(connection) == before.sha256:
            return before
    return found.protocol


def _replayed(
    site: Site,
    own: Protocol | None,
    new: Protocol,
    last: datetime,
    days: int,
    progress: Callable[[int, int], None],
) -> Replayed | None:
    until = last.astimezone(ZoneInfo(site.settings().time_zone)).date()
    first, other = (new, None) if own is None else (own, new)
    try:
        return replay(
            site.root, since=until - timedelta(days=days - 1), until=until, own=first, other=other, progress=progress
        )
    except NoNight:
        return None


def _report(own: Protocol | None, new: Protocol, done: Replayed | None) -> dict[str, Any]:
    """What a trial found: counts alone, no patient. `against`: the protocol that judged at the trial; null: it could not be used.
    `from`, `to`: null where no night was recorded."""
    return {
        "against": None if own is None else {"version": own.version, "protocol_hash": own.sha256},
        "changes": [] if own is None else told_differences(own, new),
        "from": None if done is None else done.since.isoformat(),
        "to": None if done is None else done.until.isoformat(),
        "nights": 0 if done is None else done.nights,
        "refreshes": 0 if done is None else done.refreshes,
        "judged_otherwise": 0 if done is None else done.judged_otherwise,
        "alerts": [] if done is None else counts(done.sides),
    }


def counts(sides: tuple[Side, ...]) -> list[dict[str, Any]]:
    """Alerts that opened: all, by tier, by rule. `fired`: under the first protocol; `would_fire`: under the last; `only_new` and
    `gone`: subjects that had an alert of the rule under the one alone. Of one side alone all but `would_fire` are null."""
    new = sides[-1]
    would = _by_group((one.tier, one.rule) for one in opened_in(new.told))
    if len(sides) == 1:
        return [_row(of, None, n, None, None) for of, n in would.items()]
    own = sides[0]
    fired = _by_group((one.tier, one.rule) for one in opened_in(own.told))
    only_new = _by_group((row["tier"], row["rule"]) for row in only_under(new, own))
    gone = _by_group((row["tier"], row["rule"]) for row in only_under(own, new))
    found = (fired, would, only_new, gone)
    return [_row(of, *(one.get(of, 0) for one in found)) for of in dict.fromkeys(of for one in found for of in one)]


def _by_group(found: Iterable[tuple[int, str]]) -> dict[str, int]:
    """How many: all, by tier and by rule, in that order."""
    pairs = list(found)
    of_tiers, of_rules = Counter(tier for tier, _ in pairs), Counter(rule for _, rule in pairs)
    return (
        {"all": len(pairs)} | {f"tier {tier}": of_tiers[tier] for tier in words.TIERS} | dict(sorted(of_rules.items()))
    )


def _row(of: str, fired: int | None, would_fire: int, only_new: int | None, gone: int | None) -> dict[str, Any]:
    return {"of": of, "fired": fired, "would_fire": would_fire, "only_new": only_new, "gone": gone}

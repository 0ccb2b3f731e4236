"""A second person approves a protocol that was tried; from then on nothing else judges the site (cmvmon.shell.folder.in_force)."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import ProtocolUnusable, SiteError
from cmvmon.protocol import Protocol
from cmvmon.run.answers.who_says import named
from cmvmon.run.replay.trying import moment_of_policy, read_candidate, refuse_label, told_trial
from cmvmon.shell.folder import approved
from cmvmon.shell.folder.in_force import in_force
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from cmvmon.shell.taken_in import journal
from cmvmon.shell.work.opening import held

_TITLES = frozenset({"dr", "drs", "prof", "mr", "mrs", "ms", "mw", "dhr", "ir", "ing", "md", "phd"})
HOLDS = timedelta(days=7)  # a trial is of the nights before it: an older one is made again


def approve(root: Path, file: Path, *, by: str) -> dict[str, Any]:
    """Approves the protocol of a file: it judges the site from now on. Returns the approval, with `trial` (as `tried` returns it) and
    `is_site_file` (whether the site's own file holds it).

    Raises SiteError unless exactly this content was tried by another person, since the last approval and within `HOLDS`; ProtocolError
    for a file that can't be used, PolicyChanged for a label that another content had.
    """
    site, who = Site(root).require(), named(by)
    new = read_candidate(site, file).protocol
    with held(site), open_store(site.database) as store, store.writing() as connection:
        refuse_label(connection, new)
        last = approved.last(connection)
        if last is not None and last.protocol_hash == new.sha256:
            raise SiteError(
                f"{new.version} is approved already, by {last.actor} on {_said(last.approved_at)}; nothing was recorded"
            )
        at = moment_of_policy(store, site, new, connection)
        trial = _trial(connection, new, who, at, None if last is None else last.approved_at)
        row = {
            "protocol_hash": new.sha256,
            "approved_at": at,
            "version": new.version,
            "actor": who,
            "tried_at": trial["tried_at"],
            "tried_by": trial["actor"],
        }
        journal.note_approval(site.landing, row)
        approved.record_approval(connection, row)
        return row | {"trial": told_trial(trial), "is_site_file": in_force(site, connection).waits is None}


def listed(root: Path) -> dict[str, Any]:
    """`in_force`: the protocol that judges (version, hash, since when and by whom approved; null: nobody), or why none does (`fault`);
    `waits`: the site's file that waits for a second person, or null; `approvals` and `trials`, the last ones first."""
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        last = approved.last(connection)
        try:
            found = in_force(site, connection)
            now = {"version": found.protocol.version, "protocol_hash": found.protocol.sha256, "fault": None}
            waits = None if found.waits is None else asdict(found.waits)
        except ProtocolUnusable as error:
            now, waits = {"version": None, "protocol_hash": None, "fault": str(error)}, None
        by = {"since": None if last is None else last.approved_at, "approved_by": None if last is None else last.actor}
        return {
            "in_force": now | by,
            "waits": waits,
            "approvals": [asdict(one) for one in approved.approvals(connection)],
            "trials": [told_trial(row) for row in approved.trials(connection)],
        }


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one, however they are written: titles, capitals, blanks, points and forms of letters aside.

    >>> is_same_person("dr. A. de Vries", "A devries"), is_same_person("A. de Vries", "B. de Vries")
    (True, False)
    """
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in plain).split()
    return "".join(word for word in words if word not in _TITLES) or "".join(plain.split())


def _trial(connection: sa.Connection, new: Protocol, who: str, at: datetime, since: datetime | None) -> dict[str, Any]:
    """The last trial of exactly that content on which `who` may approve it at that moment. Raises SiteError where there is none."""
    every = approved.trials(connection)
    of_it = [row for row in every if row["protocol_hash"] == new.sha256]
    try_it = "try it (`cmvmon protocol try FILE --by NAME`)"
    if not of_it:
        alike = [row for row in every if row["version"] == new.version]
        if alike:
            raise SiteError(
                f"what was tried as {new.version} has the content {alike[0]['protocol_hash'][:8]}, this file {new.sha256[:8]}: it was "
                f"changed since. Nothing was approved; {try_it}"
            )
        raise SiteError(
            f"{new.version} ({new.sha256[:8]}) was never tried on this site. Nothing was approved; {try_it}"
        )
    of_others = [row for row in of_it if not is_same_person(row["actor"], who)]
    if not of_others:
        raise SiteError(f"{who} tried {new.version}; another person must approve it. Nothing was approved")
    found = of_others[0]
    if since is not None and found["tried_at"] <= since:
        raise SiteError(
            f"{new.version} was tried on {_said(found['tried_at'])}, and another protocol was approved on {_said(since)}: it was held "
            f"against one that no longer judges. Nothing was approved; {try_it}"
        )
    if at - found["tried_at"] > HOLDS:
        raise SiteError(
            f"{new.version} was tried on {_said(found['tried_at'])}, more than {HOLDS.days} days ago. Nothing was approved; {try_it}"
        )
    return found


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")

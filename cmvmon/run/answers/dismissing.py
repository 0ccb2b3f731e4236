"""Deliveries that landed and are not for us, such as those of a mistyped feed: dismissed by a person, kept, and counted nowhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.run.answers.free_text import refuse_patients
from cmvmon.run.answers.who_says import who_says
from cmvmon.run.asking import quarantine_names
from cmvmon.run.deliveries.faults import note_feed
from cmvmon.shell.folder import landing
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import journal, unjudged
from cmvmon.shell.taken_in.unjudged import DISMISSED, TAKEN_BACK
from cmvmon.shell.work.clock import moment_of_a_word
from cmvmon.shell.work.opening import OpenSite, held, open_site

_WHERE = "`cmvmon quarantine list` prints the names"


def dismiss(root: Path, delivery: str, *, why: str, actor: str | None) -> str:
    """Says that a delivery which landed and was never judged is not for us, and returns its name: no night tries it again, it counts
    nowhere, and the alert about its feed ends where nothing else keeps it.

    Args:
        delivery: its name, or the first 12 characters of its id or all of it, where it landed in one way.
        why: in words, without a patient. actor: who says so; None = the user of this machine.

    Raises SiteError where none of that name waits, several do, or no reason is given.
    """
    return _answered(root, delivery, DISMISSED, why, actor)


def take_back(root: Path, delivery: str, *, why: str, actor: str | None) -> str:
    """Says that a dismissed delivery waits again, and returns its name. Raises SiteError where none of that name is dismissed."""
    return _answered(root, delivery, TAKEN_BACK, why, actor)


def _answered(root: Path, delivery: str, answer: str, why: str, actor: str | None) -> str:
    if not why.strip():
        raise SiteError("--why is empty; say in a few words why, without a patient's name or number")
    site = Site(root).require()
    with held(site), open_site(root) as opened:
        at = moment_of_a_word(opened)
        with opened.writing() as connection:
            refuse_patients(connection, why, option="--why", as_of=at)
            way = _meant(connection, delivery.strip(), answer)
            row = dict(zip(("delivery_id", "feed", "kept_as"), way, strict=True))
            row |= {"answered_at": at, "answer": answer, "why": why.strip(), "actor": who_says(actor)}  # type: ignore[dict-item]
            landed = _landed(opened, way)
            unjudged.answer(connection, row, landed_at=landed.landed_at if landed else None)
            journal.note_landing_answer(site.landing, row)
            if answer == DISMISSED:
                _end_alert(opened, connection, way[1], at)
    return quarantine_names.way_name(*way)


def _end_alert(opened: OpenSite, connection: sa.Connection, feed: str, at: datetime) -> None:
    """The alert about the feed stands on what else of it can't be judged, or stands refused."""
    if feed and not any(other == feed for _, other, _ in unjudged.ways(connection)):
        note_feed(opened, connection, feed, at)


def _meant(connection: sa.Connection, delivery: str, answer: str) -> unjudged.Way:
    if answer == DISMISSED:
        there = unjudged.ways(connection)
    else:
        there = [(row["delivery_id"], row["feed"], row["kept_as"]) for row in unjudged.standing(connection)]
    found = [
        way
        for way in there
        if delivery in (way[0], way[0][: quarantine_names.DELIVERY], quarantine_names.way_name(*way))
    ]
    if not found:
        waits = "waits to be judged" if answer == DISMISSED else "is dismissed"
        raise SiteError(f"no delivery of that name {waits}; {_WHERE}. Nothing was done")
    if len(found) > 1:
        named = ", ".join(quarantine_names.way_name(*way) for way in found)
        raise SiteError(f"those bytes landed in {len(found)} ways: {named}. Name one of them; nothing was done")
    return found[0]


def _landed(opened: OpenSite, way: unjudged.Way) -> Landed | None:
    try:
        return landing.landed_by(landing.note_of(opened.site.landing, *way))
    except SiteError:
        return None

"""From the inbox into the house: what waits of a feed becomes one delivery, lands, and is taken in like any other.

A burst is one delivery. Each message keeps its frame, so that none runs into the next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from cmvmon.domain import delivered
from cmvmon.domain.errors import StoreError
from cmvmon.feeds.mllp import framed
from cmvmon.run.faults import Fault, about, set_apart
from cmvmon.run.landed_delivery import take_in_landed
from cmvmon.shell import landing
from cmvmon.shell.inbox_moves import InboxUnread, Moves
from cmvmon.shell.intake_store import Counted
from cmvmon.shell.landing import Landed
from cmvmon.shell.session import OpenSite

FORM = "hl7"
MOST_MESSAGES, MOST_BYTES = 5_000, 50_000_000  # of one delivery
_NAMED, _INBOX = (
    "inbox-",
    "inbox",
)  # how such a delivery is called; under which feed an inbox is told that can't be read
_MOST_DELIVERIES = 200  # of one feed at one time: a look comes again


@dataclass
class FromInbox:
    """What the inbox came to: counts by delivery and table, what could not be judged, and which ways have landed."""

    counted: list[Counted] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ways: set[tuple[str, str, str]] = field(default_factory=set)


def waits(root: Path) -> bool:
    """Whether a message waits in the inbox; False where that can't be told: whoever takes in says why."""
    try:
        return bool(Moves(root).waiting_feeds())
    except StoreError:
        return False


def take_in_inbox(opened: OpenSite, *, received_at: datetime) -> FromInbox:
    """Moves what waits in the inbox into the landing and takes it in. The caller holds the site.

    What has landed and can't be judged is tried again by every night, as any other. An inbox that can't be read stops nobody.
    """
    moves, done = Moves(opened.site.root), FromInbox()
    try:
        for feed in moves.waiting_feeds():
            with set_apart(done.faults, partial(Fault, feed, delivered.WHOLE_DELIVERY), called=f"inbox, feed {feed}"):
                for landed in _landed(opened, moves, feed, received_at):
                    done.ways.add((landed.delivery_id, landed.feed, landed.kept_as))
                    with set_apart(done.faults, about(landed, landed.file_name), called=landed.file_name):
                        done.counted += take_in_landed(opened, landed, received_at=received_at)
    except InboxUnread as error:
        done.faults.append(Fault(_INBOX, delivered.WHOLE_DELIVERY, error.code, str(error)))
    return done


def is_of_inbox(fault: Fault) -> bool:
    """Whether it is of messages, which nobody drops again: whoever watches tries it again."""
    return fault.feed == _INBOX or (fault.file_name or "").startswith(_NAMED)


def _landed(opened: OpenSite, moves: Moves, feed: str, received_at: datetime) -> Collection[Landed]:
    """What waits of one feed, landed as deliveries in the order in which it came."""
    found: list[Landed] = []
    is_history = opened.site.settings().is_demo
    while len(found) < _MOST_DELIVERIES and (move := moves.next(feed, most=MOST_MESSAGES, most_bytes=MOST_BYTES)):
        line, messages = move
        landed = landing.land(
            opened.site.landing,
            b"".join(framed(message.raw) for message in messages),
            feed=feed,
            table=None,
            form=FORM,
            file_name=f"{_NAMED}{line.first_id}-{line.last_id}.hl7",
            landed_at=received_at,
            is_history=is_history,
        )
        moves.landed(line, landed.delivery_id)
        found.append(landed)
    return found

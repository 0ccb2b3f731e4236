"""From the inbox into the house: what waits of a feed becomes deliveries, which land and are taken in like any other.

A burst of HL7 is one delivery, in which each message keeps its frame, so that none runs into the next; a Bundle of FHIR is one of
its own. Where judging a burst ends in an error of ours (where the process died of it: at the next start), its halves land as
deliveries of their own, and so on: the message that is to blame is left alone, and the others are taken in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cmvmon.domain import delivered
from cmvmon.domain.errors import CmvmonError, StoreError
from cmvmon.feeds.mllp import Frame, Framer, framed
from cmvmon.run.deliveries.faults import Fault, about, set_apart
from cmvmon.run.deliveries.landed_delivery import take_in_landed
from cmvmon.shell.folder import landing, tries
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.incoming.inbox import FHIR, HL7
from cmvmon.shell.incoming.inbox_moves import InboxUnread, Moves
from cmvmon.shell.taken_in import arrivals, unjudged
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import OpenSite

_ENDINGS = {HL7: ".hl7", FHIR: ".fhir.json"}
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
                for landed, at in _landed(opened, moves, feed, received_at):
                    done.ways.add((landed.delivery_id, landed.feed, landed.kept_as))
                    take_in_messages(opened, landed, done, received_at=received_at, arrived_at=at)
    except InboxUnread as error:
        done.faults.append(Fault(_INBOX, delivered.WHOLE_DELIVERY, error.code, str(error)))
    return done


def take_in_messages(
    opened: OpenSite, landed: Landed, done: FromInbox, *, received_at: datetime, arrived_at: datetime | None = None
) -> None:
    """Takes in one delivery of the inbox that has landed, or its halves where it can't be judged for an error of ours.

    `arrived_at`: when it comes out of the inbox, where it does so now: bytes that were known hold again as those of a file do.
    """
    with set_apart(done.faults, about(landed, landed.file_name), called=landed.file_name):
        # Where the process died while it was judged, it is not judged whole again: at each start it would take the others with it.
        halves = _halves(opened, landed) if tries.left(opened.site.landing, landed) else []
        try:
            if not halves:
                arrival = None if arrived_at is None or landed.form == HL7 else arrivals.by_hand(arrived_at)
                done.counted += take_in_landed(
                    opened, landed, received_at=received_at, arrival=arrival, arrived_at=arrived_at
                )
        except CmvmonError:
            raise
        except Exception:  # whatever it is: of one message it is told, of several by the one that is to blame
            halves = _halves(opened, landed)
            if not halves:
                raise
        for half in halves:
            done.ways.add((half.delivery_id, half.feed, half.kept_as))
            take_in_messages(opened, half, done, received_at=received_at)


def _halves(opened: OpenSite, landed: Landed) -> list[Landed]:
    """The delivery as two that have landed in its place; none where it is one message."""
    if landed.form != HL7:
        return []
    framer = Framer()
    framer.receive(landing.raw(opened.site.landing, landed.delivery_id))
    messages = [event.data for event in framer.events() if isinstance(event, Frame)]
    if len(messages) < 2:
        return []
    middle, stem = len(messages) // 2, landed.file_name.removesuffix(".hl7")
    halves = [
        _land(
            opened,
            _in_frames(half),
            landed.feed,
            HL7,
            f"{stem}.{number}.hl7",
            landed.landed_at,
            is_history=landed.is_history,
        )
        for number, half in enumerate((messages[:middle], messages[middle:]), 1)
    ]
    landing.note_parts(opened.site.landing, landed, [half.delivery_id for half in halves])
    with opened.writing() as connection:
        unjudged.judged(connection, landed)
    return halves


def is_of_inbox(fault: Fault) -> bool:
    """Whether it is of messages, which nobody drops again: whoever watches tries it again."""
    return fault.feed == _INBOX or (fault.file_name or "").startswith(_NAMED)


def _landed(opened: OpenSite, moves: Moves, feed: str, received_at: datetime) -> Iterator[tuple[Landed, datetime]]:
    """What waits of one feed, landed as deliveries in the order in which it came, and when each comes out of the inbox.

    Each is taken in before the next one lands.
    """
    n = 0
    is_history = opened.site.settings().takes_history
    while n < _MOST_DELIVERIES and (move := moves.next(feed, most=MOST_MESSAGES, most_bytes=MOST_BYTES)):
        line, messages = move
        form, raws = messages[0].form, [message.raw for message in messages]
        name = f"{_NAMED}{line.first_id}-{line.last_id}{_ENDINGS[form]}"
        data = _in_frames(raws) if form == HL7 else raws[0]
        at = received_at + timedelta(microseconds=n)  # what came later holds
        landed = _land(opened, data, feed, form, name, at, is_history=is_history)
        moves.landed(line, landed.delivery_id)
        n += 1
        yield landed, at


def _in_frames(messages: Sequence[bytes]) -> bytes:
    return b"".join(map(framed, messages))


def _land(
    opened: OpenSite, data: bytes, feed: str, form: str, file_name: str, at: datetime, *, is_history: bool
) -> Landed:
    return unjudged.land(
        opened,
        opened.site.landing,
        data,
        feed=feed,
        table=None,
        form=form,
        file_name=file_name,
        landed_at=at,
        is_history=is_history,
        is_of_inbox=True,
    )

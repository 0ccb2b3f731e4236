"""Sends what waits in the outbox: each try noted before it is made, a channel that fails left alone until the next look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from cmvmon.domain.errors import CmvmonError, ProtocolError
from cmvmon.shell.basis.files import read_text
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import outbox
from cmvmon.shell.outgoing.outbox import Waiting
from cmvmon.shell.store.session import Session, now

GIVEN_UP_AFTER = timedelta(days=3)
WAITS_S = 5.0  # for another program that sends
_NEW_TRIES_FOR_S = 60.0  # after that the next look goes on

Ended = tuple[str, str | None]  # an event that ends a message without another try, and its cause
Sending = Callable[[], str | None]  # sends one message, and says what went wrong, if anything did
Made = Callable[[sa.Connection, Waiting, datetime], Sending]  # a message as it is sent, made from the store


@dataclass(frozen=True)
class Told:
    """What one look came to: how many messages were queued, delivered, failed, dropped (nothing of it is so any more), given up.

    `trouble`: why nothing could be told at all, in words without patient data.
    """

    queued: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    given_up: int = 0
    trouble: str | None = None


def text_of(site: Site, name: str) -> str | None:
    """A file that a site may have; None where it has none. Raises ProtocolError where it is not UTF-8."""
    path = site.root / name
    return read_text(path, called=name, fault=ProtocolError) if path.exists() else None


def send_waiting(
    store: Session,
    waiting: Iterable[Waiting],
    *,
    ended: Callable[[Waiting, datetime], Ended | None],
    made: Made,
    at: datetime | None,
    arrived: Callable[[sa.Connection, Waiting, datetime], None] | None = None,
) -> Told:
    """Sends those that are due, in their order, at `at` (without it, now); no transaction is open while one is on its way.

    `ended`: what becomes of a message without another try; one that waits too long is given up here. `made`: the message as
    it is sent, made from the store. `arrived`: what the store notes beside a delivery. A channel that fails is left alone
    until the next look, unless it refused that one message.
    """
    counts, dead, begun = Counter[str](), set[str](), time.monotonic()
    for one in waiting:
        moment = at or now()
        end = ended(one, moment) or _given_up(one, moment)
        if end is None:
            if not _is_due(one, moment) or one.channel in dead or time.monotonic() - begun > _NEW_TRIES_FOR_S:
                continue
            with store.writing() as connection:
                outbox.note(connection, one.message_id, outbox.ATTEMPTED, moment)
            cause = _sent(store, one, made, moment)
            end = (outbox.DELIVERED, None) if cause is None else (outbox.FAILED, cause)
            if _is_of_the_channel(cause):
                dead.add(one.channel)
        event, cause = end
        with store.writing() as connection:
            outbox.note(connection, one.message_id, event, at or now(), cause)
            if event == outbox.DELIVERED and arrived is not None:
                arrived(connection, one, at or now())
        counts[event] += 1
    return Told(
        delivered=counts[outbox.DELIVERED],
        failed=counts[outbox.FAILED],
        dropped=counts[outbox.DROPPED],
        given_up=counts[outbox.GIVEN_UP],
    )


def _sent(store: Session, one: Waiting, made: Made, at: datetime) -> str | None:
    """What went wrong, if anything did. A message that can't be made is one that failed: it holds up no other."""
    try:
        with store.reading() as connection:
            sending = made(connection, one, at)
    except CmvmonError:
        raise  # of the store or of the site's files: no other message could be made either
    except Exception:  # noqa: BLE001 - its text may hold what it stumbled over
        from cmvmon.shell.outgoing.sending import NOT_MADE

        return NOT_MADE
    return sending()


def _given_up(one: Waiting, at: datetime) -> Ended | None:
    is_old = one.n_tried > 0 and at - one.queued_at > GIVEN_UP_AFTER
    return (outbox.GIVEN_UP, one.cause) if is_old else None


def _is_due(one: Waiting, at: datetime) -> bool:
    return one.not_before <= at and (one.tried_at is None or outbox.next_try(one.n_tried, one.tried_at) <= at)


def _is_of_the_channel(cause: str | None) -> bool:
    from cmvmon.shell.outgoing.sending import OF_THE_CHANNEL  # a site that sends nothing loads neither mail nor TLS

    return cause in OF_THE_CHANNEL

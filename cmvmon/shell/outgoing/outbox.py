"""The outbox: messages to people, queued with what they are about, and every attempt to send them. Append-only.

A message is queued once: its id follows from what it is about. One that was given up or dropped can be queued again, and then counts
from there. An attempt is noted before it is made, so that a program that
stops in between leaves a message that is sent again under the same id: at least once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from cmvmon.shell.rows.schema import OUTBOX_ABOUT, OUTBOX_EVENTS, OUTBOX_MESSAGES, OUTBOX_WAITING
from cmvmon.telling.routing import Message

QUEUED, ATTEMPTED, FAILED, DELIVERED, GIVEN_UP, DROPPED = (
    "queued",
    "attempted",
    "failed",
    "delivered",
    "given_up",
    "dropped",
)
_ENDS = (DELIVERED, GIVEN_UP, DROPPED)
_CHUNK = 500


@dataclass(frozen=True)
class Waiting:
    """A message that was neither delivered nor given up since it was queued last.

    `tried_at` None = not tried yet; `cause`: why the last try failed.
    """

    message_id: str
    channel: str
    kind: str
    facts: Mapping[str, Any]
    queued_at: datetime
    not_before: datetime
    about: tuple[tuple[str, str], ...]
    n_tried: int
    tried_at: datetime | None
    cause: str | None


def told(connection: sa.Connection, about: Collection[str]) -> dict[tuple[str, str, str], datetime]:
    """When each kind of message about these was first queued, by kind, what it is about, and its transition."""
    m, a = OUTBOX_MESSAGES.c, OUTBOX_ABOUT.c
    found: dict[tuple[str, str, str], datetime] = {}
    names = sorted(about)
    for start in range(0, len(names), _CHUNK):
        query = (
            sa.select(m.kind, a.about, a.transition, sa.func.min(m.queued_at, type_=m.queued_at.type))
            .join(OUTBOX_MESSAGES, m.message_id == a.message_id)
            .where(a.about.in_(names[start : start + _CHUNK]))
            .group_by(m.kind, a.about, a.transition)
        )
        found |= {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}
    return found


class LastTold(NamedTuple):
    """What was told last of one thing. `is_sure`: it was delivered, or still waits; else it was tried and never acknowledged."""

    transition: str
    is_sure: bool


def last_told(connection: sa.Connection, channel: str, kind: str) -> dict[str, LastTold]:
    """By what it is about, the last message of that kind that was queued on that channel.

    One that was given up or dropped without a try told nothing, and is left out.
    """
    m, a, e, w = OUTBOX_MESSAGES.c, OUTBOX_ABOUT.c, OUTBOX_EVENTS.c, OUTBOX_WAITING.c

    def last(event: str) -> sa.ColumnElement[Any]:
        return sa.func.max(sa.case((e.event == event, e.at)), type_=e.at.type)

    became = (
        sa.select(
            e.message_id,
            last(QUEUED).label("queued_at"),
            last(DELIVERED).is_not(None).label("is_delivered"),
            last(ATTEMPTED).is_not(None).label("is_tried"),
        )
        .where(e.message_id.in_(sa.select(m.message_id).where(m.channel == channel, m.kind == kind)))
        .group_by(e.message_id)
        .subquery()
    )
    is_sure = became.c.is_delivered | w.message_id.is_not(None)
    query = (
        sa.select(a.about, a.transition, is_sure.label("is_sure"))
        .join(became, became.c.message_id == a.message_id)
        .outerjoin(OUTBOX_WAITING, w.message_id == a.message_id)
        .where(is_sure | became.c.is_tried)
        .order_by(became.c.queued_at, a.message_id)
    )
    return {row.about: LastTold(row.transition, bool(row.is_sure)) for row in connection.execute(query)}


def was_delivered(connection: sa.Connection, channel: str, kind: str, about: str) -> bool:
    """Whether a message of that kind about it was delivered on that channel."""
    m, a, e = OUTBOX_MESSAGES.c, OUTBOX_ABOUT.c, OUTBOX_EVENTS.c
    query = (
        sa.select(e.event)
        .join(OUTBOX_MESSAGES, m.message_id == e.message_id)
        .join(OUTBOX_ABOUT, a.message_id == m.message_id)
        .where(m.channel == channel, m.kind == kind, a.about == about, e.event == DELIVERED)
    )
    return connection.execute(query.limit(1)).first() is not None


def queue(connection: sa.Connection, messages: Iterable[Message], at: datetime, *, again: bool = False) -> int:
    """Queues those that were not queued before; returns how many that were.

    `again`: also those that were given up or dropped, which are tried from now on as if they were new.
    """
    new = {message.message_id: message for message in messages}
    e = OUTBOX_EVENTS.c
    known = OUTBOX_MESSAGES.c.message_id
    old = set(connection.execute(sa.select(known).where(known.in_(sorted(new)))).scalars())
    waits = sa.select(OUTBOX_WAITING.c.message_id).where(OUTBOX_WAITING.c.message_id.in_(sorted(old)))
    arrived = sa.select(e.message_id).where(e.message_id.in_(sorted(old)), e.event == DELIVERED)
    ended = old - set(connection.execute(sa.union(waits, arrived)).scalars()) if again and old else set()
    for name, message in new.items():
        if name in old - ended:
            continue
        if name not in old:
            row: dict[str, Any] = {"message_id": name, "channel": message.channel, "kind": message.kind}
            facts = json.dumps(message.facts, sort_keys=True)
            row |= {"facts": facts, "queued_at": at, "not_before": message.not_before}
            connection.execute(sa.insert(OUTBOX_MESSAGES), row)
            members = [{"about": a, "transition": t, "message_id": name} for a, t in message.about]
            connection.execute(sa.insert(OUTBOX_ABOUT), members)
        connection.execute(sa.insert(OUTBOX_WAITING), {"message_id": name})
        note(connection, name, QUEUED, at)
    return len(new) - len(old - ended)


def note(connection: sa.Connection, message_id: str, event: str, at: datetime, cause: str | None = None) -> None:
    """Adds what became of a message; one that was delivered, given up or dropped waits no longer."""
    e = OUTBOX_EVENTS.c
    last = connection.execute(sa.select(sa.func.max(e.sequence)).where(e.message_id == message_id)).scalar()
    row = {"message_id": message_id, "sequence": (last or 0) + 1, "event": event, "at": at, "cause": cause}
    connection.execute(sa.insert(OUTBOX_EVENTS), row)
    if event in _ENDS:
        connection.execute(sa.delete(OUTBOX_WAITING).where(OUTBOX_WAITING.c.message_id == message_id))


def waiting(connection: sa.Connection, kinds: Collection[str]) -> list[Waiting]:
    """Every message of these kinds that waits, the one that was queued first first."""
    m, a, e = OUTBOX_MESSAGES.c, OUTBOX_ABOUT.c, OUTBOX_EVENTS.c
    is_of_kind = sa.select(m.message_id).where(m.kind.in_(sorted(kinds)))
    w = sa.select(OUTBOX_WAITING.c.message_id).where(OUTBOX_WAITING.c.message_id.in_(is_of_kind))
    about: dict[str, list[tuple[str, str]]] = {}
    for row in connection.execute(sa.select(OUTBOX_ABOUT).where(a.message_id.in_(w)).order_by(a.about, a.transition)):
        about.setdefault(row.message_id, []).append((row.about, row.transition))
    events: dict[str, list[Any]] = {}
    for row in connection.execute(
        sa.select(OUTBOX_EVENTS).where(e.message_id.in_(w)).order_by(e.message_id, e.sequence)
    ):
        events.setdefault(row.message_id, []).append(row)
    rows = connection.execute(sa.select(OUTBOX_MESSAGES).where(m.message_id.in_(w)))
    found = [_waiting(row, tuple(about[row.message_id]), events[row.message_id]) for row in rows]
    return sorted(found, key=lambda one: (one.queued_at, one.message_id))


def _waiting(row: Any, about: tuple[tuple[str, str], ...], events: Sequence[Any]) -> Waiting:
    queued = max(n for n, event in enumerate(events) if event.event == QUEUED)
    events = events[queued:]  # what came before it was given up or dropped counts no longer
    tried = [event.at for event in events if event.event == ATTEMPTED]
    causes = [event.cause for event in events if event.event == FAILED]
    return Waiting(
        row.message_id, row.channel, row.kind, json.loads(row.facts), events[0].at, row.not_before, about,
        len(tried), tried[-1] if tried else None, causes[-1] if causes else None,
    )  # fmt: skip


def ended(connection: sa.Connection, *, event: str, since: datetime) -> list[dict[str, Any]]:
    """Messages that came to that end since then, the last first: id, channel, kind, when, and why."""
    m, e = OUTBOX_MESSAGES.c, OUTBOX_EVENTS.c
    query = (
        sa.select(m.message_id, m.channel, m.kind, e.at, e.cause)
        .join(OUTBOX_EVENTS, m.message_id == e.message_id)
        .where(e.event == event, e.at >= since)
        .order_by(e.at.desc(), m.message_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def next_try(n_tried: int, tried_at: datetime) -> datetime:
    """When a message that was tried so often is due again: after 1, 2, 4 ... minutes, and never later than after half an hour.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 10, tzinfo=UTC)
    >>> [(next_try(n, at) - at) // timedelta(minutes=1) for n in (1, 2, 5, 6, 40)]
    [1, 2, 16, 30, 30]
    """
    return tried_at + min(timedelta(minutes=2 ** min(n_tried - 1, 10)), timedelta(minutes=30))

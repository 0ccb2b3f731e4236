"""The outbox, on each kind of database: what is queued once, what waits, what was tried; and which alerts are news."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cmvmon.domain.errors import StoreError
from cmvmon.shell.outgoing import alert_news, outbox
from cmvmon.shell.outgoing.outbox import ATTEMPTED, DELIVERED, DROPPED, FAILED, GIVEN_UP, next_try
from cmvmon.shell.rows.schema import ALERT_EVENTS, OPEN_ALERTS
from cmvmon.shell.work.opening import OpenSite, open_site
from cmvmon.telling import routing
from cmvmon.telling.routing import ALERT, Message
from tests.sites import day, write


def message(*about: str, channel: str = "team", at: datetime | None = None) -> Message:
    return Message(channel, ALERT, tuple((name, "1") for name in about), at or day(1), {"tier": 1, "n": len(about)})


def waiting(opened: OpenSite) -> list[tuple[object, ...]]:
    with opened.reading() as connection:
        return [(one.about, one.n_tried, one.tried_at, one.cause) for one in outbox.waiting(connection, routing.KINDS)]


def test_a_message_is_queued_once_and_known_by_what_it_is_about(site: Path) -> None:
    with open_site(site) as opened:
        with opened.writing() as connection:
            assert outbox.queue(connection, [message("a", "b"), message("c")], day(1)) == 2
        with opened.writing() as connection:
            assert outbox.queue(connection, [message("b", "a"), message("d")], day(2)) == 1
            told = outbox.told(connection, {"a", "b", "d", "z"})
        assert told == {(ALERT, "a", "1"): day(1), (ALERT, "b", "1"): day(1), (ALERT, "d", "1"): day(2)}
        assert len(waiting(opened)) == 3


def test_every_try_is_noted_and_what_was_delivered_or_given_up_waits_no_longer(site: Path) -> None:
    some = [message(name) for name in "abc"]
    with open_site(site) as opened:
        with opened.writing() as connection:
            outbox.queue(connection, some, day(1))
            for name, events in zip(
                (one.message_id for one in some),
                (
                    ((ATTEMPTED, None), (FAILED, "refused")),
                    ((ATTEMPTED, None), (DELIVERED, None)),
                    ((GIVEN_UP, "refused"),),
                ),
                strict=True,
            ):
                for event, cause in events:
                    outbox.note(connection, name, event, day(2), cause)
        assert waiting(opened) == [((("a", "1"),), 1, day(2), "refused")]
        with opened.reading() as connection:
            (lost,) = outbox.ended(connection, event=GIVEN_UP, since=day(1))
            assert outbox.ended(connection, event=GIVEN_UP, since=day(3)) == []
            assert outbox.ended(connection, event=DROPPED, since=day(0)) == []
        assert (lost["message_id"], lost["cause"]) == (some[2].message_id, "refused")


def test_what_was_said_is_never_unsaid(site: Path) -> None:
    with open_site(site) as opened, opened.writing() as connection:
        outbox.queue(connection, [message("a")], day(1))
    for table in ("outbox_messages", "outbox_about", "outbox_events"):
        with pytest.raises((sa.exc.DBAPIError, StoreError)):
            write(site, f"DELETE FROM {table}")


def test_tries_come_further_apart_and_never_further_than_half_an_hour() -> None:
    waits = [next_try(n, day(1)) - day(1) for n in range(1, 300)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=1), timedelta(minutes=30))


LIVES = [
    # what happened to the alert, by (event, tier); the event by which it is news; whether somebody knows of it since
    ([("opened", 1)], 1, False),
    ([("opened", 1), ("updated", 1)], 1, False),
    ([("opened", 1), ("acknowledged", 1)], 1, True),
    ([("opened", 1), ("acknowledged", 1), ("updated", 1)], 1, True),
    ([("opened", 2), ("updated", 1)], 2, False),  # more urgent: news again
    ([("opened", 2), ("acknowledged", 2), ("updated", 1)], 3, False),
    ([("opened", 1), ("updated", 2), ("updated", 1)], 1, False),  # as urgent as it was: no news
    ([("opened", 2), ("updated", 3), ("updated", 2)], 1, False),
    ([("opened", 1), ("acknowledged", 1), ("reopened", 1)], 3, False),
    ([("opened", 1), ("resolved", 1), ("opened", 1)], 3, False),
]


@pytest.mark.parametrize(("events", "news", "is_acknowledged"), LIVES)
def test_an_alert_is_news_when_it_opens_or_becomes_more_urgent(
    events: list[tuple[str, int]], news: int, is_acknowledged: bool, tmp_path: Path
) -> None:
    with open_site(tmp_path) as opened:
        with opened.writing() as connection:
            for number, (event, tier) in enumerate(events, 1):
                connection.execute(sa.insert(ALERT_EVENTS), row(number, event, tier))
            connection.execute(sa.insert(OPEN_ALERTS), {"alert_id": "a"})
        with opened.reading() as connection:
            (one,) = alert_news.standing(connection)
    assert (one.transition, one.since, one.is_acknowledged) == (str(news), day(news), is_acknowledged)
    assert (one.tier, one.patient_id) == (events[-1][1], "P")


def row(number: int, event: str, tier: int) -> dict[str, Any]:
    text = ("rule", "subject_kind", "subject", "actor", "protocol_version", "protocol_hash", "code_version")
    return dict.fromkeys(text, "x") | {
        "alert_id": "a",
        "sequence": number,
        "patient_id": "P",
        "event": event,
        "state": "open",
        "tier": tier,
        "opened_at": day(1),
        "said_at": day(1),
        "changed_at": day(number),
        "evidence": json.dumps({}),
    }

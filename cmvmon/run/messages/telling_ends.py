"""What becomes of a message that waits without another try: dropped, given up, or nothing yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from cmvmon.run.messages.sending_waiting import GIVEN_UP_AFTER
from cmvmon.shell.outgoing import outbox
from cmvmon.shell.outgoing.outbox import Waiting
from cmvmon.telling import routing
from cmvmon.telling.notify_file import NotifyFile


class End(NamedTuple):
    """What becomes of a message, and why: a code."""

    event: str
    cause: str | None


def end_without_sending(
    one: Waiting, file: NotifyFile, standing: Collection[routing.Standing], at: datetime, *, is_last: bool
) -> End | None:
    """None where it is to be tried.

    Args:
        standing: what is still so of that of which people are told.
        is_last: no later digest waits beside it.
    """
    if one.channel not in file.channels:
        return End(outbox.DROPPED, "no_channel")
    may_pass = one.kind in (*routing.OF_ALERTS, routing.WORK)
    if may_pass and not (
        routing.still_stands(one.kind, one.about, standing) or any(pair[0] == "night" for pair in one.about)
    ):
        return End(outbox.DROPPED, "no_longer_so")
    # Of a digest that a later one replaces, it counts since when none came: a channel that is dead for good has a new one each day.
    first = one.queued_at if is_last else min([one.queued_at, *_days_of(one)])
    if one.n_tried and at - first > GIVEN_UP_AFTER:
        return End(outbox.GIVEN_UP, one.cause)
    return None if is_last else End(outbox.DROPPED, "in_a_later_digest")


def _days_of(one: Waiting) -> list[datetime]:
    return [datetime.fromisoformat(at) for at in one.facts.get("stands_for", ())]

"""What single cells of a laboratory's record say: its status and its times, each read or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cmvmon.domain import words
from cmvmon.domain.delivered import CORRECTS_WITHDRAWN
from cmvmon.feeds.born_after import BORN_AFTER
from cmvmon.feeds.declared_statuses import CONFIRMED, more_cautious
from cmvmon.feeds.doubting_notes import DOUBTED
from cmvmon.feeds.judged import Arrival, Noticed
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.reasons import Rejection
from cmvmon.feeds.times import read_time
from cmvmon.feeds.value_grammar import fold

LONG_BEFORE_REPORT = "collected_long_before_report"
ASKS_A_PERSON = frozenset({LONG_BEFORE_REPORT, CORRECTS_WITHDRAWN, DOUBTED, BORN_AFTER})
"""The reasons of records that are read whole, and held because what they say is seldom so: a person may confirm it."""
_MOST_S = 2**31 - 1  # of a year that can't be, a store keeps no more
CLOCK_TOLERANCE = timedelta(hours=1)  # a sender's clock may run ahead


def status_of(cells: Mapping[str, str], laboratory: Laboratory) -> str | Rejection:
    """The result status; the laboratory's default where it sends no column for it.

    Where the order has a status too, the more cautious of both. `CONFIRMED` is left only of a result that is not repeated.
    """
    own = _own_status(cells, laboratory)
    delivered = cells.get("order_status", "")
    if not delivered.strip():
        return own
    of_order = laboratory.order_statuses.get(fold(delivered))
    if words.WITHDRAWN in (own, of_order):  # whatever the other says, or whether it can be read
        return words.WITHDRAWN
    if of_order is None:
        return Rejection("unknown_order_status", "order_status")
    return own if isinstance(own, Rejection) else more_cautious(own, of_order)


def noticed_of(cells: Mapping[str, str], laboratory: Laboratory, arrival: Arrival, *, status: object) -> Noticed:
    """What is odd in a record that is used as `status`. The status of the order counts where it makes a result preliminary or
    withdrawn that says it is neither; an order that is final, of which a result was corrected, is as it should be."""
    sent_at = moment_of(cells.get("sent_at", ""), laboratory)
    ahead = timedelta() if isinstance(sent_at, str) else sent_at - arrival.landed_at
    less = (words.PRELIMINARY, words.WITHDRAWN)
    differs = status in less and isinstance(own := _own_status(cells, laboratory), str) and own not in less
    return Noticed(int(differs), min(max(0, round(ahead.total_seconds())), _MOST_S))


def _own_status(cells: Mapping[str, str], laboratory: Laboratory) -> str | Rejection:
    delivered = cells.get("result_status")
    if delivered is None:
        return laboratory.default_status
    if not delivered.strip():
        return Rejection("missing_result_status", "result_status")
    status = laboratory.statuses.get(fold(delivered))
    if status is None:
        return Rejection("unknown_status", "result_status")
    return words.FINAL if status == CONFIRMED and cells["value"].strip() else status


def times_of(
    cells: Mapping[str, str], laboratory: Laboratory, arrival: Arrival, *, is_confirmed: bool = False
) -> tuple[datetime, datetime | None] | Rejection:
    """When the sample was collected and the result reported, in UTC; null where no report time is sent.

    `is_confirmed`: a person has said that what is asked of a person is as it stands.
    """
    collected_at = moment_of(cells["collected_at"], laboratory)
    if isinstance(collected_at, str):
        return Rejection(collected_at, "collected_at")
    latest = arrival.landed_at if arrival.history else arrival.received_at
    if collected_at > latest + CLOCK_TOLERANCE:
        return Rejection("collected_in_future", "collected_at")
    reported_at = reported_at_of(cells, laboratory, arrival)
    if isinstance(reported_at, Rejection):
        return reported_at
    longest = timedelta(days=laboratory.reported_within_days)
    if reported_at is not None and reported_at - collected_at > longest and not is_confirmed:
        return Rejection(LONG_BEFORE_REPORT, "collected_at")
    return collected_at, reported_at


def reported_at_of(cells: Mapping[str, str], laboratory: Laboratory, arrival: Arrival) -> datetime | Rejection | None:
    """When the result was reported, in UTC; None where that is not sent."""
    delivered = cells.get("reported_at", "")
    if not delivered.strip():
        return None
    reported_at = moment_of(delivered, laboratory)
    if isinstance(reported_at, str):
        return Rejection(reported_at, "reported_at")
    if reported_at > arrival.landed_at + CLOCK_TOLERANCE:  # it would outrank every true correction
        return Rejection("reported_in_future", "reported_at")
    return reported_at


def sent_at_of(cells: Mapping[str, str], laboratory: Laboratory, arrival: Arrival) -> datetime | None:
    """When the record's message was made, in UTC; None where that is not sent, can't be read, or lies in the future.

    It only puts versions in order that their report times leave open, so that no record is stopped by it.
    """
    sent_at = moment_of(cells.get("sent_at", ""), laboratory)
    return None if isinstance(sent_at, str) or sent_at > arrival.landed_at + CLOCK_TOLERANCE else sent_at


def moment_of(text: str, laboratory: Laboratory) -> datetime | str:
    """A delivered time in UTC, or the code of the reason why it can't be read."""
    return read_time(
        text,
        formats=laboratory.time_formats,
        zone=laboratory.time_zone,
        hour_24_ends_day=laboratory.hour_24_ends_day,
    )

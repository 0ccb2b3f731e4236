"""How feeds and certificates stand, and moments, in lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cmvmon.cli import printing

if TYPE_CHECKING:
    from cmvmon.run.checks.status import Status, Stopped
    from cmvmon.run.health.feed_health import FeedHealth

_WHOLE = ("delivery_refused", "snapshot_refused", "never_judged", "stands_after_three_tries")
_ENDS_SOON = timedelta(days=30)


def of_feeds(found: Status) -> Iterator[str]:
    """A line for each feed, and for each certificate that ends within a month or can't be read."""
    for feed in sorted({each.feed for each in found.feeds}):
        tables = [each for each in found.feeds if each.feed == feed]
        yield printing.visible(f"feed         {feed}: {_of_feed(tables, found.at)}")
    for one in found.certificates:
        if one.ends_at is None:
            yield printing.visible(f"NOT READ     the certificate of {one.of}")
        elif one.ends_at - found.at <= _ENDS_SOON:
            left = "HAS ENDED" if one.ends_at <= found.at else f"ends in {(one.ends_at - found.at).days} days"
            yield printing.visible(f"certificate  of {one.of} {left}, {minute(one.ends_at)}: have a new one made")


def _of_feed(tables: Sequence[FeedHealth], at: datetime) -> str:
    from cmvmon.domain.delivered import WHOLE_DELIVERY  # with a frame library

    heard = [each.last_at for each in tables if each.last_at is not None]
    n_lately = sum(each.deliveries_last_day for each in tables if each.table != WHOLE_DELIVERY)  # which is no table
    n_waiting = sum(each.n_quarantined for each in tables)
    said = [
        f"last {moment_words(max(heard, default=None), at)}",
        f"{n_lately} {'delivery of a table' if n_lately == 1 else 'deliveries of tables'} in 24 h",
    ]
    said += [f"{each.table} SILENT, {_expected(each)}" for each in tables if each.is_silent]
    said += [f"newest {each.table} REFUSED ({each.refused})" for each in tables if each.refused]
    ahead = [each.clock_ahead_s for each in tables if each.clock_ahead_s is not None]
    said += [f"its clock runs AHEAD, by {max(ahead) / 60:.0f} min"] if ahead else []
    differ = sum(each.statuses_differ for each in tables)
    said += [f"results used as LESS than they say, by the status of their order: {differ}"] if differ else []
    said += [f"records in quarantine: {n_waiting}"] if n_waiting else []
    return "; ".join(said)


def _expected(each: FeedHealth) -> str:
    hours = f"every {each.expected_every_h:g} h"
    return f"{hours} by default: no file says how often it comes" if each.is_by_default else f"{hours} is agreed"


def work_lines(site: Path) -> Iterator[str]:
    """`of_the_work` of a site."""
    from cmvmon.run.checks.status import stopped_now

    yield from of_the_work(stopped_now(site))


def waiting_lines(site: Path) -> Iterator[str]:
    """What of the deliveries waits for whom, in one line; nothing where nothing waits."""
    from cmvmon.run.asking.quarantine_list import listed_quarantine

    waits = listed_quarantine(site)
    if not waits:
        return
    feeds = ", ".join(printing.one_line(str(feed)) for feed in sorted({each["feed"] for each in waits}))
    owners = Counter(each["owner"] for each in waits)
    for_whom = ", ".join(f"{owner} {n}" for owner, n in sorted(owners.items()))
    n_whole = sum(each["reason"] in _WHOLE for each in waits)
    whole = f", {n_whole} of them whole deliveries that are not used" if n_whole else ""
    yield f"waits    in quarantine: {len(waits)}{whole}; of {feeds}; for {for_whom}; `cmvmon quarantine list` says why of each"


def of_the_work(stopped: Iterable[Stopped]) -> Iterator[str]:
    """The alerts about the work that stand open, a line each."""
    from cmvmon.text import language
    from cmvmon.text.moved_together import moved_in_words
    from cmvmon.text.values import operations_in_words

    for each in stopped:
        if each.moved is not None:
            yield f"IN DOUBT     {moved_in_words(each.moved, language('en'), str(each.since.tzinfo))}"
        else:
            yield f"NOT WELL     {each.feed}: {operations_in_words(each.code, language('en'))}, since {minute(each.since)}"


def moment_words(moment: datetime | None, at: datetime) -> str:
    """A moment and how long ago it was, or that there was none."""
    return "none yet" if moment is None else f"{minute(moment)}, {ago(at - moment)} ago"


def minute(moment: datetime) -> str:
    """A moment to the minute."""
    return moment.isoformat(sep=" ", timespec="minutes")


def ago(span: timedelta) -> str:
    """How long that is, in hours or days."""
    hours = int(span / timedelta(hours=1))
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"

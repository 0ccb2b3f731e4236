"""What could not be taken in: told by file and cause, an alert about its feed, and no reason for the others to stop."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import delivered
from cmvmon.domain.errors import CmvmonError, StoreError
from cmvmon.domain.subjects import subject_key
from cmvmon.domain.words import OPERATIONS
from cmvmon.feeds.formats import FORMATS
from cmvmon.shell.alerts import alert_store, work_facts
from cmvmon.shell.folder.drop_folder import Dropped, Stray
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.clock import CLOCK_FEED
from cmvmon.shell.work.opening import ASSESSMENT_FEED, PROTOCOL_FEED, OpenSite

_NAMED = 3  # of many files of one kind, as many are named
_NO_FEED = "drop"  # under which a file is told that lies in no feed's folder


@dataclass(frozen=True)
class Fault:
    """A file in the drop folder that could not even be judged: it stays where it is, and the others go on."""

    feed: str
    table: str
    code: str
    message: str
    file_name: str | None = None
    exit_code: int = field(
        default=CmvmonError.exit_code, compare=False
    )  # how a command ends that was asked for this alone


def about(item: Dropped | Landed, name: str) -> Callable[..., Fault]:
    """A fault of that file or delivery, which lacks its code and message."""
    return partial(Fault, item.feed, item.table or delivered.WHOLE_DELIVERY, file_name=name)


@contextmanager
def set_apart(faults: list[Fault], fault: Callable[..., Fault], *, called: str) -> Iterator[None]:
    """What keeps this delivery from being taken in becomes a fault of it, and the others go on; even an error of ours.

    A database that can't be used is no fault of a delivery.
    """
    try:
        yield
    except StoreError:
        raise
    except CmvmonError as error:
        faults.append(fault(code=error.code, message=f"{called}: {error}", exit_code=error.exit_code))
    except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold what it stumbled over
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
        faults.append(
            fault(
                code=CmvmonError.code,
                message=f"{called}: it could not be taken in ({where}), and nothing of it is used. Keep the file and tell "
                "whoever maintains cmvmon",
            )
        )


def fault_of(way: Landed, error: CmvmonError) -> Fault:
    """What could not be judged of a landed delivery."""
    return about(way, way.file_name)(code=error.code, message=f"{way.file_name}: {error}", exit_code=error.exit_code)


def note_stopped(opened: OpenSite, faults: Sequence[Fault], as_of: datetime) -> None:
    """An alert about the work for each feed of these faults; those of other feeds stand as they are."""
    if not faults:
        return
    with opened.writing() as connection:
        for feed in sorted({fault.feed for fault in faults}):
            _record_faults(opened, connection, feed, faults, as_of)


def _record_faults(
    opened: OpenSite, connection: sa.Connection, feed: str, faults: Sequence[Fault], as_of: datetime
) -> None:
    """The alert about that feed: its first fault, and under `also` one of each other kind and table: none hides another."""
    facts = [_fact(fault) for fault in faults if fault.feed == feed]
    refused = feed_state.newest_refused(connection, feed)
    evidence = work_facts.evidence_of([*facts, *([refused] if refused else [])])
    alert_store.record_operations(connection, feed=feed, evidence=evidence, stamp=opened.stamp(as_of))


def _fact(fault: Fault) -> dict[str, Any]:
    fact = {"code": fault.code, "feed": fault.feed, "table_name": fault.table}
    return fact if fault.file_name is None else fact | {"file_name": fault.file_name}


def of_stray(stray: Stray) -> Fault:
    place = "/".join(part for part in ("drop", stray.feed, stray.table) if part)
    cause = {
        "unknown_ending": f"not {' or '.join(_one_table_endings())}, so not read; move or remove it",
        "unknown_table": f"no such table; the folder must be one of {', '.join(delivered.NAMES)}",
        "not_in_a_table": "not in a folder drop/<feed>/<table>, and of no format that names its tables, so not read; "
        "move or remove it",
        "symbolic_link": "a symbolic link, which is never followed; put the file itself here",
        "unreadable_folder": "the folder can't be read; check its rights",
        "unfinished": "its name says that it is still being written, and nobody has written to it for an hour; send it again",
    }[stray.code]
    return Fault(
        stray.feed or _NO_FEED, stray.table, stray.code, f"{place}: {_listed(stray.names)}: {cause}", stray.names[0]
    )


def of_growing(item: Dropped) -> Fault:
    return about(item, item.name)(
        code="still_growing",
        message=f"{item.place}: still being written; it is read when it has lain still (see file_settles_s in settings.toml)",
    )


def _listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _one_table_endings() -> list[str]:
    return [form.ending for form in FORMATS.values() if form.is_read and not form.names_tables]


def note_faults(opened: OpenSite, feeds: Collection[str], faults: Sequence[Fault], as_of: datetime) -> None:
    """One alert about the work for each feed with a file that could not be judged; none any more for the others."""
    stopped = {fault.feed for fault in faults}
    with opened.writing() as connection:
        standing = alert_store.alerts(connection, states={"open"})
        known = {
            feed
            for a in standing
            if a["rule"] == OPERATIONS
            and (feed := str(subject_key(a["subject"])["feed"])) not in (ASSESSMENT_FEED, CLOCK_FEED, PROTOCOL_FEED)
            and not work_facts.is_of_doubt(feed)
        }
        for feed in sorted({*feeds, *known, *stopped}):
            if feed in stopped:
                _record_faults(opened, connection, feed, faults, as_of)
            else:
                note_feed(opened, connection, feed, as_of)


def note_feed(opened: OpenSite, connection: sa.Connection, feed: str, as_of: datetime) -> None:
    """An alert about the work while the newest delivery of one of the feed's tables stands refused."""
    refused = feed_state.newest_refused(connection, feed)
    evidence = None if refused is None else json.dumps(refused, sort_keys=True)
    alert_store.record_operations(connection, feed=feed, evidence=evidence, stamp=opened.stamp(as_of))

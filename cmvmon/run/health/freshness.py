"""Which feeds come as often as is expected: by their own file, else by the contract of the table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from cmvmon.data_contracts.freshness import is_fresh
from cmvmon.domain.delivered import BY_LABORATORY, BY_NAME
from cmvmon.domain.errors import ProtocolError
from cmvmon.shell.as_known.signs_of_life import keeps_rhythm, last_sign
from cmvmon.shell.folder.site import Site
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.waiting.quarantine import Waits


def feed_tables(
    connection: sa.Connection, site: Site, *, as_of: datetime, waiting: Collection[Waits] | None = None
) -> list[FeedTable]:
    """Every table of every feed that had brought something by `as_of`, with its last sign of life and whether it is fresh;
    and those that the site's files say come, and never did. `waiting`: as `feed_state.feed_tables`."""
    came = feed_state.feed_tables(connection, as_of=as_of, waiting=waiting)
    brought = [_judged(connection, site, item, as_of) for item in came]
    known = {(item.feed, item.table) for item in brought}
    never = [
        FeedTable(feed, table, None, None, 0, 0, is_snapshot=False)
        for feed, table in _declared(site)
        if (feed, table) not in known
    ]
    return sorted([*brought, *never], key=lambda item: (item.feed, item.table))


def silent_since(feeds: Collection[FeedTable], table: str) -> datetime | None:
    """When that table was last heard of, where every feed of which it is known how often it comes is silent; else None."""
    expected = [item for item in feeds if item.table == table and item.is_fresh is not None]
    signs = [item.last_received_at for item in expected if item.last_received_at is not None]
    return max(signs) if signs and not any(item.is_fresh for item in expected) else None


def _judged(connection: sa.Connection, site: Site, item: FeedTable, as_of: datetime) -> FeedTable:
    if item.table not in BY_NAME:
        return item
    last = last_sign(connection, item.feed, item.table, as_of=as_of)
    kept = keeps_rhythm(site, item.feed, item.table, last, as_of=as_of)
    return replace(
        item, last_received_at=last, is_fresh=is_fresh(item.table, last, as_of=as_of) if kept is None else kept
    )


def _declared(site: Site) -> Iterator[tuple[str, str]]:
    """Feed and table of what the site's own files say comes so often. A file that can't be read is told by itself."""
    for path in sorted((site.root / "labs").glob("*.toml")):
        try:
            laboratory = site.laboratory(path.stem)
        except ProtocolError:
            continue
        if laboratory is not None and laboratory.rhythm is not None:
            yield from ((path.stem, table) for table in BY_LABORATORY)
    for path in sorted((site.root / "tables").glob("*.toml")):
        try:
            file = site.table_file(path.stem)
        except ProtocolError:
            continue
        if file is not None:
            yield from ((path.stem, table) for table, form in file.tables.items() if form.rhythm is not None)

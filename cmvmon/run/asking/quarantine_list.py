"""The work list of what waits in quarantine: each record as one line, with who must act, how long it has waited, and its shape."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.delivered import BY_LABORATORY, BY_NAME
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.feeds.masking import shape, shaped, told_words
from cmvmon.feeds.owners import SITE, owner_of
from cmvmon.run.asking import quarantine_names
from cmvmon.shell.folder import landing, tries
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.waiting import feed_state, quarantine_answers
from cmvmon.shell.waiting.quarantine import open_with_deliveries

_NOT_LISTED = ("delivered_text", "patient_id", "record_number", "attempt")  # who it is of is shown with the record
_WORDS = ("test", "specimen", "assay", "unit", "value", "comparator", "result_status", "order_status")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}(?:-[0-9]{1,2})?")  # how a message's parts are named
STANDS, NEVER_JUDGED = "stands_after_three_tries", "never_judged"


def listed_quarantine(root: Path) -> list[dict[str, Any]]:
    """The records that wait, each once however often it was delivered, and the deliveries that stand after three tries.

    Of each: `record`, the name under which `show` finds it; `times`, how many deliveries brought it; `owner`, who must act;
    `since` (ISO 8601) and `age_days`, of the first delivery that brought it; `sample`, the shape of the column that is to blame
    (letters as a, digits as 9), or the word itself where three patients' records have it. No patient.
    """
    site, at = Site(root).require(), now()
    with open_store(site.database) as store, store.reading() as connection:
        rows = open_with_deliveries(connection)
        unread = unjudged.waiting(connection, site.landing)
    stand = tries.standing(site.landing, unread)
    samples = _samples(site, rows)
    found: dict[str, dict[str, Any]] = {}
    since: dict[str, datetime] = {}
    for row, sample in zip(rows, samples, strict=True):
        mark = quarantine_answers.mark(row)
        shown = {k: v for k, v in row.items() if k not in (*_NOT_LISTED, "landed_at")}
        owner = owner_of(row["reason"], table=row["table_name"], sentence=row["remedy"])
        first = found.setdefault(
            mark, {"record": quarantine_names.name(row), **shown, "owner": owner, "sample": sample, "times": 0}
        )
        first["times"] += 1
        since[mark] = min(since.get(mark, row["landed_at"]), row["landed_at"])
    for mark, line in found.items():
        line |= _waits_since(since[mark], at)
    others = [_never_judged(way, at) for way in unread if way not in stand]
    return [*found.values(), *(_standing(way, at) for way in stand), *others]


def refuse_unknown_feed(root: Path, feed: str) -> None:
    """Nothing, where something came of a feed of that name, or a file of the site describes it. Raises SiteError with the feeds that
    are known: of a name that was mistyped an empty list would say that nothing waits."""
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        came = {name for name, _ in feed_state.feeds_and_tables(connection)}
        came |= {way.feed for way in unjudged.waiting(connection, site.landing)}
    own = {path.stem for folder in ("labs", "tables") for path in (site.root / folder).glob("*.toml")}
    if feed not in came | own:
        known = ", ".join(sorted(came | own)) or "none yet"
        raise SiteError(
            f"--feed {feed!r}: nothing ever came of such a feed, and no file of the site describes it; known are {known}"
        )


def quarantined_record(root: Path, record: str, *, as_delivered: bool = False) -> dict[str, Any]:
    """One record that waits, its text as shapes and without its patient; `as_delivered`: all of it as it came. Of a delivery that was
    never judged, what the list says of it: no record of it was told apart.

    Raises SiteError when none of that name waits, or several names begin so.
    """
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        rows = open_with_deliveries(connection)
        way = _unread_delivery(unjudged.waiting(connection, site.landing), record)
        if way is not None:
            stand = tries.standing(site.landing, [way])
            return (_standing if stand else _never_judged)(way, now())
        row = quarantine_names.one(connection, rows, record)
    delivered = json.loads(row["delivered_text"])
    shown = {name: value for name, value in row.items() if name != "landed_at"}
    shown |= {"owner": owner_of(row["reason"], table=row["table_name"], sentence=row["remedy"])} | _waits_since(
        row["landed_at"], now()
    )
    if as_delivered:
        return shown | {"delivered_text": delivered}
    known_names = {*_columns_of(site, row["feed"], row["table_name"])}
    if str(row["file_name"]).lower().endswith(".hl7") and isinstance(delivered, dict):
        known_names |= {name for name in delivered if _SEGMENT.fullmatch(name)}
    shown.pop("patient_id")
    return shown | {"delivered_text": shaped(delivered, known=known_names), "is_masked": True}


def _unread_delivery(unread: Sequence[Landed], record: str) -> Landed | None:
    """The one delivery that was never judged and is meant. Raises SiteError where those bytes landed in several ways."""
    found = [way for way in unread if quarantine_names.is_named(way, record)]
    found = found or [way for way in unread if quarantine_names.begins(way, record)]
    if len(found) > 1:
        named = ", ".join(map(quarantine_names.delivery_name, found))
        raise SiteError(
            f"{len(found)} deliveries that were never judged have a name that begins so: {named}. Name one of them"
        )
    return found[0] if found else None


def counted_apart(root: Path) -> dict[str, int]:
    """How many records a person rejected, ignored, closed or released: they wait no longer, and are kept."""
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        rows = quarantine_answers.standing(connection)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["answer"]] += 1
    return dict(sorted(counts.items()))


def _waits_since(since: datetime, at: datetime) -> dict[str, Any]:
    return {"since": since.isoformat(timespec="seconds"), "age_days": max((at - since).days, 0)}


def _standing(way: Landed, at: datetime) -> dict[str, Any]:
    """A delivery that nobody judges any more, as a line of the list."""
    remedy = (
        f"{way.feed}: judging it ended three times in an error of cmvmon, and nothing of it is used. It is tried again when the "
        "feed's files or cmvmon change, or by `cmvmon quarantine retry` with its name. Tell whoever maintains cmvmon"
    )
    return _of_delivery(way, at, STANDS, remedy)


def _never_judged(way: Landed, at: datetime) -> dict[str, Any]:
    """A delivery that has landed and could not be judged yet, as a line of the list."""
    remedy = (
        f"{way.feed}: it has landed and could not be judged; `cmvmon quarantine retry` with its name says why. Each night tries it. "
        "Was the name of the feed mistyped, take the file in under the right one, and say `cmvmon quarantine dismiss` of this one"
    )
    return _of_delivery(way, at, NEVER_JUDGED, remedy)


def _of_delivery(way: Landed, at: datetime, reason: str, remedy: str) -> dict[str, Any]:
    named = {"feed": way.feed, "table_name": way.kept_as, "file_name": way.file_name, "delivery_id": way.delivery_id}
    blank = dict.fromkeys(("line", "column", "sample"))
    return (
        {
            "record": quarantine_names.delivery_name(way),
            **named,
            **blank,
            "times": 1,
            "reason": reason,
            "remedy": remedy,
        }
        | {"owner": SITE}
        | _waits_since(way.landed_at, at)
    )


def _samples(site: Site, rows: Sequence[Mapping[str, Any]]) -> Iterator[str | None]:
    """Of each record what stands in the column that is to blame, as a list may show it; None where none is to blame."""
    cells = [_blamed_cell(row) for row in rows]
    of_feeds = {(row["feed"], row["table_name"]) for row in rows}
    words = {of: _word_columns(site, *of) for of in of_feeds}
    seen: dict[tuple[str, str], list[tuple[str | None, str]]] = defaultdict(list)
    for row, cell in zip(rows, cells, strict=True):
        if cell is not None and row["column"] in words[row["feed"], row["table_name"]]:
            seen[row["feed"], row["column"]].append((row["patient_id"], cell))
    told = {of: told_words(pairs) for of, pairs in seen.items()}
    for row, cell in zip(rows, cells, strict=True):
        is_told = cell is not None and cell in told.get((row["feed"], row["column"]), frozenset())
        yield cell if is_told or cell is None else shape(cell)


def _blamed_cell(row: Mapping[str, Any]) -> str | None:
    delivered = json.loads(row["delivered_text"])
    cell = delivered.get(row["column"]) if isinstance(delivered, dict) and row["column"] else None
    return None if cell is None else cell if isinstance(cell, str) else json.dumps(cell)


def _word_columns(site: Site, feed: str, table: str) -> frozenset[str]:
    """The headers under which a laboratory sends words of its own, and no patient."""
    columns = _laboratory_columns(site, feed) if table in BY_LABORATORY else {}
    return frozenset(header for field, header in columns.items() if field in _WORDS)


def _columns_of(site: Site, feed: str, table: str) -> frozenset[str]:
    """Every header that is declared of such a table: another one may be a patient's cell of a file without a header."""
    if table in BY_LABORATORY:
        return frozenset(_laboratory_columns(site, feed).values())
    own = BY_NAME[table].rows.schema if table in BY_NAME else {}
    try:
        file = site.table_file(feed)
    except (ProtocolError, SiteError):
        file = None
    declared = file.form(BY_NAME[table]).columns.values() if file is not None and table in BY_NAME else ()
    return frozenset((*own, *declared))


def _laboratory_columns(site: Site, feed: str) -> Mapping[str, str]:
    """By our field the header of each column; none where the laboratory file is gone or can't be read."""
    try:
        laboratory = site.laboratory(feed)
    except (ProtocolError, SiteError):
        return {}
    return {} if laboratory is None else laboratory.columns


def ways_of(site: Site, row: Mapping[str, Any]) -> list[Landed]:
    """How the delivery of a record landed for its feed and table."""
    ways = landing.landed(site.landing, row["delivery_id"])
    return [way for way in ways if way.feed == row["feed"] and way.table in (row["table_name"], None)]

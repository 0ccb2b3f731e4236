"""A feed's table file (`tables/<feed>.toml`): how it writes courses, stays and the like, and what its words mean."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Matches, OneOf
from cmvmon.domain.delivered import CHANGES, DELIVERED, ROWS, SENDS, WHOLE_SNAPSHOT, Delivered
from cmvmon.feeds.declared_messages import read_messages
from cmvmon.feeds.declared_writing import ENCODINGS, SEPARATORS, read_marks, read_time_formats, read_zone
from cmvmon.feeds.laboratory import MAX_QUARANTINED_SHARE
from cmvmon.feeds.numerals import Marks
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.patient_numbers import NumberForm, read_number_form
from cmvmon.feeds.records import EXCHANGE, Messages, Writing
from cmvmon.feeds.rhythm import Rhythm, read_rhythm
from cmvmon.feeds.times import ISO8601
from cmvmon.feeds.toml_reading import Asked, StrictTable, read_whole
from cmvmon.feeds.value_grammar import fold

ROW_ID, STATUS = "row_id", "status"
DOSES_PER_DAY = "doses_per_day"
"""In place of `interval_h`: how often in 24 hours, as many a pharmacy says it."""
NOT_WORDS = (
    "born_on",
    "died_on",
    "patient_id",
    "merged_into",
    "stay_id",
    "visit_number",
    "request_id",
    "order_number",
    "stated_by",
    "ward",
    "bed",
    "source",
)  # a text of the sender's own, that says itself


@dataclass(frozen=True)
class TableForm:
    """What the table file says of one delivered table.

    Attributes:
        columns: our column -> header of the delivery; a column that is not among them has our own name. Beside those of the
            table: `started_time` and the like for a feed that sends date and time in two columns, `doses_per_day`.
            Also `row_id`, the sender's own number of a record, which is then its key; and `status`, whether it stands.
        words: by our column, folded delivered word -> ours.
        sends: what a delivery is (`cmvmon.domain.delivered.SENDS`).
        max_withdrawn_share: a snapshot that would withdraw more of what stands is refused whole; None = not declared.
        holds_days: a snapshot holds what ended up to so many days ago: an older record stands though it is missing; None =
            a snapshot holds everything.
        is_withdrawn: folded word of `status` -> whether it withdraws the record; an empty cell does not.
        rhythm: how often it comes; None = not declared.
        only_column, only: of rows that hold one of these folded words in that column alone the table is read; "" = of all.
    """

    columns: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    sends: str = ROWS
    max_withdrawn_share: float | None = None
    holds_days: float | None = None
    is_withdrawn: Mapping[str, bool] = field(default_factory=dict)
    rhythm: Rhythm | None = None
    only_column: str = ""
    only: frozenset[str] = frozenset()

    def header(self, column: str) -> str:
        """The delivered header of one of our columns."""
        stated = DOSES_PER_DAY if column == "interval_h" and DOSES_PER_DAY in self.columns else column
        return self.columns.get(stated, column)


@dataclass(frozen=True)
class TableFile:
    """One table file, read and checked.

    Attributes:
        time_zone: of times without an offset; None = the file says none.
        marks: of numbers in text; a point for decimals where none is declared.
        tables: by name of delivered table, what is said of it.
        messages: what is declared of its messages, where it sends any.
        patient_numbers: how it writes patients' numbers; None = the file does not say.
        max_quarantined_share: above it a delivery of 20 records or more is refused whole.
        sheet: of an Excel file, the sheet that holds the table; "" = the only one that holds anything.
        fingerprint: SHA-256 of the file's text; another fingerprint means that quarantined records are judged again.
    """

    feed: str
    time_zone: ZoneInfo | None
    separator: str
    encoding: str
    lines_above_header: int
    cells_span_lines: bool
    time_formats: tuple[str, ...]
    hour_24_ends_day: bool
    marks: Marks
    placeholder_patient_ids: frozenset[str]
    patient_numbers: NumberForm | None
    max_quarantined_share: float
    tables: Mapping[str, TableForm]
    messages: Messages
    fingerprint: str
    sheet: str = ""

    @property
    def writing(self) -> Writing:
        """How its files are written."""
        return Writing(
            self.encoding,
            self.separator,
            self.marks.decimal,
            self.lines_above_header,
            self.cells_span_lines,
            self.messages,
            self.sheet,
        )

    def form(self, table: Delivered) -> TableForm:
        """What is said of that table; nothing where it is not named."""
        return self.tables.get(table.name, NOTHING_SAID)


NOTHING_SAID = TableForm({}, {})


@lru_cache(maxsize=64)  # by the text itself: a file that was mended is read anew
def read_table_file(text: str, *, name: str, drugs: Collection[str]) -> TableFile:
    """What the text of `tables/<name>.toml` declares.

    Args:
        drugs: the names by which the protocol knows drugs: what a delivered drug can be called in our words.

    Raises:
        ProtocolError: the text is no TOML, a key is missing, unknown or of the wrong type, or names something that does not
            exist. All faults are listed at once, each with its key and what to do.
    """
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return read_whole(text, f"tables/{name}.toml", lambda top: _read(top, name, drugs, fingerprint))


def keys_asked(text: str, *, name: str, drugs: Collection[str]) -> list[Asked]:
    """Every key that the reader asks for when it reads that text, in order. Raises ProtocolError as `read_table_file`."""
    read_table_file(text, name=name, drugs=frozenset(drugs))
    top = StrictTable(tomllib.loads(text), "", [])
    _read(top, name, drugs, "")
    return top.keys


def _read(top: StrictTable, name: str, drugs: Collection[str], fingerprint: str) -> TableFile:
    if top.text("feed") not in (name, None):
        top.fault("feed", f"is not {name!r}, the name of the file; make them equal")
    top.text("description")
    separator = top.choice("separator", SEPARATORS, required=False) or EXCHANGE.separator
    encoding = top.choice("encoding", ENCODINGS, required=False) or EXCHANGE.encoding
    above, span = top.whole("lines_above_header", at_most=50), top.truth("cells_span_lines", required=False)
    sheet = (top.text("sheet", required=False) or "").strip()
    zone, formats = read_zone(top, required=False), read_time_formats(top, required=False)
    hour_24 = top.truth("hour_24_ends_day", required=False)
    if (formats or hour_24) and "time_zone" not in top.data:
        top.fault("time_zone", "is missing beside the times that are declared; give one such as Europe/Amsterdam")
    marks = read_marks(top)
    nobody, numbers = top.texts("placeholder_patient_ids"), read_number_form(top)
    share, messages = top.number("max_quarantined_share", at_most=1.0), read_messages(top)
    read = {
        table.name: _form(top.table(table.name), table.rows, drugs, formats or (ISO8601,), zone)
        for table in DELIVERED
        if not table.by_laboratory
    }
    tables = {name: form for name, form in read.items() if name in top.data}
    return TableFile(
        name, zone, separator, encoding, above, span, formats or (ISO8601,), hour_24,
        marks if "numbers" in top.data else Marks("."), placeholders(nobody), numbers,
        MAX_QUARANTINED_SHARE if share is None else share, tables, messages, fingerprint, sheet,
    )  # fmt: skip


def _form(
    table: StrictTable, rows: RowType, drugs: Collection[str], formats: tuple[str, ...], zone: ZoneInfo | None
) -> TableForm:
    columns = _columns(table.table("columns"), rows)
    if any(time_of(name) in columns for name in moments(rows)) and not any(" " in one for one in formats):
        table.fault("columns", "has dates and times apart, which are joined by a blank; give `time_formats` with one")
    words = table.table("words")
    read = {column.name: _words(words.table(column.name), column, drugs) for column in texts(rows)}
    words.finish()
    sends = table.choice("sends", SENDS, required=False) or ROWS
    share, holds = table.number("max_withdrawn_share", at_most=1.0), table.number("holds_days", at_most=3650.0)
    status, rhythm = _status(table.table("status"), columns), read_rhythm(table, zone)
    only_column, only = table.text("only_column", required=False) or "", table.texts("only")
    if bool(only_column) != bool(only):
        table.fault("only", "and `only_column` say one thing together; give both, or neither")
    for name, value in (("max_withdrawn_share", share), ("holds_days", holds)):
        if value is not None and sends != WHOLE_SNAPSHOT:
            table.fault(name, f"is of snapshots only; give `sends = {WHOLE_SNAPSHOT!r}`, or leave it out")
    if sends == CHANGES and not any(status.values()):
        table.fault("sends", "is 'changes' without `status.withdrawn`, the words that withdraw a record; give them")
    table.finish()
    mappings = {name: mapping for name, mapping in read.items() if mapping}
    return TableForm(
        columns, mappings, sends, share, holds, status, rhythm, only_column.strip(), frozenset(map(fold, only))
    )


def _status(table: StrictTable, columns: Mapping[str, str]) -> dict[str, bool]:
    """Folded word of the column of the status -> whether it withdraws."""
    found: dict[str, bool] = {}
    for key, withdraws in (("withdrawn", True), ("stands", False)):
        for text in table.texts(key):
            if found.setdefault(fold(text), withdraws) != withdraws:
                table.fault(key, f"{text!r} also stands under withdrawn; keep one")
    table.finish()
    if bool(found) != (STATUS in columns):
        table.fault("*", "needs `columns.status`, the column that holds these words, and that column these words")
    return found


def _columns(table: StrictTable, rows: RowType) -> dict[str, str]:
    read: dict[str, str] = {}
    for name in declarable(rows):
        header = table.text(name, required=False)
        if header is not None:
            read[name] = header.strip()
    table.finish()
    ours = [read.get(name, name) for name in rows.exchanged] + [read[n] for n in read if n not in rows.exchanged]
    if len(set(ours)) < len(ours):
        table.fault("*", "two columns have one header; give each its own")
    for name in moments(rows):
        if time_of(name) in read and name not in read:
            table.fault(time_of(name), f"has no `{name}` beside it, the column of its date; give both")
    if {DOSES_PER_DAY, "interval_h"} <= set(read):
        table.fault(DOSES_PER_DAY, "stands beside `interval_h`, which says the same; give one of them")
    return read


def declarable(rows: RowType) -> tuple[str, ...]:
    """What [columns] of that table can name, in order."""
    found: list[str] = []
    for name in rows.exchanged:
        found += [name, time_of(name)] if name in moments(rows) else [name]
    return (*found, *((DOSES_PER_DAY,) if "interval_h" in rows.exchanged else ()), ROW_ID, STATUS)


def time_of(moment: str) -> str:
    """What the column of the time of day is called, where the date stands apart: `started_at` -> `started_time`."""
    return moment.removesuffix("_at") + "_time"


def moments(rows: RowType) -> tuple[str, ...]:
    """The exchanged columns that hold moments."""
    return tuple(c.name for c in rows.columns if c.exchanged and c.kind is Kind.MOMENT)


def texts(rows: RowType) -> tuple[Column, ...]:
    """The exchanged columns whose cells are words, which a table file can make ours."""
    return tuple(c for c in rows.columns if c.exchanged and c.kind is Kind.TEXT and c.name not in NOT_WORDS)


def _words(table: StrictTable, column: Column, drugs: Collection[str]) -> dict[str, str]:
    """Folded delivered word -> ours. A column of a closed list takes its own words in any case too."""
    mapping = {fold(word): word for word in vocabulary(column, drugs)}
    for ours in table.data:
        delivered = table.texts(ours)
        fault = _fault_of_word(ours, column, drugs)
        if fault is not None:
            table.fault(ours, fault)
        for text in delivered:
            if mapping.setdefault(fold(text), ours) != ours:
                table.fault(ours, f"{text!r} also stands for {mapping[fold(text)]}; keep one")
    return mapping


def vocabulary(column: Column, drugs: Collection[str]) -> tuple[str, ...]:
    """The closed list of words of that column; empty where any text will do."""
    if column.name == "drug":
        return tuple(sorted(drugs))
    return next((promise.values for promise in column.constraints if isinstance(promise, OneOf)), ())


def _fault_of_word(ours: str, column: Column, drugs: Collection[str]) -> str | None:
    listed = vocabulary(column, drugs)
    if listed and ours not in listed:
        return f"is no {column.name} that is known here; use one of {', '.join(listed)}"
    patterns = [promise for promise in column.constraints if isinstance(promise, Matches)]
    wrong = next((p for p in patterns if re.fullmatch(p.pattern, ours) is None), None)
    return None if wrong is None else f"is not as it must be: {wrong.sentence}"

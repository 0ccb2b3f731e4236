"""A laboratory's standing agreement (`labs/<name>.toml`): how its files are written and what its words mean."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import lru_cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.rows import ASSAYS
from cmvmon.feeds.assay_rows import AssayTable, read_assays
from cmvmon.feeds.declared_messages import read_messages, read_tests
from cmvmon.feeds.declared_statuses import NOTHING_KNOWN, read_statuses
from cmvmon.feeds.declared_values import read_grammar
from cmvmon.feeds.declared_writing import ENCODINGS, SEPARATORS, read_time_formats, read_zone
from cmvmon.feeds.doubting_notes import NO_DOUBT, DoubtWords, read_notes
from cmvmon.feeds.fhir import declared as of_fhir
from cmvmon.feeds.formats import DECLARED
from cmvmon.feeds.hl7 import declared as of_hl7
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.patient_numbers import NumberForm, read_number_form
from cmvmon.feeds.records import EXCHANGE, Messages, Writing
from cmvmon.feeds.result_keys import ResultKey, read_result_key
from cmvmon.feeds.rhythm import Rhythm, read_rhythm
from cmvmon.feeds.toml_reading import Asked, StrictTable, read_whole
from cmvmon.feeds.value_grammar import ValueGrammar, fold

REQUIRED_COLUMNS = ("patient_id", "accession_number", "specimen", "value", "collected_at")
OPTIONAL_COLUMNS = (
    "tube_number", "test", "assay", "comparator", "unit", "collected_time", "reported_at", "reported_time", "sent_at",
    "result_status", "order_status", "comment", "born_on",
)  # fmt: skip
_BY_ADDRESS = {"hl7": of_hl7, "fhir": of_fhir}  # formats whose columns are places in a message
MAX_QUARANTINED_SHARE = 0.5
REPORTED_WITHIN_DAYS = 180.0  # where none is declared: a year typed wrong is more, a late correction seldom


@dataclass(frozen=True)
class Laboratory:
    """One laboratory file, read and checked. Delivered words are keys in folded form (`value_grammar.fold`).

    Attributes:
        columns: our field -> header of the delivery. `collected_time` and `reported_time` are for a feed that sends date
            and time in two columns, `comparator` for one that sends < and > beside the value.
        result_key: what the accession number stands for, and which columns join it.
        not_read: headers of the delivery that are known and left unread.
        specimens: delivered text -> compartment; SNOMED CT specimen codes are known without being listed.
        ignores_other_tests: whether a test that stands in no list is counted and not read.
        ignores_headings: whether what has no code of a test, and no digit in its value, is counted and not read.
        statuses: delivered text -> result status, or CONFIRMED; `order_statuses` the same of the order of a result.
            `default_status` is for a feed without a status column.
        messages: what is declared of its messages, where it sends any.
        patient_numbers: how it writes patients' numbers; None = the file does not say, and a number is what is delivered.
        spelling: folded text -> as the file spells it, for writing a delivery.
        max_quarantined_share: above it a delivery of 20 records or more is refused whole.
        reported_within_days: a result that was collected longer than that before its report is set apart.
        rhythm: how often its results come; None = the file does not say.
        sheet: of an Excel file, the sheet that holds the results; "" = the only one that holds anything.
        doubt: the words by which a note takes a value back.
        fingerprint: SHA-256 of the file's text; another fingerprint means that quarantined records are judged again.
    """

    laboratory: str
    description: str
    format: str
    synthetic: bool
    time_zone: ZoneInfo
    separator: str
    encoding: str
    lines_above_header: int
    cells_span_lines: bool
    columns: Mapping[str, str]
    result_key: ResultKey
    not_read: tuple[str, ...]
    time_formats: tuple[str, ...]
    hour_24_ends_day: bool
    grammar: ValueGrammar
    specimens: Mapping[str, str]
    cmv_load_tests: frozenset[str]
    other_tests: frozenset[str]
    ignores_other_tests: bool
    ignores_headings: bool
    statuses: Mapping[str, str]
    order_statuses: Mapping[str, str]
    default_status: str
    messages: Messages
    assay_table: AssayTable
    placeholder_patient_ids: frozenset[str]
    patient_numbers: NumberForm | None
    spelling: Mapping[str, str]
    max_quarantined_share: float
    reported_within_days: float
    rhythm: Rhythm | None
    fingerprint: str
    sheet: str = ""
    doubt: DoubtWords = NO_DOUBT

    @property
    def reads_messages(self) -> bool:
        """Whether its results come in messages or resources: its columns are places in them."""
        return self.format in _BY_ADDRESS

    @property
    def writing(self) -> Writing:
        """How its files are written; what their words mean stands in the other attributes."""
        return Writing(
            self.encoding,
            self.separator,
            self.grammar.marks.decimal,
            self.lines_above_header,
            self.cells_span_lines,
            replace(self.messages, patient_id=self.columns["patient_id"] if self.reads_messages else ""),
            self.sheet,
        )

    def number_of(self, delivered: str) -> str | None:
        """A patient's number in the form that everybody uses; None where it does not fit the declared one."""
        form = self.patient_numbers
        return delivered if form is None else form.of(delivered, self.placeholder_patient_ids)

    def assays(self) -> pl.DataFrame:
        """Scatter by assay, compartment, date and level: rows of `assays`, for the rows of the file that give a sigma.

        `valid_from` is the start of that day in the laboratory's zone; null = always held.
        """
        rows = [
            {
                "laboratory": self.laboratory,
                "assay": row.name,
                "compartment": compartment,
                "sigma_log10": stated.sigma_log10,
                "level_iu_per_ml": stated.level_iu_per_ml,
                "valid_from": row.valid_from
                and datetime.combine(row.valid_from, time(), self.time_zone).astimezone(UTC),
            }
            for row in self.assay_table.rows
            for compartment in row.compartments
            for stated in row.sigma_log10
        ]
        return ASSAYS.conform(pl.DataFrame(rows, schema=ASSAYS.schema))


@lru_cache(maxsize=64)  # by the text itself: a file that was mended is read anew
def read_laboratory(text: str, *, name: str) -> Laboratory:
    """The laboratory that the text of `labs/<name>.toml` describes.

    Raises:
        ProtocolError: the text is no TOML, a key is missing, unknown or of the wrong type, or two keys contradict each
            other. All faults are listed at once, each with its key and what to do.
    """
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return read_whole(text, f"labs/{name}.toml", lambda top: _read(top, name, fingerprint))


def keys_asked(text: str, *, name: str) -> list[Asked]:
    """Every key that the reader asks for when it reads that text, in order. Raises ProtocolError as `read_laboratory`."""
    read_laboratory(text, name=name)
    top = StrictTable(tomllib.loads(text), "", [])
    _read(top, name, "")
    return top.keys


def _read(top: StrictTable, name: str, fingerprint: str) -> Laboratory | None:
    if top.text("laboratory") not in (name, None):
        top.fault("laboratory", f"is not {name!r}, the name of the file; make them equal")
    formats = read_time_formats(top)
    encoding = top.choice("encoding", ENCODINGS)
    description, format_, zone = top.text("description"), top.choice("format", DECLARED), read_zone(top)
    by_address = _BY_ADDRESS.get(format_ or "")
    separator = (
        top.choice("separator", SEPARATORS, required=by_address is None and format_ != "excel") or EXCHANGE.separator
    )
    synthetic = top.truth("synthetic")
    columns, tests = _columns(top, by_address), read_tests(top)
    known = NOTHING_KNOWN if by_address is None else by_address.KNOWN_STATUSES
    statuses = read_statuses(top, columns, _mapping, known=known)
    share, messages = top.number("max_quarantined_share", at_most=1.0), read_messages(top)
    laboratory_specimens, grammar = _mapping(top, "specimens", compartments.NAMES), read_grammar(top)
    assays = read_assays(top.tables("assays", required=True), is_delivered="assay" in columns)
    result_key = read_result_key(top, columns)
    within_days = top.number("reported_within_days", at_most=36600)
    above, span = top.whole("lines_above_header", at_most=50), top.truth("cells_span_lines", required=False)
    hour_24, not_read = top.truth("hour_24_ends_day", required=False), top.texts("not_read")
    sheet = (top.text("sheet", required=False) or "").strip()
    if set(not_read) & set(columns.values()):
        top.fault("not_read", "names a header that stands in [columns]; keep it in one place")
    if unconfirmed := top.texts("to_confirm"):
        said = ", ".join(repr(key) for key in unconfirmed)
        top.fault(
            "to_confirm", f"names what was only guessed ({said}); confirm each, and delete the list when it is empty"
        )
    own_placeholders, numbers = top.texts("placeholder_patient_ids"), read_number_form(top)
    rhythm, doubt = read_rhythm(top, zone), read_notes(top, columns, has_own_notes=by_address is not None)
    if "test" in columns and not tests.cmv_load:
        top.fault("tests.cmv_load", "is empty although columns.test is declared; list the codes of the CMV load")
    if not (description and format_ and zone and encoding and formats):
        return None
    return Laboratory(
        name, description, format_, synthetic, zone, separator, encoding, above, span, columns, result_key, not_read,
        formats, hour_24, grammar,
        laboratory_specimens, tests.cmv_load, tests.others, tests.ignores_unlisted, tests.ignores_headings,
        *statuses, messages, assays, placeholders(own_placeholders), numbers, _spelling(top.data),
        share or MAX_QUARANTINED_SHARE, within_days or REPORTED_WITHIN_DAYS, rhythm, fingerprint, sheet, doubt,
    )  # fmt: skip


def _spelling(data: Mapping[str, Any]) -> dict[str, str]:
    """Folded text -> as written, of every word that stands for something delivered (the first spelling of each)."""
    lists = [data.get("tests"), data.get("values")]
    texts = [t for table in lists if isinstance(table, dict) for v in table.values() if isinstance(v, list) for t in v]
    for outer, inner in (("units", "delivered"), ("status", "delivered"), ("specimens", "")):
        table = data.get(outer)
        table = table.get(inner) if inner and isinstance(table, dict) else table
        texts += list(table) if isinstance(table, dict) else []
    return {fold(text): text for text in reversed(texts) if isinstance(text, str)}


def _columns(top: StrictTable, by_address: ModuleType | None) -> dict[str, str]:
    table = top.table("columns", required=True)
    read = {field: table.text(field) for field in REQUIRED_COLUMNS}
    read |= {field: table.text(field, required=False) for field in OPTIONAL_COLUMNS}
    table.finish()
    columns = {field: header.strip() for field, header in read.items() if header is not None}
    if by_address is not None:
        columns = by_address.default_columns(columns)
        by_address.check_addresses(table, columns)
    if len(set(columns.values())) < len(columns):
        table.fault("*", "two fields name one header; give each its own")
    if "reported_time" in columns and "reported_at" not in columns:
        table.fault("reported_time", "has no `reported_at` beside it, the column of its date; give both")
    return columns


def _mapping(parent: StrictTable, key: str, options: tuple[str, ...]) -> dict[str, str]:
    """A table from delivered text to one of our words, by folded text."""
    table = parent.table(key)
    mapping: dict[str, str] = {}
    for text in table.data:
        word = table.choice(text, options)
        if word is not None and mapping.setdefault(fold(text), word) != word:
            table.fault(text, "stands twice (but for case or spaces) with two meanings; keep one")
    return mapping

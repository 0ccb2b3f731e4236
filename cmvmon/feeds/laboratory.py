"""A laboratory's standing agreement (`labs/<name>.toml`): how its files are written and what its words mean."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.rows import ASSAYS
from cmvmon.feeds.assay_rows import AssayTable, read_assays
from cmvmon.feeds.formats import FORMATS
from cmvmon.feeds.numerals import Marks
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.records import Writing
from cmvmon.feeds.result_keys import ResultKey, read_result_key
from cmvmon.feeds.times import fault_of_formats
from cmvmon.feeds.toml_reading import Asked, StrictTable
from cmvmon.feeds.units import KINDS, Unit
from cmvmon.feeds.value_grammar import PHRASE_MEANINGS, ValueGrammar, fold

SEPARATORS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "ascii")
REQUIRED_COLUMNS = ("patient_id", "accession_number", "specimen", "value", "collected_at")
OPTIONAL_COLUMNS = (
    "tube_number", "test", "assay", "comparator", "unit", "collected_time", "reported_at", "reported_time", "result_status",
    "comment",
)  # fmt: skip
MAX_QUARANTINED_SHARE = 0.5
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Laboratory:
    """One laboratory file, read and checked. Delivered words are keys in folded form (`value_grammar.fold`).

    Attributes:
        columns: our field -> header of the delivery. `collected_time` and `reported_time` are for a feed that sends date
            and time in two columns, `comparator` for one that sends < and > beside the value.
        result_key: what the accession number stands for, and which columns join it.
        not_read: headers of the delivery that are known and left unread.
        specimens: delivered text -> compartment; SNOMED CT specimen codes are known without being listed.
        statuses: delivered text -> result status. `default_status` is for a feed without a status column.
        spelling: folded text -> as the file spells it, for writing a delivery.
        max_quarantined_share: above it a delivery of 20 records or more is refused whole.
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
    statuses: Mapping[str, str]
    default_status: str
    assay_table: AssayTable
    placeholder_patient_ids: frozenset[str]
    spelling: Mapping[str, str]
    max_quarantined_share: float
    fingerprint: str

    @property
    def writing(self) -> Writing:
        """How its files are written; what their words mean stands in the other attributes."""
        return Writing(
            self.encoding,
            self.separator,
            self.grammar.marks.decimal,
            self.lines_above_header,
            self.cells_span_lines,
        )

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
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"labs/{name}.toml: is no valid TOML ({error}); correct the file") from error
    faults: list[str] = []
    top = StrictTable(data, "", faults)
    laboratory = _read(top, name, hashlib.sha256(text.encode()).hexdigest())
    top.finish()
    if laboratory is None or faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise ProtocolError(f"labs/{name}.toml: {len(faults)} fault(s), nothing was read with it:{listed}")
    return laboratory


def keys_asked(text: str, *, name: str) -> list[Asked]:
    """Every key that the reader asks for when it reads that text, in order. Raises ProtocolError as `read_laboratory`."""
    read_laboratory(text, name=name)
    top = StrictTable(tomllib.loads(text), "", [])
    _read(top, name, "")
    return top.keys


def _read(top: StrictTable, name: str, fingerprint: str) -> Laboratory | None:
    if top.text("laboratory") not in (name, None):
        top.fault("laboratory", f"is not {name!r}, the name of the file; make them equal")
    formats = top.texts("time_formats", required=True)
    fault = fault_of_formats(formats)
    if fault is not None:
        top.fault("time_formats", fault)
    separator = top.choice("separator", SEPARATORS)
    encoding = top.choice("encoding", ENCODINGS)
    description, format_, zone = top.text("description"), top.choice("format", tuple(FORMATS)), _zone(top)
    synthetic = top.truth("synthetic")
    columns, (cmv_load, other) = _columns(top), _tests(top)
    status, share = (
        _statuses(top, has_column="result_status" in columns),
        top.number("max_quarantined_share", at_most=1.0),
    )
    laboratory_specimens, grammar = _mapping(top, "specimens", compartments.NAMES), _grammar(top)
    assays = read_assays(top.tables("assays", required=True), is_delivered="assay" in columns)
    result_key = read_result_key(top, columns)
    above, span = top.whole("lines_above_header", at_most=50), top.truth("cells_span_lines", required=False)
    hour_24, not_read = top.truth("hour_24_ends_day", required=False), top.texts("not_read")
    if set(not_read) & set(columns.values()):
        top.fault("not_read", "names a header that stands in [columns]; keep it in one place")
    own_placeholders = top.texts("placeholder_patient_ids")
    if "test" in columns and not cmv_load:
        top.fault("tests.cmv_load", "is empty although columns.test is declared; list the codes of the CMV load")
    if not (description and format_ and zone and separator and encoding and formats):
        return None
    return Laboratory(
        name, description, format_, synthetic, zone, separator, encoding, above, span, columns, result_key, not_read,
        formats, hour_24, grammar,
        laboratory_specimens, cmv_load, other, *status, assays, placeholders(own_placeholders), _spelling(top.data),
        MAX_QUARANTINED_SHARE if share is None else share, fingerprint,
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


def _zone(top: StrictTable) -> ZoneInfo | None:
    key = top.text("time_zone")
    if key is None:
        return None
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
        top.fault("time_zone", "is no IANA time zone; give one such as Europe/Amsterdam")
        return None


def _columns(top: StrictTable) -> dict[str, str]:
    table = top.table("columns", required=True)
    read = {field: table.text(field) for field in REQUIRED_COLUMNS}
    read |= {field: table.text(field, required=False) for field in OPTIONAL_COLUMNS}
    table.finish()
    columns = {field: header.strip() for field, header in read.items() if header is not None}
    if len(set(columns.values())) < len(columns):
        table.fault("*", "two fields name one header; give each its own")
    if "reported_time" in columns and "reported_at" not in columns:
        table.fault("reported_time", "has no `reported_at` beside it, the column of its date; give both")
    return columns


def _tests(top: StrictTable) -> tuple[frozenset[str], frozenset[str]]:
    table = top.table("tests")
    cmv_load = frozenset(fold(t) for t in table.texts("cmv_load"))
    other = frozenset(fold(t) for t in table.texts("not_cmv_load"))
    table.finish()
    if cmv_load & other:
        table.fault("not_cmv_load", f"{', '.join(sorted(cmv_load & other))} also stand(s) in cmv_load; keep one")
    return cmv_load, other


def _statuses(top: StrictTable, *, has_column: bool) -> tuple[dict[str, str], str]:
    table = top.table("status")
    default = table.choice("default", words.RESULT_STATUS, required=False)
    delivered = _mapping(table, "delivered", words.RESULT_STATUS)
    table.finish()
    if has_column and not delivered:
        table.fault("delivered", "is empty although columns.result_status is declared; map the texts that are sent")
    return delivered, default or words.FINAL


def _mapping(parent: StrictTable, key: str, options: tuple[str, ...]) -> dict[str, str]:
    """A table from delivered text to one of our words, by folded text."""
    table = parent.table(key)
    mapping: dict[str, str] = {}
    for text in table.data:
        word = table.choice(text, options)
        if word is not None and mapping.setdefault(fold(text), word) != word:
            table.fault(text, "stands twice (but for case or spaces) with two meanings; keep one")
    return mapping


def _grammar(top: StrictTable) -> ValueGrammar:
    numbers, units, values = top.table("numbers"), top.table("units"), top.table("values")
    marks = Marks(
        numbers.choice("decimal", (".", ","), required=False),
        numbers.choice("thousands", (".", ",", "'", " "), required=False),
    )
    if marks.decimal is not None and marks.decimal == marks.thousands:
        numbers.fault("thousands", "is the decimal mark; a mark can't mean both")
    missing = units.choice("missing", tuple(KINDS), required=False)
    grammar = ValueGrammar(
        marks,
        _units(units),
        None if missing is None else KINDS[missing],
        _phrases(values),
        _number_words(values),
        values.choice("less_than", (words.BELOW_LLOQ, words.NOT_DETECTED)) or "",
    )
    values.choice("greater_than", (words.ABOVE_ULOQ,))
    for table in (numbers, units, values):
        table.finish()
    return grammar


def _units(units: StrictTable) -> dict[str, Unit]:
    """Delivered text -> unit. An entry is a kind, or {unit = kind, times = factor} for a prefixed unit (kIU/mL)."""
    table, mapping = units.table("delivered"), dict[str, Unit]()
    for text, value in table.data.items():
        if isinstance(value, dict):
            entry = table.table(text)
            kind, times = entry.choice("unit", ("iu_per_ml", "copies_per_ml")), entry.number("times", required=True)
            entry.finish()
        else:
            kind, times = table.choice(text, tuple(KINDS)), 1.0
        if kind is None or times is None:
            continue
        unit = Unit(KINDS[kind].quantity, KINDS[kind].is_log10, times)
        if mapping.setdefault(fold(text), unit) != unit:
            table.fault(text, "stands twice (but for case or spaces) with two meanings; keep one")
    return mapping


def _phrases(values: StrictTable) -> dict[str, str]:
    """Folded phrase -> meaning. A phrase holds no digit: a number must never hide in one."""
    phrases: dict[str, str] = {}
    for meaning in PHRASE_MEANINGS:
        for phrase in values.texts(meaning):
            if any(c.isnumeric() for c in phrase):
                values.fault(meaning, f"{phrase!r} holds a digit; list words only, and a number under [values.numbers]")
            elif not any(c.isalpha() for c in phrase):
                values.fault(meaning, f"{phrase!r} holds no letter; list words only")
            if phrases.setdefault(fold(phrase), meaning) != meaning:
                values.fault(meaning, f"{phrase!r} also stands under another meaning; keep one")
    return phrases


def _number_words(values: StrictTable) -> dict[float, str]:
    """Number -> meaning, for a laboratory that prints 0 or -1 where others print words. A number above 0 is a load."""
    table, found = values.table("numbers"), dict[float, str]()
    for text in table.data:
        meaning = table.choice(text, PHRASE_MEANINGS)
        number = float(text) if _PLAIN_NUMBER.fullmatch(text) else None
        if number is None or number > 0:
            table.fault(text, "is no number of 0 or below, such as 0 or -1; a number above 0 is a load")
        elif meaning is not None and found.setdefault(number, meaning) != meaning:
            table.fault(text, "stands twice with two meanings; keep one")
    return found

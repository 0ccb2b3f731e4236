"""NDJSON: one JSON record a line, each naming its table in the member `table`; the last line counts them.

    {"table": "icu_stays", "stay_id": "S1", "patient_id": "P1", "admitted_at": "2026-03-01T08:00:00Z"}
    {"table": "viral_load_results", "patient_id": "P1", "value": "1200", ...}
    {"records": 2}

The other members are the table's columns: those of its exchange form, or the headers that the laboratory file names.
Text, numbers and null are cells, numbers to the letter, with the decimal mark of the laboratory; an absent member is an
empty cell. UTF-8 only. A file that was cut anywhere lacks its last line or a part of it, and is refused: without the count,
a file cut between two lines would read as a shorter day.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cmvmon.domain.delivered import NAMES, WHOLE_DELIVERY
from cmvmon.feeds.json_numbers import Number, as_written
from cmvmon.feeds.records import Expected, Fault, Record, Records, decoded, refusal

TABLE = "table"
COUNT = "records"
_ENCODING = "utf-8"


@dataclass
class _Reading:
    """The records of one table while they are read: header so far, cells by header, faults, texts."""

    header: dict[str, None] = field(default_factory=dict)
    cells: list[tuple[int, int, dict[str, str]]] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)

    def records(self) -> Records:
        header = tuple(self.header)
        records = tuple(
            Record(number, line, tuple(cells.get(name, "") for name in header)) for number, line, cells in self.cells
        )
        return Records(header, records, self.faults, self.texts)


def read_ndjson(data: bytes) -> dict[str, Records]:
    """Records by table, numbered from 1 over the whole delivery; those of no known table under `WHOLE_DELIVERY`.

    Raises:
        DeliveryError: `empty_file`, `wrong_encoding`, `nul_bytes`, `malformed_ndjson`, `cut_off`, `trailing_data` or
            `wrong_count`: it can't be told that the delivery is whole.
    """
    lines = [(at, line) for at, line in enumerate(decoded(data, _ENCODING).split("\n"), 1) if line.strip()]
    last = lines[-1][0]
    found: dict[str, _Reading] = {}
    number, count = 0, None
    for at, line in lines:
        if count is not None:
            raise refusal("trailing_data", f"line {at} stands after the line that counts the records")
        members = _members(line, at, is_last=at == last)
        if [name for name, _ in members] == [COUNT]:
            count = members[0][1]
            continue
        number += 1
        _add(found, members, Record(number, at, ()), _text(members, line, at))
    if count is None:
        raise refusal("cut_off", f"line {last} is the last one and does not count the records")
    if count != Number(number):
        raise refusal("wrong_count", f"{number} record(s) were found, and the last line counts another number")
    return {table: reading.records() for table, reading in found.items()}


def with_columns(records: Records, expected: Expected, *, decimal: str | None) -> Records:
    """The same records with an empty cell for each expected column that none of them has.

    A JSON number means what JSON says, whatever marks the laboratory uses in text: it is written with its `decimal` mark.
    """
    absent = tuple(name for name in expected.columns if name not in records.header)
    widened = tuple(
        r._replace(cells=tuple(as_written(cell, decimal) for cell in r.cells) + ("",) * len(absent))
        for r in records.records
    )
    return replace(records, header=records.header + absent, records=widened)


def _members(line: str, at: int, *, is_last: bool) -> Sequence[tuple[str, Any]]:
    """The members of the record on that line, in order, repeated ones too."""
    try:
        members = json.loads(
            line, object_pairs_hook=_Members, parse_int=Number, parse_float=Number, parse_constant=_refused
        )
    except (ValueError, RecursionError) as error:
        if is_last:
            raise refusal("cut_off", f"line {at}, the last one, ends within a record") from None
        place = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        # `from None`: the original error carries the line.
        raise refusal("malformed_ndjson", f"line {at}{place} is no JSON record") from None
    if not isinstance(members, _Members):
        raise refusal("malformed_ndjson", f"line {at} is JSON and no record")
    return members


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, as they follow one another."""


def _refused(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _add(found: dict[str, _Reading], members: Sequence[tuple[str, Any]], record: Record, text: str) -> None:
    told = dict(members).get(TABLE)
    table = told if isinstance(told, str) else None
    fault = _fault(members, table)
    reading = found.setdefault(table if table is not None and table in NAMES else WHOLE_DELIVERY, _Reading())
    cells = {name: "" if value is None else value for name, value in members if _is_cell(value) and name != TABLE}
    reading.header |= dict.fromkeys(cells)
    reading.cells.append((record.number, record.line, cells))
    reading.texts[record.number] = text
    if fault is not None:
        reading.faults[record.number] = fault


def _fault(members: Sequence[tuple[str, Any]], table: str | None) -> Fault | None:
    names = [name for name, _ in members]
    if table is None:
        return Fault("missing_table", TABLE)
    if table not in NAMES:
        return Fault("unknown_table", TABLE)
    if len(set(names)) < len(names):
        return Fault("repeated_column", None)
    if not all(_is_cell(value) for _, value in members):
        return Fault("no_cell", None)
    return None


def _is_cell(value: object) -> bool:
    return value is None or (isinstance(value, str) and "\0" not in value)


def _text(members: Sequence[tuple[str, Any]], line: str, at: int) -> str:
    """The record as JSON text with sorted keys; one that is nested too deeply, as the text of its line."""
    try:
        text = json.dumps(_plain(dict(members)), sort_keys=True, ensure_ascii=False)
    except RecursionError:
        text = json.dumps({"line": line}, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refusal("malformed_ndjson", f"line {at} holds half of a character") from None
    return text


def _plain(value: Any) -> Any:
    """Nested records as JSON objects again; truth values, lists and text as they are."""
    if isinstance(value, _Members):
        return {name: _plain(inner) for name, inner in value}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value

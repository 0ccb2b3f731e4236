"""What a file of messages tells of tables beside results, as their records: gathered while it is read, and given at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cmvmon.feeds.hl7.message import Message, address_of
from cmvmon.feeds.hl7.tables_told import NEEDS_ITS_CODES, Teller, tellers, with_last_words
from cmvmon.feeds.hl7.told import Cells, Places, Told, at_declared_places
from cmvmon.feeds.records import Expected, Fault, Messages, Record, Records, Unclear, refusal
from cmvmon.feeds.times import as_iso_8601

_AT_ONCE = 10_000  # records of one part
ONLY = ""
"""In `Messages.tables`, under which name the place stands by which the records are told that are meant."""


@dataclass(frozen=True)
class OfTable(Records):
    """Records of one table, with their texts by number, under our columns and under the places that are declared."""

    told: Mapping[int, Cells] = field(default_factory=dict)


class TablesTold:
    """What one file told so far. A state holds as its last word says, so that no part can be given before the end."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._told: dict[str, list[tuple[int, Told]]] = {}

    def tellers(self, kind: str) -> list[tuple[str, Teller]]:
        """The tables that are read out of such a message."""
        tables = self._messages.tables
        return tellers(kind, {name for name, places in tables.items() if name not in NEEDS_ITS_CODES or ONLY in places})

    def add(self, message: Message, kind: str, n_before: int) -> int:
        """Notes what a message tells; how many records that are, numbered behind the `n_before` that came before them."""
        n = 0
        for table, teller in self.tellers(kind):
            columns = self._messages.tables[table]
            for one in teller(message, kind, Places(self._messages.patient_id, columns)):
                n += 1
                its = at_declared_places(one, columns)
                self._told.setdefault(table, []).append((n_before + n, its))
        return n

    def parts(self) -> Iterator[tuple[str, Records]]:
        """The records of each table, in parts."""
        for table, numbered in self._told.items():
            last = with_last_words(table, [one for _, one in numbered])
            for start in range(0, len(numbered), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                yield table, _part(numbered[some], last[some], self._messages.tables[table])


def _part(numbered: Sequence[tuple[int, Told]], last: Sequence[Told], columns: Mapping[str, str]) -> OfTable:
    places = {name: header for name, header in columns.items() if address_of(header) is not None}
    told = {
        number: dict(held.cells) | {places[name]: text for name, text in held.cells.items() if name in places}
        for (number, _), held in zip(numbered, last, strict=True)
    }
    return OfTable(
        (),
        tuple(Record(number, one.line, ()) for number, one in numbered),
        texts={
            number: json.dumps(one.cells, sort_keys=True, ensure_ascii=False) for number, one in numbered
        },  # numbers, places and moments: names and addresses stay in the landing
        names_of_tests={number: one.name for number, one in numbered},
        told=told,
    )


def told_under(records: OfTable, expected: Expected) -> Records:
    """The records under the expected columns. A cell of which it can't be told what is meant is a fault of its record.

    Raises DeliveryError (`no_hl7_address`) for a declared column that is neither ours nor a place.
    """
    known = frozenset[str]().union(*records.told.values())
    wrong = [name for name in expected.required if name not in known and address_of(name) is None]
    if wrong:
        raise refusal("no_hl7_address", f"{', '.join(wrong)} can't be found in a message")
    faults = dict(records.faults)
    filled = []
    for record in records.records:
        told = records.told[record.number]
        cells = [(name, told.get(name, "")) for name in expected.columns]
        unclear = next(((name, cell.code) for name, cell in cells if isinstance(cell, Unclear)), None)
        if unclear is not None:
            faults[record.number] = Fault(unclear[1], unclear[0])
        written = (as_iso_8601(cell) if name in expected.moments else cell for name, cell in cells)
        filled.append(record._replace(cells=tuple(written)))
    return Records(expected.columns, tuple(filled), faults, records.texts, records.ignored, records.names_of_tests)

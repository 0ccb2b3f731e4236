"""What a file of messages tells of tables beside results, as their records: gathered while it is read, and given at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from cmvmon.feeds.hl7.message import Message, address_of
from cmvmon.feeds.hl7.tables_told import Teller, tellers, with_last_words
from cmvmon.feeds.hl7.told import Places, Told, at_declared_places
from cmvmon.feeds.records import Expected, Messages, Record, Records
from cmvmon.feeds.times import as_iso_8601
from cmvmon.feeds.told_records import NEEDS_ITS_CODES, ONLY, Format, OfTable, told_under

_AT_ONCE = 10_000  # records of one part
_HL7 = Format(lambda name: address_of(name) is not None, "no_hl7_address", "a message")


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
            columns, words = self._messages.tables[table], self._messages.words.get(table, {})
            for one in teller(message, kind, Places(self._messages.patient_id, columns, words)):
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


def under_columns(records: OfTable, expected: Expected) -> Records:
    """The records under the expected columns, with moments as ISO 8601 writes them (see `told_under`)."""
    return told_under(
        records, expected, _HL7, lambda name, cell: as_iso_8601(cell) if name in expected.moments else cell
    )

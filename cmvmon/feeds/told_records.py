"""Records of one table that messages or resources told beside results: in our columns, or at the places that a table file declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.feeds.records import Expected, Fault, Records, Unclear, refusal

NEEDS_ITS_CODES = (SAMPLES_ORDERED.name, DOSES_GIVEN.name)
"""Tables of which a hospital's line carries mostly others' records: read only where it is declared which are meant."""
ONLY = ""
"""In `Messages.tables`, under which name the place stands by which the records are told that are meant."""


def _nowhere(number: int, place: str) -> str:
    return ""


@dataclass(frozen=True)
class OfTable(Records):
    """Records of one table.

    Attributes:
        told: by number of the record, its texts under our columns, and under places that were read already.
        at: the text of a record at another declared place.
    """

    told: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    at: Callable[[int, str], str] = _nowhere


@dataclass(frozen=True)
class Format:
    """What a format says of its places: which texts are one, why a column that is none is refused, and in what it is not found."""

    is_place: Callable[[str], bool]
    no_place: str
    whole: str


def told_under(records: OfTable, expected: Expected, form: Format, write: Callable[[str, str], str]) -> Records:
    """The records under the expected columns. A cell of which it can't be told what is meant is a fault of its record.

    `write`: a column and its text -> the text in which the table is read. Raises DeliveryError (`form.no_place`) for a declared
    column that is neither ours nor a place.
    """
    known = frozenset[str]().union(*records.told.values())
    wrong = [name for name in expected.required if name not in known and not form.is_place(name)]
    if wrong:
        raise refusal(form.no_place, f"{', '.join(wrong)} can't be found in {form.whole}")
    faults, filled = dict(records.faults), dict[int, tuple[str, ...]]()
    for record in records.records:
        told = records.told[record.number]
        cells = {name: told[name] if name in told else records.at(record.number, name) for name in expected.columns}
        unclear = next(((name, cell.code) for name, cell in cells.items() if isinstance(cell, Unclear)), None)
        if unclear is not None:
            faults.setdefault(record.number, Fault(unclear[1], unclear[0]))
        filled[record.number] = tuple(write(name, cell) for name, cell in cells.items())
    return replace(records.with_cells(expected.columns, filled), faults=faults)

"""What a file of resources tells of tables beside results, as their records.

A table is read out of resources only where the feed's table file names it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.feeds.fhir.addresses import address_of
from cmvmon.feeds.fhir.doses_told import ADMINISTRATION, ORDERS, WAYS, called, dose_of
from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.kept import place_of
from cmvmon.feeds.fhir.references import Index
from cmvmon.feeds.fhir.told import Telling
from cmvmon.feeds.records import Expected, Fault, Record, Records, Unclear, refusal


@dataclass(frozen=True)
class _Teller:
    """How one type of resource tells of one table: where its references lead, its cells by the declared patient's address, and
    what it calls the thing that it tells of."""

    table: str
    ways: Mapping[str, tuple[str, ...]]
    cells: Callable[[Telling, str], dict[str, str]]
    called: Callable[[Telling], str]


_TELLS = {ADMINISTRATION: _Teller(DOSES_GIVEN.name, WAYS, dose_of, called)}
_NOT_TOLD = dict.fromkeys(ORDERS, (DOSES_GIVEN.name, "order_is_no_dose"))


@dataclass(frozen=True)
class OfTable(Records):
    """Records of one table, with the resource of each and its cells under our columns."""

    telling: Mapping[int, Telling] = field(default_factory=dict)
    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def table_of(kind: str, declared: Collection[str]) -> str | None:
    """The declared table of which such a resource tells; None where it tells of none."""
    teller = _TELLS.get(kind)
    return teller.table if teller is not None and teller.table in declared else None


def rested_on(entries: Iterable[Resource], index: Index, declared: Collection[str]) -> frozenset[Resource]:
    """The entries to which those refer that tell of a declared table: parts of these, and no records of their own."""
    found = set[Resource]()
    for entry in entries:
        teller = _TELLS.get(entry.kind)
        if teller is not None and teller.table in declared and entry.code is None:
            of_entry = (one.holder or one for one in Telling(entry, index, teller.ways).rests_on)
            found |= {one for one in of_entry if one is not entry}
    return frozenset(found)


def why_untold(kind: str, declared: Collection[str]) -> str | None:
    """Why such a resource tells nothing of a declared table to which it seems to belong."""
    table, code = _NOT_TOLD.get(kind, ("", ""))
    return code if table in declared else None


def of_table(
    numbered: Iterable[tuple[int, Resource]], index: Index, *, patient: str, processing: Collection[str]
) -> OfTable:
    """The records of those resources. `patient`: the declared address of the patient's number; "" = none is."""
    telling, cells, texts, faults, names = {}, {}, {}, {}, {}
    for number, resource in numbered:
        teller = _TELLS[resource.kind]
        one = telling[number] = Telling(resource, index, teller.ways)
        cells[number] = teller.cells(one, patient)
        names[number] = teller.called(one)
        if resource.modifiers:
            faults[number] = Fault("unknown_modifier", None)
        elif one.is_test and "HTEST" not in processing:
            faults[number] = Fault("not_for_production", None)
        # Numbers, codes and moments: names and addresses stay in the landing.
        texts[number] = json.dumps(place_of(resource) | cells[number], sort_keys=True, ensure_ascii=False)
    records = tuple(Record(number, one.resource.entry, ()) for number, one in telling.items())
    return OfTable((), records, faults, texts, names_of_tests=names, telling=telling, cells=cells)


def told_under(records: OfTable, expected: Expected, decimal: str | None) -> Records:
    """The records under the expected columns: ours, or addresses that are declared. A cell of which it can't be told what is
    meant is a fault of its record.

    Raises DeliveryError (`no_fhir_address`) for a declared column that is neither.
    """
    known = frozenset[str]().union(*records.cells.values())
    wrong = [name for name in expected.required if name not in known and address_of(name) is None]
    if wrong:
        raise refusal("no_fhir_address", f"{', '.join(wrong)} can't be found in a resource")
    faults, filled = dict(records.faults), []
    for record in records.records:
        one, told = records.telling[record.number], records.cells[record.number]
        cells = {name: told[name] if name in told else one.text(name) for name in expected.columns}
        unclear = next(((name, cell.code) for name, cell in cells.items() if isinstance(cell, Unclear)), None)
        if unclear is not None:
            faults.setdefault(record.number, Fault(unclear[1], unclear[0]))
        if decimal not in (None, ".") and "dose_mg" in cells:
            cells["dose_mg"] = cells["dose_mg"].replace(".", str(decimal))
        filled.append(record._replace(cells=tuple(cells.values())))
    return Records(expected.columns, tuple(filled), faults, records.texts, names_of_tests=records.names_of_tests)

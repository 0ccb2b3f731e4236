"""What a file of resources tells of tables beside results, as their records.

A table is read out of resources only where the feed's table file names it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.feeds.fhir.addresses import address_of
from cmvmon.feeds.fhir.doses_told import ADMINISTRATION, ORDERS, WAYS, called, dose_of
from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.kept import place_of
from cmvmon.feeds.fhir.references import Index
from cmvmon.feeds.fhir.told import Telling
from cmvmon.feeds.records import Expected, Fault, Record, Records
from cmvmon.feeds.told_records import Format, OfTable, told_under


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


_FHIR = Format(lambda name: address_of(name) is not None, "no_fhir_address", "a resource")


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
    return OfTable(
        (),
        records,
        faults,
        texts,
        names_of_tests=names,
        told=cells,
        at=lambda number, place: telling[number].text(place),
    )


def under_columns(records: OfTable, expected: Expected, decimal: str | None) -> Records:
    """The records under the expected columns, with amounts in the sender's decimal mark (see `told_under`)."""
    is_other = decimal not in (None, ".")
    return told_under(
        records,
        expected,
        _FHIR,
        lambda name, cell: cell.replace(".", str(decimal)) if is_other and name == "dose_mg" else cell,
    )

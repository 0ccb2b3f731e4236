"""A file of FHIR resources as the records of a laboratory: one for each value, its columns named by address.

    Observation.value      the value as its type says (`cmvmon.feeds.fhir.values`)
    DiagnosticReport.status   that of the reports and panels that name the observation; of several the most cautious
    others                 as they stand (`cmvmon.feeds.fhir.addresses`), of the observation and what belongs to it

What the texts mean says the laboratory file. A report without an observation in the file is a record too: it may be
cancelled. An entry that can't be read, or is not read, is one record with its reason, and the others go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from cmvmon.domain.delivered import BY_LABORATORY, WHOLE_DELIVERY
from cmvmon.feeds.fhir.addresses import Address, Said, Step, address_of
from cmvmon.feeds.fhir.entries import Resource, names_in, read_json, read_lines
from cmvmon.feeds.fhir.json_text import DAMAGED
from cmvmon.feeds.fhir.kept import kept_of, place_of
from cmvmon.feeds.fhir.notes import is_note, note_at, notes_of
from cmvmon.feeds.fhir.observations import KINDS, OBSERVATION, REPORT, Result, as_cell, results
from cmvmon.feeds.fhir.references import Index
from cmvmon.feeds.fhir.statuses import UNUSABLE, most_cautious
from cmvmon.feeds.fhir.table_records import TableTold, rested_on, says_nothing, tables_of, under_columns, why_untold
from cmvmon.feeds.fhir.values import CODE, UNIT, value_of
from cmvmon.feeds.records import Expected, Fault, Record, Records, TextsWhenAsked, Unclear, Writing, refusal
from cmvmon.feeds.told_records import OfTable

AT_ONCE = 10_000  # records of one part
(RESULTS,) = BY_LABORATORY  # the table that comes in a laboratory's words
VALUE, STATUS, ORDER_STATUS = "Observation.value", "Observation.status", "DiagnosticReport.status"
SENT_AT = "Observation.meta.lastUpdated"
_BORN_AT = "Patient.birthDate"
UNITS = {f"{VALUE}.{name}": name for name in (UNIT, CODE)}


@dataclass(frozen=True)
class OfResources(Records):
    """Records with what each is read from, by number."""

    results: Mapping[int, Result] = field(default_factory=dict)


@dataclass
class _Reading:
    """The records of one table."""

    records: list[Record] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)

    def parts(self) -> Iterator[OfResources]:
        """What was read, some records at a time."""
        for start in range(0, len(self.records), AT_ONCE):
            some = tuple(self.records[start : start + AT_ONCE])
            numbers = {record.number for record in some}
            results = {n: result for n, result in self.results.items() if n in numbers}
            yield OfResources(
                (),
                some,
                {n: fault for n, fault in self.faults.items() if n in numbers},
                TextsWhenAsked({n: text for n, text in self.texts.items() if n in numbers}, results, kept_of),
                frozenset(self.ignored & numbers),
                {n: name for n, name in self.names.items() if n in numbers},
                TextsWhenAsked({}, results, notes_of),
                TextsWhenAsked({}, results, _birth),
                _BORN_AT,
                results,
            )


def read_fhir(data: bytes, writing: Writing) -> Iterator[tuple[str, Records]]:
    """Records of results; under `WHOLE_DELIVERY` the entries of other types. Raises DeliveryError as `read_json`."""
    return _read(read_json(data), data, writing)


def read_fhir_lines(data: bytes, writing: Writing) -> Iterator[tuple[str, Records]]:
    """The same of a file with a resource a line. Raises DeliveryError as `read_lines`."""
    return _read(read_lines(data), data, writing)


def _read(entries: list[Resource], data: bytes, writing: Writing) -> Iterator[tuple[str, Records]]:
    found, of_results = results(entries)
    index = Index(entries if writing.messages.tables else ())
    rests_on = of_results | rested_on(entries, index, writing.messages.tables)
    by_entry: dict[int, list[Result]] = {}
    for result in found:
        by_entry.setdefault(result.resource.entry, []).append(result)
    parts = {RESULTS: _Reading(), WHOLE_DELIVERY: _Reading()}
    file = _File(parts, writing, hashlib.sha256(data).hexdigest())
    for entry in entries:
        of_entry = by_entry.get(entry.entry, [])
        if entry.code is None and of_entry:
            for result in of_entry:
                file.result(result)
        elif entry.code is not None or entry not in rests_on or file.tells_by_itself(entry):
            file.other(entry, of_entry)
    for table, reading in parts.items():
        for part in reading.parts():
            yield table, part
    yield from file.of_tables(index)


class _File:
    """Numbers the records of one file."""

    def __init__(self, parts: Mapping[str, _Reading], writing: Writing, sha256: str) -> None:
        self._parts, self._messages, self._sha256 = parts, writing.messages, sha256
        self._number = 0
        self._told: dict[str, list[Resource]] = {}

    def of_tables(self, index: Index) -> Iterator[tuple[str, Records]]:
        """The records of tables beside results, in parts."""
        for table, resources in self._told.items():
            columns = self._messages.tables[table]
            patient = columns.get("patient_id", self._messages.patient_id)
            told = TableTold(
                table,
                resources,
                index,
                n_before=self._number,
                columns=columns,
                patient=patient,
                processing=self._messages.processing,
            )
            self._number += len(told)
            for part in told.parts(AT_ONCE):
                yield table, part

    def result(self, result: Result) -> None:
        """Adds a result."""
        reading = self._parts[RESULTS]
        number = self._next(reading, result.resource.entry)
        reading.results[number] = result
        reading.names[number] = _names_of_test(result)
        involved = (result.resource, *result.panels, *(one for kind in KINDS for one in result.those(kind).resources))
        if any(one.is_test for one in involved) and "HTEST" not in self._messages.processing:
            reading.faults[number] = Fault("not_for_production", None)

    def tells_by_itself(self, entry: Resource) -> bool:
        """Whether it tells of a declared table, whatever else refers to it."""
        return bool(tables_of(entry, self._messages.tables)) and entry.kind not in self._messages.ignored

    def other(self, entry: Resource, of_entry: list[Result]) -> None:
        """Adds an entry that is not read, or can't be; of one that holds results its patient is told."""
        declared = self._messages.tables
        tables = tables_of(entry, declared) if entry.code is None else ()
        if tables and entry.kind not in self._messages.ignored:
            for table in tables:
                self._told.setdefault(table, []).append(entry)
            return
        is_result = entry.kind in (OBSERVATION, REPORT, "") or bool(of_entry)
        reading = self._parts[RESULTS if is_result else WHOLE_DELIVERY]
        number = self._next(reading, entry.entry)
        if entry.code is None and (entry.kind in self._messages.ignored or says_nothing(entry, declared)):
            reading.ignored.add(number)
        else:
            reading.faults[number] = Fault(entry.code or why_untold(entry.kind, declared) or "resource_type", None)
        if of_entry and entry.code not in ("repeated_member", DAMAGED):
            reading.results[number] = of_entry[0]
        # Its own words may be anybody's: it is known by its hash, and stands whole in the landing.
        told = place_of(entry) | {"sha256": _sha256_of(entry) or self._sha256}
        reading.texts[number] = json.dumps(told, sort_keys=True, ensure_ascii=False)

    def _next(self, reading: _Reading, entry: int) -> int:
        self._number += 1
        reading.records.append(Record(self._number, entry, ()))
        return self._number


def _sha256_of(entry: Resource) -> str:
    """The hash of a resource; empty where there is none, or it is nested too deeply to be written."""
    try:
        return hashlib.sha256(json.dumps(entry.members).encode()).hexdigest() if entry.members else ""
    except RecursionError:
        return ""


def _names_of_test(result: Result) -> str:
    """All that the observation, its reports, panels and order call the test."""
    above = (*result.panels, *result.reports, *result.those("ServiceRequest").resources)
    own = Resource(0, result.own)
    return " ".join(text for one in (own, *above) if (text := names_in(one, "code")))


def with_fhir_addresses(records: Records, expected: Expected, decimal: str | None) -> Records:
    """The same records with a cell for each expected address.

    Raises DeliveryError (`no_fhir_address`) for a column that is none.
    """
    if isinstance(records, OfTable):
        return under_columns(records, expected, decimal)
    addresses = [
        one if (one := address_of(name)) is not None and one.kind in KINDS else None for name in expected.columns
    ]
    if None in addresses:
        wrong = ", ".join(name for name, found in zip(expected.columns, addresses, strict=True) if found is None)
        raise refusal("no_fhir_address", f"{wrong} can't be found in a resource")
    of = records.results if isinstance(records, OfResources) else {}
    known = [(name, one) for name, one in zip(expected.columns, addresses, strict=True) if one is not None]
    units_read = frozenset(UNITS[name] for name in expected.columns if name in UNITS)
    cells = {n: tuple(_cell(result, name, one, units_read, decimal) for name, one in known) for n, result in of.items()}
    return records.with_cells(expected.columns, cells)


def _birth(result: Result) -> str:
    """The patient's date of birth as it stands; nothing where none can be told."""
    return result.at(Address("Patient", (Step("birthDate"),)))


def _cell(result: Result, name: str, address: Address, units_read: Collection[str], decimal: str | None) -> str:
    if name == VALUE:
        if result.resource.modifiers:
            return Unclear("unknown_modifier")
        if not result.is_of_one_patient:
            return Unclear("other_patient")
        if any(one.members.get("status") in UNUSABLE for one in result.those("Specimen").resources):
            return Unclear("unusable_specimen")
        return value_of(result.own, units_read=units_read, decimal=decimal)
    if name == ORDER_STATUS:
        return _order_status(result, address)
    if name == SENT_AT:
        return result.at(address) or result.resource.bundled_at
    return note_at(result, address) if is_note(address) else result.at(address)


def _order_status(result: Result, address: Address) -> str:
    if result.observation is None:
        return result.at(address)
    above = (*result.panels, *result.reports)
    if result.is_unclear:
        return Unclear("versions_unclear")
    if any(one.code is not None for one in above):
        return Unclear("unresolved_reference")
    if any(one.modifiers for one in above):
        return Unclear("unknown_modifier")
    told = [status for one in above if isinstance(status := one.members.get("status"), str) and status]
    return as_cell(Said(most_cautious(told)))

"""What a file of resources tells of tables beside results, as their records.

A table is read out of resources only where the feed's table file names it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.feeds.fhir import doses_told, encounters, orders_told, persons_told
from cmvmon.feeds.fhir.addresses import address_of
from cmvmon.feeds.fhir.doses_told import ADMINISTRATION, ORDERS
from cmvmon.feeds.fhir.encounters import ENCOUNTER, Movement, movements_of
from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.kept import place_of
from cmvmon.feeds.fhir.orders_told import REQUEST
from cmvmon.feeds.fhir.references import Index
from cmvmon.feeds.fhir.told import LOCATION, PATIENT, Spoken, Telling
from cmvmon.feeds.records import Expected, Fault, Record, Records
from cmvmon.feeds.told_records import ONLY, Format, OfTable, told_under

Cells = Mapping[str, str]


class _Said(NamedTuple):
    """One record that a resource tells: our columns -> text, and the text at another declared place (column, address)."""

    telling: Telling
    cells: Cells
    at: Callable[[str, str], str]


@dataclass(frozen=True)
class _Teller:
    """How one type of resource tells of one table.

    Attributes:
        ways: where its references lead.
        said: its records, by the declared patient's address.
        called: what it calls the thing that it tells of.
        settled: columns that no declared address replaces.
        last_word: of several records of one key in one file, the one that holds; None = each stands.
        needs_its_codes: read only where it is declared which are meant.
        tells: whether such a resource tells of it at all; None = each does.
        needs_moment: of several records of one key only those have a say that say when they were stated.
    """

    table: RowType
    ways: Mapping[str, tuple[str, ...]]
    said: Callable[[Telling, str], Iterable[_Said]]
    called: Callable[[Telling], str]
    settled: Collection[str] = ()
    last_word: Callable[[Sequence[Spoken]], dict[str, str]] | None = None
    needs_its_codes: bool = False
    tells: Callable[[Resource], bool] | None = None
    needs_moment: bool = False


def _one(cells: Callable[[Telling, str], dict[str, str]]) -> Callable[[Telling, str], Iterable[_Said]]:
    """Of a resource that tells one record."""
    return lambda telling, patient: (_Said(telling, cells(telling, patient), lambda _, place: telling.text(place)),)


def _movements(telling: Telling, patient: str) -> Iterator[_Said]:
    for one in movements_of(telling, patient):
        yield _Said(telling, one.cells, partial(_of_movement, telling, one))


def _of_movement(telling: Telling, movement: Movement, column: str, place: str) -> str:
    if place.startswith(f"{LOCATION}."):
        return "" if movement.place is None else movement.place.at(column, place)
    return telling.text(place) if column not in _OF_PLACES or movement.place is not None else ""


_OF_PLACES = ("unit", "ward", "bed")
_OF_PERSONS = partial(_Teller, last_word=persons_told.last_word, needs_moment=True)
_TELLS: Mapping[str, tuple[_Teller, ...]] = {
    ADMINISTRATION: (_Teller(DOSES_GIVEN, doses_told.WAYS, _one(doses_told.dose_of), doses_told.called),),
    ENCOUNTER: (
        _Teller(PATIENT_MOVEMENTS, encounters.WAYS, _movements, lambda _: ENCOUNTER, encounters.SETTLED),
        _OF_PERSONS(
            DEATHS,
            persons_told.WAYS_OF_VISIT,
            _one(persons_told.death_of_visit),
            lambda _: ENCOUNTER,
            persons_told.SETTLED,
            tells=persons_told.tells_how_it_ended,
        ),
    ),
    PATIENT: (
        _OF_PERSONS(
            DEATHS,
            {},
            _one(persons_told.death_of),
            lambda _: PATIENT,
            persons_told.SETTLED,
            tells=persons_told.tells_of_life,
        ),
        _OF_PERSONS(BIRTH_DATES, {}, _one(persons_told.birth_of), lambda _: PATIENT, tells=persons_told.tells_birth),
    ),
    REQUEST: (
        _Teller(
            SAMPLES_ORDERED,
            orders_told.WAYS,
            _one(orders_told.order_of),
            orders_told.called,
            last_word=orders_told.last_word,
            needs_its_codes=True,
        ),
    ),
}
_NOT_TOLD = dict.fromkeys(ORDERS, (DOSES_GIVEN.name, "order_is_no_dose"))


_FHIR = Format(lambda name: address_of(name) is not None, "no_fhir_address", "a resource")
Tables = Mapping[str, Mapping[str, str]]
"""The declared tables, each with the places of its columns that are declared (`Messages.tables`)."""


def tables_of(entry: Resource, declared: Tables) -> tuple[str, ...]:
    """The declared tables of which a resource tells."""
    return tuple(teller.table.name for teller in _tellers(entry, declared))


def says_nothing(entry: Resource, declared: Tables) -> bool:
    """Whether a resource is of a type that may tell of a declared table, and itself tells of none: there is nothing to read in it."""
    return not _tellers(entry, declared) and any(
        teller.table.name in declared and teller.tells is not None for teller in _TELLS.get(entry.kind, ())
    )


def _tellers(entry: Resource, declared: Tables) -> list[_Teller]:
    return [
        teller
        for teller in _TELLS.get(entry.kind, ())
        if teller.table.name in declared
        and (not teller.needs_its_codes or ONLY in declared[teller.table.name])
        and (teller.tells is None or teller.tells(entry))
    ]


def rested_on(entries: Iterable[Resource], index: Index, declared: Tables) -> frozenset[Resource]:
    """The entries to which those refer that tell of a declared table: parts of these, and no records of their own, but for those
    that tell of a declared table themselves."""
    found = set[Resource]()
    for entry in entries:
        for teller in _tellers(entry, declared) if entry.code is None else ():
            of_entry = (one.holder or one for one in Telling(entry, index, teller.ways).rests_on)
            found |= {one for one in of_entry if one is not entry}
    return frozenset(found)


def why_untold(kind: str, declared: Tables) -> str | None:
    """Why such a resource tells nothing of a declared table to which it seems to belong."""
    table, code = _NOT_TOLD.get(kind, ("", ""))
    return code if table in declared else None


class TableTold:
    """The records of one table out of the resources of one file, numbered behind those that came before them."""

    def __init__(
        self,
        table: str,
        resources: Iterable[Resource],
        index: Index,
        *,
        n_before: int,
        columns: Mapping[str, str],
        patient: str,
        processing: Collection[str],
    ) -> None:
        """`patient`: the declared address of the patient's number; "" = none is. `processing`: as `Messages` has it."""
        self._of_kind = {
            kind: teller for kind, tellers in _TELLS.items() for teller in tellers if teller.table.name == table
        }
        said = [
            (resource, one)
            for resource in resources
            for one in self._of_kind[resource.kind].said(
                Telling(resource, index, self._of_kind[resource.kind].ways), patient
            )
        ]
        self._columns = columns
        self._said = [(n, resource, one) for n, (resource, one) in enumerate(said, n_before + 1)]
        self._faults = {n: why for n, resource, one in self._said if (why := _fault(resource, one, processing))}
        sound = [said for said in self._said if said[0] not in self._faults]
        self._cells = _with_last_words(self._said, columns, self._of_kind, sound)

    def __len__(self) -> int:
        return len(self._said)

    def parts(self, at_once: int) -> Iterator[OfTable]:
        """The records, some at a time."""
        for start in range(0, len(self._said), at_once):
            yield self._part(self._said[start : start + at_once])

    def _part(self, said: Sequence[_Numbered]) -> OfTable:
        texts, faults, names, told = {}, {}, {}, {}
        for number, resource, one in said:
            teller = self._of_kind[resource.kind]
            cells = told[number] = self._cells[number]
            names[number] = teller.called(one.telling)
            if number in self._faults:
                faults[number] = self._faults[number]
            # Numbers, codes and moments: names and addresses stay in the landing.
            kept = place_of(resource) | {name: text for name, text in cells.items() if address_of(name) is None}
            texts[number] = json.dumps(kept, sort_keys=True, ensure_ascii=False)
        of = {number: one for number, _, one in said}
        column_at = {place: name for name, place in self._columns.items() if name != ONLY}
        return OfTable(
            (),
            tuple(Record(number, resource.entry, ()) for number, resource, _ in said),
            faults,
            texts,
            names_of_tests=names,
            told=told,
            at=lambda number, place: of[number].at(column_at.get(place, ""), place),
        )


_Numbered = tuple[int, Resource, _Said]


def _fault(resource: Resource, one: _Said, processing: Collection[str]) -> Fault | None:
    """Why a record is set apart whatever it says; None where it is not."""
    if resource.modifiers:
        return Fault("unknown_modifier", None)
    is_for_tests = one.telling.is_test and "HTEST" not in processing
    return Fault("not_for_production", None) if is_for_tests else None


def _with_last_words(
    said: Sequence[_Numbered], columns: Mapping[str, str], of_kind: Mapping[str, _Teller], sound: Sequence[_Numbered]
) -> dict[int, Cells]:
    """By number the texts of each record. Of several of one key what holds at the file's end: two that came together can't be told
    apart by their receipt. Only those that are `sound` have a say in it."""
    cells: dict[int, Cells] = {}
    of_key: dict[tuple[str, ...], list[_Numbered]] = defaultdict(list)
    may_say = {number for number, _, _ in sound}
    for number, resource, one in said:
        teller = of_kind[resource.kind]
        cells[number] = dict(one.cells) | {columns[name]: one.cells[name] for name in teller.settled if name in columns}
        if teller.last_word is not None:
            declared = {n: one.at(n, place) for n, place in columns.items() if n != ONLY and address_of(place)}
            whole = dict(one.cells) | {n: text for n, text in declared.items() if n in one.cells}
            cells[number] = whole | {columns[n]: text for n, text in declared.items()}
            key = tuple(whole[name] for name in teller.table.key)
            if number in may_say and all(key) and (whole["stated_at"] or not teller.needs_moment):
                of_key[key].append((number, resource, one))
    for several in of_key.values():
        last_word = of_kind[several[0][1].kind].last_word
        if len(several) > 1 and last_word is not None:
            holds = last_word([(resource, dict(cells[n])) for n, resource, _ in several])
            cells |= dict.fromkeys((n for n, _, _ in several), holds)
    return cells


def under_columns(records: OfTable, expected: Expected, decimal: str | None) -> Records:
    """The records under the expected columns, with amounts in the sender's decimal mark (see `told_under`)."""
    is_other = decimal not in (None, ".")
    return told_under(
        records,
        expected,
        _FHIR,
        lambda name, cell: cell.replace(".", str(decimal)) if is_other and name == "dose_mg" else cell,
    )

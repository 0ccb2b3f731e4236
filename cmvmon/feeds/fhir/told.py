"""A resource that tells of a table beside results, with what it refers to: the text at an address, or why it can't be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cmvmon.feeds.fhir.addresses import Address, address_of, at, together
from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.observations import OBSERVATION, as_cell
from cmvmon.feeds.fhir.references import Index, Meant
from cmvmon.feeds.fhir.subjects import name_one_patient
from cmvmon.feeds.records import Unclear

PATIENT, LOCATION = "Patient", "Location"
ANY_PATIENT = "Patient.identifier.value"
Spoken = tuple[Resource, dict[str, str]]
"""A resource, and what it says of a table as one record: a text by column."""
_DEEPEST = 8  # a bed in a room in a ward in a building


@dataclass(frozen=True, eq=False)
class Telling:
    """One resource. `ways`: by type of another one, the members whose references lead to it (`location.location`: within one)."""

    resource: Resource
    index: Index
    ways: Mapping[str, tuple[str, ...]]

    def text(self, *addresses: str) -> str:
        """The text at the first of these addresses that holds any; `Unclear` where it can't be told which is meant."""
        for text in addresses:
            address = address_of(text)
            cell = "" if address is None else self.at(address)
            if cell or isinstance(cell, Unclear):
                return cell
        return ""

    def at(self, address: Address) -> str:
        """The text at an address. An address of an observation's subject is that of this resource's subject."""
        is_subject = address.steps[0].name == "subject"
        if address.kind == self.resource.kind or (address.kind == OBSERVATION and is_subject):
            cell = as_cell(at(self.resource.members, address.steps))
        else:
            meant = self._meant(address.kind)
            if meant.is_unresolved or any(one.code is not None for one in meant.resources):
                return Unclear("unresolved_reference")
            if any(one.modifiers for one in meant.resources):
                return Unclear("unknown_modifier")
            cell = as_cell(
                together(at(one.members, address.steps) for one in meant.resources if one.kind == address.kind)
            )
        if cell and (address.kind == PATIENT or is_subject) and not self._is_of_one_patient:
            return Unclear("other_patient")
        return cell

    def patient(self, declared: str) -> str:
        """The patient's number, at the declared address; without one, the only number that the patient has."""
        return self.text(declared or ANY_PATIENT)

    def number(self) -> str:
        """Its number: that of its only identifier, else the id that its server gave it."""
        return self.text(f"{self.resource.kind}.identifier.value", f"{self.resource.kind}.id")

    def stated_at(self) -> str:
        """When it was stated: when its server last changed it, else when its Bundle was put together."""
        return self.text(f"{self.resource.kind}.meta.lastUpdated") or self.resource.bundled_at

    def within(self, location: Resource) -> list[Resource]:
        """A place, and each that it is said to be a part of, from the smallest to the largest; no further than can be told."""
        found = [location]
        while len(found) < _DEEPEST:
            larger = [one for one in self.index.meant(found[-1], "partOf").resources if one.kind == LOCATION]
            if len(larger) != 1 or larger[0] in found:
                break
            found += larger
        return found

    @cached_property
    def is_test(self) -> bool:
        """Whether it, or what it refers to, is labelled as test health data."""
        return any(one.is_test for one in (self.resource, *self.rests_on))

    @cached_property
    def rests_on(self) -> frozenset[Resource]:
        """All that it refers to, and of a place those that it is a part of."""
        direct = frozenset(one for kind in self.ways for one in self._meant(kind).resources)
        return direct | {each for one in direct if one.kind == LOCATION for each in self.within(one)}

    @cached_property
    def _is_of_one_patient(self) -> bool:
        own = (self.resource, *self._meant("Encounter").resources, *self._meant("Specimen").resources)
        return name_one_patient(own, self.index)

    def _meant(self, kind: str) -> Meant:
        found = [self.index.meant(self.resource, *way.split(".")) for way in self.ways.get(kind, ())]
        resources = tuple(dict.fromkeys(one for each in found for one in each.resources))
        return Meant(resources, any(each.is_unresolved for each in found))

"""What belongs to a result: its observation or one component of it, the reports and panels that name it, its patient and
specimen.

    DiagnosticReport --result--> Observation --hasMember--> Observation
                                 Observation.component

A panel without a value of its own is none: its members are. Each is one result, by however many ways it is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cmvmon.feeds.fhir.addresses import Address, Said, at, choices, together
from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.moments import each_once, is_date_time
from cmvmon.feeds.fhir.references import NOTHING, Index, Meant
from cmvmon.feeds.fhir.subjects import name_one_patient
from cmvmon.feeds.fhir.versions import Named, named_by
from cmvmon.feeds.records import Unclear

OBSERVATION, REPORT = "Observation", "DiagnosticReport"
OF_COMPONENT = ("code", "value", "dataAbsentReason", "interpretation", "referenceRange")
"""What a component says for itself (FHIR R4, 10.1.5.4); of the rest its observation speaks."""
# The references that lead from an observation or a report to a resource of another type.
_WAYS = {
    "Patient": ("subject",),
    "Specimen": ("specimen",),
    "ServiceRequest": ("basedOn",),
    "Device": ("device",),
    "Encounter": ("encounter",),
}
_WITH_SUBJECT = ("Specimen", "ServiceRequest", "Encounter")
KINDS = (OBSERVATION, REPORT, *_WAYS)
"""The types of resources that belong to a result."""


@dataclass(frozen=True, eq=False)
class Result:
    """One value, or a report without one that is here.

    Attributes:
        observation: None of a report without an observation.
        component: the one that holds the value; None where the observation does.
        reports, panels: what names the observation as its result, or as its member, directly or through another.
        is_unclear: it can't be told which versions of these speak of this version of the observation.
    """

    index: Index
    observation: Resource | None
    component: Members | None = None
    reports: tuple[Resource, ...] = ()
    panels: tuple[Resource, ...] = ()
    is_unclear: bool = False
    _found: dict[str, Meant] = field(default_factory=dict)

    @property
    def resource(self) -> Resource:
        """What the record is of."""
        return self.reports[0] if self.observation is None else self.observation

    @cached_property
    def own(self) -> Members:
        """The members of the observation, those of the component in their place; empty of a report alone."""
        if self.observation is None:
            return Members()
        if self.component is None:
            return self.observation.members
        own = Members(self.observation.members)
        for name in [each for one in OF_COMPONENT for each in choices(own, one)]:
            own.pop(name)
        own.update((n, v) for n, v in self.component.items() if n not in own)
        return own

    def those(self, kind: str) -> Meant:
        """The resources of that type that belong to the result; of patients all that are named, of others the nearest."""
        if kind not in self._found:
            self._found[kind] = self._those(kind)
        return self._found[kind]

    def _those(self, kind: str) -> Meant:
        if kind == OBSERVATION:
            return Meant(() if self.observation is None else (self.observation,))
        if kind == REPORT:
            return Meant(self.reports)
        named = [_joined(self.index.meant(one, *_WAYS[kind]) for one in group) for group in self._groups]
        nearest = next((one for one in named if one is not NOTHING), NOTHING)
        if kind != "Patient":
            return nearest
        of_specimens = [self.index.meant(one, "subject") for one in self.those("Specimen").resources]
        return Meant(_joined([*named, *of_specimens]).resources, nearest.is_unresolved)

    @property
    def _groups(self) -> tuple[tuple[Resource, ...], ...]:
        """The observation, its panels and its reports, the nearest first."""
        return () if self.observation is None else (self.observation,), self.panels, self.reports

    @cached_property
    def is_of_one_patient(self) -> bool:
        """Whether all that belongs to it, and names a patient, names the same one."""
        own = [one for group in self._groups for one in group]
        others = [
            one for kind in _WITH_SUBJECT for each in own for one in self.index.meant(each, *_WAYS[kind]).resources
        ]
        return name_one_patient([*own, *others], self.index)

    def at(self, address: Address) -> str:
        """The text at an address; why it can't be told, where it can't."""
        meant = self.those(address.kind)
        if self.is_unclear and address.kind == REPORT:
            return Unclear("versions_unclear")
        for one in meant.resources if address.kind != OBSERVATION else ():
            if one.code is not None or one.modifiers:
                return Unclear("unresolved_reference" if one.code is not None else "unknown_modifier")
        if meant.is_unresolved:
            return Unclear("unresolved_reference")
        said = (
            at(self.own, address.steps)
            if address.kind == OBSERVATION
            else together(at(one.members, address.steps) for one in meant.resources if one.kind == address.kind)
        )
        cell = as_cell(said)
        names_patient = address.kind == "Patient" or address.steps[0].name == "subject"
        return Unclear("other_patient") if cell and names_patient and not self.is_of_one_patient else cell


def as_cell(said: Said) -> str:
    """One text, or why there is none. Texts of one moment are one, however each is written."""
    texts = each_once(said.texts) if len(said.texts) > 1 and all(map(is_date_time, said.texts)) else said.texts
    if len(texts) > 1:
        return Unclear("several_values")
    if texts:
        return texts[0]
    return Unclear("no_single_text") if said.has_parts else ""


def _joined(meant: Iterable[Meant]) -> Meant:
    those = [one for one in meant if one is not NOTHING]
    if len(those) < 2:
        return those[0] if those else NOTHING
    resources = tuple(dict.fromkeys(one for each in those for one in each.resources))
    return Meant(resources, any(each.is_unresolved for each in those))


def results(entries: Iterable[Resource]) -> tuple[list[Result], frozenset[Resource]]:
    """The results of a file in the order of its entries, and every resource that one of them rests on."""
    every = tuple(entries)
    index = Index(every)
    whole = [one for each in every for one in (each, *index.contained(each))]
    names = {OBSERVATION: "hasMember", REPORT: "result"}
    named = named_by(((one, names[one.kind]) for one in whole if one.kind in names), index)
    found = [result for one in whole for result in _of(one, index, named)]
    rests_on = {one for result in found for kind in KINDS for one in result.those(kind).resources}
    rests_on |= {panel for result in found for panel in result.panels}
    return found, frozenset(one.holder or one for one in rests_on)


def _of(one: Resource, index: Index, named: Mapping[Resource, Named]) -> Iterator[Result]:
    if one.kind == REPORT:
        members = index.meant(one, "result").resources
        if not any(member.kind == OBSERVATION for member in members):
            yield Result(index, None, None, (one,))
    if one.kind != OBSERVATION:
        return
    above, is_unclear = _above(one, named)
    reports = tuple(each for each in above if each.kind == REPORT)
    panels = tuple(each for each in above if each.kind == OBSERVATION)
    components, below = one.those("component"), index.meant(one, "hasMember")
    has_value = bool(choices(one.members, "value")) or "dataAbsentReason" in one.members
    if has_value or not (components or (below.resources and not below.is_unresolved)):
        yield Result(index, one, None, reports, panels, is_unclear)
    for component in components:
        yield Result(index, one, component, reports, panels, is_unclear)


def _above(one: Resource, named: Mapping[Resource, Named]) -> Named:
    """The reports and panels that name an observation, and those that name these; none twice, and never itself."""
    found: dict[Resource, None] = {}
    own = named.get(one, Named())
    waiting, is_unclear = list(own.by), own.is_unclear
    while waiting:
        each = waiting.pop(0)
        if each is not one and each not in found:
            found[each] = None
            above = named.get(each, Named())
            waiting += above.by
            is_unclear |= above.is_unclear
    return Named(tuple(found), is_unclear)

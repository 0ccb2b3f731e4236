"""The notes beside a result: of the observation, of the panels that it is a member of and of its specimen, and the conclusion of
its reports, as one text."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.feeds.fhir.addresses import Address, Step, at
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.observations import OBSERVATION, REPORT, Result

_NOTE = (Step("note"), Step("text"))
_CONCLUSION = (Step("conclusion"),)


def notes_of(result: Result) -> str:
    """What they say, a line for each."""
    return "\n".join(_all(result))


def _all(result: Result) -> Iterator[str]:
    yield from at(result.own, _NOTE).texts
    for one in (*result.panels, *result.those("Specimen").resources):
        yield from at(one.members, _NOTE).texts
    for one in result.reports:
        yield from at(one.members, _CONCLUSION).texts


def note_at(result: Result, address: Address) -> str:
    """The notes at an address, joined: of several none is meant alone."""
    those = result.those(address.kind).resources
    members: list[Members] = [result.own] if address.kind == OBSERVATION else [one.members for one in those]
    return "\n".join(text for one in members for text in at(one, address.steps).texts)


def is_note(address: Address) -> bool:
    """Whether notes stand at that address."""
    first = address.steps[0].name
    return first == "note" or (address.kind == REPORT and first == "conclusion")

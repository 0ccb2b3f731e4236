"""The text of a resource by its address: the path in the JSON, with the type of the resource before it.

    Observation.status
    Observation.code.coding[system=http://loinc.org].code     of the one whose system is that
    Patient.identifier[type.coding.code=MR].value             of the one whose type has that code
    Observation.category[2].text                              of the second
    Observation.effective                                     effectiveDateTime, effectiveInstant, or the start of effectivePeriod

Where no one is chosen, the texts of all must be the same; else it can't be told which is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.json_numbers import Number

_CHOICES = frozenset({"value", "effective", "collected"})  # [x]
_PERIOD = frozenset({"start", "end", "id", "extension"})
_MEMBER = r"[a-z][A-Za-z0-9]*"
_STEP = re.compile(
    rf"\.(?P<name>{_MEMBER})"
    rf"(?:\[(?:(?P<number>[1-9][0-9]{{0,2}})|(?P<by>{_MEMBER}(?:\.{_MEMBER})*)=(?P<value>[^\[\]]+))\])?"
)
_WHOLE = re.compile(rf"(?P<kind>[A-Z][A-Za-z]+)(?P<steps>(?:{_STEP.pattern.replace('?P<', '?P<_')})+)")


class Step(NamedTuple):
    """One member of a path. 0 and () stand for "not said"; `by` and `value` choose among several."""

    name: str
    number: int = 0
    by: tuple[Step, ...] = ()
    value: str = ""


class Address(NamedTuple):
    """Where a text stands: the type of a resource, and the way within it."""

    kind: str
    steps: tuple[Step, ...]


class Said(NamedTuple):
    """What stands at an address: texts without repeats, and whether something stands there that is no text."""

    texts: tuple[str, ...] = ()
    has_parts: bool = False


@lru_cache(maxsize=1024)
def address_of(text: str) -> Address | None:
    """The address that a text is, or None where it is none.

    >>> address_of("Observation.code.coding[system=http://loinc.org].code").steps[1]
    Step(name='coding', number=0, by=(Step(name='system', number=0, by=(), value=''),), value='http://loinc.org')
    >>> address_of("Patientnummer") is None
    True
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        return None
    steps = tuple(
        Step(
            one["name"],
            int(one["number"] or 0),
            tuple(Step(name) for name in (one["by"] or "").split(".") if name),
            one["value"] or "",
        )
        for one in _STEP.finditer(found["steps"])
    )
    return Address(found["kind"], steps)


def at(members: Members, steps: Iterable[Step]) -> Said:
    """What stands in a resource at the end of a path."""
    found: list[Any] = [members]
    for step in steps:
        found = [inner for one in found if isinstance(one, Members) for inner in _step(one, step)]
    texts: dict[str, None] = {}
    has_parts = False
    for one in found:
        if isinstance(one, Members) and set(one) <= _PERIOD and one:
            one = one.get("start")  # of a period its start
        if one is None:
            continue
        if isinstance(one, bool):
            one = "true" if one else "false"
        if not isinstance(one, str):
            has_parts = True
        elif one.strip():
            texts[one] = None
    return Said(tuple(texts), has_parts)


def together(said: Iterable[Said]) -> Said:
    """What is said at one address of several resources."""
    all_of_it = tuple(said)
    return Said(
        tuple(dict.fromkeys(text for one in all_of_it for text in one.texts)), any(one.has_parts for one in all_of_it)
    )


def choices(members: Members, name: str) -> list[str]:
    """The members that a choice of types stands under: `valueQuantity` for `value`."""
    if name in members or name not in _CHOICES:
        return [name] if name in members else []
    return [member for member in members if member.startswith(name) and member[len(name) : len(name) + 1].isupper()]


def _step(members: Members, step: Step) -> Iterator[Any]:
    for name in choices(members, step.name):
        inner = members[name]
        several = inner if isinstance(inner, list) else [inner]
        if step.number:
            several = several[step.number - 1 : step.number]
        elif step.by:
            several = [one for one in several if isinstance(one, Members) and step.value in at(one, step.by).texts]
        yield from several


def texts_in(value: Any) -> Iterator[str]:
    """Every text within a value, in order; no numbers."""
    if isinstance(value, Members):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str) and not isinstance(value, Number):
        yield value

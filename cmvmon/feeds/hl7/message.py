"""One message: its segments in order, all of them, and the text of a field by its address.

    PID-3            the whole field, its parts joined by ^ & ~ whatever marks the message uses
    PID-3.4          a component       PID-3.4.1    a subcomponent
    PID-3[2].1       of the second repetition
    PID-3[5=MR].1    of the repetition whose fifth component is MR

Without a repetition, a component is that of all repetitions where they say the same; else it can't be told which is meant.
`""` is the sender's word for an empty field (HL7 2.5.1, 2.5.3), and is read as one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from cmvmon.feeds.hl7.delimiters import Delimiters
from cmvmon.feeds.hl7.escapes import escaped, unescaped

_ADDRESS = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>[1-9][0-9]{0,2})"
    r"(?:\[(?:(?P<number>[1-9][0-9]{0,2})|(?P<by>[1-9][0-9]?)=(?P<is>[^\]]+))\])?"
    r"(?:\.(?P<component>[1-9][0-9]?)(?:\.(?P<subcomponent>[1-9][0-9]?))?)?"
)
HEADERS = ("MSH", "FHS", "BHS")  # whose first field is the mark that parts the others
_NULL = '""'
Tree = tuple[tuple[tuple[str, ...], ...], ...]
"""A field: repetitions of components of subcomponents."""


class Address(NamedTuple):
    """Where a text stands in a message. 0 stands for "not said"; `by` and `value` choose a repetition by a component."""

    segment: str
    field: int
    repetition: int = 0
    by: int = 0
    value: str = ""
    component: int = 0
    subcomponent: int = 0


@lru_cache(maxsize=1024)
def address_of(text: str) -> Address | None:
    """The address that a text is, or None where it is none.

    >>> address_of("PID-3[5=MR].4.1")
    Address(segment='PID', field=3, repetition=0, by=5, value='MR', component=4, subcomponent=1)
    >>> address_of("Patientnummer") is None
    True
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    numbers = (int(found[name] or 0) for name in ("field", "number", "by", "component", "subcomponent"))
    field, repetition, by, component, subcomponent = numbers
    return Address(found["segment"], field, repetition, by, found["is"] or "", component, subcomponent)


class Several(NamedTuple):
    """What stands at an address of which it can't be told which text is meant: the texts, without repeats."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """One segment: its name, and its text behind the name as it stands in the message, still escaped.

    `line` is its line in what was read, from 1; `codec` that of the message's bytes.
    """

    name: str
    text: str
    marks: Delimiters
    line: int = 0
    codec: str = "utf-8"

    @cached_property
    def _fields(self) -> tuple[str, ...]:
        """The fields from 1, each as it stands."""
        fields = self.text.split(self.marks.field)
        return (self.marks.field, *fields[1:]) if self.name in HEADERS else tuple(fields[1:])

    @property
    def n_fields(self) -> int:
        return len(self._fields)

    def as_it_stands(self, field: int) -> str:
        """The text of a field with its marks and escapes; empty where the segment ends before it."""
        return self._fields[field - 1] if field <= len(self._fields) else ""

    def tree(self, field: int) -> Tree:
        """The repetitions of a field, their components and subcomponents, without escapes; at least one of each."""
        if self.name in HEADERS and field <= 2:
            return (((self.as_it_stands(field),),),)
        marks, raw = self.marks, self.as_it_stands(field)
        if raw == _NULL:
            return ((("",),),)
        return tuple(
            tuple(
                tuple(
                    "" if part == _NULL else unescaped(part, marks, self.codec)
                    for part in _parted(component, marks.subcomponent)
                )
                for component in _parted(repetition, marks.component)
            )
            for repetition in _parted(raw, marks.repetition)
        )

    def at(self, address: Address) -> str | Several:
        """The text at the address (whose segment is this one); empty where nothing stands there."""
        raw = self.as_it_stands(address.field)
        if not raw:
            return ""
        if self.marks.parts_components_alone(raw) and not (self.name in HEADERS and address.field <= 2):
            return _of_components(raw, self.marks.component, address)
        repetitions = self.tree(address.field)
        if address.repetition:
            repetitions = repetitions[address.repetition - 1 : address.repetition]
        elif address.by:
            repetitions = tuple(r for r in repetitions if _component(r, address.by) == address.value)
        elif not address.component:
            return "~".join(_whole(r) for r in repetitions)
        texts = tuple(dict.fromkeys(text for r in repetitions if (text := _part(r, address))))
        return Several(texts) if len(texts) > 1 else texts[0] if texts else ""


def _of_components(raw: str, mark: str, address: Address) -> str:
    """The same as `Segment.at` says of a field of one repetition, without subcomponents and escapes, as most fields are."""
    components = raw.split(mark)
    if address.repetition > 1 or address.subcomponent > 1:
        return ""
    if address.by and (components[address.by - 1] if address.by <= len(components) else "") != address.value:
        return ""
    if not address.component:
        return "^".join(components).rstrip("^")
    return components[address.component - 1] if address.component <= len(components) else ""


def _parted(text: str, mark: str) -> list[str]:
    return text.split(mark) if mark else [text]


def _component(repetition: tuple[tuple[str, ...], ...], number: int) -> str:
    return "&".join(repetition[number - 1]) if number <= len(repetition) else ""


def _whole(repetition: tuple[tuple[str, ...], ...]) -> str:
    return "^".join("&".join(component) for component in repetition).rstrip("^")


def _part(repetition: tuple[tuple[str, ...], ...], address: Address) -> str:
    if not address.component:
        return _whole(repetition)
    if not address.subcomponent:
        return _component(repetition, address.component)
    component = repetition[address.component - 1] if address.component <= len(repetition) else ()
    return component[address.subcomponent - 1] if address.subcomponent <= len(component) else ""


@dataclass(frozen=True)
class Message:
    """One message with all of its segments in order, known ones and others; the first is MSH."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        return self.segments[0]

    @cached_property
    def kind(self) -> str:
        """MSH-9, message code and trigger event (HL7 2.5.1, 2.15.9.9): `ORU^R01`."""
        code, event = (self.text(f"MSH-9[1].{n}") for n in (1, 2))
        return f"{code}^{event}" if event else code

    @property
    def counts(self) -> Counter[str]:
        """How many segments there are of each name."""
        return Counter(segment.name for segment in self.segments)

    def text(self, address: str) -> str:
        """The text at an address, in the first segment of that name that holds any; of several texts the first.

        Raises ValueError for what is no address.
        """
        found = address_of(address)
        if found is None:
            raise ValueError("no address; write it as PID-3, PID-3.1, PID-3[2].4.1 or PID-3[5=MR].1")
        for segment in self.segments:
            if segment.name == found.segment and (text := segment.at(found)):
                return text.texts[0] if isinstance(text, Several) else text
        return ""


def written(segments: list[tuple[str, list[Tree]]], marks: Delimiters = Delimiters()) -> str:  # noqa: B008 - it is immutable
    """Segments as the text of a message, each ended by CR; of MSH the fields from 3, for the marks are its first two.

    Raises ValueError where a text holds a mark and there is none to escape it.

    >>> written([("MSH", []), ("PID", [((("1",),),)])])
    'MSH|^~\\\\&\\rPID|1\\r'
    """
    lines = []
    for name, fields in segments:
        head = [name + marks.field + marks.stated] if name in HEADERS else [name]
        lines.append(marks.field.join([*head, *(_field(field, marks) for field in fields)]) + "\r")
    return "".join(lines)


def _field(tree: Tree, marks: Delimiters) -> str:
    return marks.repetition.join(
        marks.component.join(
            marks.subcomponent.join(escaped(part, marks) for part in component) for component in repetition
        )
        for repetition in tree
    )

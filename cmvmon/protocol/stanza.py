"""A stanza of the protocol declared once, as a frozen class: reading, faults and docs/protocol.md derive from it.

    @stanza
    class NextSample:
        "When one more sample would settle an open call."
        candidate_days: float = key(Number(at_least=1, at_most=366, whole=True), "days that are tried")

A key is `key(kind, description)`; `entries(...)` takes every key that is not named; `inner(...)` is a stanza inside. Each
stanza has a `provenance` beside its keys, and may have a method `misfits` that says which values do not go together. A
class with a `read_from(found, place)` reads itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import Kind, unit_of

_DECLARED, _PROVENANCE = "declared", "provenance"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Provenance:
    """Where a stanza came from: source, strength of evidence, who signs a change, statements of the ward's guide."""

    source: str
    strength: str
    owner: str
    guide: tuple[str, ...]


PROVENANCE_KEYS = tuple(f.name for f in fields(Provenance))


@dataclass(frozen=True)
class Key:
    """One declared key of a stanza: its name in the file, what it holds, what it means and its unit."""

    name: str
    kind: Kind
    says: str = ""
    unit: str = ""
    required: bool = True


@dataclass(frozen=True)
class _Declared:
    """What a field of a stanza's class stands for. `within` = a stanza's class in place of a kind."""

    kind: Kind | None
    says: str = ""
    name: str = ""
    unit: str = ""
    within: Any = None
    takes_rest: bool = False
    names: tuple[str, ...] = ()
    names_are: str = ""


def key(kind: Kind, says: str, *, unit: str = "", **default: Any) -> Any:
    """A key of that name. With `default` it may be left out."""
    return field(metadata={_DECLARED: _Declared(kind, says, unit=unit)}, **default)


def entries(of: Kind, says: str, *, names: tuple[str, ...] = (), names_are: str, unit: str = "") -> Any:
    """Every key that is not named: a mapping from name to value. `names` = the names that are allowed; empty: any."""
    return field(metadata={_DECLARED: _Declared(of, says, "", unit, None, True, names, names_are)})


def inner(of: Any, *, name: str = "", **default: Any) -> Any:
    """A stanza inside; `name` in the file where it is another than the field's."""
    return field(metadata={_DECLARED: _Declared(None, name=name, within=of)}, **default)


def family(of: Any, *, name: str) -> Any:
    """Stanzas of one class by name: [name.x], [name.y]."""
    return field(metadata={_DECLARED: _Declared(None, name=name, within=of, takes_rest=True)})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(key, entries, inner, family, field))
def stanza(declared: type[_T]) -> type[_T]:
    """Makes a frozen, keyword-only dataclass of a stanza's class."""
    return dataclass(frozen=True, kw_only=True)(declared)


def declared_fields(of: Any) -> Iterator[tuple[Field[Any], _Declared]]:
    """The fields that stand for something in the file, in order."""
    for part in fields(of):
        if _DECLARED in part.metadata:
            yield part, part.metadata[_DECLARED]


def keys_of(of: Any) -> tuple[Key, ...]:
    """The named keys of a stanza's class."""
    return tuple(
        Key(part.name, said.kind, said.says, said.unit or unit_of(part.name), part.default is MISSING)
        for part, said in declared_fields(of)
        if said.kind is not None and not said.takes_rest
    )


def has_provenance(of: Any) -> bool:
    """Whether its class asks for source, strength, owner and guide."""
    return any(part.name == _PROVENANCE for part in fields(of))


def read_stanza(of: Any, found: object, place: Place) -> Any:
    """The stanza that `found` holds; None where it was refused, with every fault noted at its place."""
    if hasattr(of, "read_from"):
        return of.read_from(found, place)
    table = table_at(found, place)
    if table is None:
        return None
    before, values = len(place.faults), dict[str, Any]()
    if has_provenance(of):
        values[_PROVENANCE] = read_provenance(table, place)
    inside = {said.name or part.name: (part, said) for part, said in declared_fields(of) if said.kind is None}
    values |= {
        part.name: (_family if said.takes_rest else read_stanza)(said.within, table[name], place.within(name))
        for name, (part, said) in inside.items()
        if name in table
    }
    rest = next(((part, said) for part, said in declared_fields(of) if said.kind and said.takes_rest), None)
    own = (*inside, *(PROVENANCE_KEYS if has_provenance(of) else ()))
    required = [name for name, (part, _) in inside.items() if part.default is MISSING]
    values |= read_keys(keys_of(of), table, place, also=own, required=required, open_ended=rest is not None)
    if rest is not None:
        named = {*own, *(declared.name for declared in keys_of(of))}
        others = {name: value for name, value in table.items() if name not in named}
        values[rest[0].name] = _entries(rest[1], others, place)
    if len(place.faults) > before:
        return None
    read = of(**values)
    for says in read.misfits() if hasattr(read, "misfits") else ():
        place.refuse(says)
    return read


def read_keys(
    keys: tuple[Key, ...],
    table: Mapping[str, object],
    place: Place,
    *,
    also: tuple[str, ...] = PROVENANCE_KEYS,
    required: list[str] | None = None,
    open_ended: bool = False,
) -> dict[str, Any]:
    """The values of these keys. A key that is missing, or neither among them nor `also`, is refused."""
    for name in (*(required or ()), *(declared.name for declared in keys if declared.required)):
        if name not in table:
            place.at(name).refuse("is missing", remedy="add it")
    known = {*also, *(declared.name for declared in keys)}
    for name in () if open_ended else table:
        if name not in known:
            place.at(name).refuse("is not a key of this stanza", remedy="remove it or mend its name")
    return {k.name: k.kind.read(table[k.name], place.at(k.name)) for k in keys if k.name in table}


def table_at(found: object, place: Place) -> dict[str, Any] | None:
    """The table that stands there; None, and a fault, where something else does."""
    if isinstance(found, dict):
        return found
    place.refuse("must be a table", found=found)
    return None


def read_provenance(table: Mapping[str, object], place: Place) -> Provenance:
    """Source, strength, owner and guide; every number needs them."""
    for name in PROVENANCE_KEYS[:3]:
        found = table.get(name)
        if not isinstance(found, str) or not found.strip():
            place.at(name).refuse(f"is missing or empty; every number needs its {name}")
    guide = table.get("guide")
    if not isinstance(guide, list) or not all(isinstance(item, str) for item in guide):
        place.at("guide").refuse("must be a list of statements, such as ['G19'], or []", found=guide)
        guide = []
    source, strength, owner = (str(table.get(name, "")) for name in PROVENANCE_KEYS[:3])
    return Provenance(source, strength, owner, tuple(guide))


def _family(of: Any, found: object, place: Place) -> dict[str, Any] | None:
    table = table_at(found, place)
    return None if table is None else {k: read_stanza(of, entry, place.within(k)) for k, entry in table.items()}


def _entries(said: _Declared, table: Mapping[str, object], place: Place) -> dict[str, Any]:
    for name in table if said.names else ():
        if name not in said.names:
            place.at(name).refuse(f"is no {said.names_are}; known are {', '.join(said.names)}")
    return {name: said.kind.read(value, place.at(name)) for name, value in table.items() if said.kind}

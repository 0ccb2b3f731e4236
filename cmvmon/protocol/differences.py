"""What differs between two protocols: every key whose value is another one, with the source and the owner of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cmvmon.protocol.protocol import SHOWN_OF_HASH, Protocol
from cmvmon.protocol.rule_stanza import RuleStanza
from cmvmon.protocol.sourced_rows import SourcedRows
from cmvmon.protocol.stanza import PROVENANCE_KEYS, Provenance, declared_fields, keys_of

PRIORS_LINES = "priors"  # the place of the lines that [trajectory_priors] names: they stand in a file of their own


@dataclass(frozen=True)
class Stated:
    """What one protocol states under a key: the value as it is read, and where it came from."""

    value: str
    source: str = ""
    strength: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Difference:
    """One key that is not the same. `old`, `new`: None where that protocol does not have it."""

    stanza: str
    key: str
    old: Stated | None
    new: Stated | None


def differences(old: Protocol, new: Protocol) -> tuple[Difference, ...]:
    """Every key of which the two state another value, by stanza and key; the file's own label is not among them.

    A source, strength, owner or statement of the guide that changed is one too: it is what a signature covers. The priors'
    lines are told apart by the hash of their file.

    >>> from cmvmon.shell.folder.protocol_files import Protocol
    >>> differences(Protocol.shipped(), Protocol.shipped())
    ()
    """
    before, after = _stated(old), _stated(new)
    return tuple(
        Difference(*place, *(None if found is None else found[1] for found in both))
        for place in sorted({*before, *after})
        if (both := (before.get(place), after.get(place)))
        and (both[0] is None or both[1] is None or both[0][0] != both[1][0])
    )


def _stated(protocol: Protocol) -> dict[tuple[str, str], tuple[Any, Stated]]:
    """By stanza and key: the value itself, by which it is compared, and as it is told."""
    found: dict[tuple[str, str], tuple[Any, Stated]] = {}
    for name, one in _stanzas(protocol, ""):
        origin: Provenance | None = getattr(one, "provenance", None)
        about = ("", "", "") if origin is None else (origin.source, origin.strength, origin.owner)
        for key, value, shown in _keys(one):
            found[name, key] = (value, Stated(shown, *about))
        for key in PROVENANCE_KEYS if origin is not None else ():
            found[name, key] = (getattr(origin, key), Stated(_shown(getattr(origin, key)), *about))
    if protocol.trajectory_priors is not None:
        sha = protocol.priors_sha256
        found[PRIORS_LINES, protocol.trajectory_priors.version] = (sha, Stated(f"file {sha[:SHOWN_OF_HASH]}"))
    return found


def _stanzas(within: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every stanza inside, each with its name in the file."""
    for part, said in declared_fields(type(within)):
        if said.kind is not None:
            continue
        found = getattr(within, part.name)
        name = ".".join(filter(None, (place, said.name or part.name)))
        inside = found.items() if said.takes_rest else [("", found)]
        for key, one in inside:
            if one is None:
                continue
            own = f"{name}.{key}" if key else name
            yield own, one
            if not isinstance(one, RuleStanza):
                yield from _stanzas(one, own)


def _keys(one: Any) -> Iterator[tuple[str, Any, str]]:
    """Every key with its value and how it is told."""
    if isinstance(one, RuleStanza):
        yield from ((name, value, _shown(value)) for name, value in {**one.numbers, **one.others}.items())
        return
    for key in keys_of(type(one)):
        value = getattr(one, key.name)
        if isinstance(key.kind, SourcedRows):
            yield from _rows(key.name, key.kind, value)
        else:
            yield key.name, value, _shown(value)
    for part, said in declared_fields(type(one)):
        if said.kind is not None and said.takes_rest:
            for name, value in getattr(one, part.name).items():
                yield name, value, _shown(value) if isinstance(value, float) else said.kind.show(value)


def _rows(name: str, kind: SourcedRows[Any], rows: tuple[Any, ...]) -> Iterator[tuple[str, Any, str]]:
    """Each row of a table by what it is for, where it says so, else by its number: only the row that changed is told."""
    for number, row in enumerate(rows, 1):
        about = f"source: {row.source}; strength: {row.strength}; owner: {row.owner}"
        yield f"{name} {getattr(row, 'label', number)}", row, f"{kind.show((row,))}. {about}"


def _shown(value: Any) -> str:
    """As a person would write it, with every digit of a number."""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, frozenset):
        return "; ".join(sorted(_shown(part) for part in value))
    if isinstance(value, tuple | list):
        return ", ".join(_shown(part) for part in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(part)}" for key, part in sorted(value.items(), key=str))
    return str(value)

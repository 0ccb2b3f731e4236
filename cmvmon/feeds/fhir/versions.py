"""Which version of a report or panel speaks of which version of a result, where one file holds several of them.

A reference without a version means all resources of that id. The first version of a report then names the final result too, and
would keep it preliminary. Rule of this file: versions are joined one to one, in the order of their meta.versionId, or else in
that in which they stand; where their numbers differ, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.references import Index, identity_of, version_of

_WITHDRAWN = ("cancelled", "entered-in-error")


class Named(NamedTuple):
    """What names a resource, and whether it can't be told which versions of that speak of this version of the resource."""

    by: tuple[Resource, ...] = ()
    is_unclear: bool = False


def named_by(sources: Iterable[tuple[Resource, str]], index: Index) -> dict[Resource, Named]:
    """Of each resource what names it; each source comes with the member that holds its references."""
    found: dict[Resource, dict[object, dict[Resource, tuple[Resource, ...]]]] = {}
    for source, member in sources:
        for targets in index.each(source, member):
            for one in targets:
                found.setdefault(one, {}).setdefault(identity_of(source), {}).setdefault(source, targets)
    return {one: _together(_of_one(one, versions) for versions in groups.values()) for one, groups in found.items()}


def _together(named: Iterable[Named]) -> Named:
    those = tuple(named)
    return Named(tuple(one for each in those for one in each.by), any(each.is_unclear for each in those))


def _of_one(target: Resource, meant_by: dict[Resource, tuple[Resource, ...]]) -> Named:
    """What names a resource of the versions of one report or panel."""
    sources = tuple(meant_by)
    twins = next(iter(meant_by.values()))
    if len(sources) == 1:
        return Named(sources)
    if len(twins) == len(sources) and set(meant_by.values()) == {twins}:
        pair = _ordered(twins, sources)
        if pair is not None:
            return Named((pair[1][pair[0].index(target)],))
    elif len(twins) == 1 and (latest := _by_version(sources)):
        return Named(latest[-1:])
    elif len(twins) == 1 and sources[-1].members.get("status") in _WITHDRAWN:
        return Named(sources[-1:])  # as it stands, and as is the more cautious
    return Named(sources, len({str(one.members.get("status")) for one in sources}) > 1)


def _ordered(
    twins: Sequence[Resource], sources: Sequence[Resource]
) -> tuple[Sequence[Resource], Sequence[Resource]] | None:
    """Both in their order; None where only one of them says its order, and that is another than that in which it stands."""
    by_version = _by_version(twins), _by_version(sources)
    if by_version[0] and by_version[1]:
        return by_version
    stands = all(not told or tuple(told) == tuple(one) for told, one in zip(by_version, (twins, sources), strict=True))
    return (twins, sources) if stands else None


def _by_version(resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """In the order of their versions; empty where these don't tell."""
    versions = {one: version_of(one) for one in resources}
    if len(set(versions.values())) < len(versions) or not all(v.isascii() and v.isdigit() for v in versions.values()):
        return ()
    return tuple(sorted(resources, key=lambda one: int(versions[one])))

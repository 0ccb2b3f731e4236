"""Whether all that belongs to a result names one patient: its observation, reports, panels, specimens, orders and stay.

Rule of this file: what can't be seen to be the same patient is another one, whether it is in the file or not. A display alone
names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from cmvmon.feeds.fhir.entries import Resource, objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.references import Index, identifier_of


class _Name(NamedTuple):
    """One way in which a subject is named: by a reference, or by an identifier beside it.

    Attributes:
        of: which of the subjects; the names of one belong together.
        reference: its full text; empty of an identifier.
        means: the resources of the file that it means.
        identifiers: (system, value) of these resources, or the one that it is.
    """

    of: int
    reference: str
    means: frozenset[Resource]
    identifiers: frozenset[tuple[str, str]]


def name_one_patient(resources: Iterable[Resource], index: Index) -> bool:
    """Whether the subjects of those resources are one, as far as they have any."""
    subjects = [(one, subject) for one in dict.fromkeys(resources) for subject in one.those("subject")]
    names = [name for n, (source, subject) in enumerate(subjects) for name in _names(n, subject, source, index)]
    if any(_contradict(one, other) for one, other in combinations(names, 2)):
        return False
    apart, linked = names[1:], names[:1]
    for last in linked:  # which grows
        linked += [one for one in apart if _is_linked(one, last)]
        apart = [one for one in apart if not _is_linked(one, last)]
    return not apart


def _names(n: int, subject: Members, source: Resource, index: Index) -> Iterator[_Name]:
    means = frozenset(index.one(subject, source))
    reference = index.full(subject, source)
    if reference:
        of_them = [one for each in means for one in each.those("identifier")]
        yield _Name(n, reference, means, frozenset(identifier_of(one) for one in of_them))
    for one in objects(subject, "identifier"):
        yield _Name(n, "", frozenset(), frozenset([identifier_of(one)]))


def _contradict(one: _Name, other: _Name) -> bool:
    """Whether they can't be one: another reference to what is not in the file, or another number of the same kind."""
    if one.reference and other.reference and one.reference != other.reference and not (one.means and other.means):
        return True
    kinds = {system for system, _ in one.identifiers}, {system for system, _ in other.identifiers}
    if not all(kinds) or _share_number(one, other):
        return False
    return "" in kinds[0] | kinds[1] or not kinds[0].isdisjoint(kinds[1])


def _is_linked(one: _Name, other: _Name) -> bool:
    return (
        one.of == other.of
        or not one.means.isdisjoint(other.means)
        or (bool(one.reference) and one.reference == other.reference)
        or _share_number(one, other)
    )


def _share_number(one: _Name, other: _Name) -> bool:
    """Whether a number of the one is a number of the other; of one without a system it is not known that it is of another."""
    return any(
        mine == its and (system == of or not system or not of)
        for system, mine in one.identifiers
        for of, its in other.identifiers
        if mine
    )

"""Which merges of patients' numbers join people who were born on different days: nobody is shown as another on their account.

Rule of this file: a date that is not known contradicts nothing by itself; two known ones that are joined by it do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

Pair = tuple[str, str]


def born_apart(pairs: Collection[Pair], compared: Collection[Pair], born: Mapping[str, frozenset[str]]) -> list[Pair]:
    """The pairs that are not to be used, in order.

    Args:
        pairs: numbers that should be one patient, each with the one that it was merged into.
        compared: pairs of which a person states that they are one though the dates differ.
        born: by number its known dates of birth; a number of which none is known is not in it.

    A pair whose own dates differ is one of them. Where numbers without a date join people with different dates, every pair of
    such a number is: which of them is wrong can't be told.

    >>> born_apart([("A", "B")], [], {"A": frozenset({"1961-05-30"}), "B": frozenset({"1971-05-30"})})
    [('A', 'B')]
    >>> born_apart([("A", "X"), ("B", "X")], [], {"A": frozenset({"1961-05-30"}), "B": frozenset({"1971-05-30"})})
    [('A', 'X'), ('B', 'X')]
    """
    if not born:
        return []
    directly = {pair for pair in pairs if pair not in compared and _differ(*(born.get(one) for one in pair))}
    left = [pair for pair in pairs if pair not in directly]
    same_date = _joined((*(a for a in born.get(old, ())), *(b for b in born.get(new, ()))) for old, new in compared)
    found = set(directly)
    for numbers in _groups(left):
        dates = {same_date.get(date, date) for number in numbers for date in born.get(number, ())}
        if len(dates) > 1:
            found |= {
                pair
                for pair in left
                if pair[0] in numbers and pair not in compared and any(number not in born for number in pair)
            }
    return sorted(found)


def _differ(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is not None and other is not None and not one & other


def _groups(pairs: Iterable[Pair]) -> list[frozenset[str]]:
    """The numbers that those pairs join."""
    of = _joined(pairs)
    groups: dict[str, set[str]] = defaultdict(set)
    for number, first in of.items():
        groups[first].add(number)
    return [frozenset(numbers) for numbers in groups.values()]


def _joined(sets: Iterable[Collection[str]]) -> dict[str, str]:
    """Each name that stands in one of these sets -> one name for all that are joined by them."""
    first: dict[str, str] = {}

    def of(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for names in sets:
        ends = sorted({of(name) for name in names})
        for end in ends[1:]:
            first[end] = ends[0]
    return {name: of(name) for name in list(first)}

"""Which numbers are one patient: chains, undone merges, circles, and numbers that go to two patients."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.patient_links import CIRCLE, PATIENT_LINKS, TWO_NUMBERS, TWO_VERSIONS, Links, Unused, links_at
from tests.patients import moment

AT = moment(10)
Told = tuple[str, str, float, float | None]


def rows(*told: Told) -> pl.DataFrame:
    given_rows = [
        {
            "patient_id": old,
            "merged_into": new,
            "merged_at": moment(at),
            "ended_at": None if end is None else moment(end),
        }
        for old, new, at, end in told
    ]
    return pl.DataFrame(given_rows, schema=PATIENT_LINKS.schema)


def links(*told: Told, contradicting: tuple[Told, ...] = ()) -> Links:
    return links_at(rows(*told), rows(*contradicting), AT)


@pytest.mark.parametrize(
    ("told", "into"),
    [
        ([("A", "B", 1, None)], {"A": "B"}),
        ([("A", "B", 1, None), ("B", "C", 2, None), ("X", "B", 3, None)], {"A": "C", "B": "C", "X": "C"}),
        ([("A", "B", 10, None)], {"A": "B"}),  # from this moment on
        ([("A", "B", 10.1, None)], {}),  # not yet
        ([("A", "B", 1, 10)], {}),  # undone
        ([("A", "B", 1, 10.1)], {"A": "B"}),  # undone later
        ([("A", "B", 1, 5), ("A", "C", 5, None)], {"A": "C"}),
        ([("A", "B", 1, 4), ("B", "A", 4, None)], {"B": "A"}),  # the wrong way round, mended
        (
            [("A", "B", 1, None), ("A", "C", 2, None), ("B", "C", 2, None)],
            {"A": "C", "B": "C"},
        ),  # both end at one number
        ([], {}),
    ],
)
def test_a_number_goes_on_under_the_end_of_the_links_that_hold(told: list[Told], into: dict[str, str]) -> None:
    found = links(*told)
    assert (dict(found.into), found.unused) == (into, ())


def test_a_circle_is_used_nowhere_and_what_leads_into_it_stops_there() -> None:
    found = links(("A", "B", 1, None), ("B", "C", 1, None), ("C", "B", 2, None), ("D", "D2", 1, None))
    assert dict(found.into) == {"A": "B", "D": "D2"}
    assert set(found.unused) == {Unused("B", "C", CIRCLE), Unused("C", "B", CIRCLE)}


def test_of_a_number_that_is_merged_into_two_patients_neither_link_is_used() -> None:
    found = links(("A", "B", 1, None), ("A", "C", 2, None), ("X", "A", 1, None))
    assert dict(found.into) == {"X": "A"}
    assert set(found.unused) == {Unused("A", "B", TWO_NUMBERS), Unused("A", "C", TWO_NUMBERS)}


def test_a_link_whose_versions_contradict_each_other_is_not_used() -> None:
    found = links(contradicting=(("A", "B", 1, None),))
    assert (dict(found.into), found.unused) == ({}, (Unused("A", "B", TWO_VERSIONS),))


_NUMBERS = st.sampled_from("ABCDEF")
_TOLD = st.tuples(_NUMBERS, _NUMBERS, st.integers(1, 12), st.none() | st.integers(8, 12)).filter(lambda t: t[0] != t[1])


@given(st.lists(_TOLD, max_size=10, unique_by=lambda t: (t[0], t[1])))
def test_whatever_links_are_told_every_number_has_one_end_and_each_link_that_holds_is_used_or_told_of(
    told: list[Told],
) -> None:
    found = links(*told)
    assert all(found.of(end) == end for end in found.into.values())
    assert all(old != end for old, end in found.into.items())
    unused = {(link.patient_id, link.merged_into) for link in found.unused}
    for old, new, at, end in told:
        if at <= 10 and (end is None or end > 10):
            assert ((old, new) in unused) != (found.of(old) == found.of(new)) or (old, new) in unused
        else:
            assert (old, new) not in unused
    assert links(*reversed(told)) == found
    ends = {found.of(number) for number in "ABCDEF"}
    families = [found.family([end]) for end in sorted(ends)]
    assert sorted(number for family in families for number in family) == list("ABCDEF")

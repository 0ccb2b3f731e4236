"""Which numbers are one patient: chains, undone merges, circles, and numbers that go to two patients."""

from __future__ import annotations

from itertools import permutations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.patient_links import (
    BORN_APART,
    CIRCLE,
    COMPARED,
    MERGED,
    PARTED,
    PATIENT_LINKS,
    TWO_NUMBERS,
    TWO_VERSIONS,
    Links,
    Unused,
    links_at,
)
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


# --- statements: that two were merged, or parted

Said = tuple[str, str, str, float]  # old, new, merged or parted, day


def stated(*said: Said, at: float = 10, births: dict[str, str] | None = None, whole: tuple[Told, ...] = ()) -> Links:
    """What holds by those statements, in the order in which they came, beside whole rows."""
    statements = [
        {"patient_id": old, "merged_into": new, "merged_at": moment(day), "says": says, "stated_at": moment(day)}
        for old, new, says, day in said
    ]
    told = pl.concat([rows(*whole), pl.DataFrame(statements, schema=PATIENT_LINKS.schema)])
    return links_at(told, told.clear(), moment(at), born(births or {}))


def born(births: dict[str, str]) -> pl.DataFrame:
    said = [{"patient_id": number, "born_on": date, "stated_at": moment(0)} for number, date in births.items()]
    return pl.DataFrame(said, schema=BIRTH_DATES.schema)


@pytest.mark.parametrize(
    ("said", "whole", "into"),
    [
        ([("A", "B", MERGED, 1)], [], {"A": "B"}),
        ([("A", "B", MERGED, 1), ("A", "B", PARTED, 5)], [], {}),
        ([("A", "B", MERGED, 1), ("A", "B", PARTED, 11)], [], {"A": "B"}),  # not yet
        ([("A", "B", MERGED, 1), ("A", "B", PARTED, 5), ("A", "B", MERGED, 7)], [], {"A": "B"}),  # made again
        ([("A", "B", MERGED, 5), ("A", "B", PARTED, 5)], [], {}),  # at one moment they are two
        ([("A", "B", PARTED, 5)], [], {}),
        ([("B", "A", PARTED, 5), ("A", "B", MERGED, 1)], [], {"A": "B"}),  # the other way round was never merged
        ([("A", "B", MERGED, 1)], [("A", "B", 1, 5)], {}),  # a person ended it
        ([("A", "B", MERGED, 1)], [("A", "B", 1, 1)], {}),  # a person says that they are two patients
        ([("A", "B", PARTED, 5)], [("A", "B", 1, None)], {}),  # a table said that they were one
        ([("A", "B", MERGED, 1)], [("A", "B", 11, None)], {}),  # a person mends the moment
        ([("A", "B", MERGED, 1), ("A", "B", PARTED, 5)], [("A", "B", 6, None)], {"A": "B"}),
        ([("A", "B", MERGED, 1), ("B", "C", MERGED, 2), ("A", "B", PARTED, 3)], [], {"B": "C"}),
    ],
)
def test_of_statements_the_last_by_its_own_moment_holds(
    said: list[Said], whole: list[Told], into: dict[str, str]
) -> None:
    for order in permutations(said):
        found = stated(*order, whole=tuple(whole))
        assert (dict(found.into), found.unused) == (into, ())


_SAID = st.tuples(_NUMBERS, _NUMBERS, st.sampled_from([MERGED, PARTED]), st.integers(1, 12)).filter(
    lambda said: said[0] != said[1]
)


@given(st.lists(_SAID, max_size=12), st.lists(_SAID, max_size=4), st.data())
def test_a_merge_and_its_end_leave_what_was_there_without_them_whatever_comes_twice_or_in_which_order(
    said: list[Said], undone: list[Said], data: st.DataObject
) -> None:
    pairs = {(old, new) for old, new, _, _ in undone}
    others = [one for one in said if one[:2] not in pairs]
    merges = [(old, new, MERGED, day) for old, new, _, day in undone]
    ends = [(old, new, PARTED, 12) for old, new in pairs]
    all_of_it = [*others, *merges, *ends]
    repeated = all_of_it + (data.draw(st.lists(st.sampled_from(all_of_it), max_size=6)) if all_of_it else [])
    for at in (9.5, 12):
        without = stated(*others, at=at)
        came = stated(*data.draw(st.permutations(repeated)), at=at)
        assert came == stated(*all_of_it, at=at)  # as in the order in which they were
        if at == 12:
            assert came == without


def test_two_numbers_whose_dates_of_birth_differ_are_one_only_where_a_person_compared_them() -> None:
    differ, agree = {"A": "1961-05-30", "B": "1971-05-30"}, {"A": "1961-05-30", "B": "1961-05-30"}
    merge = ("A", "B", MERGED, 1.0)
    assert stated(merge, births=differ) == Links(unused=(Unused("A", "B", BORN_APART),))
    assert stated(merge, births=agree).into == {"A": "B"}
    assert stated(merge, births={"A": "1961-05-30"}).into == {"A": "B"}
    said = rows(("A", "B", 1, None)).with_columns(birth_dates=pl.lit(COMPARED))
    assert links_at(said, said.clear(), AT, born(differ)).into == {"A": "B"}


def test_a_number_without_a_date_joins_nobody_with_another_who_was_born_on_another_day() -> None:
    births = {"A": "1961-05-30", "B": "1971-05-30", "C": "1961-05-30"}
    found = stated(("A", "X", MERGED, 1), ("B", "X", MERGED, 2), ("C", "A", MERGED, 3), births=births)
    assert found.into == {"C": "A"}  # these agree, whoever of the others is wrong
    assert set(found.unused) == {Unused("A", "X", BORN_APART), Unused("B", "X", BORN_APART)}


def test_of_several_dates_of_birth_of_one_number_the_one_that_was_stated_last_holds() -> None:
    said = [("A", "1961-05-30", 0), ("A", "1971-05-30", 2), ("B", "1971-05-30", 1)]
    frame = [{"patient_id": n, "born_on": date, "stated_at": moment(day)} for n, date, day in said]
    for some in (frame, frame[::-1]):
        merged = rows(("A", "B", 1, None))
        assert links_at(merged, merged.clear(), AT, pl.DataFrame(some, schema=BIRTH_DATES.schema)).into == {"A": "B"}


@given(st.lists(_TOLD, max_size=8), st.dictionaries(_NUMBERS, st.sampled_from(["1961-05-30", "1971-05-30"])))
def test_nobody_is_led_to_a_number_of_another_date_of_birth(told: list[Told], births: dict[str, str]) -> None:
    found = links_at(rows(*told), rows(), AT, born(births))
    for number in "ABCDEF":
        family = found.family([number])
        assert len({births[one] for one in family if one in births}) <= 1

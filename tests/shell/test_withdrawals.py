"""Corrections and withdrawals in the store: what takes effect, in whatever order and with whatever is left empty."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests.depth import examples
from tests.sites import day, drop, result, text


def taken_in(root: Path, lines: Sequence[str], *, at: float) -> tuple[Counted, ...]:
    """Those lines as the delivery of results of that day."""
    path = drop(root, "viral_load_results", lines, name=f"{at:g}.csv")
    with open_site(root) as opened:
        return take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(at))


def used(root: Path, *, at: float = 30) -> list[tuple[str, float | None]]:
    """Accession number and load of each result that would be used; no load where its versions conflict."""
    with open_site(root) as opened, opened.reading() as connection:
        frame = current_results(known.known(connection, opened.site, as_of=day(at))[VIRAL_LOAD_RESULTS])
    rows = frame.select("accession_number", "viral_load_iu_per_ml", "is_conflicting").rows()
    return sorted((number, None if clash else load) for number, load, clash in rows)


def waiting(root: Path, *, at: float | None = None) -> list[str]:
    """The reasons of the records that wait in quarantine."""
    with open_site(root) as opened, opened.reading() as connection:
        return open_quarantine(connection, as_of=None if at is None else day(at))["reason"].to_list()


FIELDS = ("patient", "accession", "specimen", "value", "collected", "test", "assay", "unit", "reported", "status")


def withdrawal(accession: str = "A1", **said: str) -> str:
    """A withdrawal of that number; every cell that is not said is empty."""
    cells = dict.fromkeys(FIELDS, "") | {"accession": accession, "status": "W"} | said
    return ",".join(cells[name] for name in FIELDS)


def unreported(load: float, status: str) -> str:
    return result("P1", 0, load, accession="A1", status=status, reported="")


# Loads and status of each delivery, one a day, all of one number and without report times -> the load that holds at last
BY_RECEIPT: dict[str, tuple[list[list[tuple[float, str]]], list[float | None]]] = {
    "corrected twice": ([[(800, "F")], [(900, "C")], [(700, "C")]], [700]),
    "corrected back to what it was": ([[(800, "F")], [(900, "C")], [(700, "C")], [(900, "C")]], [900]),
    "an export that repeats the whole history returns to nothing": (
        [[(800, "F")], [(900, "C")], [(900, "C"), (700, "C")], [(900, "C"), (700, "C"), (800, "F")]], [700],
    ),
    "corrected after a withdrawal": ([[(800, "F")], [(800, "W")], [(650, "C")]], []),
    "withdrawn after a correction": ([[(800, "F")], [(900, "C")], [(900, "W")]], []),
    "withdrawn, issued again, both repeated": (
        [[(800, "F")], [(900, "C")], [(900, "C"), (900, "W")], [(900, "C"), (900, "W")]], [],
    ),
    "two corrections in one delivery": ([[(800, "F")], [(900, "C"), (700, "C")]], [None]),
    "and a third one settles them": ([[(800, "F")], [(900, "C"), (700, "C")], [(650, "C")]], [650]),
    "two results are no correction": ([[(800, "F")], [(900, "F")]], [None]),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_RECEIPT)
def test_of_corrections_without_report_times_the_one_received_last_holds(name: str, site: Path) -> None:
    deliveries, loads = BY_RECEIPT[name]
    for number, said in enumerate(deliveries):
        # A row of somebody else's makes the bytes of each delivery its own.
        lines = [unreported(*one) for one in said] + [result("P2", number, 1000)]
        counted = taken_in(site, lines, at=number + 1)
        assert all(c.received == c.accepted + c.quarantined + c.duplicates + c.ignored for c in counted)
    assert [load for number, load in used(site) if number == "A1"] == loads


def test_of_corrections_with_one_report_time_the_one_received_last_holds(site: Path) -> None:
    for at, load in ((1, 900), (2, 700), (3, 650)):
        (counted,) = taken_in(site, [result("P1", 0, load, accession="A1", status="C")], at=at)
        assert (counted.accepted, counted.quarantined) == (1, 0)
    assert [used(site, at=at) for at in (1.5, 2.5, 3.5)] == [[("A1", 900.0)], [("A1", 700.0)], [("A1", 650.0)]]


def test_a_delivery_that_repeats_a_correction_of_that_report_time_does_not_bring_it_back(site: Path) -> None:
    for at, load in ((1, 900), (2, 700), (3, 900)):
        lines = [result("P1", 0, load, accession="A1", status="C"), result("P2", at - 1, 1000)]
        (counted,) = taken_in(site, lines, at=at)
    assert (counted.accepted, counted.duplicates) == (1, 1)
    assert ("A1", 700.0) in used(site)


BARE = {
    "nothing but the number": {},
    "all but the specimen": {"patient": "P1", "value": "1000", "collected": text(day(0)), "test": "CMVQ", "assay": "synthetic-pcr", "reported": text(day(1))},
    "all but the patient, as a wrong-patient notice": {"patient": "onbekend", "specimen": "bal", "collected": text(day(0)), "assay": "synthetic-pcr"},
    "a time of collection that can't be read": {"patient": "P1", "specimen": "bal", "collected": "yesterday", "assay": "synthetic-pcr"},
    "a specimen that is not known": {"patient": "P1", "specimen": "?", "collected": text(day(0))},
    "no assay and no value": {"patient": "P1", "specimen": "bal", "collected": text(day(0)), "reported": text(day(1))},
    "a report time in the future": {"patient": "P1", "reported": text(day(90))},
    "a report time before the sample was taken": {"reported": text(day(-3))},
    "reported before it was collected, else whole": {"patient": "P1", "specimen": "bal", "value": "1000", "collected": text(day(0)), "test": "CMVQ", "assay": "synthetic-pcr", "unit": "IU/mL", "reported": text(day(-3))},
}  # fmt: skip


@pytest.mark.parametrize("name", BARE)
def test_a_withdrawal_takes_effect_whatever_else_is_empty_or_unreadable(name: str, tmp_path: Path) -> None:
    taken_in(tmp_path, [result("P1", 0, 1000, accession="A1"), result("P1", 1, 2000, accession="A2")], at=2)
    (counted,) = taken_in(tmp_path, [withdrawal(**BARE[name])], at=3)
    assert (counted.accepted, counted.quarantined) == (1, 0)
    assert used(tmp_path) == [("A2", 2000.0)]
    assert used(tmp_path, at=2.5) == [("A1", 1000.0), ("A2", 2000.0)]


def test_a_withdrawal_of_another_test_under_that_number_takes_no_result_away(tmp_path: Path) -> None:
    taken_in(tmp_path, [result("P1", 0, 1000, accession="A1")], at=2)
    taken_in(tmp_path, [withdrawal(test="EBVQ"), withdrawal(test="?")], at=3)
    assert used(tmp_path) == [("A1", 1000.0)]
    assert waiting(tmp_path) == ["unknown_test"]


def test_a_withdrawal_without_a_number_stays_set_apart(tmp_path: Path) -> None:
    taken_in(tmp_path, [withdrawal("")], at=3)
    assert waiting(tmp_path) == ["missing_test"]


def test_a_withdrawal_of_an_unknown_number_waits_and_takes_effect_when_the_result_comes(site: Path) -> None:
    (first,) = taken_in(site, [withdrawal(), withdrawal("A9")], at=2)
    assert first.reasons == {"withdraws_unknown_record": 2}
    came, again = taken_in(site, [result("P1", 0, 1000, accession="A1")], at=3)
    assert (came.accepted, again.attempt, again.received, again.accepted, again.quarantined) == (1, 2, 2, 1, 1)
    assert used(site) == []
    assert waiting(site) == ["withdraws_unknown_record"]
    assert len(waiting(site, at=2.5)) == 2


def test_twenty_withdrawals_of_unknown_numbers_do_not_refuse_a_delivery(tmp_path: Path) -> None:
    lines = [withdrawal(f"B{n}") for n in range(20)]
    (counted,) = taken_in(tmp_path, [*lines, result("P1", 0, 1000, accession="A1")], at=2)
    assert (counted.refused, counted.accepted, counted.quarantined) == (None, 1, 20)


MESSAGES = [
    result("P1", 0, 1000, accession="A1", status="P", reported=text(day(0.1))),
    result("P1", 0, 1000, accession="A1"),
    result("P1", 0, 3000, accession="A1", status="C", reported=text(day(0.4))),
    withdrawal(reported=text(day(0.5))),
    withdrawal("A2"),
    result("P2", 0, 1000, accession="A2"),
    result("P2", 0, 2000, accession="A3"),
]


@settings(
    max_examples=examples(10, 25),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(len(MESSAGES))), cuts=st.sets(st.integers(1, len(MESSAGES) - 1)))
def test_the_order_of_deliveries_changes_nothing_of_what_a_withdrawal_does(
    new_site: Callable[[Path], Path], order: list[int], cuts: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = new_site(Path(folder, "site"))
        edges = [0, *sorted(cuts), len(MESSAGES)]
        for number, (start, end) in enumerate(itertools.pairwise(edges), start=1):
            for c in taken_in(root, [MESSAGES[place] for place in order[start:end]], at=number):
                assert c.received == c.accepted + c.quarantined + c.duplicates + c.ignored
        assert used(root) == [("A3", 2000.0)]
        assert waiting(root) == []

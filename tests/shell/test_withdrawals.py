"""Corrections and withdrawals in the store: what takes effect, in whatever order and with whatever is left empty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.run.intake import take_in_file
from cmvmon.shell import known
from cmvmon.shell.intake_store import Counted
from cmvmon.shell.session import open_site
from tests.sites import day, drop, result


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


def unreported(load: float, status: str) -> str:
    return result("P1", 0, load, accession="A1", status=status, reported="")


# Loads and status of each delivery, one a day, all of one number and without report times -> the load that holds at last
BY_RECEIPT: dict[str, tuple[list[list[tuple[float, str]]], list[float | None]]] = {
    "corrected twice": ([[(800, "F")], [(900, "C")], [(700, "C")]], [700]),
    "corrected back to what it was": ([[(800, "F")], [(900, "C")], [(700, "C")], [(900, "C")]], [900]),
    "an export that repeats the whole history returns to nothing": (
        [[(800, "F")], [(900, "C")], [(900, "C"), (700, "C")], [(900, "C"), (700, "C"), (800, "F")]], [700],
    ),
    "issued again after a withdrawal": ([[(800, "F")], [(800, "W")], [(650, "C")]], [650]),
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

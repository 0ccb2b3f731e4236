"""One number for several samples: told as what it is, in whatever order and deliveries the records come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.run.deliveries.intake import take_in_drop, take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.shipped import LABS
from tests.sites import day, drop, result

P = "SYNTHETIC-1"
FIRST = result(P, 0, 1000, accession="A1")
OTHER = {
    "conflicting_times": result(P, 7, 1000, accession="A1"),
    "conflicting_specimens": result(P, 0, 1000, accession="A1", specimen="plasma"),
    "conflicting_patients": result("SYNTHETIC-2", 0, 1000, accession="A1"),
    "conflicting_values": result(P, 0, 2000, accession="A1"),
}


def taken_in(root: Path, lines: Sequence[str], *, name: str = "one.csv") -> Counted:
    path = drop(root, "viral_load_results", lines, name=name)
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(30))
    return counted


def used(root: Path) -> list[tuple[object, ...]]:
    with open_site(root) as opened, opened.reading() as connection:
        frame = current_results(known.known(connection, opened.site, as_of=day(30))[VIRAL_LOAD_RESULTS])
    return sorted(frame.select("patient_id", "compartment", "collected_at", "is_conflicting").rows())


@pytest.mark.parametrize("reason", OTHER)
def test_what_contradicts_is_named_and_its_remedy_says_what_helps(tmp_path: Path, reason: str) -> None:
    counted = taken_in(tmp_path, [FIRST, OTHER[reason]])
    assert (counted.accepted, counted.reasons) == (0, {reason: 2})
    with open_site(tmp_path) as opened, opened.reading() as connection:
        remedies = set(open_quarantine(connection)["remedy"])
    assert len(remedies) == 1
    helps = "key_columns" if reason in ("conflicting_times", "conflicting_specimens") else "orrect"
    assert helps in remedies.pop()


def test_two_collection_times_leave_a_mark_at_each_and_no_value(tmp_path: Path) -> None:
    taken_in(tmp_path, [FIRST, OTHER["conflicting_times"]])
    assert used(tmp_path) == [(P, "bal", day(0), True), (P, "bal", day(7), True)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_deliveries_changes_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    lines = [FIRST, OTHER["conflicting_times"], result(P, 14, 3000, accession="A1")]
    reasons = [taken_in(tmp_path, [lines[n]], name=f"{n}.csv").reasons for n in order]
    assert reasons == [{}, {"conflicting_times": 1}, {"conflicting_times": 1}]
    assert used(tmp_path) == [(P, "bal", day(d), True) for d in (0, 7, 14)]


def test_a_correction_of_the_collection_time_is_one_result_and_settles_a_conflict(tmp_path: Path) -> None:
    taken_in(tmp_path, [FIRST, OTHER["conflicting_times"]])
    moved = result(P, 6, 1000, accession="A1", status="C", reported=sites.text(day(9)))
    assert taken_in(tmp_path, [moved], name="two.csv").reasons == {}
    assert used(tmp_path) == [(P, "bal", day(6), False)]


def test_a_preliminary_result_of_another_time_is_no_second_sample(tmp_path: Path) -> None:
    counted = taken_in(tmp_path, [result(P, 7, 1000, accession="A1", status="P", reported=sites.text(day(8))), FIRST])
    assert counted.reasons == {}
    assert used(tmp_path) == [(P, "bal", day(0), False)]


def test_the_same_records_again_stay_what_they_were(tmp_path: Path) -> None:
    lines = [FIRST, OTHER["conflicting_specimens"]]
    taken_in(tmp_path, lines)
    before = used(tmp_path)
    again = taken_in(tmp_path, [*lines, result(P, 21, 500)], name="two.csv")
    assert (again.accepted, again.duplicates, again.reasons) == (1, 0, {"conflicting_specimens": 2})
    assert used(tmp_path) == sorted([*before, (P, "bal", day(21), False)])


def test_declaring_the_key_also_mends_what_was_taken_in_before(tmp_path: Path) -> None:
    """One of the two came alone and was accepted; both came again, and were in conflict until the file was mended."""
    other = OTHER["conflicting_specimens"]
    taken_in(tmp_path, [FIRST])
    taken_in(tmp_path, [FIRST, other], name="two.csv")
    assert [row[3] for row in used(tmp_path)] == [True, True]
    packaged = (LABS / "synthetic.toml").read_text("utf-8")
    key = '\naccession_stands_for = "order"\nkey_columns = ["specimen"]\n[columns]'
    (tmp_path / "labs").mkdir(exist_ok=True)
    (tmp_path / "labs" / "synthetic.toml").write_text(packaged.replace("\n[columns]", key, 1))
    with open_site(tmp_path) as opened:
        take_in_drop(opened, received_at=day(31))
        with opened.reading() as connection:
            assert open_quarantine(connection).is_empty()
            then, now = (
                current_results(known.known(connection, opened.site, as_of=day(at))[VIRAL_LOAD_RESULTS])
                for at in (30, 31)
            )
    assert then["is_conflicting"].to_list() == [True, True]
    assert not now["is_conflicting"].any()
    assert set(now["compartment"]) == {"bal", "plasma"}

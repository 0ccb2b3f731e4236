"""Snapshots in the drop folder, night by night: files that stay where they are, bytes that come back, several in one night."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmvmon.run.deliveries.intake import TakenIn, take_in_drop, take_in_file
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.shell.test_snapshots import HEADER, SNAPSHOT, Pharmacy, row
from tests.sites import day


class Dropping(Pharmacy):
    """The same feed by its drop folder. `modified` = the hour of a file's time of modification."""

    def drops(self, name: str, *lines: str, modified: float) -> None:
        path = self.root / "drop" / "pharmacy" / "antiviral_courses" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        os.utime(path, (modified * 3600, modified * 3600))

    def night(self, at: float) -> TakenIn:
        with open_site(self.root) as opened:
            return take_in_drop(opened, received_at=day(at))

    def who(self, at: float) -> list[str]:
        return [patient for patient, _, _ in self.known(at)]


def test_a_snapshot_that_returns_to_an_earlier_day_s_bytes_holds_again_and_files_left_in_place_do_not(
    site: Path,
) -> None:
    pharmacy = Dropping(site, SNAPSHOT)
    both, one = (row("P1"), row("P2")), (row("P1"),)
    pharmacy.drops("a.csv", *both, modified=1)
    pharmacy.night(1)
    pharmacy.drops("b.csv", *one, modified=2)
    pharmacy.night(2)
    assert (pharmacy.night(3).counted[0].was_known, pharmacy.who(3)) == (True, ["P1"])
    pharmacy.drops("c.csv", *both, modified=4)
    pharmacy.night(4)
    pharmacy.night(5)
    assert [pharmacy.who(at) for at in (1, 2, 3, 4, 5)] == [["P1", "P2"], ["P1"], ["P1"], ["P1", "P2"], ["P1", "P2"]]
    pharmacy.drops("b.csv", *one, modified=6)  # written anew under its old name, with its old bytes
    pharmacy.night(6)
    assert pharmacy.who(6) == ["P1"]
    assert sites.rows(site, "SELECT count(*) FROM arrivals") == [(4,)]


def test_after_a_file_that_was_cut_off_the_same_bytes_as_before_say_that_the_feed_is_well(site: Path) -> None:
    pharmacy = Dropping(site, SNAPSHOT)
    pharmacy.drops("a.csv", row("P1"), row("P2"), modified=1)
    pharmacy.night(1)
    pharmacy.drops("b.csv", modified=2)
    (site / "drop" / "pharmacy" / "antiviral_courses" / "b.csv").write_text("patient_id,dr", encoding="utf-8")
    pharmacy.night(2)
    assert refused(site) != []
    pharmacy.drops("c.csv", row("P1"), row("P2"), modified=3)
    pharmacy.night(3)
    assert (refused(site), pharmacy.who(3)) == ([], ["P1", "P2"])


def refused(root: Path) -> list[str]:
    with open_site(root) as opened, opened.reading() as connection:
        found = feed_state.newest_refused(connection, "pharmacy")
    return [] if found is None else [found["code"]]


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        ((("a.csv", "P1", 2), ("b.csv", "P2", 1)), "P1"),  # by time of modification
        ((("a_2026-03-02.csv", "P1", 1), ("b_20260301.csv", "P2", 2)), "P1"),  # by the dates in their names
        ((("a_2026-03-02.csv", "P1", 1), ("b.csv", "P2", 2)), "P2"),  # not every name has one
        ((("x_20260302_0600.csv", "P1", 2), ("x_20260302_1800.csv", "P2", 1)), "P2"),
    ],
)
def test_several_snapshots_of_one_night_follow_each_other_by_date_or_by_modification(
    tmp_path: Path, files: tuple[tuple[str, str, int], ...], holds: str
) -> None:
    pharmacy = Dropping(tmp_path, SNAPSHOT)
    for name, patient, modified in files:
        pharmacy.drops(name, row(patient), modified=modified)
    taken = pharmacy.night(1)
    assert [one.accepted for one in taken.counted] == [1, 1]
    pharmacy.night(2)
    assert (pharmacy.who(1), pharmacy.who(2)) == ([holds], [holds])


def test_of_two_that_can_not_be_told_apart_none_is_used_and_it_is_said(tmp_path: Path) -> None:
    pharmacy = Dropping(tmp_path, SNAPSHOT)
    pharmacy.drops("first.csv", row("P0"), modified=1)
    pharmacy.night(1)
    pharmacy.drops("a.csv", row("P1"), modified=2)
    pharmacy.drops("b.csv", row("P2"), modified=2)
    taken = pharmacy.night(2)
    assert [fault.code for fault in taken.faults] == ["snapshots_out_of_order"] * 2
    assert "2 snapshots have the same date and time" in taken.faults[0].message
    assert pharmacy.who(2) == ["P0"]
    os.utime(tmp_path / "drop/pharmacy/antiviral_courses/a.csv", (7200 * 5, 7200 * 5))
    assert (pharmacy.night(3).faults, pharmacy.who(3)) == ((), ["P1"])


def test_a_late_file_of_an_earlier_day_is_refused_unless_somebody_takes_it_in_by_hand(tmp_path: Path) -> None:
    pharmacy = Dropping(tmp_path, SNAPSHOT)
    pharmacy.drops("x_2026-03-02.csv", row("P2"), modified=2)
    pharmacy.night(1)
    pharmacy.drops("x_2026-03-01.csv", row("P1"), modified=3)
    assert [one.refused for one in pharmacy.night(2).counted] == [None, "older_snapshot"]
    assert (pharmacy.who(2), pharmacy.unread(2)) == (["P2"], frozenset())
    path = tmp_path / "drop/pharmacy/antiviral_courses/x_2026-03-01.csv"
    with open_site(tmp_path) as opened:
        take_in_file(opened, path, feed="pharmacy", table="antiviral_courses", received_at=day(3))
    pharmacy.night(4)
    assert (pharmacy.who(3), pharmacy.who(4)) == (["P1"], ["P1"])
    pharmacy.drops("x_2026-03-03.csv", row("P3"), modified=5)
    pharmacy.night(5)
    assert pharmacy.who(5) == ["P3"]


def test_files_of_before_snapshots_were_declared_are_not_replayed_but_the_newest(tmp_path: Path) -> None:
    pharmacy = Dropping(tmp_path, SNAPSHOT.replace('"snapshot"', '"rows"'))
    for n in (1, 2, 3):
        pharmacy.drops(f"{n}.csv", row(f"P{n}"), modified=n)
        pharmacy.night(n)
    assert pharmacy.who(3) == ["P1", "P2", "P3"]
    pharmacy.declare(SNAPSHOT)
    taken = pharmacy.night(4)
    assert [(one.was_known, one.withdrawn) for one in taken.counted] == [(True, 0), (True, 0), (False, 2)]
    assert (pharmacy.who(4), pharmacy.who(3)) == (["P3"], ["P1", "P2", "P3"])


def test_a_feed_of_another_kind_arrives_once_a_file_whatever_nights_pass(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    with open_site(tmp_path) as opened:
        take_in_drop(opened, received_at=day(30))
        take_in_drop(opened, received_at=day(31))
    assert sites.rows(tmp_path, "SELECT count(DISTINCT table_name), count(*) FROM arrivals") == [(3, 3)]

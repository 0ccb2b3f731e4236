"""What a snapshot lacks is withdrawn from its receipt on, with a count; a changed row or a withdrawal by status likewise."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.delivered import BY_NAME
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.depth import examples
from tests.sites import day, text

COURSES = BY_NAME["antiviral_courses"]
HEADER = "id,patient_id,drug,indication,started_at,stopped_at,state"
FILE = 'feed = "pharmacy"\ndescription = "Invented"\n'
SNAPSHOT = FILE + '[antiviral_courses]\nsends = "snapshot"\n'
CHANGES = (
    FILE
    + """[antiviral_courses]
sends = "changes"
[antiviral_courses.columns]
status = "state"
[antiviral_courses.status]
withdrawn = ["Void"]
stands = ["active"]
"""
)


def row(
    patient: str,
    *,
    start: float = 0,
    stop: float | None = None,
    number: str = "",
    state: str = "",
    drug: str = "ganciclovir",
) -> str:
    end = "" if stop is None else text(day(stop))
    return f"{number},{patient},{drug},treatment,{text(day(start))},{end},{state}"


class Pharmacy:
    """One feed whose files are taken in by hand, one after the other."""

    def __init__(self, root: Path, declared: str) -> None:
        self.root, self.n = root, 0
        self.declare(declared)

    def declare(self, declared: str) -> None:
        path = self.root / "tables" / "pharmacy.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(declared, encoding="utf-8")

    def sends(self, at: float, *lines: str, history: bool = False) -> Counted:
        self.n += 1
        path = self.root / f"{self.n}.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        with open_site(self.root) as opened:
            counted = take_in_file(
                opened, path, feed="pharmacy", table="antiviral_courses", received_at=day(at), is_history=history
            )
        return counted[0]

    def known(self, at: float) -> list[tuple[str, float, float | None]]:
        """Patient, day of the start, day of the stop, as known then."""
        with open_site(self.root) as opened, opened.reading() as connection:
            found = known.known_table(connection, COURSES, as_of=day(at))
        assert found is not None
        rows = found.sort("patient_id", "started_at").select("patient_id", "started_at", "stopped_at").rows()
        return [(who, _days(start), None if stop is None else _days(stop)) for who, start, stop in rows]

    def unread(self, at: float) -> frozenset[str]:
        with open_site(self.root) as opened, opened.reading() as connection:
            return known.known(connection, opened.site, as_of=day(at)).unread_of(COURSES.rows)

    def waiting(self) -> list[tuple[object, ...]]:
        query = "SELECT reason FROM quarantined_records NATURAL JOIN waiting_records ORDER BY 1"
        return sites.rows(self.root, query)


def _days(moment: object) -> float:
    return float((moment - day(0)) / timedelta(days=1))  # type: ignore[operator]


def test_what_the_newest_snapshot_lacks_is_withdrawn_from_then_on_and_stands_again_when_it_returns(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    one, two = row("P1"), row("P2")
    assert pharmacy.sends(1, one, two).withdrawn == 0
    assert pharmacy.sends(2, one, "").withdrawn == 1
    back = pharmacy.sends(3, one, two)
    assert (back.withdrawn, back.accepted, back.duplicates, back.was_known) == (0, 1, 1, False)
    assert pharmacy.sends(4, two, row("P3")).withdrawn == 1
    whole = [("P1", 0.0, None), ("P2", 0.0, None)]
    assert [pharmacy.known(at) for at in (1.5, 2.5, 3.5)] == [whole, whole[:1], whole]
    assert pharmacy.known(5) == [("P2", 0.0, None), ("P3", 0.0, None)]
    assert sites.rows(site, "SELECT sends, withdrawn FROM deliveries ORDER BY received_at") == [
        ("snapshot", n) for n in (0, 1, 0, 1)
    ]
    said = {finding.what: finding.words for finding in checkup(site, example=lambda: ())}
    assert "1 known before withdrawn by the newest snapshot" in said["feed pharmacy/antiviral_courses"]


def test_a_withdrawal_by_a_snapshot_is_said_by_the_snapshot_and_by_no_record_of_it(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    first = pharmacy.sends(1, row("P1"), row("P2"))
    second = pharmacy.sends(2, row("P1"))
    query = "SELECT patient_id, record_number, delivery_id FROM antiviral_courses WHERE {} is_withdrawn"
    assert sites.rows(site, query.format("")) == [("P2", 0, second.delivery_id)]
    assert sites.rows(site, query.format("NOT") + " ORDER BY 2") == [
        ("P1", 1, first.delivery_id),
        ("P2", 2, first.delivery_id),
    ]


def test_a_record_that_is_set_apart_is_not_lacking_and_its_patient_is_told(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    pharmacy.sends(1, row("P1"), row("P2"), row("P3"))
    unread = row("P1").replace(text(day(0)), text(day(0))[:10])  # a date without a time
    assert pharmacy.sends(2, unread, row("P2")).withdrawn == 1
    assert [who for who, _, _ in pharmacy.known(3)] == ["P1", "P2"]
    assert pharmacy.unread(3) == {"P1"}
    assert pharmacy.sends(4, row("P1"), row("P2")).withdrawn == 0
    assert (pharmacy.unread(5), pharmacy.waiting()) == (frozenset(), [])


def test_a_line_that_can_not_be_told_from_any_record_withdraws_nothing(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    pharmacy.sends(1, row("P1"), row("P2"))
    assert pharmacy.sends(2, row("P1"), "cut").withdrawn == 0
    assert len(pharmacy.known(3)) == 2


def test_a_snapshot_that_lacks_too_much_is_refused_and_changes_nothing(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    rows = [row(f"P{n}") for n in range(10)]
    pharmacy.sends(1, *rows)
    refused = pharmacy.sends(2, *rows[:4], row("P20"))
    assert (refused.refused, refused.accepted, refused.withdrawn, refused.quarantined) == (
        "too_many_withdrawn",
        0,
        0,
        5,
    )
    assert "6 of 10 standing records are gone from the 5 of it, more than 50%" in str(refused.refused_because)
    assert (len(pharmacy.known(3)), pharmacy.unread(3)) == (10, frozenset())
    pharmacy.sends(4, *rows[:6])
    assert (len(pharmacy.known(5)), pharmacy.waiting()) == (6, [])


def test_of_snapshots_refused_night_after_night_only_the_last_one_s_records_wait(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    rows = [row(f"P{n}") for n in range(10)]
    pharmacy.sends(1, *rows, row("P10").replace("2026", "soon"))
    for night in range(2, 8):
        assert pharmacy.sends(night, row("P0", start=night), row("P1", stop=night)).refused == "too_many_withdrawn"
        assert pharmacy.waiting() == [("malformed_time",), ("snapshot_refused",), ("snapshot_refused",)]
    assert pharmacy.unread(8) == frozenset({"P10"})
    pharmacy.sends(9, *rows)
    assert pharmacy.waiting() == []


def test_what_a_refused_snapshot_asked_is_answered_by_the_bytes_of_the_one_before_it(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    rows = [row(f"P{n}") for n in range(10)]
    pharmacy.sends(1, *rows)
    assert pharmacy.sends(2, *rows[:1]).refused == "too_many_withdrawn"
    pharmacy.sends(3, *rows)
    assert (pharmacy.waiting(), len(pharmacy.known(4))) == ([], 10)


def test_a_refused_snapshot_is_taken_in_once_its_share_is_declared(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    rows = [row(f"P{n}") for n in range(10)]
    pharmacy.sends(1, *rows)
    pharmacy.sends(2, *rows[:2])
    pharmacy.declare(SNAPSHOT + "max_withdrawn_share = 0.9\n")
    pharmacy.n -= 1
    assert pharmacy.sends(3, *rows[:2]).withdrawn == 8
    assert len(pharmacy.known(4)) == 2


def test_a_declared_share_is_asked_however_little_stands_and_a_mended_start_does_not_count(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT + "max_withdrawn_share = 0.5\n")
    pharmacy.sends(10, row("P1"), row("P2"), row("P3"))
    assert pharmacy.sends(11, row("P1")).refused == "too_many_withdrawn"
    mended = pharmacy.sends(12, *(row(patient, start=1) for patient in ("P1", "P2", "P3")))
    assert (mended.refused, mended.withdrawn) == (None, 3)
    assert pharmacy.known(13) == [("P1", 1.0, None), ("P2", 1.0, None), ("P3", 1.0, None)]


def test_an_empty_snapshot_is_refused_however_little_stands_and_one_of_nothing_is_a_sign_of_life(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    assert pharmacy.sends(1).refused is None
    pharmacy.sends(2, row("P1"))
    assert pharmacy.sends(3).refused == "too_many_withdrawn"  # the bytes of day 1, which arrive anew
    assert pharmacy.known(4) == [("P1", 0.0, None)]


def test_what_ended_before_a_snapshot_s_days_stands_though_it_is_missing(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT + "holds_days = 30\n")
    pharmacy.sends(1, row("P1", stop=1), row("P2", stop=1, drug="foscarnet"), row("P3"))
    assert pharmacy.sends(20, row("P2", stop=1, drug="foscarnet"), row("P3")).withdrawn == 1
    assert pharmacy.sends(40, row("P3")).withdrawn == 0
    assert [who for who, _, _ in pharmacy.known(41)] == ["P2", "P3"]


def test_a_delivery_of_history_and_another_feed_withdraw_nothing(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    sites.drop(site, "antiviral_courses", [sites.course("P9")])
    with open_site(site) as opened:
        path = site / "drop" / "synthetic" / "antiviral_courses" / "one.csv"
        take_in_file(opened, path, feed="synthetic", table="antiviral_courses", received_at=day(0))
    pharmacy.sends(1, row("P1"), row("P2"))
    assert pharmacy.sends(2, row("P3"), history=True).withdrawn == 0
    assert pharmacy.sends(3, row("P1"), row("P3")).withdrawn == 1
    assert [who for who, _, _ in pharmacy.known(4)] == ["P1", "P3", "P9"]


def test_a_conflict_in_a_snapshot_stands_as_long_as_it_is_sent_and_ends_when_one_row_is_left(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    both = [row("P1", stop=3), row("P1", stop=5)]
    for at in (6, 7, 8):
        counted = pharmacy.sends(at, *both, row(f"P{at}"))
        assert counted.reasons == {"conflicting_values": 2}
        assert pharmacy.known(at)[0] == ("P1", 0.0, 5.0)
        assert pharmacy.waiting() == [("conflicting_values",)] * 2
    pharmacy.sends(9, both[0])
    assert (pharmacy.known(10), pharmacy.waiting()) == ([("P1", 0.0, 3.0)], [])


def test_a_status_withdraws_the_row_that_it_names_and_a_word_that_is_not_declared_is_set_apart(site: Path) -> None:
    pharmacy = Pharmacy(site, CHANGES)
    pharmacy.sends(1, row("P1", state="Active"), row("P2"), row("P3"))
    second = pharmacy.sends(2, row("P1", state="VOID"), row("P2", state="gone"), row("P3", stop=2, state="active"))
    assert (second.withdrawn, second.reasons) == (1, {"unknown_row_status": 1})
    assert pharmacy.known(1.5)[0] == ("P1", 0.0, None)
    assert pharmacy.known(3) == [("P2", 0.0, None), ("P3", 0.0, 2.0)]
    assert pharmacy.unread(3) == {"P2"}
    pharmacy.sends(4, row("P1", state="active"))
    assert pharmacy.known(5)[0] == ("P1", 0.0, None)


NUMBERED = CHANGES.replace('status = "state"', 'status = "state"\nrow_id = "id"')


def test_a_number_of_the_sender_s_own_is_the_key_so_that_a_corrected_start_replaces_the_row(site: Path) -> None:
    pharmacy = Pharmacy(site, NUMBERED)
    pharmacy.sends(1, row("P1", number="7"), row("P2", number="8"))
    pharmacy.sends(4, row("P1", number="7", start=3))
    assert pharmacy.known(2)[0] == ("P1", 0.0, None)
    assert pharmacy.known(5) == [("P1", 3.0, None), ("P2", 0.0, None)]
    assert pharmacy.sends(6, row("P9", number="")).reasons == {"missing_row_id": 1}


def test_a_withdrawal_that_names_a_known_number_takes_effect_whatever_else_is_empty(site: Path) -> None:
    pharmacy = Pharmacy(site, NUMBERED)
    pharmacy.sends(1, row("P1", number="7"))
    first = pharmacy.sends(2, "7,,,,,,void", "9,,,,,,void")
    assert (first.withdrawn, first.reasons) == (1, {"withdraws_unknown_record": 1})
    assert pharmacy.known(3) == []
    pharmacy.sends(4, row("P9", number="9"))
    assert (pharmacy.known(5), pharmacy.waiting()) == ([], [])


def test_numbers_that_begin_to_be_sent_do_not_count_as_withdrawals(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT)
    pharmacy.sends(1, *(row(f"P{n}", number=str(n)) for n in range(12)))
    pharmacy.declare(SNAPSHOT + '[antiviral_courses.columns]\nrow_id = "id"\n')
    second = pharmacy.sends(2, *(row(f"P{n}", number=str(n)) for n in range(12)), row("P20", number="20"))
    assert second.refused is None
    assert len(pharmacy.known(3)) == 13


@settings(max_examples=examples(6, 12), deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["P1", "P2", "P3", "P4"]), st.sampled_from([None, 20.0, 25.0]), min_size=1),
        min_size=2,
        max_size=7,
    )
)
def test_what_is_known_at_any_moment_is_what_the_last_snapshot_by_then_held(
    nights: list[dict[str, float | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pharmacy = Pharmacy(Path(folder), SNAPSHOT)
        for at, held in enumerate(nights, start=30):
            pharmacy.sends(at, *(row(patient, stop=stop) for patient, stop in sorted(held.items())))
        for at, held in enumerate(nights, start=30):
            assert pharmacy.known(at + 0.5) == [(patient, 0.0, stop) for patient, stop in sorted(held.items())]


def test_what_a_snapshot_lacks_of_one_number_still_runs_under_the_other_that_it_was_merged_into(site: Path) -> None:
    """Delivered under both numbers, then under the new one alone, by words that are known: nothing is stored anew of it."""
    pharmacy = Pharmacy(site, SNAPSHOT)
    pharmacy.sends(1, row("P1"), row("P9"))
    path = sites.drop(site, "patient_links", [sites.link("P1", "P9", at=1)])
    with open_site(site) as opened:
        take_in_file(opened, path, feed="synthetic", table="patient_links", received_at=day(2))
    assert pharmacy.known(2) == [("P9", 0, None)]
    pharmacy.sends(3, row("P9"))
    assert pharmacy.known(3) == [("P9", 0, None)]
    pharmacy.sends(4, row("P9"), row("P8"))
    assert pharmacy.known(4) == [("P8", 0, None), ("P9", 0, None)]
    pharmacy.sends(5, row("P8"))
    assert pharmacy.known(5) == [("P8", 0, None)]


def test_a_feed_that_renumbers_merged_patients_withdraws_none_of_their_courses(site: Path) -> None:
    pharmacy = Pharmacy(site, SNAPSHOT + "max_withdrawn_share = 0.1\n")
    pharmacy.sends(1, *(row(f"P{n}") for n in range(4)))
    merged = sites.drop(site, "patient_links", [sites.link(f"P{n}", f"Q{n}", at=1) for n in range(3)])
    with open_site(site) as opened:
        take_in_file(opened, merged, feed="synthetic", table="patient_links", received_at=day(2))
    renumbered = [row(f"Q{n}") for n in range(3)]
    counted = pharmacy.sends(3, *renumbered, row("P3"))
    assert (counted.refused, counted.withdrawn) == (None, 0)
    assert sorted(pharmacy.known(3)) == [("P3", 0, None), *((f"Q{n}", 0, None) for n in range(3))]
    refused = pharmacy.sends(4, row("Q0"), row("P3"))
    assert refused.refused == "too_many_withdrawn"


@pytest.mark.parametrize("declared", [CHANGES, FILE], ids=["changes", "rows"])
def test_a_course_that_goes_on_after_all_may_be_told_in_the_very_bytes_of_before(site: Path, declared: str) -> None:
    pharmacy = Pharmacy(site, declared)
    runs, stopped = row("P1", state="active"), row("P1", stop=1, state="active")
    pharmacy.sends(1, runs)
    pharmacy.sends(2, stopped)
    back = pharmacy.sends(3, runs)
    assert (back.accepted, back.was_known) == (1, False)
    assert [pharmacy.known(at) for at in (1, 2, 3)] == [[("P1", 0, end)] for end in (None, 1, None)]
    again = pharmacy.sends(4, runs)
    assert (again.accepted, again.was_known) == (0, True)
    assert pharmacy.known(4) == [("P1", 0, None)]


def test_a_withdrawal_by_status_that_comes_again_in_the_same_bytes_holds_again(site: Path) -> None:
    pharmacy = Pharmacy(site, CHANGES)
    for at, state in enumerate(("active", "Void", "active", "Void"), start=1):
        pharmacy.sends(at, row("P1", state=state))
    assert [bool(pharmacy.known(at)) for at in range(1, 5)] == [True, False, True, False]

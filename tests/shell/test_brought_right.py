"""A record that a later delivery brings right waits no longer: in results, courses and stays alike, and nothing is deleted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, QUARANTINED_RECORDS, VIRAL_LOAD_RESULTS, RowType
from cmvmon.run.asking.quarantine_list import listed_quarantine, quarantined_record
from cmvmon.run.deliveries.intake import take_in_drop, take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.waiting import feed_state, quarantine
from cmvmon.shell.waiting.brought_right import place
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.depth import examples
from tests.sites import day, drop, result, write

START, STOP = "2026-03-02T10:00:00+01:00", "2026-03-09T22:00:00+01:00"


def taken_in(root: Path, table: RowType, lines: Sequence[str], *, at: float, feed: str = "synthetic") -> None:
    path = drop(root, table.name, lines, name=f"{feed}-{at:g}.csv", feed=feed)
    with open_site(root) as opened:
        take_in_file(opened, path, feed=feed, table=table.name, received_at=day(at))


def waiting(root: Path, *, at: float = 99) -> list[str]:
    """The reasons of what waits; asked as the list, the count by feed and the unread patients ask, which agree."""
    with open_site(root) as opened, opened.reading() as connection:
        rows = open_quarantine(connection, as_of=day(at))
        unread = known.known(connection, opened.site, as_of=day(at)).unread
        counted = sum(item.n_quarantined for item in feed_state.feed_tables(connection, as_of=day(99)))
        assert counted == open_quarantine(connection).height
    told = rows.filter(rows["reason"] != "conflicting_values")
    assert set().union(*unread.values()) == set(told["patient_id"].drop_nulls())
    return sorted(rows["reason"])


def course(start: str = START, stop: str = "", *, drug: str = "ganciclovir", dose: str = "5") -> str:
    return f"P1,{drug},treatment,,{dose},12,iv,{start},{stop}"


def stay(*, admitted: str = START, discharged: str = "", stated: str = "bal") -> str:
    return f"S1,P1,{admitted},{discharged},ICU,1,,,{stated}"


# table, delivered on day 1, on day 2 -> what waits afterwards
MENDED: dict[str, tuple[RowType, list[str], list[str], list[str]]] = {
    "a start without its hour": (ANTIVIRAL_COURSES, [course("2026-03-02")], [course(stop=STOP)], []),
    "a start written in another form": (ANTIVIRAL_COURSES, [course("02-03-2026 10:00")], [course()], []),
    "a dose that is no number": (ANTIVIRAL_COURSES, [course(dose="five")], [course()], []),
    "a stop without its hour": (ANTIVIRAL_COURSES, [course(stop="2026-03-09")], [course(stop=STOP)], []),
    "another day": (ANTIVIRAL_COURSES, [course("2026-03-02")], [course("2026-03-12T10:00:00Z")], ["no_time"]),
    "another drug": (ANTIVIRAL_COURSES, [course("2026-03-02")], [course(drug="foscarnet")], ["no_time"]),
    "two of one day, one mended": (
        ANTIVIRAL_COURSES, [course("2026-03-02"), course("2026-03-02", STOP)], [course()], ["no_time", "no_time"],
    ),
    "a row that stood beside it before": (
        ANTIVIRAL_COURSES, [course(), course("2026-03-02", dose="2.5")], [course(stop=STOP)], ["no_time"],
    ),
    "a discharge that is no moment": (ICU_STAYS, [stay(discharged="tomorrow")], [stay()], []),
    "compartments that are not known": (ICU_STAYS, [stay(stated="lungs")], [stay(stated="bal")], []),
    "an admission without its hour": (ICU_STAYS, [stay(admitted="2026-03-02")], [stay()], []),
    "a value that can't be read": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, "ca. 500", accession="A1")], [result("P1", 0, 500, accession="A1")], [],
    ),
    "a result without its patient": (
        VIRAL_LOAD_RESULTS, [result("", 0, 500, accession="A1")], [result("P1", 0, 500, accession="A1")], [],
    ),
    "the number of another patient": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, "?", accession="A1")], [result("P2", 0, 500, accession="A1")], ["unknown_text"],
    ),
    "withdrawn": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, "?", accession="A1")], [result("P1", 0, 500, accession="A1", status="W")], [],
    ),
    "only preliminary": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, "?", accession="A1")],
        [result("P1", 0, 500, accession="A1", status="P")], ["unknown_text"],
    ),
    "the result that a correction was of, late": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, "?", accession="A1", status="C")],
        [result("P1", 0, 500, accession="A1")], ["unknown_text"],
    ),
    "two values under one number, corrected": (
        VIRAL_LOAD_RESULTS, [result("P1", 0, load, accession="A1") for load in (500, 900)],
        [result("P1", 0, 700, accession="A1", status="C")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_a_record_waits_until_a_later_delivery_brings_its_key_right(name: str, tmp_path: Path) -> None:
    table, first, second, still = MENDED[name]
    taken_in(tmp_path, VIRAL_LOAD_RESULTS, [result("P9", 0, 1000)], at=0.5)
    taken_in(tmp_path, table, first, at=11)
    before = waiting(tmp_path)
    assert before
    taken_in(tmp_path, table, second, at=12)
    assert waiting(tmp_path) == still
    assert waiting(tmp_path, at=11.5) == before


def test_every_database_tells_alike_what_was_brought_right_and_keeps_what_was_set_apart(site: Path) -> None:
    for table, first, second, still in (MENDED["a start without its hour"], MENDED["withdrawn"]):
        taken_in(site, table, first, at=11)
        taken_in(site, table, second, at=12)
        assert waiting(site) == still
    assert sites.rows(site, "SELECT count(*) FROM quarantined_records") == [(2,)]


def test_another_feed_brings_nothing_right(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course(dose="five")], at=11)
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course()], at=12, feed="other")
    assert waiting(tmp_path) == ["malformed_number"]


def test_what_its_own_feed_brought_right_is_not_put_in_question_by_another_feed_s_conflict(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course("2026-03-02")], at=11)
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course()], at=12)
    assert waiting(tmp_path) == []
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course(), course(stop=STOP)], at=13, feed="example_nl")
    listed, anew = listed_and_made_anew(tmp_path)
    assert listed == anew
    assert waiting(tmp_path) == ["conflicting_values", "conflicting_values"]


def test_a_record_that_was_brought_right_is_not_judged_again_under_a_mended_laboratory_file(tmp_path: Path) -> None:
    """Judged again it would be received last, and an old correction would take the place of a newer one."""
    taken_in(tmp_path, VIRAL_LOAD_RESULTS, [result("P1", 0, 900, accession="A1", status="C", unit="IE/ml")], at=11)
    taken_in(tmp_path, VIRAL_LOAD_RESULTS, [result("P1", 0, 700, accession="A1", status="C")], at=12)
    packaged = (Path(__file__).parents[2] / "cmvmon/feeds/labs/synthetic.toml").read_text(encoding="utf-8")
    (tmp_path / "labs" / "synthetic.toml").write_text(packaged.replace('"IU/mL" =', '"IE/ml" = "iu_per_ml"\n"IU/mL" ='))
    taken_in(tmp_path, VIRAL_LOAD_RESULTS, [result("P1", 0, 900, accession="A1", status="C", unit="IE/ml")], at=13)
    with open_site(tmp_path) as opened, opened.reading() as connection:
        rows = known.known(connection, opened.site, as_of=day(14))[VIRAL_LOAD_RESULTS]
    assert rows["viral_load_iu_per_ml"].to_list() == [700.0]


def test_what_was_right_before_and_comes_again_brings_right_what_came_between(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course()], at=10)
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course(dose="five")], at=11)
    assert waiting(tmp_path) == ["malformed_number"]
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course(), course(drug="foscarnet")], at=12)
    assert waiting(tmp_path) == []


def test_the_list_of_what_waits_names_nobody(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course("2026-03-02").replace("P1", "SYNTHETIC-SECRET")], at=11)
    listed = listed_quarantine(tmp_path)
    assert len(listed) == 1
    assert "SECRET" not in str(listed)


def listed_and_made_anew(root: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The list of what waits as deliveries wrote it, and as it follows from all that is stored."""
    with open_site(root) as opened, opened.writing() as connection:
        listed = sorted(place(row) for row in open_quarantine(connection).to_dicts())
        quarantine.list_anew(connection)
        return listed, sorted(place(row) for row in open_quarantine(connection).to_dicts())


LINES = {
    ANTIVIRAL_COURSES: [
        course(), course(stop=STOP), course("2026-03-02"), course("2026-03-02", STOP), course("2026-03-03"),
        course(dose="five"), course("2026-03-03T10:00:00Z"), course(drug="foscarnet").replace("P1", "P2"),
        course("", drug="foscarnet").replace("P1", ""),
    ],
    VIRAL_LOAD_RESULTS: [
        result("P1", 0, 900, accession="A1"), result("P1", 0, 800, accession="A1"), result("P2", 0, 700, accession="A1"),
        result("P1", 0, 700, accession="A1", status="C", reported=""), ",A1,,,,,,,,W", ",A2,,,,,,,,W",
        result("P2", 0, 700, accession="A2"), result("P1", 0, 700, accession="A2").replace("synthetic-pcr", "other"),
    ],
}  # fmt: skip


@settings(
    max_examples=examples(15, 40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_the_list_of_what_waits_is_what_follows_from_everything_stored(
    new_site: Callable[[Path], Path], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = new_site(Path(folder, "site"))
        for at in range(10, 10 + data.draw(st.integers(1, 5))):
            table = data.draw(st.sampled_from(list(LINES)))
            lines = data.draw(st.lists(st.sampled_from(LINES[table]), min_size=1, max_size=4))
            feed = data.draw(st.sampled_from(["synthetic", "synthetic", "example_nl"]))
            taken_in(root, table, lines, at=at, feed=feed)
            listed, anew = listed_and_made_anew(root)
            assert listed == anew


def test_what_waited_at_a_moment_is_told_of_that_moment_and_not_of_the_list_of_now(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course(dose="five")], at=11)
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course()], at=12)
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert [open_quarantine(connection, as_of=day(at)).height for at in (10.5, 11.5, 12.5)] == [0, 1, 0]


def test_a_night_makes_a_list_that_went_wrong_right_again(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course("2026-03-02")], at=11)
    write(tmp_path, "DELETE FROM waiting_records")
    assert listed_quarantine(tmp_path) == []
    with open_site(tmp_path) as opened:
        take_in_drop(opened, received_at=day(12))
    assert len(listed_quarantine(tmp_path)) == 1


def test_neither_the_list_nor_the_record_shown_holds_what_it_names_apart(tmp_path: Path) -> None:
    taken_in(tmp_path, ANTIVIRAL_COURSES, [course("2026-03-02")], at=11)
    (listed,) = listed_quarantine(tmp_path)
    shown = quarantined_record(tmp_path, listed["record"], as_delivered=True)
    assert set(shown) == {*QUARANTINED_RECORDS.schema, "file_name", "owner", "since", "age_days"}
    assert set(listed) == {"record", "times", "sample", *shown} - {
        *("delivered_text", "patient_id", "record_number", "attempt")
    }
    masked = quarantined_record(tmp_path, listed["record"])
    assert set(masked) == {*shown, "is_masked"} - {"patient_id"}

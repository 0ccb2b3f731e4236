"""Deliveries in the store: nothing lost, nothing doubled, order and packaging without effect."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.run.deliveries.intake import take_in_drop, take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.depth import examples
from tests.sites import day, drop, result

T = day(30)
COURSES = BY_NAME["antiviral_courses"]


def balanced(counted: Sequence[Counted]) -> bool:
    return all(c.received == c.accepted + c.quarantined + c.duplicates + c.ignored for c in counted)


def taken_in(root: Path, lines: Sequence[str], *, name: str = "one.csv", at: float = 30) -> Counted:
    path = drop(root, "viral_load_results", lines, name=name)
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(at))
    return counted


def current(root: Path) -> list[tuple[object, ...]]:
    """The results that would be used, and those whose values conflict."""
    with open_site(root) as opened, opened.reading() as connection:
        frame = current_results(known.known(connection, opened.site, as_of=T)[VIRAL_LOAD_RESULTS])
    columns = ("result_id", "patient_id", "collected_at", "detection", "result_status", "is_conflicting")
    loads = frame.select(*columns, "viral_load_iu_per_ml").rows()
    return sorted((*row[:-1], None if row[5] else row[-1]) for row in loads)


def test_every_record_is_accounted_for(site: Path) -> None:
    lines = [
        result("SYNTHETIC-1", 0, 1000),
        result("SYNTHETIC-1", 0, 1000),
        result("SYNTHETIC-2", 0, "ca. 500"),
        result("SYNTHETIC-3", 0, 700).replace("CMVQ", "EBVQ"),
        result("SYNTHETIC-4", 0, "Not detected"),
    ]
    c = taken_in(site, lines)
    assert (c.received, c.accepted, c.quarantined, c.duplicates, c.ignored) == (5, 2, 1, 1, 1)
    assert balanced([c])


def test_the_same_bytes_change_nothing_under_the_same_or_another_name(site: Path) -> None:
    lines = [result("SYNTHETIC-1", 0, 1000), result("SYNTHETIC-1", 7, "1_000")]
    taken_in(site, lines)
    before = sites.everything(site)
    for name in ("one.csv", "renamed.csv"):
        again = taken_in(site, lines, name=name, at=31)
        assert again.was_known
        assert again.duplicates == again.received == 2
    assert sites.everything(site) == before


def test_one_number_with_two_values_is_kept_twice_and_used_never(
    new_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    whole, split = new_site(tmp_path / "together"), new_site(tmp_path / "apart")
    one = result("SYNTHETIC-1", 0, 1000, accession="A1")
    other = result("SYNTHETIC-1", 0, 2000, accession="A1")
    together = taken_in(whole, [one, other])
    assert (together.accepted, together.reasons) == (0, {"conflicting_values": 2})
    first = taken_in(split, [one])
    second = taken_in(split, [other], name="two.csv")
    assert (first.accepted, second.reasons) == (1, {"conflicting_values": 1})
    assert [row[5] for row in current(whole)] == [True]
    assert current(split) == current(whole)


def test_a_conflict_is_settled_by_a_later_correction(site: Path) -> None:
    lines = [result("SYNTHETIC-1", 0, load, accession="A1") for load in (1000, 2000)]
    taken_in(site, lines)
    taken_in(site, [result("SYNTHETIC-1", 0, 3000, accession="A1", status="C")], name="two.csv")
    assert [(row[4], row[5], row[6]) for row in current(site)] == [("corrected", False, 3000.0)]


def test_a_correction_that_arrives_before_its_original_stays_current(site: Path) -> None:
    final = result("SYNTHETIC-1", 0, 1000, accession="A1")
    corrected = result("SYNTHETIC-1", 0, 3000, accession="A1", status="C", reported=sites.text(day(3)))
    taken_in(site, [corrected])
    taken_in(site, [final], name="two.csv")
    assert [row[6] for row in current(site)] == [3000.0]


def test_a_mended_laboratory_file_judges_again_only_what_was_set_apart(site: Path) -> None:
    lines = [
        result("SYNTHETIC-1", 0, 1000),
        result("SYNTHETIC-2", 0, 1000, unit="IE/ml"),
        result("SYNTHETIC-3", 0, "n.a."),
    ]
    taken_in(site, lines)
    packaged = (Path(__file__).parents[2] / "cmvmon/feeds/labs/synthetic.toml").read_text(encoding="utf-8")
    (site / "labs").mkdir(exist_ok=True)
    (site / "labs" / "synthetic.toml").write_text(packaged.replace('"IU/mL" =', '"IE/ml" = "iu_per_ml"\n"IU/mL" ='))
    (site / "drop" / "synthetic" / "viral_load_results" / "one.csv").unlink()  # the landing still has the bytes
    with open_site(site) as opened:
        (again,) = take_in_drop(opened, received_at=day(31)).counted
    assert (again.attempt, again.received, again.accepted, again.quarantined) == (2, 2, 1, 1)
    with open_site(site) as opened, opened.reading() as connection:
        waiting = open_quarantine(connection)
    assert waiting["record_number"].to_list() == [3]
    with open_site(site) as opened:
        assert take_in_drop(opened, received_at=day(32)).counted == ()


def test_a_refused_delivery_is_judged_whole_once_the_laboratory_file_fits(site: Path) -> None:
    path = drop(site, "viral_load_results", [result("SYNTHETIC-1", 0, 1000)])
    path.write_text(path.read_text().replace("accession_number", "order_number"))
    with open_site(site) as opened:
        (refused,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=T)
    assert (refused.refused, refused.reasons) == ("missing_column", {"delivery_refused": 1})
    packaged = (Path(__file__).parents[2] / "cmvmon/feeds/labs/synthetic.toml").read_text(encoding="utf-8")
    (site / "labs" / "synthetic.toml").write_text(packaged.replace('= "accession_number"', '= "order_number"'))
    with open_site(site) as opened:
        (again,) = take_in_drop(opened, received_at=day(31)).counted
    assert (again.refused, again.accepted, again.attempt) == (None, 1, 2)


def test_courses_sent_as_they_stand_each_day_keep_their_newest_version(site: Path) -> None:
    def courses(*lines: str, at: float, name: str) -> Counted:
        path = drop(site, "antiviral_courses", lines, name=name)
        with open_site(site) as opened:
            (counted,) = take_in_file(opened, path, feed="synthetic", table="antiviral_courses", received_at=day(at))
        return counted

    courses(sites.course("SYNTHETIC-1"), at=1, name="1.csv")
    courses(sites.course("SYNTHETIC-1", stop=5), at=6, name="2.csv")
    repeated = courses(sites.course("SYNTHETIC-1", stop=5), sites.course("SYNTHETIC-2", start=6), at=7, name="3.csv")
    assert (repeated.accepted, repeated.duplicates) == (1, 1)
    # The stop was an error: the course runs again.
    back = courses(sites.course("SYNTHETIC-1"), sites.course("SYNTHETIC-2", start=6), at=8, name="4.csv")
    assert (back.accepted, back.duplicates) == (1, 1)
    with open_site(site) as opened, opened.reading() as connection:
        stops = [
            known.known_table(connection, COURSES, as_of=day(d))
            .filter(patient_id="SYNTHETIC-1")["stopped_at"]
            .to_list()  # type: ignore[union-attr]
            for d in (2, 6.5, 8.5)
        ]
    assert stops == [[None], [day(5)], [None]]


@pytest.mark.parametrize("turned", [False, True])
def test_two_courses_of_one_drug_and_start_are_joined_in_time_and_unknown_where_they_do_not_agree(
    site: Path, turned: bool
) -> None:
    ended, running = sites.course("SYNTHETIC-1", stop=5), sites.course("SYNTHETIC-1").replace(",5,12,", ",2.5,12,")
    both_end = [sites.course("SYNTHETIC-2", stop=5), sites.course("SYNTHETIC-2", stop=7, intent="prophylaxis")]
    lines = [running, ended, *both_end][:: -1 if turned else 1]
    path = drop(site, "antiviral_courses", lines)
    with open_site(site) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", table="antiviral_courses", received_at=T)
        with opened.reading() as connection:
            courses = known.known_table(connection, COURSES, as_of=T)
    assert counted.reasons == {"conflicting_values": 4}
    assert courses is not None
    said = courses.sort("patient_id").select("indication", "dose_mg_per_kg", "interval_h", "stopped_at").rows()
    assert said == [("treatment", None, 12.0, None), (None, 5.0, 12.0, day(7))]


def test_a_table_that_was_never_delivered_is_not_an_empty_one(site: Path) -> None:
    with open_site(site) as opened:
        with opened.reading() as connection:
            assert known.known_table(connection, COURSES, as_of=T) is None
        path = drop(site, "antiviral_courses", [])
        take_in_file(opened, path, feed="synthetic", table="antiviral_courses", received_at=day(3))
        with opened.reading() as connection:
            before, after = (known.known_table(connection, COURSES, as_of=day(d)) for d in (2, 4))
    assert before is None
    assert after is not None
    assert after.is_empty()


RECORDS = st.builds(
    lambda patient, day_, value, status, other: result(
        f"SYNTHETIC-{patient}", day_, value, status=status, accession=f"A{patient}-{day_}-{other}"
    ),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(["1000", "2000", "<200", "Not detected", "ca. 500", "-1", "Above range", "1e15", ""]),
    st.sampled_from(["F", "F", "C", "W", "P", "?"]),
    st.integers(0, 1),
)


@settings(
    max_examples=examples(10, 25),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    records=st.lists(RECORDS, min_size=1, max_size=12), cut=st.integers(0, 12), random=st.randoms(use_true_random=False)
)
def test_row_order_and_splitting_a_delivery_change_no_stored_result(
    new_site: Callable[[Path], Path], records: list[str], cut: int, random: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, split = new_site(Path(folder, "whole")), new_site(Path(folder, "split"))
        counted = [taken_in(whole, records)]
        shuffled = list(records)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        counted += [taken_in(split, part, name=f"{i}.csv") for i, part in enumerate((shuffled[:cut], shuffled[cut:]))]
        assert balanced(counted)
        assert counted[0].received == len(records)
        assert current(whole) == current(split)


def test_the_database_itself_refuses_to_change_or_remove_a_row_of_any_table(site: Path) -> None:
    taken_in(site, [result("SYNTHETIC-1", 0, 1000), result("SYNTHETIC-2", 0, "?")])
    before = sites.everything(site)
    is_server = "settings.toml" in {path.name for path in site.iterdir()}
    for table in ("viral_load_results", "deliveries", "quarantined_records"):
        statements = [
            f"UPDATE {table} SET record_number = 1" if table != "deliveries" else "UPDATE deliveries SET ignored = 0"
        ]
        statements += [f"DELETE FROM {table}", *([f"TRUNCATE {table}"] if is_server else [])]
        for statement in statements:
            with pytest.raises(sa.exc.IntegrityError, match=f"cmvmon keeps every row of {table}"):
                sites.write(site, statement)
    assert sites.everything(site) == before


def test_counts_that_do_not_add_up_are_refused_by_the_database(site: Path) -> None:
    taken_in(site, [result("SYNTHETIC-1", 0, 1000)])
    with pytest.raises(sa.exc.IntegrityError, match="nothing_lost"):
        sites.write(
            site,
            "INSERT INTO deliveries SELECT 'x', feed, table_name, attempt, file_name, landed_at, received_at, is_history, laboratory_file, refused, refused_because, received + 1, accepted, quarantined, duplicates, ignored, sends, withdrawn, statuses_differ, sent_ahead_s, code_version, format FROM deliveries",
        )

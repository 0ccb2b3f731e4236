"""What happens to the samples, the drugs and the patients of the simulated year is what it says; nothing of it moves a load."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest

from benchmarks import unit_year_laboratory
from benchmarks.alert_mornings import MORNING
from benchmarks.alert_patients import DAY_0
from benchmarks.unit_year_laboratory import orders_at
from benchmarks.unit_year_mornings import judged, judged_at
from benchmarks.unit_year_patients import NEVER, Year, year
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.shell.folder.protocol_files import Protocol

BEFORE = ["26ec3fa1b53d79a8", "dcad495f188c0724", "5a909cbece09f91a", "ef4e5b35c29045e2"]


@pytest.fixture(scope="module")
def made() -> Year:
    return year(5)


@pytest.fixture(scope="module")
def three() -> list[Year]:
    return [year(seed) for seed in (5, 6, 7)]


def _digest(frame: pl.DataFrame) -> str:
    rounded = frame.select(sorted(frame.columns)).with_columns(cs.float().round(6))
    return hashlib.sha256(rounded.write_csv().encode()).hexdigest()[:16]


def test_no_load_course_or_dose_of_a_patient_depends_on_what_else_happens(made: Year) -> None:
    """Taken from the unit as it was before samples were missed and prophylaxis was given."""
    events = pl.DataFrame([one.__dict__ for one in (*made.events, *made.untreated)])
    doses = made.tables["doses_given"].filter(pl.col("drug") == "ganciclovir")
    found = [_digest(frame) for frame in (made.patients, made.drawn, events, doses.cast({"dose_mg": pl.Float64}))]
    assert found == BEFORE


def test_what_is_reported_first_is_what_was_drawn_but_for_what_a_truth_tells(made: Year) -> None:
    told = set(made.truths["result_id"])
    kept = made.results.filter(~pl.col("result_id").is_in(told)).join(made.drawn, on="result_id", suffix="_drawn")
    assert kept.height == made.results.filter(~pl.col("result_id").is_in(told)).height
    assert kept["viral_load_iu_per_ml"].eq_missing(kept["viral_load_iu_per_ml_drawn"]).all()
    assert (kept["known_at"] > kept["collected_at"]).all()


def test_samples_are_missed_under_treatment_alone_and_as_often_as_stated(three: list[Year]) -> None:
    missed = drawn = 0
    for each in three:
        anchors = each.patients.select("patient_id", "anchor")
        gone = each.orders.filter(pl.col("collected_at").is_null()).join(anchors, on="patient_id")
        at = (gone["ordered_at"] - DAY_0).dt.total_minutes() / 1440.0
        assert (at >= gone["anchor"]).all()
        treated = each.drawn.join(anchors, on="patient_id").filter(pl.col("day") > pl.col("anchor") + 0.1)
        missed, drawn = missed + gone.height, drawn + treated.height
    assert 0.08 < missed / drawn < 0.16  # 8 %, and the gaps of one in ten


def test_an_order_is_open_until_its_sample_is_taken_and_waits_until_its_result_is_known(made: Year) -> None:
    order = made.orders.filter(pl.col("known_at").is_not_null()).head(1)
    ordered, taken, known = (order[name][0] for name in ("ordered_at", "collected_at", "known_at"))
    a_minute = timedelta(minutes=1)
    assert orders_at(order, ordered - a_minute).is_empty()
    said = [orders_at(order, at)["state"][0] for at in (ordered, taken, known - a_minute, known)]
    assert said == ["ordered", "collected", "collected", "resulted"]
    assert orders_at(order, taken - a_minute)["collected_at"][0] is None


def test_every_order_keeps_the_promises_of_its_table(made: Year) -> None:
    orders = SAMPLES_ORDERED.conform(orders_at(made.orders, DAY_0 + timedelta(days=200)))
    kept, broken = split_by_promises(orders, SAMPLES_ORDERED)
    assert broken.is_empty()
    assert set(kept["state"]) >= {"ordered", "collected", "resulted", "not_feasible"}


def test_treatment_never_began_by_a_result_that_came_late_or_was_taken_back(three: list[Year]) -> None:
    for each in three:
        treated = each.patients.filter(pl.col("anchor").is_not_null()).select("patient_id", "anchor")
        before = each.results.join(treated, on="patient_id").filter(
            pl.col("day") < pl.col("anchor"), ~pl.col("result_id").str.ends_with("-again")
        )
        quantified = before.filter(pl.col("detection").is_in(["quantified", "above_uloq"]))
        assert quantified.height > 50
        assert (quantified["known_at"] - quantified["collected_at"] == timedelta(hours=12)).all()
        assert (quantified["result_status"] == "final").all()


def test_each_kind_of_fault_of_a_laboratory_comes_in_the_years(three: list[Year]) -> None:
    said = pl.concat([each.truths for each in three])["what"]
    for words in ("corrected", "withdrawn", "another patient's"):
        assert said.str.starts_with(words).sum() >= 3, words
    late = pl.concat([each.orders for each in three]).drop_nulls("known_at")
    days = (late["known_at"] - late["collected_at"]).dt.total_hours() / 24.0
    assert float((days > 1.0).mean() or 0.0) == pytest.approx(unit_year_laboratory.LATE, abs=0.03)


def test_prophylaxis_is_given_to_transplanted_patients_and_seldom_to_those_whose_cmv_comes(three: list[Year]) -> None:
    shares = {}
    for is_away in (True, False):
        on = of = 0
        for each in three:
            hosts = each.tables["host_status"].filter(pl.col("condition").str.ends_with("transplant"))
            mine = each.patients.filter(
                (pl.col("course") == NEVER) == is_away, pl.col("patient_id").is_in(hosts["patient_id"].implode())
            )
            courses = each.tables["antiviral_courses"].filter(pl.col("drug") == "valganciclovir")
            assert set(courses["patient_id"]) <= set(hosts["patient_id"])
            on, of = on + mine["patient_id"].is_in(courses["patient_id"].implode()).sum(), of + mine.height
        shares[is_away] = on / of
    assert shares[True] == pytest.approx(0.52, abs=0.08)  # 60 % of those without letermovir
    assert shares[False] < 0.25


def test_a_death_is_at_the_end_of_a_stay(made: Year) -> None:
    deaths = made.tables["deaths"].join(made.tables["icu_stays"], on="patient_id")
    assert deaths.height > 50
    assert (deaths["died_at"] == deaths["discharged_at"]).all()


def test_who_left_with_something_pending_is_judged_on_and_nobody_else() -> None:
    two = year(5, beds=4)
    stays = two.tables["icu_stays"]
    as_of = DAY_0 + timedelta(days=100) + MORNING
    lately = stays.filter(pl.col("admitted_at") <= as_of, pl.col("discharged_at") > as_of - timedelta(days=2))
    there = set(lately["patient_id"])
    gone = stays.filter(pl.col("discharged_at").is_between(as_of - timedelta(days=20), as_of - timedelta(days=3)))
    name = gone["patient_id"][0]
    settled = two.orders.with_columns(known_at=pl.col("known_at").fill_null(pl.col("ordered_at")))
    quiet = Year(two.patients, two.results, {"icu_stays": stays}, two.answered, (), (), settled)
    assert judged_at(quiet, stays, as_of, set()) - there == {
        who
        for who in gone["patient_id"]
        if (settled.filter(pl.col("patient_id") == who)["known_at"] > as_of - timedelta(days=2)).any()
    }
    assert name in judged_at(quiet, stays, as_of, {name})
    waits = settled.with_columns(
        known_at=pl.when(pl.col("patient_id") == name).then(pl.lit(None)).otherwise(pl.col("known_at"))
    )
    assert name in judged_at(Year(two.patients, two.results, {}, two.answered, (), (), waits), stays, as_of, set())


def test_a_year_that_was_kept_goes_on_to_the_same_alerts(tmp_path: Path) -> None:
    protocol, unit = Protocol.shipped(), year(31, beds=2)
    whole = judged(unit, protocol, begins=-7, days=21)
    judged(unit, protocol, begins=-7, days=9, keep=tmp_path / "unit")
    seen: list[int] = []
    again = judged(
        unit, protocol, begins=-7, days=21, keep=tmp_path / "unit", progress=lambda done, _: seen.append(done)
    )
    assert (again.told, again.patient_days) == (whole.told, whole.patient_days)
    assert len(seen) == 12


def test_what_was_on_the_list_for_a_day_is_acknowledged() -> None:
    """So that an alert of whoever left does not stand for the rest of the year."""
    protocol = Protocol.shipped()
    one = judged(year(31, beds=2), protocol, begins=-7, days=35)
    ended = [told for told in one.told if told.ended_at is not None]
    assert ended
    open_ones = [told for told in one.told if told.ended_at is None]
    left = {row["patient_id"]: row["left"] for row in one.year.patients.iter_rows(named=True)}
    long_gone = DAY_0 + timedelta(days=35 - 31)
    assert not [told for told in open_ones if DAY_0 + timedelta(days=left[told.patient_id]) < long_gone]

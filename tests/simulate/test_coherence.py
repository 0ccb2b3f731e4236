"""The tables of one ward tell one story: drugs, stays, samples and truth agree with one another."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from cmvmon.simulate import START, Ward, assumed, ward

DAYS = 56
END = START + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def large() -> Ward:
    return ward(3000, DAYS, seed=12)


def changed_at() -> pl.Expr:
    return pl.col("anchor_at") + pl.duration(minutes=(pl.col("drug_changed_days") * 1440).round(0).cast(pl.Int64))


def test_pieces_follow_one_another_in_time() -> None:
    """In so many patients that an early rise is also cut short by a change of drug."""
    pieces = ward(30_000, 1, seed=12).truth.select("early_until_days", "late_from_days", "drug_changed_days")
    assert (pieces["early_until_days"] <= pieces["late_from_days"]).all()
    assert (pieces["early_until_days"] <= pieces["drug_changed_days"]).all()
    assert (pieces["late_from_days"] < pieces["drug_changed_days"]).all()
    assert (pieces["early_until_days"] == pieces["drug_changed_days"]).any()


def test_early_and_late_pieces_rise_and_answers_fall(large: Ward) -> None:
    truth = large.truth
    for name in ("early_decline_log10_per_week", "late_decline_log10_per_week"):
        assert truth[name].drop_nulls().max() < 0
    assert truth.filter(pl.col("class") != "non_responder")["decline_log10_per_week"].min() > 0
    stopped, switched = truth.filter(drug_change="stopped"), truth.filter(drug_change="switched")
    assert stopped["decline_after_change_log10_per_week"].max() < 0
    failing = pl.col("class").is_in(["non_responder", "rebound"])
    assert switched.filter(failing)["decline_after_change_log10_per_week"].min() > 0
    kept = switched.filter(~failing)
    assert (kept["decline_after_change_log10_per_week"] == kept["decline_log10_per_week"]).all()


def test_a_change_of_drug_in_the_truth_is_the_one_in_the_courses(large: Ward) -> None:
    truth = large.truth.filter(compartment="bal").with_columns(at=changed_at())
    courses = large.antiviral_courses
    first = courses.filter(drug="ganciclovir").join(truth, on="patient_id")
    done = first.filter(pl.col("at") <= END)
    assert (done["stopped_at"] == done["at"]).all()
    foscarnet = courses.filter(drug="foscarnet").select("patient_id", "started_at").sort("patient_id")
    switched = truth.filter(pl.col("at") <= END, drug_change="switched").select("patient_id", started_at="at")
    assert foscarnet.rows() == switched.rows()
    kept = first.filter(pl.col("drug_change").is_null(), pl.col("stopped_at").is_not_null())
    days = (kept["stopped_at"] - kept["started_at"]).dt.total_minutes() / 1440
    assert days.min() >= assumed("course_shortest") - 1e-3
    assert days.max() <= assumed("course_longest") + 1e-3
    assert first.filter(drug_change="stopped").height > 20


def test_a_switch_is_stated_for_failure_of_who_fails_and_for_toxicity_of_others_and_a_stop_has_a_reason_or_none(
    large: Ward,
) -> None:
    truth = large.truth.filter(compartment="bal").select("patient_id", "class", "drug_change")
    first = large.antiviral_courses.filter(drug="ganciclovir").join(truth, on="patient_id")
    assert first.filter(pl.col("stopped_at").is_null())["stop_reason"].null_count() == first["stopped_at"].null_count()
    stopped = first.filter(pl.col("stopped_at").is_not_null())
    failing = pl.col("class").is_in(["non_responder", "rebound"])
    switched = stopped.filter(drug_change="switched")
    assert set(switched.filter(failing)["stop_reason"]) == {"failure"}
    assert set(switched.filter(~failing)["stop_reason"]) == {"toxicity"}
    assert set(stopped.filter(drug_change="stopped")["stop_reason"]) == {None}
    assert set(stopped.filter(pl.col("drug_change").is_null())["stop_reason"]) == {"completed"}


def test_ventilation_lies_within_the_stay_and_its_periods_do_not_overlap(large: Ward) -> None:
    stays = large.icu_stays.with_columns(
        pl.col("discharged_at", "ventilation_stopped_at").fill_null(END + timedelta(days=365))
    )
    assert (stays["admitted_at"] <= stays["ventilation_started_at"]).all()
    assert (stays["ventilation_stopped_at"] <= stays["discharged_at"]).all()
    periods = stays.group_by("stay_id").agg("ventilation_started_at", "ventilation_stopped_at", pl.len())
    two = periods.filter(pl.col("len") == 2)
    assert two.height > 100
    assert (two["ventilation_stopped_at"].list.get(0) < two["ventilation_started_at"].list.get(1)).all()


def test_samples_are_taken_during_the_stay_and_lavage_while_ventilated(large: Ward) -> None:
    stays = large.icu_stays.with_columns(pl.col("discharged_at", "ventilation_stopped_at").fill_null(END))
    stay = stays.select("patient_id", "admitted_at", "discharged_at").unique()
    samples = large.viral_load_results.join(stay, on="patient_id")
    assert samples["collected_at"].is_between(samples["admitted_at"], samples["discharged_at"]).all()
    lavage = large.viral_load_results.filter(compartment="bal").unique("result_id")
    periods = lavage.join(stays, on="patient_id").filter(
        pl.col("collected_at").is_between("ventilation_started_at", "ventilation_stopped_at")
    )
    assert sorted(periods["result_id"]) == sorted(lavage["result_id"])


def test_samples_come_at_their_intervals(large: Ward) -> None:
    """Plasma twice a week, BAL weekly; a missed one leaves a gap."""
    once = large.viral_load_results.unique("result_id").sort("patient_id", "compartment", "collected_at")
    days = pl.col("collected_at").diff().over("compartment", "patient_id").dt.total_hours() / 24
    median = dict(once.with_columns(days=days).group_by("compartment").agg(pl.col("days").median()).iter_rows())
    assert median["plasma"] == pytest.approx(3.5, abs=0.5)
    assert median["bal"] == pytest.approx(7.0, abs=0.3)


def test_what_the_team_states_as_affected_is_bal_none_or_nothing(large: Ward) -> None:
    stays = large.icu_stays.unique("stay_id")
    share = {name: n / 3000 for name, n in stays["affected_compartments"].value_counts().iter_rows()}
    assert share["bal"] == pytest.approx(0.80, abs=0.03)
    assert share["none"] == pytest.approx(0.05, abs=0.02)
    assert share[None] == pytest.approx(0.15, abs=0.03)

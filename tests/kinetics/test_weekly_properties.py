"""What must hold of `weekly_decline` for any ward: order, company, later samples and stricter targets."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.kinetics import treatment_courses, weekly_decline
from tests.kinetics.random_series import shipped_protocol

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=60)
SEEDS = st.integers(0, 10**6)


def ward(seed: int, patients: int = 4) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(results, courses) of a few synthetic patients in plasma and BAL, with every detection state and odd times."""
    rng = np.random.default_rng(seed)
    results, courses = [], []
    for p in range(patients):
        name = f"synthetic-{p}"
        begin = START + timedelta(hours=float(rng.uniform(0, 48)))
        stop = begin + timedelta(days=float(rng.uniform(10, 40)))
        courses.append((name, "ganciclovir", "treatment", begin, stop if rng.random() < 0.5 else None))
        if rng.random() < 0.5:
            courses.append((name, "foscarnet", "treatment", begin + timedelta(days=float(rng.uniform(3, 20))), None))
        for compartment, lloq in (("plasma", 35.0), ("bal", 200.0)):
            level, slope = rng.normal(4, 1), rng.normal(0.9, 0.9)
            for i in range(int(rng.integers(0, 9))):
                day = float(rng.choice([rng.uniform(-8, 45), float(rng.integers(-3, 45))]))
                load = 10.0 ** (level - slope * max(day, 0.0) / 7.0 + 0.2 * rng.normal())
                state = "quantified" if load >= lloq else ("below_lloq" if rng.random() < 0.5 else "not_detected")
                state = "above_uloq" if load > 1e6 else state
                value = load if state == "quantified" else None
                results.append(
                    (f"{name}-{compartment}-{i}", name, compartment, begin + timedelta(days=day), state, value, lloq)
                )
    names = [
        "result_id",
        "patient_id",
        "compartment",
        "collected_at",
        "detection",
        "viral_load_iu_per_ml",
        "lloq_iu_per_ml",
    ]
    moment = pl.Datetime("us", "UTC")
    types = [pl.String(), pl.String(), pl.String(), moment, pl.String(), pl.Float64(), pl.Float64()]
    frame = pl.DataFrame(results, schema=dict(zip(names, types, strict=True)), orient="row").with_columns(
        laboratory=pl.lit("synthetic"),
        assay=pl.lit("synthetic"),
        lod_iu_per_ml=pl.col("lloq_iu_per_ml") / 2,
        uloq_iu_per_ml=pl.lit(1e6),
    )
    kinds = {
        "patient_id": pl.String(),
        "drug": pl.String(),
        "indication": pl.String(),
        "started_at": moment,
        "stopped_at": moment,
    }
    return frame, pl.DataFrame(courses, schema=kinds, orient="row")


def decline(
    results: pl.DataFrame, courses: pl.DataFrame, *, target: float = 1.0, as_of: datetime = AS_OF
) -> pl.DataFrame:
    protocol = shipped_protocol()
    protocol = replace(protocol, decline=replace(protocol.decline, target_log10_per_week=target))
    clocks = treatment_courses(courses, protocol=protocol, as_of=as_of)
    return weekly_decline(results, clocks, protocol=protocol, as_of=as_of)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_row_order_and_company_change_no_bit_and_every_promise_is_kept(seed):
    results, courses = ward(seed)
    whole = decline(results, courses)
    assert split_by_promises(whole, WEEKLY_DECLINE)[1].is_empty()
    assert whole.select(WEEKLY_DECLINE.key).is_duplicated().sum() == 0
    assert whole.equals(whole.sort(WEEKLY_DECLINE.key))
    assert decline(results.sample(fraction=1.0, shuffle=True, seed=seed), courses.reverse()).equals(whole)
    apart = [
        decline(results.filter(pl.col("patient_id") == name), courses.filter(pl.col("patient_id") == name))
        for name in sorted(set(courses["patient_id"]))
    ]
    assert pl.concat(apart).equals(whole)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, day=st.integers(7, 40))
def test_a_later_sample_never_changes_a_week_that_had_ended(seed, day):
    """Weeks that ended before a moment are the same whether later results are in the table or not."""
    results, courses = ward(seed)
    until = START + timedelta(days=day)
    ended = pl.col("week_end") <= until
    whole = decline(results, courses).filter(ended)
    before = decline(results.filter(pl.col("collected_at") < until), courses).filter(ended)
    assert whole.join(before, on=WEEKLY_DECLINE.key, how="semi").equals(before)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, target=st.floats(0.0, 2.0), more=st.floats(0.0, 2.0))
def test_a_higher_target_never_turns_not_met_into_met(seed, target, more):
    results, courses = ward(seed)
    low, high = decline(results, courses, target=target), decline(results, courses, target=target + more)
    calls = pl.DataFrame({"low": low["call"], "high": high["call"]})
    assert calls.filter((pl.col("low") == "not_met") & (pl.col("high") == "met")).is_empty()


def test_two_results_without_a_patient_on_treatment_and_an_empty_ward_give_the_empty_table():
    results, courses = ward(1)
    for some_results, some_courses in ((results.clear(), courses), (results, courses.clear())):
        found = decline(some_results, some_courses)
        assert found.is_empty()
        assert found.schema == WEEKLY_DECLINE.empty().schema


def test_importing_the_package_imports_no_compiler():
    code = "import sys, cmvmon.kinetics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

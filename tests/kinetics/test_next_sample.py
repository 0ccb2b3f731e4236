"""When one more sample would settle a call: against brute force, through `weekly_decline` itself. All synthetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.kinetics.bank import many_series
from cmvmon.kinetics.bank.lines import bank_numbers
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.kinetics.trajectory.series import trajectory_series
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.test_weekly_properties import SEEDS, START, ward

PROTOCOL = Protocol.shipped()
COURSE = [*SERIES_KEY, "anchor_at"]
SIGMA = 0.25
HIT_RATE_QUANTILE = 1.645
Asked = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]


def asked(seed: int, patients: int, day: float, protocol: Protocol = PROTOCOL, method: str = "bank") -> Asked:
    """(next_sample, weekly decline, results known then, clocks) of a synthetic ward at `day`."""
    results, courses = ward(seed, patients)
    as_of = START + timedelta(days=day)
    known = results.filter(pl.col("collected_at") <= as_of).with_columns(sigma_log10=pl.lit(SIGMA))
    clocks = treatment_courses(courses, protocol=protocol, as_of=as_of)
    weekly = weekly_decline(known, clocks, protocol=protocol, as_of=as_of, method=method)
    return next_sample(known, clocks, weekly, protocol=protocol, as_of=as_of), weekly, known, clocks


def wanting(probability: float, days: int = 21) -> Protocol:
    """The protocol with this probability and number of days."""
    return replace(
        PROTOCOL, next_sample=replace(PROTOCOL.next_sample, probability=probability, candidate_days=float(days))
    )


def drawn_loads(row: dict, known: pl.DataFrame, clocks: pl.DataFrame, at: datetime, n: int, seed: int) -> np.ndarray:
    """Measured log10 loads of the series at that moment, drawn from the bank's state after its results."""
    mine = known.filter(pl.col("patient_id") == row["patient_id"], pl.col("compartment") == row["compartment"])
    own = clocks.filter(pl.col("patient_id") == row["patient_id"], pl.col("anchor_at") == row["anchor_at"])
    series = trajectory_series(mine, own, protocol=PROTOCOL, as_of=row["as_of"])
    lines = PROTOCOL.trajectory_lines_of(row["compartment"])
    decline = PROTOCOL.decline
    state = many_series.states_of(
        series.offsets, series.t_weeks, series.lo, series.hi, series.sigma, bank_numbers(lines),
        decline.growth_before_anchor_log10_per_week, decline.growth_before_anchor_sd_log10_per_week,
    )[0]  # fmt: skip
    weight = np.exp(state[:, 0] - state[:, 0].max())
    rng = np.random.default_rng(seed)
    t = (at - row["anchor_at"]) / timedelta(weeks=1)
    loads = np.empty(n)
    for i, k in enumerate(rng.choice(len(lines), n, p=weight / weight.sum())):
        size = len(lines[k].mean)
        upper = np.zeros((4, 4))
        upper[np.triu_indices(4)] = state[k, 5:]
        covariance = (upper + upper.T - np.diag(np.diag(upper)))[:size, :size]
        theta = rng.multivariate_normal(state[k, 1 : 1 + size], covariance)
        ends = [*lines[k].changes_at_weeks, np.inf]
        begun = [0.0, *lines[k].changes_at_weeks]
        spent = [max(min(t, end) - start, 0.0) for start, end in zip(begun, ends, strict=True)]
        loads[i] = theta[0] - np.dot(spent, theta[1:]) + SIGMA * rng.normal()
    return loads


def call_of_each(
    row: dict, loads: np.ndarray, known: pl.DataFrame, clocks: pl.DataFrame, at: datetime
) -> list[str | None]:
    """The call at that moment, by `weekly_decline`, when the series' next sample measures each of the loads."""
    mine = known.filter(pl.all_horizontal(pl.col(key) == row[key] for key in SERIES_KEY))
    names = [f"copy-{i}" for i in range(len(loads))]
    limit = mine.sort("collected_at").tail(1)
    low, high, lod = (np.log10(limit[f"{name}_iu_per_ml"].item()) for name in ("lloq", "uloq", "lod"))
    states = np.select(
        [loads < lod - HIT_RATE_QUANTILE * SIGMA, loads < low, loads > high], ["not_detected", "below_lloq", "above_uloq"],
        "quantified",
    )  # fmt: skip
    copies = mine.join(pl.DataFrame({"copy": names}), how="cross").with_columns(
        patient_id=pl.col("copy"), result_id=pl.col("result_id") + pl.col("copy")
    )
    new = limit.drop("detection", "viral_load_iu_per_ml").join(
        pl.DataFrame({"copy": names, "detection": states, "viral_load_iu_per_ml": 10.0**loads}), how="cross"
    ).with_columns(
        patient_id=pl.col("copy"), result_id=pl.lit("new") + pl.col("copy"), collected_at=pl.lit(at),
        viral_load_iu_per_ml=pl.when(pl.col("detection") == "quantified").then("viral_load_iu_per_ml"),
    )  # fmt: skip
    rows = pl.concat([copies, new.select(copies.columns)])
    own = clocks.filter(pl.col("patient_id") == row["patient_id"])
    clock = own.join(pl.DataFrame({"copy": names}), how="cross").with_columns(patient_id=pl.col("copy")).drop("copy")
    weekly = weekly_decline(rows, clock, protocol=PROTOCOL, as_of=at).filter(pl.col("anchor_at") == row["anchor_at"])
    last = weekly.sort("treatment_week").group_by("patient_id").last()
    return [dict(last.select("patient_id", "call").iter_rows())[name] for name in names]


@pytest.mark.parametrize(("seed", "day", "wanted"), [(5, 16.0, 0.8), (11, 10.0, 0.2), (3, 20.3, 0.5), (9, 28.0, 0.3)])
def test_the_probability_is_that_of_drawn_samples_judged_by_weekly_decline(
    seed: int, day: float, wanted: float
) -> None:
    """Draw the load from the bank, report it within its limits, judge it anew: the share that is decisive was foretold."""
    draws = 400
    found, _, known, clocks = asked(seed, 60, day, wanting(wanted))
    rows = found.filter(pl.col("next_sample_at").is_not_null()).head(4).to_dicts()
    assert len(rows) >= 2
    for row in rows:
        at = row["next_sample_at"]
        calls = call_of_each(row, drawn_loads(row, known, clocks, at, draws, seed), known, clocks, at)
        share = sum(call in ("met", "not_met") for call in calls) / draws
        error = np.sqrt(max(share * (1 - share), 0.01) / draws)
        assert abs(share - row["probability_decisive"]) < 4 * error, row
        (if_not_detected,) = call_of_each(row, np.array([-9.0]), known, clocks, at)
        assert if_not_detected == row["call_if_not_detected"], row


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, day=st.floats(3, 40))
def test_only_open_calls_are_asked_of_and_every_promise_is_kept(seed: int, day: float) -> None:
    found, weekly, _, _ = asked(seed, 6, day)
    assert split_by_promises(found, NEXT_SAMPLE)[1].is_empty()
    assert found.equals(found.sort(NEXT_SAMPLE.key))
    latest = weekly.sort(*COURSE, "treatment_week").group_by(SERIES_KEY, maintain_order=True).last()
    is_open = latest.filter(pl.col("call") == words.INDETERMINATE)
    assert found.join(is_open, on=COURSE, how="anti").is_empty()
    # An open call without an answer is that of a course that is over.
    assert is_open.join(found, on=COURSE, how="anti").join(
        asked(seed, 6, day)[3].filter(pl.col("course_ended_at").is_null() & pl.col("next_anchor_at").is_null()),
        on=["patient_id", "anchor_at"],
    ).is_empty()  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, day=st.floats(5, 30))
def test_the_order_of_rows_and_the_company_of_patients_change_no_bit(seed: int, day: float) -> None:
    found, weekly, known, clocks = asked(seed, 6, day)
    as_of = START + timedelta(days=day)
    mixed = next_sample(
        known.sample(fraction=1.0, shuffle=True, seed=seed), clocks.reverse(), weekly.reverse(),
        protocol=PROTOCOL, as_of=as_of,
    )  # fmt: skip
    assert mixed.equals(found)
    names = sorted(set(known["patient_id"]))
    apart = [
        next_sample(*(t.filter(pl.col("patient_id") == name) for t in (known, clocks, weekly)), protocol=PROTOCOL, as_of=as_of)
        for name in names
    ]  # fmt: skip
    assert not apart or pl.concat(apart).equals(found)


def test_the_day_is_the_first_one() -> None:
    """With one day fewer to try, no day is named, and the probability is below the one that was wanted."""
    found, *_ = asked(5, 60, 16.0)
    rows = found.filter(pl.col("next_sample_at").is_not_null())
    days = {(row["next_sample_at"] - row["as_of"]).days for row in rows.to_dicts()}
    assert len(days - {1}) >= 2
    for day in sorted(days - {1}):
        shorter, *_ = asked(5, 60, 16.0, wanting(0.8, day - 1))
        later = rows.filter(pl.col("next_sample_at") - pl.col("as_of") == timedelta(days=day))
        both = later.join(shorter, on=COURSE, suffix="_shorter")
        assert both.height == later.height
        assert both["next_sample_at_shorter"].null_count() == both.height
        assert (both["probability_decisive_shorter"] < 0.8).all()


def test_the_method_line_foretells_nothing() -> None:
    found, weekly, *_ = asked(5, 60, 16.0, method="line")
    assert weekly.filter(pl.col("call") == words.INDETERMINATE).height > 0
    assert found.is_empty()
    assert found.schema == NEXT_SAMPLE.empty().schema


def test_a_course_that_is_over_is_not_asked_of() -> None:
    """Its last call stays open: the week that had begun still takes a sample, the next one does not."""
    found, weekly, known, clocks = asked(5, 60, 16.0)
    as_of = START + timedelta(days=16)
    ended = pl.min_horizontal("course_ended_at", pl.lit(as_of).cast(pl.Datetime("us", "UTC")))
    over = clocks.with_columns(course_ended_at=ended)
    assert found.height > 0
    left = next_sample(known, over, weekly, protocol=PROTOCOL, as_of=as_of)
    assert left.height <= found.height
    week = timedelta(weeks=1)
    for row in left.to_dicts():
        if row["next_sample_at"]:
            last_week = (row["as_of"] - row["anchor_at"]) // week
            assert row["next_sample_at"] < row["anchor_at"] + (last_week + 1) * week


def test_a_series_without_limits_is_foretold_as_quantified_only() -> None:
    """No LOD, LLOQ or ULOQ: there is an answer, and no call for "not detected", which would mean nothing."""
    _, _, known, clocks = asked(5, 60, 16.0)
    as_of = START + timedelta(days=16)
    bare = known.filter(pl.col("detection") == words.QUANTIFIED).with_columns(
        pl.lit(None, pl.Float64).alias(f"{limit}_iu_per_ml") for limit in ("lod", "lloq", "uloq")
    )
    weekly = weekly_decline(bare, clocks, protocol=PROTOCOL, as_of=as_of)
    free = next_sample(bare, clocks, weekly, protocol=PROTOCOL, as_of=as_of)
    assert free.height > 3
    assert free["call_if_not_detected"].null_count() == free.height
    assert free["probability_decisive"].is_between(0.0, 1.0).all()

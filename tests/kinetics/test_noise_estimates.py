"""Noise estimated from results: it finds the sigma that was put in, says how sure it is, and says when it can't tell."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from cmvmon.domain.versions import current_results
from cmvmon.kinetics.noise.estimates import SCHEMA, chi_square_quantile, noise_estimates
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ward
from tests.spec.reading import DAY_0

SEEDS = range(1000, 1080)  # of 800 from 1000 on: plain 94.4 to 95.5 %, resistant 94.9 to 96.9 %
_SCHEMA = {
    "result_id": pl.String(), "patient_id": pl.String(), "compartment": pl.String(), "laboratory": pl.String(),
    "assay": pl.String(), "collected_at": pl.Datetime("us", "UTC"), "detection": pl.String(),
    "viral_load_iu_per_ml": pl.Float64(), "lloq_iu_per_ml": pl.Float64(), "is_conflicting": pl.Boolean(),
    "sigma_log10": pl.Float64(),
}  # fmt: skip


def frame(
    rows: list[tuple[str, float, float | None]],
    *,
    compartment: str = "plasma",
    laboratory: str = "a",
    lloq: float = 100.0,
    in_use: float | None = 0.13,
) -> pl.DataFrame:
    """`(patient, day, log10 load)`; a load of None was below the LLOQ."""
    return pl.DataFrame(
        [
            (
                f"{laboratory}{compartment}{number:05d}", patient, compartment, laboratory, "pcr", DAY_0 + timedelta(days=day),
                "below_lloq" if y is None else "quantified", None if y is None else 10**y, lloq, False, in_use,
            )
            for number, (patient, day, y) in enumerate(rows)
        ],
        schema=_SCHEMA,
        orient="row",
    )  # fmt: skip


def pairs(seed: int, sigma: float, *, samples: int = 40, level: float = 5.0, **about: object) -> pl.DataFrame:
    """Each patient one sample, measured twice."""
    measured = level + sigma * np.random.default_rng(seed).normal(size=(samples, 2))
    return frame([(f"P{i}", 0.0, y) for i, two in enumerate(measured.tolist()) for y in two], **about)  # type: ignore[arg-type]


def straight(seed: int, sigma: float, *, patients: int = 15, length: int = 8, **about: object) -> pl.DataFrame:
    """Each patient a straight line from about 6 log10, sampled about twice a week."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(patients):
        day = np.cumsum(rng.uniform(2.0, 4.5, length))
        y = rng.normal(6.0, 0.3) - rng.normal(0.4, 0.3) * day / 7 + sigma * rng.normal(size=length)
        rows += [(f"P{i}", float(d), float(v)) for d, v in zip(day, y, strict=True)]
    return frame(rows, **about)  # type: ignore[arg-type]


def row_of(found: pl.DataFrame, **wanted: str) -> dict[str, object]:
    return found.filter(**{"level": "all", **wanted}).row(0, named=True)


def held(seeds: range, made: object, sigma: float, source: str) -> tuple[float, float]:
    """Share of seeds whose interval holds the true sigma: plain, and resistant."""
    inside = []
    for seed in seeds:
        row = row_of(noise_estimates(made(seed, sigma)), source=source)  # type: ignore[operator]
        inside.append(
            (
                row["low_log10"] <= sigma <= row["high_log10"],
                row["resistant_low_log10"] <= sigma <= row["resistant_high_log10"],
            )
        )
    return tuple(np.mean(inside, axis=0))  # type: ignore[return-value]


@pytest.mark.parametrize("sigma", [0.13, 0.4])
@pytest.mark.parametrize(("made", "source"), [(pairs, "repeats"), (straight, "residuals")])
def test_the_interval_holds_the_true_sigma_in_nine_of_ten_seeds_at_least(
    made: object, source: str, sigma: float
) -> None:
    plain, resistant = held(SEEDS, made, sigma, source)
    assert plain >= 0.9
    assert resistant >= 0.9


def test_on_simulated_wards_it_finds_the_noise_that_was_simulated() -> None:
    """Twelve wards, every sample measured twice by the simulator's noise: repeats in plasma and BAL, residuals in plasma."""
    protocol = Protocol.shipped()
    inside: dict[tuple[str, str], list[bool]] = {}
    for seed in range(12):
        made = ward(60, 90, seed)
        sigma = default_sigma(protocol)
        once = current_results(made.viral_load_results).with_columns(sigma_log10=sigma)
        noise = np.random.default_rng(seed).normal(size=(2, once.height))
        far = once.filter((pl.col("detection") == "quantified") & (pl.col("viral_load_iu_per_ml") > 2000))
        twice = [
            far.with_columns(
                pl.col("result_id") + f" {k}",
                pl.col("viral_load_iu_per_ml")
                * pl.lit(10.0).pow(pl.col("sigma_log10") * pl.Series(noise[k][: far.height])),
            )
            for k in range(2)
        ]
        for found, source in ((pl.concat(twice), "repeats"), (once, "residuals")):
            for compartment in ("plasma", "bal"):
                row = row_of(noise_estimates(found, made.antiviral_courses), source=source, compartment=compartment)
                inside.setdefault((source, compartment), []).append(bool(row["holds_in_use"]))
                if (source, compartment) == ("residuals", "bal"):
                    assert row["status"] in ("ok", "too_few")  # weekly, and few without a start of treatment between
    for key in (("repeats", "plasma"), ("repeats", "bal"), ("residuals", "plasma")):
        assert np.mean(inside[key]) >= 0.9, key


def test_repeats_are_the_variance_within_samples() -> None:
    """Three measurements 0.3 log10 apart have a variance of 0.09 with two degrees of freedom, in each of ten samples."""
    rows = [(f"P{i}", 0.0, 3.0 + i / 10 + step) for i in range(10) for step in (0.3, 0.0, 0.6)]
    row = row_of(noise_estimates(frame(rows)), source="repeats")
    assert row["sigma_log10"] == pytest.approx(0.3, abs=1e-12)
    assert (row["n"], row["n_patients"], row["degrees_of_freedom"]) == (20, 10, 20.0)


def test_residuals_are_scaled_to_one_result_and_neighbours_count_for_less_than_one_each() -> None:
    """A middle result 0.3 off the line of its neighbours: 0.3 / sqrt(1 + 1/4 + 1/4). In a long series with equal steps
    neighbouring residuals correlate by -2/3 and 1/6."""
    single = frame([(f"P{i}", day, 4.0 + off) for i in range(30) for day, off in ((0, 0), (3, 0.3), (6, 0))])
    row = row_of(noise_estimates(single), source="residuals")
    assert row["sigma_log10"] == pytest.approx(0.3 / 1.5**0.5, abs=1e-12)
    assert (row["n"], row["degrees_of_freedom"]) == (30, 30.0)
    n = 48
    long = frame([("P", 3.0 * step, 4.0 + 0.1 * (-1) ** step) for step in range(n + 2)])
    wanted = n * n / (n + 2 * (n - 1) * (4 / 6) ** 2 + 2 * (n - 2) * (1 / 6) ** 2)
    assert row_of(noise_estimates(long), source="residuals")["degrees_of_freedom"] == pytest.approx(wanted)


def test_a_straight_fall_is_no_noise_whatever_the_spacing() -> None:
    rows = [(f"P{i}", d, 6.0 - 0.3 * d) for i in range(30) for d in (0.0, 1.0, 8.0)]
    assert row_of(noise_estimates(frame(rows)), source="residuals")["sigma_log10"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("what", "middle", "last"),
    [("a result below the LLOQ between them", None, 6.0), ("more than fifteen days", 4.0, 15.1)],
)
def test_these_three_results_are_no_line(what: str, middle: float | None, last: float) -> None:
    rows = [(f"P{i}", d, y) for i in range(30) for d, y in ((0.0, 4.0), (3.0, middle), (last, 4.0))]
    assert row_of(noise_estimates(frame(rows)), source="residuals")["n"] == 0, what


def test_weekly_samples_are_used_where_ten_days_leave_too_few_and_the_span_is_told() -> None:
    def spaced(step: float) -> pl.DataFrame:
        return frame([(f"P{i}", d * step, 4.0 + (i % 2) * 0.2 * (d == 1)) for i in range(30) for d in range(3)])

    assert row_of(noise_estimates(spaced(4.0)), source="residuals")["span_days"] == 10.0
    weekly = row_of(noise_estimates(spaced(7.0)), source="residuals")
    assert (weekly["span_days"], weekly["n"]) == (15.0, 30)


def test_the_turn_at_the_start_of_treatment_is_not_read_as_noise() -> None:
    rows = [
        (f"P{i}", d, y) for i in range(30) for d, y in ((0.0, 4.0), (3.0, 5.0), (6.0, 4.0), (9.0, 3.0), (10.0, 8 / 3))
    ]
    found = frame(rows)
    starts = found.select("patient_id").unique().with_columns(
        started_at=pl.lit(DAY_0 + timedelta(days=3)), stopped_at=pl.lit(None, pl.Datetime("us", "UTC"))
    )  # fmt: skip
    blind, told = (row_of(noise_estimates(found, c), source="residuals") for c in (None, starts))
    assert blind["sigma_log10"] > 0.4  # type: ignore[operator]
    assert told["sigma_log10"] == pytest.approx(0, abs=1e-12)


def test_a_few_real_changes_move_the_plain_scale_and_hardly_the_resistant_one() -> None:
    steady = straight(3, 0.13, patients=40)
    jump = pl.when(pl.col("patient_id").is_in(["P1", "P2"])).then(30.0 ** (pl.int_range(pl.len()) % 2)).otherwise(1.0)
    changed = steady.with_columns(pl.col("viral_load_iu_per_ml") * jump)
    before, after = (row_of(noise_estimates(f), source="residuals") for f in (steady, changed))
    assert after["sigma_log10"] > 2 * before["sigma_log10"]  # type: ignore[operator]
    assert after["resistant_sigma_log10"] < 1.15 * before["resistant_sigma_log10"]  # type: ignore[operator]


def test_all_censored_is_too_few_and_so_are_nineteen_pairs() -> None:
    censored = noise_estimates(frame([(f"P{i}", d, None) for i in range(30) for d in (0.0, 0.0, 3.0, 6.0)]))
    assert censored.height == 6
    assert set(censored["status"]) == {"too_few"}
    assert set(censored["n"]) == {0}
    few = row_of(noise_estimates(pairs(1, 0.13, samples=19)), source="repeats")
    assert (few["status"], few["n"], few["sigma_log10"], few["holds_in_use"]) == ("too_few", 19, None, None)
    assert row_of(noise_estimates(pairs(1, 0.13, samples=20)), source="repeats")["status"] == "ok"
    nothing = noise_estimates(pairs(1, 0.13).clear())
    assert (nothing.height, nothing.schema) == (0, pl.Schema(dict(SCHEMA)))


def test_a_sample_with_a_conflicting_or_censored_repeat_is_not_used() -> None:
    clean = pairs(1, 0.13, samples=41)
    spoilt = clean.with_columns(is_conflicting=pl.int_range(pl.len()) == 0)
    assert row_of(noise_estimates(spoilt), source="repeats")["n"] == 40


def test_near_the_lloq_and_above_are_told_apart_when_there_are_enough() -> None:
    """Half a log above an LLOQ of 100 divides them; 25 pairs with sigma 0.05 near it, 25 with 0.2 above."""
    both = pl.concat([pairs(1, 0.05, samples=25, level=2.2, laboratory="a"), pairs(2, 0.2, samples=25)])
    both = both.with_columns(pl.format("{} {}", "result_id", pl.int_range(pl.len())).alias("result_id"))
    both = both.with_columns(pl.format("{} {}", "patient_id", pl.int_range(pl.len()) // 50).alias("patient_id"))
    found = noise_estimates(both)
    near, above = (row_of(found, source="repeats", level=level) for level in ("near_lloq", "above"))
    assert (near["n"], above["n"], near["lloq_iu_per_ml"]) == (25, 25, 100.0)
    assert near["high_log10"] < above["low_log10"]  # type: ignore[operator]


def test_one_laboratorys_noise_does_not_move_anothers() -> None:
    quiet = straight(1, 0.1, laboratory="a")
    noisy = straight(2, 0.5, laboratory="b")
    alone, together = noise_estimates(quiet), noise_estimates(pl.concat([noisy, quiet]))
    assert together.filter(laboratory="a").equals(alone)
    assert together["laboratory"].unique().sort().to_list() == ["a", "b"]


def test_without_a_noise_in_use_there_is_nothing_to_hold() -> None:
    row = row_of(noise_estimates(pairs(1, 0.13, in_use=None)), source="repeats")
    assert (row["status"], row["in_use_log10"], row["holds_in_use"]) == ("ok", None, None)
    twice_as_much = row_of(noise_estimates(pairs(1, 0.13, in_use=0.26)), source="repeats")
    assert twice_as_much["in_use_log10"] == pytest.approx(0.26)
    assert twice_as_much["holds_in_use"] is False


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_row_order_changes_no_bit(shuffled: object, seed: int) -> None:
    made = pl.concat([straight(seed, 0.2), pairs(seed, 0.2, laboratory="b"), pairs(seed, 0.3, compartment="bal")])
    order = list(range(made.height))
    shuffled.shuffle(order)  # type: ignore[attr-defined]
    assert noise_estimates(made[order]).equals(noise_estimates(made))


@pytest.mark.parametrize("freedom", [7.0, 20.0, 47.3, 600.0])
def test_the_interval_agrees_with_chi_square(freedom: float) -> None:
    for probability in (0.025, 0.975):
        assert chi_square_quantile(probability, freedom) == pytest.approx(
            chi2.ppf(probability, freedom), rel=0.02 if freedom < 20 else 0.003
        )

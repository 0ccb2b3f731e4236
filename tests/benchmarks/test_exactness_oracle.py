"""The line against what R gave for simulated series with left, interval and right censoring; R itself is not needed."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.exactness import ORACLES, SE, SIMULATED, SLOPE, compare, npde, ours, simulated, uganda_cmv

TYPES = {"series": pl.String(), "t": pl.Float64(), "lo": pl.Float64(), "hi": pl.Float64(), "sigma": pl.Float64()}
NUMBERS = ("decline_log10_per_week", "se", "loglik", "lm_decline_log10_per_week", "lm_se")


def oracle() -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = pl.read_csv(ORACLES / f"{SIMULATED}_input.csv", schema=TYPES).with_columns(
        pl.col("lo").fill_null(float("-inf")), pl.col("hi").fill_null(float("inf"))
    )
    types = dict.fromkeys(NUMBERS, pl.Float64()) | {"series": pl.String()}
    return rows, pl.read_csv(ORACLES / f"{SIMULATED}.csv", schema_overrides=types)  # type: ignore[arg-type]


def test_slope_and_standard_error_equal_survreg_and_lm_on_every_series_that_r_can_fit() -> None:
    """Slope to 1e-8, standard error to 1e-6; where R alone gives a line, its standard error says that there is none."""
    rows, r = oracle()
    compared = compare("simulated", rows, r)
    assert compared.series == 300
    assert compared.both > 150
    assert compared.ours_only == 0
    assert compared.r_only_se > 10_000
    assert compared.slope < SLOPE
    assert compared.se < SE
    assert compared.loglik < 1e-6
    assert compared.lm_series > 30
    assert compared.lm_slope < SLOPE
    assert compared.lm_se < SE


def test_the_series_hold_every_kind_of_limit() -> None:
    rows, r = oracle()
    compared = rows.filter(pl.col("series").is_in(r.filter(warned=0)["series"].implode()))
    left, right = pl.col("lo").is_infinite(), pl.col("hi").is_infinite()
    kinds = compared.select(
        left=left.sum(), right=right.sum(), between=(~left & ~right & (pl.col("lo") < pl.col("hi"))).sum()
    )
    assert min(kinds.row(0)) > 50


def test_the_shipped_series_are_those_of_the_seed() -> None:
    rows, _ = oracle()
    assert rows.equals(simulated(300))


def test_a_difference_from_r_would_be_seen() -> None:
    rows, r = oracle()
    moved = r.with_columns(pl.col("decline_log10_per_week") + 2e-8, pl.col("se") * 1.0001)
    compared = compare("moved", rows, moved)
    assert compared.slope > SLOPE
    assert compared.se > SE
    with pytest.raises(ValueError, match="other series"):
        compare("fewer", rows, r.head(10))


@pytest.mark.public_data("uganda_herpesvirus_shedding_raw.csv")
def test_real_series_are_read_with_their_limits() -> None:
    uganda = uganda_cmv()
    assert uganda["series"].n_unique() == 30
    assert uganda.filter(pl.col("lo").is_infinite())["hi"].unique().to_list() == [
        uganda.filter(lo=pl.col("hi"))["hi"].min()
    ]
    assert [npde(f"npde_virload{limit}.tab")["lo"].is_infinite().sum() for limit in ("", "20", "50")] == [0, 79, 131]
    assert ours(uganda)["has_line"].all()

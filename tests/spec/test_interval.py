"""What one result says of the load, at least and at most: one small table, for frames and for single rows."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.interval import at_least_iu_per_ml, at_most_iu_per_ml, log10_of, reported_limit_iu_per_ml

# state, value, LOD, LLOQ, ULOQ -> at least, at most, limit that was reported
CASES = """
quantified    | 900 | 17.5 | 35 | 1e7 | 900 | 900  | -
quantified    | 900 | -    | -  | -   | 900 | 900  | -
not_detected  | -   | 17.5 | 35 | 1e7 | -   | 35   | 35
not_detected  | -   | 17.5 | -  | 1e7 | -   | 17.5 | 17.5
not_detected  | -   | -    | -  | 1e7 | -   | -    | -
below_lloq    | -   | 17.5 | 35 | 1e7 | -   | 35   | 35
below_lloq    | -   | 17.5 | -  | 1e7 | -   | -    | -
above_uloq    | -   | 17.5 | 35 | 1e7 | 1e7 | -    | 1e7
above_uloq    | -   | 17.5 | 35 | -   | -   | -    | -
"""
_COLUMNS = ("viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")


def number(cell: str) -> float | None:
    return None if cell.strip() == "-" else float(cell)


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_a_result_says_at_least_and_at_most(case: str) -> None:
    state, *cells = case.split("|")
    *given, at_least, at_most, limit = (number(cell) for cell in cells)
    row = {"detection": state.strip()} | dict(zip(_COLUMNS, given, strict=True))
    schema = {"detection": pl.String} | dict.fromkeys(_COLUMNS, pl.Float64)
    found = pl.DataFrame([row], schema=schema).select(low=at_least_iu_per_ml(), high=at_most_iu_per_ml()).row(0)
    assert found == (at_least, at_most)
    assert reported_limit_iu_per_ml(row) == limit


def test_a_logarithm_is_of_a_positive_finite_number_only() -> None:
    values = pl.DataFrame({"x": [1000.0, 0.0, -1.0, float("nan"), float("inf"), None]})
    assert values.select(log10_of("x"))["x"].to_list() == [pytest.approx(3.0), None, None, None, None, None]

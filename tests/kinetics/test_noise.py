"""The noise of each result: by the laboratory's file at its date and level, else by the protocol near and far from the LLOQ."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.rows import ASSAYS
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.kinetics.noise.in_use import default_sigma, laboratory_sigma
from cmvmon.shell.folder.protocol_files import Protocol
from tests.spec.reading import cells, courses, moment, results

# All at LLOQ 100, LOD 20, ULOQ 1e7; the levels of the file are 100 and 1000 IU/mL.
BY_LEVEL = "level | sigma\n 100 | 0.30\n 1000 | 0.10"
REPORTED = """
    day | reported
    0   | 1000000
    1   | 1000
    2   | 316.22776601683796
    3   | 100
    4   | <100
    5   | nd<100
    6   | >1e7
    7   | 150
"""


def noise(table: str) -> pl.DataFrame:
    """`level | sigma`, with optional columns from (a day), lab, compartment; empty level = every level."""
    rows = [
        {
            "laboratory": row.get("lab", "synthetic"),
            "assay": "synthetic",
            "compartment": row.get("compartment", "plasma"),
            "sigma_log10": float(row["sigma"]),
            "valid_from": moment(row["from"]) if row.get("from") else None,
            "level_iu_per_ml": float(row["level"]) if row["level"] else None,
        }
        for row in cells(table)
    ]
    return pl.DataFrame(rows, schema=ASSAYS.schema)


def at_lloq_100(reported: str) -> pl.DataFrame:
    return results(reported).with_columns(pl.lit(100.0).alias("lloq_iu_per_ml")).drop("sigma_log10")


def sigmas(frame: pl.DataFrame) -> list[float | None]:
    return frame.sort("collected_at", "result_id")["sigma_log10"].to_list()


def test_sigma_is_read_off_the_line_between_levels_and_constant_beyond_them() -> None:
    """Half a log above the lower level, halfway in log10, lies the middle; a censored result is read at its limit."""
    between = 0.30 - 0.20 * math.log10(1.5)
    wanted = [0.10, 0.10, 0.20, 0.30, 0.30, 0.30, 0.10, between]
    assert sigmas(laboratory_sigma(at_lloq_100(REPORTED), noise(BY_LEVEL))) == pytest.approx(wanted, abs=1e-12)


def test_one_number_holds_at_every_level_also_where_the_level_is_not_known() -> None:
    given_ = results("day | reported\n 0 | 1000\n 1 | nd\n 2 | <").drop("sigma_log10")
    assert sigmas(laboratory_sigma(given_, noise("level | sigma\n | 0.15"))) == [0.15, 0.15, 0.15]
    assert sigmas(laboratory_sigma(given_, noise(BY_LEVEL))) == [0.10, None, None]


def test_not_detected_without_an_lloq_is_read_at_its_lod() -> None:
    found = results("day | reported\n 0 | nd", lod=100.0).drop("sigma_log10")
    assert sigmas(laboratory_sigma(found, noise(BY_LEVEL))) == [0.30]


def test_noise_counts_from_its_date_on_with_all_its_levels() -> None:
    dated = "from | level | sigma\n | | 0.5\n 10 | 100 | 0.3\n 10 | 1000 | 0.1\n 20 | | 0.2"
    found = at_lloq_100("day | reported\n 9 | 100\n 10 | 100\n 19 | 10000\n 20 | 100")
    assert sigmas(laboratory_sigma(found, noise(dated))) == [0.5, 0.3, 0.1, 0.2]


def test_before_its_first_date_and_for_another_laboratory_or_compartment_nothing_is_known() -> None:
    found = at_lloq_100(
        "day | reported | lab | compartment\n 0 | 500 | synthetic | plasma\n 5 | 500 | other | plasma\n 6 | 500 | synthetic | bal"
    )
    assert sigmas(laboratory_sigma(found, noise("from | level | sigma\n 1 | | 0.2"))) == [None, None, None]
    assert sigmas(laboratory_sigma(found, ASSAYS.empty())) == [None, None, None]


@pytest.mark.parametrize(
    "table",
    ["level | sigma\n 100 | 0.3\n 100 | 0.2", "level | sigma\n | 0.3\n | 0.2", "level | sigma\n | 0.3\n 100 | 0.3"],
)
def test_a_table_that_contradicts_itself_gives_no_usable_sigma(table: str) -> None:
    (found,) = sigmas(laboratory_sigma(at_lloq_100("day | reported\n 0 | 500"), noise(table)))
    assert found is not None
    assert math.isnan(found)


def test_the_same_row_twice_is_no_contradiction() -> None:
    twice = pl.concat([noise(BY_LEVEL), noise(BY_LEVEL)])
    assert sigmas(laboratory_sigma(at_lloq_100("day | reported\n 0 | 1000"), twice)) == [0.10]


@given(st.permutations(range(8)), st.permutations(range(4)))
def test_row_order_changes_no_bit(order: list[int], of_noise: list[int]) -> None:
    table = noise("from | level | sigma\n | | 0.5\n 3 | 100 | 0.3\n 3 | 1000 | 0.1\n 5 | | 0.2")
    rows = at_lloq_100(REPORTED)
    assert sigmas(laboratory_sigma(rows[order], table[of_noise])) == sigmas(laboratory_sigma(rows, table))


def test_the_protocol_gives_plasma_more_noise_near_the_lloq_and_bal_one_value() -> None:
    """0.22 at and below the LLOQ, 0.13 from half a log above it; without a known LLOQ a quantified result has 0.13."""
    protocol = Protocol.shipped()
    halfway = 100 * 10**0.25
    plasma = at_lloq_100(f"day | reported\n 0 | 100\n 1 | {halfway}\n 2 | 320\n 3 | <100\n 4 | nd<100\n 5 | >1e7")
    wanted = [0.22, 0.175, 0.13, 0.22, 0.22, 0.13]
    assert plasma.select(default_sigma(protocol)).to_series().to_list() == pytest.approx(wanted, abs=1e-12)
    bal = at_lloq_100("day | reported | compartment\n 0 | 100 | bal\n 1 | <100 | bal\n 2 | 100 | urine")
    assert bal.select(default_sigma(protocol)).to_series().to_list() == [0.4, 0.4, None]
    no_limit = results("day | reported\n 0 | 36\n 1 | nd")
    assert no_limit.select(default_sigma(protocol)).to_series().to_list() == [0.13, 0.22]


def weeks(found: pl.DataFrame) -> pl.DataFrame:
    protocol, as_of = Protocol.shipped(), moment("30")
    clocks = treatment_courses(courses("drug | from | to\n ganciclovir | 0 |"), protocol=protocol, as_of=as_of)
    return weekly_decline(found, clocks, protocol=protocol, as_of=as_of)


SERIES = "day | reported\n 0 | 100000\n 6 | 5000\n 13 | 150"


def width(table: pl.DataFrame) -> list[float]:
    found = weeks(laboratory_sigma(at_lloq_100(SERIES), table))
    return (found["mean_decline_high_log10_per_week"] - found["mean_decline_low_log10_per_week"]).to_list()


def test_weekly_decline_takes_sigma_row_by_row() -> None:
    """The same series with noise by level, and with those numbers written in each row, gives the same weeks to the bit."""
    by_level = laboratory_sigma(at_lloq_100(SERIES), noise(BY_LEVEL))
    assert len(set(sigmas(by_level))) == 2  # the last result lies between the levels
    written = at_lloq_100(SERIES).with_columns(sigma_log10=pl.Series([0.1, 0.1, sigmas(by_level)[2]]))
    assert weeks(by_level).equals(weeks(written))


def test_a_noisier_level_widens_the_interval_of_the_weeks_that_reach_it_and_of_no_other() -> None:
    first, second = width(noise("level | sigma\n | 0.10"))
    early, late = width(noise(BY_LEVEL))
    assert early == first
    assert late > second


def test_a_contradiction_is_invalid_input_and_an_unknown_noise_stays_unknown() -> None:
    clash = weeks(laboratory_sigma(at_lloq_100(SERIES), noise("level | sigma\n | 0.3\n | 0.2")))
    assert {(s, r) for s, r in clash.select("status", "reason").rows()} == {("invalid_input", "sigma_invalid")}
    urine = at_lloq_100(SERIES).with_columns(compartment=pl.lit("urine"))
    unknown = weeks(laboratory_sigma(urine, noise("level | sigma\n | 0.2")))
    assert set(unknown["status"]) == {"invalid_input"}
    assert all("sigma_unknown" in reason for reason in unknown["reason"])


def test_a_moment_without_noise_is_not_filled_from_a_later_one() -> None:
    found = laboratory_sigma(
        at_lloq_100("day | reported\n 0 | 500\n 2 | 500"), noise("from | level | sigma\n 1 | 100 | 0.3")
    )
    assert sigmas(found) == [None, 0.3]

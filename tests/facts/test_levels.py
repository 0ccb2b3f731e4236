"""What the table of levels promises: a trough of nearly nothing is a trough, one below 0 is none."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from cmvmon.assess import prepared
from cmvmon.domain.columns import split_by_promises
from cmvmon.facts import facts_at
from cmvmon.facts.levels import LEVELS
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.facts.reading import facts_of
from tests.measured import with_measured


def of_level(mg_per_l: float) -> pl.DataFrame:
    """The facts of a patient with that trough of ganciclovir, on one dose and with steady kidneys."""
    known = patients.known("plasma d0 100000", courses="ganciclovir d0-", stays="d-3-")
    known = with_exposure(known, doses="ganciclovir 5 q12 d0-", kidney="cg 80 d0-", born="1961-05-30")
    return facts_of(with_measured(known, levels=f"ganciclovir {mg_per_l} d3.98"), day=4.5).of(LEVELS)


@pytest.mark.parametrize("mg_per_l", [0.0, 0.1, 0.5])
def test_a_trough_of_nearly_nothing_is_told_and_keeps_every_promise(mg_per_l: float) -> None:
    kept, broken = split_by_promises(of_level(mg_per_l), LEVELS)
    assert (kept["level_mg_per_l"].to_list(), broken.height) == ([mg_per_l], 0)


@pytest.mark.parametrize(
    "column", ["level_mg_per_l", "trough_from_mg_per_l", "trough_to_mg_per_l", "measured_crcl_ml_per_min"]
)
def test_no_level_target_or_clearance_is_below_nothing(column: str) -> None:
    row = of_level(1.4).with_columns(pl.lit(-0.1).alias(column))
    assert split_by_promises(row, LEVELS)[1]["column"].to_list() == [column]
    at_nothing = of_level(1.4).with_columns(pl.lit(0.0).alias(column))
    assert split_by_promises(at_nothing, LEVELS)[1].is_empty()


@pytest.mark.parametrize(
    ("second", "why"),
    [("d3.375-", None), ("d3.37-", "not_on_one_dose"), ("d3.625-", None), ("d3.63-", "not_on_one_dose")],
)
def test_an_interval_a_quarter_shorter_or_longer_than_the_usual_one_is_that_interval(
    second: str, why: str | None
) -> None:
    """Every twelve hours, once after nine or fifteen: one dose, as the protocol says; a few minutes more apart and it is none."""
    known = patients.known("plasma d0 100000", courses="ganciclovir d0-", stays="d-3-")
    doses = f"ganciclovir 5 q12 d0-d3.1; ganciclovir 5 q12 {second}"
    known = with_exposure(known, doses=doses, kidney="cg 80 d0-", born="1961-05-30")
    last = float(second.strip("d-")) + 0.5
    told = facts_of(with_measured(known, levels=f"ganciclovir 1.4 d{last - 0.02:.3f}"), day=4.5).of(LEVELS)
    assert told["level_unknown"].to_list() == [why]


@pytest.mark.parametrize(("unit", "why"), [("mg/L", "kidney_function_unknown"), ("umol/L", "no_target")])
def test_a_level_in_micromoles_is_held_against_no_target_in_milligrams(unit: str, why: str) -> None:
    """A site whose protocol has a target for foscarnet: 114 umol/L is not a level of 114 mg/L."""
    shipped = Protocol.shipped()
    protocol = replace(shipped, levels={**shipped.levels, "foscarnet": shipped.levels["ganciclovir"]})
    known = patients.known("plasma d0 100000", courses="foscarnet d0-", stays="d-3-")
    known = with_exposure(known, doses="foscarnet 60 q8 d0-", born="1961-05-30")
    known = with_measured(known, levels=f"foscarnet@{unit} 114 d3.98")
    made = prepared(known, protocol=protocol, as_of=patients.moment(4.5), method="line")
    told = facts_at(made, protocol=protocol, as_of=patients.moment(4.5)).of(LEVELS)
    assert told["level_unknown"].to_list() == [why]

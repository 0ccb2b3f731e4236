"""What is of nobody is not computed: the same columns, no row, and an error where the claim is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.errors import ProgramError
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.facts import dose_days, kidney_days, kidney_states, levels
from cmvmon.facts.nobody import nobody_without
from cmvmon.shell.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.patients import moment

SOME, NONE = pl.DataFrame({"patient_id": ["A"]}), pl.DataFrame(schema={"patient_id": pl.String})


def facts(**tables: pl.DataFrame) -> Any:
    begun = {rows: tables.get(rows.name, SOME) for rows in (DRUG_LEVELS, KIDNEY_FUNCTION)}
    return SimpleNamespace(prepared=SimpleNamespace(begun=begun))


def test_of_nobody_it_is_computed_once_for_its_columns_and_of_somebody_each_time() -> None:
    asked = []

    @nobody_without(DRUG_LEVELS)
    def longest(found: Any, frame: pl.DataFrame) -> pl.DataFrame:
        asked.append(frame.height)
        return frame.with_columns(day=pl.lit(1))

    for _ in range(2):
        assert longest(facts(), SOME).to_dicts() == [{"patient_id": "A", "day": 1}]
    for _ in range(3):
        assert longest(facts(), NONE).schema == {"patient_id": pl.String(), "day": pl.Int32()}
    assert asked == [1, 1, 0]
    assert longest(facts(), NONE.with_columns(extra=pl.lit(0))).columns == ["patient_id", "extra", "day"]


def test_a_function_that_gives_a_row_of_nobody_is_an_error_that_names_it() -> None:
    @nobody_without(DRUG_LEVELS)
    def everybody(found: Any, frame: pl.DataFrame) -> pl.DataFrame:
        return SOME

    assert everybody(facts(), SOME).height == 1
    with pytest.raises(ProgramError, match="everybody gives a row of nobody"):
        everybody(facts(drug_levels=NONE), SOME)


def test_each_marked_function_says_of_a_patient_without_the_table_what_it_says_unmarked() -> None:
    known = with_exposure(
        patients.known("plasma d0 5000; plasma d7 900", courses="ganciclovir d0-"), kidney="cg 80 d0-"
    )
    found = assess(known, protocol=Protocol.shipped(), as_of=moment(9)).facts
    for marked in (dose_days.drug_days, dose_days.given_by_day, dose_days.given_on_days):
        plain = marked.__wrapped__(found)  # type: ignore[attr-defined]
        assert marked(found).schema == plain.schema
        assert marked(found).is_empty()
        assert plain.is_empty()


def test_the_kidney_of_a_day_is_the_same_with_and_without_the_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    for kidney in ("cg 80 d0-", "cvvhdf d3-d6", "umol 90 d0-; umol 140 d2", "-"):
        known = with_exposure(patients.known("plasma d0 5000", courses="ganciclovir d0-"), kidney=kidney)
        told = []
        for is_marked in (True, False):
            if not is_marked:
                for module in (kidney_days, kidney_states):
                    for name in ("_replacement", "_moved", "_values"):
                        monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)
            assessed = assess(known, protocol=Protocol.shipped(), as_of=moment(9))
            told.append((assessed.facts.of(levels.LEVELS), assessed.verdicts))
            monkeypatch.undo()
        assert told[0][0].equals(told[1][0])
        assert told[0][1].equals(told[1][1])
    assert RENAL_REPLACEMENT.name in known.tables

"""What is of nobody is not computed: the same columns, no row, and an error where the claim is wrong."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import wraps
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import cmvmon.facts as facts_folder
from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.errors import ProgramError
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts import Facts, FactTable, all_fact_tables, kidney_days, kidney_states, levels
from cmvmon.facts.nobody import nobody_without
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.measured import with_measured
from tests.patients import moment
from tests.sampling import with_samples

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


Told = list[tuple[str, bool, pl.DataFrame, pl.DataFrame]]
"""Of each time that a marked function was asked: its name, whether it is computed of nobody, and what it says marked and unmarked."""


def modules() -> list[Any]:
    """Every module of the facts."""
    found = pkgutil.iter_modules(facts_folder.__path__)
    return [importlib.import_module(f"{facts_folder.__name__}.{one.name}") for one in found]


def marked_functions() -> dict[str, Any]:
    """Every marked function of the facts by its full name, with those under a fact table."""
    held = [getattr(one, "compute", one) for module in modules() for one in vars(module).values()]
    return {f"{one.__module__}.{one.__qualname__}": one for one in held if hasattr(one, "marked_without")}


def compared(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Has every marked function be asked twice wherever it is used, as it is and unmarked."""
    told: Told = []

    def of(name: str, marked: Any) -> Any:
        @wraps(marked)
        def asked(found: Facts, *frames: Any, **named: Any) -> pl.DataFrame:
            as_it_is, plain = marked(found, *frames, **named), marked.__wrapped__(found, *frames, **named)
            given = [*(found.prepared.begun[rows] for rows in marked.marked_without), *frames]
            is_nobody = any(frame.is_empty() for frame in given if isinstance(frame, pl.DataFrame))
            told.append((name, is_nobody, as_it_is, plain))
            return as_it_is  # type: ignore[no-any-return]

        return asked

    both = {marked: of(name, marked) for name, marked in marked_functions().items()}
    for module in modules():
        for name, one in list(vars(module).items()):
            if isinstance(one, FactTable) and one.compute in both:
                monkeypatch.setitem(one.__dict__, "compute", both[one.compute])
            elif callable(one) and hasattr(one, "marked_without") and one in both:
                monkeypatch.setattr(module, name, both[one])
    return told


def test_each_marked_function_says_of_a_patient_without_the_table_and_of_one_with_it_what_it_says_unmarked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = compared(monkeypatch)
    patient = patients.known(
        "plasma d0 5000, d7 900, d14 9000",
        courses="ganciclovir d0-",
        reports="d5-d9 UL97 A594V ganciclovir=resistant",
    )
    without = replace(
        patient, tables={name: rows for name, rows in patient.tables.items() if name != RESISTANCE_REPORTS.name}
    )
    of_all = with_measured(
        with_exposure(
            patient, doses="ganciclovir 5 q12 d0-", kidney="cg 80 d0-; umol 90 d0-; umol 140 d2; cvvhdf d3-d6"
        ),
        levels="ganciclovir 1.4 d5.47 trough",
        labs="neutrophils 0.4 d4.5; haemoglobin 6.1 d4.5",
    )
    sampled = with_samples(
        patient,
        orders="bal d5 not_feasible d5.2; plasma d10.5 taken d10.5; csf d11 taken d11",
        limits="no_further_tests d3-",
    )
    defence = with_samples(
        patients.known("plasma d0 5000", courses="letermovir d0-", hosts="solid_organ_transplant d0-"),
        serology="igg negative d-9; donor igg positive d-9",
    )
    untreated = patients.known("plasma d0 5000")
    asked = patients.known("plasma d0 5000", reports="d5- requested")
    results = patients.results_frame("plasma d0 5000, d7 900")
    is_last = pl.col("collected_at") == pl.col("collected_at").max()
    status = pl.when(is_last).then(pl.lit(words.PRELIMINARY)).otherwise("result_status")
    awaited = replace(
        untreated, tables={**untreated.tables, VIRAL_LOAD_RESULTS.name: results.with_columns(result_status=status)}
    )
    foscarnet = patients.known("plasma d0 5000", courses="foscarnet d0-")
    for known in (
        without,
        with_exposure(without, doses="-", kidney="-"),
        with_exposure(without, kidney="cg 80 d0-"),
        with_exposure(patient, doses="ganciclovir 5 q12 d0-", kidney="cg 80 d0-"),
        of_all,
        sampled,
        defence,
        awaited,
        foscarnet,
        untreated,
        asked,
    ):
        found = assess(known, protocol=Protocol.shipped(), as_of=moment(15)).facts
        for table in all_fact_tables().values():
            found.of(table.rows)
    for _, _, as_it_is, plain in told:
        assert_frame_equal(as_it_is, plain, check_row_order=False)
    assert all(as_it_is.is_empty() for _, is_nobody, as_it_is, _ in told if is_nobody)
    every = set(marked_functions())
    assert len(every) >= 32
    assert {name for name, is_nobody, _, _ in told if is_nobody} == every
    assert {name for name, is_nobody, _, _ in told if not is_nobody} == every
    assert {name for name, _, as_it_is, _ in told if not as_it_is.is_empty()} == every


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

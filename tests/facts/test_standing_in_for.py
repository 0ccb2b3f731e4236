"""Blood that stands in, on a table of concordance that is given: whose pairs decide, and the numbers that are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.results import CONCORDANCE
from cmvmon.facts.affected import AFFECTED
from cmvmon.facts.standing_in import STANDING_IN
from tests.facts.reading import facts_of
from tests.patients import PATIENT, known

PLASMA = "plasma d0 5000, d14 4000"


def pairs(
    scope: str,
    answer: str,
    *,
    of: str = "bal",
    blood: str = "plasma",
    clear: int = 10,
    agree: int = 9,
    low: float = 0.6,
) -> dict[str, Any]:
    """What the pairs of the patient, or of the unit, came to."""
    own = scope == "patient"
    return {
        "scope": scope,
        "patient_id": PATIENT if own else None,
        "compartment": of,
        "followed_compartment": blood,
        "followed_laboratory": "lab" if own else None,
        "followed_assay": "assay" if own else None,
        "n_patients": 1 if own else 5,
        "n_pairs": 12 if own else 50,
        "n_changes_clear": clear,
        "n_changes_agreeing": agree,
        "direction_agreement_low": low,
        "answer": answer,
    }


def standing(
    *rows: dict[str, Any], results: str = PLASMA, stays: str = "d-3- bal", day: float = 15.0, table: Any = STANDING_IN
) -> list[dict[str, Any]]:
    frame = CONCORDANCE.conform(pl.DataFrame([*rows], infer_schema_length=None) if rows else CONCORDANCE.empty())
    given = replace(known(results, courses="ganciclovir d0-", stays=stays), concordance=frame)
    found = facts_of(given, day=day).of(table)
    assert split_by_promises(found, table)[1].is_empty()
    return found.to_dicts()


OWN, UNIT = pairs("patient", words.FOLLOWS), pairs("unit", words.FOLLOWS, clear=40, agree=35, low=0.7)
OWN_NOT, UNIT_NOT = pairs("patient", words.FOLLOWS_NOT), pairs("unit", words.FOLLOWS_NOT)
TOO_FEW = pairs("patient", words.TOO_FEW_PAIRS, clear=2, agree=1)


@pytest.mark.parametrize(
    ("rows", "scope"),
    [
        ([OWN], "patient"),
        ([UNIT], "unit"),
        ([OWN, UNIT], "patient"),
        ([OWN, UNIT_NOT], "patient"),
        ([OWN_NOT, UNIT], None),  # her own pairs are enough, and blood does not follow
        ([TOO_FEW, UNIT], "unit"),  # one of two together: no more apart than together
        ([TOO_FEW | {"n_changes_agreeing": 0}, UNIT], None),
        ([TOO_FEW | {"n_changes_clear": 3}, UNIT], None),  # one of three
        ([TOO_FEW | {"n_changes_clear": 4, "n_changes_agreeing": 2}, UNIT], "unit"),
        ([TOO_FEW | {"n_changes_clear": 5, "n_changes_agreeing": 2}, UNIT], None),
        ([TOO_FEW, UNIT_NOT], None),
        ([TOO_FEW], None),
        ([UNIT_NOT], None),
        ([], None),
        ([OWN | {"followed_laboratory": "another"}], None),  # her pairs are of a series that is no longer the newest
        ([OWN | {"followed_assay": "another"}], None),
        ([OWN | {"followed_assay": "another"}, UNIT], "unit"),
        ([pairs("patient", words.FOLLOWS, of="csf")], None),
        ([pairs("unit", words.FOLLOWS, of="csf")], None),
        ([pairs("unit", words.FOLLOWS, blood="serum")], None),
    ],
)
def test_blood_stands_in_where_the_patients_own_pairs_show_it_or_the_units_do_and_hers_are_not_against(
    rows: list[dict[str, Any]], scope: str | None
) -> None:
    found = standing(*rows)
    assert [(row["compartment"], row["stands_in_for"], row["stands_in_scope"]) for row in found] == (
        [("plasma", "bal", scope)] if scope else []
    )


def test_the_numbers_are_those_of_whose_pairs_decide() -> None:
    told = {
        scope: tuple(v for k, v in standing(*rows)[0].items() if k.startswith(("stands_in_n", "stands_in_dir")))
        for scope, rows in (("patient", [OWN, UNIT]), ("unit", [UNIT]))
    }
    assert told == {"patient": (1, 12, 10, 9, 0.6), "unit": (5, 50, 40, 35, 0.7)}


@pytest.mark.parametrize(
    ("results", "stands"),
    [
        (f"{PLASMA}; bal d6 5000", False),  # exactly nine days old
        (f"{PLASMA}; bal d5.9 5000", True),
        ("plasma d0 5000, d6 4000", True),
        ("plasma d0 5000, d5.9 4000", False),
        ("plasma d0 5000, d5.9 4000; bal d1 900", False),
    ],
)
def test_without_a_new_result_of_nine_days_and_only_by_blood_that_is_not_older_itself(
    results: str, stands: bool
) -> None:
    assert bool(standing(OWN, results=results)) is stands


@pytest.mark.parametrize(
    ("results", "blood"),
    [
        ("plasma d14 4000; whole_blood d14 4000; serum d14 4000", "plasma"),
        ("whole_blood d14 4000; serum d14 4000", "whole_blood"),
        ("plasma d12 4000; serum d14 4000", "serum"),
    ],
)
def test_of_several_bloods_the_newest_stands_in_then_plasma_whole_blood_serum(results: str, blood: str) -> None:
    rows = [pairs("unit", words.FOLLOWS, blood=name) for name in ("serum", "plasma", "whole_blood")]
    assert [row["compartment"] for row in standing(*rows, results=results)] == [blood]


@pytest.mark.parametrize(("bal", "csf"), [(0.6, 0.8), (0.8, 0.6)])
def test_for_several_compartments_the_numbers_are_those_of_the_weakest_ground(bal: float, csf: float) -> None:
    rows = (pairs("unit", words.FOLLOWS, low=bal), pairs("patient", words.FOLLOWS, of="csf", low=csf))
    (found,) = standing(*rows, stays="d-3- csf+bal")
    assert found["stands_in_for"] == "bal;csf"
    assert found["stands_in_direction_agreement_low"] == 0.6
    assert found["stands_in_scope"] == ("unit" if bal < csf else "patient")


def test_with_grounds_that_are_as_weak_the_first_by_name_is_told() -> None:
    rows = (pairs("unit", words.FOLLOWS), pairs("patient", words.FOLLOWS, of="csf"))
    for stays in ("d-3- csf+bal", "d-3- bal+csf"):
        assert [row["stands_in_scope"] for row in standing(*rows, stays=stays)] == ["unit"]


def test_each_compartment_is_stood_in_for_by_one_blood_and_blood_that_is_stated_by_itself() -> None:
    rows = (pairs("unit", words.FOLLOWS), pairs("unit", words.FOLLOWS, of="csf", blood="serum"))
    found = standing(*rows, results="plasma d14 4000; serum d14 4000", stays="d-3- csf+bal")
    assert {row["compartment"]: row["stands_in_for"] for row in found} == {"plasma": "bal", "serum": "csf"}
    assert standing(*rows, stays="d-3- bal+plasma") == []


def test_a_compartment_that_is_stated_is_judged_beside_the_blood_that_stands_in() -> None:
    found = standing(OWN, table=AFFECTED)
    assert {row["compartment"]: (row["affected_source"], row["is_judged_for_response"]) for row in found} == {
        "bal": ("stated", True),
        "plasma": ("stands_in", True),
    }


def test_nobody_stands_in_for_blood_or_for_a_compartment_that_is_only_followed() -> None:
    assert standing(pairs("unit", words.FOLLOWS, of="serum"), stays="d-3- serum") == []
    assert standing(OWN, stays="d-3- none") == []


def test_a_lung_that_is_inferred_is_stood_in_for_as_one_that_is_stated() -> None:
    found = standing(OWN, results=f"{PLASMA}; bal d0 50000", stays="d-3-")
    assert [(row["compartment"], row["stands_in_for"]) for row in found] == [("plasma", "bal")]


@pytest.mark.parametrize(("value", "is_kept"), [(0.0, True), (0.5, True), (1.0, True), (1.01, False), (-0.01, False)])
def test_the_lower_end_of_a_share_is_a_share(value: float, is_kept: bool) -> None:
    row = standing(OWN)[0] | {"stands_in_direction_agreement_low": value}
    assert split_by_promises(STANDING_IN.conform(pl.DataFrame([row])), STANDING_IN)[1].is_empty() is is_kept

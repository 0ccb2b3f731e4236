"""The doses by kidney function are those that are published, row by row, and no value of kidney function is between two bands."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.renal_replacement import MODALITIES
from cmvmon.protocol.doses import DoseTable, dose_unit
from cmvmon.protocol.loader import read_protocol
from cmvmon.shell.folder.protocol_files import Protocol

PUBLISHED = Path(__file__).parent / "published_doses.md"
DOSES = Protocol.shipped().doses
TEXT = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
UNIT = {"ganciclovir": "mg/kg", "valganciclovir": "mg", "foscarnet": "mg/kg", "cidofovir": "mg/kg", "maribavir": "mg"}


def published() -> list[tuple[str, str, str, str, str]]:
    lines = [line for line in PUBLISHED.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [(drug, row, kidney, induction, maintenance) for drug, row, kidney, induction, maintenance in rows]


def place_of(table: DoseTable, kidney: float | None, modality: str | None = None) -> int | None:
    values = pl.DataFrame(
        {"kidney": [kidney], "modality": [modality]}, schema={"kidney": pl.Float64, "modality": pl.String}
    )
    found: int | None = values.select(table.place_of(pl.col("kidney"), pl.col("modality"))).item()
    return found


def regimens(text: str, unit: str) -> list[str]:
    said = [] if text == "none" else [entry.strip().split() for entry in text.split(",")]
    return [f"{dose} {unit} {often}{'h' if often.startswith('q') else ''}" for dose, often in said]


@pytest.mark.parametrize("row", published(), ids=lambda row: f"{row[0]} {row[1]}")
def test_every_published_row_is_read_back(row: tuple[str, str, str, str, str]) -> None:
    drug, _, kidneys, induction, maintenance = row
    for said in kidneys.split(", "):
        is_band = said[0].isdigit()
        place = place_of(DOSES[drug], float(said) if is_band else None, None if is_band else said)
        assert place is not None, said
        found = DOSES[drug].rows[place]
        assert [str(regimen) for regimen in found.induction] == regimens(induction, UNIT[drug]), said
        assert [str(regimen) for regimen in found.maintenance] == regimens(maintenance, UNIT[drug]), said


def test_no_row_is_in_the_protocol_that_is_not_published() -> None:
    drugs = [row[0] for row in published()]
    assert {drug: len(table.rows) for drug, table in DOSES.items()} == {drug: drugs.count(drug) for drug in set(drugs)}
    assert {drug: dose_unit(DOSES, drug) for drug in DOSES} == UNIT


def test_every_row_has_a_source_a_strength_and_an_owner() -> None:
    for table in DOSES.values():
        assert all(row.source and row.strength and row.owner for row in table.rows)
        assert all(row.note for row in table.rows if not row.induction), "no regimen: why"


@given(st.floats(min_value=0.0, max_value=400.0), st.sampled_from(sorted(DOSES)))
def test_every_kidney_function_is_in_one_band(kidney: float, drug: str) -> None:
    bands = [row.band for row in DOSES[drug].rows if row.band is not None]
    value = pl.lit(kidney)
    assert sum(pl.select(band.holds(value)).item() for band in bands) == 1


def test_renal_replacement_takes_its_own_row_or_none_whatever_the_kidney_function() -> None:
    ganciclovir = DOSES["ganciclovir"]
    place = place_of(ganciclovir, 120.0, "cvvh")
    assert place is not None
    assert ganciclovir.rows[place].label == "cvvh; cvvhd; cvvhdf"
    assert [place_of(DOSES["foscarnet"], 1.5, modality) for modality in MODALITIES] == [None] * len(MODALITIES)
    assert place_of(ganciclovir, None) is None


@pytest.mark.parametrize(
    ("was", "mended", "says"),
    [
        ('kidney = "[50, 70)"', 'kidney = "[50, 69)"', "has a gap or an overlap at [70, inf)"),
        ('kidney = "(1.0, 1.4]"', 'kidney = "[1.0, 1.4]"', "has a gap or an overlap at [1, 1.4]"),
        ('kidney = "[70, inf)"', 'kidney = "[70, 200)"', "ends at 200"),
        ('kidney = "[50, 70)"', 'kidney = "50-70"', "has no band that can be read"),
        ('kidney = "[50, 70)"', "", "must hold `kidney` or `replacement`"),
        ('"5 mg/kg q12h"', '"5 mg/kg twice daily"', "has a regimen in `induction` that can't be read"),
        ('"2.5 mg/kg q24h", "2.5 mg/kg q12h"', "5", "has a regimen in `induction`"),
        ('note = "not recommended"', 'notes = "not recommended"', "has the key notes"),
        ('source = "Horvatits', 'src = "Horvatits', "lacks its source"),
        ('kidney_in = "mL/min/kg"', 'kidney_in = "mL/h"', "must be one of mL/min, mL/min/kg"),
        ('["cvvh", "cvvhd", "cvvhdf"]', '["cvvx"]', "must be one of cvvh"),
        ("least_share = 0.8 ", "least_share = 1.8 ", "must be a number above 0 and below 1"),
    ],
)
def test_a_table_of_doses_with_a_fault_is_refused_and_the_row_is_named(was: str, mended: str, says: str) -> None:
    assert was in TEXT
    with pytest.raises(ProtocolError) as refused:
        read_protocol(TEXT.replace(was, mended, 1), name="made_up.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize("rows", ["5", "[]", "[5]"])
def test_rows_that_are_no_table_are_refused(rows: str) -> None:
    document = tomllib.loads(TEXT)
    assert document["doses"]["foscarnet"]["rows"]
    start = TEXT.index("[[doses.foscarnet.rows]]")
    end = TEXT.index("# --- How doses given are held")
    with pytest.raises(ProtocolError, match=r"doses\.foscarnet"):
        read_protocol(TEXT[:start] + f"rows = {rows}\n\n" + TEXT[end:], name="made_up.toml")

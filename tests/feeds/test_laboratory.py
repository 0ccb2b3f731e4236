"""A laboratory file is read strictly: all faults at once, each with its key and what to do."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import pytest

from cmvmon.domain import compartments
from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.laboratory import read_laboratory
from tests.feeds.shipped import LABS, NAMES, laboratory

SYNTHETIC = (LABS / "synthetic.toml").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_laboratory_file_is_read_and_says_that_it_is_no_real_institution(name: str) -> None:
    assert laboratory(name).synthetic
    assert "no real institution" in laboratory(name).description.lower()


def test_the_fingerprint_is_that_of_the_text() -> None:
    assert laboratory("synthetic").fingerprint == hashlib.sha256(SYNTHETIC.encode()).hexdigest()
    mended = read_laboratory(SYNTHETIC + "\n# mended\n", name="synthetic")
    assert mended.fingerprint != laboratory("synthetic").fingerprint


def test_the_synthetic_laboratory_knows_every_compartment_and_its_limits() -> None:
    limits = {}
    for compartment in compartments.NAMES:
        row = laboratory("synthetic").assay_table.row("synthetic-pcr", compartment, date(2026, 1, 1))
        assert row is not None
        limits[compartment] = (row.lod_iu_per_ml, row.lloq_iu_per_ml, row.uloq_iu_per_ml)
    assert limits["plasma"] == limits["whole_blood"] == limits["serum"] == (17.5, 35.0, 1e7)
    assert limits["bal"] == limits["tracheal_aspirate"] == limits["bronchial_wash"] == (100.0, 200.0, 1e8)
    assert limits["csf"] == (100.0, 200.0, 1e8)
    assert set(laboratory("synthetic").specimens.values()) == set(compartments.NAMES)


def test_a_laboratory_that_states_no_sigma_gives_no_assay_rows() -> None:
    assert laboratory("synthetic").assays().is_empty()


def test_a_stated_sigma_becomes_assay_rows_that_start_at_local_midnight() -> None:
    rows = (
        laboratory("example_nl")
        .assays()
        .filter(compartment="plasma")
        .sort("valid_from", "level_iu_per_ml", nulls_last=False)
    )
    changed = datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert rows.select("valid_from", "level_iu_per_ml", "sigma_log10").rows() == [
        (None, None, 0.15),
        (changed, 34.5, 0.22),
        (changed, 110.0, 0.15),
    ]


@pytest.mark.parametrize(
    ("on", "lloq"),
    [(date(1999, 1, 1), 137.0), (date(2024, 12, 31), 137.0), (date(2025, 1, 1), 34.5), (date(2026, 1, 1), 34.5)],
)
def test_the_latest_assay_row_that_is_not_after_the_collection_holds(on: date, lloq: float) -> None:
    row = laboratory("example_nl").assay_table.row("example-iu-pcr", "plasma", on)
    assert row is not None
    assert row.lloq_iu_per_ml == lloq


def test_a_limit_of_detection_with_another_meaning_is_dropped() -> None:
    text = SYNTHETIC.replace('"hit_rate_95"', '"lowest dilution seen"')
    lab = read_laboratory(text, name="synthetic")
    assert {row.lod_iu_per_ml for row in lab.assay_table.rows} == {None}


BROKEN = [
    ("no TOML", "laboratory = ", "is no valid TOML"),
    ('laboratory = "synthetic"', 'laboratory = "other"', "laboratory: is not 'synthetic'"),
    ('separator = ","', "separator = 3", "separator: is a whole number"),
    ('separator = ","', 'separator = "::"', "separator: is none of"),
    ('encoding = "utf-8"', 'encoding = "utf8mb4"', "encoding: is none of"),
    ('time_zone = "Europe/Amsterdam"', 'time_zone = "CEST5"', "time_zone: is no IANA time zone"),
    ('time_zone = "Europe/Amsterdam"', 'time_zone = "../etc/passwd"', "time_zone: is no IANA time zone"),
    ('["iso8601"]', '["%d-%m-%y %H:%M"]', "time_formats: '%d-%m-%y %H:%M' uses %y"),
    ('["iso8601"]', '["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]', "read one text as two moments"),
    ('["iso8601"]', '["iso8601", "%Y-%d-%mT%H:%M:%S"]', "read one text as two moments"),
    ('["iso8601"]', '["%d-%m-%Y"]', "must hold %Y, %m, %d, %H and %M exactly once"),
    ('decimal = "."', 'decimal = "."\nthousands = "."', "numbers.thousands: is the decimal mark"),
    ('"IU/mL" = "iu_per_ml"', '"IU/mL" = "iu"', "units.delivered.IU/mL: is none of"),
    ('"IU/mL" = "iu_per_ml"', '"IU/mL" = "iu_per_ml"\n"iu/ml" = "copies_per_ml"', "stands twice"),
    ('"csf" = "csf"', '"csf" = "liquor"', "specimens.csf: is none of"),
    ('cmv_load = ["CMVQ"]', 'cmv_load = ["CMVQ", "EBVQ"]', "tests.not_cmv_load: ebvq also stand(s) in cmv_load"),
    ('cmv_load = ["CMVQ"]', "cmv_load = []", "tests.cmv_load: is empty although"),
    ('["Not detected"]', '["Not detected < 35"]', "holds a digit"),
    ('["Not detected"]', '["Detected"]', "also stands under another meaning"),
    ('less_than = "below_lloq"', "", "values.less_than: is missing"),
    ("uloq_iu_per_ml = 1e7", "uloq_iu_per_ml = 35", "assays[1].lloq_iu_per_ml: is not below uloq_iu_per_ml"),
    ("uloq_iu_per_ml = 1e7", "uloq_iu_per_ml = inf", "assays[1].uloq_iu_per_ml: is out of range"),
    ("lloq_iu_per_ml = 35\n", "lloq_iu_per_ml = true\n", "assays[1].lloq_iu_per_ml: is true or false"),
    ('"serum"]', '"serum", "plasm"]', "assays[1].compartments: plasm unknown"),
    ('"serum"]', '"serum", "bal"]', "assays[2].valid_from: a second row of this assay for bal"),
    ('lod_meaning = "hit_rate_95"', "", "assays[1].lod_meaning: is missing"),
    ("[numbers]", "[numbers]\nmark = 1", "numbers.mark: is not a key that is known here"),
    ('unit = "unit"', 'unit = "value"', "columns.*: two fields name one header"),
    ("[tests]", "test = 1\n[tests]", "specimens.test: is a whole number"),
    ('"IU/mL" = "iu_per_ml"', '"kIU/mL" = { unit = "iu_per_ml" }', "units.delivered.kIU/mL.times: is missing"),
    (
        '"IU/mL" = "iu_per_ml"',
        '"kIU/mL" = { unit = "log10_iu_per_ml", times = 3 }',
        "units.delivered.kIU/mL.unit: is none",
    ),
    ('"csf" = "csf"', '"csf" = "csf"\n"CSF " = "plasma"', "specimens.CSF : stands twice"),
    ('description = "', 'description = " " # "', "description: is blank"),
    ('["Not detected"]', '["Not detected", " "]', "values.not_detected: holds something that is blank"),
    (
        '"P" = "preliminary"\n"F" = "final"\n"C" = "corrected"\n"W" = "withdrawn"\n',
        "",
        "status.delivered: is empty although",
    ),
    ('name = "synthetic-pcr"', 'valid_from = 2024-01-01T10:00:00\nname = "synthetic-pcr"', "valid_from: is a time"),
    (
        'name = "synthetic-pcr"\ncompartments = ["plasma"',
        'name = "other"\ndelivered = ["synthetic-pcr"]\ncompartments = ["plasma"',
        "also stands under another assay",
    ),
    ('format = "csv"', 'format = "csv"\nmax_quarantined_share = 1.5', "max_quarantined_share: is out of range"),
    *(
        ("lloq_iu_per_ml = 35\n", f"lloq_iu_per_ml = 35\nsigma_log10 = {sigma}\n", f"assays[1].{message}")
        for sigma, message in (
            ("0", "sigma_log10: is out of range"),
            ("3.1", "sigma_log10: is out of range"),
            ("nan", "sigma_log10: is out of range"),
            ('"0.13"', "sigma_log10: is a text"),
            ("[]", "sigma_log10: is an empty list"),
            ("[0.13]", "sigma_log10: holds something that is no table"),
            ("[{ level_iu_per_ml = 35 }]", "sigma_log10[1].sigma_log10: is missing"),
            ("[{ sigma_log10 = 0.2 }]", "sigma_log10[1].level_iu_per_ml: is missing"),
            ("[{ level_iu_per_ml = 0, sigma_log10 = 0.2 }]", "sigma_log10[1].level_iu_per_ml: is out of range"),
            ("[{ level_iu_per_ml = 35, sigma_log10 = 0.2, from = 1 }]", "sigma_log10[1].from: is not a key"),
            (
                "[{ level_iu_per_ml = 350, sigma_log10 = 0.1 }, { level_iu_per_ml = 35, sigma_log10 = 0.2 }]",
                "sigma_log10: has levels that do not rise",
            ),
            (
                "[{ level_iu_per_ml = 35, sigma_log10 = 0.1 }, { level_iu_per_ml = 35, sigma_log10 = 0.2 }]",
                "sigma_log10: has levels that do not rise",
            ),
        )
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_a_broken_laboratory_file_is_refused_with_file_key_and_remedy(old: str, new: str, message: str) -> None:
    text = new if old == "no TOML" else SYNTHETIC.replace(old, new)
    assert text != SYNTHETIC
    with pytest.raises(ProtocolError) as caught:
        read_laboratory(text, name="synthetic")
    assert "labs/synthetic.toml" in str(caught.value)
    assert message in str(caught.value)


def test_all_faults_of_a_file_are_reported_at_once() -> None:
    text = SYNTHETIC.replace('separator = ","', "").replace('"csf" = "csf"', '"csf" = 1').replace("[tests]", "[test]")
    with pytest.raises(ProtocolError) as caught:
        read_laboratory(text, name="synthetic")
    message = str(caught.value)
    for key in ("separator", "specimens.csf", "tests.cmv_load", "test: is not a key"):
        assert key in message


def test_assays_that_are_no_tables_are_refused() -> None:
    text = SYNTHETIC.partition("[[assays]]")[0]
    with pytest.raises(ProtocolError, match="assays: holds something that is no table"):
        read_laboratory("assays = [1]\n" + text, name="synthetic")


def test_every_fault_of_an_empty_file_names_a_key_that_is_required() -> None:
    with pytest.raises(ProtocolError, match="laboratory: is missing"):
        read_laboratory("", name="synthetic")

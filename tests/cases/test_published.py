"""Published treated patients, judged after every sample: what the rules say of each, beside what an expert would."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ASSAYS
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.cases.test_ward_situations import NOT_ABOUT_A_LOAD, situations
from tests.exposures import with_exposure

PUBLISHED = situations("published.md")


def known(row: dict[str, str]) -> Known:
    stated = "d-5-" + ("" if row["stated affected"] == "not stated" else f" {row['stated affected']}")
    found = patients.known(row["results"], courses=row["treatment"], stays=stated)
    if row["noise"] == "-":
        return found
    noise = {"laboratory": "lab", "assay": "assay", "compartment": "plasma", "sigma_log10": float(row["noise"])}
    return replace(found, assays=ASSAYS.conform(pl.DataFrame([noise | {"valid_from": patients.moment(-3000)}])))


def said(row: dict[str, str]) -> str:
    """Every alert about a load after any sample, each once, the gravest first; `-` where there is none."""
    days = sorted({sample.day for sample in patients.samples(row["results"])})
    given, found = known(row), set()
    for day in days:
        verdicts = assess(given, protocol=Protocol.shipped(), as_of=patients.moment(day + 0.5)).verdicts
        found |= {
            (v["tier"], v["compartment"], v["rule"])
            for v in verdicts.filter(verdict=words.ALERT).to_dicts()
            if v["rule"] not in NOT_ABOUT_A_LOAD
        }
    return "; ".join(f"{compartment} {rule} {tier}" for tier, compartment, rule in sorted(found)) or "-"


@pytest.mark.parametrize("name", PUBLISHED)
def test_of_a_published_patient_the_rules_say_what_the_table_says(name: str) -> None:
    assert said(PUBLISHED[name]) == PUBLISHED[name]["says"]


@pytest.mark.parametrize(
    ("born", "doses", "kidney", "tier", "grounds", "says"),
    [
        ("never", "never", "never", 2, ["low_fall_lately"], "doses_unknown"),
        (
            "never",
            "valganciclovir 900mg q12 d0-",
            "cg 80 d0-",
            2,
            ["probable_refractory", "low_fall_lately"],
            "probable_refractory",
        ),
        ("never", "valganciclovir 450mg q12 d0-", "cg 80 d0-", 2, ["low_fall_lately"], "doses_outside"),
        ("never", "valganciclovir 900mg q12 d0-", "never", 2, ["low_fall_lately"], "doses_outside"),
        ("2025-12-01", "valganciclovir 900mg q12 d0-", "cg 80 d0-", 2, ["low_fall_lately"], "doses_outside"),
    ],
    ids=["no doses", "doses in the band", "half of them", "no kidney function", "the infant that it was"],
)
def test_ccmv08_is_called_refractory_only_where_adequate_doses_are_on_record(
    born: str, doses: str, kidney: str, tier: int, grounds: list[str], says: str
) -> None:
    """Unchanged after six weeks. The doses are made up, and the patient an adult, but in the last row."""
    given = with_exposure(known(PUBLISHED["cCMV08"]), doses=doses, kidney=kidney, born=born)
    verdicts = assess(given, protocol=Protocol.shipped(), as_of=patients.moment(42.5)).verdicts
    (row,) = verdicts.filter(rule="response", verdict=words.ALERT).to_dicts()
    evidence = json.loads(row["evidence"])
    assert (row["tier"], [g for g in evidence["grounds"] if g != "below_local_line"]) == (tier, grounds)
    assert says in evidence["says"]


def test_every_published_case_is_here() -> None:
    assert len(PUBLISHED) == 14
    assert Path(__file__).with_name("published.md").read_text(encoding="utf-8").count("doi") >= 2

"""A load that can't be (faults.md, row 85): right at the farthest that may be told, and right beyond it."""

from __future__ import annotations

import re

import pytest

from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from tests.feeds.shipped import LABS, csv_bytes, deliver, laboratory


def without_upper_limits() -> Laboratory:
    """The Dutch example of which no assay has an upper limit of its own, which would come first."""
    text = (LABS / "example_nl.toml").read_text("utf-8")
    return read_laboratory(re.sub(r"(?m)^uloq_iu_per_ml.*\n", "", text), name="example_nl")


def becomes(value: str, unit: str, of: Laboratory) -> float | str:
    """The load in IU/mL, or the reason for which the record was set apart."""
    row = {
        "patient_id": "SYNTH-1", "accession_number": "A1", "test": "CMVK", "specimen": "plasma", "value": value,
        "unit": unit, "collected_at": "03-02-2026 08:15", "result_status": "definitief", "assay": "PCR-A",
    }  # fmt: skip
    part = deliver(csv_bytes("example_nl", [row]), "example_nl", laboratory=of)
    assert part.accepted.height + part.quarantined.height == 1
    if part.accepted.height:
        return float(part.accepted["viral_load_iu_per_ml"].item())
    assert value in str(part.quarantined.row(0))  # what was delivered is kept
    return str(part.quarantined["reason"].item())


IMPLAUSIBLE = "implausible_viral_load_iu_per_ml"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("999.999.999.999", "IE/ml", 999_999_999_999.0),
        ("1.000.000.000.000", "IE/ml", 1e12),
        ("1.000.000.000.001", "IE/ml", IMPLAUSIBLE),
        ("1e15", "IE/ml", IMPLAUSIBLE),
        ("12", "log IE/ml", 1e12),
        ("12,01", "log IE/ml", IMPLAUSIBLE),
        ("1.000.000.000", "kIE/ml", 1e12),
        ("1.000.000.001", "kIE/ml", IMPLAUSIBLE),
    ],
)
def test_no_load_beyond_a_million_millions_is_taken_in_whatever_its_unit(
    value: str, unit: str, expected: float | str
) -> None:
    assert becomes(value, unit, without_upper_limits()) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("10.000.000", 1e7), ("10.000.001", "above_own_limit"), ("1.000.000.000.000", "above_own_limit")],
)
def test_the_upper_limit_of_its_own_assay_holds_before_that(value: str, expected: float | str) -> None:
    assert becomes(value, "IE/ml", laboratory("example_nl")) == expected

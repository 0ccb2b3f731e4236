"""The targets of drug levels are those that are published, each with its source, and a row that can't be used is refused."""

from __future__ import annotations

from importlib import resources

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.renal_replacement import CONTINUOUS
from cmvmon.protocol.loader import read_protocol
from cmvmon.shell.folder.protocol_files import Protocol

TEXT = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")


def test_the_targets_are_the_published_ones_and_each_names_its_source() -> None:
    """Maertson 2021: 2 to 4 mg/L under treatment, 1 to 2 under prophylaxis. None is of foscarnet."""
    levels = Protocol.shipped().levels
    assert set(levels) == {"ganciclovir"}
    rows = [
        (r.purpose, r.replacement, r.trough_from_mg_per_l, r.trough_to_mg_per_l) for r in levels["ganciclovir"].rows
    ]
    assert rows == [("treatment", (), 2.0, 4.0), ("treatment", CONTINUOUS, 2.0, 4.0), ("prophylaxis", (), 1.0, 2.0)]
    assert all("Maertson 2021" in row.source for row in levels["ganciclovir"].rows)
    assert "AUC of 50" in levels["ganciclovir"].rows[1].note


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (
            "trough_to_mg_per_l = 4.0",
            "trough_to_mg_per_l = 2.0",
            "has trough_from_mg_per_l not below trough_to_mg_per_l",
        ),
        ('purpose = "prophylaxis"', 'purpose = "treatment"', "has two rows of one purpose"),
        ('purpose = "prophylaxis"', 'purpose = "cure"', "must be one of treatment, prophylaxis"),
        ("trough_from_mg_per_l = 1.0", "trough_from_mg_per_l = -1.0", "must be a number above 0"),
        ('note = "no rule reads it', 'remark = "no rule reads it', "has the key remark, which no row has"),
        ('source = "aim of the same cohort (Maertson 2021)"', 'source = ""', "lacks its source"),
        ('"cvvhdf"]\ntrough', '"cvvhf"]\ntrough', "must be"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_what_to_do(was: str, now: str, says: str) -> None:
    assert was in TEXT
    with pytest.raises(ProtocolError, match=r"levels\.ganciclovir") as caught:
        read_protocol(TEXT.replace(was, now, 1), name="made_up.toml")
    assert says in str(caught.value)

"""The pairs of drugs are those of the clinical reference, and a row that can't be used is refused with what to do."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from cmvmon.domain.co_medication import ATC_CODE
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol.interactions import ALERT, NOTE
from cmvmon.protocol.loader import read_protocol
from cmvmon.shell.folder.protocol_files import Protocol

TEXT = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
PROTOCOL = Protocol.shipped()
PAIRS = PROTOCOL.interactions.pairs


def test_the_pairs_that_alert_are_those_of_the_rules() -> None:
    alerts = {
        drug: {pair.other for pair in PAIRS if (pair.drug, pair.told_as) == (drug, ALERT)}
        for drug in sorted({pair.drug for pair in PAIRS})
    }
    assert alerts["foscarnet"] == {"pentamidine", "citrate"}
    assert alerts["ganciclovir"] == {"imipenem"}
    assert alerts["maribavir"] == {"ganciclovir"}
    assert {"foscarnet", "aminoglycosides", "amphotericin B", "pentamidine", "vancomycin", "NSAIDs"} <= alerts[
        "cidofovir"
    ]
    assert alerts["letermovir"] == set()


def test_what_a_prescribing_system_says_is_a_note() -> None:
    noted = {(pair.drug, pair.other) for pair in PAIRS if pair.told_as == NOTE}
    assert {("foscarnet", "aminoglycosides"), ("ganciclovir", "mycophenolate"), ("letermovir", "voriconazole")} <= noted


def test_every_pair_names_a_group_of_the_drugs_and_codes_that_a_whole_one_can_begin_with() -> None:
    groups = {drug.group for drug in PROTOCOL.drugs.values()}
    for pair in PAIRS:
        assert {pair.drug, *pair.other_groups} <= groups
        assert all(re.fullmatch(ATC_CODE, code + "J01GB01"[len(code) :]) for code in pair.other_atc)
        assert pair.source
        assert pair.strength
        assert pair.owner


def test_only_cidofovir_counts_what_is_not_given_at_the_same_time() -> None:
    assert {pair.within_days for pair in PAIRS if pair.drug == "cidofovir"} == {7.0}
    assert {pair.within_days for pair in PAIRS if pair.drug != "cidofovir"} == {0.0}


@pytest.mark.parametrize(
    ("was", "mended", "says"),
    [
        ('other_atc = ["P01CX01"]', 'other_atc = ["pentamidine"]', "an ATC code or the beginning of one"),
        ('other_routes = ["iv"]', 'other_routes = ["intraveneus"]', "one of iv, oral"),
        ('other_anticoagulants = ["citrate"]', "", "names nothing that the drug is held against"),
        ('effect = "seizures"', 'effect = "fits"', "must have an effect of seizures"),
        ('told_as = "note"', 'told_as = "remark"', "one of alert, note"),
        ("within_days = 7.0\ntold_as", "within_days = 700.0\ntold_as", "from 0 to 60"),
        ('other = "citrate"', 'other = "pentamidine"', "names one pair twice"),
        (
            'drug = "foscarnet"\nother = "citrate"',
            'drug = "foscarnet"\nwho = "x"\nother = "citrate"',
            "has the key who",
        ),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused(was: str, mended: str, says: str) -> None:
    assert was in TEXT
    with pytest.raises(ProtocolError, match=re.escape(says)):
        read_protocol(TEXT.replace(was, mended, 1), name="ours.toml")

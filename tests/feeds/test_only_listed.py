"""A dose or an order whose code is not listed is never left in silence where it sounds like CMV, or like a drug of the protocol."""

from __future__ import annotations

import pytest

from cmvmon.feeds.cmv_drugs import DRUGS, sounds_like_a_drug
from cmvmon.feeds.cmv_names import sounds_like_cmv
from cmvmon.shell.folder.protocol_files import Protocol
from tests.feeds.hl7_told_texts import apart, dose, order, part, read
from tests.feeds.test_fhir_doses import ATC, concept, doses, given

UNLISTED = ("doses_given", "unlisted_code", "RXA-5.1")
CALLED = {
    "ganciclovir": ("J05AB06^^ATC", "Z^GANCICLOVIR 500 mg^L", "Z^gancyclovir^L", "Z6^CYMEVENE 500^L", "Z^Cytovene^L", "Z5^GCV^L", "GANCI500^infuus^L"),
    "valganciclovir": ("J05AB14^^ATC", "Z^valganciclovir tabl^L", "Z^VALGANC 450^L", "Z^Valcyte^L", "Z^VGCV^L"),
    "foscarnet": ("J05AD01^^ATC", "Z^FOSCARNET^L", "Z^foscarnet trinatrium^L", "Z^Foscavir^L", "Z^PFA^L", "FOS^inf^L"),
    "cidofovir": ("J05AB12^^ATC", "Z8^CIDOFOVIR inf^L", "Z^cydofovir^L", "Z^Vistide^L", "Z^CDV^L"),
    "maribavir": ("J05AX10^maribavir^ATC", "Z9^MARIBAVIR 200mg^L", "Z^Livtencity^L", "Z^MBV^L"),
    "letermovir": ("J05AX18^^ATC", "Z7^Letermovir^L", "Z^PREVYMIS 240^L", "Z^LMV^L"),
    "aciclovir": ("J05AB01^^ATC", "Z^aciclovir iv^L", "Z^ACYCLOVIR^L", "Z^Zovirax^L", "Z^ACV^L"),
    "valaciclovir": ("J05AB11^^ATC", "Z^valaciclovir^L", "Z^Valtrex^L", "Z^ZELITREX^L"),
}  # fmt: skip
OTHERS = (
    "J01CR05^piperacilline/tazobactam^ATC",
    "J01XX01^fosfomycine^ATC",
    "FOS^fosfomycine iv^L",
    "FOS^Phosphat infuus^L",
    "J05AB16^remdesivir^ATC",
    "J05AH02^oseltamivir^ATC",
    "J05AB09^famciclovir^ATC",
    "J05AB121^made up^L",
    "A12CX^magnesium^ATC",
    "N02BE01^paracetamol^ATC",
)


def test_every_drug_of_the_protocol_has_its_names_and_each_has_its_cases() -> None:
    assert set(DRUGS) == set(Protocol.shipped().drugs) == set(CALLED)


# What the example lists itself is left out: a code of its list is read.
@pytest.mark.parametrize(
    "drug", [one for each in CALLED.values() for one in each if not one.startswith(("J05AB06", "J05AD01"))]
)
def test_a_dose_of_any_drug_of_the_protocol_that_is_not_listed_is_set_apart(drug: str) -> None:
    found = read(dose(drug=drug))
    assert apart(found) == [UNLISTED]
    assert part(found, "doses_given").ignored == 0


@pytest.mark.parametrize("name", DRUGS)
def test_a_drug_is_known_by_its_code_and_name_in_any_case_and_by_a_code_written_with_gaps(name: str) -> None:
    atc = DRUGS[name].atc
    for text in (
        name,
        name.upper(),
        f"x-{name}/iv",
        atc,
        atc.lower(),
        f"{atc[:3]} {atc[3:5]} {atc[5:]}",
        *DRUGS[name].short,
    ):
        assert sounds_like_a_drug(text), text


@pytest.mark.parametrize("code", ["J05", "J05A", "J05AB", "J05AD", "J05AX"])
def test_a_code_that_was_cut_so_that_any_drug_of_its_group_can_be_meant_is_set_apart(code: str) -> None:
    assert apart(read(dose(drug=f"{code}^^ATC"))) == [UNLISTED]


@pytest.mark.parametrize("drug", OTHERS)
def test_a_dose_of_another_drug_is_counted_and_left(drug: str) -> None:
    found = read(dose(drug=drug))
    assert apart(found) == []
    assert part(found, "doses_given").ignored == 1


@pytest.mark.parametrize(
    "test",
    [
        "C9^Herpesvirus 5 DNA^L",
        "C9^Humaan herpesvirus type 5 PCR^L",
        "C9^HHV-5, PCR^L",
        "C9^HHV5 DNA^L",
        "C8^CMV^L",
        "C7^CYTOMEGALIE PCR^L",
        "C7^Zytomegalievirus-DNA^L",
        "C7^Cytomégalovirus^L",
        "C7^citomegalovirus^L",
        "C7^Human betaherpesvirus 5^L",
        "72493-0^^LN",
    ],
)
def test_an_order_that_sounds_like_cmv_and_is_not_listed_is_set_apart(test: str) -> None:
    assert apart(read(order(test=test))) == [("samples_ordered", "unlisted_code", "OBR-4.1")]


@pytest.mark.parametrize(
    "test",
    [
        "H6^HHV-6 DNA^L",
        "H1^Herpes simplex virus 1/2^L",
        "H8^Human herpesvirus 8^L",
        "G^ganciclovir spiegel^L",
        "HHV^HHV-55^L",
    ],
)
def test_an_order_of_another_virus_or_of_a_drug_level_is_counted_and_left(test: str) -> None:
    found = read(order(test=test))
    assert apart(found) == []
    assert part(found, "samples_ordered").ignored == 1
    assert not sounds_like_cmv(test)


ONLY_GANCICLOVIR = f"""feed = "example_fhir"
description = "Made-up pharmacy that sends everybody's doses"
[doses_given]
only_column = "MedicationAdministration.medicationCodeableConcept.coding[system={ATC}].code"
only = ["J05AB06"]
[doses_given.words.drug]
ganciclovir = ["J05AB06"]
"""


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("J05AB06", "ganciclovir", (1, 0, 0)),
        ("Z9", "Maribavir", (0, 1, 0)),
        ("Z9", "Cymevene", (0, 1, 0)),
        ("Z9", "paracetamol", (0, 0, 1)),
    ],
)
def test_a_dose_in_a_resource_is_known_by_the_name_beside_its_code(
    code: str, name: str, expected: tuple[int, ...]
) -> None:
    found = doses(given(medicationCodeableConcept=concept(code, name, ATC)), text=ONLY_GANCICLOVIR)
    assert (found.accepted.height, found.quarantined.height, found.ignored) == expected

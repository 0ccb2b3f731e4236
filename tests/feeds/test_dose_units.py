"""The amount of a dose is the same number whichever format tells it."""

from __future__ import annotations

import pytest

from cmvmon.feeds.dose_units import MG
from tests.feeds import hl7_told_texts as hl7
from tests.feeds import test_fhir_doses as fhir

AMOUNTS = {"mg": "350", "g": "0.35", "ug": "350000", "mcg": "350000", "\u00b5g": "350000", "\u03bcg": "350000.0"}


def test_every_unit_has_a_case() -> None:
    assert set(AMOUNTS) == set(MG)


@pytest.mark.parametrize("unit", AMOUNTS)
def test_every_unit_is_read_alike_in_messages_and_resources(unit: str) -> None:
    in_message = hl7.read(hl7.dose(AMOUNTS[unit], unit))
    in_resource = fhir.doses(fhir.given(amount=fhir.dose(float(AMOUNTS[unit]), unit)))
    assert hl7.told(in_message, "doses_given", "dose_mg") == [(350.0,)]
    assert in_resource.accepted["dose_mg"].to_list() == [350.0]


@pytest.mark.parametrize(("grams", "mg"), [("6", 6000.0), ("10", 10000.0), ("1.50", 1500.0)])
def test_whole_grams_keep_their_zeros(grams: str, mg: float) -> None:
    found = hl7.read(hl7.dose(grams, "g", drug="J05AD01^foscarnet^ATC"))
    assert hl7.told(found, "doses_given", "dose_mg") == [(mg,)]


@pytest.mark.parametrize("unit", ["mL", "mg/kg", "mmol", "E", "mg/h"])
def test_another_unit_is_read_in_neither(unit: str) -> None:
    in_resource = fhir.doses(fhir.given(amount=fhir.dose(10, unit)))
    assert hl7.apart(hl7.read(hl7.dose("10", unit))) == [("doses_given", "malformed_number", "dose_mg")]
    assert in_resource.quarantined["reason"].to_list() == ["unknown_dose_unit"]

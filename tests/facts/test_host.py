"""What is stated of a patient's defence: each condition is told for itself, whatever is stated beside it."""

from __future__ import annotations

import pytest

from cmvmon.facts.host import HOST
from tests import patients
from tests.facts.reading import facts_of

NAMED = ("has_solid_organ_transplant", "has_stem_cell_transplant", "has_immunosuppression")


@pytest.mark.parametrize(
    ("hosts", "is_weak", "organ", "stem_cells", "suppression"),
    [
        ("solid_organ_transplant d-30-", True, True, False, False),
        ("solid_organ_transplant d-30-; immunosuppression d-30-", True, True, False, True),
        ("stem_cell_transplant d-90-; chemotherapy d-9-", True, False, True, False),
        ("immunosuppression d-90-; previously_immunocompetent d-3-", True, False, False, True),
        ("solid_organ_transplant d-30-d-1; immunosuppression d-30-", True, False, False, True),
        ("previously_immunocompetent d-3-", False, False, False, False),
        ("sepsis d-3-", None, None, None, None),
        ("solid_organ_transplant d-30-d-1", None, None, None, None),
    ],
)
def test_a_condition_is_told_beside_another_and_no_more_once_it_has_ended(
    hosts: str, is_weak: bool | None, organ: bool | None, stem_cells: bool | None, suppression: bool | None
) -> None:
    (found,) = facts_of(patients.known("plasma d0 500", courses="-", stays="d-3-", hosts=hosts)).of(HOST).to_dicts()
    told = (found["is_immunocompromised"], *(found[name] for name in NAMED))
    assert told == (is_weak, organ, stem_cells, suppression)


@pytest.mark.parametrize(
    ("hosts", "covid", "ards"),
    [
        ("covid_19 d-3-; ards d-2-", True, True),
        ("covid_19 d-3-d-1; ards d-2-", False, True),
        ("covid_19 d-3-; sepsis d-3-", True, False),
        ("sepsis d-3-", False, False),
        ("-", None, None),
    ],
)
def test_covid_and_ards_hold_until_they_ended_and_a_list_without_them_says_no(
    hosts: str, covid: bool | None, ards: bool | None
) -> None:
    (found,) = facts_of(patients.known("plasma d0 500", courses="-", stays="d-3-", hosts=hosts)).of(HOST).to_dicts()
    assert (found["has_covid_19"], found["has_ards"]) == (covid, ards)

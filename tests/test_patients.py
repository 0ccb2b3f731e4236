"""The language in which tests make a patient says the same to an assessment and to a delivered file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.run.nightly.night import nightly
from tests import patients, sites

COMPARED = {
    VIRAL_LOAD_RESULTS: ("compartment", "collected_at", "result_status", "detection", "viral_load_iu_per_ml"),
    ANTIVIRAL_COURSES: ("drug", "indication", "started_at", "stopped_at"),
    ICU_STAYS: ("admitted_at", "discharged_at", "affected_compartments"),
}
TOLD = {
    "results": "bal d0 1000000, d7 9000~300, d10 <200; plasma d0 nd, d5 >10000000; whole_blood d-0.5 270000",
    "courses": "ganciclovir d0-d14; foscarnet(prophylaxis) d3-; cidofovir(?) d-9-d-8",
    "stays": "d-30-d-20 / d-3- bal+plasma",
}


@pytest.mark.slow
def test_what_a_store_holds_after_a_delivery_is_what_an_assessment_is_given(tmp_path: Path) -> None:
    sites.admit(tmp_path, patients.PATIENT, **TOLD)
    nightly(tmp_path, as_of=patients.moment(20))
    known = patients.known(**TOLD)
    for row_type, columns in COMPARED.items():
        stored = sites.rows(tmp_path, f"SELECT {', '.join(columns)} FROM {row_type.name}")
        given = [
            tuple(v.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(v, "strftime") else v for v in row)
            for row in known[row_type].select(columns).rows()
        ]
        assert sorted(stored, key=repr) == sorted(given, key=repr), row_type.name


def test_never_delivered_and_delivered_without_a_row_stay_apart() -> None:
    known = patients.known("-", courses="-", stays="never")
    assert known.was_delivered(ANTIVIRAL_COURSES)
    assert not known.was_delivered(ICU_STAYS)


@pytest.mark.parametrize("results", ["plasma d0 clash", "plasma@other d0 500", "plasma d0 nd?"])
def test_what_a_delivered_file_can_not_say_is_refused(results: str) -> None:
    with pytest.raises(ValueError, match=r"accession|laboratory"):
        patients.lines("SYNTHETIC-1", results=results)

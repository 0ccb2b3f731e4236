"""What alerts and the line on duration say of inputs beside loads: a BAL's published range by host, ventilation, serostatus."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cmvmon.assess import assess
from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.protocol import Protocol
from cmvmon.shell.folder.protocol_files import Protocol as Shipped
from cmvmon.text import alert_sentence, codes, duration_sentence, language
from tests import patients
from tests.patients import PATIENT, moment
from tests.rules.reading import assessed, cases
from tests.sampling import with_samples

SHIPPED = Shipped.shipped()
RANGES = {
    "never": "Published cut-offs run from 99.7 to 34,800 IU/mL (Boeckh 2017, Beam 2018).",
    "covid_19 d-9-": "Published cut-offs run from 99.7 to 34,800 IU/mL (Boeckh 2017, Beam 2018).",
    "solid_organ_transplant d-9-": "Published cut-offs after organ transplantation: 4,545 to 34,800 IU/mL (Lodding 2018, Beam 2018; mostly lung).",
    "stem_cell_transplant d-9-": "Published cut-offs after stem cell transplantation: 99.7 to 500 IU/mL (Boeckh 2017).",
    "immunosuppression d-9-": "Published cut-off in immunosuppression: 1,258 IU/mL (Berengua 2023).",
    "chemotherapy d-9-": "No cut-off of BAL in IU/mL was found for this host.",
    "hiv_aids d-9-": "No cut-off of BAL in IU/mL was found for this host.",
    "previously_immunocompetent d-9-": "No cut-off was validated in ICU patients who were immunocompetent before.",
    "solid_organ_transplant d-9-d-1; chemotherapy d-9-": "No cut-off of BAL in IU/mL was found for this host.",
}


def evidence(rule: str, *, protocol: Protocol = SHIPPED, day: float = 1, **given: str) -> dict[str, object]:
    results, courses, stays = (given.get(name, "-") for name in ("results", "courses", "stays"))
    known = patients.known(results, courses=courses, stays=stays, hosts=given.get("hosts", "never"))
    verdicts = assess(known, protocol=protocol, as_of=moment(day)).verdicts
    (found,) = (row["evidence"] for row in verdicts.iter_rows(named=True) if row["rule"] == rule)
    return dict(json.loads(found))


@pytest.mark.parametrize("hosts", RANGES)
def test_a_load_in_bal_stands_beside_the_published_range_of_its_host(hosts: str) -> None:
    told = evidence("bal_at_local_line", results="bal d0 12000", stays="d-3-", hosts=hosts)
    said = alert_sentence("bal_at_local_line", told, language("en"))
    assert RANGES[hosts] in said
    assert sum(text in said for text in set(RANGES.values())) == 1
    assert "below threshold" not in said.lower()


def test_of_two_conditions_both_ranges_are_told() -> None:
    told = evidence(
        "bal_at_local_line",
        results="bal d0 300",
        stays="d-3-",
        hosts="solid_organ_transplant d-9-; immunosuppression d-9-",
    )
    said = alert_sentence("bal_at_local_line", told, language("en"))
    assert RANGES["solid_organ_transplant d-9-"] in said
    assert RANGES["immunosuppression d-9-"] in said


DURATION = {
    "~d-2-": "Ventilated. Kind not on record: a tracheostomy mask would count as off the ventilator by the protocol.",
    "~d-2-@invasive": "Ventilated. Kind: invasive.",
    "~d-2-@non_invasive": "Ventilated. Kind: non-invasive (mask or helmet).",
    "~d-2-@tracheostomy_mask": "Not ventilated. Tracheostomy mask: counts as off the ventilator by the protocol.",
    "~d-2-d1@invasive": "Not ventilated. ",
    "": "Not ventilated. ",
}


@pytest.mark.parametrize("vent", DURATION)
def test_the_line_on_duration_says_what_counts_as_off_the_ventilator(vent: str) -> None:
    told = evidence("guide_duration", results="bal d0 5000", courses="ganciclovir d0-", stays=f"d-3- bal {vent}", day=5)
    assert DURATION[vent] in duration_sentence(told, language("en"))
    assert all(duration_sentence(told, language(code)) for code in codes())


def test_a_site_may_sign_that_a_tracheostomy_mask_is_no_end_of_ventilation() -> None:
    signed = replace(SHIPPED, ventilation=replace(SHIPPED.ventilation, off_ventilator=()))
    given = {"results": "bal d0 5000", "courses": "ganciclovir d0-", "stays": "d-3- bal ~d-2-@tracheostomy_mask"}
    assert evidence("guide_duration", day=5, **given)["is_ventilated"] is False
    assert evidence("guide_duration", protocol=signed, day=5, **given)["is_ventilated"] is True


def test_an_alert_says_that_the_kind_of_ventilation_is_not_on_record_where_it_is_not() -> None:
    said = {
        case.name: json.loads(row["evidence"])["says"]
        for case in cases("guide_sampling_moment")
        if case.verdict == "alert"
        for row in assessed(case).verdicts.iter_rows(named=True)
        if row["rule"] == case.rule
    }
    assert "kind_unknown" in said["COVID, day 7, oxygenation as on the first days, no BAL"]
    assert "kind_unknown" not in said["by a tube"]
    assert "kind_unknown" not in said["through a tracheostomy"]


def test_serology_that_could_not_be_read_is_not_serology_that_is_absent() -> None:
    known = patients.known(
        "plasma d0 2000, d7 400, d11 20000, d14 90000",
        courses="ganciclovir d0-",
        stays="d-3-",
        hosts="solid_organ_transplant d-60-",
        reports="-",
    )
    reasons = []
    for unread in ({}, {CMV_SEROLOGY.name: frozenset({PATIENT})}):
        given = replace(with_samples(known, serology="donor igg positive d-60"), unread=unread)
        verdicts = assess(given, protocol=SHIPPED, as_of=moment(14.5)).verdicts
        reasons += [row["reason"] for row in verdicts.iter_rows(named=True) if row["rule"] == "genotype_not_on_record"]
    assert reasons == ["serostatus_not_on_record", "serology_unread"]

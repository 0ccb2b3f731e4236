"""What the patient page notes of antiviral drugs beside others, from the delivered rows to the line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmvmon.assess import assess
from cmvmon.dashboards.drug_notes import drug_notes
from cmvmon.dashboards.patient import patient_page
from cmvmon.facts.drug_pairs import noted_pairs
from cmvmon.protocol.interactions import NOTE, NOTED_EFFECTS
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from tests import patients
from tests.exposures import with_exposure
from tests.pages import made_up
from tests.pages.test_what_pages_say import text
from tests.patients import moment

SHIPPED = Protocol.shipped()
CASES = {
    "gentamicin beside foscarnet": (
        "foscarnet d0-",
        "J01GB03 iv d2-",
        ["Foscarnet naast aminoglycosiden: beide kunnen de nier schaden."],
    ),
    "by a vein or by mouth": (
        "ganciclovir d0-",
        "L04AA06 oral d0-",
        [
            "Ganciclovir naast mycofenolaat: beide kunnen het beenmerg remmen; bij verminderde nierfunctie zijn beide spiegels hoger."
        ],
    ),
    "two at once, each on its line": (
        "letermovir(prophylaxis) d0-",
        "N05CD08 iv d1-; J02AC03 iv d1-",
        [
            "Letermovir naast midazolam: hogere spiegel daarvan door letermovir.",
            "Letermovir naast voriconazol: lagere spiegel daarvan door letermovir.",
        ],
    ),
    "what was stopped is noted no more": ("foscarnet d0-", "J01GB03 iv d1-d3", []),
    "an antiviral drug that was stopped": ("foscarnet d0-d2", "J01GB03 iv d3-", []),
    "a drug of no pair": ("foscarnet d0-", "A02BC02 iv d0-", []),
    "nothing beside it": ("ganciclovir d0-", "-", []),
    "the table was never delivered: said once for the drug, not once for each pair": (
        "letermovir(prophylaxis) d0-",
        "never",
        ["Letermovir: niet bekend wat ernaast wordt gegeven (overige medicatie is nooit geleverd)."],
    ),
    "no antiviral drug": ("-", "J01GB03 iv d0-", []),
}


def noted(courses: str, beside: str, *, protocol: Protocol = SHIPPED, code: str = "nl") -> list[str]:
    known = with_exposure(patients.known("plasma d0 5000", courses=courses, stays="d-3-"), beside=beside)
    facts = assess(known, protocol=protocol, as_of=moment(6)).facts
    return drug_notes(made_up.slow_patient(noted_pairs=noted_pairs(facts)), language(code))


@pytest.mark.parametrize("name", CASES)
def test_the_page_notes_what_is_given_together_now(name: str) -> None:
    courses, beside, lines = CASES[name]
    assert noted(courses, beside) == lines


def test_a_site_can_switch_the_notes_off() -> None:
    without = replace(SHIPPED, interactions=replace(SHIPPED.interactions, show_notes=False))
    assert noted(*CASES["gentamicin beside foscarnet"][:2], protocol=without) == []


def test_the_notes_are_folded_on_the_page_and_absent_where_there_are_none() -> None:
    known = with_exposure(patients.known("plasma d0 5000", courses="foscarnet d0-"), beside="J01GB03 iv d2-")
    rows = noted_pairs(assess(known, protocol=SHIPPED, as_of=moment(6)).facts)
    page = patient_page(made_up.slow_patient(noted_pairs=rows), language=language("en"), script="s.js")
    folded = page.partition('<details id="therapy">')[2].partition("</details>")[0]
    assert "Foscarnet beside aminoglycosides: both can harm the kidney." in text(folded)
    assert 'id="drug-notes"' not in patient_page(made_up.slow_patient(), language=language("en"), script="s.js")


def test_every_noted_effect_and_other_drug_has_its_words_in_every_language() -> None:
    pairs = [pair for pair in SHIPPED.interactions.pairs if pair.told_as == NOTE]
    assert {pair.effect for pair in pairs} == set(NOTED_EFFECTS)
    for code in codes():
        assert all(language(code).say(f"noted.{effect}", drugs="a", other="b") for effect in NOTED_EFFECTS)
        assert all(language(code).has(f"other_drug.{pair.other}") for pair in pairs)

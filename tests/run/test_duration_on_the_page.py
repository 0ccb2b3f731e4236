"""How long treatment has run, beside the ward's guide, is always on the patient's page. All patients are made up."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.sites import course, day, drop, page_of, result, stay


def duration(root: Path, patient: str, code: str = "en") -> str:
    """The line on her page; empty where there is none."""
    found = re.search(r'<p id="duration">(.*?)</p>', page_of(root, patient, code), flags=re.S)
    return unescape(found[1]) if found else ""


def test_a_treated_patient_s_page_says_how_long_and_what_the_guide_asks_for(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(20.9))
    guide = "Ward's guide: in principle until off the ventilator, and at least 21 days."
    assert duration(tmp_path, "SYNTHETIC-SLOW") == (
        f"Treated for 20 days. {guide} Ventilated. Kind not on record: a tracheostomy mask would count as off the ventilator by the "
        "protocol. Last two results (BAL): not both below the quantification limit."
    )
    assert duration(tmp_path, "SYNTHETIC-ONE").endswith("No two readable results yet of the leading compartment.")
    assert duration(tmp_path, "SYNTHETIC-SLOW", "nl").startswith("20 dagen behandeld. Afdelingsrichtlijn: ")


def test_an_untreated_patient_s_page_says_nothing_of_it(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 900), result("SYNTHETIC-2", 0, 900)])
    drop(tmp_path, "antiviral_courses", [course("SYNTHETIC-2")])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1"), stay("SYNTHETIC-2", bed="S-02")])
    nightly(tmp_path, as_of=day(3))
    assert duration(tmp_path, "SYNTHETIC-1") == ""
    assert duration(tmp_path, "SYNTHETIC-2").startswith("Treated for 3 days.")

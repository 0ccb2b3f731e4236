"""The ward page shows every compartment's newest load, and says which no rule watches. All patients are made up."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from cmvmon.run.nightly.night import nightly
from tests.sites import course, day, drop, result, stay

ON, OFF = "SYNTHETIC-ON", "SYNTHETIC-OFF"


def ward(root: Path, code: str = "en") -> str:
    page = (root / "pages" / f"ward.{code}.html").read_text(encoding="utf-8")
    return " ".join(
        unescape(
            re.sub(
                r"<style>.*?</style>|<[^>]+>",
                lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ",
                page,
                flags=re.S,
            )
        ).split()
    )


def a_ward(root: Path) -> None:
    """Wash fluid rises a thousandfold, on treatment for the lung and untreated; BAL of the one on treatment is not detected."""
    loads = ((0, 900), (7, 5000), (14, 60000), (21, 900000))
    wash = [result(p, d, load, specimen="bronchial wash") for p in (ON, OFF) for d, load in loads]
    lung = [result(ON, 0, 20000), result(ON, 14, "not detected")]
    drop(root, "viral_load_results", [*wash, *lung])
    drop(root, "antiviral_courses", [course(ON)])
    drop(root, "icu_stays", [stay(ON, affected="bal"), stay(OFF, affected="", bed="S-02")])
    nightly(root, as_of=day(21.5))


def test_no_load_is_left_out_beside_one_that_is_not_detected_and_what_no_rule_watches_is_said(tmp_path: Path) -> None:
    a_ward(tmp_path)
    said = ward(tmp_path)
    assert (
        "BAL: not detected; 15 Mar 2026, 8 days ago. Bronchial wash: 900,000 IU/mL, rose in 7 days; 22 Mar 2026" in said
    )
    assert said.count("Bronchial wash: 900,000 IU/mL, rose in 7 days; 22 Mar 2026, 1 day ago; not watched") >= 2
    assert "Watched by no rule: 2 loads, marked in the list." in said
    assert (
        "Could not be assessed (2)" in said
    )  # of the one on treatment: whether a negative BAL under a drug says anything
    assert "Now (" not in said
    assert "BAL: not detected; 15 Mar 2026, 8 days ago; not watched" not in said

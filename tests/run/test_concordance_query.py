"""`cmvmon concordance` on a real site, and the same answer for the patients of one delivery as for the night. All made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.run.asking.concordance_query import compared
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests.sites import course, day, drop, result, stay, text

AS_OF = day(15)
WAVE = (1_000_000, 1_000, 1_000_000, 1_000, 1_000_000)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five patients in whom plasma and BAL move alike, and one with plasma only, in whom the team states BAL."""
    root = tmp_path_factory.mktemp("site")
    lines = [
        result(f"SYNTHETIC-U{i}", -30 + 6 * k, load, specimen=specimen)
        for i in range(5)
        for specimen in ("plasma", "bal")
        for k, load in enumerate(WAVE)
    ]
    lines += [result("SYNTHETIC-1", d, load, specimen="plasma") for d, load in ((0, 10_000), (7, 10_000), (14, 9_000))]
    drop(root, "viral_load_results", lines)
    drop(root, "antiviral_courses", [course("SYNTHETIC-1")])
    drop(root, "icu_stays", [stay("SYNTHETIC-1")])
    nightly(root, as_of=AS_OF)
    return root


def test_the_rows_of_the_unit_come_first_each_with_its_sentence(site: Path) -> None:
    rows = compared(site, as_of=AS_OF, patient=None, lang="en")
    assert [row["scope"] for row in rows] == ["unit"] + ["patient"] * 5
    assert (rows[0]["answer"], rows[0]["n_pairs"]) == ("plasma_follows", 25)
    assert rows[0]["sentence"].startswith(
        "Whole unit: Plasma follows BAL: yes (same direction in 20 of 20 clear changes"
    )
    assert rows[1]["sentence"] == "Plasma follows BAL: not established (too few pairs: 5 of 6)"
    assert rows[1]["lag_reason"] == "too_few_changes"


def test_the_command_prints_a_table_and_sentences_and_the_same_for_a_machine(site: Path) -> None:
    called = ["concordance", "--site", str(site), "--as-of", text(AS_OF)]
    plain = CliRunner().invoke(app, [*called, "--patient", "SYNTHETIC-U0"])
    assert plain.exit_code == 0, plain.output
    header, unit, mine, *sentences = plain.output.splitlines()
    assert header.split()[:3] == ["scope", "patient_id", "followed_compartment"]
    assert (unit.split()[-1], mine.split()[1]) == ("plasma_follows", "SYNTHETIC-U0")
    assert sentences[1] == "SYNTHETIC-U0: Plasma volgt BAL: niet vastgesteld (te weinig paren: 5 van 6)"
    document = json.loads(CliRunner().invoke(app, [*called, "--json"]).output)
    assert [row["patient_id"] for row in document] == [None, *(f"SYNTHETIC-U{i}" for i in range(5))]


def test_a_patient_of_whom_nothing_is_known_is_said_so(site: Path) -> None:
    done = CliRunner().invoke(app, ["concordance", "--site", str(site), "--as-of", text(AS_OF), "--patient", "NOBODY"])
    assert "no usable result of that patient" in str(done.exception)


def test_the_patients_of_one_delivery_get_the_answer_of_the_whole_night(site: Path) -> None:
    with open_site(site) as opened:
        night = assessed(opened, as_of=AS_OF)
        few = assessed(opened, as_of=AS_OF, patients=["SYNTHETIC-1"])
    mine = night.verdicts.filter(patient_id="SYNTHETIC-1")
    assert few.verdicts.equals(mine, null_equal=True)
    assert "stands_in" in mine.filter(rule="response", compartment="plasma")["evidence"][0]


def test_the_page_says_in_plain_words_that_plasma_stands_in_and_what_is_known(site: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in Site(site).pages.glob("*.nl.html")]
    page = next(page for page in pages if '<dd id="patient">SYNTHETIC-1</dd>' in page)
    assert "Plasma wordt beoordeeld voor BAL: daarvan is geen nieuwe uitslag." in page
    assert "Plasma volgt BAL: niet vastgesteld (te weinig paren: 0 van 6)." in page
    assert "Hele afdeling: Plasma volgt BAL: ja (richting gelijk bij 20 van 20 duidelijke veranderingen" in page
    assert "Aangedaan volgens het team: BAL." in page

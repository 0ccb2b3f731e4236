"""`cmvmon next-sample` on a real site, in words and for a machine, and the same sentence on the page. All made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from tests.sites import course, day, drop, result, stay, text, unmarked

AS_OF = day(8)
OPEN, SETTLED, UNTREATED = "SYNTHETIC-1", "SYNTHETIC-2", "SYNTHETIC-3"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient who falls by about the target, one who falls fast, one without treatment."""
    root = tmp_path_factory.mktemp("site")
    loads = {OPEN: (100_000, 12_000), SETTLED: (1_000_000, 800), UNTREATED: (5_000, 5_000)}
    lines = [
        result(p, d, load, specimen="plasma") for p, two in loads.items() for d, load in zip((0, 7), two, strict=True)
    ]
    drop(root, "viral_load_results", lines)
    drop(root, "antiviral_courses", [course(OPEN), course(SETTLED)])
    drop(root, "icu_stays", [stay(p) for p in loads])
    nightly(root, as_of=AS_OF)
    return root


def called(site: Path, patient: str, *more: str) -> str:
    arguments = ["next-sample", "--site", str(site), "--as-of", text(AS_OF), "--patient", patient, *more]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_open_call_has_a_day_a_probability_and_a_sentence_in_both_languages(site: Path) -> None:
    (row,) = json.loads(called(site, OPEN, "--json"))
    assert (row["patient_id"], row["compartment"]) == (OPEN, "plasma")
    assert row["as_of"] < row["next_sample_at"]
    assert 0.8 <= row["probability_decisive"] <= 1.0
    assert "zou dat met" in called(site, OPEN)
    assert "would decide it with 80% probability" in called(site, OPEN, "--lang", "en")
    page = (Site(site).pages / page_of(Site(site), OPEN, "nl")).read_text(encoding="utf-8")
    assert row["sentence"] in unmarked(page)


def test_nothing_open_is_an_answer_in_words(site: Path) -> None:
    assert called(site, SETTLED, "--lang", "en").strip() == "No series of this patient has an open call."
    assert called(site, UNTREATED, "--lang", "en").strip() == "No series of this patient has a treatment week to judge."
    assert json.loads(called(site, SETTLED, "--json")) == []
    page = (Site(site).pages / page_of(Site(site), SETTLED, "nl")).read_text(encoding="utf-8")
    assert "volgend monster" not in page


def test_a_patient_of_whom_nothing_is_known_is_an_error_that_does_not_name_her(site: Path) -> None:
    arguments = ["next-sample", "--site", str(site), "--as-of", text(AS_OF), "--patient", "NOBODY"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code != 0
    assert "NOBODY" not in str(done.exception)
    assert "no usable result of that patient" in str(done.exception)

"""The right answer of every case of docs/reading-test.md stands on the page of its patient in the demo, in both languages."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.text import codes
from tests.docs.reading_page import CASES, Case, reading_page
from tests.pages.demo_site import Demo

ABOUT = {
    "stale data",
    "censored run",
    "withdrawn result",
    "assay step",
    "two compartments",
}  # of ../shared/pages.md, D5


def shown(html: str) -> str:
    """What stands on the page without a tap: its text, spaces once, neither folds nor figures."""
    html = re.sub(r"<style>.*?</style>|<script.*?</script>|<svg.*?</svg>|<details.*?</details>", " ", html, flags=re.S)
    return " ".join(
        unescape(re.sub(r"<[^>]+>", lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ", html)).split()
    )


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_the_right_answer_stands_on_the_page_and_the_ward_page_leads_there(demo: Demo, case: Case, code: str) -> None:
    name = page_of(Site(demo.root), case.patient, code)
    text = shown((demo.root / "pages" / name).read_text(encoding="utf-8"))
    assert [answer for answer in case.answers[code] if answer not in text] == []
    ward = (demo.root / "pages" / f"ward.{code}.html").read_text(encoding="utf-8")
    assert f'<a class="id" href="{name}">{case.patient}</a>' in ward


def test_there_are_twelve_cases_of_twelve_patients_with_those_that_every_reading_test_must_have() -> None:
    assert len(CASES) == len({case.patient for case in CASES}) == len({case.about for case in CASES}) == 12
    assert {case.about for case in CASES} >= ABOUT
    assert all(set(case.answers) == set(codes()) and all(case.answers.values()) for case in CASES)


def test_the_page_is_the_one_that_is_made_from_the_cases() -> None:
    assert Path(__file__).parents[2].joinpath("docs", "reading-test.md").read_text(encoding="utf-8") == reading_page()

"""The commands of the page on FHIR files give the output that stands there, and its tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from cmvmon.domain import words
from cmvmon.feeds.fhir.entries import READ
from cmvmon.feeds.fhir.observations import KINDS
from cmvmon.feeds.fhir.statuses import OF_RESULTS
from cmvmon.feeds.formats import FORMATS
from cmvmon.feeds.reasons import remedy
from tests.docs.page_commands import ROOT, run_commands

PAGE = (ROOT / "docs" / "fhir.md").read_text(encoding="utf-8")


def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    page = run_commands(PAGE, tmp_path, expected=4)
    assert "SYNTH-FHIR-1" in page
    assert "620,000 IU/mL" in page  # the corrected value
    assert "MADEUP" not in page


def test_the_table_of_statuses_is_that_of_the_code() -> None:
    means = {
        words.FINAL: "final",
        words.CORRECTED: "corrected",
        words.PRELIMINARY: "preliminary",
        words.WITHDRAWN: "withdrawn",
    }
    table = PAGE.split("| Observation.status |")[1].split("\n\n")[0]
    shown = dict(re.findall(r"^\| ([a-z, -]+) \| ([a-z]+)", table, re.M))
    told = {status: text for several, text in shown.items() for status in several.split(", ")}
    assert {status: text for status, text in told.items() if text != "set"} == {
        s: means[m] for s, m in OF_RESULTS.items()
    }
    assert told["unknown"] == "set"


def test_what_the_page_names_exists() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE)
    named = re.findall(r"`((?:cmvmon|docs)/[\w./]+)`", PAGE)
    assert [path for path in linked if not (ROOT / "docs" / path).exists()] == []
    assert [path for path in named if not (ROOT / path).exists()] == []
    for code in re.findall(r"[(;] ?`([a-z]+_[a-z_]+)`\)", PAGE):
        assert remedy(code)
    assert set(re.search(r"a Bundle \((.*?)\)", PAGE)[1].split(", ")) == READ  # type: ignore[index]
    assert set(re.search(r"Types that can be named:\n(.*?)\.", PAGE)[1].split(", ")) == set(KINDS)  # type: ignore[index]
    assert {form.ending for name, form in FORMATS.items() if name.startswith("fhir")} == set(
        re.findall(r"\| `(\.fhir\.\w+)` \|", PAGE)
    )

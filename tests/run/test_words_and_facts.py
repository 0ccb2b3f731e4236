"""An alert whose results were withdrawn, moved, put in doubt or corrected says so that night; one whose results stand stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests.sites import course, day, drop, land, page_of, result, stay, text

ONE, TWO = "SYNTHETIC-1", "SYNTHETIC-2"
LATEST = {"accession": "A3", "specimen": "plasma"}
LATER = LATEST | {"reported": text(day(15.5))}


def ward(root: Path) -> None:
    """Plasma falls from 50,000 to 60 IU/mL under treatment, then stands at 900,000: `rebound` alerts that night."""
    drop(
        root,
        "viral_load_results",
        [
            result(ONE, 0, 50000, specimen="plasma"),
            result(ONE, 7, 60, specimen="plasma"),
            result(ONE, 14, 900000, **LATEST),
            result(TWO, 0, 40000, specimen="plasma"),
        ],
    )
    drop(root, "antiviral_courses", [course(ONE, start=0.1), course(TWO, start=0.1)])
    drop(root, "icu_stays", [stay(ONE, affected="plasma"), stay(TWO, affected="plasma", bed="S-02")])
    nightly(root, as_of=day(15))
    assert rebound(root) == [(ONE, "open", None)]


def alerts(root: Path) -> list[dict[str, Any]]:
    with open_site(root) as opened, opened.reading() as connection:
        return alert_store.alerts(connection)


def rebound(root: Path) -> list[tuple[str, str, str | None]]:
    return [(a["patient_id"], a["state"], a["cause"]) for a in alerts(root) if a["rule"] == "rebound"]


def brought(root: Path, table: str, lines: list[str], *, live: bool) -> None:
    """What a delivery brings about at day 16: by the night, or live."""
    if live:
        lab_feed(root, land(root, table, lines, at=day(16)), as_of=day(16))
    else:
        drop(root, table, lines, name="two.csv")
        nightly(root, as_of=day(16))


def sentences(text: str) -> list[str]:
    """The headline and the open alerts of a page."""
    return re.findall(r'<div class="headline.*?</div>|<article class="alert.*?</article>', text, flags=re.S)


MOVED = ("moved to another patient", "moved to another compartment")  # there the load is one that somebody has
CHANGES = {
    "withdrawn": ([result(ONE, 14, "", status="W", **LATER)], ("closed", "facts_withdrawn")),
    "moved to another patient": ([result(TWO, 14, 900000, status="C", **LATER)], ("closed", "facts_moved")),
    "moved to another compartment": (
        [result(ONE, 14, 900000, status="C", **(LATER | {"specimen": "urine"}))],
        ("closed", "facts_moved"),
    ),
    "two values under one number": (
        [result(ONE, 14, 900000, **LATER), result(ONE, 14, 800, **LATER)],
        ("closed", "facts_in_doubt"),
    ),
    "corrected to a rise too small to be sure of": (
        [result(ONE, 14, 800, status="C", **LATER)],
        ("closed", "facts_corrected"),
    ),
    "corrected to no rise": ([result(ONE, 14, 90, status="C", **LATER)], ("resolved", "facts_corrected")),
    "corrected and a rise all the same": ([result(ONE, 14, 800000, status="C", **LATER)], ("open", None)),
    "the lowest withdrawn": (
        [result(ONE, 7, "", specimen="plasma", status="W", reported=text(day(15.5)))],
        ("closed", "facts_withdrawn"),
    ),
}


ON_PAGES = {
    "withdrawn": ("900,000 IU/mL, withdrawn on 16 Mar 2026", "900.000 IE/ml, ingetrokken op 16-03-2026"),
    "moved to another patient": (
        "900,000 IU/mL, moved to another patient on 16 Mar 2026",
        "900.000 IE/ml, op 16-03-2026 aan een andere patiënt toegewezen",
    ),
    "moved to another compartment": (
        "Corrected on 16 Mar 2026; before: plasma, 900,000 IU/mL.",
        "Gecorrigeerd op 16-03-2026; daarvoor: plasma, 900.000 IE/ml.",
    ),
    "corrected to no rise": (
        "Corrected on 16 Mar 2026; before: 900,000 IU/mL.",
        "Gecorrigeerd op 16-03-2026; daarvoor: 900.000 IE/ml.",
    ),
}


@pytest.mark.parametrize("live", [False, True], ids=["by the night", "live"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_alert_is_judged_by_what_became_of_its_results(tmp_path: Path, change: str, live: bool) -> None:
    ward(tmp_path)
    lines, expected = CHANGES[change]
    brought(tmp_path, "viral_load_results", lines, live=live)
    assert rebound(tmp_path)[0] == (ONE, *expected)
    for said, code in zip(ON_PAGES.get(change, ()), ("en", "nl"), strict=False):
        assert page_of(tmp_path, ONE, code).count(said) == 1
        assert said not in page_of(tmp_path, TWO, code)
    if expected[0] != "open" and change != "the lowest withdrawn":
        assert not any("900,000" in sentence for sentence in sentences(page_of(tmp_path, ONE)))
        assert "900,000" not in (tmp_path / "pages" / "ward.en.html").read_text(encoding="utf-8") or change in MOVED


@pytest.mark.parametrize("live", [False, True], ids=["by the night", "live"])
def test_an_alert_whose_results_all_stand_stays_open_where_its_rule_can_not_tell(tmp_path: Path, live: bool) -> None:
    ward(tmp_path)
    brought(tmp_path, "antiviral_courses", [course(ONE, start=0.1, intent="")], live=live)
    with open_site(tmp_path) as opened:
        found = assessed(opened, as_of=day(16)).verdicts.filter(patient_id=ONE, rule="rebound")
    assert found["verdict"].to_list() == ["not_assessable"]
    assert rebound(tmp_path) == [(ONE, "open", None)]


def test_a_result_that_was_moved_stays_with_its_patient_whatever_comes_live_later(tmp_path: Path) -> None:
    ward(tmp_path)
    brought(tmp_path, "viral_load_results", [result(TWO, 14, 900000, status="C", **LATER)], live=True)
    lab_feed(
        tmp_path,
        land(tmp_path, "viral_load_results", [result(ONE, 16.2, 50, specimen="plasma")], at=day(17)),
        as_of=day(17),
    )
    with open_site(tmp_path) as opened:
        alone = assessed(opened, as_of=day(17), patients=[ONE])
        everybody = assessed(opened, as_of=day(17))
    (mine,) = everybody.results.filter(patient_id=ONE)["accession_number"].implode()
    assert alone.results.filter(patient_id=ONE)["accession_number"].to_list() == mine.to_list()
    assert rebound(tmp_path)[0] == (ONE, "closed", "facts_moved")

"""Every situation of ward_situations.md, and of its neighbours, judged on its day: does the compartment that must alert have an alert of tier 1 or 2?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients

FOLDER = Path(__file__).parent
# `no_follow_up` tells of a missing sample; neither is about a load that is too high or does not fall.
NOT_ABOUT_A_LOAD = {"no_follow_up", "guide_duration"}


def situations(name: str) -> dict[str, dict[str, str]]:
    """The table's rows by name."""
    lines = [line for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


GIVEN, NEIGHBOURS = situations("ward_situations.md"), situations("ward_neighbours.md")
SITUATIONS = GIVEN | NEIGHBOURS


def alerting(row: dict[str, str]) -> list[str]:
    """The compartments with an alert of tier 1 or 2 about their load, on the day on which the situation is judged."""
    return sorted({v["compartment"] for v in alerts(row) if v["rule"] not in NOT_ABOUT_A_LOAD})


def alerts(row: dict[str, str]) -> list[dict[str, Any]]:
    """Every alert of tier 1 or 2 on that day."""
    as_of: datetime = patients.moment(float(row["judged on day"]))
    stated = {"not stated": "d-3-", "none": "d-3- none"}[row["stated affected"]]
    known = patients.known(row["results"], courses=row["treatment"], stays=stated)
    verdicts = assess(known, protocol=Protocol.shipped(), as_of=as_of).verdicts
    return [verdict for verdict in verdicts.filter(verdict=words.ALERT).to_dicts() if verdict["tier"] <= 2]


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_compartment_that_must_alert_alerts_and_no_other_situation_does(name: str) -> None:
    row = SITUATIONS[name]
    found, must = alerting(row), row["must alert"]
    assert found == [] if must == "none" else must in found


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_alert_stands_that_is_not_listed(name: str) -> None:
    row = SITUATIONS[name]
    found = sorted(" ".join(filter(None, (v["compartment"], v["rule"], str(v["tier"])))) for v in alerts(row))
    assert found == sorted(row["every alert"].split("; ") if row["every alert"] != "-" else [])


def test_every_situation_is_here() -> None:
    assert (len(GIVEN), len(NEIGHBOURS)) == (13, 29)


def test_what_alerts_is_read_as_it_stands() -> None:
    """A course that today's rules do alert on is seen to alert, and one that they do not is not: the reading works."""
    flat = {
        "results": "plasma d0 50000, d7 50000, d14 50000, d21 50000",
        "treatment": "ganciclovir d0-",
        "stated affected": "not stated",
        "judged on day": "22",
    }
    assert alerting(flat) == ["plasma"]
    assert alerting(flat | {"results": "plasma d0 50000, d7 1500, d14 40, d21 nd"}) == []

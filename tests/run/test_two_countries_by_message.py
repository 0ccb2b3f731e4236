"""The same ward with its loads and doses in HL7 messages: OBX-6 and RXA-7 hold the unit of the country, and the verdicts are the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.delivered import BY_NAME
from cmvmon.feeds.dose_units import MG
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.nightly.night import nightly
from tests.feeds.hl7_texts import file_of, message, order
from tests.patients import moment
from tests.run import two_countries
from tests.run.two_countries import AMERICAN, AS_OF, COUNTRIES, DOSES, DUTCH, RESULTS, Country
from tests.run.two_countries.comparing import differences, facts_of, judged, stored

FEED = "messages"
DOSED = """
    patient  | drug           | Dutch         | American
    DOSE-LOW | valganciclovir | 0.9 g         | 900 mg
    DOSE-AT  | ganciclovir    | 285 mg        | 285000 mcg
    EGFR     | ganciclovir    | 350000 \u00b5g | 0.35 g
    MOVED    | ganciclovir    | 350 mg        | 350000 ug
    LEVEL-AT | ganciclovir    | 350 mg        | 350000 \u03bcg
"""
TABLES = """feed = "messages"
description = "Made up"
time_zone = "Europe/Amsterdam"

[doses_given]
only_column = "RXA-5.1"
only = ["ganciclovir", "valganciclovir"]

[doses_given.columns]
patient_id = "PID-3[5=MR].1"
"""


def laboratory(country: Country) -> str:
    """The example of a laboratory by HL7 with the decimal mark, units and assays of the country's files."""
    text = resources.files("cmvmon.feeds").joinpath("labs", "example_hl7.toml").read_text("utf-8")
    own = (two_countries.HERE / country.name / "labs" / f"{two_countries.FEED}.toml").read_text("utf-8")
    before, rest = text.split("[units.delivered]", 1)
    rest = rest[rest.index("[specimens]") :].split("[[assays]]")[0]
    units = own[own.index("[numbers]") : own.index("[specimens]")]
    before = before.replace('laboratory = "example_hl7"', f'laboratory = "{FEED}"').replace('assay = "OBX-17.1"\n', "")
    return before.split("[numbers]")[0] + units + rest + own[own.index("[[assays]]") :]


def at(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def loads(country: Country) -> Iterator[list[str]]:
    specimens = {"plasma": "PLAS", "BAL": "BAL"}
    for row in two_countries.rows(country)[RESULTS]:
        told: dict[str, Any] = {"collected": at(row["collected_at"]), "reported": at(row["reported_at"])}  # type: ignore[arg-type]
        told |= {"specimen": specimens[str(row["specimen"])], "unit": row["unit"], "number": row["accession_number"]}
        yield message(*order(str(row["value"]), kind="ST", **told), patient=str(row["patient_id"]))


def doses(country: Country) -> Iterator[list[str]]:
    column = ("", "", *(one.name for one in COUNTRIES)).index(country.name)
    for line in DOSED.strip().splitlines()[1:]:
        cells = [cell.strip() for cell in line.split("|")]
        amount, unit = cells[column].split()
        for half_day in range(13):
            when = at(moment(half_day / 2))
            rxa = ["RXA", "0", "1", when, when, cells[1], amount, unit, *[""] * 12, "CP", "A"]
            segments = ["ORC|RE|P1", "|".join(rxa), "RXR|IV^intravenous^L"]
            yield message(*segments, patient=cells[0], kind="RAS^O17^RAS_O17")


@pytest.fixture(scope="module")
def wards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for country in COUNTRIES:
        root = two_countries.site(tmp_path_factory.mktemp(country.name), country, without=(RESULTS, DOSES))
        (root / "labs" / f"{FEED}.toml").write_text(laboratory(country), "utf-8")
        (root / "tables" / f"{FEED}.toml").write_text(TABLES, "utf-8")
        two_countries.put(root / "drop" / FEED / "one.hl7", file_of(*loads(country), *doses(country)))
        nightly(root, as_of=AS_OF)
        assert listed_quarantine(root) == []
        found[country.name] = root
    return found


def test_the_two_wards_have_the_same_verdicts_and_facts(wards: dict[str, Path]) -> None:
    dutch, american = (stored(wards[one.name]) for one in COUNTRIES)
    assert differences(dutch, american) == []
    assert "untreated_rise" in {row["rule"] for row in dutch["alerts"]}
    assert differences(*(judged(facts_of(wards[one.name])) for one in COUNTRIES)) == []


def test_every_unit_of_a_dose_is_among_them_and_the_milligrams_are_the_same(wards: dict[str, Path]) -> None:
    cells = [cell.split() for line in DOSED.strip().splitlines()[1:] for cell in line.split("|")[2:]]
    assert {unit for _, unit in cells} == set(MG)
    names = ("patient_id", "drug", "given_at", "dose_mg")
    dutch, american = (
        facts_of(wards[one.name]).prepared.begun[BY_NAME[DOSES].rows].select(names).sort(names).rows()
        for one in (DUTCH, AMERICAN)
    )
    assert dutch == american
    assert len(dutch) == 5 * 13

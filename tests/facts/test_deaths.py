"""Who is known to have died: what the facts of a stay say of a death, and of one that a later stay speaks against."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from cmvmon.assess import prepared
from cmvmon.domain.deaths import ALIVE, DEATHS, ended_by_death
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.facts import facts_at
from cmvmon.facts.stays import STAYS
from cmvmon.facts.ventilation import VENTILATION
from cmvmon.shell.folder.protocol_files import Protocol
from tests.patients import PATIENT, known, moment, stays_frame


def deaths(day: float | None, *, patient: str = PATIENT) -> pl.DataFrame:
    """A death of that day; None = the statement that the patient is alive."""
    row = {
        "patient_id": patient,
        "died_at": None if day is None else moment(day),
        "says": ALIVE if day is None else None,
        "stated_at": moment(30 if day is None else day),
    }
    return DEATHS.conform(pl.DataFrame([row], schema_overrides=DEATHS.schema))


def of(stays: str, died: float | None, *, day: float = 20, table: object = STAYS) -> dict[str, object]:
    """The fact's row of the patient at that day."""
    protocol, given = Protocol.shipped(), known("plasma d0 9", stays=stays)
    given = replace(given, tables={**given.tables, DEATHS.name: deaths(died)})
    made = prepared(given, protocol=protocol, as_of=moment(day))
    rows = facts_at(made, protocol=protocol, as_of=moment(day)).of(table)  # type: ignore[arg-type]
    return rows.row(0, named=True)


@pytest.mark.parametrize(
    ("stays", "died", "has_died", "has_left"),
    [
        ("never", 5, True, True),  # nothing is known of a stay
        ("d0-", 5, True, True),  # the end of the stay was not stated
        ("d0-d5", 5, True, True),
        ("d0-d6", 5, True, True),  # left the ward after death
        ("d0-d3", 5, True, True),  # died elsewhere
        ("d0-", 25, False, False),  # of a later day than is looked at
        ("d0-", None, False, False),  # taken back
        ("d0-d3", None, False, True),
        ("d0-d3 / d7-", 5, False, False),  # admitted after it: of another patient, or wrong
        ("d0-d3 / d7-d9", 5, False, True),
        ("d5-", 5, True, True),  # admitted at the same moment
    ],
)
def test_a_patient_has_died_by_a_death_that_no_later_stay_speaks_against(
    stays: str, died: float | None, has_died: bool, has_left: bool
) -> None:
    found = of(stays, died)
    assert (found["has_died"], found["is_discharged"]) == (has_died, has_left)


def test_a_death_ends_the_stay_that_was_open_and_no_other() -> None:
    stays = stays_frame("d0-d3 / d5-")
    assert stays is not None
    ends = ended_by_death(stays, deaths(8))["discharged_at"].to_list()
    assert ends == [moment(3), moment(8)]
    others = stays.with_columns(patient_id=pl.lit("SYNTHETIC-0002"))
    assert ended_by_death(others, deaths(8)).equals(others)
    assert ended_by_death(stays, deaths(4)).equals(stays)
    assert ended_by_death(ICU_STAYS.empty(), deaths(4)).equals(ICU_STAYS.empty())


def test_ventilation_ends_with_the_death_of_the_patient() -> None:
    assert of("d0- ~d1-", None, table=VENTILATION)["ventilated_since"] == moment(1)
    assert of("d0- ~d1-", 5, table=VENTILATION)["ventilated_since"] is None


def test_a_death_is_not_known_before_its_moment() -> None:
    assert [of("d0-", 5, day=day)["has_died"] for day in (4.99, 5.0)] == [False, True]
    assert moment(5) - moment(4.99) < timedelta(hours=1)


@pytest.mark.parametrize(("died_on", "has_died"), [("2026-03-01", False), ("2026-03-05", True), ("2026-03-06", True)])
def test_a_stay_that_began_on_a_later_day_than_the_day_of_death_speaks_against_it(died_on: str, has_died: bool) -> None:
    """Day 0 is 1 March: stated without a time on day 6, when she had been admitted on day 4."""
    protocol, given = Protocol.shipped(), known("plasma d0 9", stays="d4-")
    told = deaths(6).with_columns(died_on=pl.lit(died_on))
    given = replace(given, tables={**given.tables, DEATHS.name: told})
    made = prepared(given, protocol=protocol, as_of=moment(20))
    assert facts_at(made, protocol=protocol, as_of=moment(20)).of(STAYS)["has_died"].to_list() == [has_died]

"""Who is known to have died: what the facts of a stay say of a death, and of one that a later stay speaks against."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from cmvmon.assess import prepared
from cmvmon.domain.deaths import ALIVE, DEATHS, IN_BED, LIVES_AFTER
from cmvmon.domain.delivered import BY_NAME, DELIVERED, NAMES
from cmvmon.domain.last_alive import SIGNS, last_alive
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.who_died import deaths_on_record, ended_by_death
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
        "stated_at": moment(30 if day is None else day + 0.01),
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

    def ended(rows: pl.DataFrame, died: float) -> pl.DataFrame:
        return ended_by_death({ICU_STAYS.name: rows, DEATHS.name: deaths(died)})

    assert ended(stays, 8)["discharged_at"].to_list() == [moment(3), moment(8)]
    others = stays.with_columns(patient_id=pl.lit("SYNTHETIC-0002"))
    assert ended(others, 8).equals(others)
    assert ended(stays, 4).equals(stays)
    assert ended(ICU_STAYS.empty(), 4).equals(ICU_STAYS.empty())


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


def row_of(name: str, day: float, **cells: object) -> pl.DataFrame:
    """One row of a delivered table, every clock that may show life at that day; of the columns that the test names, those words."""
    rows = BY_NAME[name].rows
    clocks = dict.fromkeys(SIGNS[name].clocks, moment(day))
    row = {"patient_id": PATIENT, BY_NAME[name].starts: moment(day), **clocks, **cells}
    return pl.DataFrame([row], schema_overrides=rows.schema).select(
        *(
            pl.lit(None, dtype=dtype).alias(column) if column not in row else column
            for column, dtype in rows.schema.items()
        )
    )


def doubt(died: pl.DataFrame, stays: str = "never", **tables: pl.DataFrame) -> str | None:
    frame = stays_frame(stays)
    given = {**({} if frame is None else {ICU_STAYS.name: frame}), DEATHS.name: died, **tables}
    return deaths_on_record(given)["doubt"].item()


SHOWN_BY = {
    "viral_load_results": {"compartment": "bal", "result_status": "final", "result_id": "1"},
    "doses_given": {"administered": "given"},
    "patient_movements": {"movement": "transfer", "unit": "icu"},
    "samples_ordered": {"compartment": "plasma", "state": "collected"},
    "hsv_results": {"compartment": "bal"},
}
SHOWS_NOTHING = [
    ("viral_load_results", {"compartment": "tissue", "result_status": "final", "result_id": "1"}),  # autopsy
    ("viral_load_results", {"compartment": "vitreous", "result_status": "final", "result_id": "1"}),  # a donor's eye
    ("viral_load_results", {"compartment": "plasma", "result_status": "withdrawn", "result_id": "1"}),
    ("doses_given", {"administered": "missed"}),
    ("patient_movements", {"movement": "transfer", "unit": "elsewhere"}),  # to the mortuary
    ("patient_movements", {"movement": "discharge", "unit": "icu"}),
    ("samples_ordered", {"compartment": "tissue", "state": "collected"}),
    ("hsv_results", {"compartment": "tissue"}),
]


def test_of_every_delivered_table_it_is_said_what_shows_life() -> None:
    assert set(SIGNS) == set(NAMES)
    assert all(set(sign.clocks) <= set(BY_NAME[name].rows.schema) for name, sign in SIGNS.items())


@pytest.mark.parametrize(
    "name", [table.name for table in DELIVERED if SIGNS[table.name].clocks and table.rows != ICU_STAYS]
)
def test_what_shows_life_after_a_death_speaks_against_it_and_what_came_before_does_not(name: str) -> None:
    """Of a death at a stated moment, and of one that somebody stated without a moment."""
    flag = deaths(5).with_columns(died_at="stated_at")
    for died in (deaths(5), flag):
        assert doubt(died, **{name: row_of(name, 5.5, **SHOWN_BY.get(name, {}))}) == LIVES_AFTER
        assert doubt(died, **{name: row_of(name, 4.5, **SHOWN_BY.get(name, {}))}) is None
        assert doubt(died, **{name: row_of(name, 5.5, **SHOWN_BY.get(name, {}), patient_id="SYNTHETIC-0002")}) is None


@pytest.mark.parametrize(("name", "cells"), SHOWS_NOTHING)
def test_what_is_done_after_death_too_does_not_speak_against_it(name: str, cells: dict[str, object]) -> None:
    assert doubt(deaths(5), **{name: row_of(name, 5.5, **cells)}) is None


def test_ventilation_that_began_after_the_death_speaks_against_it() -> None:
    assert doubt(deaths(5), "d0- ~d6-") == LIVES_AFTER
    assert doubt(deaths(5), "d0- ~d4-") is None
    assert doubt(deaths(5), "d0-d6 ~d4-d6") is None, "what is ended after death shows nothing"


@pytest.mark.parametrize(
    ("stays", "told"),
    [("d0-", IN_BED), ("d0-d3 / d4-", IN_BED), ("d0-d5.5", None), ("d0-d3", None), ("never", None), ("-", None)],
)
def test_a_death_that_nobody_dated_does_not_hold_while_its_patient_lies_in_a_bed(stays: str, told: str | None) -> None:
    """PID-30 alone may be years old: the message's moment says nothing of the death. One with a date is believed."""
    flag = deaths(5).with_columns(died_at="stated_at")
    assert doubt(flag, stays) == told
    assert doubt(flag.with_columns(died_on=pl.lit("2026-03-06")), stays) is None


@pytest.mark.parametrize(("sampled", "told"), [(4.3, None), (4.6, None), (5.0, LIVES_AFTER)])
def test_a_sample_of_a_later_day_than_the_day_of_death_speaks_against_it(sampled: float, told: str | None) -> None:
    """Died on 5 March (day 4), stated on 7 March: day 4.6 is 22:24 of that day, day 5 the next morning."""
    died = deaths(6).with_columns(died_at="stated_at", died_on=pl.lit("2026-03-05"))
    assert doubt(died, doses_given=row_of("doses_given", sampled, administered="given")) == told


def test_a_death_of_which_there_is_doubt_ends_no_stay_and_the_fact_says_why() -> None:
    protocol, given = Protocol.shipped(), known("plasma d0 9, d7 9", stays="d0-")
    given = replace(given, tables={**given.tables, DEATHS.name: deaths(5)})
    made = prepared(given, protocol=protocol, as_of=moment(20))
    found = facts_at(made, protocol=protocol, as_of=moment(20)).of(STAYS).row(0, named=True)
    assert (found["has_died"], found["is_discharged"], found["death_doubt"]) == (False, False, LIVES_AFTER)
    early = prepared(given, protocol=protocol, as_of=moment(6))
    then = facts_at(early, protocol=protocol, as_of=moment(6)).of(STAYS).row(0, named=True)
    assert (then["has_died"], then["death_doubt"]) == (True, None), "nobody knew of the sample then"


def test_nobody_who_has_no_death_on_record_is_asked_after() -> None:
    assert last_alive(
        known("plasma d0 9", stays="d0-").tables, deaths(5, patient="SYNTHETIC-0002")["patient_id"]
    ).is_empty()

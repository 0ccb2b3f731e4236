"""Visits that come as FHIR Encounters: each states its visit whole, and makes the stays that ADT would, in whatever order they come."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import polars as pl
import pytest

from cmvmon.domain.stays_told import stays_told, stays_unclear
from cmvmon.feeds.part import Part
from tests.feeds import hl7_told_texts as hl7
from tests.feeds.fhir_texts import Json, as_bytes, bundle, patient, read, reasons
from tests.feeds.fhir_told_texts import (
    TEXT,
    at,
    encounter,
    file_of,
    location,
    moves,
    place,
    table_file,
    told,
)

MOVES = "patient_movements"
WHOLE = ("restated", "", None, None, None)


def stays(*parts: Part) -> list[tuple[Any, ...]]:
    """Patient, admission, discharge, ward and bed of each stay that those statements make."""
    rows = pl.concat([part.accepted.select(*PATIENT_MOVEMENTS_SCHEMA) for part in parts]).unique()
    assert stays_unclear(rows).is_empty()
    return list(stays_told(rows).select("patient_id", "admitted_at", "discharged_at", "ward", "bed").iter_rows())


PATIENT_MOVEMENTS_SCHEMA = (
    "patient_id", "visit_number", "movement", "stated_at", "moved_at", "unit", "ward", "bed", "n_movements", "received_at",
    "delivery_id",
)  # fmt: skip


def test_an_encounter_is_its_visit_stated_whole_and_each_movement_that_it_states() -> None:
    part = told(MOVES, encounter(place("3", "03 08:15", "04 09:00"), place("b4", "04 09:00")))
    assert moves(part) == [
        WHOLE,
        ("admission", "03 08:15", "icu", "IC1", "3"),
        ("transfer", "04 09:00", "elsewhere", "B4", None),
    ]
    assert set(part.accepted["patient_id"]) == {"SYNTH-1"}
    assert set(part.accepted["visit_number"]) == {"V1"}
    assert part.accepted["n_movements"].to_list() == [2.0, None, None]
    assert (reasons(part), part.received) == ([], 3)
    assert "CANARY" not in json.dumps(part.accepted["delivered_text"].to_list())


WAYS = {  # the places, how the visit stands, and the movements beside the whole
    "one place without a time is where the visit began": (
        [place("3")], {}, [("admission", "03 08:15", "icu", "IC1", "3")]),
    "a bed in its ward, both named": (
        [place("ic1", "03 08:15"), place("3", "03 08:15")], {}, [("admission", "03 08:15", "icu", "IC1", "3")]),
    "a building around a ward is no ward": (
        [place("tower", "03 08:15"), place("ic1", "03 08:15")], {}, [("admission", "03 08:15", "icu", "IC1", None)]),
    "another bed of the ward": (
        [place("3", "03 08:15", "03 12:00"), place("4", "03 12:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "03 12:00", "icu", "IC1", "4")]),
    "an end that nobody wrote": (
        [place("3", "03 08:15"), place("b4", "04 09:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None)]),
    "a gap is no way out": (
        [place("3", "03 08:15", "03 11:00"), place("4", "03 12:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "03 12:00", "icu", "IC1", "4")]),
    "a place that was left": (
        [place("3", "03 08:15", "03 11:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("discharge", "03 11:00", None, None, None)]),
    "a visit that is over": (
        [place("3", "03 08:15", "05 11:00")], {"status": "finished", "end": "05 11:00"},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("discharge", "05 11:00", None, None, None)]),
    "a visit that is over, of a place without an end": (
        [place("3", "03 08:15")], {"status": "finished", "end": "05 11:00"},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("discharge", "05 11:00", None, None, None)]),
    "a place that is planned is none yet": (
        [place("b4", "03 08:15"), place("3", "09 08:15", status="planned")], {},
        [("admission", "03 08:15", "elsewhere", "B4", None)]),
    "on leave is still there": ([place("3")], {"status": "onleave"}, [("admission", "03 08:15", "icu", "IC1", "3")]),
    "planned": ([place("3")], {"status": "planned"}, []),
    "cancelled": ([place("3")], {"status": "cancelled"}, []),
    "entered in error": ([place("3")], {"status": "entered-in-error"}, []),
    "entered in error, and nothing but its number": ([], {"status": "entered-in-error", "period": None}, []),
    "seen by video": ([place("3")], {"class": {"code": "VR"}}, []),
    "expected": ([place("3")], {"class": {"code": "PRENC"}}, []),
    "an hour in theatre, and back in the bed that was kept": (
        [place("3", "03 08:15"), place("b4", "04 09:00", "04 12:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None),
         ("transfer", "04 12:00", "icu", "IC1", "3")]),
    "theatre, and the bed was left later": (
        [place("3", "03 08:15", "06 08:00"), place("b4", "04 09:00", "04 12:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None),
         ("transfer", "04 12:00", "icu", "IC1", "3"), ("discharge", "06 08:00", None, None, None)]),
    "a place in a place in a place": (
        [place("3", "03 08:15"), place("b4", "04 09:00", "04 15:00"), place("7", "04 10:00", "04 11:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None),
         ("transfer", "04 10:00", "icu", "IC2", "7"), ("transfer", "04 11:00", "elsewhere", "B4", None),
         ("transfer", "04 15:00", "icu", "IC1", "3")]),
    "a place around which another goes on, of a bed within its ward": (
        [place("ic1", "03 08:15"), place("3", "03 09:00", "03 10:00")], {},
        [("admission", "03 08:15", "icu", "IC1", None), ("transfer", "03 09:00", "icu", "IC1", "3"),
         ("transfer", "03 10:00", "icu", "IC1", None)]),
    "a place that was left, and nobody says when": (
        [place("3", "03 08:15", status="completed"), place("b4", "04 09:00", "04 12:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None)]),
    "nobody comes back to a bed once the visit is over": (
        [place("3", "03 08:15"), place("b4", "04 09:00", "05 11:00")], {"status": "finished", "end": "05 11:00"},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None),
         ("discharge", "05 11:00", None, None, None)]),
    "a place for no time at all": (
        [place("3", "03 08:15"), place("b4", "04 09:00", "04 09:00")], {}, [("admission", "03 08:15", "icu", "IC1", "3")]),
    "one end, written in two offsets": (
        [place("3", "03 08:15", "05 11:00")],
        {"status": "finished", "period": {"start": at("03 08:15"), "end": "2026-05-05T13:00:00+02:00"}},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("discharge", "05 11:00", None, None, None)]),
    "one end, written with and without a part of a second": (
        [place("3", "03 08:15", "05 11:00")],
        {"status": "finished", "period": {"start": at("03 08:15"), "end": "2026-05-05T11:00:00.000Z"}},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("discharge", "05 11:00", None, None, None)]),
    "two places that begin at one moment, in two offsets": (
        [place("ic1", period={"start": "2026-05-03T10:15:00+02:00"}), place("3", "03 08:15")], {},
        [("admission", "03 08:15", "icu", "IC1", "3")]),
    "places out of order": (
        [place("b4", "04 09:00"), place("3", "03 08:15", "04 09:00")], {},
        [("admission", "03 08:15", "icu", "IC1", "3"), ("transfer", "04 09:00", "elsewhere", "B4", None)]),
    "a place that is not in the file, by its name": (
        [place("x") | {"location": {"display": "IC2"}}], {}, [("admission", "03 08:15", "icu", "IC2", None)]),
    "a place that is not in the file, by its number": (
        [place("x") | {"location": {"identifier": {"value": "SEH"}}}], {},
        [("admission", "03 08:15", "elsewhere", "SEH", None)]),
}  # fmt: skip


@pytest.mark.parametrize("case", WAYS)
def test_a_visit_is_read_as_these_movements(case: str) -> None:
    places, changes, expected = WAYS[case]
    part = told(MOVES, encounter(*places, **changes))  # type: ignore[arg-type]
    assert (moves(part), reasons(part)) == ([WHOLE, *expected], [])
    assert part.accepted["n_movements"][0] == len(expected)


BAD = {  # an Encounter, and why a record of it is set apart
    "a status that is not known": (encounter(place("3"), status="unknown"), "unknown_encounter_status"),
    "a status of another version of FHIR": (encounter(place("3"), status="completed"), "unknown_encounter_status"),
    "no status": (encounter(place("3"), status=None), "missing_movement"),
    "a ward that is not listed": (encounter(place("x") | {"location": {"display": "IC9"}}), "unknown_unit"),
    "no place": (encounter(), "missing_unit"),
    "no number": (encounter(place("3"), identifier=None, id=None), "missing_visit_number"),
    "no patient": (encounter(place("3"), subject=None), "missing_patient_id"),
    "two numbers": (encounter(place("3"), identifier=[{"value": "V1"}, {"value": "V2"}]), "several_values"),
    "a day without a time": (encounter(place("3"), period={"start": "2026-05-03"}), "no_time"),
    "over, and nobody says when": (encounter(place("3"), status="finished"), "missing_moved_at"),
    "two places without times": (encounter(place("3"), place("b4")), "location_without_period"),
    "two wards at one moment": (encounter(place("ic1", "03 08:15"), place("b4", "03 08:15")), "several_locations"),
    "two beds at one moment": (encounter(place("3", "03 08:15"), place("4", "03 08:15")), "several_locations"),
    "a bed of another ward at one moment": (
        encounter(place("ic2", "03 08:15"), place("3", "03 08:15")), "several_locations"),
    "a strange word for how a place stands": (encounter(place("3", status="maybe")), "unknown_location_status"),
    "a time with an offset and one without": (
        encounter(place("3", "03 08:15"), place("b4", period={"start": "2026-05-04T08:00:00"})), "location_order"),
    "no time at which it was stated": (encounter(place("3"), meta=None), "missing_stated_at"),
    "for a test": (encounter(place("3"), meta={"lastUpdated": at("03 10:00"), "tag": [{"code": "HTEST"}]}), "not_for_production"),
    "a modifier": (encounter(place("3"), modifierExtension=[{"url": "urn:x", "valueBoolean": True}]), "unknown_modifier"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_visit_that_cannot_be_told_is_set_apart_by_name_and_the_next_one_is_read(case: str) -> None:
    bad, code = BAD[case]
    part = told(MOVES, bad, encounter(place("7"), visit="V2"))
    assert set(reasons(part)) == {code}
    assert ("admission", "03 08:15", "icu", "IC2", "7") in moves(part)
    assert "CANARY" not in json.dumps(part.quarantined.select("remedy", "delivered_text").to_dicts())


def test_a_bundle_without_a_time_of_its_resources_says_when_it_was_put_together() -> None:
    part = told(MOVES, encounter(place("3"), meta=None), more={"timestamp": at("03 11:00")})
    assert {f"{one:%d %H:%M}" for one in part.accepted["stated_at"]} == {"03 11:00"}


HISTORY: dict[str, tuple[Json, list[list[str]]]] = {  # as one visit goes on: the Encounter, and the ADT that says the same by then
    "came": (encounter(place("3", "03 08:15"), stated="03 08:16"), [hl7.adt("A01")]),
    "moved": (
        encounter(place("3", "03 08:15", "04 08:15"), place("b4", "04 08:15"), stated="04 08:20"),
        [hl7.adt("A02", recorded="20260504101500", ward="B4", bed="")],
    ),
    "back": (
        encounter(place("3", "03 08:15", "04 08:15"), place("b4", "04 08:15", "05 08:15"), place("7", "05 08:15"), stated="05 08:20"),
        [hl7.adt("A02", recorded="20260505101500", ward="IC2", bed="7")],
    ),
    "mended": (  # the way back was an hour later
        encounter(place("3", "03 08:15", "04 08:15"), place("b4", "04 08:15", "05 09:15"), place("7", "05 09:15"), stated="05 10:20"),
        [
            hl7.adt("A12", recorded="20260505112000", happened="20260505101500"),
            hl7.adt("A02", recorded="20260505112001", happened="20260505111500", ward="IC2", bed="7"),
        ],
    ),
    "left": (
        encounter(
            place("3", "03 08:15", "04 08:15"), place("b4", "04 08:15", "05 09:15"), place("7", "05 09:15", "06 08:15"),
            status="finished", end="06 08:15", stated="06 08:20",
        ),
        [hl7.adt("A03", recorded="20260506101500")],
    ),
}  # fmt: skip


def test_who_was_in_theatre_is_still_on_the_unit_as_by_adt() -> None:
    part = told(MOVES, encounter(place("3", "03 08:15"), place("b4", "04 09:00", "04 12:00")))
    messages = [
        hl7.adt("A01"),
        hl7.adt("A02", recorded="20260504110000", ward="B4", bed=""),
        hl7.adt("A02", recorded="20260504140000"),
    ]
    assert stays(part) == stays(hl7.part(hl7.read(*messages), MOVES))
    assert stays(part)[-1][2] is None


def test_encounters_make_the_stays_that_adt_makes_whatever_the_order_in_which_they_come() -> None:
    read_once = [told(MOVES, resource) for resource, _ in HISTORY.values()]
    for n in range(1, len(HISTORY) + 1):
        so_far = list(HISTORY.values())[:n]
        messages = [message for _, told_of in so_far for message in told_of]
        of_adt = stays(hl7.part(hl7.read(*messages), MOVES))
        assert of_adt
        for order in permutations(read_once[:n]):
            assert stays(*order) == of_adt
        assert stays(told(MOVES, *(one for one, _ in reversed(so_far)))) == of_adt


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_visit_that_was_entered_in_error_leaves_no_stay_whichever_comes_first(status: str) -> None:
    came = encounter(place("3"), stated="03 09:00")
    error = encounter(place("3"), status=status, stated="03 12:00")
    for order in ((came, error), (error, came), (came, error, came)):
        assert stays(*(told(MOVES, one) for one in order)) == []
    again = encounter(place("3"), stated="03 13:00")
    assert len(stays(told(MOVES, again), told(MOVES, error), told(MOVES, came))) == 1


def test_a_version_of_which_a_movement_can_not_be_read_takes_nobody_off_the_list() -> None:
    came = told(MOVES, encounter(place("3"), stated="03 09:00"))
    broken = told(
        MOVES,
        encounter(place("3", "03 08:15"), place("x", "04 08:15") | {"location": {"display": "IC9"}}, stated="04 09:00"),
    )
    assert reasons(broken) == ["unknown_unit"]
    rows = pl.concat([one.accepted.select(*PATIENT_MOVEMENTS_SCHEMA) for one in (broken, came)])
    assert stays_told(rows)["discharged_at"].to_list() == [None]
    assert stays_told(rows).height == 1
    assert stays_unclear(rows).height == 1  # and it is told that this is not sure


def test_two_versions_that_were_stated_at_one_moment_are_not_sure() -> None:
    two = [told(MOVES, encounter(place(bed), stated="03 09:00", start=f"03 08:{bed}0")) for bed in ("3", "4")]
    rows = pl.concat([one.accepted.select(*PATIENT_MOVEMENTS_SCHEMA) for one in two]).unique()
    assert stays_unclear(rows).height == 1


def test_an_encounter_is_read_where_the_table_is_named_and_else_is_told_of() -> None:
    data = file_of(encounter(place("3")))
    without = TEXT.replace(TEXT[TEXT.index("[patient_movements.columns]") : TEXT.index("[samples_ordered]")], "")
    found = read(data, to="", table_file=table_file(without))
    assert {part.table for part in found.parts} == {"delivery"}
    assert set(reasons(found)) == {"resource_type"}
    listed = TEXT.replace('["Organization"]', '["Organization", "Encounter", "Location"]')
    (part,) = [part for part in read(data, to="", table_file=table_file(listed)).parts if part.received]
    assert (part.table, part.quarantined.height) == ("delivery", 0)


def test_only_some_encounters_are_meant_where_the_file_says_which() -> None:
    text = TEXT.replace(
        "[patient_movements.columns]",
        '[patient_movements]\nonly_column = "Encounter.class.code"\nonly = ["IMP"]\n[patient_movements.columns]',
    )
    visit = encounter(place("3"), visit="V2") | {"class": {"code": "AMB"}}
    part = told(MOVES, encounter(place("3")), visit, text=text)
    assert (part.received, part.ignored, set(part.accepted["visit_number"])) == (4, 2, {"V1"})


def test_a_ward_and_a_bed_can_be_taken_from_declared_places() -> None:
    text = TEXT.replace(
        "[patient_movements.columns]\n",
        '[patient_movements.columns]\nunit = "Location.alias"\nward = "Location.name"\nbed = "Location.description"\n'
        'visit_number = "Encounter.identifier[use=official].value"\n',
    )
    ward = location("w", alias=["IC1"], name="Intensive care")
    bed = location("b", "bd", "w", description="bed by the window")
    identifiers = [{"value": "V1"}, {"use": "official", "value": "V9"}]
    visit = encounter(place("b", "03 08:15", "04 08:15"), identifier=identifiers)
    part = told(MOVES, visit, ward, bed, text=text)
    assert moves(part) == [
        WHOLE,
        ("admission", "03 08:15", "icu", "Intensive care", "bed by the window"),
        ("discharge", "04 08:15", None, None, None),
    ]
    assert set(part.accepted["visit_number"]) == {"V9"}


def test_a_result_and_a_stay_of_one_file_are_both_read_and_every_entry_is_counted_once() -> None:
    found = read(as_bytes(bundle(patient(), *(location("ic1"), location("3", "bd", "ic1")), encounter(place("3")))), to="",
                 table_file=table_file())  # fmt: skip
    counted = {part.table: (part.received, part.accepted.height) for part in found.parts}
    # the patient and the places are parts of the visit
    assert counted == {MOVES: (2, 2)}

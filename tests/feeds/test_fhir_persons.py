"""What Patients and Encounters by FHIR tell of deaths and births: each place that says one, what takes one back, what can't be read."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.deaths import DEATHS
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests.feeds.fhir_texts import Json, as_bytes, bundle, observation, read, specimen
from tests.feeds.fhir_texts import patient as person
from tests.feeds.fhir_told_texts import PLACES, at, encounter, place, table_file
from tests.feeds.hl7_told_texts import apart, told
from tests.sites import day

NUMBER = 'patient_id = "Patient.identifier[system=https://example.org/mrn].value"\n'
PERSONS = f"""feed = "example_stays"
description = "Made-up hospital that sends who has died as FHIR"
[messages]
ignored = ["Organization", "Location"]
[deaths.columns]
{NUMBER}[birth_dates.columns]
{NUMBER}"""
WITH_STAYS = f"""{PERSONS}[patient_movements.columns]
{NUMBER}[patient_movements.words.unit]
icu = ["IC1", "IC2"]
elsewhere = ["B4", "SEH"]
"""
SAID = ("died_at", "died_on", "says")
HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"


def patient(stated: str = "03 10:00", **members: Any) -> Json:
    return person() | {"meta": {"lastUpdated": at(stated)}} | members


def visit(
    code: str = "exp", *, system: str = HL7, status: str = "finished", stated: str = "03 10:00", **more: Any
) -> Json:
    left = {"dischargeDisposition": {"coding": [{"system": system, "code": code}]}}
    end = more.pop("end", "03 09:30" if status == "finished" else "")
    return encounter(place("3"), status=status, stated=stated, end=end, hospitalization=left, **more)


def of(*resources: Json, text: str = PERSONS) -> Any:
    return read(as_bytes(bundle(*resources)), to="", table_file=table_file(text))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, []),
        ({"deceasedBoolean": False}, [(None, None, "alive")]),
        ({"deceasedBoolean": True}, [("03 10:00", None, "died")]),  # by the time it was stated
        ({"deceasedDateTime": "2026-05-03T11:30:00+02:00"}, [("03 09:30", None, "died")]),
        ({"deceasedDateTime": "2026-05-03"}, [("03 10:00", "2026-05-03", "died")]),
        ({"deceasedDateTime": "2026-05"}, [("03 10:00", None, "died")]),
        ({"deceasedDateTime": "2026"}, [("03 10:00", None, "died")]),
        ({"deceasedBoolean": True, "deceasedDateTime": at("03 09:30")}, [("03 09:30", None, "died")]),
        ({"deceasedBoolean": None}, []),  # nothing is no death
        ({"deceasedDateTime": None}, []),
        ({"deceasedDateTime": ""}, []),
        ({"deceasedBoolean": False, "deceasedDateTime": None}, [(None, None, "alive")]),
    ],
)
def test_what_a_patient_says_of_death(members: Json, said: list[tuple[object, ...]]) -> None:
    found = of(patient(**members))
    assert (told(found, "deaths", *SAID) if said else []) == said
    assert [one for one in apart(found) if one[0] == "deaths"] == []
    assert said or "deaths" not in {one.table for one in found.parts}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"deceasedDateTime": "2026-05-04T09:30:00Z"}, ("died_after_stated", "died_at")),
        ({"deceasedDateTime": "2026-05-32"}, ("malformed_died_on", "died_on")),
        ({"deceasedDateTime": "2062-05-03"}, ("died_after_stated", "died_on")),
        ({"deceasedDateTime": "2026-05-05"}, ("died_after_stated", "died_on")),
        ({"deceasedDateTime": "2026-05-03T09:30"}, ("time_without_zone", "died_at")),
        ({"deceasedDateTime": "last week"}, ("malformed_time", "died_at")),
        ({"deceasedBoolean": False, "deceasedDateTime": at("03 09:30")}, ("alive_and_died_at", "died_at")),
        ({"deceasedBoolean": False, "deceasedDateTime": "2026-05-03"}, ("alive_and_died_on", "died_on")),
        ({"deceasedBoolean": "true"}, ("unknown_says", "says")),
        ({"deceasedBoolean": True, "meta": {}}, ("missing_stated_at", "stated_at")),  # nobody says when it was stated
    ],
)
def test_what_can_not_be_read_of_a_death_is_set_apart_with_its_reason(members: Json, reason: tuple[str, str]) -> None:
    assert [one for one in apart(of(patient(**members))) if one[0] == "deaths"] == [("deaths", *reason)]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (visit(), [("03 09:30", None, "died")]),
        (visit(end="03"), [("03 10:00", None, "died")]),  # a day alone: by the time it was stated
        (visit("home"), [(None, None, "alive")]),
        (visit("exp", system="https://example.org/ways"), []),  # a hospital's own code is not read
        (visit("exp", status="in-progress"), []),  # planned, or of the visit before
        (visit("home", status="in-progress", statusHistory=[{"status": "finished"}]), [(None, None, "alive")]),
        (visit("home", status="in-progress", statusHistory=[{"status": "arrived"}]), []),
        (visit("exp", status="entered-in-error"), [(None, None, "alive")]),
        (visit("exp", status="cancelled"), [(None, None, "alive")]),
        (visit("home", status="cancelled"), []),
        (visit("home", status="entered-in-error", statusHistory=[{"status": "finished"}]), [(None, None, "alive")]),
        (visit("oth"), []),
    ],
)
def test_what_the_end_of_a_visit_says_of_death(one: Json, said: list[tuple[object, ...]]) -> None:
    if one["period"].get("end") == at("03"):
        one["period"]["end"] = "2026-05-03"
    found = of(patient(), one)
    assert (told(found, "deaths", *SAID) if said else []) == said
    assert apart(found) == []
    assert (found.received, said) == (sum(part.received for part in found.parts), said)


def test_a_visit_tells_its_movements_and_the_death_at_its_end() -> None:
    found = of(patient(), *PLACES, visit(), text=WITH_STAYS)
    assert told(found, "deaths", "patient_id", *SAID) == [("SYNTH-1", "03 09:30", None, "died")]
    assert told(found, "patient_movements", "movement") == [("restated",), ("admission",), ("discharge",)]
    assert "CANARY" not in json.dumps([part.accepted["delivered_text"].to_list() for part in found.parts])


BEFORE = visit("home", stated="03 15:00", visit="V0", end="01 12:00", start="01 08:00")  # coded after the death


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ((patient(deceasedBoolean=False), visit()), "died"),
        ((patient("03 14:00", deceasedBoolean=False), visit()), "died"),  # which many servers write of everybody
        ((patient(), BEFORE, visit()), "died"),
        ((patient(), visit("home", stated="03 15:00"), visit()), "alive"),  # the same visit, put right
        ((patient("03 09:40", deceasedDateTime=at("03 09:30")), BEFORE), "alive"),
        ((patient("03 09:40", deceasedDateTime=at("03 09:30")), patient("03 11:00", deceasedBoolean=False)), "alive"),
        ((patient(), visit(), visit("exp", status="entered-in-error", stated="03 11:00")), "alive"),
    ],
)
def test_of_several_statements_in_one_file_one_holds_in_whichever_order_they_stand(
    resources: tuple[Json, ...], says: str
) -> None:
    for some in permutations(resources):
        assert {row[2] for row in told(of(*some), "deaths", *SAID)} == {says}


@pytest.mark.parametrize("label", [{"meta": {"lastUpdated": at("03 11:00"), "security": [{"code": "HTEST"}]}},
                                   {"modifierExtension": [{"url": "urn:x", "valueString": "y"}]}])  # fmt: skip
def test_what_is_labelled_as_a_test_or_says_what_nobody_knows_has_no_say_in_a_life(label: Json) -> None:
    real = patient(deceasedBoolean=False, birthDate="1961-05-30")
    other = patient("03 11:00", deceasedBoolean=True, birthDate="2020-01-01") | label
    for some in permutations([real, other]):
        found = of(*some)
        assert told(found, "deaths", "says") == [("alive",)]
        assert told(found, "birth_dates", "born_on") == [("1961-05-30",)]
        assert {reason for _, reason, _ in apart(found)} <= {"not_for_production", "unknown_modifier"}
        assert len(apart(found)) == 2


def test_a_statement_without_a_moment_is_set_apart_and_the_one_beside_it_is_read() -> None:
    for some in permutations([patient(deceasedBoolean=True), patient(deceasedBoolean=True) | {"meta": {}}]):
        found = of(*some)
        assert told(found, "deaths", *SAID) == [("03 10:00", None, "died")]
        assert apart(found) == [("deaths", "missing_stated_at", "stated_at")]


def test_a_patient_of_results_is_still_a_part_of_these_and_tells_of_the_death_beside_them() -> None:
    resources = [patient(deceasedBoolean=True), specimen(), observation()]
    alone = read(as_bytes(bundle(*resources)))
    beside = read(
        as_bytes(bundle(*resources)),
        table_file=table_file(PERSONS.replace("example_stays", "example_fhir"), name="example_fhir"),
    )
    (results,) = (part for part in alone.parts if part.table == "viral_load_results")
    (again,) = (part for part in beside.parts if part.table == "viral_load_results")
    assert again.accepted["result_id"].to_list() == results.accepted["result_id"].to_list() != []
    assert told(beside, "deaths", "patient_id", "says") == [("SYNTH-1", "died")]


@pytest.mark.parametrize(
    ("born", "read_as"),
    [("1961-05-30", "1961-05-30"), ("1961-02-30", None), ("30-05-1961", None)],
)
def test_a_date_of_birth_is_read_where_it_is_whole(born: str, read_as: str | None) -> None:
    found = of(patient(birthDate=born))
    if read_as is None:
        assert [table for table, _, column in apart(found) if column == "born_on"] == ["birth_dates"]
    else:
        assert told(found, "birth_dates", "patient_id", "born_on", "stated_at") == [("SYNTH-1", read_as, "03 10:00")]


@pytest.mark.parametrize("born", ["1961-05", "1961", "", None])
def test_a_month_or_a_year_of_birth_says_nothing_and_is_no_fault(born: str | None) -> None:
    found = of(patient(birthDate=born))
    assert (apart(found), found.received) == ([], 1)
    assert sum(part.accepted.height for part in found.parts) == 0


def test_who_says_nothing_is_counted_and_no_fault() -> None:
    found = of(patient(), visit("exp", system="https://example.org/ways"))
    assert (apart(found), found.received) == ([], 2)
    assert sum(part.ignored for part in found.parts) == 2


def test_what_nobody_declared_is_not_read() -> None:
    without = table_file(
        WITH_STAYS.replace(f"[deaths.columns]\n{NUMBER}", "").replace(f"[birth_dates.columns]\n{NUMBER}", "")
    )
    found = read(
        as_bytes(bundle(patient(deceasedBoolean=True, birthDate="1961-05-30"), *PLACES, visit())),
        to="",
        table_file=without,
    )
    assert {part.table for part in found.parts if part.accepted.height} == {"patient_movements"}


DIED, TAKEN_BACK = (
    visit(stated="03 10:00"),
    visit("home", stated="03 11:00", status="in-progress", statusHistory=[{"status": "finished"}]),
)
AGAIN = patient("03 12:00", deceasedDateTime=at("03 11:30"))


@pytest.mark.parametrize(
    ("files", "holds"),
    [((DIED,), ["died"]), ((DIED, TAKEN_BACK), []), ((DIED, TAKEN_BACK, AGAIN), ["died"])],
)
def test_what_was_stated_last_holds_in_whichever_order_it_comes(
    tmp_path: Path, files: tuple[Json, ...], holds: list[str]
) -> None:
    for number, some in enumerate(permutations(files)):
        root = tmp_path / str(number)
        (root / "tables").mkdir(parents=True)
        (root / "tables" / "example_stays.toml").write_text(WITH_STAYS, encoding="utf-8")
        with open_site(root) as opened:
            for n, resource in enumerate(some):
                path = root / f"{n}.fhir.json"
                whole = [resource] if resource["resourceType"] == "Patient" else [patient(), *PLACES, resource]
                path.write_bytes(as_bytes(bundle(*whole)))
                take_in_file(opened, path, feed="example_stays", received_at=day(100 + n))
            with opened.reading() as connection:
                rows = known.known(connection, opened.site, as_of=day(110))[DEATHS]
        assert [row["says"] for row in rows.to_dicts() if row["died_at"] is not None] == holds

"""What messages tell of tables beside results: a case for each trigger, what is missing or bad, and never a word lost in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.patient_links import PATIENT_LINKS, links_at
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.stays_told import stays_told
from cmvmon.feeds.hl7.movements import MOVEMENTS
from cmvmon.feeds.reasons import remedy
from cmvmon.feeds.records import Messages
from cmvmon.feeds.times import as_iso_8601
from tests.feeds.hl7_texts import FILES, needs_public_messages
from tests.feeds.hl7_told_texts import (
    adt,
    apart,
    dose,
    file_of,
    merge,
    msh,
    order,
    part,
    pid,
    read,
    table_file,
    told,
    unlink,
)
from tests.feeds.shipped import intake, laboratory

MOVED = ("movement", "stated_at", "moved_at", "unit", "ward", "bed")

# --- movements

TRIGGERS = {
    "A01": ("admission", "03 08:15", "icu"),
    "A02": ("transfer", "03 08:15", "icu"),
    "A03": ("discharge", "03 08:15", None),
    "A04": ("admission", "03 08:15", "icu"),
    "A06": ("transfer", "03 08:15", "icu"),
    "A07": ("transfer", "03 08:15", "icu"),
    "A11": ("cancelled_admission", None, None),
    "A12": ("cancelled_transfer", None, None),
    "A13": ("cancelled_discharge", None, None),
}


def test_every_trigger_of_a_movement_has_a_case() -> None:
    assert {f"ADT^{trigger}" for trigger in TRIGGERS} == set(MOVEMENTS)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_is_read_as_this_movement(trigger: str) -> None:
    movement, moved_at, unit = TRIGGERS[trigger]
    found = read(adt(trigger))
    assert told(found, "patient_movements", *MOVED) == [(movement, "03 08:15", moved_at, unit, "IC1", "3")]
    assert told(found, "patient_movements", "patient_id", "visit_number") == [("SYNTH-1", "V1")]
    assert apart(found) == []


MOMENTS = {  # which of the moments of a message says when the patient moved
    "EVN-6 before all": (adt("A01", happened="20260502101500", admitted="20260501101500"), "02 08:15"),
    "PV1-44 of an admission": (adt("A01", admitted="20260501101500"), "01 08:15"),
    "PV1-45 of a discharge": (adt("A03", discharged="20260504101500", admitted="20260501101500"), "04 08:15"),
    "never PV1-44 of a transfer": (adt("A02", admitted="20260501101500"), "03 08:15"),
    "EVN-6 of what is taken back": (adt("A13", happened="20260502101500", discharged="20260504101500"), "02 08:15"),
    "with an offset": (adt("A02", happened="20260502101500+0000"), "02 10:15"),
    "without seconds": (adt("A02", happened="202605021015"), "02 08:15"),
}


@pytest.mark.parametrize("case", MOMENTS)
def test_when_a_patient_moved_is_read_where_it_is_said_best(case: str) -> None:
    message, moved_at = MOMENTS[case]
    assert told(read(message), "patient_movements", "moved_at") == [(moved_at,)]


def _with_result(status: str) -> list[str]:
    """An order whose OBR-25 says so."""
    return [one + "|" * 21 + status if one.startswith("OBR") else one for one in order("SC")]


BAD = {  # a message, and why its record is set apart
    "a ward that is not listed": (adt("A02", ward="IC9"), "unknown_unit", "unit"),
    "a ward that is not listed, of a discharge, is not asked for": (adt("A03", ward="IC9"), None, None),
    "no visit": (adt("A01", visit=""), "missing_visit_number", "visit_number"),
    "no patient": (adt("A01", patient=""), "missing_patient_id", "PID-3[4=ZIS].1"),
    "a number that names nobody": (adt("A01", patient="ONBEKEND"), "placeholder_patient_id", "PID-3[4=ZIS].1"),
    "no PV1": (adt("A01")[:3], "missing_visit_number", "visit_number"),
    "no PID": ([s for s in adt("A01") if not s.startswith("PID")], "missing_patient_id", "PID-3[4=ZIS].1"),
    "no EVN": ([s for s in adt("A02") if not s.startswith("EVN")], "missing_moved_at", "moved_at"),
    "two patients": ([*adt("A01"), pid("SYNTH-2")], "several_values", "PID-3[4=ZIS].1"),
    "a day without a time": (adt("A02", happened="20260503"), "no_time", "moved_at"),
    "a month that does not exist": (adt("A02", happened="20261303101500"), "malformed_time", "moved_at"),
    "a time that the clock skipped": (adt("A02", happened="20260329023000"), "time_does_not_exist", "moved_at"),
    "a time that came twice": (adt("A02", happened="20251026023000"), "time_is_ambiguous", "moved_at"),
    "another authority": (
        [s.replace("^^^ZIS", "^^^OTHER") for s in adt("A01")], "missing_patient_id", "PID-3[4=ZIS].1"),
    "two triggers": ([s.replace("EVN|A01", "EVN|A03") for s in adt("A01")], "contradicting_trigger", None),
    "training": ([msh("ADT^A01", purpose="T"), *adt("A01")[1:]], "not_for_production", None),
    "an unknown trigger": ([msh("ADT^A05"), pid()], "message_type", None),
    "another message": ([msh("MDM^T02"), pid()], "message_type", None),
    "a merge without MRG": ([msh("ADT^A40"), "EVN|A40|20260503101500", pid()], "missing_patient_id", "MRG-1[4=ZIS].1"),
    "a merge without PID": (
        [msh("ADT^A40"), "EVN|A40|20260503101500", "MRG|A^^^ZIS"], "missing_merged_into", "PID-3[4=ZIS].1"),
    "a merge without a moment": ([msh("ADT^A40"), pid(), "MRG|A^^^ZIS"], "missing_merged_at", "merged_at"),
    "a merge into itself": (merge("A", "A"), "merged_into_itself", "PID-3[4=ZIS].1"),
    "an unmerge of one": ([msh("ADT^A37"), "EVN|A37|20260503101500", pid()], "no_two_patients", "MRG-1[4=ZIS].1"),
    "an order of another code": (order(test="X1^CMV-PCR liquor^L"), "unlisted_code", "OBR-4.1"),
    "an order without a code": (order(test=""), "unlisted_code", "OBR-4.1"),
    "an order of an unknown specimen": (order(specimen="XX"), "unknown_compartment", "compartment"),
    "an order without a number": (order(number=""), "missing_order_number", "order_number"),
    "an unknown control": (order("ZZ"), "unknown_state", "state"),
    "an order with two statuses": (order("SC", status="CA~CM"), "unknown_state", "state"),
    "an order with an unknown status": (order("SC", status="ZZ"), "unknown_state", "state"),
    "an order with a status in lower case": (order("NW", status="cm"), "unknown_state", "state"),
    "an order with two controls": (order("NW~CA"), "unknown_state", "state"),
    "an order with two statuses of its result": (_with_result("F~X"), "unknown_state", "state"),
    "an order with an unknown status of its result": (_with_result("Q"), "unknown_state", "state"),
    "no order": ([msh("OML^O21"), pid()], "nothing_told", None),
    "an order of a drug": ([msh("RDE^O11"), pid()], None, None),
    "a dose by volume": (dose("10", "mL"), "malformed_number", "dose_mg"),
    "a dose without a unit": (dose("350", ""), "malformed_number", "dose_mg"),
    "an amount that nobody recorded": (dose("999", "mg"), "missing_dose_mg", "dose_mg"),
    "a dose in mg/kg": (dose("5", "mg/kg"), "malformed_number", "dose_mg"),
    "a dose that looks like mg/kg": (dose("5", "mg"), "dose_looks_like_another_unit", "dose_mg"),
    "a code that is not listed, with the name of the drug": (dose(drug="Z9^GANCICLOVIR inf^L"), "unlisted_code", "RXA-5.1"),
    "an unknown completion": (dose(status="XX"), "unknown_administered", "administered"),
    "two completions": (dose(status="NA~RE"), "unknown_administered", "administered"),
    "a completion and none": (dose(status="RE~CP"), "unknown_administered", "administered"),
    "two actions": (dose(action="A~D"), "unknown_row_status", "RXA-21"),
    "no dose": ([msh("RAS^O17"), pid(), "ORC|RE|1"], "nothing_told", None),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_can_not_be_used_is_set_apart_with_its_reason_and_a_good_message_after_it_is_read(case: str) -> None:
    message, reason, column = BAD[case]
    found = read(message, adt("A01", patient="SYNTH-GOOD"))
    assert [(why, at) for _, why, at in apart(found)] == ([] if reason is None else [(reason, column)])
    assert ("SYNTH-GOOD",) in told(found, "patient_movements", "patient_id")
    for one in found.parts:
        assert one.received == one.accepted.height + one.quarantined.height + one.ignored
        assert one.quarantined["remedy"].str.len_chars().min() != 0
    assert reason is None or remedy(reason)


def test_a_time_without_an_offset_is_refused_where_nobody_declares_a_zone() -> None:
    nowhere = table_file(('time_zone = "Europe/Amsterdam"            # of', "# of"))
    found = read(adt("A01"), merge("A", "B"), order(), dose(), file=nowhere)
    assert {(why, at) for _, why, at in apart(found)} == {
        ("time_without_zone", name) for name in ("stated_at", "merged_at", "ordered_at", "given_at")
    }
    with_offset = [s.replace("20260503101500", "20260503101500+0200") for s in adt("A01")]
    assert told(read(with_offset, file=nowhere), "patient_movements", "moved_at") == [("03 08:15",)]


def test_the_same_number_of_another_authority_is_another_patient_and_without_a_declared_place_is_not_read() -> None:
    columns = table_file().tables["patient_movements"]
    nothing = replace(table_file(), tables={"patient_movements": replace(columns, columns={})})
    both = [s.replace("SYNTH-1^^^ZIS^PI", "SYNTH-1^^^OTHER^PI~SYNTH-7^^^ZIS^PI") for s in adt("A01")]
    assert told(read(both), "patient_movements", "patient_id") == [("SYNTH-7",)]
    assert apart(read(adt("A01"), file=nothing)) == [("patient_movements", "undeclared_authority", "patient_id")]
    plain = [s.replace("^^^ZIS^PI", "") for s in adt("A01")]
    assert told(read(plain, file=nothing), "patient_movements", "patient_id") == [("SYNTH-1",)]


def test_the_place_of_the_patients_number_in_the_laboratory_file_holds_for_the_tables_too() -> None:
    nothing = table_file(
        ('[patient_links.columns]                   # A18, A34, A40, A47 and A37\n', "[patient_links]\n"),
        ('patient_id = "MRG-1[4=ZIS].1"\nmerged_into = "PID-3[4=ZIS].1"\n', ""),
    )  # fmt: skip
    as_mr = [[s.replace("^PI", "^MR") for s in one] for one in (merge("A", "B"), merge("C", "D", by=("ZIS", "OTHER")))]
    found = intake(file_of(*as_mr), "example_hl7", form="hl7", table_file=nothing)
    assert told(found, "patient_links", "patient_id", "merged_into") == [("A", "B")]
    assert apart(found) == [("patient_links", "two_authorities", "patient_id")]


@pytest.mark.parametrize("version", range(2))
def test_messages_are_read_alike_with_other_marks_and_other_ends_of_lines(version: int) -> None:
    data = file_of(adt("A01"), adt("A02", happened="20260504101500", ward="B4"))
    other = (data.replace(b"\r", b"\r\n"), data.replace(b"|", b"$").replace(b"^", b"%"))[version]
    plain, changed = (
        told(intake(one, "", form="hl7", table_file=table_file()), "patient_movements", "patient_id", *MOVED)
        for one in (data, other)
    )
    assert plain == changed
    assert len(plain) == 2


def test_a_type_is_read_only_where_the_table_file_names_a_table_that_it_tells_of() -> None:
    links_only = table_file(*((f"[{name}", f"[x{name}") for name in ()))
    assert links_only.tables.keys() == {
        "patient_movements",
        "birth_dates",
        "deaths",
        "patient_links",
        "samples_ordered",
        "doses_given",
    }
    nothing = replace(links_only, tables={"patient_links": links_only.tables["patient_links"]})
    found = read(adt("A01"), adt("A60", born="19610530"), order(), dose(), merge("A", "B"), file=nothing)
    assert Counter(apart(found)) == {("delivery", "message_type", None): 3}
    assert part(found, "delivery").ignored == 1  # ADT^A60 is listed
    assert told(found, "patient_links", "patient_id") == [("A",)]


def test_orders_and_doses_are_not_read_where_nobody_says_which_are_meant() -> None:
    silent = table_file(
        ('only_column = "OBR-4.1"                   # of a hospital\'s orders only these are of CMV: the code of the order\nonly = ["CMVPCR"]\n', ""),
        ('only_column = "RXA-5.1"\nonly = ["J05AB06", "J05AD01"]\n', ""),
    )  # fmt: skip
    assert apart(read(order(), dose(), file=silent)) == [("delivery", "message_type", None)] * 2


def test_a_general_list_of_ignored_types_leaves_out_nothing_that_a_table_is_read_from() -> None:
    lab = replace(laboratory("example_hl7"), messages=Messages(ignored=("ADT", "ADT^A03")))
    found = intake(
        file_of(adt("A01"), adt("A03"), adt("A05")), "example_hl7", form="hl7", laboratory=lab, table_file=table_file()
    )
    assert told(found, "patient_movements", "movement") == [("admission",)]
    assert (part(found, "delivery").ignored, apart(found)) == (2, [])


# --- dates of birth


@pytest.mark.parametrize("trigger", ["A01", "A04", "A28", "A31"])
def test_a_date_of_birth_is_read_of_who_is_admitted_or_registered(trigger: str) -> None:
    found = read(adt(trigger, born="19610530"))
    assert told(found, "birth_dates", "patient_id", "born_on") == [("SYNTH-1", "1961-05-30")]


def test_a_date_of_birth_with_a_time_is_its_day_and_a_year_alone_is_set_apart() -> None:
    found = read(adt("A28", born="19610530000000"), adt("A31", born="1961", patient="SYNTH-2"), adt("A28"))
    assert told(found, "birth_dates", "born_on") == [("1961-05-30",)]
    assert apart(found) == [("birth_dates", "malformed_born_on", "born_on")]
    assert part(found, "delivery").ignored == 1  # a person without a date of birth


# --- merges


@pytest.mark.parametrize("trigger", ["A18", "A34", "A40", "A47"])
def test_a_merge_leads_the_number_of_mrg_to_the_one_of_pid(trigger: str) -> None:
    found = read(merge("OLD", "NEW", trigger=trigger))
    assert told(found, "patient_links", "patient_id", "merged_into", "merged_at", "ended_at") == [
        ("OLD", "NEW", "03 08:15", None)
    ]


def test_several_merges_of_one_message_are_each_read() -> None:
    two = [*merge("A", "B"), pid("D"), "MRG|C^^^ZIS"]
    assert told(read(two), "patient_links", "patient_id", "merged_into") == [("A", "B"), ("C", "D")]


NUMBERS = ("A", "B", "C", "D", "E")
PAIRS = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)).filter(lambda pair: pair[0] != pair[1])


def held(*messages: list[str]) -> dict[str, str]:
    """Which number leads to which after these messages of one file, none of whose records contradict each other."""
    rows = part(read(*messages), "patient_links").accepted
    current = rows.unique(PATIENT_LINKS.key)
    return dict(links_at(current, current.clear(), datetime(2026, 6, 1, tzinfo=UTC)).into)


@given(st.lists(PAIRS, min_size=1, max_size=6), st.data())
def test_a_merge_that_is_undone_leaves_what_was_there_without_it(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    merges = [merge(old, new, at=f"202605030{n}1500") for n, (old, new) in enumerate(pairs)]
    assert held(*merges, *(unlink(*data.draw(st.permutations(pair))) for pair in pairs)) == {}
    (old, new), *others = pairs
    if {old, new} not in [set(pair) for pair in others]:
        ends = held(*merges, unlink(old, new))
        assert ends == (held(*merges[1:]) if others else {})


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_a_merge_that_is_made_again_after_it_was_undone_holds(pairs: list[tuple[str, str]]) -> None:
    merges = [merge(*pair) for pair in pairs]
    again = [merge(*pair, at="20260505101500") for pair in pairs]
    assert held(*merges, *(unlink(*pair) for pair in pairs), *again) == held(*again)


# --- orders

STATES = {
    "asked for": (order(), "ordered", None),
    "by ORM": (order(kind="ORM^O01"), "ordered", None),
    "taken": (order(taken="20260503110000"), "collected", "03 09:00"),
    "taken, by a change of status": (order("SC", taken="20260503110000"), "collected", "03 09:00"),
    "resulted": (order("SC", taken="20260503110000", status="CM"), "resulted", "03 09:00"),
    "cancelled by who asked": (order("CA", taken="20260503110000"), "cancelled", None),
    "cancelled by the laboratory": (order("OC"), "cancelled", None),
    "cancelled by its status": (order("SC", status="CA"), "cancelled", None),
    "could not be cancelled": (order("UC"), "ordered", None),
    "discontinued": (order("DC"), "cancelled", None),
}


@pytest.mark.parametrize("case", STATES)
def test_an_order_is_read_as_it_stands(case: str) -> None:
    message, state, collected = STATES[case]
    found = read(message)
    assert told(found, "samples_ordered", "order_number", "compartment", "state", "collected_at") == [
        ("O1", "bal", state, collected)
    ]


def test_the_last_word_of_a_file_on_an_order_holds_and_its_earlier_words_are_no_contradiction() -> None:
    words = [order(), order("SC", at="20260503120000", taken="20260503110000"), order("OC", at="20260503130000")]
    rows = part(read(*words), "samples_ordered").accepted
    said = rows.select("state", "ordered_at", "stated_at").unique()
    assert told(read(*words), "samples_ordered", "state", "ordered_at", "stated_at")[-1] == (
        "cancelled",
        "03 08:15",
        "03 11:00",
    )
    assert said.height == 1
    assert told(read(*words[:2]), "samples_ordered", "state")[-1] == ("collected",)


def test_the_orders_of_one_message_are_told_apart_and_those_of_other_tests_are_counted() -> None:
    second = [
        *order(number="O2", specimen="PLAS", taken="20260503110000")[3:],
        *order(number="O3", test="NA^Sodium^L")[3:],
    ]
    found = read([*order(), *second])
    assert told(found, "samples_ordered", "order_number", "compartment", "state") == [
        ("O1", "bal", "ordered"),
        ("O2", "plasma", "collected"),
    ]
    assert part(found, "samples_ordered").ignored == 1


# --- doses


def test_doses_are_read_as_given_or_missed_with_their_amount_in_mg() -> None:
    found = read(
        dose(),
        dose("0.35", "g", at="20260503200000", status="PA"),
        dose("6000", "mg", drug="J05AD01^foscarnet^ATC", at="20260504080000", status=""),
        dose("350", "mg", at="20260504200000", status="RE"),
        dose("", "", at="20260505080000", status="NA"),
        dose("500", "mg", drug="N02BE01^paracetamol^ATC"),
    )
    assert told(found, "doses_given", "drug", "administered", "given_at", "dose_mg", "route") == [
        ("ganciclovir", "given", "03 06:00", 350.0, "iv"),
        ("ganciclovir", "given", "03 18:00", 350.0, "iv"),
        ("foscarnet", "given", "04 06:00", 6000.0, "iv"),
        ("ganciclovir", "missed", "04 18:00", None, "iv"),
        ("ganciclovir", "missed", "05 06:00", None, "iv"),
    ]
    assert (part(found, "doses_given").ignored, apart(found)) == (1, [])


def test_several_doses_of_one_message_are_each_read_and_one_that_is_taken_back_counts_for_none() -> None:
    both = [*dose(), *dose(at="20260503200000")[2:]]
    assert told(read(both), "doses_given", "given_at") == [("03 06:00",), ("03 18:00",)]
    taken_back = read(dose(action="D"))
    assert apart(taken_back) == [("doses_given", "withdraws_unknown_record", None)]
    undeclared = table_file(
        ('status = "RXA-21"\n', ""), ('[doses_given.status]\nwithdrawn = ["D"]\nstands = ["A", "U"]\n', "")
    )
    for action in ("D", "A~D", "Q"):
        found = read(dose(action=action), file=undeclared)
        assert apart(found) == [("doses_given", "unknown_administered", "administered")]


def test_an_order_of_a_drug_is_no_dose_and_says_so_where_it_is_not_ignored() -> None:
    asked = table_file(('"ADT^A60", "RDE"', '"ADT^A60"'))
    found = read([msh("RDE^O11^RDE_O11"), pid(), "ORC|NW|P1", "RXE|1|J05AB06^ganciclovir^ATC|350||mg"], file=asked)
    assert apart(found) == [("delivery", "order_is_no_dose", None)]


# --- all of them


ALL = [
    adt("A01"),
    adt("A02", happened="20260504101500", ward="B4"),
    adt("A31", born="19610530"),
    merge("A", "B"),
    order(),
    dose(),
]


def test_what_a_file_tells_does_not_hang_on_the_order_of_messages_that_say_different_things() -> None:
    def said(messages: tuple[list[str], ...]) -> list[str]:
        rows = [
            (one.table, *map(str, row))
            for one in read(*messages).parts
            for row in one.accepted.select(
                [c for c in one.accepted.columns if c not in ("record_number", "line")]
            ).rows()
        ]
        return sorted(map(str, rows))

    first = said(tuple(ALL))
    assert len(first) == len(ALL)
    for messages in list(permutations(ALL))[::60]:
        assert said(messages) == first


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_message_that_is_cut_anywhere_is_read_whole_or_set_apart(trigger: str) -> None:
    """Behind PV1 nothing is read: a message that was cut there, at the end of a line, says what the whole one does."""
    data = file_of(adt(trigger))
    whole = told(read(adt(trigger)), "patient_movements", "visit_number", *MOVED)
    for at in range(3, len(data)):
        found = intake(data[:at], "", form="hl7", table_file=table_file())
        moves = [one for one in found.parts if one.table != "deaths"]  # a whole PID tells of these without PV1
        assert sum(one.received for one in moves) == 1
        if any(one.accepted.height for one in moves):
            assert data[:at].endswith(b"\r")
            assert b"PV1" in data[:at]
            assert told(found, "patient_movements", "visit_number", *MOVED) == whole


def test_the_example_tells_one_stay_from_its_way_in_to_its_way_out() -> None:
    found = read(
        adt("A01", ward="SEH"),
        adt("A02", happened="202605031200", ward="IC2", bed="7"),
        adt("A02", happened="202605091200", ward="B4"),
    )
    stays = stays_told(part(found, "patient_movements").accepted.select(*_movement_columns()))
    assert stays.select("ward", "bed").rows() == [("IC2", "7")]
    assert (stays["discharged_at"] - stays["admitted_at"]).item().days == 6
    assert stays.columns == list(ICU_STAYS.schema)


def _movement_columns() -> list[str]:
    from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS

    return list(PATIENT_MOVEMENTS.schema)


@needs_public_messages
def test_the_movements_of_a_public_stream_are_read_the_same_twice_and_its_wards_are_told() -> None:
    stream = next(path for path in FILES if path.name.startswith("30")).read_bytes()
    file = table_file(('[messages]\n', '[messages]\nprocessing = ["T"]\n'), ("[4=ZIS]", "[4=SIMULATOR MRN]"))  # fmt: skip
    first, second = (intake(stream, "", form="hl7", table_file=file, is_of_inbox=True) for _ in range(2))
    for one, other in zip(first.parts, second.parts, strict=True):
        assert one.accepted.equals(other.accepted)
        assert one.quarantined.equals(other.quarantined)
    of_movements = part(first, "patient_movements")
    assert of_movements.received == 22
    assert set(of_movements.quarantined["reason"]) == {"unknown_unit"}  # no ward of it is listed in the example
    wards = set(
        part(intake(stream, "", form="hl7", table_file=file, is_of_inbox=True), "patient_movements").quarantined[
            "column"
        ]
    )
    assert wards == {"unit"}


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20260301081500.1234+0100", "2026-03-01T08:15:00.1234+01:00"),
        ("202603010815", "2026-03-01T08:15"),
        ("20260301", "2026-03-01"),
        ("202603", "202603"),
        ("2026-03-01T08:15Z", "2026-03-01T08:15Z"),
        ("", ""),
    ],
)
def test_a_moment_of_hl7_is_written_in_iso_8601_and_nothing_is_filled_in(text: str, iso: str) -> None:
    assert as_iso_8601(text) == iso


def test_columns_of_a_csv_file_are_no_places_in_a_message() -> None:
    of_csv = table_file(
        ('patient_id = "PID-3[4=ZIS].1"             # the number', 'patient_id = "Patientnummer" # the number')
    )
    (of_movements,) = read(adt("A01"), file=of_csv).parts
    assert of_movements.refused is not None
    assert of_movements.refused.code == "no_hl7_address"


def test_rows_of_others_are_counted_in_a_csv_file_too() -> None:
    text = table_file().tables["samples_ordered"]
    file = replace(
        table_file(),
        tables={"samples_ordered": replace(text, columns={}, only_column="Test", only=frozenset({"cmvpcr"}))},
    )
    rows = ["patient_id,order_number,compartment,ordered_at,state,Test"]
    rows += [
        f"SYNTH-1,O{n},bal,2026-05-03T08:00:00Z,ordered,{test}"
        for n, test in enumerate(("CMVPCR", "Na", "cmv iets", ""))
    ]
    found = intake("\n".join(rows).encode(), "", "samples_ordered", table_file=file)
    assert told(found, "samples_ordered", "order_number") == [("O0",)]
    assert apart(found) == [("samples_ordered", "unlisted_code", "Test")] * 2
    assert part(found, "samples_ordered").ignored == 1
    assert isinstance(part(found, "samples_ordered").accepted, pl.DataFrame)

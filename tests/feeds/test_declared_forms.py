"""What a laboratory file can declare of the form of a delivery, and what is done where it declares nothing. All made up."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cmvmon.feeds.comparator_column import with_comparator
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.numerals import Marks
from cmvmon.feeds.part import Part
from cmvmon.feeds.value_grammar import ValueGrammar, parse_value
from tests.feeds.grammars import grammar, shown
from tests.feeds.shipped import LABS, deliver, intake

US = (LABS / "example_us.toml").read_text("utf-8")
HEADER = "MRN,Accession,Specimen,Result,Units,Collected,Resulted"
ROW = "SYNTH-1,A1,Plasma,{value},IU/mL,{collected},"


def lab(*edits: tuple[str, str]) -> Laboratory:
    """The American example with parts of its file replaced."""
    text = US
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return read_laboratory(text, name="example_us")


def taken(header: str, *rows: str, laboratory: Laboratory) -> Part:
    return deliver("\n".join([header, *rows, ""]).encode(), "example_us", laboratory=laboratory)


WITH_SIGN = lab(('value = "Result"', 'value = "Result"\ncomparator = "Op"'))
COMPARED = [
    ("<", "35", "below_lloq", 35.0),
    ("&lt;", "35", "below_lloq", 35.0),
    ("<", "<35", "below_lloq", 35.0),
    (" < ", " 35", "below_lloq", 35.0),
    (">", "10,000,000", "above_uloq", 1e7),
    ("", "500", "quantified", 500.0),
    ("=", "500", "quantified", 500.0),
    ("", "<35", "below_lloq", 35.0),
    ("<", ">35", "unknown_text", None),
    ("<=", "35", "unsupported_comparator", None),
    ("<", "Not Detected", "unknown_text", None),
    ("ca.", "500", "unknown_text", None),
]


@pytest.mark.parametrize(("sign", "value", "want", "number"), COMPARED)
def test_a_declared_column_of_comparators_is_read_with_the_value(
    sign: str, value: str, want: str, number: float | None
) -> None:
    row = f'SYNTH-1,A1,Plasma,{sign},"{value}",IU/mL,02/01/2026 08:15,'
    part = taken(HEADER.replace("Result,", "Op,Result,"), row, laboratory=WITH_SIGN)
    if number is None:
        assert part.quarantined["reason"].to_list() == [want]
        return
    found = part.accepted.row(0, named=True)
    column = {"below_lloq": "lloq", "above_uloq": "uloq", "quantified": "viral_load"}[want]
    assert (found["detection"], found[f"{column}_iu_per_ml"]) == (want, number)
    assert found["delivered_value"] == with_comparator(sign, value)


UNDECLARED = [
    ("Op", ["", ""], ["500", "600"], "named so"),
    ("Flag", ["", "<"], ["500", "35"], "holds one"),
    ("Flag", ["", ">="], ["500", "35"], "holds one"),
    ("Note", ["", "<"], ["500", "<35"], None),
    ("Note", ["H", "<35 last week"], ["500", "600"], None),
]


@pytest.mark.parametrize(("header", "cells", "values", "why"), UNDECLARED)
def test_an_undeclared_column_of_comparators_stops_the_delivery_unless_the_values_carry_them_too(
    header: str, cells: list[str], values: list[str], why: str | None
) -> None:
    rows = [
        f"SYNTH-1,A{i},Plasma,{cell},{value},IU/mL,02/0{i + 1}/2026 08:15,"
        for i, (cell, value) in enumerate(zip(cells, values, strict=True))
    ]
    part = taken(HEADER.replace("Result,", f"{header},Result,"), *rows, laboratory=lab())
    assert (part.refused.code if part.refused else None) == (why and "undeclared_comparator")
    kept = lab(("[columns]", f'not_read = ["{header}"]\n[columns]'))
    assert taken(HEADER.replace("Result,", f"{header},Result,"), *rows, laboratory=kept).refused is None


def test_date_and_time_in_two_columns_are_one_moment_and_a_missing_time_is_not_midnight() -> None:
    apart = lab(
        ('collected_at = "Collected"', 'collected_at = "Day"\ncollected_time = "Time"'),
        ('reported_at = "Resulted"', 'reported_at = "Out"\nreported_time = "Out time"'),
    )
    rows = [
        "SYNTH-1,A1,Plasma,500,IU/mL,02/01/2026,08:15,02/01/2026,15:00",
        "SYNTH-1,A2,Plasma,500,IU/mL,02/02/2026,,,",
        "SYNTH-1,A3,Plasma,500,IU/mL,,08:15,,",
    ]
    part = taken("MRN,Accession,Specimen,Result,Units,Day,Time,Out,Out time", *rows, laboratory=apart)
    zone = apart.time_zone
    assert part.accepted.select("collected_at", "reported_at").rows() == [
        tuple(datetime(2026, 2, 1, h, m, tzinfo=zone).astimezone(UTC) for h, m in ((8, 15), (15, 0)))
    ]
    assert part.quarantined["reason"].to_list() == ["no_time", "malformed_time"]
    assert (
        taken(*write_delivery(part.accepted, apart).splitlines(), laboratory=apart)
        .accepted.select("collected_at", "reported_at")
        .equals(part.accepted.select("collected_at", "reported_at"))
    )


def test_a_comparator_of_its_own_is_written_as_it_is_read() -> None:
    row = "SYNTH-1,A1,Plasma,<,35,IU/mL,02/01/2026 08:15,"
    part = taken(HEADER.replace("Result,", "Op,Result,"), row, laboratory=WITH_SIGN)
    written = write_delivery(part.accepted, WITH_SIGN)
    again = taken(*written.splitlines(), laboratory=WITH_SIGN)
    assert again.accepted.select("detection", "lloq_iu_per_ml").rows() == [("below_lloq", 35.0)]


def test_a_title_and_24_00_are_read_where_the_file_declares_them() -> None:
    declared = lab(("[columns]", "lines_above_header = 1\nhour_24_ends_day = true\n[columns]"))
    row = ROW.format(value=500, collected="02/01/2026 24:00")
    part = taken("Results of a made-up day", HEADER, row, laboratory=declared)
    assert part.accepted["collected_at"].to_list() == [datetime(2026, 2, 2, tzinfo=declared.time_zone).astimezone(UTC)]
    assert part.accepted["line"].to_list() == [3]
    assert taken("Results of a made-up day", HEADER, row, laboratory=lab()).refused is not None


WORDS = ValueGrammar(
    Marks(",", "."),
    grammar("us").units,
    phrases=grammar("us").phrases
    | {"< titer min": "below_lloq", ">uloq": "above_uloq", "detected (<lloq)": "below_lloq"},
    number_words={0.0: "not_detected", -1.0: "invalid", -2.5: "below_lloq"},
)
VALUES = [
    ("< Titer  MIN", "", "below_lloq"),
    (">ULOQ", "IU/mL", "above_uloq"),
    ("Detected (<LLOQ)", "", "below_lloq"),
    ("< Titer max", "", "rejected: unknown_text"),
    ("0", "IU/mL", "not_detected"),
    ("0,00", "log IU/mL", "not_detected"),
    ("0 IU/mL", "", "not_detected"),
    ("-0", "IU/mL", "not_detected"),
    ("-1", "IU/mL", "rejected: invalid_result"),
    ("-2,50", "log IU/mL", "below_lloq"),
    ("-3", "IU/mL", "rejected: not_positive"),
    ("<0", "IU/mL", "rejected: not_positive"),
    ("0 kIU/week", "", "rejected: not_positive"),
    ("1,5 x 10^5", "IU/mL", "quantified = 150000 iu_per_ml"),
    ("1,5x10^5 IU/mL", "", "quantified = 150000 iu_per_ml"),
    ("1,5 × 10^5", "IU/mL", "quantified = 150000 iu_per_ml"),
    ("2*10^3", "IU/mL", "quantified = 2000 iu_per_ml"),
    ("10^5", "IU/mL", "quantified = 100000 iu_per_ml"),
    (">10^7", "IU/mL", "above_uloq limit 10000000 iu_per_ml"),
    ("<10^2 IU/mL", "", "below_lloq limit 100 iu_per_ml"),
    ("10^5,2", "IU/mL", "rejected: number_form"),
    ("1,5 x 10e5", "IU/mL", "rejected: number_form"),
    ("1,5 x 105", "IU/mL", "rejected: number_form"),
    ("2^5", "IU/mL", "rejected: number_form"),
    ("1234 H", "IU/mL", "rejected: flag_after_number"),
    ("1234 HH", "IU/mL", "rejected: flag_after_number"),
    ("1234*", "IU/mL", "rejected: flag_after_number"),
    ("1234 (3,09)", "IU/mL", "rejected: second_number_without_unit"),
    ("<=50", "IU/mL", "rejected: unsupported_comparator"),
    ("12O00", "IU/mL", "rejected: malformed_number"),
    ("1234 kIU/week", "", "rejected: unknown_unit"),
]


@pytest.mark.parametrize(("text", "unit", "want"), VALUES)
def test_a_value_in_a_declared_word_or_a_power_of_ten_is_read_and_the_rest_is_named(
    text: str, unit: str, want: str
) -> None:
    assert shown(parse_value(text, unit, grammar=WORDS)) == want


def test_nothing_is_a_word_that_the_file_does_not_declare() -> None:
    bare = ValueGrammar(Marks(",", "."), grammar("us").units)
    assert shown(parse_value("0", "IU/mL", grammar=bare)) == "rejected: not_positive"
    assert shown(parse_value(">ULOQ", "IU/mL", grammar=bare)) == "rejected: unknown_text"


MISSPELT = [
    ("patient_id,drug,started_at,stop_at", "stop_at is not known, and stopped_at"),
    ("patient_id,drug,started_at,stoppedAt", "stoppedAt is not known, and stopped_at"),
    ("patient_id,drug,started_at,interval", "interval is not known, and interval_h"),
    ("patient_id,drug,started_at,stopped_at,prescriber", None),
    ("patient_id,drug,started_at", None),
]


@pytest.mark.parametrize(("header", "told"), MISSPELT)
def test_a_column_with_nearly_the_name_of_one_that_is_read_stops_the_table(header: str, told: str | None) -> None:
    cells = {"patient_id": "SYNTH-1", "drug": "ganciclovir", "started_at": "2026-05-01T08:00Z"}
    row = ",".join(cells.get(name, "") for name in header.split(","))
    part = deliver(f"{header}\n{row}\n".encode(), "", "antiviral_courses")
    assert (part.refused is None) == (told is None)
    assert part.refused is None or (part.refused.code == "misspelt_column" and str(told) in str(part.refused))


def test_a_single_record_that_misspells_a_column_is_found_in_a_file_whose_records_name_theirs() -> None:
    first = '{"table":"antiviral_courses","patient_id":"S1","drug":"ganciclovir","started_at":"2026-05-01T08:00Z",'
    lines = [first + '"stopped_at":"2026-05-09T08:00Z"}', first + '"stop_at":"2026-05-09T08:00Z"}', '{"records":2}']
    (part,) = intake("\n".join([*lines, ""]).encode(), "", None, form="ndjson").parts
    assert part.refused is not None
    assert part.refused.code == "misspelt_column"


def test_a_course_without_an_offset_is_read_in_the_zone_that_is_stated_and_else_set_apart() -> None:
    data = b"patient_id,drug,started_at\nSYNTH-1,ganciclovir,2026-05-01T08:00\n"
    part = deliver(data, "", "antiviral_courses", zone=ZoneInfo("Europe/Amsterdam"))
    assert part.accepted["started_at"].to_list() == [datetime(2026, 5, 1, 6, tzinfo=UTC)]
    (reason,) = deliver(data, "", "antiviral_courses").quarantined["reason"]
    assert reason == "time_without_zone"


SPANS = [
    # declared, collected, reported, reason
    ("", "02/01/2026 08:15", "02/03/2026 09:00", None),
    ("", "02/01/2025 08:15", "02/03/2026 09:00", "collected_long_before_report"),  # a year typed wrong
    ("", "08/08/2025 10:00", "02/04/2026 09:00", None),  # 180 days (the clock went back), a late correction
    ("", "08/08/2025 09:59", "02/04/2026 09:00", "collected_long_before_report"),
    ("reported_within_days = 400", "02/01/2025 08:15", "02/03/2026 09:00", None),
    ("reported_within_days = 0.5", "02/02/2026 20:00", "02/03/2026 09:00", "collected_long_before_report"),
    ("reported_within_days = 0.5", "02/02/2026 22:00", "02/03/2026 09:00", None),
    ("", "02/01/2025 08:15", "", None),  # it does not say when it was reported
]


@pytest.mark.parametrize(("declared", "collected", "reported", "reason"), SPANS)
def test_a_sample_collected_longer_before_its_report_than_declared_is_set_apart(
    declared: str, collected: str, reported: str, reason: str | None
) -> None:
    laboratory = lab(("[columns]", f"{declared}\n[columns]"))
    part = taken(HEADER, f"SYNTH-1,A1,Plasma,500,IU/mL,{collected},{reported}", laboratory=laboratory)
    assert part.quarantined["reason"].to_list() == ([] if reason is None else [reason])
    assert part.accepted.height == (reason is None)


def test_a_withdrawal_takes_effect_whatever_year_its_collection_says() -> None:
    laboratory = lab(
        ('reported_at = "Resulted"', 'reported_at = "Resulted"\nresult_status = "Status"'),
        ('default = "final"', 'default = "final"\ndelivered = { X = "withdrawn", F = "final" }'),
    )
    row = "SYNTH-1,A1,Plasma,500,IU/mL,02/01/2025 08:15,02/03/2026 09:00,X"
    part = taken(f"{HEADER},Status", row, laboratory=laboratory)
    assert part.withdrawals is not None
    assert part.withdrawals["accession_number"].to_list() == ["A1"]

"""A table file is read strictly, and makes a feed's own columns, words, numbers and times ours without guessing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.part import Part
from cmvmon.feeds.table_file import TableFile, read_table_file
from cmvmon.ingest import ingest

DRUGS = frozenset({"ganciclovir", "valganciclovir"})
HEAD = 'feed = "pharmacy"\ndescription = "Invented"\n'
AT = datetime(2026, 3, 20, 6, tzinfo=UTC)
DUTCH = (
    HEAD
    + """separator = ";"
encoding = "cp1252"
time_zone = "Europe/Amsterdam"
time_formats = ["%d-%m-%Y %H:%M"]
hour_24_ends_day = true
[numbers]
decimal = ","
[antiviral_courses.columns]
patient_id = "Patiëntnummer"
drug = "Middel"
indication = "Indicatie"
dose_mg = "Dosis (mg)"
doses_per_day = "Per 24 uur"
started_at = "Start"
stopped_at = "Stop"
stopped_time = "Stoptijd"
[antiviral_courses.words.drug]
ganciclovir = ["Cymevene"]
[antiviral_courses.words.indication]
treatment = ["behandeling"]
"""
)
HEADER = "Patiëntnummer;Middel;Indicatie;Dosis (mg);Per 24 uur;Start;Stop;Stoptijd"


def table_file(text: str) -> TableFile:
    return read_table_file(text, name="pharmacy", drugs=DRUGS)


def read(*lines: str, declared: str = DUTCH, header: str = HEADER) -> Part:
    return ingest(
        "\n".join([header, *lines]).encode("cp1252"),
        feed="pharmacy",
        table="antiviral_courses",
        laboratory=None,
        delivery_id="0" * 64,
        received_at=AT,
        landed_at=AT,
        table_file=table_file(declared),
    ).parts[0]


@pytest.mark.parametrize(
    ("declared", "faults"),
    [
        ('feed = "other"\n', ["feed: is not 'pharmacy'", "description: is missing"]),
        (HEAD + "colour = 1\n", ["colour: is not a key that is known here"]),
        (HEAD + "[courses]\n", ["courses: is not a key that is known here"]),
        (HEAD + '[antiviral_courses.columns]\nbed = "Bed"\n', ["antiviral_courses.columns.bed: is not a key"]),
        (
            HEAD + '[antiviral_courses.words.drug]\ngancyclovir = ["Cymevene"]\n',
            ["antiviral_courses.words.drug.gancyclovir: is no drug that is known here; use one of ganciclovir"],
        ),
        (
            HEAD + '[antiviral_courses.words.indication]\ncure = ["beh"]\ntreatment = ["beh"]\n',
            ["words.indication.cure: is no indication that is known here", "treatment: 'beh' also stands for cure"],
        ),
        (
            HEAD + '[icu_stays.words.affected_compartments]\nlung = ["long"]\n',
            ["affected_compartments.lung: is not as it must be"],
        ),
        (HEAD + 'time_formats = ["%d-%m-%Y %H:%M"]\n', ["time_zone: is missing beside the times"]),
        (HEAD + 'time_zone = "Mokum"\n', ["time_zone: is no IANA time zone"]),
        (
            HEAD + '[antiviral_courses.columns]\nstopped_time = "T"\ndrug = "drug"\nroute = "drug"\n',
            ["columns.*: two columns have one header", "stopped_time: has no `stopped_at` beside it"],
        ),
        (
            HEAD + '[antiviral_courses.columns]\ninterval_h = "A"\ndoses_per_day = "B"\n',
            ["doses_per_day: stands beside `interval_h`"],
        ),
    ],
)
def test_what_contradicts_itself_or_names_what_does_not_exist_is_refused_with_where_and_what(
    declared: str, faults: list[str]
) -> None:
    with pytest.raises(ProtocolError) as raised:
        table_file(declared)
    assert [fault for fault in faults if fault not in str(raised.value)] == []


def test_a_dutch_export_is_read_as_its_table_file_says() -> None:
    part = read(
        "P1; CYMEVENE ;Behandeling;312,5;2;2-3-2026 10:00;;",
        "P2;Ganciclovir;TREATMENT;;;02-03-2026 10:00;05-03-2026;24:00",
        "P3;clindamycine;other;600;3;29-03-2026 03:30;;",
    )
    rows = part.accepted.select("patient_id", "drug", "indication", "dose_mg", "interval_h", "started_at", "stopped_at")
    began = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert rows.rows() == [
        ("P1", "ganciclovir", "treatment", 312.5, 12.0, began, None),
        ("P2", "ganciclovir", "treatment", None, None, began, datetime(2026, 3, 5, 23, tzinfo=UTC)),
        ("P3", "clindamycine", "other", 600.0, 8.0, datetime(2026, 3, 29, 1, 30, tzinfo=UTC), None),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        ("P1;Cymevene;behandeling;5.5;;02-03-2026 10:00;;", "ambiguous_number", "Dosis (mg)"),
        ("P1;Cymevene;behandeling;vijf;;02-03-2026 10:00;;", "malformed_number", "Dosis (mg)"),
        ("P1;Cymevene;behandeling;0;;02-03-2026 10:00;;", "implausible_dose_mg", "Dosis (mg)"),
        ("P1;Cymevene;behandeling;;0;02-03-2026 10:00;;", "implausible_interval_h", "Per 24 uur"),
        ("P1;Cymevene;kuur;;;02-03-2026 10:00;;", "unknown_indication", "Indicatie"),
        ("P1;Cymevene;behandeling;;;2026-03-02 10:00;;", "malformed_time", "Start"),
        ("P1;Cymevene;behandeling;;;2026-03-02T10:00:00+01:00;;", "malformed_time", "Start"),
        ("P1;Cymevene;behandeling;;;29-03-2026 02:30;;", "time_does_not_exist", "Start"),
        ("P1;Cymevene;behandeling;;;02-03-2026 10:00;05-03-2026;", "no_time", "Stop"),
        ("P1;Cymevene;behandeling;;;02-03-2026 10:00;;12:00", "malformed_time", "Stop"),
        ("onbekend;Cymevene;behandeling;;;02-03-2026 10:00;;", "placeholder_patient_id", "Patiëntnummer"),
    ],
)
def test_what_is_not_declared_is_set_apart_and_the_delivered_column_is_named(
    line: str, reason: str, column: str
) -> None:
    part = read(line)
    assert part.accepted.is_empty()
    assert part.quarantined.select("reason", "column").rows() == [(reason, column)]


def test_what_a_record_that_is_set_apart_names_is_read_in_our_words() -> None:
    part = read("P1;Cymevene;kuur;;;02-03-2026 10:00;;", "P2;Cymevene;behandeling;;;2026-03-02 10:00;;")
    first, second = part.named[1], part.named[2]
    assert (first.read["drug"], first.read["started_at"]) == ("ganciclovir", "2026-03-02T09:00:00+00:00")
    assert (second.read["patient_id"], second.unread) == ("P2", {"started_at": "2026-03-02 10:00"})
    assert part.quarantined["patient_id"].to_list() == ["P1", "P2"]


def test_a_column_that_is_declared_must_be_there() -> None:
    part = read("P1;Cymevene", header=HEADER.replace(";Start;", ";Begin;"))
    assert part.refused is not None
    assert part.refused.code == "missing_column"


def test_half_days_are_read_where_they_are_declared() -> None:
    declared = HEAD + 'time_zone = "America/New_York"\ntime_formats = ["%m/%d/%Y %I:%M %p"]\n'
    part = read("P1,foscarnet,3/2/2026 2:15 PM", declared=declared, header="patient_id,drug,started_at")
    assert part.accepted["started_at"].to_list() == [datetime(2026, 3, 2, 19, 15, tzinfo=UTC)]


def test_our_own_columns_and_words_need_no_declaration_and_are_read_in_any_case() -> None:
    header = "patient_id,drug,indication,route,started_at"
    part = read("P1,GANCICLOVIR,treatment,IV,2026-03-02T10:00:00+01:00", declared=HEAD, header=header)
    assert part.accepted.select("drug", "route").rows() == [("ganciclovir", "iv")]


def test_a_file_of_several_tables_is_no_snapshot_of_one() -> None:
    line = '{"table": "antiviral_courses", "patient_id": "P1", "drug": "ganciclovir", "started_at": "2026-03-02T10:00:00Z"}'
    part = ingest(
        f'{line}\n{{"records": 1}}\n'.encode(),
        feed="pharmacy",
        table=None,
        laboratory=None,
        delivery_id="0" * 64,
        received_at=AT,
        landed_at=AT,
        form="ndjson",
        table_file=table_file(HEAD + '[antiviral_courses]\nsends = "snapshot"\n'),
    ).parts[0]
    assert part.refused is not None
    assert part.refused.code == "snapshot_of_messages"


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ('sends = "all"\n', "sends: is none of 'rows', 'snapshot', 'changes'"),
        ('sends = "changes"\n', "sends: is 'changes' without `status.withdrawn`"),
        ("holds_days = 30\n", "holds_days: is of snapshots only"),
        ("max_withdrawn_share = 1.5\n", "max_withdrawn_share: is out of range"),
        ('[antiviral_courses.status]\nwithdrawn = ["x"]\n', "status.*: needs `columns.status`"),
        ('[antiviral_courses.columns]\nstatus = "state"\n', "status.*: needs `columns.status`"),
        (
            '[antiviral_courses.columns]\nstatus = "s"\n[antiviral_courses.status]\nwithdrawn = ["x"]\nstands = ["X"]\n',
            "stands: 'X' also stands under withdrawn",
        ),
    ],
)
def test_what_a_delivery_is_said_to_be_is_checked_too(declared: str, fault: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        table_file(HEAD + "[antiviral_courses]\n" + declared)
    assert fault in str(raised.value)

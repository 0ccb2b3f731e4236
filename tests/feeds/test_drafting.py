"""A drafted laboratory file shows no patient, guesses nothing that is active, and reads its sample once it is confirmed. All made up."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cmvmon.cli import app
from cmvmon.domain.errors import DeliveryError, ProtocolError, SiteError
from cmvmon.feeds.drafting.draft import draft_laboratory
from cmvmon.feeds.drafting.sample import marks_of, time_formats_of
from cmvmon.feeds.drafting.vocabulary import vocabulary
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.shell.folder.making_site import make_site
from tests.feeds import excel_files, fhir_texts, hl7_texts
from tests.feeds.shipped import LABS, NAMES, deliver, intake, laboratory

DELIVERIES = Path(__file__).parents[1] / "deliveries"
KNOWN = vocabulary(laboratory(name) for name in NAMES)
SAMPLES = {
    "example_nl": "dutch_decimals",
    "example_fr": "happy",
    "example_us": "happy",
    "synthetic": "happy",
}


def sample(name: str, *, of_patients: int = 3) -> bytes:
    """The delivery of an example, each record once for each of so many patients; one time tells day from month."""
    data = (DELIVERIES / name / f"{SAMPLES[name]}.csv").read_bytes()
    header, *lines = data.splitlines()
    patient = lines[0].split(b"," if name in ("example_us", "synthetic") else b";")[0]
    several = [line.replace(patient, b"SYNTH-%d" % n) for n in range(1, of_patients + 1) for line in lines]
    several = [line.replace(b"10-02-2026", b"23-02-2026").replace(b"03-02-2026", b"23-02-2026") for line in several]
    return b"\n".join([header, *several]) + b"\n"


def draft(data: bytes, name: str = "drafted") -> str:
    return draft_laboratory(data, name=name, known=KNOWN)


def answered(text: str, name: str) -> str:
    """The draft with each question answered as the example's own file does: what no sample says."""
    own = (LABS / f"{name}.toml").read_text("utf-8")
    told = tomllib.loads(own)
    answers = {"description": '"made up"', "time_zone": f'"{told["time_zone"]}"'}
    for key in ("less_than", "greater_than"):
        answers[key] = f'"{told["values"][key]}"'
    answers["default"] = f'"{told.get("status", {}).get("default", "final")}"'
    for words in (told["units"]["delivered"], told["specimens"]):
        answers |= {toml_text(word): toml_value(meaning) for word, meaning in words.items()}
    body, _, _ = text.partition("# ASK: the limits of each assay")
    lines = []
    for line in body.splitlines():
        asked = re.match(r"# (\S+|\"[^\"]+\") = ", line)
        lines.append(f"{asked[1]} = {answers[asked[1]]}" if asked and asked[1] in answers else line)
    return "\n".join(lines) + "\n\n[[assays]]" + own.partition("[[assays]]")[2]


def confirmed(text: str) -> str:
    return re.sub(r"to_confirm = \[\n.*?\n\]\n", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", SAMPLES)
def test_once_confirmed_it_reads_the_sample_as_the_example_s_own_file_does(name: str) -> None:
    data = sample(name)
    own = deliver(data, name)
    lab: Laboratory = read_laboratory(confirmed(answered(draft(data, name), name)), name=name)
    drafted = deliver(data, name, laboratory=lab)
    assert own.accepted.height > 5
    assert drafted.accepted.select(own.accepted.columns).equals(own.accepted)
    assert drafted.quarantined["record_number"].to_list() == own.quarantined["record_number"].to_list()
    assert drafted.ignored == own.ignored


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_refused_until_the_last_guess_is_confirmed_though_every_question_is_answered(name: str) -> None:
    text = answered(draft(sample(name), name), name)
    guesses = list(tomllib.loads(text)["to_confirm"])
    assert len(guesses) > 10
    while guesses:
        listed = "\n".join(f"    {toml_text(guess)}," for guess in guesses)
        left = re.sub(r"to_confirm = \[\n.*?\n\]\n", lambda _: f"to_confirm = [\n{listed}\n]\n", text, flags=re.DOTALL)  # noqa: B023
        with pytest.raises(ProtocolError, match="only guessed") as told:
            read_laboratory(left, name=name)
        assert repr(guesses[-1]) in str(told.value)
        guesses = guesses[: len(guesses) // 2]
    assert read_laboratory(confirmed(text), name=name).laboratory == name


def toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    return toml_text(value) if isinstance(value, str) else str(value)


def toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_every_guess_of_the_file_is_on_the_list(tmp_path: Path) -> None:
    for name in SAMPLES:
        text = draft(sample(name))
        assert text.count("# GUESS: ") == len(tomllib.loads(text)["to_confirm"])


def test_the_intake_refuses_a_draft_as_it_is_and_takes_nothing_in(tmp_path: Path) -> None:
    make_site(tmp_path / "site", time_zone="Europe/Amsterdam", language=None)
    file = tmp_path / "sample.csv"
    file.write_bytes(sample("example_nl"))
    out = tmp_path / "site" / "labs" / "mine.toml"
    app(["feed", "draft", str(file), "--name", "mine", "--out", str(out)], standalone_mode=False)
    with pytest.raises(ProtocolError, match="only guessed"):
        list(take_in_by_hand(tmp_path / "site", [file], feed="mine"))
    with pytest.raises(SiteError, match="left as it is"):
        app(["feed", "draft", str(file), "--name", "mine", "--out", str(out)], standalone_mode=False)


HEADER = "Patientnummer;Monsternummer;Bepaling;Materiaal;Uitslag;Afnamedatum;Naam"


def lines(*told: str) -> bytes:
    return "\n".join([HEADER, *told]).encode()


def test_no_patient_and_no_rare_word_stands_in_a_draft(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [f"98765{n};M{n};CMVK;plasma;neg;23-02-2026 08:15;Jansen-{n}" for n in range(5)]
    rows += ["987650;M7;CMVK;A. de Vries;zie brief Pietersen;23-02-2026 08:15;De Boer"] * 4
    rows += [f"98765{n};N{n};CMVK;plasma;bel 06-1234567;23-02-2026 08:15;x" for n in range(4)]
    file = tmp_path / "sample.csv"
    file.write_bytes(lines(*rows))
    app(["feed", "draft", str(file), "--name", "mine"], standalone_mode=False)
    text = capsys.readouterr().out
    assert '"plasma" = "plasma"' in text
    for private in ("98765", "Jansen", "Vries", "Pietersen", "Boer", "1234567", "M7", "brief"):
        assert private not in text


@pytest.mark.parametrize("data", [b"98765;Jansen;plasma\n98766;De Boer;serum\n", b"", b"\x00\x01", b"a,b\n1,2\n"])
def test_a_file_whose_header_is_not_known_is_not_shown(data: bytes) -> None:
    with pytest.raises(DeliveryError) as told:
        draft(data)
    assert not [word for word in ("98765", "Jansen", "Boer") if word in str(told.value)]


@pytest.mark.parametrize(
    ("patient", "order", "day", "time"),
    [
        ("Patiëntnummer", "Aanvraagnr", "Afnamedatum", "Afnametijd"),
        ("Patie\u0308ntnummer", "Ordernummer", "Afnamedatum", "Afnametijd"),  # the accent as a letter of its own
        ("PATIENT_ID", "sample-id", "Collection_Date", "collection.time"),
    ],
)
def test_a_header_is_known_however_its_accents_and_joints_are_written(
    patient: str, order: str, day: str, time: str
) -> None:
    """And a time that stands in a column of its own is read with its day."""
    lines = [f"{70 + n};O{n};BAL;1200{n};IE/ml;{13 + n}-11-2026;08:15" for n in range(5)]
    text = draft("\n".join((f"{patient};{order};Materiaal;Uitslag;Eenheid;{day};{time}", *lines)).encode())
    for key, header in (("patient_id", patient), ("accession_number", order), ("collected_at", day)):
        assert f'{key} = "{header}"' in text
    assert f'collected_time = "{time}"' in text
    assert 'time_formats = ["%d-%m-%Y %H:%M"]  # GUESS: reads all 5 times' in text


def test_a_header_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(DeliveryError, match=r"patient_id \(.*patientnummer.*\)") as told:
        draft(b"Wie;Uitslag\n98765;12\n")
    assert told.value.code == "missing_column"
    assert "Wie" not in str(told.value)


def test_day_and_month_that_can_not_be_told_apart_are_asked_and_not_guessed() -> None:
    text = draft(lines("1;M1;CMVK;plasma;500;03-02-2026 08:15;x"))
    assert "# time_formats = " in text
    assert not re.search(r"^time_formats", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.200", "7.000"], (None, None)),
        (["1,250", "<1.54"], (".", ",")),
        (["1.200.000", "3,5"], (",", ".")),
        (["1.200,5"], (",", ".")),
        (["3,52", "3.52"], (None, None)),
        (["1'000", "2.5"], (".", "'")),
        (["neg", ""], (None, None)),
        (["0.123"], (".", None)),
    ],
)
def test_the_marks_of_numbers_are_guessed_only_where_they_tell(
    values: list[str], marks: tuple[str | None, str | None]
) -> None:
    assert marks_of(values) == marks


def test_a_draft_says_how_many_times_are_odd_and_their_shape_and_never_a_cell() -> None:
    times = [f"{day}-02-2026 08:15" for day in range(13, 29)]
    sample = "Patientnummer;Uitslag;Afnamedatum\n" + "".join(
        f"SYNTH-{n};800;{time}\n"
        for n, time in enumerate([*times, "de Vries\x01 1961", "05-feb-2026 09:30", "06-mrt-2026 09:30"])
    )
    text = draft_laboratory(sample.encode(), name="made_up", known=KNOWN)
    (line,) = [line for line in text.splitlines() if "time_formats" in line]
    assert line.startswith('# time_formats = ["%d-%m-%Y %H:%M"]  # ASK: ')
    assert "in 3 of 19 times the form is another one: 99-aaa-9999 99:99 (2), aa aaaaa? 9999 (1)" in line
    assert "reads the other 16" in line
    assert not any(told in text for told in ("Vries", "1961", "feb", "mrt"))
    alike = "Patientnummer;Uitslag;Afnamedatum\nSYNTH-1;800;03-02-2026 08:15\n"
    (line,) = [
        one for one in draft_laboratory(alike.encode(), name="x", known=KNOWN).splitlines() if "time_formats" in one
    ]
    assert "in 1 of 1 times day and month can't be told apart: 99-99-9999 99:99 (1)" in line
    (line,) = [
        one
        for one in draft_laboratory(b"Patientnummer;Uitslag\n1;2\n", name="x", known=KNOWN).splitlines()
        if "time_formats" in one
    ]
    assert "The sample holds no time" in line


def test_times_in_two_forms_are_read_by_both_and_one_that_none_reads_leaves_it_open() -> None:
    assert time_formats_of(["2026-02-03T08:15:00Z", "23/02/2026 08:15"]) == ("iso8601", "%d/%m/%Y %H:%M")
    assert time_formats_of(["23/02/2026 08:15", "02/23/2026 08:15"]) is None
    assert time_formats_of(["23-feb-2026 08:15"]) is None


@pytest.mark.parametrize("mark", [b"\x0b", b"\x0c", b"\x1c", b"\n", b"\r\n\r\n", b" "])
def test_a_mark_before_the_header_that_ends_a_line_for_python_alone_changes_no_column(mark: bytes) -> None:
    plain = sample("example_nl")
    assert tomllib.loads(draft(mark + plain))["columns"] == tomllib.loads(draft(plain))["columns"]


@given(st.binary(max_size=300), st.integers(0, 400))
@example(b"\x0b", 0)
def test_no_bytes_make_it_fail_in_any_other_way(noise: bytes, at: int) -> None:
    data = sample("example_nl")
    try:
        tomllib.loads(draft(data[:at] + noise + data[at:]))
    except DeliveryError:
        return


@pytest.mark.parametrize("ending", [".parquet", ".ndjson", ".xls"])
def test_of_another_format_it_says_what_a_draft_is_made_from(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"sample{ending}"
    file.write_bytes(b"x")
    with pytest.raises(SiteError, match="made from CSV, Excel"):
        app(["feed", "draft", str(file), "--name", "mine"], standalone_mode=False)


@pytest.mark.parametrize("form", ["hl7", "fhir"])
@pytest.mark.parametrize("ending", [".json", ".txt", ""])
def test_a_sample_whose_ending_says_nothing_is_drafted_as_what_it_begins_like(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, ending: str
) -> None:
    data = {"hl7": hl7_sample(), "fhir": fhir_sample()}[form]
    drafts = []
    for name in (f"sample{ending}", f"sample.{'hl7' if form == 'hl7' else 'fhir.json'}"):
        (tmp_path / name).write_bytes(data)
        app(["feed", "draft", str(tmp_path / name), "--name", "mine"], standalone_mode=False)
        drafts.append(capsys.readouterr().out)
    assert drafts[0] == drafts[1]
    assert f'format = "{form}"' in drafts[0]


def test_a_sample_of_fhir_that_holds_no_result_names_the_example_of_fhir(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_bytes(fhir_texts.as_bytes(fhir_texts.bundle(fhir_texts.patient("SYNTH-1", "p1"))))
    with pytest.raises(DeliveryError, match=r"example_fhir\.toml"):
        app(["feed", "draft", str(tmp_path / "sample.json"), "--name", "mine"], standalone_mode=False)


VALUES = {"12000": "NM", "<^137": "SN", "Not detected": "ST"}


def hl7_sample(specimen: str = "PLAS", *, patients: int = 3) -> bytes:
    """Results of some patients as HL7, each patient with a second identifier, and an appointment of each."""
    told = []
    for n in range(patients):
        for value, kind in VALUES.items():
            whole = hl7_texts.message(*hl7_texts.order(value, kind=kind, number=f"F{n}{kind}", specimen=specimen))
            told.append(
                [one.replace("SYNTH-1^^^EXAMPLE^MR", f"{n}77^^^NATION^NN~SYNTH-{n}^^^EXAMPLE^MR") for one in whole]
            )
        told.append(hl7_texts.message("SCH|CANARY", kind="SIU^S12", patient=f"SYNTH-{n}"))
    return hl7_texts.file_of(*told)


def fhir_sample(*, patients: int = 3) -> bytes:
    told = []
    for n in range(patients):
        whose = {"subject": {"reference": f"Patient/p{n}"}}
        told.append(fhir_texts.patient(f"SYNTH-{n}", f"p{n}"))
        told.append(fhir_texts.specimen("PLAS", id=f"s{n}") | whose)
        of = whose | {"specimen": {"reference": f"Specimen/s{n}"}}
        told.append(fhir_texts.observation(f"F{n}", id=f"o{n}", **of))
        told.append(fhir_texts.observation(f"G{n}", id=f"u{n}", valueString="Not detected", **of))
    return fhir_texts.as_bytes(fhir_texts.bundle(*told))


@pytest.mark.parametrize("form", ["hl7", "fhir"])
def test_a_draft_of_messages_once_confirmed_reads_them_as_the_examples_own_file_does(form: str) -> None:
    data, name = (hl7_sample(), "example_hl7") if form == "hl7" else (fhir_sample(), "example_fhir")
    text = draft_laboratory(data, name=name, known=KNOWN, form=form)
    assert f'format = "{form}"' in text
    text = answered(text, name).replace("# decimal = ", "decimal = ")
    drafted = intake(data, name, form=form, laboratory=read_laboratory(confirmed(text), name=name))
    own = intake(data, name, form=form)
    (mine,) = (part for part in drafted.parts if part.table == "viral_load_results")
    (theirs,) = (part for part in own.parts if part.table == "viral_load_results")
    assert theirs.accepted.height == (9 if form == "hl7" else 6)
    assert mine.accepted.equals(theirs.accepted)
    assert [part.ignored for part in drafted.parts if part.table == "delivery"] == ([3] if form == "hl7" else [])


@pytest.mark.parametrize(
    ("data", "form", "place"),
    [
        (hl7_sample(), "hl7", 'patient_id = "PID-3[5=MR].1"'),
        (hl7_sample(), "hl7", 'specimen = "SPM-4.1"'),
        (hl7_sample(specimen="").replace(b"|||||||||||||||202605031000", b"||||||||WBC&x^y|||||||202605031000"), "hl7", 'specimen = "OBR-15.1.1"'),
        (hl7_sample().replace(b"^EXAMPLE^MR", b"^EXAMPLE"), "hl7", 'patient_id = "PID-3[5=NN].1"'),
        (hl7_sample(), "hl7", 'ignored = ["SIU^S12"]'),
        (fhir_sample(), "fhir", f'patient_id = "Patient.identifier[system={fhir_texts.SITE}/mrn].value"'),
        (fhir_sample(), "fhir", f'test = "Observation.code.coding[system={fhir_texts.SITE}/tests].code"'),
    ],
)  # fmt: skip
def test_a_draft_of_messages_names_the_place_that_is_filled(data: bytes, form: str, place: str) -> None:
    text = draft_laboratory(data, name="drafted", known=KNOWN, form=form)
    assert place in text
    assert place.split(" = ")[0] in " ".join(tomllib.loads(text)["to_confirm"])


@pytest.mark.parametrize("form", ["hl7", "fhir"])
def test_a_draft_of_messages_shows_no_patient(form: str) -> None:
    data = hl7_sample(patients=5) if form == "hl7" else fhir_sample(patients=5)
    text = draft_laboratory(data, name="drafted", known=KNOWN, form=form)
    for hidden in ("SYNTH-", "077", "CANARY", "FAKENAME", "900000001", "12000", "F0"):
        assert hidden not in text


@pytest.mark.parametrize("form", ["hl7", "fhir"])
def test_a_sample_of_messages_that_holds_no_result_is_not_shown(form: str) -> None:
    data = hl7_texts.file_of(hl7_texts.message("SCH|CANARY", kind="SIU^S12"))
    data = data if form == "hl7" else fhir_texts.as_bytes(fhir_texts.bundle(fhir_texts.patient()))
    with pytest.raises(DeliveryError, match="fill it in by hand") as told:
        draft_laboratory(data, name="drafted", known=KNOWN, form=form)
    assert "CANARY" not in str(told.value)


@given(noise=st.binary(max_size=6), at=st.integers(0, 2000))
def test_no_bytes_make_a_draft_of_messages_fail_in_any_other_way(noise: bytes, at: int) -> None:
    for form, data in (("hl7", hl7_sample()), ("fhir", fhir_sample()), ("fhir_lines", fhir_sample())):
        try:
            tomllib.loads(draft_laboratory(data[:at] + noise + data[at:], name="drafted", known=KNOWN, form=form))
        except DeliveryError:
            continue


def test_a_sheet_is_drafted_as_the_csv_of_it_is_though_a_title_stands_above_its_header() -> None:
    header, *lines = [line.split(";") for line in sample("example_nl").decode("cp1252").splitlines()]
    title = [["Resultaten"], [], header, *lines]
    text = draft_laboratory(
        excel_files.excel(("Blad1", title), merged="A1:C1"), name="drafted", known=KNOWN, form="excel"
    )
    told, of_csv = tomllib.loads(text), tomllib.loads(draft(sample("example_nl")))
    assert (told["format"], told["lines_above_header"]) == ("excel", 2)
    assert told["columns"] == of_csv["columns"]
    assert told["tests"] == of_csv["tests"]
    assert "separator" not in told


def test_a_day_that_does_not_exist_is_told_as_that_and_not_as_another_form() -> None:
    sample = "Patientnummer;Uitslag;Afnamedatum\n" + "".join(
        f"SYNTH-{n};800;{time}\n"
        for n, time in enumerate([*(f"{day}-11-2026 08:15" for day in range(13, 30)), "31-11-2026 08:15"])
    )
    text = draft_laboratory(sample.encode(), name="made_up", known=KNOWN)
    (line,) = [line for line in text.splitlines() if "time_formats" in line]
    assert "in 1 of 18 times the form is one that is read, and the day or the hour does not exist" in line
    assert "another one" not in line
    assert "reads the other 17" in line


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_file"), (b" \n\n", "empty_file"), (b"\x00\x01\xff\x80PNG", "nul_bytes"), (b"a;b\n\x00", "nul_bytes")],
)
def test_a_sample_that_is_empty_or_no_text_is_told_as_that(data: bytes, code: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        draft_laboratory(data, name="made_up", known=KNOWN)
    assert refused.value.code == code

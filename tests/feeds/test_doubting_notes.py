"""A note that takes a value back (faults.md, row 92): which notes concern a result, and which words in them do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.doubting_notes import DOUBTED, DoubtWords, words_of
from cmvmon.feeds.drafting.draft import draft_laboratory
from cmvmon.feeds.drafting.vocabulary import vocabulary
from cmvmon.feeds.fhir.observations import OBSERVATION
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from tests.feeds import fhir_texts, hl7_texts
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, quantity, report, specimen
from tests.feeds.hl7_texts import file_of, message, order, reasons
from tests.feeds.shipped import LABS, NAMES, csv_bytes, deliver, laboratory

DOUBT = 'doubt = ["gestold", "niet betrouwbaar", "hémolysé"]'


def doubting(name: str, notes: str = DOUBT) -> Laboratory:
    """A shipped laboratory whose file declares such words."""
    text = (LABS / f"{name}.toml").read_text("utf-8")
    return read_laboratory(text.replace("[[assays]]", f"[notes]\n{notes}\n\n[[assays]]", 1), name=name)


def hl7(*segments: str, lab: Laboratory | None = None) -> tuple[list[str], list[str]]:
    """The accession numbers that are used, and why the others wait."""
    part = hl7_texts.results(file_of(message(*segments)), laboratory=lab or doubting("example_hl7"))
    return part.accepted["accession_number"].to_list(), reasons(part)


OBR, OBX, SPM = order()


@pytest.mark.parametrize("note", [
    "gestold", "GESTOLD!", "Monster (gestold), zie aanvraag", "niet betrouwbaar", "Niet  Betrouwbaar.", "niet-betrouwbaar",
    r"niet\.br\betrouwbaar", r"niet\.sp 2\betrouwbaar", r"\H\niet betrouwbaar\N\ ", r"niet\X0D0A\betrouwbaar", "niet~betrouwbaar",
    "Hemolyse; Hémolysé", "HEMOLYSE", "het is niet gestold",
])  # fmt: skip
def test_a_note_with_a_declared_word_sets_its_result_apart(note: str) -> None:
    assert hl7(OBR, OBX, f"NTE|1|L|{note}", SPM) == ([], [DOUBTED])


@pytest.mark.parametrize("note", [
    "", "verdund", "ongestold", "gestolde", "niet erg betrouwbaar", "betrouwbaar niet", "zeer betrouwbaar", '""',
])  # fmt: skip
def test_a_word_inside_another_or_words_that_are_apart_set_nothing_apart(note: str) -> None:
    assert hl7(OBR, OBX, f"NTE|1|L|{note}", SPM) == (["F1"], [])


def test_without_declared_words_notes_are_not_read() -> None:
    assert hl7(OBR, OBX, "NTE|1|L|gestold, niet betrouwbaar", SPM, lab=laboratory("example_hl7")) == (["F1"], [])
    assert hl7(OBR, OBX, "NTE|1|L|gestold", SPM, lab=doubting("example_hl7", "doubt = []")) == (["F1"], [])


def test_a_note_that_is_split_over_segments_is_one_text() -> None:
    assert hl7(OBR, OBX, "NTE|1|L|uitslag is niet", "NTE|2|L|betrouwbaar", SPM) == ([], [DOUBTED])


def test_the_marks_of_the_message_count_in_its_notes() -> None:
    own = message(OBR, OBX, "NTE|1|L|niet%.br%betrouwbaar", SPM)
    own[0] = own[0].replace("\\", "%")
    part = hl7_texts.results(file_of(own), laboratory=doubting("example_hl7"))
    assert reasons(part) == [DOUBTED]


TWO = [*order(number="F1")[:2], *order(number="F2")[:2]]
SPM_1, SPM_2 = SPM, SPM.replace("SPM|1", "SPM|2")


@pytest.mark.parametrize(("segments", "used"), [
    ([TWO[0], TWO[1], "NTE|1||gestold", SPM_1, TWO[2], TWO[3], SPM_2], ["F2"]),
    ([TWO[0], TWO[1], SPM_1, TWO[2], TWO[3], "NTE|1||gestold", SPM_2], ["F1"]),
    ([TWO[0], "NTE|1||gestold", TWO[1], SPM_1, TWO[2], TWO[3], SPM_2], ["F2"]),  # of the order: all of its results
    ([TWO[0], TWO[1], SPM_1, "NTE|1||gestold", TWO[2], TWO[3], SPM_2], ["F2"]),  # of the specimen
    (["NTE|1||gestold", TWO[0], TWO[1], SPM_1, TWO[2], TWO[3], SPM_2], ["F1", "F2"]),  # of the patient
])  # fmt: skip
def test_a_note_is_of_what_it_stands_behind(segments: list[str], used: list[str]) -> None:
    assert hl7(*segments)[0] == used


def test_a_note_of_an_order_concerns_each_of_its_results_and_one_of_a_result_that_alone() -> None:
    lab = read_laboratory(
        (LABS / "example_hl7.toml").read_text("utf-8").replace(
            'laboratory = "example_hl7"', 'laboratory = "example_hl7"\naccession_stands_for = "tube"\nkey_columns = ["test"]'
        ).replace("[[assays]]", f"[notes]\n{DOUBT}\n\n[[assays]]", 1),
        name="example_hl7",
    )  # fmt: skip
    other = OBX.replace("CMVQ^", "CMVQLOG^").replace("12000|[IU]/mL", "4.9|{Log_IU}/mL")
    assert hl7(OBR, "NTE|1||gestold", OBX, other, SPM, lab=lab) == ([], [DOUBTED, DOUBTED])
    assert hl7(OBR, OBX, "NTE|1||gestold", other, SPM, lab=lab) == (["F1"], [DOUBTED])


@pytest.mark.parametrize(("status", "value", "reason"), [
    *((status, "12000", DOUBTED) for status in "FCAP"),
    ("U", "", DOUBTED),  # it would call a preliminary value final
    ("D", "12000", None), ("W", "", None),  # what withdraws takes effect
    ("F", "onbekend", "unknown_text"), ("N", "12000", "unknown_status"),  # what can't be read says so first
])  # fmt: skip
def test_what_would_be_used_is_set_apart_and_what_withdraws_is_not(status: str, value: str, reason: str | None) -> None:
    obr, obx, spm = order(value, status=status, kind="NM" if value.isdigit() else "ST")
    found = hl7_texts.results(file_of(message(obr, obx, "NTE|1||gestold", spm)), laboratory=doubting("example_hl7"))
    assert reasons(found) == ([] if reason is None else [reason])


def test_another_test_is_ignored_whatever_its_note_says() -> None:
    glucose = OBX.replace("CMVQ^CMV load", "GLUC^glucose")
    assert hl7(OBR.replace("CMVPAN^CMV-DNA", "CHEM^chemistry"), glucose, "NTE|1||gestold", SPM) == ([], [])


def fhir(*resources: fhir_texts.Json, notes: str = DOUBT) -> Part:
    return fhir_texts.results(as_bytes(bundle(*resources)), laboratory=doubting("example_fhir", notes))


@pytest.mark.parametrize(("told", "reason"), [
    ({"note": [{"text": "Monster gestold"}]}, DOUBTED),
    ({"note": [{"text": "verdund"}, {"text": "niet"}, {"text": "betrouwbaar"}]}, DOUBTED),
    ({"note": [{"text": "verdund"}, {"text": "herhaald"}]}, None),  # several notes are no fault
    ({"note": [{"authorString": "gestold"}]}, None),
])  # fmt: skip
def test_a_note_of_an_observation_is_looked_through(told: fhir_texts.Json, reason: str | None) -> None:
    found = fhir(patient(), specimen(), observation(**told))
    assert (found.accepted.height, reasons(found)) == ((0, [reason]) if reason else (1, []))


def test_the_conclusion_of_a_report_concerns_its_results_and_a_note_of_a_specimen_what_was_measured_in_it() -> None:
    one, two = observation("F1", id="o1"), observation("F2", id="o2")
    told = fhir(patient(), specimen(), one, two, report("o1", conclusion="CMV: niet betrouwbaar"))
    assert (told.accepted["accession_number"].to_list(), reasons(told)) == (["F2"], [DOUBTED])
    clotted = specimen() | {"note": [{"text": "gestold"}]}
    assert reasons(fhir(patient(), clotted, one)) == [DOUBTED]


def test_a_component_has_the_notes_of_its_observation() -> None:
    part = {"code": fhir_texts.concept("CMVQ"), **quantity(700)}
    whole = observation(
        code=fhir_texts.concept("PANEL"), valueQuantity=None, component=[part], note=[{"text": "gestold"}]
    )
    assert whole["resourceType"] == OBSERVATION
    assert reasons(fhir(patient(), specimen(), whole)) == [DOUBTED]


ROW = {
    "patient_id": "SYNTH-1", "accession_number": "N1", "test": "CMVK", "specimen": "EDTA-plasma", "assay": "PCR-A", "value": "1.200",
    "unit": "IE/ml", "collected_at": "23-02-2026 08:15", "reported_at": "23-02-2026 16:00", "result_status": "definitief",
}  # fmt: skip


def test_a_declared_column_of_notes_is_looked_through() -> None:
    lab = doubting("example_nl")
    template = {field: ROW.get(field, "") for field in lab.columns}
    notes = ("Gestold!", "verdund", "", "ongestold")
    data = csv_bytes(
        "example_nl",
        [{"accession_number": f"N{n}", "comment": note} for n, note in enumerate(notes)],
        template=template,
    )
    found = deliver(data, "example_nl", laboratory=lab)
    before = deliver(data, "example_nl")
    held = found.quarantined.filter(found.quarantined["reason"] == DOUBTED)
    assert held.select("record_number", "column").rows() == [(1, "Opmerking")]
    assert found.accepted.height == before.accepted.height - 1 == 3


@pytest.mark.parametrize(("name", "notes", "told"), [
    ("example_hl7", 'doubt = ["12"]', "holds no letter"),
    ("example_hl7", 'doubt = ["  "]', "notes.doubt"),
    ("example_hl7", 'doubt = "gestold"', "notes.doubt"),
    ("example_hl7", 'dout = ["gestold"]', "notes.dout"),
    ("example_fr", DOUBT, "no column holds notes; name it as `comment`"),
])  # fmt: skip
def test_what_is_declared_wrongly_is_told(name: str, notes: str, told: str) -> None:
    with pytest.raises(ProtocolError) as error:
        doubting(name, notes)
    assert told in str(error.value)


@given(
    st.lists(st.sampled_from(["niet", "betrouwbaar", "gestold", "x"]), max_size=6),
    st.sampled_from([" ", "\n", ", ", "-", "~"]),
)
def test_a_phrase_stands_in_a_note_exactly_where_its_words_follow_one_another(said: list[str], mark: str) -> None:
    declared = DoubtWords(frozenset({("niet", "betrouwbaar")}))
    follows = any(pair == ("niet", "betrouwbaar") for pair in pairwise(said))
    assert declared.stand_in(mark.join(said)) is follows
    assert words_of(mark.join(said).upper()) == tuple(said)


def test_a_draft_asks_for_the_words_where_it_saw_notes_and_tells_none() -> None:
    known = vocabulary(laboratory(name) for name in NAMES)
    three = [
        message(
            *order(number=f"F{n}")[:2],
            *([f"NTE|1||CANARY {n}"] if noted else []),
            SPM,
            patient=f"SYNTH-{n}",
            control=f"S{n}",
        )
        for n, noted in enumerate((True, True, False))
    ]
    with_notes = draft_laboratory(file_of(*three), name="drafted", known=known, form="hl7")
    assert "# 2 of 3 records have a note beside the value\n# [notes]\n# doubt = [" in with_notes
    assert "CANARY" not in with_notes
    assert "[notes]" not in draft_laboratory(file_of(*three[2:] * 3), name="drafted", known=known, form="hl7")

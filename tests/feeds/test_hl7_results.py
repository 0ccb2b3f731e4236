"""Messages as results: what belongs to whom, what a batch says of itself, and never a result that a message does not hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.declared_statuses import more_cautious
from cmvmon.feeds.hl7 import result_records
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.records import Messages
from tests.feeds.hl7_texts import (
    FILES,
    file_of,
    message,
    needs_public_messages,
    observations_by_message,
    order,
    plain_messages,
    read,
    reasons,
    refused,
    results,
)
from tests.feeds.shipped import LABS, laboratory

TEXT = (LABS / "example_hl7.toml").read_text("utf-8")
GOOD = message(*order(number="GOOD"), patient="SYNTH-GOOD")


def changed(*pairs: tuple[str, str]) -> Laboratory:
    """The example's file with some texts of it changed."""
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return read_laboratory(text, name="example_hl7")


def rows(data: bytes, *columns: str, lab: Laboratory | None = None) -> list[tuple[object, ...]]:
    """Those columns of the accepted rows, in the order of the records."""
    found = results(data, **({} if lab is None else {"laboratory": lab}))
    return found.accepted.sort("record_number").select(*columns).rows()


# --- public messages: none is of CMV


@needs_public_messages
@pytest.mark.parametrize("unlisted", ["ignored", "set_apart"])
@pytest.mark.parametrize("path", FILES or [Path("none")], ids=lambda path: path.name[:24])
def test_no_public_message_gives_a_result_of_cmv_and_every_record_is_counted_once(path: Path, unlisted: str) -> None:
    """By a count of its lines past our reader; read twice, each table of it holds the same."""
    lenient = replace(
        changed(('unlisted = "ignored"', f'unlisted = "{unlisted}"')),
        messages=Messages(end_may_lack=True, processing=("P", "T", "D")),
        max_quarantined_share=1.0,
    )
    data = path.read_bytes()
    first, second = (read(data, laboratory=lenient) for _ in range(2))
    for part, again in zip(first.parts, second.parts, strict=True):
        assert part.accepted.is_empty()
        assert part.refused is None
        assert part.quarantined.equals(again.quarantined)
        assert (part.table, part.ignored, part.named) == (again.table, again.ignored, again.named)
    expected = [observations_by_message(lines) for _, lines in plain_messages(data)]
    assert first.received == sum(expected) > 0
    apart = sum(part.quarantined.height for part in first.parts)
    assert apart + sum(part.ignored for part in first.parts) == sum(expected)
    assert unlisted == "ignored" or apart == sum(expected)
    assert set(reasons(first)) <= {"message_type", "unknown_test", "missing_test"}


@needs_public_messages
def test_a_stream_of_an_admissions_system_is_ignored_and_its_movements_are_named() -> None:
    """60 framed messages: 38 of results, of which each observation is of another test, and 22 of movements."""
    stream = next(path for path in FILES if path.name.startswith("30"))
    training = replace(laboratory("example_hl7"), messages=Messages(processing=("T",)))
    found = {part.table: part for part in read(stream.read_bytes(), laboratory=training).parts}
    assert Counter(reasons(found["delivery"])) == {"message_type": 22}
    of_results = found["viral_load_results"]
    assert (of_results.received, of_results.ignored, of_results.quarantined.height) == (
        of_results.ignored,
        of_results.received,
        0,
    )
    for_production = next(p for p in read(stream.read_bytes()).parts if p.table == "viral_load_results")
    assert set(reasons(for_production)) <= {
        "delivery_refused"
    }  # all of it is training, and that is too much to be true


@needs_public_messages
def test_a_good_message_after_each_public_one_is_taken_in() -> None:
    lenient = replace(laboratory("example_hl7"), max_quarantined_share=1.0)
    for path in FILES:
        data = path.read_bytes()
        if b"FHS|" in data:
            continue  # a batch that counts its messages
        found = rows(data + b"\r" + file_of(GOOD), "patient_id", lab=lenient)
        assert found == [("SYNTH-GOOD",)], path.name


# --- what stands in a message


def test_a_result_is_read_from_its_observation_its_order_its_specimen_and_its_patient() -> None:
    data = file_of(
        message(*order(), "ORC|RE", *order("<^137", kind="SN", number="F2", specimen="BAL", collected="202605030900"))
    )
    assert rows(
        data, "patient_id", "accession_number", "compartment", "detection", "viral_load_iu_per_ml", "lloq_iu_per_ml"
    ) == [
        ("SYNTH-1", "F1", "plasma", "quantified", 12000.0, 34.5),
        ("SYNTH-1", "F2", "bal", "below_lloq", None, 137.0),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "flags", "found"),
    [
        ("NM", "388", "", "quantified"),
        ("SN", "<^137", "", "below_lloq"),
        ("SN", ">^10000000", "", "above_uloq"),
        ("SN", "^388", "", "empty_comparator"),
        ("SN", "=^388", "", "quantified"),
        ("SN", "^100^-^200", "", "empty_comparator"),
        ("SN", ">^1^.^3", "", "number_form"),
        ("ST", "<137", "", "below_lloq"),
        ("ST", "<\\S\\137", "", "below_lloq"),
        ("TX", "&lt;137", "", "below_lloq"),
        ("ST", "1.2 x 10\\S\\5", "", "quantified"),
        ("CE", "ND^Target Not Detected^L", "", "not_detected"),
        ("CWE", "260415000^Not detected^SCT", "", "not_detected"),
        ("CWE", "^^^^^^^^Not detected", "", "not_detected"),
        ("CWE", "260373001^Detected^SCT", "", "qualitative_result"),
        ("CE", "Not detected", "", "not_detected"),
        ("NM", "60~120", "", "unsupported_comparator"),
        ("ED", "^TEXT^XML^Base64^AAAA", "", "unknown_text"),
        ("NM", "", "", "missing_value"),
        ("NM", '""', "", "missing_value"),
        ("NM", "1e400", "", "not_finite"),
        ("NM", "35", "<", "unknown_text"),  # below the scale of the instrument: 35 is not 35
        ("NM", "12000", "H~>", "unknown_text"),
        ("NM", "12000", "H", "quantified"),
        ("NM", "35", "<^Below absolute low-off instrument scale^HL70078", "unknown_text"),
        ("NM", "12000", "H^High^HL70078~>^Above^HL70078", "unknown_text"),
        ("NM", "12000", "H^High^HL70078", "quantified"),
        ("ST", "<35", "<", "below_lloq"),
    ],
)
def test_a_value_is_read_by_its_type_or_set_apart(kind: str, value: str, flags: str, found: str) -> None:
    part = results(file_of(message(*order(value, kind=kind, flags=flags))))
    assert (*part.accepted["detection"], *reasons(part)) == (found,)


def test_a_second_patient_of_a_message_begins_anew() -> None:
    data = file_of([*message(*order()), "PID|2||SYNTH-2^^^EXAMPLE^MR", *order(number="F2")])
    assert rows(data, "patient_id", "accession_number") == [("SYNTH-1", "F1"), ("SYNTH-2", "F2")]


def test_the_specimen_of_one_order_is_never_that_of_another() -> None:
    first, second = order(), order(number="F2")[:2]
    part = results(file_of(message(*first, *second)))
    assert (part.accepted["accession_number"].to_list(), reasons(part)) == (["F1"], ["missing_specimen"])


def test_a_specimen_before_the_first_order_is_nobodys_for_sure() -> None:
    obr, obx, spm = order()
    assert reasons(results(file_of(message(spm, obr, obx)))) == ["specimen_out_of_place"]
    assert rows(file_of(message("ORC|RE", spm, obr, obx)), "compartment") == [
        ("plasma",)
    ]  # its order has begun with ORC


def test_of_two_specimens_of_one_order_it_can_not_be_told_which() -> None:
    obr, obx, spm = order()
    part = results(file_of(message(obr, obx, spm, spm.replace("PLAS", "BAL"))))
    assert (reasons(part), part.quarantined["column"].to_list()) == (["several_values"], ["SPM-4.1"])
    assert rows(file_of(message(obr, obx, spm, spm)), "compartment") == [("plasma",)]


def test_in_a_message_by_specimen_the_orders_follow_their_specimen() -> None:
    obr, obx, spm = order()
    other = spm.replace("PLAS", "BAL")
    for kind in ("OUL^R22^OUL_R22", "OUL^R23^OUL_R23"):
        data = file_of(
            message(
                spm,
                "SAC|1",
                obr,
                "ORC|RE",
                obx,
                obr.replace("F1", "F2"),
                obx,
                other,
                obr.replace("F1", "F3"),
                obx,
                kind=kind,
            )
        )
        assert rows(data, "accession_number", "compartment") == [("F1", "plasma"), ("F2", "plasma"), ("F3", "bal")]
    by_order = file_of(
        message(obr, "ORC|RE", spm, obx, obr.replace("F1", "F2"), "ORC|RE", other, obx, kind="OUL^R24^OUL_R24")
    )
    assert rows(by_order, "accession_number", "compartment") == [("F1", "plasma"), ("F2", "bal")]


def test_what_stands_between_an_observation_and_its_order_is_not_lost_on_either() -> None:
    obr, obx, spm = order()
    odd = message(
        "PV1|1|I|ICU",
        obr,
        "ZBR|x",
        "NTE|1||of the order",
        obx,
        "NTE|1||diluted",
        "ZBX|y",
        "NTE|2||repeated",
        "CTI|1",
        spm,
        "PV2|1",
    )
    part = results(file_of(odd))
    text = part.accepted["delivered_text"][0]
    assert all(word in text for word in ("ZBR|x", "ZBX|y", "diluted", "repeated", "of the order"))


def test_names_and_addresses_of_a_patient_are_not_kept_with_a_record() -> None:
    obr, obx, spm = order("?")
    pid = "PID|1||SYNTH-1^^^EXAMPLE^MR||FAKENAME^CANARY||19500101|F|||CANARY STREET"
    for segments in ([obr, obx, spm], [obr, "OBX broken", spm]):
        (part,) = read(file_of([message()[0], pid, *segments])).parts
        assert part.quarantined.height == 1
        assert "CANARY" not in str(part.quarantined.to_dicts())
        assert part.quarantined["patient_id"].to_list() == ["SYNTH-1"]


def test_a_patient_is_the_identifier_that_the_file_names() -> None:
    head, _ = message()
    several = "PID|1||9001^^^NATION^NI~SYNTH-7^^^EXAMPLE^MR"
    data = file_of([head, several, *order()])
    assert rows(data, "patient_id") == [("SYNTH-7",)]
    first = changed(("PID-3[5=MR].1", "PID-3.1"))
    assert reasons(results(data, laboratory=first)) == ["several_values"]
    assert reasons(results(file_of([head, "PID|1||9001^^^NATION^NI", *order()]))) == ["missing_patient_id"]


@pytest.mark.parametrize(
    ("collected", "reason"),
    [("20260503", "no_time"), ("2026050308", "malformed_time"), ("202605", "malformed_time"), ("0000000000:00", "malformed_time"),
     ("", "missing_collected_at"), ("20260329023000", "time_does_not_exist"), ("20251026023000", "time_is_ambiguous"),
     ("20261122080000", "collected_in_future")],
)  # fmt: skip
def test_a_time_that_names_no_moment_is_set_apart(collected: str, reason: str) -> None:
    assert reasons(results(file_of(message(*order(collected=collected))))) == [reason]


@pytest.mark.parametrize(
    "collected", ["202605030800", "20260503080000", "20260503080000.1234", "20260503020000-0400", "202605030600+0000"]
)
def test_a_time_is_local_to_the_laboratory_or_has_its_offset(collected: str) -> None:
    ((found,),) = rows(file_of(message(*order(collected=collected))), "collected_at")
    assert str(found).startswith("2026-05-03 06:00:00")


# --- whose result it is


def test_other_tests_are_ignored_and_one_that_sounds_like_cmv_is_not() -> None:
    glucose = order("5.6", test="2345-7^Glucose^LN", order_test="GLU^Glucose^L")
    comment = order("x", test="REM^Remark^L")  # of the CMV panel
    changed_code = order(test="CMVQ3^x^L", order_test="")
    by_loinc = order(test="72493-0^^LN", order_test="")
    part = results(file_of(message(*glucose, *comment, *changed_code, *by_loinc)))
    assert (part.ignored, reasons(part)) == (1, ["unknown_test"] * 3)


def test_without_a_word_of_the_file_another_test_is_set_apart() -> None:
    strict = changed(('unlisted = "ignored"', 'unlisted = "set_apart"'))
    assert reasons(results(file_of(message(*order(test="2345-7^Glucose^LN"))), laboratory=strict)) == ["unknown_test"]


@pytest.mark.parametrize(
    ("value", "status", "ignored", "apart"),
    [
        ("CMV VIRAL LOAD", "F", 1, []),
        ("CMV VIRAL LOAD 620000", "F", 0, ["missing_test"]),  # a load may have lost its code
        ("", "F", 0, ["missing_test"]),
        ("CMV VIRAL LOAD", "D", 0, []),  # what withdraws takes effect by its number
    ],
)
def test_a_heading_is_left_where_the_file_says_so_and_is_otherwise_set_apart(
    value: str, status: str, ignored: int, apart: list[str]
) -> None:
    leaves = changed(('unlisted = "ignored"', 'unlisted = "ignored"\nheadings = "ignored"'))
    heading = message(*order(value, test="", order_test="CMVQ^CMV load^L", status=status))
    part = results(file_of(heading), laboratory=leaves)
    assert (part.ignored, part.accepted.height) == (ignored, 0)
    assert [reason for reason in reasons(part) if reason == "missing_test"] == apart
    assert results(file_of(heading)).ignored == 0


def test_the_code_of_the_order_is_never_that_of_the_result() -> None:
    part = results(file_of(message(*order(test="", order_test="CMVQ^CMV load^L"))))
    assert (part.accepted.height, reasons(part)) == (0, ["missing_test"])
    with pytest.raises(ProtocolError, match=r"columns.test: is not that of a result"):
        changed(('test = "OBX-3.1"', 'test = "OBR-4.1"'))


def test_an_order_without_an_observation_is_a_record() -> None:
    obr, _, spm = order(of_order="X")
    part = results(file_of(message(obr, spm)))
    assert reasons(part) == ["withdraws_unknown_record"]
    glucose = order(of_order="X", order_test="GLU^Glucose^L")[0]
    part = results(file_of(message(glucose)))
    assert (part.received, part.ignored) == (1, 1)
    assert reasons(read(file_of(message()))) == ["no_observation"]


# --- messages that are not read, and those that can't be


def test_a_message_of_another_type_is_named_or_ignored_as_the_file_says_and_the_others_go_on() -> None:
    movement, order_message, document = (message(kind=kind) for kind in ("ADT^A01", "ORM^O01", "MDM^T02"))
    found = read(file_of(movement, order_message, document, GOOD))
    by_table = {part.table: part for part in found.parts}
    assert (by_table["delivery"].ignored, reasons(by_table["delivery"])) == (2, ["message_type"])
    assert by_table["viral_load_results"].accepted.height == 1
    assert '"MSH-9": "MDM^T02"' in by_table["delivery"].quarantined["delivered_text"][0]
    none = replace(laboratory("example_hl7"), messages=Messages())
    assert reasons(read(file_of(movement, order_message, document), laboratory=none)) == ["message_type"] * 3


BAD = {
    "cut header": ([b"MSH|"], "malformed_header"),
    "no type": ([b"MSH|^~\\&|LIS"], "malformed_header"),
    "marks that are one": ([b"MSH|^^\\&|||||||ORU^R01", b"PID|||P"], "malformed_header"),
    "line break in a text": ([b"MSH|^~\\&|||||||ORU^R01", b"OBR|1", b"OBX|1|TX|||a", b"b"], "malformed_segment"),
    "NUL": ([b"MSH|^~\\&|||||||ORU^R01", b"OBX|1|TX|||a\0"], "malformed_segment"),
    "not the declared text": ([b"MSH|^~\\&|||||||ORU^R01", b"PID|||P||M\xfcller"], "wrong_encoding"),
    "unknown character set": ([b"MSH|^~\\&|||||||ORU^R01|||||||||ISO IR87", b"PID|||P"], "unknown_charset"),
    "for training": ([b"MSH|^~\\&|||||||ORU^R01|1|T|2.5", b"OBR|1"], "not_for_production"),
    "for debugging": ([b"MSH|^~\\&|||||||ORU^R01|1|D^T|2.5", b"OBR|1"], "not_for_production"),
    "nothing in it": ([b"MSH|^~\\&|||||||ORU^R01", b"PID|||P"], "no_observation"),
    "of no known type": ([b"MSH|^~\\&|||||||ACK"], "message_type"),
    "outside": ([b"junk", b"PID|||P"], "outside_a_message"),
    "HTTP": ([b"GET / HTTP/1.1", b"Host: x"], "outside_a_message"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_bad_message_is_set_apart_with_its_reason_and_the_good_ones_around_it_are_taken_in(
    name: str, end: bytes
) -> None:
    lines, code = BAD[name]
    bad = b"".join(line + end for line in lines)
    before = b"" if code == "outside_a_message" else file_of(message(*order(number="B")))
    found = read(before + bad + file_of(GOOD))
    assert reasons(found) == [code]
    accepted = [patient for part in found.parts if part.table != "delivery" for patient in part.accepted["patient_id"]]
    assert accepted == (["SYNTH-1"] if before else []) + ["SYNTH-GOOD"]
    remedies = [remedy for part in found.parts for remedy in part.quarantined["remedy"]]
    assert all("Müller" not in remedy and "junk" not in remedy for remedy in remedies)


def test_every_record_has_its_text() -> None:
    ((_, found),) = result_records.read_hl7(file_of(GOOD, message()), laboratory("example_hl7").writing)
    assert sorted(found.texts) == [1, 2] == [r.number for r in found.records]
    assert (len(found.texts), 1 in found.texts, 3 in found.texts, "GOOD" in found.texts[1]) == (2, True, False, True)


@pytest.mark.parametrize(
    ("of_result", "by_order"),  # of an order that is preliminary, final, corrected, withdrawn
    [
        ("preliminary", ("preliminary", "preliminary", "preliminary", "withdrawn")),
        ("final", ("preliminary", "final", "corrected", "withdrawn")),
        ("confirmed", ("preliminary", "confirmed", "corrected", "withdrawn")),
        ("corrected", ("corrected", "corrected", "corrected", "withdrawn")),
        ("withdrawn", ("withdrawn",) * 4),
    ],
)
def test_of_a_result_and_its_order_the_more_cautious_status_holds(of_result: str, by_order: tuple[str, ...]) -> None:
    orders = ("preliminary", "final", "corrected", "withdrawn")
    assert tuple(more_cautious(of_result, of_order) for of_order in orders) == by_order


def test_a_column_of_statuses_of_orders_needs_their_meaning_in_a_file_of_another_format() -> None:
    text = (
        (LABS / "synthetic.toml")
        .read_text("utf-8")
        .replace('result_status = "status"', 'result_status = "status"\norder_status = "order"')
    )
    with pytest.raises(ProtocolError, match=r"status.of_order: is empty although columns.order_status is declared"):
        read_laboratory(text, name="synthetic")


def test_what_could_not_be_read_is_known_by_its_bytes_so_that_an_answer_to_one_is_not_to_another() -> None:
    texts = [
        read(junk + file_of(GOOD)).parts[-1].quarantined["delivered_text"][0] for junk in (b"one\r", b"two\r", b"one\r")
    ]
    assert texts[0] != texts[1]
    assert texts[0] == texts[2]
    assert not any("one" in text for text in texts)


def test_a_limit_is_named_and_the_next_message_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    long = message("OBX|1|FT|||" + "A" * 10_000_001)
    found = results(file_of(long, GOOD))
    assert (reasons(found), found.accepted.height) == (["message_too_long"], 1)
    assert "10,000,000" in found.quarantined["remedy"][0]
    many = results(file_of(message(*["NTE|1"] * 10_000), GOOD))
    assert (reasons(many), many.accepted.height) == (["too_many_segments"], 1)
    monkeypatch.setattr(result_records, "MOST_MESSAGES", 2)
    told = refused(file_of(GOOD, GOOD, GOOD))
    assert told is not None
    assert (told[0], "more than 2 messages" in told[1]) == ("too_many_messages", True)


# --- batches, and files that were cut


def batch(*inner: str, n: object = 2, files: object = 1) -> bytes:
    good = [*message(*order(number="A")), *message(*order(number="B"))]
    return "".join(
        f"{line}\r" for line in ("FHS|^~\\&|X", "BHS|^~\\&|X", *good, *inner, f"BTS|{n}", f"FTS|{files}")
    ).encode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (batch(), None),
        (batch(n=""), None),
        (batch()[:-1], None),  # what counts the batches needs no end
        (batch(n=3), "wrong_count"),
        (batch(n=1), "wrong_count"),
        (batch(n="two"), "wrong_count"),
        (batch(files=2), "wrong_count"),
        (batch("BTS|2", "BHS|^~\\&|Y", n=0, files=2), None),
        (batch("BTS|2", "BHS|^~\\&|Y", n=0, files=1), "wrong_count"),
        (batch().replace(b"FTS|1\r", b""), "cut_off"),
        (batch().replace(b"BTS|2\r", b""), "cut_off"),
        (batch().split(b"BTS")[0], "cut_off"),
        (batch("BHS|^~\\&|Y"), "cut_off"),
        (batch() + batch(), None),
        (batch("FHS|^~\\&|Y"), "cut_off"),
        (batch() + file_of(GOOD), "trailing_data"),
        (batch().replace(b"BTS|2\r", b"BTS|2\r" + file_of(GOOD)), "trailing_data"),
        (batch().replace(b"BHS|^~\\&|X\r", b"").replace(b"BTS|2\r", b""), None),
        (batch(files=2).replace(b"BHS|^~\\&|X\r", b"").replace(b"BTS|2\r", b""), None),
        (batch().replace(b"FHS|^~\\&|X\r", b"").replace(b"FTS|1\r", b""), None),
        (b"", "empty_file"),
        (b" \r\n ", "empty_file"),
        (b"no message\r", "no_message"),
        (file_of(GOOD).decode().encode("utf-16"), "wrong_encoding"),
        (b"\xef\xbb\xbf" + batch(), None),
    ],
)  # fmt: skip
def test_a_file_is_what_its_trailers_count_or_is_refused_whole(data: bytes, code: str | None) -> None:
    told = refused(data)
    assert (told and told[0]) == code
    if code is None:
        assert len(set(results(data).accepted["accession_number"])) == 2


@given(cut=st.integers(0, len(batch()) - 1))
def test_a_batch_that_was_cut_anywhere_is_refused_or_whole(cut: int) -> None:
    told = refused(batch()[:cut])
    whole = b"FTS" in batch()[:cut]  # nothing but its count may then be missing
    assert (told is None) == whole
    assert whole or (told is not None and told[0] in ("cut_off", "empty_file", "no_message"))


_THREE = file_of(
    message(*order(number="A")), message(*order("<^137", kind="SN", number="B")), message(*order("9", number="C"))
)
_ROWS = set(
    rows(
        _THREE,
        "accession_number",
        "compartment",
        "detection",
        "viral_load_iu_per_ml",
        "collected_at",
        "reported_at",
        "result_status",
    )
)


@given(cut=st.integers(0, len(_THREE)))
def test_of_messages_that_were_cut_anywhere_no_row_is_another_than_that_of_the_whole(cut: int) -> None:
    """Without a batch nothing says how many messages there were; but the last one is set apart where its end is not there."""
    found = read(_THREE[:cut])
    accepted: set[tuple[object, ...]] = set()
    for part in found.parts:
        if part.table == "viral_load_results" and part.accepted.height:
            accepted |= set(
                part.accepted.select(
                    "accession_number",
                    "compartment",
                    "detection",
                    "viral_load_iu_per_ml",
                    "collected_at",
                    "reported_at",
                    "result_status",
                ).rows()
            )
    assert accepted <= _ROWS


def test_the_last_line_without_an_end_is_read_where_the_file_says_so() -> None:
    data = file_of(message(*order()))[:-1]
    assert reasons(results(data)) == ["cut_off_message"]
    lab = changed(("[messages]", "[messages]\nend_may_lack = true"))
    assert rows(data, "accession_number", lab=lab) == [("F1",)]


def test_where_the_file_says_so_its_encoding_holds_whatever_a_message_says() -> None:
    head = "MSH|^~\\&|||||||ORU^R01|1|P|2.5||||||ASCII"
    data = "".join(f"{line}\r" for line in (head, "PID|1||SYNTH-1^^^E^MR||Müller", *order())).encode()
    assert reasons(results(data)) == ["wrong_encoding"]
    lab = changed(("[messages]", "[messages]\nfile_encoding_holds = true"))
    assert rows(data, "patient_id", lab=lab) == [("SYNTH-1",)]


def test_many_records_are_given_in_parts_and_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(*(message(*order(number=f"F{n}"), "OBX|9|NM|K^K^L||1") for n in range(30)), message(kind="ADT^A01"))
    whole = read(data)
    monkeypatch.setattr(result_records, "AT_ONCE", 4)
    for one, other in zip(whole.parts, read(data).parts, strict=True):
        assert one.accepted.equals(other.accepted)
        assert one.quarantined.equals(other.quarantined)
        assert (one.received, one.ignored) == (other.received, other.ignored)
    assert [part.received for part in whole.parts] == [60, 1]


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"MSH|^~\\&|||||||ORU^R01\r", b"\x0bMSH|^~\\&|||||||ORU^R01\rOBR|1\rOBX|1|"]),
)
def test_no_bytes_make_it_raise_and_every_record_is_counted_once(data: bytes, before: bytes) -> None:
    for part in read(before + data).parts:
        assert part.received == part.accepted.height + part.quarantined.height + part.ignored
        assert part.quarantined["record_number"].n_unique() == part.quarantined.height


# --- the file of the laboratory


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"SPM-4.1"', '"Materiaal"', "columns.specimen: is no place in an HL7 message"),
        ('value = "OBX-5"', 'value = "OBX-5.2"', "columns.value: leaves a part of the value unread"),
        (
            'value = "OBX-5"',
            'value = "OBX-5.2"\ncomparator = "OBX-5.1"',
            "columns.value: leaves a part of the value unread",
        ),
        ('value = "OBX-5"', 'value = "OBX-5[1]"', "columns.value: leaves a part of the value unread"),
        ('value = "OBX-5"', 'value = "NTE-3"', "columns.value: is not that of a result"),
        ('unlisted = "ignored"', 'unlisted = "read"', "tests.unlisted: is none of"),
        ("[messages]", "[messages]\nall = true", "messages.all: is not a key that is known here"),
        ("# [status.delivered] only", '[status.delivered]\n"X" = "gone"\n#', "status.delivered.X: is none of"),
    ],
)
def test_a_file_that_would_read_something_else_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        changed((old, new))
    assert told in str(caught.value)


def test_a_deleted_identifier_names_nobody() -> None:
    """In HL7 two quotation marks say that a value is deleted: as a whole field, and as a part of one."""
    head, _, *rest = message(*order())
    for pid in ('PID|1||""', 'PID|1||""^^^EXAMPLE^MR'):
        assert reasons(results(file_of([head, pid, *rest]))) == ["missing_patient_id"], pid
    nothing = [line.replace("|F1|", '|""^LAB|') for line in message(*order())]
    assert reasons(results(file_of(nothing))) == ["missing_accession_number"]


def test_two_frames_without_a_line_between_them_are_no_one_message() -> None:
    """A training message glued behind a good one is not read as a part of it."""
    first, training = message(*order()), message(*order(number="F2"), patient="SYNTH-2")
    glued = [*first[:-1], first[-1] + "\x1c\x0b" + training[0].replace("|P|2.5.1", "|T|2.5.1"), *training[1:]]
    found = read(file_of(glued, end="\r") + file_of(GOOD))
    kept = [row for part in found.parts for row in part.accepted.to_dicts()]
    assert [row["patient_id"] for row in kept] == ["SYNTH-GOOD"]
    assert "malformed_segment" in reasons(found)


def test_what_is_observed_of_a_specimen_is_of_no_order_behind_it() -> None:
    """OUL: the volume of the lavage stands before the order that is cancelled."""
    cancelled = "OBR|1|P|F1|CMVPAN^CMV-DNA^L|||202605030800|||||||||||||||202605031000|||X"
    segments = ("SPM|1|T1||BAL|||||||||||||20260503080000", "OBX|1|NM|VOL^Volume||12|mL|||||F", cancelled)
    found = results(file_of(message(*segments, kind="OUL^R22^OUL_R22")))
    assert (found.received, found.accepted.height) == (2, 0)
    assert found.ignored + found.quarantined.height == 2
    assert "F1" in "".join(found.quarantined["delivered_text"]) + str(found.withdrawals)


def test_a_file_of_another_format_is_refused_in_words() -> None:
    (part,) = read(file_of(GOOD), "example_nl").parts
    assert part.refused is not None
    assert (part.refused.code, "Patientnummer" in str(part.refused)) == ("no_hl7_address", True)

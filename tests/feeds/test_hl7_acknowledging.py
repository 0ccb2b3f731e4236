"""The answer that a message is owed: what it echoes, in whose marks and bytes, by which mode, and never of a patient."""

from __future__ import annotations

from datetime import UTC, datetime

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.hl7.acknowledging import Header, Outcome, acknowledgements, header_of

AT = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
TAKEN, NOT_STORED, REFUSED = Outcome.TAKEN, Outcome.NOT_STORED, Outcome.REFUSED


def header(text: str, body: str = "PID|1||SECRET-77\rOBX|1|NM|CMVQ||4711") -> Header:
    found = header_of(f"{text}\r{body}\r".encode("latin-1"))
    assert found is not None
    return found


def answered(
    text: str, outcome: Outcome = TAKEN, reason: str = "", body: str = "PID|1||SECRET-77"
) -> tuple[bytes, ...]:
    return acknowledgements(header(text, body), outcome, at=AT, own_id="own", reason=reason)


def test_sender_and_receiver_are_swapped_the_id_echoed_and_every_segment_ended() -> None:
    (answer,) = answered("MSH|^~\\&|LIS|LAB|CMV|ICU|2026||ORU^R01^ORU_R01|77|P|2.5.1||||||UNICODE UTF-8")
    assert answer == (
        b"MSH|^~\\&|CMV|ICU|LIS|LAB|20260301120005+0000||ACK^R01^ACK|own|P|2.5.1||||||UNICODE UTF-8\rMSA|AA|77\r"
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_the_codes_of_the_original_mode(outcome: Outcome) -> None:
    (answer,) = answered("MSH|^~\\&|LIS|LAB|||||ORU^R01|77|P|2.3", outcome, "a_reason")
    assert b"MSA|A%s|77|a_reason\r" % outcome.value.encode() in answer
    assert b"||ACK^R01|own|" in answer  # two components were sent, and two are given


@pytest.mark.parametrize(
    ("msh_15", "msh_16", "outcome", "expected"),
    [
        ("AL", "NE", TAKEN, ["CA"]), ("AL", "NE", NOT_STORED, ["CE"]), ("AL", "NE", REFUSED, ["CR"]),
        ("AL", "AL", TAKEN, ["CA", "AA"]), ("AL", "AL", NOT_STORED, ["CE"]), ("AL", "AL", REFUSED, ["CR"]),
        ("NE", "NE", TAKEN, []), ("NE", "NE", REFUSED, []), ("NE", "AL", TAKEN, ["AA"]), ("", "AL", TAKEN, ["AA"]),
        ("ER", "NE", TAKEN, []), ("ER", "NE", NOT_STORED, ["CE"]), ("ER", "NE", REFUSED, ["CR"]),
        ("SU", "NE", TAKEN, ["CA"]), ("SU", "NE", NOT_STORED, []), ("SU", "SU", TAKEN, ["CA", "AA"]),
        ("NE", "AL", REFUSED, ["AR"]), ("NE", "AL", NOT_STORED, ["AE"]), ("", "AL", REFUSED, ["AR"]), ("", "ER", NOT_STORED, ["AE"]),
        ("NE", "ER", REFUSED, ["AR"]), ("NE", "ER", TAKEN, []), ("NE", "SU", REFUSED, []), ("SU", "AL", REFUSED, ["AR"]),
        ("ER", "AL", REFUSED, ["CR"]), ("AL", "ER", REFUSED, ["CR"]),
        ("AL", "ER", TAKEN, ["CA"]), ("AL", "", TAKEN, ["CA"]), ("??", "NE", TAKEN, ["CA"]),
    ],
)  # fmt: skip
def test_the_enhanced_mode_answers_what_the_header_asks_for(
    msh_15: str, msh_16: str, outcome: Outcome, expected: list[str]
) -> None:
    given = answered(f"MSH|^~\\&|LIS|LAB|||||ORU^R01|77|P|2.5|||{msh_15}|{msh_16}", outcome)
    assert [one.split(b"MSA|")[1][:2].decode() for one in given] == expected
    assert len({one.split(b"|")[9] for one in given}) == len(given)


@pytest.mark.parametrize("kind", ["ACK", "ACK^R01", "MCF"])
def test_an_acknowledgement_is_never_acknowledged(kind: str) -> None:
    assert answered(f"MSH|^~\\&|LIS|LAB|||||{kind}|77|P|2.5|||AL|AL") == ()
    assert answered("MSH|^~\\&|LIS|LAB|||||RSP^K11|77|P|2.5", body="MSA|AA|1") == ()
    assert len(answered("MSH|^~\\&|LIS|LAB|||||ORU^R01|77|P|2.5", body="NTE|1|MSA|AA|1")) == 1


def test_the_senders_marks_are_used() -> None:
    (answer,) = answered("MSH$%*\\&$LIS$LAB%1$$$$$ORU%R01%ORU_R01$7|7$P$2.5")
    assert answer == b"MSH$%*\\&$$$LIS$LAB%1$20260301120005+0000$$ACK%R01%ACK$own$P$2.5\rMSA$AA$7|7\r"


@pytest.mark.parametrize("charset", ["latin-1", "utf-8"])
def test_what_is_echoed_is_echoed_byte_for_byte(charset: str) -> None:
    data = "MSH|^~\\&|LIS|Klinikum Süd|||||ORU^R01|Ç-7|P|2.5\rPID|1||SECRET\r".encode(charset)
    found = header_of(data)
    assert found is not None
    assert found.says(4, "Klinikum Süd")
    (answer,) = acknowledgements(found, TAKEN, at=AT, own_id="own")
    assert "LIS|Klinikum Süd|".encode(charset) in answer
    assert "MSA|AA|Ç-7\r".encode(charset) in answer


def test_a_header_that_can_not_be_used_is_answered_without_an_id() -> None:
    assert header_of(b"MSH") is None
    assert header_of(b"MSH||||") is None
    assert header_of(b"PID|1\rMSH|^~\\&|") is None
    (answer,) = acknowledgements(None, REFUSED, at=AT, own_id="own", reason="malformed_header")
    assert answer.endswith(b"MSA|AR||malformed_header\r")


def test_blanks_and_the_mark_of_utf_8_before_the_header_are_nothing() -> None:
    found = header_of(b"\r\n\xef\xbb\xbfMSH|^~\\&|LIS|LAB|||||ORU^R01|77|P|2.5\nPID|1\n")
    assert found is not None
    assert (found.control_id, found.version) == ("77", "2.5")


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"MSH|^~\\&|", b"MSH$%~\\&$A$B$$$$$ORU%R01$"]),
    st.sampled_from(list(Outcome)),
)
def test_no_bytes_make_an_answer_that_is_not_a_message(data: bytes, before: bytes, outcome: Outcome) -> None:
    found = header_of(before + data)
    if found is None:
        return
    for answer in acknowledgements(found, outcome, at=AT, own_id="own"):
        lines = answer.split(b"\r")
        assert [line[:3] for line in lines] == [b"MSH", b"MSA", b""]
        assert b"\n" not in answer


def test_a_peers_reader_reads_the_answer_and_finds_nothing_of_the_patient() -> None:
    (answer,) = answered("MSH|^~\\&|LIS|LAB|CMV|ICU|2026||ORU^R01^ORU_R01|77|P|2.5.1")
    parsed = hl7.parse(answer.decode())
    assert str(parsed.segment("MSA")[1]) == "AA"
    assert str(parsed.segment("MSA")[2]) == "77"
    assert b"SECRET" not in answer
    assert b"4711" not in answer

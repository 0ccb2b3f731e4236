"""What a message is answered, over a real socket by a real listener: the table of docs/feeds.md, row by row."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hl7.client import MLLPClient

from cmvmon.cli import keeping
from cmvmon.feeds.mllp import framed
from cmvmon.run.checks import metrics
from cmvmon.run.checks.status import status
from tests.feeds.hl7_texts import message, order
from tests.listen import listening
from tests.listen.listening import (
    Listener,
    answers,
    code_and_id,
    connected,
    contents,
    good,
    result,
    sent,
    started,
    until,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listening.site(tmp_path_factory.mktemp("listen"), frame_s=1, idle_s=3, connections_of_one_source=12)


@pytest.fixture(scope="module")
def listener(root: Path) -> Iterator[Listener]:
    with started(root) as found:
        yield found
        assert found.process.poll() is None  # nothing that was sent has ended it
        assert found.stop() == 0


@pytest.fixture(autouse=True)
def _then_a_good_message(listener: Listener, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    good(listener.port, "GOOD-" + "".join(filter(str.isalnum, request.node.name)))


def changed(control: str, old: str, new: str, count: int = 1) -> bytes:
    return result(control).replace(old.encode(), new.encode(), count)


def kept(root: Path, control: str) -> list[tuple[object, ...]]:
    return list(contents(root, f"SELECT feed, remark FROM messages WHERE instr(raw, '|{control}|')"))


def test_durable_is_aa_and_the_same_again_the_very_same_answer(listener: Listener, root: Path) -> None:
    with connected(listener.port) as at:
        at.sendall(framed(result("T1")))
        (first,) = answers(at, 1)
        at.sendall(framed(result("T1")) * 2)
        assert answers(at, 2) == [first, first]
    assert code_and_id(first) == ("AA", "T1")
    assert kept(root, "T1") == [("example_hl7", None)]


def test_the_same_id_with_other_content_is_kept_and_told(listener: Listener, root: Path) -> None:
    assert sent(listener.port, result("T2"), result("T2", "99000")) == [("AA", "T2")] * 2
    assert kept(root, "T2") == [("example_hl7", None), ("example_hl7", "id_reused")]
    until(lambda: listener.events("id_reused"))


@pytest.mark.parametrize(
    ("control", "old", "new", "reason"),
    [
        ("R1", "|LIS|", "|NOBODY|", "unknown_sender"),
        ("R2", "|EXAMPLE|", "|ELSEWHERE|", "unknown_sender"),
        ("R3", "|P|2.5.1", "|T|2.5.1", "not_for_production"),
        ("R4", "|P|2.5.1", "||2.5.1", "not_for_production"),
        ("R5", "|P|2.5.1", "|P|2.4", "version_not_agreed"),
        ("R6", "ORU^R01^ORU_R01", "ADT^A01^ADT_A01", "message_type_not_agreed"),
    ],
)
def test_what_is_outside_of_the_contract_is_refused_and_kept_apart(
    listener: Listener, root: Path, control: str, old: str, new: str, reason: str
) -> None:
    assert sent(listener.port, changed(control, old, new)) == [("AR", control)]
    assert kept(root, control) == [(None, reason)]
    until(lambda: [one for one in listener.events("not_taken") if one["code"] == reason])


@pytest.mark.parametrize("between", [b"", b"\n", b"NTE|1||x\n\x1c\x1c"])
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("|LIS|", "|NOBODY|", "another_sender_in_the_frame"),
        ("|P|2.5.1", "|T|2.5.1", "not_for_production"),
        ("ORU^R01^ORU_R01", "ADT^A01^ADT_A01", "message_type_not_agreed"),
    ],
)
def test_a_second_message_in_a_frame_is_held_to_the_contract_too(
    listener: Listener, root: Path, between: bytes, old: str, new: str, reason: str
) -> None:
    control = f"S{reason[:3]}{between.hex()}"
    assert sent(listener.port, result(control) + between + changed("second", old, new)) == [("AR", control)]
    assert kept(root, control) == [(None, reason)]


def test_two_messages_of_one_sender_in_a_frame_are_taken(listener: Listener, root: Path) -> None:
    assert sent(listener.port, result("S1") + result("S2")) == [("AA", "S1")]
    assert kept(root, "S2") == [("example_hl7", None)]


def test_the_enhanced_mode_gets_what_it_asks_for(listener: Listener) -> None:
    def asks(control: str, msh_15: str, msh_16: str, processing: str = "P") -> bytes:
        return changed(control, "|P|2.5.1", f"|{processing}|2.5.1|||{msh_15}|{msh_16}")

    assert sent(listener.port, asks("E1", "AL", "NE")) == [("CA", "E1")]
    assert sent(listener.port, asks("E2", "AL", "AL"), n=2) == [("CA", "E2"), ("AA", "E2")]
    assert sent(listener.port, asks("E3", "AL", "AL", "T")) == [("CR", "E3")]
    assert sent(listener.port, asks("E4", "NE", "NE"), result("E5"), n=1) == [("AA", "E5")]


def test_no_message_and_no_header_is_not_answered_and_ends_the_connection(listener: Listener, root: Path) -> None:
    with connected(listener.port) as at:
        at.sendall(framed(result("N1")) + framed(b"PID|1\r") + framed(result("N2")))
        assert [code_and_id(one) for one in answers(at, 3)] == [("AA", "N1")]
        assert at.recv(10) == b""
    until(lambda: contents(root, "SELECT n_bytes FROM scraps WHERE code = 'no_header'"))


@pytest.mark.parametrize(
    ("sends", "code", "said"),
    [
        (framed(b"PID|1\r"), "no_header", "a frame without a message header (MSH)"),
        (b"hello" + framed(result("N1")), "outside_a_frame", "bytes between two frames"),
        (framed(result("N1"))[:-30] + framed(result("N2")), "unfinished_frame", "a frame in which another one begins"),
    ],
)
def test_what_is_no_message_is_counted_in_the_status_and_the_metrics(
    listener: Listener, root: Path, sends: bytes, code: str, said: str
) -> None:
    def counted() -> int:
        return sum(one.n for one in status(root).no_messages if one.code == code)

    before = counted()
    with connected(listener.port) as at:
        at.sendall(sends)
        until(lambda: counted() > before)
    n = counted()
    assert n == before + 1
    found = status(root)
    assert f"NO MESSAGE {n} times in 24 h: {said}" in "\n".join(keeping._said(found))
    as_json = json.loads(json.dumps(keeping._plain(found)))
    assert [one["n"] for one in as_json["no_messages"] if one["code"] == code] == [n]
    assert f'cmvmon_no_messages_last_day{{code="{code}"}} {n}.0' in metrics.text(root).decode()


def test_a_header_that_can_not_be_used_is_answered_without_an_id(listener: Listener, root: Path) -> None:
    assert sent(listener.port, b"MSH", b"MSH||||x\r") == [("AR", ""), ("AR", "")]
    assert list(contents(root, "SELECT count(*) FROM messages WHERE remark = 'malformed_header'")) == [(2,)]


def test_an_acknowledgement_is_never_acknowledged(listener: Listener, root: Path) -> None:
    acknowledgement = b"MSH|^~\\&|LIS|EXAMPLE|||2026||ACK^R01|K1|P|2.5.1\rMSA|AA|1\r"
    assert sent(listener.port, acknowledgement, result("K2"), n=1) == [("AA", "K2")]
    assert kept(root, "K1") == []


@pytest.mark.parametrize("place", ["second", "last"])
def test_a_result_that_holds_a_segment_of_an_acknowledgement_is_stored(
    listener: Listener, root: Path, place: str
) -> None:
    segments = result(f"MSA{place}").split(b"\r")
    segments.insert(1 if place == "second" else len(segments) - 1, b"MSA|AA|1")
    assert sent(listener.port, b"\r".join(segments)) == [("AA", f"MSA{place}")]
    assert kept(root, f"MSA{place}") == [("example_hl7", None)]


def test_an_answer_of_another_type_without_a_result_is_not_answered(listener: Listener, root: Path) -> None:
    answer = b"MSH|^~\\&|LIS|EXAMPLE|||2026||ORR^O02|K3|P|2.5.1\rMSA|AA|1\rERR|\r"
    assert sent(listener.port, answer, result("K4"), n=1) == [("AA", "K4")]
    assert kept(root, "K3") == []


def test_the_answer_swaps_echoes_and_ends_as_it_should_and_a_peers_reader_reads_it(listener: Listener) -> None:
    with connected(listener.port) as at:
        at.sendall(framed(result("P1").replace(b"|2.5.1\r", b"|2.5.1||||||8859/1\r").replace(b"CMVMON", b"M\xfcller")))
        (answer,) = answers(at, 1)
    assert answer.startswith(b"MSH|^~\\&|M\xfcller|ICU|LIS|EXAMPLE|")
    assert answer.endswith(b"\rMSA|AA|P1\r")
    assert str(hl7.parse(answer.decode("latin-1")).segment("MSA")[2]) == "P1"


def test_the_client_of_python_hl7_sends_and_understands(listener: Listener) -> None:
    with MLLPClient("127.0.0.1", listener.port) as client:
        for number in range(20):
            answer = hl7.parse(client.send_message(result(f"C{number}"))[1:-2].decode())
            assert [str(answer.segment("MSA")[n]) for n in (1, 2)] == ["AA", f"C{number}"]


@pytest.mark.parametrize(("name", "end"), [("LF", "\n"), ("CRLF", "\r\n"), ("CRCR", "\r\r"), ("none", "\r")])
def test_row_34_ends_of_lines(listener: Listener, name: str, end: str) -> None:
    data = result(f"34-{name}").decode().replace("\r", end)
    assert sent(listener.port, (data.rstrip("\r") if name == "none" else data).encode()) == [("AA", f"34-{name}")]


def test_row_35_several_messages_in_one_write_are_answered_in_order(listener: Listener) -> None:
    assert sent(listener.port, *(result(f"35-{n}") for n in range(50))) == [("AA", f"35-{n}") for n in range(50)]


def test_row_36_a_message_byte_by_byte(listener: Listener) -> None:
    with connected(listener.port) as at:
        for byte in framed(result("36")):
            at.sendall(bytes([byte]))
        assert [code_and_id(one) for one in answers(at, 1)] == [("AA", "36")]


def test_row_37_a_megabyte_is_taken_and_what_is_over_the_limit_is_refused(listener: Listener, root: Path) -> None:
    note = f"NTE|1||{'x' * 1_000_000}\r".encode()
    assert sent(listener.port, result("37-1") + note) == [("AA", "37-1")]
    before = _memory_kb(listener)
    with connected(listener.port) as at:
        at.sendall(b"\x0b" + result("37-50"))
        n_sent = 0
        while not select.select([at], [], [], 0)[0]:  # until it is answered, as a sender does that reads while it sends
            n_sent += at.send(note[: 1 << 16])
            assert n_sent < 50_000_000
        assert [code_and_id(one) for one in answers(at, 1)] == [("AR", "37-50")]
        assert at.recv(10) == b""
    assert n_sent > 9_000_000
    assert _memory_kb(listener) - before < 60_000
    assert kept(root, "37-50") == []
    until(lambda: contents(root, "SELECT 1 FROM scraps WHERE code = 'too_long'"))


def _memory_kb(listener: Listener) -> int:
    status = Path(f"/proc/{listener.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_row_38_a_message_that_never_ends_is_closed_at_its_deadline_and_others_go_on(listener: Listener) -> None:
    slow = [connected(listener.port) for _ in range(6)]
    begun = time.monotonic()
    try:
        for one in slow:
            one.sendall(b"\x0bMSH|")
        good(listener.port, "GOOD-38")
        for one in slow:
            while time.monotonic() - begun < 0.8:  # a byte now and then does not move the deadline
                one.sendall(b"x")
                time.sleep(0.1)
            assert one.recv(10) == b""
        assert 0.9 < time.monotonic() - begun < 4
    finally:
        for one in slow:
            one.close()
    until(lambda: listener.events("timed_out"))


@pytest.mark.parametrize("end", [b"\x1c", b"\x1c\n"])
def test_a_frame_that_ends_otherwise_is_answered_on_an_open_connection(
    listener: Listener, root: Path, end: bytes
) -> None:
    control = f"FS{end.hex()}"
    with connected(listener.port) as at:
        at.sendall(b"\x0b" + result(control) + end)
        assert [code_and_id(one) for one in answers(at, 1)] == [("AA", control)]
    assert kept(root, control) == [("example_hl7", None)]


def test_frames_that_end_with_fs_and_lf_are_answered_one_by_one(listener: Listener) -> None:
    with connected(listener.port) as at:
        for number in range(5):
            at.sendall(b"\x0b" + result(f"LF{number}") + b"\x1c\n")
            assert [code_and_id(one) for one in answers(at, 1)] == [("AA", f"LF{number}")]


def test_row_39_a_silent_connection_is_closed_and_may_come_again(listener: Listener) -> None:
    with connected(listener.port) as at:
        assert at.recv(10) == b""
    until(lambda: [line for line in listener.events("timed_out") if line["code"] == "idle"])


def test_row_40_a_sender_that_closes_right_after_sending_is_stored(listener: Listener, root: Path) -> None:
    for number in range(10):
        with connected(listener.port) as at:
            at.sendall(framed(result(f"40-{number}")))
    until(lambda: all(kept(root, f"40-{number}") for number in range(10)))
    spent = _cpu_s(listener)
    time.sleep(0.5)
    assert _cpu_s(listener) - spent < 0.25


def _cpu_s(listener: Listener) -> float:
    fields = Path(f"/proc/{listener.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_row_41_of_a_flood_exactly_as_many_as_agreed_are_let_in_of_one_source_and_in_all(tmp_path: Path) -> None:
    """Each connection sends a message at once: one that is let in is answered, any other is closed unanswered, and told."""
    root = listening.site(tmp_path / "site", connections_of_one_source=4, connections=6)
    listening.sender(root, addresses=["127.0.0.0/8"])
    held: list[socket.socket] = []

    def let_in(source: str) -> bool:
        try:
            held.append(socket.create_connection(("127.0.0.1", flooded.port), timeout=20, source_address=(source, 0)))
            held[-1].sendall(framed(result(f"41-{len(held)}")))
            return [code_and_id(answer) for answer in answers(held[-1], 1)] == [("AA", f"41-{len(held)}")]
        except ConnectionError:
            return False

    with started(root) as flooded:
        try:
            assert [let_in("127.0.0.2") for _ in range(40)] == [True] * 4 + [False] * 36
            assert [let_in("127.0.0.3") for _ in range(6)] == [True] * 2 + [False] * 4
            until(lambda: flooded.events("too_many_of_one_source") and flooded.events("too_many_connections"))
        finally:
            for one in held:
                one.close()
        until(lambda: let_in("127.0.0.3"))
        held[-1].close()
        assert flooded.stop() == 0


@pytest.mark.parametrize(
    "hello", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x\r\n"]
)
def test_row_42_another_protocol_is_closed_and_counted(listener: Listener, hello: bytes) -> None:
    with connected(listener.port) as at:
        at.sendall(hello)
        assert at.recv(100) == b""
    until(lambda: listener.events("no_frames"))


def test_row_42_junk_without_end_is_closed(listener: Listener) -> None:
    with connected(listener.port) as at:
        try:
            for _ in range(100):
                at.sendall(b"x" * 10_000)
            assert at.recv(100) == b""
        except ConnectionError:
            pass


@pytest.mark.parametrize(
    ("control", "data", "before"),
    [
        ("43-start", result("43-a") + b"\x1c\r", []),  # it began nowhere: nobody can say that it is whole
        ("43-end", b"\x0b" + result("43-b"), []),  # the next one began before it ended
        ("43-nuls", b"\0\0\0", []),
        ("43-two-ends", b"\x1c\r\x1c\r", []),
        ("43-two-starts", b"\x0b", []),
    ],
)
def test_row_43_after_missing_marks_the_next_message_is_read_and_answered_by_its_own_id(
    listener: Listener, root: Path, control: str, data: bytes, before: list[tuple[str, str]]
) -> None:
    with connected(listener.port) as at:
        at.sendall(data + framed(result(control)))
        assert [code_and_id(one) for one in answers(at, 1 + len(before))] == [*before, ("AA", control)]
    assert kept(root, control) == [("example_hl7", None)]


@pytest.mark.parametrize("name", ["Müller", "Çelik", "ß"])
def test_row_44_bytes_that_are_not_in_the_stated_character_set_are_kept(
    listener: Listener, root: Path, name: str
) -> None:
    data = result(f"44-{len(name)}").replace(b"|2.5.1\r", b"|2.5.1||||||UNICODE UTF-8\r") + f"NTE|1||{name}\r".encode(
        "latin-1"
    )
    assert sent(listener.port, data) == [("AA", f"44-{len(name)}")]
    assert kept(root, f"44-{len(name)}") == [("example_hl7", None)]


def test_row_45_the_mark_of_utf_8_is_nothing_and_utf_16_no_message(listener: Listener) -> None:
    assert sent(listener.port, b"\xef\xbb\xbf" + result("45-a")) == [("AA", "45-a")]
    with connected(listener.port) as at:
        at.sendall(framed(result("45-b").decode().encode("utf-16")))
        assert at.recv(100) == b""


def test_row_46_the_senders_delimiters_are_those_of_the_answer(listener: Listener) -> None:
    data = result("46").decode().replace("~", "*").replace("^", "%").replace("|", "$")
    with connected(listener.port) as at:
        at.sendall(framed(data.encode()))
        (answer,) = answers(at, 1)
    assert answer.startswith(b"MSH$%*\\&$CMVMON$ICU$LIS$EXAMPLE$")
    assert answer.endswith(b"\rMSA$AA$46\r")


def test_row_47_escapes_are_kept_as_they_stand(listener: Listener, root: Path) -> None:
    data = result("47") + rb"NTE|1||\F\ \S\ \T\ \R\ \E\ \X0D\ \.br\ and \unterminated" + b"\r"
    assert sent(listener.port, data) == [("AA", "47")]
    assert list(contents(root, "SELECT raw FROM messages WHERE instr(raw, '|47|')")) == [(data,)]


def test_row_48_unknown_segments_are_kept(listener: Listener) -> None:
    assert sent(listener.port, result("48") + b"ZZZ|1|anything\rZX1|\r") == [("AA", "48")]


def test_a_message_may_be_any_of_its_contract(listener: Listener) -> None:
    two = "".join(f"{one}\r" for one in message(*order(number="A"), *order(number="B"), control="M2")).encode()
    assert sent(listener.port, two) == [("AA", "M2")]

"""Resources that are posted: who may, what is answered, and that nothing is answered that was not kept."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.feeds.fhir.posted import REFUSALS
from cmvmon.run.nightly.night import nightly
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, quantity, specimen, told
from tests.listen import listening, posting
from tests.listen.certificates import authority
from tests.listen.listening import LIMIT_S, Listener, children, contents, started, until
from tests.listen.posting import JSON, OF_OTHER, TOKEN, good, judging, post, poster, raw, resources
from tests.listen.test_faults import _end_traced, failing, traced
from tests.sites import rows


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = posting.site(
        tmp_path_factory.mktemp("posting") / "site", of_fhir="body_bytes = 200000\nrequest_s = 2\nidle_s = 3"
    )
    poster(root, "elsewhere", OF_OTHER, more='addresses = ["10.9.8.0/24"]\n')
    return root


@pytest.fixture(scope="module")
def listener(root: Path) -> Iterator[Listener]:
    with started(root) as found:
        yield found


@pytest.fixture
def port(listener: Listener) -> Iterator[int]:
    """The port of a listener at work, which takes a good Bundle whatever a test has done to it."""
    found = judging(listener)
    yield found
    good(found, f"G{time.monotonic_ns()}")


def stored(root: Path, feed: str | None = "example_fhir") -> list[bytes]:
    return [bytes(row[0]) for row in contents(root, "SELECT raw, feed FROM messages ORDER BY id") if row[1] == feed]  # type: ignore[arg-type]


def test_a_bad_entry_is_named_the_good_ones_are_kept_and_the_same_again_is_answered_the_same(
    port: int, root: Path
) -> None:
    data = told(observation("N1"), observation("N2", id="o2", **quantity("CANARY")), {}, observation("N3", id="o3"))
    first, again = post(port, data), post(port, data)
    assert first.status == 202
    assert first.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
    assert first.outcome["resourceType"] == "OperationOutcome"
    assert first.outcome["issue"][0]["details"]["text"] == "4 records: 2 can be read, 2 set apart, 0 ignored"
    assert sorted(first.issues) == [
        ("warning", "no_resource", ["Bundle.entry[4]"]),
        ("warning", "unread_value_type", ["Bundle.entry[3]"]),
    ]
    assert "CANARY" not in json.dumps(first.outcome)
    assert (again.status, again.outcome) == (first.status, first.outcome)
    assert stored(root).count(data) == 1


def test_one_resource_is_taken_as_a_bundle_is(port: int, root: Path) -> None:
    alone = as_bytes(observation("ALONE"))
    answer = post(port, alone, kind="application/json; charset=UTF-8")
    assert (answer.status, answer.issues) == (202, [("warning", "unresolved_reference", [])])
    assert alone in stored(root)


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "missing_token"),
        ("WRONG" * 8, 401, "unknown_token"),
        (TOKEN[:-1], 401, "unknown_token"),
        (TOKEN + "=", 401, "unknown_token"),
        ("", 401, "missing_token"),
        (OF_OTHER, 403, "not_from_there"),
    ],
)
def test_without_the_token_of_a_sender_who_may_send_from_there_nothing_is_read_or_kept(
    port: int, root: Path, token: str | None, status: int, code: str
) -> None:
    before = contents(root, "SELECT count(*) FROM messages")
    answer = post(port, resources("NOBODY"), token)
    assert (answer.status, answer.issues) == (status, [("fatal", code, [])])
    assert answer.headers["Connection"] == "close"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert contents(root, "SELECT count(*) FROM messages") == before


def test_two_tokens_in_one_request_are_none(port: int) -> None:
    body = resources()
    head = f"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n"
    both = "".join(f"Authorization: Bearer {one}\r\n" for one in (TOKEN, "WRONG" * 8))
    assert raw(port, f"{head}{both}\r\n".encode(), body).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"method": "GET"}, 405, "method"),
        ({"method": "PUT"}, 405, "method"),
        ({"method": "DELETE"}, 405, "method"),
        ({"path": "/"}, 404, "unknown_path"),
        ({"path": "/fhir/Patient?name=CANARY"}, 404, "unknown_path"),
        ({"kind": None}, 415, "content_type"),
        ({"kind": "text/plain"}, 415, "content_type"),
        ({"kind": "application/fhir+xml"}, 415, "content_type"),
        ({"kind": "application/fhir+ndjson"}, 415, "content_type"),
        ({"kind": f"{JSON}; charset=latin-1"}, 415, "content_type"),
        ({"Content_Encoding": "gzip"}, 415, "content_type"),
        ({"Cookie": "x" * 100_000}, 431, "header_too_long"),
    ],
)
def test_what_is_no_post_of_resources_is_told_what_to_do(
    port: int, changes: dict[str, str], status: int, code: str
) -> None:
    answer = post(port, resources(), **changes)  # type: ignore[arg-type]
    assert (answer.status, answer.issues) == (status, [("fatal", code, [])])
    assert answer.outcome["issue"][0]["details"]["text"] == REFUSALS[code].text


def test_a_question_about_the_head_alone_is_answered_without_a_body(port: int) -> None:
    assert post(port, b"", method="HEAD").outcome is None
    assert post(port, b"", method="GET").headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"MSH|^~\\&|CANARY", 400, "malformed_json"),
        (b"<Bundle/>", 400, "malformed_json"),
        (resources()[:-1], 400, "cut_off"),
        (resources()[:-40], 400, "cut_off"),
        ("é".encode("latin-1"), 400, "wrong_encoding"),
        (resources().decode().encode("utf-16"), 400, "wrong_encoding"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b"[" * 90_000 + b"]" * 90_000, 422, "no_fhir_resource"),
        (b"[]", 422, "no_fhir_resource"),
        (b'{"resourceType": 7}', 422, "no_fhir_resource"),
        (as_bytes(bundle(patient(), kind="history")), 422, "bundle_type"),
        (b'{"resourceType": "Bundle", "type": "batch", "x": "\\u0000"}', 422, "bundle_type"),
    ],
)
def test_a_body_that_can_never_be_read_is_refused_and_kept_and_never_moved(
    port: int, root: Path, body: bytes, status: int, code: str
) -> None:
    for _ in range(2):
        answer = post(port, body)
        assert (answer.status, [issue[:2] for issue in answer.issues]) == (status, [("fatal", code)])
        assert "CANARY" not in str(answer)
    assert stored(root, None).count(body) == 1
    assert body not in stored(root)


def test_an_entry_that_is_nested_too_deeply_is_named_and_the_others_are_kept(port: int, root: Path) -> None:
    for levels in (61, 5_000):
        deep = '{"a":' * levels + "1" + "}" * levels
        data = (
            told(observation(f"D{levels}"), {"resourceType": "Basic", "x": "DEEP"})
            .decode()
            .replace('"DEEP"', deep)
            .encode()
        )
        answer = post(port, data)
        assert (answer.status, answer.issues) == (202, [("warning", "too_deep", ["Bundle.entry[3]"])])
        assert data in stored(root)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_is_refused_before_it_is_read(port: int, root: Path, is_chunked: bool) -> None:
    before = contents(root, "SELECT count(*) FROM messages")
    head = f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {JSON}\r\n"
    if is_chunked:
        sent = [f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), *([b"10000\r\n" + b" " * 65536 + b"\r\n"] * 4)]
    else:
        sent = [f"{head}Content-Length: 200001\r\n\r\n".encode()]
    answer = raw(port, *sent)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer
    assert b"longer than the 200000 bytes that are taken" in answer
    assert contents(root, "SELECT count(*) FROM messages") == before
    at_the_limit = resources("LIMIT") + b" " * (200_000 - len(resources("LIMIT")))
    assert post(port, at_the_limit).status == 202


def test_a_slow_client_is_told_so_and_holds_up_nobody(port: int, listener: Listener) -> None:
    head = f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {JSON}\r\nContent-Length: 900\r\n"
    begun = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as in_head,
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as in_body,
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as idle,
    ):
        in_head.sendall(head.encode())
        in_body.sendall(f"{head}\r\n".encode())
        for _ in range(8):  # a byte at a time, each before the time for silence is over
            in_body.sendall(b" ")
            time.sleep(0.2)
        good(port, "MEANWHILE")
        answered = [in_head.recv(1 << 16), in_body.recv(1 << 16)]
        assert [answer[:13] for answer in answered] == [b"HTTP/1.1 408 "] * 2
        assert time.monotonic() - begun < 15
        assert idle.recv(10) == b""
    until(lambda: bool(listener.events("timed_out")))


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\x0bMSH|^~\\&|LIS|EXAMPLE\x1c\r",
        b"POST /fhir HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\nHost: x\r\n\r\n",
        b"POST /fhir HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(port: int, sent: bytes) -> None:
    assert raw(port, sent, b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_several_requests_are_answered_in_order_on_one_connection_in_any_pieces(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as to:
        for number in ("K1", "K2"):
            to.request("POST", "/fhir", resources(number), {"Authorization": f"bearer {TOKEN}", "Content-Type": JSON})
            assert posting.told_by(to.getresponse()).status == 202
    ends = resources("PIPED")
    head = f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {JSON}\r\n"
    one = f"{head}Content-Length: {len(ends)}\r\n\r\n".encode() + ends
    last = f"{head}Connection: close\r\nContent-Length: {len(ends)}\r\n\r\n".encode() + ends
    piped = one + one + last
    pieces = [piped[at : at + 997] for at in range(0, len(piped), 997)]
    assert raw(port, *pieces).count(b"HTTP/1.1 202 ") == 3
    chunked = f"{head}Expect: 100-continue\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(ends[at : at + 500]), ends[at : at + 500]) for at in range(0, len(ends), 500)
    )
    answer = raw(port, chunked, chunks + b"0\r\n\r\n")
    assert b"HTTP/1.1 202 " in answer


def test_its_lines_hold_counts_and_codes_and_nothing_of_a_request(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    secret = told(observation("SECRETNO", subject={"reference": "Patient/SECRETPATIENT"}, **quantity(4711.5)))
    with started(root) as listener:
        port = judging(listener)
        for body in (secret, secret, secret[:-3], b"SECRET"):
            post(port, body)
        post(port, secret, "SECRETTOKEN" * 4)
        post(port, secret, path="/fhir/SECRET")
        raw(port, b"SECRET\r\n\r\n")
        assert listener.stop() == 0
        lines = str(listener.said) + listener.told()
    assert "SECRET" not in lines
    assert "471" not in lines
    assert TOKEN not in lines
    counts = {name: listener.said[-1][name] for name in ("stored", "duplicates", "refused", "not_taken")}
    assert counts == {"stored": 1, "duplicates": 1, "refused": 2, "not_taken": 5}


def test_it_runs_without_what_judges_or_shows_also_while_resources_are_posted(tmp_path: Path) -> None:
    """By the modules that the listening process has imported; what judges runs beside it, and is another process."""
    root = posting.site(tmp_path / "site")
    with started(root, sys.executable, "-X", "importtime") as listener:
        good(judging(listener))
        assert listener.stop() == 0
        told_of = listener.told()
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in told_of.splitlines() if "import time:" in line}
    assert {"cmvmon", "h11"} <= imported
    assert not imported & {
        "prefect", "great_expectations", "plotly", "polars", "pandas", "numpy", "numba", "sqlalchemy", "alembic",
    }  # fmt: skip


def test_where_nothing_can_judge_a_body_is_kept_and_its_sender_told_so(tmp_path: Path) -> None:
    """The laboratory file is missing or broken, or the process that judges was killed and can't be started."""
    root = posting.site(tmp_path / "site")
    poster(root, "other", OF_OTHER, feed="nobody_wrote_it")
    (root / "labs").mkdir()
    with started(root) as listener:
        port = judging(listener)
        answer = post(port, resources("U1"), OF_OTHER)
        assert (answer.status, answer.issues) == (202, [("warning", "laboratory_file", [])])
        (aside,) = children(listener.process)
        os.kill(aside, signal.SIGKILL)
        good(port, "U2")  # it was started again
        (root / "labs" / "example_fhir.toml").write_text("broken", "utf-8")
        broken = post(port, resources("U3"))
        assert (broken.status, broken.issues) == (202, [("information", "not_judged", [])])
        (root / "labs" / "example_fhir.toml").unlink()
        good(port, "U4")
        assert listener.stop() == 0
    assert [len(stored(root, feed)) for feed in ("nobody_wrote_it", "example_fhir")] == [1, 3]


def test_killed_after_an_answer_it_has_lost_nothing_and_the_same_is_known(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    answered: list[str] = []
    for turn in range(3):
        with started(root) as listener:
            port = judging(listener)
            for number in (f"{turn}a", f"{turn}b", f"{turn}c"):
                assert post(port, resources(number)).status == 202
                answered.append(number)
            (aside,) = children(listener.process)
            listener.process.kill()
            listener.process.wait(LIMIT_S)
            until(lambda aside=aside: not Path(f"/proc/{aside}").exists())  # what judges goes when the listener does
    assert stored(root) == [resources(number) for number in answered]
    with started(root) as listener:
        port = judging(listener)
        assert post(port, resources(answered[-1])).status == 202  # whose answer may have been lost
        good(port)
        assert listener.stop() == 0
    assert stored(root) == [*(resources(number) for number in answered), resources("GOOD")]


@traced
def test_a_full_disk_is_503_and_nothing_is_kept_until_there_is_room_again(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    with started(root):  # so that the inbox is made
        pass
    bodies = [resources(f"n{number}") for number in range(30)]
    with started(root, *failing("pwrite64", "error=ENOSPC:when=60..66")) as listener:
        port = judging(listener)
        found = [post(port, body) for body in bodies]
        assert {answer.status for answer in found} == {202, 503}
        assert found[-1].status == 202
        lost = [body for body, answer in zip(bodies, found, strict=True) if answer.status == 503]
        assert {answer.issues[0][1] for answer in found if answer.status == 503} == {"not_stored"}
        assert all(answer.headers["Retry-After"] for answer in found if answer.status == 503)
        assert not set(lost) & set(stored(root))
        assert [post(port, body).status for body in lost] == [202] * len(lost)
        _end_traced(listener)
    assert sorted(stored(root)) == sorted(bodies)


@traced
def test_after_a_sync_that_fails_it_answers_503_and_ends(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    with started(root):
        pass
    kept: list[bytes] = []
    with started(root, *failing("fdatasync", "error=EIO:when=5")) as listener:
        port = judging(listener)
        try:
            for number in range(12):
                answer = post(port, resources(f"n{number}"))
                assert answer.status == (503 if answer.issues else 202)
                kept += [resources(f"n{number}")] if answer.status == 202 else []
        except OSError:
            pass
        assert listener.process.wait(LIMIT_S) == 7
    assert 0 < len(kept) < 12
    assert set(kept) <= set(stored(root))
    with started(root) as listener:
        good(judging(listener))


def test_who_stops_it_gets_the_answers_of_what_came(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    with started(root) as listener:
        port = judging(listener)
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as at:
            at.sendall(
                f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {JSON}\r\n".encode()
            )
            at.sendall(b"Content-Length: 900\r\n\r\n{")
            time.sleep(0.3)
            assert listener.stop() == 0
            assert at.recv(1 << 16).startswith(b"HTTP/1.1 503 ")


def test_a_token_that_others_may_read_is_not_used_until_it_is_the_users_alone(tmp_path: Path) -> None:
    root = posting.site(tmp_path / "site")
    token = root / "senders" / "lab.token"
    token.chmod(0o640)
    with started(root) as listener:
        port = judging(listener)
        (fault,) = listener.events("sender_file_broken")
        assert fault["words"] == (
            "senders/lab.token: others than the user who listens may read or change it; make that user its owner, and `chmod 600` it. "
            "Who may have read it can send as this sender: give it another token"
        )
        answer = post(port, resources())
        assert (answer.status, answer.issues[0][1]) == (503, "sender_file_broken")
        token.chmod(0o600)
        until(lambda: post(port, resources()).status == 202)
        token.write_text("NEW" * 20, "utf-8")
        until(lambda: post(port, resources(), "NEW" * 20).status == 202)
        assert post(port, resources()).status == 401
        assert listener.stop() == 0


@pytest.mark.parametrize("text", ["", "short", "x" * 31, "a" * 30 + " " + "b" * 30, "é" * 40, "x" * 513])
def test_a_token_that_could_be_tried_or_not_be_sent_is_named_without_any_of_it(tmp_path: Path, text: str) -> None:
    from cmvmon.shell.incoming.sender_files import senders

    poster(tmp_path, token=text)
    (fault,) = senders(tmp_path).faults.values()
    assert fault.startswith("senders/lab.token: holds no token of 32 to 512 letters")
    assert not text or text not in fault


def test_tokens_that_are_missing_or_the_same_are_named(tmp_path: Path) -> None:
    from cmvmon.shell.incoming.sender_files import senders

    poster(tmp_path, "one")
    poster(tmp_path, "two")
    poster(tmp_path, "three", OF_OTHER).unlink()
    poster(tmp_path, "four", more='sending_application = "LIS"\n')
    os.mkfifo(tmp_path / "senders" / "five.token", 0o600)
    (tmp_path / "senders" / "five.toml").write_text('feed = "example_fhir"\ntoken = "five.token"\n')
    (tmp_path / "senders" / "six.toml").write_text(f'feed = "example_fhir"\ntoken = "{TOKEN}"\n')
    found = senders(tmp_path)
    assert not found.posters
    assert "its token is that of senders/two.toml too" in found.faults["one.toml"]
    assert "senders/three.token: can't be read (No such file" in found.faults["three.toml"]
    assert "sending_application: is of a sender of messages" in found.faults["four.toml"]
    assert "senders/five.token: is no file" in found.faults["five.toml"]
    assert "never the token itself" in found.faults["six.toml"]
    assert TOKEN not in str(found)


def test_over_tls_the_token_is_enough_unless_the_senders_file_asks_for_a_certificate(tmp_path: Path) -> None:
    signed = authority(tmp_path / "keys", "hospital")
    certificate, key, _ = signed.sign("listener")
    files = "".join(
        f'{n} = "{p}"\n' for n, p in (("certificate", certificate), ("key", key), ("authority", signed.file))
    )
    root = posting.site(tmp_path / "site", files)
    poster(root, "bound", OF_OTHER, more='certificates = ["lis.hospital"]\n')
    with started(root) as listener:
        port = judging(listener)
        bare = ssl.create_default_context(cafile=str(signed.file))
        assert post(port, resources("T1"), tls=bare).status == 202
        assert post(port, resources("T2"), OF_OTHER, tls=bare).status == 403
        assert post(port, resources("T3"), OF_OTHER, tls=signed.shown("lis.hospital", signed.file)).status == 202
        with pytest.raises((http.client.HTTPException, OSError)):
            post(port, resources("T4"))  # nothing is read without TLS
        assert listener.stop() == 0
    assert len(stored(root)) == 2


def test_a_site_may_take_resources_alone_and_its_settings_are_read_strictly(tmp_path: Path) -> None:
    from cmvmon.domain.errors import ProtocolError
    from cmvmon.feeds.senders import read_listening

    root = posting.site(tmp_path / "site")
    (root / "listen.toml").write_text("[fhir]\nport = 0\n")
    with started(root) as listener:
        assert "port" not in listener.wait_for("listening")
        good(judging(listener))
        assert listener.stop() == 0
    for text, fault in (
        ('address = "10.0.0.5"\n[fhir]\nport = 1\n', "could be read on their way"),
        ("[fhir]\nbody_bytes = 1\n", "fhir.port: is missing"),
        ("[fhir]\nport = 1\nbody_bytes = 50000001\n", "fhir.body_bytes: is out of range"),
        ("[fhir]\nport = 1\nbytes = 1\n", "fhir.bytes: is not a key"),
        ("", "port: is missing"),
        ('port = 1\ncertificate = "a"\nkey = "b"\n[fhir]\nport = 2\n', "authority: is missing"),
    ):
        with pytest.raises(ProtocolError, match=fault):
            read_listening(text)
    assert read_listening('address = "10.0.0.5"\ncertificate = "a"\nkey = "b"\n[fhir]\nport = 2\n').authority is None


def test_what_is_posted_is_one_delivery_each_and_on_the_ward_page_in_the_order_in_which_it_came(tmp_path: Path) -> None:
    """A result, its correction, and a message of HL7 in another feed: the inbox says of each how it is written."""
    root = posting.site(tmp_path / "site")
    at = datetime.now(UTC) - timedelta(days=1)
    day = f"{at:%Y-%m-%dT%H:%M:00+00:00}"

    def told_of(status: str, value: int) -> bytes:
        one = observation("F1", status, issued=day, **quantity(value))
        return as_bytes(bundle(patient("SYNTH-1"), specimen(collected=day), one))

    with started(root) as listener:
        port = judging(listener)
        assert post(port, told_of("final", 850_000)).status == 202
        assert post(port, told_of("corrected", 620_000)).status == 202
        assert listening.sent(listener.port, listening.result("1")) == [("AA", "1")]
        assert listener.stop() == 0
    nightly(root)
    assert rows(root, "SELECT feed, format, file_name FROM deliveries ORDER BY feed, file_name") == [
        ("example_fhir", "fhir", "inbox-1-1.fhir.json"),
        ("example_fhir", "fhir", "inbox-2-2.fhir.json"),
        ("example_hl7", "hl7", "inbox-3-3.hl7"),
    ]
    page = (root / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "620,000 IU/mL" in page
    assert "850,000 IU/mL" not in page
    nightly(root)
    assert rows(root, "SELECT count(*) FROM deliveries") == [(3,)]

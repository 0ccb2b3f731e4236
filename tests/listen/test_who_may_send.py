"""Who may send: plain on loopback only, elsewhere with a certificate that a sender's file names; a file that is broken stops its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path

import hl7
import pytest
from hl7.mllp import open_hl7_connection

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.mllp import framed
from cmvmon.feeds.senders import read_listening, read_sender
from cmvmon.run.listener.listening_sockets import tls
from cmvmon.shell.incoming import sender_files
from tests.listen import listening
from tests.listen.certificates import Authority, authority, site_over_tls
from tests.listen.listening import CMVMON, Listener, answers, code_and_id, contents, good, result, sent, started, until


def over_tls(listener: Listener, shown: ssl.SSLContext, *messages: bytes) -> list[tuple[str, str]]:
    with (
        socket.create_connection(("127.0.0.1", listener.port), timeout=10) as bare,
        shown.wrap_socket(bare, server_hostname="127.0.0.1") as at,
    ):
        at.sendall(b"".join(map(framed, messages)))
        return [code_and_id(one) for one in answers(at, len(messages))]  # type: ignore[arg-type]


@pytest.fixture
def signed(tmp_path: Path) -> Authority:
    return authority(tmp_path / "keys", "hospital")


@pytest.fixture
def root(tmp_path: Path, signed: Authority) -> Path:
    """A site whose listener asks for certificates of that authority."""
    return site_over_tls(tmp_path, signed, frame_s=1)


def test_a_certificate_that_a_senders_file_names_lets_in_and_no_other_does(
    root: Path, signed: Authority, tmp_path: Path
) -> None:
    foreign = authority(tmp_path / "foreign", "elsewhere")
    assert tls(root, sender_files.listening(root), asks_for=ssl.CERT_REQUIRED).minimum_version is ssl.TLSVersion.TLSv1_2
    with started(root) as listener:
        mine = signed.shown("lis.hospital", signed.file)
        assert over_tls(listener, mine, result("1"), result("2")) == [("AA", "1"), ("AA", "2")]
        for shown in (
            foreign.shown("lis.hospital", signed.file),
            signed.shown("lis.hospital", signed.file, days=(-9, -1)),
            ssl.create_default_context(cafile=str(signed.file)),
            signed.shown("another.hospital", signed.file),
        ):
            with pytest.raises((OSError, StopIteration, AssertionError)):
                assert over_tls(listener, shown, result("3")) == [("AA", "3")]
        with pytest.raises((OSError, AssertionError)):  # in plain text where TLS is asked for
            assert sent(listener.port, result("4")) == [("AA", "4")]
        until(lambda: listener.events("handshake_failed") and listener.events("peer_not_allowed"))
        assert over_tls(listener, mine, result("6")) == [("AA", "6")]
        assert listener.stop() == 0
    assert len(contents(root, "SELECT 1 FROM messages")) == 3


def test_a_sender_may_be_known_by_the_hash_of_its_certificate(root: Path, signed: Authority) -> None:
    certificate, key, sha256 = signed.sign("any name")
    listening.sender(root, addresses=["127.0.0.0/8"], certificates=[f"sha256:{sha256}"])
    shown = ssl.create_default_context(cafile=str(signed.file))
    shown.load_cert_chain(certificate, key)
    with started(root) as listener:
        assert over_tls(listener, shown, result("1")) == [("AA", "1")]
        until(lambda: listener.events("listening"))


def test_the_client_of_python_hl7_sends_over_tls(root: Path, signed: Authority) -> None:
    shown = signed.shown("lis.hospital", signed.file)

    async def talk(port: int) -> list[str]:
        reader, writer = await asyncio.wait_for(open_hl7_connection("127.0.0.1", port, ssl=shown), 10)
        found = []
        for number in range(5):
            writer.writemessage(hl7.parse(result(str(number)).decode()))
            await writer.drain()
            found.append(str((await asyncio.wait_for(reader.readmessage(), 10)).segment("MSA")[2]))
        writer.close()
        return found

    with started(root) as listener:
        assert asyncio.run(talk(listener.port)) == ["0", "1", "2", "3", "4"]


def test_mllp_send_of_python_hl7_is_understood(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    (tmp_path / "messages").write_bytes(framed(result("1")) + framed(result("2")))
    with started(root) as listener:
        done = subprocess.run(
            [CMVMON.with_name("mllp_send"), "--file", tmp_path / "messages", "--port", str(listener.port), "127.0.0.1"],
            capture_output=True, check=True, timeout=20,
        )  # fmt: skip
    assert done.stdout.count(b"MSA|AA|") == 2


def test_a_peer_that_no_file_names_is_not_read(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    listening.sender(root, addresses=["192.0.2.1"])
    with started(root) as listener:
        with pytest.raises((OSError, AssertionError)):
            assert sent(listener.port, result("1")) == [("AA", "1")]
        until(lambda: listener.events("peer_not_allowed"))
    assert list(contents(root, "SELECT count(*) FROM messages")) == [(0,)]


def test_the_address_of_one_sender_may_not_send_as_another(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    listening.sender(root, "other", sending_application="OTHER", addresses=["192.0.2.1"])
    with started(root) as listener:
        assert sent(listener.port, result("1").replace(b"|LIS|", b"|OTHER|")) == [("AR", "1")]
        good(listener.port)


def test_a_broken_file_stops_its_sender_until_it_is_mended_and_no_other(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    (root / "senders" / "other.toml").write_text('feed = "x"\nbogus = 1\n', "utf-8")
    other = result("1").replace(b"|LIS|", b"|OTHER|")
    with started(root) as listener:
        until(lambda: listener.events("sender_file_broken"))
        words = str(listener.events("sender_file_broken")[0]["words"])
        assert "senders/other.toml" in words
        assert "bogus" in words
        good(listener.port)
        assert sent(listener.port, other) == [("AE", "1")]  # it may be that one's: it is to send again
        listening.sender(root, "other", sending_application="OTHER", feed="other")
        until(lambda: sent(listener.port, other) == [("AA", "1")])
        good(listener.port, "GOOD-2")
    assert list(contents(root, "SELECT feed FROM messages WHERE instr(raw, 'OTHER')")) == [("other",)]


def test_a_file_that_is_gone_for_a_moment_refuses_nothing_for_good(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    listening.sender(root, "other", sending_application="OTHER", feed="other")
    path, other = root / "senders" / "other.toml", result("1").replace(b"|LIS|", b"|OTHER|")
    with started(root) as listener:
        path.rename(tmp_path / "away")
        until(lambda: listener.events("sender_file_broken"))
        assert "senders/other.toml: is gone" in str(listener.events("sender_file_broken")[0]["words"])
        assert sent(listener.port, other) == [("AE", "1")]
        good(listener.port)
        (tmp_path / "away").rename(path)
        until(lambda: sent(listener.port, other) == [("AA", "1")])
        path.unlink()
        assert listener.stop() == 0
    with started(root) as listener:  # from a start on it is known to nobody
        assert sent(listener.port, other.replace(b"|1|P", b"|2|P")) == [("AR", "2")]


def test_two_files_that_name_one_sender_are_both_set_aside(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    listening.sender(root, "twin")
    listening.sender(root, "third", sending_application="THIRD")
    with started(root) as listener:
        until(lambda: len(listener.events("sender_file_broken")) == 2)
        assert sent(listener.port, result("1")) == [("AE", "1")]
        assert sent(listener.port, result("1").replace(b"|LIS|", b"|THIRD|")) == [("AA", "1")]


def test_a_sender_named_by_a_whole_field_goes_before_one_named_by_its_first_component(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    whole = {"sending_application": "LIS^2.16^ISO", "feed": "of_whole"}
    listening.sender(root, "zz", **whole)
    listening.sender(root, "x", sending_application="T^1", sending_facility="EXAMPLE")
    listening.sender(root, "y", sending_application="T", sending_facility="EXAMPLE^1")
    of_two = result("4").replace(b"|LIS|EXAMPLE|", b"|T^1|EXAMPLE^1|")
    with started(root) as listener:
        messages = [result(str(n)).replace(b"|LIS|", f"|{named}|".encode()) for n, named in enumerate(
            ("LIS", "LIS^2.16^ISO", "LIS^9^ISO", "LIS^^"))]  # fmt: skip
        assert sent(listener.port, *messages) == [("AA", str(n)) for n in range(4)]
        assert sent(listener.port, of_two) == [("AE", "4")]
        until(lambda: [one for one in listener.events("not_taken") if one["code"] == "fits_two_senders"])
        (root / "senders" / "y.toml").write_text((root / "senders" / "x.toml").read_text("utf-8"), "utf-8")
        (root / "senders" / "x.toml").unlink()
        until(lambda: sent(listener.port, of_two) == [("AA", "4")])
    feeds = [feed for (feed,) in contents(root, "SELECT feed FROM messages ORDER BY id")]
    assert feeds == ["example_hl7", "of_whole", "example_hl7", "example_hl7", "example_hl7"]


def test_a_version_that_is_left_out_is_refused_only_where_versions_were_agreed(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    listening.sender(root, versions=None)
    listening.sender(root, "strict", sending_application="STRICT")
    without = result("1").replace(b"|P|2.5.1", b"|P|")
    with started(root) as listener:
        assert sent(listener.port, without) == [("AA", "1")]
        assert sent(listener.port, result("2").replace(b"|P|2.5.1", b"|P")) == [("AA", "2")]
        assert sent(listener.port, result("3").replace(b"|P|2.5.1", b"|P|3.0")) == [("AR", "3")]
        assert sent(listener.port, without.replace(b"|LIS|", b"|STRICT|")) == [("AR", "1")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "port: is missing"),
        ('port = 1\naddress = "here"', "address: is 'here'"),
        ('port = 1\naddress = "0.0.0.0"', "certificate: is missing: at 0.0.0.0"),
        ('port = 1\ncertificate = "c"', "key, authority: is missing"),
        ("port = 70000", "port: is out of range"),
        ("port = 1\n[limits]\nmessage_bytes = 99000000", "limits.message_bytes: is out of range"),
        ("port = 1\nprot = 2", "prot: is not a key"),
        ("port = ", "is no valid TOML"),
    ],
)
def test_what_is_wrong_in_listen_toml_is_named(text: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        read_listening(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"feed": "a b"}, "feed: must be letters"),
        ({"types": ["oru"]}, "types: holds 'oru'"),
        ({"types": []}, "types: is empty"),
        ({"types": None}, "types: is missing"),
        ({"processing": ["X"]}, "processing: holds 'X'"),
        ({"versions": ["3"]}, "versions: holds '3'"),
        ({"addresses": ["10.0.0.1/8"]}, "addresses: holds '10.0.0.1/8'"),
        ({"addresses": None}, "certificates: and addresses are both missing"),
        ({"certificates": ["sha256:12"]}, "certificates: holds 'sha256:12'"),
        ({"sending_application": " "}, "sending_application: is blank"),
        ({"adresses": ["10.0.0.1"]}, "adresses: is not a key"),
    ],
)
def test_what_is_wrong_in_a_senders_file_is_named(change: dict[str, object], words: str, tmp_path: Path) -> None:
    listening.sender(tmp_path, **change)
    with pytest.raises(ProtocolError, match=words):
        read_sender((tmp_path / "senders" / "lis.toml").read_text("utf-8"), name="lis")


def _fails(root: Path) -> tuple[int, str]:
    done = subprocess.run([CMVMON, "listen", "--site", root], capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stderr


def test_what_keeps_it_from_starting_is_said_and_a_mistyped_name_makes_no_site(tmp_path: Path) -> None:
    code, words = _fails(tmp_path / "nowhere")
    assert (code, "has no listen.toml" in words, (tmp_path / "nowhere").exists()) == (2, True, False)
    root = listening.site(tmp_path / "site")
    with started(root) as listener:
        code, words = _fails(root)
        assert (code, "runs on this site already" in words) == (6, True)
        other = listening.site(tmp_path / "other")
        (other / "listen.toml").write_text(f"port = {listener.port}\n", "utf-8")
        code, words = _fails(other)
        assert (code, "can't be listened at" in words) == (2, True)
    (root / "listen.toml").write_text('port = 0\ncertificate = "c"\nkey = "k"\nauthority = "a"\n', "utf-8")
    code, words = _fails(root)
    assert (code, "three PEM files" in words) == (2, True)


def test_row_41_while_strangers_flood_it_a_known_address_still_finds_a_place(tmp_path: Path, signed: Authority) -> None:
    """A thousand connects of 250 addresses that no file names, which say nothing; then the sender, from the address of its file."""
    root = site_over_tls(tmp_path, signed, connections=8, connections_of_one_source=4, frame_s=1)
    listening.sender(root, addresses=["127.0.9.1"], certificates=["lis.hospital"])
    shown, held = signed.shown("lis.hospital", signed.file), list[socket.socket]()

    def from_sender(control: str) -> list[tuple[str, str]]:
        bare = socket.create_connection(("127.0.0.1", listener.port), timeout=20, source_address=("127.0.9.1", 0))
        with bare, shown.wrap_socket(bare, server_hostname="127.0.0.1") as at:
            at.sendall(framed(result(control)))
            return [code_and_id(one) for one in answers(at, 1)]  # type: ignore[arg-type]

    with started(root) as listener:
        try:
            for n in range(1000):
                source = f"127.0.1.{1 + n % 250}"
                held.append(
                    socket.create_connection(("127.0.0.1", listener.port), timeout=20, source_address=(source, 0))
                )
                if n % 100 == 99:
                    assert from_sender(f"41-{n}") == [("AA", f"41-{n}")]
            until(lambda: listener.events("peer_not_allowed"))
            assert not listener.events(
                "too_many_newcomers"
            )  # where each sender is at an address, no other is heard at all
            assert not listener.events("too_many_connections")
        finally:
            for one in held:
                one.close()
        assert listener.stop() == 0


@pytest.mark.parametrize(
    "key", ['sending_application = "LIS"', 'sending_facility = "X"', 'types = ["ORU"]', 'versions = ["2.5"]']
)
def test_a_key_of_messages_beside_a_token_is_told_as_what_it_is(key: str) -> None:
    with pytest.raises(ProtocolError) as error:
        read_sender(f'feed = "lab"\ntoken = "lab.token"\n{key}\n', name="lab")
    assert f"{key.split()[0]}: is of a sender of messages (HL7), and `token` says" in str(error.value)
    assert "not a key that is known" not in str(error.value)

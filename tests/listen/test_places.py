"""A flood of strangers keeps no sender out, by whatever it is known: by its address, its certificate or its token (row 41)."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cmvmon.feeds.mllp import framed
from cmvmon.run.listener import listening as listening_at
from cmvmon.run.listener.listening_counts import Ledger
from cmvmon.run.listener.listening_sockets import Way, bound
from cmvmon.run.listener.places import Caller, Newcomers, Places
from tests import allowed
from tests.listen import listening, posting
from tests.listen.certificates import Authority, authority, site_over_tls
from tests.listen.listening import LIMIT_S, answers, code_and_id, result, started, until

Stranger = Callable[[socket.socket], socket.socket]


@pytest.fixture
def signed(tmp_path: Path) -> Authority:
    return authority(tmp_path / "keys", "hospital")


def _connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S, source_address=(source, 0))


@contextmanager
def _line(port: int, shown: ssl.SSLContext, source: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
    """A connection of a sender, with what it shows."""
    with _connect(port, source) as bare, shown.wrap_socket(bare, server_hostname="127.0.0.1") as at:
        yield at


def _sends(at: ssl.SSLSocket, control: str) -> list[tuple[str, str]]:
    at.sendall(framed(result(control)))
    return [code_and_id(one) for one in answers(at, 1)]


def _never_speaks(at: socket.socket) -> socket.socket:
    return at


def _says_hello_and_no_more(at: socket.socket) -> socket.socket:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    at.sendall(outgoing.read())
    return at


def _shows(context: ssl.SSLContext) -> Stranger:
    """TLS as far as it goes: in TLS 1.3 a client learns only later that what it showed is not taken."""

    def through(at: socket.socket) -> socket.socket:
        try:
            return context.wrap_socket(at, server_hostname="127.0.0.1")
        except OSError:
            return at

    return through


@pytest.fixture(params=["never_speaks", "hello_and_no_more", "no_certificate", "unknown_certificate", "anothers_name"])
def stranger(request: pytest.FixtureRequest, signed: Authority, tmp_path: Path) -> Stranger:
    """What each stranger of a flood does, once it has connected."""
    if request.param == "never_speaks":
        return _never_speaks
    if request.param == "hello_and_no_more":
        return _says_hello_and_no_more
    if request.param == "no_certificate":
        return _shows(ssl.create_default_context(cafile=str(signed.file)))
    if request.param == "unknown_certificate":
        return _shows(authority(tmp_path / "foreign", "elsewhere").shown("lis.hospital", signed.file))
    return _shows(signed.shown("another.hospital", signed.file))


@pytest.mark.parametrize("addresses", [1, 200])
def test_row_41_strangers_keep_out_no_sender_that_is_known_by_its_certificate_alone(
    tmp_path: Path, signed: Authority, stranger: Stranger, addresses: int
) -> None:
    """Three hundred that stay connected, of the sender's own address or of two hundred others: its messages are acknowledged,
    on the connection that it had and on each new one, at the first attempt."""
    root = site_over_tls(tmp_path, signed, connections=8, connections_of_one_source=4, handshakes=12, handshake_s=60)
    shown, held = signed.shown("lis.hospital", signed.file), list[socket.socket]()
    with started(root) as listener, _line(listener.port, shown) as before:
        try:
            for n in range(300):
                source = "127.0.0.1" if addresses == 1 else f"127.0.1.{1 + n % addresses}"
                held.append(stranger(_connect(listener.port, source)))
                if n % 60 == 59:
                    assert _sends(before, f"old-{n}") == [("AA", f"old-{n}")]
                    with _line(listener.port, shown) as new:
                        assert _sends(new, f"new-{n}") == [("AA", f"new-{n}")]
            assert not listener.events("too_many_connections")
            assert not listener.events("too_many_of_one_source")
        finally:
            for one in held:
                one.close()
        assert listener.stop() == 0


_FLOOD = """
import socket, sys
held, n = [], 0
while True:
    try:
        held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=(sys.argv[2], 0)))
        n += 1
    except OSError:
        continue
    if len(held) > 400:
        held.pop(0).close()
    print(n, flush=True)
"""


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.2.7"])
def test_row_41_while_a_flood_goes_on_as_fast_as_it_can_a_sender_gets_through(
    tmp_path: Path, signed: Authority, source: str
) -> None:
    """From its own address or another, by a process of its own; the sender connects again where it was dropped, as senders do."""
    root = site_over_tls(tmp_path, signed)
    shown, tries = signed.shown("lis.hospital", signed.file), list[int]()
    with started(root) as listener:
        command = [sys.executable, "-c", _FLOOD, str(listener.port), source]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flood:
            try:
                until(lambda: listener.events("too_many_newcomers"))
                ends = time.monotonic() + 3
                while time.monotonic() < ends:
                    tries.append(_tries(listener.port, shown, f"F-{len(tries)}"))
            finally:
                flood.kill()
                assert flood.stdout is not None
                n_flood = int(flood.stdout.read().split()[-1])
        assert listener.stop() == 0
    # The first time, but for the rare one that the flood overtakes within its handshake; of 570 on a busy machine none was.
    assert max(tries) <= 2, tries
    assert tries.count(2) <= len(tries) // 20, tries
    assert n_flood > 250  # the queue of those who wait to be accepted lets no more in


def _tries(port: int, shown: ssl.SSLContext, control: str) -> int:
    """How often a sender had to connect until its message was acknowledged; 99 where it never was."""
    for n in range(1, 20):
        try:
            with _line(port, shown) as at:
                if _sends(at, control) == [("AA", control)]:
                    return n
        except OSError:
            continue
    return 99


def test_a_sender_that_leaks_its_connections_keeps_no_other_sender_out(tmp_path: Path, signed: Authority) -> None:
    """Its own certificate gives it all places but the one that is kept for the other, at whatever address the two are."""
    root = site_over_tls(tmp_path, signed, connections=4, connections_of_one_source=50)
    listening.sender(root, "other", sending_application="OTHER", addresses=None, certificates=["other.hospital"])
    shown, of_other = (signed.shown(name, signed.file) for name in ("lis.hospital", "other.hospital"))
    with started(root) as listener:
        held = [shown.wrap_socket(_connect(listener.port), server_hostname="127.0.0.1") for _ in range(12)]
        until(lambda: listener.events("too_many_connections"))
        assert [_answered(one, f"H-{n}") for n, one in enumerate(held)] == [True] * 3 + [False] * 9
        with _line(listener.port, of_other) as at:
            at.sendall(framed(result("O").replace(b"|LIS|", b"|OTHER|")))
            assert [code_and_id(one) for one in answers(at, 1)] == [("AA", "O")]
        for one in held:
            one.close()
        assert listener.stop() == 0


def _answered(at: ssl.SSLSocket, control: str) -> bool:
    try:
        return _sends(at, control) == [("AA", control)]
    except OSError:
        return False


def test_strangers_at_the_port_of_resources_keep_out_neither_who_has_a_token_nor_who_sends_messages(
    tmp_path: Path, signed: Authority
) -> None:
    """They need no certificate there, speak HTTP with a token that nobody has, and stay."""
    root = site_over_tls(tmp_path, signed, connections=4, connections_of_one_source=4, handshakes=6)
    with (root / "listen.toml").open("a", encoding="utf-8") as file:
        file.write("\n[fhir]\nport = 0\n")
    posting.poster(root)
    shown, trusting = signed.shown("lis.hospital", signed.file), ssl.create_default_context(cafile=str(signed.file))
    with started(root) as listener:
        port, held = posting.judging(listener), list[socket.socket]()
        for n in range(60):
            held.append(trusting.wrap_socket(_connect(port), server_hostname="127.0.0.1"))
            held[-1].sendall(b"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"x" * 40 + b"\r\n\r\n")
            assert held[-1].recv(100).startswith(b"HTTP/1.1 401 ")
            if n % 20 == 19:
                assert posting.post(port, posting.resources(), tls=trusting).status == 202
                with _line(listener.port, shown) as at:
                    assert _sends(at, f"M-{n}") == [("AA", f"M-{n}")]
        until(lambda: listener.events("too_many_newcomers"))
        for one in held:
            one.close()
        assert listener.stop() == 0


def test_who_posts_is_told_to_come_again_while_the_senders_hold_all_places(tmp_path: Path) -> None:
    """Of two places one is kept for the sender of messages; a connection that has its place keeps it from request to request."""
    root = posting.site(tmp_path / "site", connections=2)
    with started(root) as listener:
        port = posting.judging(listener)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as kept:
            assert [_status(kept, n) for n in range(3)] == [202, 202, 202]
            answer = posting.post(port, posting.resources("F9"))
            assert (answer.status, answer.issues[0][1]) == (503, "no_place")
            listening.good(listener.port)
            assert _status(kept, 4) == 202
        until(lambda: posting.post(port, posting.resources("F9")).status == 202)
        assert listener.stop() == 0


def _status(at: http.client.HTTPConnection, n: int) -> int:
    given = {"Authorization": f"Bearer {posting.TOKEN}", "Content-Type": posting.JSON}
    at.request("POST", "/fhir", posting.resources(f"F{n}"), given)
    with at.getresponse() as answer:
        answer.read()
        return answer.status


def test_with_hardly_any_file_descriptors_strangers_still_keep_no_sender_out(tmp_path: Path, signed: Authority) -> None:
    if not allowed.may_limit():
        allowed.missing("PRLIMIT")
    root = site_over_tls(tmp_path, signed, handshakes=1000, handshake_s=60)
    shown = signed.shown("lis.hospital", signed.file)
    with started(root, "prlimit", "--nofile=60:60") as listener:
        held = [_connect(listener.port) for _ in range(120)]
        until(lambda: listener.events("not_accepted"))
        for n in range(3):
            with _line(listener.port, shown) as at:
                assert _sends(at, f"D-{n}") == [("AA", f"D-{n}")]
        for one in held:
            one.close()
        assert listener.stop() == 0


def test_who_is_refused_after_tls_and_never_ends_its_side_is_not_kept(tmp_path: Path, signed: Authority) -> None:
    """A certificate that the authority signed and no sender's file names: two hundred who stay, with sixty descriptors."""
    if not allowed.may_limit():
        allowed.missing("PRLIMIT")
    root = site_over_tls(tmp_path, signed)
    shown, strange = signed.shown("lis.hospital", signed.file), signed.shown("another.hospital", signed.file)
    with started(root, "prlimit", "--nofile=60:60") as listener:
        held = []
        for _ in range(200):
            held.append(_shows(strange)(_connect(listener.port)))
        with _line(listener.port, shown) as at:
            assert _sends(at, "T") == [("AA", "T")]
        assert listener.events("peer_not_allowed")
        assert not listener.events("not_accepted")
        for one in held:
            one.close()
        assert listener.stop() == 0


def test_a_queue_of_those_who_wait_to_be_accepted_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """A hundred wait when it begins to accept: the loop goes round for everybody else after each of them."""
    root = listening.site(tmp_path / "site", connections=200, connections_of_one_source=200)
    listener = listening_at.Listener(root, lambda _: None)

    async def rounds_until_all_are_in(way: Way) -> int:
        listener._loop, rounds = asyncio.get_running_loop(), 0
        accepting = asyncio.create_task(listener._accept(way))
        while len(listener._tasks) < 100 and rounds < 10_000:
            await asyncio.sleep(0)
            rounds += 1
        let_in = [accepting, *listener._tasks]
        for task in let_in:
            task.cancel()
        await asyncio.gather(*let_in, return_exceptions=True)
        return rounds

    with bound("127.0.0.1", 0, by="a test") as at:
        held = [_connect(at.getsockname()[1]) for _ in range(100)]
        assert 100 <= asyncio.run(rounds_until_all_are_in(Way(at, None, True))) < 10_000
        for one in held:
            one.close()


def _callers(*sources: str) -> list[Caller]:
    return [Caller(source, socket.socket()) for source in sources]


def _dropped(all_of_them: list[Caller]) -> list[int]:
    found = [n for n, one in enumerate(all_of_them) if one.is_dropped]
    for one in all_of_them:
        one.socket.close()
    return found


def test_of_newcomers_one_of_the_address_that_has_the_most_goes_first_and_of_this_who_came_first() -> None:
    newcomers, come = Newcomers(4), _callers("lone", "a", "a", "a", "b", "c", "d")
    gone = [newcomers.enter(one) for one in come]
    assert gone == [None, None, None, None, come[1], come[2], come[0]]
    assert _dropped(come) == [0, 1, 2]


def test_a_newcomer_at_an_address_where_a_sender_is_expected_goes_last() -> None:
    newcomers, come = Newcomers(2), _callers("lis", "lis", "x", "y", "z")
    for one in come[:2]:
        one.is_expected = True
    for one in come:
        newcomers.enter(one)
    assert _dropped(come) == [0, 2, 3]  # for x one of two at the sender's own address: no other was there


def test_one_who_has_left_makes_room_and_of_nobody_none_goes() -> None:
    newcomers, come = Newcomers(1), _callers("a", "b")
    newcomers.enter(come[0])
    newcomers.leave(come[0])
    assert newcomers.enter(come[1]) is None
    assert newcomers.drop() is come[1]
    assert newcomers.drop() is None
    assert _dropped(come) == [1]


def test_a_peer_that_may_be_two_senders_has_the_place_that_is_kept_for_each() -> None:
    """An engine with one certificate and a connection for each of its two senders; the third is of another."""
    places, come = Places(3, 1), _callers("engine", "engine", "engine", "third")
    senders = ["x", "y", "z"]
    told = [places.settle(one, ["x", "y"], senders) for one in come[:3]] + [places.settle(come[3], ["z"], senders)]
    assert told == [None, None, "too_many_of_one_source", None]
    places.leave(come[0])
    assert places.settle(come[2], ["x", "y"], senders) is None
    _dropped(come)


def test_with_fewer_places_than_senders_each_has_one_as_far_as_they_go() -> None:
    places, come = Places(2, 9), _callers("1", "1", "2", "3")
    senders = ["x", "y", "z"]
    told = [places.settle(one, [name], senders) for one, name in zip(come, ("x", "x", "y", "z"), strict=True)]
    assert told == [None, "too_many_connections", None, "too_many_connections"]
    _dropped(come)


def test_of_a_flood_of_many_addresses_the_log_names_a_hundred_in_a_minute_and_counts_the_others() -> None:
    said: list[dict[str, object]] = []
    ledger = Ledger(said.append)
    for n in range(250):
        ledger.event("too_many_newcomers", source=f"10.0.0.{n}")
    ledger.event("timed_out", code="idle")
    assert (len(said), said[-1]) == (101, {"event": "timed_out", "code": "idle"})
    ledger.tell_minute(at_end=True)
    assert said[-1]["too_many_newcomers"] == 250

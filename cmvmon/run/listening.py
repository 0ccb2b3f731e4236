"""The listener: takes messages from senders that a site knows, makes them durable, and only then acknowledges them.

Rules of this file:
- Nothing is read of a peer that no sender's file allows, nor without TLS but on loopback.
- What one message, connection or sender's file does ends no other; what the disk does ends the listener.
- It imports neither what judges nor what shows: it must run when these can't.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.senders import Listening, Peer, Sender
from cmvmon.run.listening_connection import Connection
from cmvmon.run.listening_counts import Ledger, Say
from cmvmon.shell import sender_files
from cmvmon.shell.certificates import note_sender
from cmvmon.shell.inbox import InboxFault, Message, Stored
from cmvmon.shell.inbox_writer import InboxWriter, Item, Result
from cmvmon.shell.sender_files import Senders

_LOOKS_EVERY_S = 0.1
_READS_FILES_EVERY_S = 2.0
_HANDSHAKE_S = 10.0
_STOPS_WITHIN_S = 5.0
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
Answers = list[tuple[Stored, bytes] | InboxFault]


def listen(root: Path, *, stop: Event, say: Say) -> None:
    """Listens until `stop` is set; then what came is stored and acknowledged.

    Raises SiteError or ProtocolError where its files can't be used or the port is taken; InboxFault when what it stores may
    not be kept: nothing of that was acknowledged.
    """
    asyncio.run(Listener(root, say).run(stop))


class Listener:
    """One listener on one site."""

    def __init__(self, root: Path, say: Say) -> None:
        self._root = root
        self.settings = sender_files.listening(root)
        self._tls = None if self.settings.is_plain else _tls(root, self.settings)
        self.ledger = Ledger(say)
        self._senders = Senders(())
        self._state: object = None
        self._seen: set[str] = set()  # names of senders' files
        self._looked_at = float("-inf")
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_source: Counter[str] = Counter()
        self._ended: InboxFault | None = None
        self._noting = Lock()

    async def run(self, stop: Event) -> None:
        """Listens until `stop` is set."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._unhandled)
        senders = self.senders()
        self._inbox = InboxWriter(self._root, self._from_inbox)
        try:
            with _bound(self.settings) as bound:
                at = {
                    "address": self.settings.address,
                    "port": bound.getsockname()[1],
                    "is_plain": self.settings.is_plain,
                }
                self.ledger.event("listening", **at, senders=len(senders.known), broken=len(senders.faults))
                accepting = self._loop.create_task(self._accept(bound))
                while not stop.is_set() and self._ended is None:
                    await asyncio.sleep(_LOOKS_EVERY_S)
                    self.senders()
                    self.ledger.tell_minute()
                accepting.cancel()
                with suppress(asyncio.CancelledError):
                    await accepting
            await self._stop_connections()
        finally:
            await asyncio.to_thread(self._inbox.close)
            self.ledger.tell_minute(at_end=True)
        if self._ended is not None:
            raise self._ended

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a library meets outside of a connection's own work: by its kind, for its text may hold a message."""
        self.ledger.event("unexpected", code=type(context.get("exception")).__name__)

    async def _stop_connections(self) -> None:
        for connection in list(self._connections):
            connection.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_STOPS_WITHIN_S)
            for task in late:
                task.cancel()

    def senders(self) -> Senders:
        """The senders as their files say now; they are looked at again every two seconds."""
        if monotonic() - self._looked_at < _READS_FILES_EVERY_S:
            return self._senders
        state, self._looked_at = sender_files.state(self._root), monotonic()
        if state != self._state:
            self._senders, self._state = sender_files.senders(self._root, before=self._seen), state
            self._seen |= {name for name, *_ in state}
            for name, words in self._senders.faults.items():
                self.ledger.event("sender_file_broken", code=name, words=words)
        return self._senders

    async def store(self, messages: list[Message]) -> Answers:
        """Stores them, durable when it returns."""
        waits: asyncio.Future[Answers] = self._loop.create_future()
        owner = _Owner(waits, [None] * len(messages))
        self._inbox.put([Item(message, (owner, place)) for place, message in enumerate(messages)])
        return await waits

    def keep_scrap(self, code: str, n_bytes: int, kept: bytes) -> None:
        """Keeps the beginning of bytes that are no message."""
        self._inbox.put_scrap(code, n_bytes, kept, datetime.now(UTC).isoformat(timespec="microseconds"))

    def _from_inbox(self, told: list[tuple[Item, Result]], seconds: float) -> None:
        self._loop.call_soon_threadsafe(self._tell, told, seconds)

    def _tell(self, told: list[tuple[Item, Result]], seconds: float) -> None:
        self.ledger.stored_in(seconds)
        for item, result in told:
            owner, place = item.owner
            owner.results[place] = result
            if isinstance(result, InboxFault) and result.ends:
                self._ended = result
            owner.n_open -= 1
            if not owner.n_open and not owner.waits.done():
                owner.waits.set_result(owner.results)

    async def _accept(self, bound: socket.socket) -> None:
        while True:
            try:
                peer, address = await self._loop.sock_accept(bound)
            except OSError as error:  # no file descriptor is left: those who are connected go on
                self.ledger.event("not_accepted", code=f"errno_{error.errno}")
                await asyncio.sleep(_LOOKS_EVERY_S)
                continue
            source = str(address[0])
            refused = self._refused(source)
            if refused:
                self.ledger.event(refused, source=source)
                peer.close()
                continue
            self._of_source[source] += 1
            task = self._loop.create_task(self._serve(peer, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _refused(self, source: str) -> str | None:
        """Why a connection from there is not even begun."""
        if self._of_source[source] >= self.settings.connections_of_one_source:
            return "too_many_of_one_source"
        if self._of_source.total() >= self.settings.connections:
            return "too_many_connections"
        known = self.senders().known
        if self.settings.is_plain and not any(one.allows(Peer(source)) for one in known):
            return "peer_not_allowed"
        return None

    async def _serve(self, peer: socket.socket, source: str) -> None:
        """One connection from its beginning to its end, whatever it does."""
        writer: asyncio.StreamWriter | None = None
        try:
            _keep_alive(peer)
            reader = asyncio.StreamReader()
            transport, protocol = await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), peer, ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else _HANDSHAKE_S,
            )  # fmt: skip
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            who = _peer(source, transport)
            allowed = [one for one in self.senders().known if one.allows(who)]
            if allowed:
                if self._tls is not None:
                    await asyncio.to_thread(self._note_certificate, allowed, transport)
                await self._talk(Connection(self, who, reader, writer))
            else:
                self.ledger.event("peer_not_allowed", source=source, certificate=who.fingerprint)
        except (ssl.SSLError, ConnectionError, TimeoutError, OSError) as error:
            is_handshake = writer is None
            self.ledger.event(
                "handshake_failed" if is_handshake else "connection_lost", source=source, code=type(error).__name__
            )
        except Exception as error:  # noqa: BLE001 - whatever one connection does, the others go on; its text may hold a message
            self.ledger.event("unexpected", code=type(error).__name__)
        finally:
            self._of_source[source] -= 1
            if not self._of_source[source]:
                del self._of_source[source]
            if writer is None:
                peer.close()
            else:
                writer.close()
                with suppress(Exception):
                    await asyncio.wait_for(writer.wait_closed(), _LOOKS_EVERY_S)

    def _note_certificate(self, allowed: Sequence[Sender], transport: asyncio.BaseTransport) -> None:
        """Notes until when the certificate holds that the peer has shown, where it can only be one sender's."""
        found = transport.get_extra_info("ssl_object")
        until = None if found is None else found.getpeercert().get("notAfter")
        if until is None or len(allowed) != 1:
            return
        try:
            with self._noting:
                note_sender(self._root, allowed[0].name, datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC))
        except SiteError as error:  # a disk that is full ends no connection
            self.ledger.event("certificate_not_noted", code=type(error).__name__)

    async def _talk(self, connection: Connection) -> None:
        self._connections.add(connection)
        self.ledger.count("connections")
        try:
            await connection.serve()
            await connection.linger()
        finally:
            self._connections.discard(connection)


class _Owner:
    """Several messages of one connection that are waited for together."""

    def __init__(self, waits: asyncio.Future[Answers], results: list[Any]) -> None:
        self.waits, self.results, self.n_open = waits, results, len(results)


def _bound(settings: Listening) -> socket.socket:
    """A socket on that address. Raises SiteError where it can't be had."""
    family = socket.AF_INET6 if ip_address(settings.address).version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.address, settings.port))
        bound.listen(128)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise SiteError(
            f"listen.toml: {settings.address} port {settings.port} can't be listened at ({error.strerror}); choose another port, "
            "or stop what listens there"
        ) from None
    return bound


def _keep_alive(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _peer(source: str, transport: asyncio.BaseTransport) -> Peer:
    found = transport.get_extra_info("ssl_object")
    if found is None:
        return Peer(source)
    shown = found.getpeercert(binary_form=True)
    subject = found.getpeercert().get("subject", ())
    names = [value for part in subject for name, value in part if name == "commonName"]
    return Peer(source, names[0] if len(names) == 1 else None, hashlib.sha256(shown).hexdigest())


def _tls(root: Path, settings: Listening) -> ssl.SSLContext:
    """TLS 1.2 or later, with a certificate of the peer's that the authority signed. Raises SiteError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(root / str(settings.certificate), root / str(settings.key))
        context.load_verify_locations(root / str(settings.authority))
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if not isinstance(error, ssl.SSLError) else error.reason or "no PEM file"
        raise SiteError(
            f"listen.toml: certificate, key or authority can't be used ({why}); give three PEM files that this user may read, and the "
            "key of that very certificate"
        ) from None
    return context

"""The listener: takes messages, and resources that are posted, from senders that a site knows, makes them durable, and only then
acknowledges them.

Rules of this file:
- Nothing is read of a peer that no sender's file allows, nor without TLS but on loopback.
- What one message, connection or sender's file does ends no other; what the disk does ends the listener. What takes connections
  ends with it, or ends it: it is never there and deaf.
- It imports neither what judges nor what shows: it must run when these can't.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.fhir.posted import Answer
from cmvmon.feeds.senders import AnySender, Peer
from cmvmon.run.listener.judging_aside import JudgingAside
from cmvmon.run.listener.listening_connection import Connection
from cmvmon.run.listener.listening_counts import Ledger, Say
from cmvmon.run.listener.listening_sockets import Way, bound, certificate_ends_at, keep_alive, peer_of, tls
from cmvmon.run.listener.open_connection import OpenConnection
from cmvmon.run.listener.places import Caller, Newcomers, Places
from cmvmon.run.listener.posting_connection import PostingConnection
from cmvmon.run.listener.storing import Answers, Storing
from cmvmon.shell.incoming import sender_files
from cmvmon.shell.incoming.certificates import note_sender
from cmvmon.shell.incoming.inbox import Message
from cmvmon.shell.incoming.sender_files import Senders

_LOOKS_EVERY_S = 0.1
_READS_FILES_EVERY_S = 2.0
_UNWRAPS_S = 2.0  # TLS is ended by both sides; who does not is not waited for
_NO_FILE_S = 0.01
_STOPS_WITHIN_S = 5.0


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
        self._aside = JudgingAside(root)
        self.ledger = Ledger(say)
        self._senders = Senders(())
        self._state: object = None
        self._seen: set[str] = set()  # names of senders' files
        self._looked_at = float("-inf")
        self._connections: set[OpenConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._newcomers = Newcomers(self.settings.handshakes)
        self._places = Places(self.settings.connections, self.settings.connections_of_one_source)
        self._noting = Lock()

    async def run(self, stop: Event) -> None:
        """Listens until `stop` is set."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._unhandled)
        senders = self.senders()
        self._storing = Storing(self._root, self.ledger)
        try:
            async with self._listening(senders):
                while not stop.is_set() and self._storing.ended is None and not self._is_deaf():
                    await asyncio.sleep(_LOOKS_EVERY_S)
                    self.senders()
                    self.ledger.tell_minute()
            await self._stop_connections()
        finally:
            await self._aside.close()
            await self._storing.close()
            self.ledger.tell_minute(at_end=True)
        if self._storing.ended is not None:
            raise self._storing.ended
        for task in self._accepting:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _is_deaf(self) -> bool:
        """Whether what takes connections has ended, which it never does by itself but for an error of ours."""
        return any(task.done() for task in self._accepting)

    @asynccontextmanager
    async def _listening(self, senders: Senders) -> AsyncIterator[None]:
        """Takes connections, of messages and of resources, as far as there is a port for them."""
        settings, posting = self.settings, self.settings.posting
        at: dict[str, object] = {"address": settings.address}
        aside: list[asyncio.Task[None]] = []
        with ExitStack() as sockets:
            for port, name, is_of_messages in (
                (settings.port, "port", True),
                (None if posting is None else posting.port, "fhir_port", False),
            ):
                if port is not None:
                    at_port = sockets.enter_context(bound(settings.address, port, by="listen.toml"))
                    way = Way(at_port, self._tls(is_of_messages), is_of_messages)
                    at[name] = at_port.getsockname()[1]
                    self._accepting.append(self._loop.create_task(self._accept(way)))
            if posting is not None:
                aside.append(self._loop.create_task(self._start_aside()))
            at |= {"is_plain": settings.is_plain, "senders": len(senders.all), "broken": len(senders.faults)}
            self.ledger.event("listening", **at)
            try:
                yield
            finally:
                for task in (tasks := [*self._accepting, *aside]):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_aside(self) -> None:
        self.ledger.event("judging" if await self._aside.start() else "not_judging")

    def _tls(self, is_of_messages: bool) -> ssl.SSLContext | None:
        """What a sender of messages must show, and one of resources may: it has its token."""
        asks_for = ssl.CERT_REQUIRED if is_of_messages else ssl.CERT_OPTIONAL
        return None if self.settings.is_plain else tls(self._root, self.settings, asks_for=asks_for)

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
        if state is None:  # no file descriptor is left
            self.ledger.event("senders_not_read")
        elif state != self._state:
            with suppress(OSError):  # none was left to list them: the next time
                self._senders, self._state = sender_files.senders(self._root, before=self._seen), state
            self._seen |= {name for name, *_ in state if name.endswith(".toml")}
            for name, words in self._senders.faults.items():
                self.ledger.event("sender_file_broken", code=name, words=words)
        return self._senders

    async def store(self, messages: list[Message]) -> Answers:
        """Stores them, durable when it returns."""
        return await self._storing.store(messages)

    async def answer(self, feed: str, body: bytes) -> Answer:
        """What the sender of a posted body is told once it is kept."""
        found = await self._aside.answer(feed, body)
        if found.is_unjudged:
            self.ledger.event("not_judged", code=feed)
        return found

    def keep_scrap(self, code: str, n_bytes: int, kept: bytes) -> None:
        """Keeps the beginning of bytes that are no message."""
        self._storing.keep_scrap(code, n_bytes, kept)

    async def _accept(self, way: Way) -> None:
        while True:
            try:
                peer, address = await self._loop.sock_accept(way.socket)
            except OSError as error:  # no file descriptor is left: those who are known go on
                self.ledger.event("not_accepted", code=f"errno_{error.errno}")
                await asyncio.sleep(_LOOKS_EVERY_S if self._newcomers.drop() is None else _NO_FILE_S)
                continue
            source = str(address[0])
            if self._may_come(source, way):
                self._let_in(Caller(source, peer, self._is_expected(source)), way)
            else:
                self.ledger.event("peer_not_allowed", source=source)
                peer.close()
            await asyncio.sleep(0)  # who waits to be accepted does not keep those who are here waiting

    def _let_in(self, caller: Caller, way: Way) -> None:
        gone = self._newcomers.enter(caller)
        if gone is not None:
            self.ledger.event("too_many_newcomers", source=gone.source)
        task = self._loop.create_task(self._serve(caller, way))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_expected(self, source: str) -> bool:
        return self._places.were_at(source) or any(one.has_address(source) for one in self.senders().all)

    def _may_come(self, source: str, way: Way) -> bool:
        """Whether any sender of what comes that way may be at that address, whatever it shows then."""
        return self._is_one_unknown(way) or any(one.may_be_at(source) for one in self._senders_by(way))

    def settle(self, caller: Caller, own: Sequence[str]) -> str | None:
        """Gives that caller, who has shown to be one of these senders, its place; why not, as a code, where there is none."""
        if self._places.has(caller):
            return None
        self._newcomers.leave(caller)
        refused = self._places.settle(caller, own, [one.name for one in self.senders().all])
        if refused is not None:
            self.ledger.event(refused, source=caller.source)
        return refused

    def _is_refused(self, caller: Caller, who: Peer, way: Way) -> bool:
        """Whether a peer is not heard, which is told then. Who posts resources stays a newcomer until it shows its token."""
        allowed = self._allowed(who, way)
        if not allowed and not self._is_one_unknown(way):
            self.ledger.event("peer_not_allowed", source=caller.source, certificate=who.fingerprint)
            return True
        return way.is_of_messages and self.settle(caller, [one.name for one in allowed]) is not None

    def _is_one_unknown(self, way: Way) -> bool:
        """Whether any peer may be a sender of resources whose file is broken; it is told so."""
        return bool(self.senders().faults) and not way.is_of_messages

    def _senders_by(self, way: Way) -> Sequence[AnySender]:
        senders = self.senders()
        return senders.known if way.is_of_messages else senders.posters

    def _allowed(self, peer: Peer, way: Way) -> list[AnySender]:
        return [one for one in self._senders_by(way) if one.allows(peer)]

    async def _serve(self, caller: Caller, way: Way) -> None:
        """One connection from its beginning to its end, whatever it does."""
        writer: asyncio.StreamWriter | None = None
        source, peer = caller.source, caller.socket
        try:
            keep_alive(peer)
            if way.tls is None and self._is_refused(caller, Peer(source), way):
                return
            reader, is_tls = asyncio.StreamReader(), way.tls is not None
            transport, protocol = await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), peer, ssl=way.tls,
                ssl_handshake_timeout=self.settings.handshake_s if is_tls else None,
                ssl_shutdown_timeout=_UNWRAPS_S if is_tls else None,
            )  # fmt: skip
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            who = peer_of(source, transport)
            if is_tls:
                if self._is_refused(caller, who, way):
                    transport.abort()  # nothing is owed to it, and it may never end its side of TLS
                    return
                await asyncio.to_thread(self._note_certificate, self._allowed(who, way), transport)
            await self._talk(self._connection(caller, who, reader, writer, way))
        except (ssl.SSLError, ConnectionError, TimeoutError, OSError) as error:
            if not caller.is_dropped:
                name = "handshake_failed" if writer is None else "connection_lost"
                self.ledger.event(name, source=source, code=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever one connection does, the others go on; its text may hold a message
            self.ledger.event("unexpected", code=type(error).__name__)
        finally:
            self._newcomers.leave(caller)
            self._places.leave(caller)
            if writer is None:
                peer.close()
            else:
                writer.close()
                with suppress(Exception):
                    await asyncio.wait_for(writer.wait_closed(), _LOOKS_EVERY_S)

    def _connection(
        self, caller: Caller, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> OpenConnection:
        if way.is_of_messages or self.settings.posting is None:
            return Connection(self, caller, peer, reader, writer)
        return PostingConnection(self, caller, peer, reader, writer, posting=self.settings.posting)

    def _note_certificate(self, allowed: Sequence[AnySender], transport: asyncio.BaseTransport) -> None:
        """Notes until when the certificate holds that the peer has shown, where it can only be one sender's."""
        until = certificate_ends_at(transport)
        if until is None or len(allowed) != 1:
            return
        try:
            with self._noting:
                note_sender(self._root, allowed[0].name, until)
        except SiteError as error:  # a disk that is full ends no connection
            self.ledger.event("certificate_not_noted", code=type(error).__name__)

    async def _talk(self, connection: OpenConnection) -> None:
        self._connections.add(connection)
        self.ledger.count("connections")
        try:
            await connection.serve()
            await connection.linger()
        finally:
            self._connections.discard(connection)

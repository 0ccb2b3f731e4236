"""One connection to which resources are posted by HTTP/1.1: a request is read, kept, and only then answered.

h11 tells the bytes of one request from those of the next. Rules of this file:
- Of a request without the token of a sender nothing but its head is read.
- What is answered is stored with the body first; the same body is answered the same again.
- Neither a token nor anything of a body is told to the log.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message as Headers
from time import monotonic

import h11

from cmvmon.feeds.fhir.posted import MEDIA_TYPES, NOT_STORED, PATH, Answer, refused
from cmvmon.feeds.senders import Poster, Posting
from cmvmon.run.listener.open_connection import CHUNK, OpenConnection
from cmvmon.shell.incoming.inbox import FHIR, InboxFault, Message, Stored, key_of

_MOST_HEAD_BYTES = 16_384
_BEARER = b"bearer "
_MORE_HEADERS = {401: ("WWW-Authenticate", "Bearer"), 405: ("Allow", "POST"), 503: ("Retry-After", "60")}


class _TooSlow(Exception):
    """The request was not complete in time."""


class _Refused(Exception):
    """The request is not taken, for that code of `posted.REFUSALS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class PostingConnection(OpenConnection):
    """One connection that brings resources. `posting`: what it bears."""

    posting: Posting = field(kw_only=True)
    _http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.SERVER, _MOST_HEAD_BYTES))
    _until: float | None = None  # when the request that has begun must be whole
    _is_at_end: bool = False  # the peer sends no more

    async def serve(self) -> None:
        """Answers one request after the other, until one can't be answered or the connection is to be closed."""
        while not self.is_stopping and await self._one():
            pass

    async def _one(self) -> bool:
        """One request and its answer; False where nothing more can be read of this connection."""
        http, is_head = self._http, False
        try:
            request = await self._head()
            if request is None:
                return False
            is_head = request.method == b"HEAD"
            answer = await self._answer(request)
        except _Refused as error:
            answer = self._refusal(error.code)
        except _TooSlow:
            answer = self._refusal("timed_out")
        except h11.RemoteProtocolError as error:
            if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                return False
            answer = self._refusal(self._fault_of(error))
        goes_on = http.their_state is h11.DONE and answer.status != NOT_STORED and not self.is_stopping
        await self._send(answer, closes=not goes_on, is_head=is_head)
        if not goes_on or http.our_state is not h11.DONE:
            return False
        http.start_next_cycle()
        return True

    def _refusal(self, code: str) -> Answer:
        self.desk.ledger.event("not_taken", code=code, source=self.peer.address)
        return refused(code, most=self.posting.body_bytes)

    def _fault_of(self, error: h11.RemoteProtocolError) -> str:
        if self.is_stopping:
            return "stopping"
        if self._is_at_end:
            return "incomplete_request"
        return "header_too_long" if error.error_status_hint == 431 else "malformed_request"

    async def _head(self) -> h11.Request | None:
        """The head of the next request; None where the peer has gone, or was silent for too long."""
        has_begun = bool(self._http.trailing_data[0])
        self._until = monotonic() + self.posting.request_s if has_begun else None
        try:
            event = await self._next()
        except _TooSlow:
            if self._until is None:
                self.desk.ledger.event("timed_out", code="idle")
                return None
            raise
        return event if isinstance(event, h11.Request) else None

    async def _answer(self, request: h11.Request) -> Answer:
        """What the request is answered; its body is kept when this returns. Raises _Refused."""
        self.desk.ledger.count("received")
        sender = self._sender(request)
        body = await self._body(request)
        answer = await self.desk.answer(sender.feed, body)
        message = Message(
            body, key_of(FHIR, sender.name, hashlib.sha256(body).hexdigest()),
            datetime.now(UTC).isoformat(timespec="microseconds"), answer.kept(),
            None if answer.code else sender.feed, sender.name, answer.code, FHIR,
        )  # fmt: skip
        (result,) = await self.desk.store([message])
        ledger = self.desk.ledger
        if isinstance(result, InboxFault):
            ledger.event("not_stored", code=result.code)
            return refused("not_stored")
        became, kept = result
        if answer.code:
            ledger.event("not_taken", code=answer.code, sender=sender.name)
        ledger.count("duplicates" if became is Stored.KNOWN else "refused" if answer.code else "stored")
        return Answer.of_kept(kept)

    def _sender(self, request: h11.Request) -> Poster:
        """Whose request it is, by its head alone. Raises _Refused."""
        if request.target not in (PATH.encode(), f"{PATH}/".encode()):
            raise _Refused("unknown_path")
        if request.method != b"POST":
            raise _Refused("method")
        shown = [value for name, value in request.headers if name == b"authorization"]
        if len(shown) != 1 or not shown[0].lower().startswith(_BEARER):
            raise _Refused("missing_token")
        senders = self.desk.senders()
        sender = senders.poster(shown[0][len(_BEARER) :].strip())
        if sender is None:
            raise _Refused("sender_file_broken" if senders.faults else "unknown_token")
        if not sender.allows(self.peer):
            raise _Refused("not_from_there")
        if self.desk.settle(self.caller, [sender.name]) is not None:
            raise _Refused("no_place")
        return sender

    async def _body(self, request: h11.Request) -> bytes:
        """The whole body. Raises _Refused before it is read where it can be told from the head."""
        headers: dict[bytes, bytes] = dict(request.headers)
        if (
            not _is_json(headers.get(b"content-type", b""))
            or headers.get(b"content-encoding", b"identity") != b"identity"
        ):
            raise _Refused("content_type")
        most = self.posting.body_bytes
        if int(headers.get(b"content-length", b"0")) > most:
            raise _Refused("body_too_large")
        if self._http.they_are_waiting_for_100_continue:
            self.writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        found = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            found += event.data
            if len(found) > most:
                raise _Refused("body_too_large")
        return bytes(found)

    async def _next(self) -> h11.Event:
        """The next part of a request. Raises _TooSlow, and h11.RemoteProtocolError."""
        while not isinstance(event := self._http.next_event(), h11.Event):
            left_s = self.posting.idle_s if self._until is None else self._until - monotonic()
            try:
                async with asyncio.timeout(max(left_s, 0.0)):
                    data = await self.reader.read(CHUNK)
            except TimeoutError:
                raise _TooSlow from None
            if self._until is None:
                self._until = monotonic() + self.posting.request_s
            self._is_at_end = not data
            self._http.receive_data(data)
        return event

    async def _send(self, answer: Answer, *, closes: bool, is_head: bool) -> None:
        headers = [
            ("Content-Type", "application/fhir+json; charset=utf-8"),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
        ]
        headers += [_MORE_HEADERS[answer.status]] if answer.status in _MORE_HEADERS else []
        headers += [("Connection", "close")] if closes else []
        http = self._http
        sent = http.send(h11.Response(status_code=answer.status, headers=headers)) or b""
        if not is_head:
            sent += http.send(h11.Data(data=answer.body)) or b""
        sent += http.send(h11.EndOfMessage()) or b""
        self.writer.write(sent)
        async with asyncio.timeout(self.posting.request_s):
            await self.writer.drain()


def _is_json(content_type: bytes) -> bool:
    """Whether it says JSON in UTF-8."""
    headers = Headers()
    headers["content-type"] = content_type.decode("latin-1")
    charset = headers.get_param("charset", "utf-8")
    return (
        bool(content_type)
        and headers.get_content_type() in MEDIA_TYPES
        and isinstance(charset, str)
        and charset.lower() in ("utf-8", "utf8")
    )

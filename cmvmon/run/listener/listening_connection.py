"""One connection of the listener: bytes come, frames are judged and stored, answers go out in the order of the frames."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from cmvmon.feeds import reception
from cmvmon.feeds.hl7.acknowledging import Outcome, acknowledgements, header_of
from cmvmon.feeds.mllp import Event, Frame, Framer, Limits, Skipped, TooLong, Unfinished, framed
from cmvmon.feeds.reception import Reception
from cmvmon.run.listener.open_connection import CHUNK, OpenConnection
from cmvmon.shell.incoming.inbox import InboxFault, Message, Stored, key_of

_MOST_OUTSIDE = 1 << 16  # bytes outside of frames, on one connection: whoever sends more speaks something else


@dataclass(eq=False)
class Connection(OpenConnection):
    """One connection that brings messages in frames."""

    _n_outside: int = 0

    async def serve(self) -> None:
        """Answers until the peer goes, a limit is met, or the listener stops."""
        settings = self.desk.settings
        framer = Framer(Limits(frame_bytes=settings.message_bytes))
        begun = monotonic()
        while True:
            was_in_frame = framer.is_in_frame
            wait_s = settings.frame_s - (monotonic() - begun) if was_in_frame else settings.idle_s
            try:
                async with asyncio.timeout(max(wait_s, 0.0)):
                    data = await self.reader.read(CHUNK)
            except TimeoutError:
                await self._timed_out(framer)
                return
            if not data:
                framer.end()
            else:
                framer.receive(data)
            events = framer.events()
            if framer.is_in_frame and (events or not was_in_frame):
                begun = monotonic()
            goes_on = await self._answer(events) and not self._is_of_others(framer)
            if not data or not goes_on:
                return

    async def _timed_out(self, framer: Framer) -> None:
        """What came is kept; a frame that has its FS and waits for its CR alone is answered."""
        self.desk.ledger.event("timed_out", code="in_a_message" if framer.is_in_frame else "idle")
        framer.end()
        events = framer.events()
        await self._answer([event for event in events if isinstance(event, Frame)])
        for event in events:
            if isinstance(event, Unfinished | Skipped):
                self.desk.keep_scrap("timed_out", event.n_bytes, event.kept)

    def _is_of_others(self, framer: Framer) -> bool:
        """Whether another protocol speaks here, or somebody sends without end what is no frame."""
        if not framer.hears_others and framer.n_outside + self._n_outside <= _MOST_OUTSIDE:
            return False
        self.desk.ledger.event("no_frames", source=self.peer.address)
        framer.end()
        for event in framer.events():
            if isinstance(event, Skipped):
                self.desk.keep_scrap("no_frames", event.n_bytes, event.kept)
        return True

    async def _answer(self, events: list[Event]) -> bool:
        """Answers what came; False where the connection is to be closed."""
        found, goes_on = self._judged(events)
        stored = await self._stored([one for one in found if one.is_kept])
        answers = []
        for one in found:
            result = next(stored) if one.is_kept else None
            answers.append(self._told(one, result))
            if isinstance(result, InboxFault) and result.ends:
                goes_on = False
        if sent := b"".join(answers):
            self.writer.write(sent)
            async with asyncio.timeout(self.desk.settings.frame_s):
                await self.writer.drain()
        return goes_on

    def _judged(self, events: list[Event]) -> tuple[list[Reception], bool]:
        """What the frames come to, up to one after which nothing can be read."""
        found: list[Reception] = []
        for event in events:
            if isinstance(event, Frame):
                one = self._received(event.data)
                if one.reason == reception.NO_HEADER:
                    self.desk.ledger.event("no_header", source=self.peer.address)
                    self.desk.keep_scrap("no_header", len(event.data), event.data[: Limits().kept_bytes])
                    return found, False
                found.append(one)
            elif isinstance(event, TooLong):
                self.desk.ledger.event("too_long", source=self.peer.address)
                self.desk.keep_scrap("too_long", event.limit, event.kept)
                header = header_of(event.kept)
                if header is not None and not header.acknowledges:
                    found.append(
                        Reception(event.kept, header, Outcome.REFUSED, reason="message_too_long", is_whole=False)
                    )
                return found, False
            else:
                code = "outside_a_frame" if isinstance(event, Skipped) else "unfinished_frame"
                self._n_outside += event.n_bytes
                self.desk.ledger.event(code, source=self.peer.address)
                self.desk.keep_scrap(code, event.n_bytes, event.kept)
        return found, True

    def _received(self, data: bytes) -> Reception:
        senders = self.desk.senders()
        one = reception.received(data, self.peer, senders.known, is_one_unknown=bool(senders.faults))
        self.desk.ledger.count("received")
        if one.reason == reception.ACKNOWLEDGEMENT:
            self.desk.ledger.event("acknowledgement_ignored", source=self.peer.address)
        elif one.reason:
            self.desk.ledger.event("not_taken", code=one.reason, sender=one.sender.name if one.sender else None)
        return one

    async def _stored(self, kept: list[Reception]) -> Iterator[tuple[Stored, bytes] | InboxFault]:
        if not kept:
            return iter(())
        return iter(await self.desk.store([self._message(one) for one in kept]))

    def _message(self, one: Reception) -> Message:
        sender = None if one.sender is None else one.sender.name
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        return Message(one.raw, key_of(*one.named_by), at, _answer_of(one), one.feed, sender, one.reason or None)

    def _told(self, one: Reception, result: tuple[Stored, bytes] | InboxFault | None) -> bytes:
        """The answer to a frame, and what is counted of it."""
        ledger = self.desk.ledger
        if result is None:
            return b"" if one.outcome is None else _answer_of(one)
        if isinstance(result, InboxFault):
            ledger.event("not_stored", code=result.code)
            return _answer_of(Reception(one.raw, one.header, Outcome.NOT_STORED, one.sender, "not_stored"))
        became, answer = result
        if became is Stored.REUSED:
            ledger.event("id_reused", code="id_reused", sender=one.sender.name if one.sender else None)
        ledger.count("duplicates" if became is Stored.KNOWN else "refused" if one.feed is None else "stored")
        return answer


def _answer_of(one: Reception) -> bytes:
    """The frames of the answer that is owed."""
    if one.outcome is None:
        return b""
    at, own_id = datetime.now(UTC), secrets.token_hex(9)
    given = acknowledgements(one.header, one.outcome, at=at, own_id=own_id, reason=one.reason)
    return b"".join(framed(each) for each in given)

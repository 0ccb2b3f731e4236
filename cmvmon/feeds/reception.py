"""What is to become of one received frame: taken into a feed, refused, or not ours to answer; told by its header and its peer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cmvmon.feeds.hl7.acknowledging import Header, Outcome, has_header, header_of
from cmvmon.feeds.hl7.reader import RawMessage, Reader
from cmvmon.feeds.senders import Peer, Sender

NO_HEADER, ACKNOWLEDGEMENT = "no_header", "acknowledgement"
UNKNOWN_SENDER, MALFORMED_HEADER = "unknown_sender", "malformed_header"
SENDER_FILE_BROKEN, ANOTHER_SENDER = "sender_file_broken", "another_sender_in_the_frame"
TWO_SENDERS = "fits_two_senders"


@dataclass(frozen=True)
class Reception:
    """One frame, and what it comes to.

    `outcome`: what its sender is told once it is stored; None = nothing. `reason`: a code, where it is not taken. `is_kept`: it is
    stored as a message; one that is not is answered at once (NOT_STORED, or not whole), or not at all (no outcome).
    """

    raw: bytes
    header: Header | None
    outcome: Outcome | None
    sender: Sender | None = None
    reason: str = ""
    is_whole: bool = True

    @property
    def is_kept(self) -> bool:
        return self.is_whole and self.outcome in (Outcome.TAKEN, Outcome.REFUSED)

    @property
    def feed(self) -> str | None:
        """The feed that it goes into; None where it is refused."""
        return self.sender.feed if self.sender is not None and self.outcome is Outcome.TAKEN else None

    @property
    def named_by(self) -> tuple[str, str, str]:
        """What names it: application, facility and MSH-10; one without a MSH-10 by its bytes, for nothing else tells it apart."""
        if self.header is None:
            return "", "", hashlib.sha256(self.raw).hexdigest()
        own = self.header.control_id or hashlib.sha256(self.raw).hexdigest()
        return self.header.field(3), self.header.field(4), own


def received(raw: bytes, peer: Peer, senders: Sequence[Sender], *, is_one_unknown: bool = False) -> Reception:
    """What a frame comes to. `is_one_unknown`: the file of a sender can't be used just now, and it may be this one's: it is told
    to send again instead of being refused for good."""
    header = header_of(raw)
    if header is None:
        if not has_header(raw):
            return Reception(raw, None, None, reason=NO_HEADER)
        return Reception(raw, None, Outcome.REFUSED, reason=MALFORMED_HEADER)
    if header.acknowledges:
        return Reception(raw, header, None, reason=ACKNOWLEDGEMENT)
    named = _named(header, senders)
    if len(named) > 1:
        return Reception(raw, header, Outcome.NOT_STORED, reason=TWO_SENDERS)
    sender = next((one for one in named if one.allows(peer)), None)
    if sender is None:
        if is_one_unknown:
            return Reception(raw, header, Outcome.NOT_STORED, reason=SENDER_FILE_BROKEN)
        return Reception(raw, header, Outcome.REFUSED, reason=UNKNOWN_SENDER)
    refusal = sender.refusal(header) or _of_others(raw, sender, senders)
    if refusal is not None:
        return Reception(raw, header, Outcome.REFUSED, sender, refusal)
    return Reception(raw, header, Outcome.TAKEN, sender)


def _named(header: Header, senders: Sequence[Sender]) -> list[Sender]:
    """The senders that MSH-3 and MSH-4 name best: as they stand before by their first components."""
    fits = {one.name: one.named_by(header) for one in senders}
    best = max(fits.values(), default=0)
    return [one for one in senders if best and fits[one.name] == best]


def _of_others(raw: bytes, sender: Sender, senders: Sequence[Sender]) -> str | None:
    """Why a message that stands in the frame besides the first one is outside of the contract; None where none is.

    They are found as they will be when they are taken in. A header that can't be used makes no message then.
    """
    if raw.count(b"MSH") < 2:
        return None
    reader = Reader()
    reader.receive(raw)
    reader.end()
    messages = [event.lines[0].data for event in reader.events() if isinstance(event, RawMessage)]
    for header in filter(None, map(header_of, messages)):
        refusal = sender.refusal(header) if _named(header, senders) == [sender] else ANOTHER_SENDER
        if refusal is not None:
            return refusal
    return None

"""The lines of one message as its segments, or why it can't be read; no message is read in part.

What is said of a message that can't be read holds none of its text but the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmvmon.feeds.hl7.charsets import codec_of
from cmvmon.feeds.hl7.delimiters import delimiters_of
from cmvmon.feeds.hl7.message import Message, Segment
from cmvmon.feeds.hl7.reader import RawMessage

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_CHARSET = 18  # MSH-18


@dataclass(frozen=True)
class Unread:
    """Why a message can't be read: a reason code, the line that is to blame, and its PID where it has one that can be read:
    of whom something is not known is shown with that patient."""

    code: str
    line: int
    patient: Segment | None = None


def parsed(raw: RawMessage, *, encoding: str, file_encoding_holds: bool = False) -> Message | Unread:
    """The message. `encoding` is that of a message that names no character set, or of all where `file_encoding_holds`."""
    header = raw.lines[0]
    provisional = header.data.decode("latin-1")  # of the header, what is needed to find MSH-18 is ASCII
    codec = "" if file_encoding_holds else codec_of(_field(provisional, _CHARSET))
    if codec is None:
        return Unread("unknown_charset", header.number)
    codec = codec or encoding
    head = _decoded(header.data, codec)
    marks = None if head is None else delimiters_of(head)
    if marks is None:
        return Unread("wrong_encoding" if head is None else "malformed_header", header.number)
    segments: list[Segment] = []
    faults: list[tuple[str, int]] = []
    for line in raw.lines:
        text = _decoded(line.data, codec)
        if text is None:
            faults.append(("wrong_encoding", line.number))
        elif _NAME.fullmatch(text[:3]) is None or text[3:4] not in ("", marks.field) or _is_control(text):
            faults.append(("malformed_segment", line.number))
        else:
            segments.append(Segment(text[:3], text[3:], marks, line.number, codec))
    message = Message(tuple(segments))
    if not faults and not message.kind:
        faults.append(("malformed_header", header.number))
    return Unread(*faults[0], patient_of(message)) if faults else message


def _is_control(text: str) -> bool:
    """Whether a line holds a NUL, or the end or start of a frame: two messages without a line's end between them."""
    return any(mark in text for mark in ("\0", "\x0b", "\x1c"))


def _decoded(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def patient_of(message: Message) -> Segment | None:
    """The PID of a message of one patient."""
    found = [segment for segment in message.segments if segment.name == "PID"]
    return found[0] if len(found) == 1 else None


def _field(header: str, number: int) -> str:
    """A field of a header line as it stands."""
    fields = header.split(header[3:4] or "|")
    return fields[number - 1] if number <= len(fields) else ""

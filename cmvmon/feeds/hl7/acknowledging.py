"""What a message says of itself in its header, as bytes, and the acknowledgement that its sender is owed (HL7 2.5.1, 2.9).

Rules of this file:
- Bytes in, bytes out: what is echoed is echoed as it stood, whatever its character set; nothing is decoded but to compare.
- An acknowledgement holds of the message its header only, never what it says of a patient.
- An acknowledgement is never acknowledged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cmvmon.feeds.hl7.delimiters import Delimiters, delimiters_of

_UTF_8_MARK = b"\xef\xbb\xbf"
_BLANK = b"\0\r\n \t"
_ENDS = re.compile(rb"[\r\n]")
_LONGEST_ID = 199  # MSH-10 has 20 characters, 199 from 2.7 on: what is longer is no id that can be matched
_OF_ACKNOWLEDGEMENTS = ("ACK", "MCF")
_OF_RESULTS = (b"OBR", b"OBX")


class Outcome(Enum):
    """What became of a message: by this the code is chosen, AA or CA, AE or CE, AR or CR."""

    TAKEN = "A"
    NOT_STORED = "E"
    REFUSED = "R"


@dataclass(frozen=True)
class Header:
    """The fields of MSH that are needed to answer, each as it stands (as latin-1: one character for each byte)."""

    marks: Delimiters
    fields: tuple[str, ...]
    acknowledges: bool

    def field(self, number: int) -> str:
        """MSH-n as it stands, from 3; empty where the header ends before it."""
        return self.fields[number - 2] if number - 2 < len(self.fields) else ""

    @property
    def control_id(self) -> str:
        return self.field(10)

    @property
    def code(self) -> str:
        """MSH-9.1."""
        return self.component(9, 1)

    @property
    def kind(self) -> str:
        """MSH-9, message code and trigger event: `ORU^R01`."""
        event = self.component(9, 2)
        return f"{self.code}^{event}" if event else self.code

    @property
    def version(self) -> str:
        """MSH-12.1."""
        return self.component(12, 1)

    @property
    def is_enhanced(self) -> bool:
        """Whether the sender says which acknowledgements it wants (MSH-15, MSH-16)."""
        return bool(self.field(15) or self.field(16))

    def component(self, number: int, component: int) -> str:
        """A component of MSH-n as it stands, without blanks around it."""
        parts = self.field(number).split(self.marks.repetition or "\0")[0].split(self.marks.component)
        return parts[component - 1].strip() if component <= len(parts) else ""

    def says(self, number: int, text: str) -> int:
        """How well MSH-n is that text, in whatever character set the message is: as it stands 2, by its first component 1, else 0."""
        forms = {text.encode("utf-8"), text.encode("latin-1", errors="replace")}
        found = (self.component(number, 1), self.field(number).strip())
        return max((n for n, one in enumerate(found, 1) if one.encode("latin-1") in forms), default=0)


def header_of(data: bytes) -> Header | None:
    """The header of a message; None where it does not begin with one, or its marks can't be used.

    >>> header = header_of(b"MSH|^~\\\\&|LIS|LAB|CMV|ICU|20260301||ORU^R01|7|P|2.5\\rPID|1\\r")
    >>> header.kind, header.control_id, header.field(4), header.is_enhanced
    ('ORU^R01', '7', 'LAB', False)
    """
    body = body_of(data)
    if not body.startswith(b"MSH"):
        return None
    first = _ENDS.split(body, maxsplit=1)[0].decode("latin-1")
    marks = delimiters_of(first)
    if marks is None:
        return None
    fields = tuple(first[4:].split(marks.field))
    code = Header(marks, fields, acknowledges=False).code
    return Header(marks, fields, code in _OF_ACKNOWLEDGEMENTS or _is_bare_answer(body, marks))


def _is_bare_answer(body: bytes, marks: Delimiters) -> bool:
    """Whether MSA follows the header and no result comes after it. A result is stored, whatever else its message holds."""
    if b"MSA" not in body:
        return False
    segments = [segment for segment in _ENDS.split(body) if segment.strip(_BLANK)]
    follows = len(segments) > 1 and segments[1].startswith(b"MSA" + marks.field.encode("latin-1"))
    return follows and not any(segment.startswith(_OF_RESULTS) for segment in segments)


def body_of(data: bytes) -> bytes:
    """The bytes without what may stand before a header: blanks, and the mark of UTF-8."""
    return data.lstrip(_BLANK).removeprefix(_UTF_8_MARK)


def has_header(data: bytes) -> bool:
    """Whether the bytes begin with a header, though it may be one that can't be used."""
    return body_of(data).startswith(b"MSH")


def acknowledgements(
    header: Header | None, outcome: Outcome, *, at: datetime, own_id: str, reason: str = ""
) -> tuple[bytes, ...]:
    """The messages that the sender is owed, in order; none where it wants none, or acknowledges something itself.

    Original mode: AA, AE or AR. Enhanced mode: CA, CE or CR as MSH-15 asks, then AA as MSH-16 asks; where nothing follows from MSH-15
    and it failed, AE or AR as MSH-16 asks, or whoever waits for that alone would wait for ever. A header that can't be used is
    answered in the standard's own marks, without an id: there is none to echo.

    Args:
        at: MSH-7 of the answer, with its offset.
        own_id: MSH-10 of the answer, at most 18 characters.
        reason: a code of ours, such as `unknown_sender`; never a text of the message.
    """
    if header is None:
        return (_written(_NO_HEADER, f"A{outcome.value}", at, own_id, reason),)
    if header.acknowledges:
        return ()
    if not header.is_enhanced:
        return (_written(header, f"A{outcome.value}", at, own_id, reason),)
    given = []
    if _wants(header.field(15), outcome):
        given.append(_written(header, f"C{outcome.value}", at, own_id, reason))
    if (outcome is Outcome.TAKEN or not given) and _wants(header.field(16), outcome):
        given.append(_written(header, f"A{outcome.value}", at, f"{own_id}-2", reason))
    return tuple(given)


def _wants(said: str, outcome: Outcome) -> bool:
    """Table 0155. What is no word of it is answered: a sender that waits in vain sends no more."""
    is_good = outcome is Outcome.TAKEN
    return {"": False, "NE": False, "SU": is_good, "ER": not is_good}.get(said.strip().upper(), True)


def _written(header: Header, code: str, at: datetime, own_id: str, reason: str) -> bytes:
    marks = header.marks
    event = header.component(9, 2)
    kind = [text for text in ("ACK", event) if text]
    if event and header.component(9, 3):
        kind.append("ACK")
    moment = at.strftime("%Y%m%d%H%M%S%z")
    fields = [
        "MSH", marks.stated, header.field(5), header.field(6), header.field(3), header.field(4), moment, "",
        marks.component.join(kind), own_id, header.field(11), header.field(12), "", "", "", "", "", header.field(18),
    ]  # fmt: skip
    msh = marks.field.join(fields).rstrip(marks.field)
    echoed = header.control_id if len(header.control_id) <= _LONGEST_ID else ""
    msa = marks.field.join(["MSA", code, echoed, reason]).rstrip(marks.field)
    return f"{msh}\r{msa}\r".encode("latin-1")


_NO_HEADER = Header(Delimiters(), (), acknowledges=False)

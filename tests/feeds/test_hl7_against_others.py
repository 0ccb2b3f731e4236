"""Our reader beside two others and a plain splitter, field by field, on every public message that each reads right.

Where they read wrong, it is said by name, and the plain splitter stays as the judge.
"""

from __future__ import annotations

import re

import hl7
from hl7apy.core import Segment as ApySegment
from hl7apy.parser import get_message_type, parse_segment

from cmvmon.feeds.hl7.message import Message, address_of
from cmvmon.feeds.hl7.parsing import parsed
from cmvmon.feeds.hl7.reader import RawMessage, Reader
from tests.feeds.hl7_texts import FILES, needs_public_messages, plainly_split


def raw_messages(data: bytes) -> list[RawMessage]:
    reader = Reader()
    reader.receive(data.removeprefix(b"\xef\xbb\xbf"))
    reader.end()
    return [one for one in reader.events() if isinstance(one, RawMessage)]


def text_of(raw: RawMessage) -> str:
    return "".join(line.data.decode() + "\r" for line in raw.lines)


def messages() -> list[tuple[str, str, Message]]:
    """Of each public message: where it is from, its text with CR, and what our reader makes of it."""
    found = []
    for path in FILES:
        for n, raw in enumerate(raw_messages(path.read_bytes()), 1):
            message = parsed(raw, encoding="utf-8")
            assert isinstance(message, Message), (path.name, n)
            found.append((f"{path.name[:2]}-{n}", text_of(raw), message))
    return found


@needs_public_messages
def test_every_public_message_is_read_and_no_line_of_it_is_lost() -> None:
    """76 messages in 16 files; a plain count of lines that begin with a name of a segment finds as many segments."""
    found = messages()
    assert len(found) == 76
    for path in FILES:
        lines = re.split(rb"[\r\n]+", path.read_bytes())
        names = [m[0] for line in lines if (m := re.match(rb"[A-Z][A-Z0-9]{2}(?=\W)", line.strip(b"\x0b\x1c")))]
        own = sum(name not in (b"FHS", b"BHS", b"BTS", b"FTS") for name in names)
        n = sum(m.counts.total() for name, _, m in found if name.startswith(path.name[:2] + "-"))
        assert n == own, path.name


@needs_public_messages
def test_the_plain_splitter_finds_the_same_fields() -> None:
    for name, text, message in messages():
        plain = plainly_split(text)
        assert [s.name for s in message.segments] == [one[0] for one in plain], name
        for segment, fields in zip(message.segments, plain, strict=True):
            assert [segment.as_it_stands(n) for n in range(1, segment.n_fields + 1)] == fields[1:], name


@needs_public_messages
def test_python_hl7_finds_the_same_parts_of_every_message_once_its_segments_end_with_cr() -> None:
    n = 0
    for name, text, message in messages():
        for ours, theirs in zip(message.segments, hl7.parse(text), strict=True):
            assert ours.name == str(theirs[0]), name
            for number in range(3 if ours.name == "MSH" else 1, ours.n_fields + 1):
                raw = ours.as_it_stands(number)
                assert raw == str(theirs(number)), (name, ours.name, number)
                if "\\" in raw or raw == '""':
                    continue  # it leaves escapes where they are, and so does not know an empty field
                tree = [[[str(p) for p in c] if isinstance(c, list) else [str(c)] for c in r] if isinstance(r, list) else [[str(r)]] for r in theirs(number)] if isinstance(theirs(number), list) else [[[raw]]]  # fmt: skip
                assert [[[*c] for c in r] for r in ours.tree(number)] == tree, (name, ours.name, number)
                n += 1
    assert n > 10_000


def test_python_hl7_reads_a_file_with_line_feeds_as_one_segment_and_ours_does_not() -> None:
    data = b"MSH|^~\\&|||||||ORU^R01\nPID|||P1\nOBX|1\n"
    assert len(hl7.parse(data.decode())) == 1
    (raw,) = raw_messages(data)
    assert len(raw.lines) == 3


@needs_public_messages
def test_hl7apy_finds_the_same_components_of_the_fields_that_results_are_read_from() -> None:
    """Segment by segment, by its own rules of version 2.5: it refuses whole messages of versions that it does not know."""
    wanted = {"PID": (3,), "OBR": (2, 3, 4, 7, 22, 25), "OBX": (2, 3, 6, 7, 8, 11, 14)}
    n = 0
    for name, text, message in messages():
        if not text.startswith("MSH|^~\\&|") or get_message_type(text) is None:
            continue  # it knows no other marks where it reads a segment alone
        for segment in message.segments:
            if segment.name not in wanted:
                continue
            theirs = parse_segment(segment.name + segment.text, version="2.5")
            assert isinstance(theirs, ApySegment)
            for number in wanted[segment.name]:
                raw = segment.as_it_stands(number)
                if "\\" in raw or raw.strip() in ("", '""'):
                    continue
                field = getattr(theirs, f"{segment.name.lower()}_{number}")
                raw = "~".join(one.to_er7() for one in field)
                address = address_of(f"{segment.name}-{number}")
                assert address is not None
                ours = segment.at(address)
                assert isinstance(ours, str)
                assert ours == _without_empty_ends(raw), (name, segment.name, number)
                n += 1
    assert n > 1_000


def _without_empty_ends(er7: str) -> str:
    return "~".join(re.sub(r"&+(?=\^|$)", "", one).rstrip("^") for one in er7.split("~"))

"""Frames out of bytes: in any chunks the same, whatever stands between them, and never more held than the limits allow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.mllp import Event, Frame, Framer, Limits, Skipped, TooLong, Unfinished, framed

SMALL = Limits(frame_bytes=24, kept_bytes=6)


def events(chunks: Iterable[bytes], limits: Limits = Limits()) -> list[Event]:  # noqa: B008 - it is immutable
    framer = Framer(limits)
    found: list[Event] = []
    for chunk in chunks:
        framer.receive(chunk)
        found += framer.events()
    framer.end()
    return found + framer.events()


def test_several_frames_of_one_write_come_in_order() -> None:
    assert events([b"".join(framed(b"MSH|%d" % n) for n in range(50))]) == [Frame(b"MSH|%d" % n) for n in range(50)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0\0\r\n\x0bMSH|1\x1c\r\0\0", [Frame(b"MSH|1")]),
        (b"noise\x0bMSH|1\x1c\r", [Skipped(5, b"noise"), Frame(b"MSH|1")]),
        (b"MSH|0\x1c\r\x0bMSH|1\x1c\r", [Skipped(7, b"MSH|0\x1c\r"), Frame(b"MSH|1")]),
        (b"\x0bMSH|0\r\x0bMSH|1\x1c\r", [Unfinished(6, b"MSH|0\r"), Frame(b"MSH|1")]),
        (b"\x0bMSH|0\x1c\x0bMSH|1\x1c\r", [Frame(b"MSH|0"), Frame(b"MSH|1")]),
        (b"\x0bMSH|0\x1c\n\x0bMSH|1\x1c\n", [Frame(b"MSH|0"), Frame(b"MSH|1")]),
        (b"\x0bMSH|0\x1c\n", [Frame(b"MSH|0")]),
        (b"\x0bMSH|0\x1c", [Frame(b"MSH|0")]),
        (b"\x0bMSH|a\x1cb\x0bc\x1c\r", [Frame(b"MSH|a\x1cb\x0bc")]),
        (b"\x0bMSH|0", [Unfinished(5, b"MSH|0")]),
        (b"GET / HTTP/1.1\r\n\r\n", [Skipped(18, b"GET / HTTP/1.1\r\n\r\n", is_of_others=True)]),
        (b"\x16\x03\x01\x02\x00\x01", [Skipped(6, b"\x16\x03\x01\x02\x00\x01", is_of_others=True)]),
        (b"\x0b\x1c\r", [Frame(b"")]),
        (b"", []),
    ],
)  # fmt: skip
def test_what_stands_around_frames_is_told_and_the_next_frame_is_read(data: bytes, expected: list[Event]) -> None:
    assert events([data]) == expected
    assert events([data[at : at + 1] for at in range(len(data))]) == expected


def test_a_frame_up_to_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    for size, expected in ((24, Frame(b"x" * 24)), (25, TooLong(24, b"xxxxxx"))):
        data = framed(b"x" * size)
        assert events([data], SMALL) == [expected]
        assert events([data[at : at + 1] for at in range(len(data))], SMALL) == [expected]


def test_of_a_frame_without_an_end_no_more_is_held_than_the_limit() -> None:
    framer = Framer(Limits(frame_bytes=100_000))
    framer.receive(b"\x0bMSH|")
    for _ in range(1000):
        framer.receive(b"x" * 65_536)
        assert len(framer._held) < 200_000
    (found,) = framer.events()
    assert isinstance(found, TooLong)
    framer.receive(framed(b"MSH|1"))
    framer.end()
    assert framer.events() == []


def test_of_junk_without_an_end_no_more_is_held_than_is_kept() -> None:
    framer = Framer()
    for _ in range(100):
        framer.receive(b"x" * 65_536)
        assert len(framer._held) + len(framer._skipped) < 10_000
    assert framer.n_outside == 6_553_600
    framer.receive(framed(b"MSH|1"))
    assert framer.events() == [Skipped(6_553_600, b"x" * 4096), Frame(b"MSH|1")]


PIECES = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"MSH", b"\x0bMSH|", b"x", b"\0", b"\n", b"GET ", b"\x0bMS", b"y" * 9]
)


@given(st.lists(PIECES, max_size=40).map(b"".join), st.data())
def test_any_chunks_give_the_same_events(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    chunks = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
    assert events(chunks, SMALL) == events([data], SMALL)


@given(
    st.lists(st.binary(max_size=24).filter(lambda d: b"\x1c" not in d and b"\x0bMSH" not in d)),
    st.sampled_from([b"", b"\0", b"\r\n"]),
)
def test_what_was_framed_is_read_again(messages: list[bytes], between: bytes) -> None:
    assert events([between.join(map(framed, messages))], SMALL) == [Frame(one) for one in messages]

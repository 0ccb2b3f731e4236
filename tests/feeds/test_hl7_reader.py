"""Bytes in, messages out: in any chunks, with any ends of lines, framed or not, and never more at one time than the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.hl7.charsets import codec_of
from cmvmon.feeds.hl7.delimiters import Delimiters, delimiters_of
from cmvmon.feeds.hl7.escapes import escaped, unescaped
from cmvmon.feeds.hl7.message import Address, Message, Segment, Several, Tree, address_of, written
from cmvmon.feeds.hl7.parsing import Unread, parsed
from cmvmon.feeds.hl7.reader import Event, Limits, Line, OfBatch, RawMessage, Reader, Stray, TooLong
from tests.feeds.hl7_texts import file_of, message, order

TWO = file_of(message(*order()), message(*order(number="F2")))


def events(data: bytes, *, sizes: list[int] | None = None, limits: Limits = Limits()) -> list[Event]:  # noqa: B008
    """Whole, or in chunks of these sizes, over and over."""
    reader = Reader(limits)
    found: list[Event] = []
    at, number = 0, 0
    while at < len(data):
        size = len(data) if not sizes else sizes[number % len(sizes)]
        reader.receive(data[at : at + size])
        found += reader.events()
        at, number = at + size, number + 1
    reader.end()
    return found + reader.events()


def texts(data: bytes) -> list[list[bytes]]:
    return [[line.data for line in one.lines] for one in events(data) if isinstance(one, RawMessage)]


def one_message(data: bytes, encoding: str = "utf-8") -> Message | Unread:
    (raw,) = events(data)
    assert isinstance(raw, RawMessage)
    return parsed(raw, encoding=encoding)


def whole(data: bytes) -> Message:
    found = one_message(data)
    assert isinstance(found, Message)
    return found


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.sampled_from(["\r", "\n", "\r\n", "\r\r", "\n\r\n"]))
def test_whatever_the_chunks_and_the_ends_of_lines_the_messages_are_the_same(sizes: list[int], end: str) -> None:
    data = file_of(message(*order()), message(*order(number="F2")), end=end)
    assert events(data, sizes=sizes) == events(data)
    assert texts(data) == texts(TWO)


def test_ends_of_lines_may_be_mixed_within_one_message() -> None:
    first, second, third = message(*order())[:3]
    assert texts(f"{first}\n{second}\r\n{third}\r".encode()) == [[first.encode(), second.encode(), third.encode()]]


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b" + TWO + b"\x1c\r",
        b"\x0b" + TWO.replace(b"\rMSH", b"\r\x1c\r\x0bMSH") + b"\x1c\r",
        b"\x0b" + TWO.replace(b"\rMSH", b"\x1c\r\x0bMSH")[:-1] + b"\x1c\r",  # without CR before the end of the frame
        b"\x0b" + TWO.replace(b"\rMSH", b"\r\x1c\x0bMSH") + b"\x1c",
    ],
)
def test_frames_are_taken_off(data: bytes) -> None:
    assert texts(data) == texts(TWO)
    assert [one.is_whole for one in events(data) if isinstance(one, RawMessage)][-1]
    assert events(data, sizes=[1]) == events(data)


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (TWO, [True, True]),
        (TWO[:-1], [True, False]),
        (b"\x0b" + TWO, [False, False]),  # neither frame has its end
        (b"\x0b" + TWO + b"\x1c\r", [False, True]),
    ],
)
def test_a_message_is_whole_when_its_end_was_seen(data: bytes, is_whole: list[bool]) -> None:
    framed_second = data.replace(b"\rMSH", b"\r\x0bMSH") if data.startswith(b"\x0b") else data
    assert [one.is_whole for one in events(framed_second) if isinstance(one, RawMessage)] == is_whole


def test_what_belongs_to_no_message_is_told_and_batches_are() -> None:
    data = b"x\ry\rFHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&\rBTS|1\rFTS|1\rz\r"
    assert events(data) == [
        Stray(1, 2),
        OfBatch(Line(3, b"FHS|^~\\&")),
        OfBatch(Line(4, b"BHS|^~\\&")),
        RawMessage((Line(5, b"MSH|^~\\&"),), True),
        OfBatch(Line(6, b"BTS|1")),
        OfBatch(Line(7, b"FTS|1")),
        Stray(8, 1),
    ]


def test_a_message_over_a_limit_is_told_with_the_limit_and_the_next_one_is_read() -> None:
    long = file_of(message("OBX|1|FT|||" + "A" * 500), message(*order()))
    first, second = events(long, limits=Limits(message_bytes=400))
    assert (first, isinstance(second, RawMessage)) == (TooLong(1, "400 bytes"), True)
    assert events(long, sizes=[7], limits=Limits(message_bytes=400))[0] == TooLong(1, "400 bytes")
    many = file_of(message(*["NTE|1||x"] * 20), message("NTE|1"))
    first, second = events(many, limits=Limits(segments=10))
    assert (first, isinstance(second, RawMessage)) == (TooLong(1, "10 segments"), True)


def test_of_a_line_that_never_ends_no_more_is_held_than_the_limit() -> None:
    reader = Reader(Limits(message_bytes=1000))
    reader.receive(b"MSH|^~\\&|")
    for _ in range(1000):
        reader.receive(b"A" * 100)
    assert len(reader._rest) <= 1100
    reader.receive(b"\r")
    assert reader.events() == [TooLong(1, "1000 bytes")]


# --- text

_MARKS = st.permutations(list("|^~\\&$%#@!;:_")).map(lambda m: Delimiters(m[0], m[1], m[2], m[3], m[4]))
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(lambda t: t != '""')


def _by_the_tree(segment: Segment, address: Address) -> tuple[str, ...]:
    """The texts at an address, out of the field taken wholly apart."""
    found = segment.tree(address.field)
    part = [["&".join(component) for component in repetition] for repetition in found]
    whole_ones = ["^".join(one).rstrip("^") for one in part]
    if not (address.repetition or address.by or address.component):
        return ("~".join(whole_ones),)
    chosen = [
        n
        for n, one in enumerate(part)
        if address.repetition in (0, n + 1) and (not address.by or [*one, *[""] * 9][address.by - 1] == address.value)
    ]
    texts = list[str]()
    for n in chosen:
        components = [*found[n], *[("",)] * 9]
        if not address.component:
            texts.append(whole_ones[n])
        elif not address.subcomponent:
            texts.append("&".join(components[address.component - 1]))
        else:
            texts.append([*components[address.component - 1], *[""] * 9][address.subcomponent - 1])
    return tuple(dict.fromkeys(text for text in texts if text))


@given(
    st.sampled_from(["MSH", "PID", "OBX"]),
    st.lists(st.text('ab^~&\\"SX41', max_size=12), min_size=1, max_size=4),
    st.builds(
        Address,
        st.just(""),
        st.integers(1, 4),
        by=st.just(0),
        value=st.just(""),
        repetition=st.integers(0, 3),
        component=st.integers(0, 4),
        subcomponent=st.integers(0, 3),
    ),
    st.sampled_from([(0, ""), (0, ""), (1, "a"), (2, "b"), (3, "")]),
    st.sampled_from(["^~\\&", "^~\\", "^~", "^", "&^~", "~\\&^#"]),
)
def test_a_text_at_an_address_is_that_of_its_field_taken_apart_whatever_marks_the_field_holds(
    name: str, fields: list[str], address: Address, chosen_by: tuple[int, str], stated: str
) -> None:
    """Most fields hold no mark but that of a component, and are read without taking the rest apart."""
    if chosen_by[0]:
        address = address._replace(by=chosen_by[0], value=chosen_by[1], repetition=0)
    if not address.component:
        address = address._replace(subcomponent=0)
    marks = delimiters_of(f"MSH|{stated}|")
    assert marks is not None
    segment = Segment(name, "|" + "|".join(fields), marks)
    found = segment.at(address._replace(segment=name))
    assert (found.texts if isinstance(found, Several) else (found,) if found else ()) == tuple(
        text for text in _by_the_tree(segment, address) if text
    )


_FIELD: st.SearchStrategy[Tree] = st.lists(
    st.lists(st.lists(_TEXT, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    min_size=1,
    max_size=3,
).map(tuple)
_SEGMENTS = st.lists(
    st.tuples(st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True), st.lists(_FIELD, min_size=1, max_size=4)), max_size=4
).filter(lambda those: not any(name in ("MSH", "FHS", "BHS", "BTS", "FTS") for name, _ in those))
_KIND: list[Tree] = [((("",),),)] * 6 + [((("ORU",), ("R01",)),)]


@given(_SEGMENTS, _MARKS)
def test_what_is_written_with_any_marks_is_read_as_it_was(
    segments: list[tuple[str, list[Tree]]], marks: Delimiters
) -> None:
    told = [("MSH", _KIND), *segments]
    found = whole(written(told, marks).encode())
    read = [(s.name, [s.tree(n) for n in range(3 if s.name == "MSH" else 1, s.n_fields + 1)]) for s in found.segments]
    assert read == told
    assert found.header.marks == marks
    assert found.counts.total() == len(told)


@given(st.text(max_size=30), _MARKS)
def test_text_survives_its_escapes_and_no_text_makes_reading_them_fail(text: str, marks: Delimiters) -> None:
    assert unescaped(escaped(text, marks), marks, "utf-8") == text or "\0" in text
    unescaped(text, marks, "ascii")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two\X0D0A\three", "one\ntwo\r\nthree"),
        (r"\X4\ \Xzz\ \XFF\ \X00\ ", r"\X4\ \Xzz\ \XFF\ \X00\ "),  # no bytes, no UTF-8, no text
        (r"\H\bold\N\ \.sp2\ \Zab\ \C2842\ ", r"\H\bold\N\ \.sp2\ \Zab\ \C2842\ "),
        (r"not ended \F", r"not ended \F"),
        (r"C:\temp\F\x", r"C:\temp|x"),
        (r"<\S\137", "<^137"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
    ],
)
def test_an_escape_is_what_it_stands_for_and_anything_else_stays_as_it_is(raw: str, text: str) -> None:
    assert unescaped(raw, Delimiters(), "utf-8") == text


def test_escaped_bytes_are_text_of_the_messages_character_set() -> None:
    assert unescaped(r"M\XFC\ller", Delimiters(), "iso-8859-1") == "Müller"


def test_without_an_escape_mark_nothing_is_escaped_and_no_mark_can_be_written() -> None:
    bare = Delimiters("|", "^", "", "", "")
    assert unescaped(r"a\F\b", bare, "utf-8") == r"a\F\b"
    with pytest.raises(ValueError, match="none to escape it"):
        escaped("a|b", bare)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("MSH|^~\\&|A", Delimiters()),
        ("MSH$%~\\&$A", Delimiters("$", "%")),
        ("MSH|^_\\&|A", Delimiters(repetition="_")),  # seen of a Dutch sender
        ("MSH|^~\\&#|A", Delimiters(truncation="#")),
        ("MSH|^|A", Delimiters("|", "^", "", "", "")),
        ("MSH|^˜\\&|A", Delimiters(repetition="˜")),  # seen of a French one
        ("MSH||A", None),
        ("MSH|^^\\&|A", None),
        ("MSH|^~\\|A", Delimiters(subcomponent="")),
        ("MSH|^~\\&#%|A", None),
        ("MSHA^~\\&AB", None),
        ("MSH ^~\\& ", None),
        ("MSH", None),
    ],
)
def test_the_marks_are_those_of_the_header_or_it_can_not_be_used(header: str, found: Delimiters | None) -> None:
    assert delimiters_of(header) == found


def test_a_field_is_found_by_its_address() -> None:
    segment = Segment("PID", '|1||A^^^H&1.2&ISO^MR~B^^^N^NI~A^^^X^PI||""|', Delimiters())
    at = {
        "PID-1": "1",
        "PID-3": "A^^^H&1.2&ISO^MR~B^^^N^NI~A^^^X^PI",
        "PID-3[1].4.2": "1.2",
        "PID-3[1].4": "H&1.2&ISO",
        "PID-3[2].1": "B",
        "PID-3[2]": "B^^^N^NI",
        "PID-3[5=NI].1": "B",
        "PID-3[5=ZZ].1": "",
        "PID-3[9].1": "",
        "PID-3.1": Several(("A", "B")),
        "PID-3.5": Several(("MR", "NI", "PI")),
        "PID-3.4.3": "ISO",
        "PID-3.9": "",
        "PID-3.4.9": "",
        "PID-5": "",
        "PID-77": "",
    }
    for text, found in at.items():
        address = address_of(text)
        assert address is not None
        assert segment.at(address) == found, text
    assert [
        address_of(text) for text in ("PID", "pid-3", "PID-0", "PID-3.0", "PID-3[0].1", "PID-3[MR].1", "Uitslag")
    ] == [None] * 7


@pytest.mark.parametrize(
    ("msh_18", "codec"),
    [("", ""), ("UNICODE UTF-8", "utf-8"), ("unicode  utf-8", "utf-8"), ("8859/1", "iso-8859-1"), ("8859/15", "iso-8859-15"),
     ("ASCII", "ascii"), ("ASCII~ISO IR87", "ascii"), ("~8859/1", None), ("UNICODE UTF-16", None), ("ISO IR14", None)],
)  # fmt: skip
def test_a_character_set_is_one_that_is_known(msh_18: str, codec: str | None) -> None:
    assert codec_of(msh_18) == codec


@pytest.mark.parametrize(
    ("name", "declared", "sent", "found"),
    [
        ("Müller", "", "utf-8", None),
        ("Çelik", "8859/1", "latin-1", None),
        ("ß", "UNICODE UTF-8", "utf-8", None),
        ("Müller", "UNICODE UTF-8", "latin-1", "wrong_encoding"),
        ("Müller", "ASCII", "utf-8", "wrong_encoding"),
        ("Müller", "", "latin-1", "wrong_encoding"),
        ("x", "ISO IR87", "utf-8", "unknown_charset"),
    ],
)
def test_bytes_are_what_the_message_says_or_it_is_not_read(
    name: str, declared: str, sent: str, found: str | None
) -> None:
    text = f"MSH|^~\\&|||||||ORU^R01||P|2.5||||||{declared}\rPID|||1||{name}\r"
    read = one_message(text.encode(sent))
    if found is None:
        assert isinstance(read, Message)
        assert read.text("PID-5") == name
        assert read.text("MSH-18") == declared
    else:
        assert isinstance(read, Unread)
        assert (read.code, name in repr(read.code)) == (found, False)


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"a text", "malformed_segment"), (b"OBXX|1", "malformed_segment"), (b"obx|1", "malformed_segment"),
     (b"OBX^1", "malformed_segment"), (b"NTE|1||a\0b", "malformed_segment"), (b"OB", "malformed_segment"), (b"\xff\xfe|", "wrong_encoding")],
)  # fmt: skip
def test_a_line_that_is_no_segment_keeps_the_message_from_being_read_and_names_its_line(line: bytes, code: str) -> None:
    data = b"MSH|^~\\&|||||||ORU^R01\rPID|||P1\r" + line + b"\rOBR|1\r"
    found = one_message(data)
    assert isinstance(found, Unread)
    assert (found.code, found.line, found.patient is not None) == (code, 3, True)


def test_a_header_that_is_no_text_names_no_marks_and_no_patient() -> None:
    found = one_message(b"MSH|^~\\&|M\xfcller||||||ORU^R01\rPID|^~\\&|P1\r")
    assert found == Unread("wrong_encoding", 1)


def test_a_nul_in_a_header_is_told() -> None:
    found = one_message(b"MSH|^~\\&|\0|||||ORU^R01\rPID|||P1\r")
    assert isinstance(found, Unread)
    assert (found.code, found.line) == ("malformed_segment", 1)


def test_the_marks_of_a_header_are_its_first_fields_and_what_is_no_address_is_told() -> None:
    found = whole(file_of(message("NTE|1||x"), end="\r \r"))
    assert [found.text(f"MSH-{n}") for n in (1, 2, 3)] == ["|", "^~\\&", "LIS"]
    assert found.header.tree(2) == ((("^~\\&",),),)
    with pytest.raises(ValueError, match="no address"):
        found.text("Patientnummer")


def test_segments_that_nobody_knows_are_kept_and_counted() -> None:
    found = whole(file_of(message("ZDS|1.2.3", "OBR|1", "ZDS|x", "ARV||A", "OBX")))
    assert found.counts == {"MSH": 1, "PID": 1, "ZDS": 2, "OBR": 1, "ARV": 1, "OBX": 1}
    assert found.text("ZDS-1") == "1.2.3"

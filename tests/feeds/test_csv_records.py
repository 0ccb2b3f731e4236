"""A file as a whole: what can't be read is refused with line and offset, and no cell is ever shown."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.csv_records import check_header, read_records
from cmvmon.feeds.reasons import remedy
from cmvmon.feeds.records import Records

REFUSED = [
    (b"", "empty_file", "0 bytes"),
    (codecs.BOM_UTF8, "empty_file", "0 bytes"),
    (b" \r\n ", "empty_file", "4 bytes"),
    (b",,,\n,,\n", "empty_file", "no line with text"),
    (b"a,b\nSECRET,\xe9\n", "wrong_encoding", "line 2, byte offset 11 is no utf-8"),
    ("a,b\nSECRET,1\n".encode("utf-16"), "wrong_encoding", "byte order mark of utf-16"),
    ("a,b\nSECRET,1\n".encode("utf-16-le"), "nul_bytes", "line 1, byte offset 1"),
    (b"a,b\nSECRET\0,1\n", "nul_bytes", "line 2, byte offset 10"),
    (b'a,b\n"SECRET,1\n', "malformed_csv", "line 2"),
    (b'a,b\n"SECRET"x,1\n', "malformed_csv", "line 2"),
    (b'"a";"b"\n"SECRET";"1"\n', "wrong_separator", "seem to be by semicolon"),
    (b"a,b\n" + b"SECRET" * 30_000 + b",1\n", "malformed_csv", "line 2"),
]


@pytest.mark.parametrize(("data", "code", "place"), REFUSED)
def test_an_unreadable_file_is_refused_with_its_place_and_without_its_content(
    data: bytes, code: str, place: str
) -> None:
    with pytest.raises(DeliveryError) as caught:
        read_records(data, encoding="utf-8", separator=",")
    assert caught.value.code == code
    assert place in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None or "SECRET" not in str(caught.value.__cause__)


def test_a_byte_order_mark_of_utf8_is_refused_where_another_encoding_was_declared() -> None:
    with pytest.raises(DeliveryError, match="byte order mark of utf-8, not cp1252"):
        read_records(codecs.BOM_UTF8 + b"a,b\n", encoding="cp1252", separator=",")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind_give_the_same_records_and_lines(line_end: str) -> None:
    data = line_end.join(["", "a , b", "1, 2 ", "", '"3,', '3",4', " , ", "5,6"]).encode()
    read = read_records(data, encoding="utf-8", separator=",", cells_span_lines=True)
    assert read.header == ("a", "b")
    assert [(r.number, r.line, r.cells[1]) for r in read.records] == [(1, 3, " 2 "), (2, 5, "4"), (3, 8, "6")]


SPANNING = [
    ("note of two lines", b'a,b,note\n1,2,"first\nsecond"\n', True, True),
    ("the same, undeclared", b'a,b,note\n1,2,"first\nsecond"\n', False, False),
    ("a stray mark swallows a record", b'a,b,note\n1,2,"stray\n3,4,x\n5,6,y"\n7,8,z\n', True, False),
    ("the same, undeclared", b'a,b,note\n1,2,"stray\n3,4,x\n5,6,y"\n7,8,z\n', False, False),
    ("one that is never closed", b'a,b,note\n1,2,"stray\n3,4,x\n', True, False),
    ("in a table of one column", b'a\n"1\n2"\n', True, True),
    ("an empty line in a note", b'a,b,note\n1,2,"first\n\nthird"\n', True, True),
    ("a mark within a note", b'a,b,note\n1,2,5" tube\n3,4,x\n', False, True),
]


@pytest.mark.parametrize(("what", "data", "is_declared", "is_read"), SPANNING)
def test_a_quoted_cell_spans_lines_only_where_that_is_declared_and_never_over_a_record(
    what: str, data: bytes, is_declared: bool, is_read: bool
) -> None:
    def read() -> Records:
        return read_records(data, encoding="utf-8", separator=",", cells_span_lines=is_declared)

    if is_read:
        assert read().records, what
        return
    with pytest.raises(DeliveryError, match=r"line [23]") as caught:
        read()
    assert caught.value.code == "malformed_csv", what


ABOVE = [
    (b"sep=;\na;b\n1;2\n", 0, [(3, "1")]),
    (b'"sep=;"\r\na;b\r\n1;2\r\n', 0, [(3, "1")]),
    (b"SEP=;\nTitle\na;b\n1;2\n", 1, [(4, "1")]),
    (b"Title; of a file\nMade on;today;by;us\na;b\n1;2\n", 2, [(4, "1")]),
    (b"sep=,\na;b\n1;2\n", 0, "line 1 says that fields are separated by comma, not by semicolon"),
    (b"sep=~\na;b\n1;2\n", 0, "separated by another mark"),
]


@pytest.mark.parametrize(("data", "above", "want"), ABOVE)
def test_a_line_above_the_header_is_declared_or_says_the_separator(
    data: bytes, above: int, want: list[tuple[int, str]] | str
) -> None:
    if isinstance(want, str):
        with pytest.raises(DeliveryError, match=want):
            read_records(data, encoding="utf-8", separator=";", lines_above_header=above)
        return
    read = read_records(data, encoding="utf-8", separator=";", lines_above_header=above)
    assert read.header == ("a", "b")
    assert [(r.line, r.cells[0]) for r in read.records] == want


def test_a_header_below_undeclared_lines_is_found_and_named() -> None:
    read = read_records(b"SECRET title\nmade today\na;b;c;d\n1;2;3;4\n", encoding="utf-8", separator=";")
    with pytest.raises(DeliveryError, match="the header seems to stand on line 3") as caught:
        check_header(read, expected=("a", "b", "c", "d"), separator=";")
    assert caught.value.code == "lines_above_header"
    assert "SECRET" not in str(caught.value)


def test_a_record_is_kept_to_the_letter_and_a_repeated_header_or_a_cell_without_one_by_its_place() -> None:
    read = read_records(b"b,a,a\n1 ,\xc3\xa9,3,4\n", encoding="utf-8", separator=",")
    assert read.delivered_text(read.records[0]) == '{"#4": "4", "a": "é", "a#3": "3", "b": "1 "}'


HEADERS = [
    ("a,b,c,d", "", None, ""),
    ("d,c,x,b,a", "", None, ""),
    ("a,b,c", "missing_column", "lacks d", ""),
    ("a,b,x", "missing_column", "lacks c, d; in the header and not known here: x", ""),
    ("a;b;c;d", "wrong_separator", "seem to be by semicolon", ""),
    ("a\tb\tc", "wrong_separator", "seem to be by tab", ""),
    ("SECRET,1,2,a", "wrong_feed", "1 of 4 expected columns", "SECRET"),
    ("SECRET;1;2;3", "wrong_feed", "0 of 4 expected columns", "SECRET"),
    ("a,b,c,d,a", "wrong_feed", "a more than once", ""),
    ("a,b,c,d,x,x", "", None, ""),
]


@pytest.mark.parametrize(("header", "code", "words", "unseen"), HEADERS)
def test_a_header_is_whole_or_says_what_it_lacks(header: str, code: str, words: str | None, unseen: str) -> None:
    found = read_records(header.encode() + b"\n", encoding="utf-8", separator=",")
    if not code:
        check_header(found, expected="abcd", separator=",")
        return
    with pytest.raises(DeliveryError) as caught:
        check_header(found, expected="abcd", separator=",")
    assert caught.value.code == code
    assert words is not None
    assert words in str(caught.value)
    assert not unseen or unseen not in str(caught.value)


@given(data=st.binary(max_size=200), encoding=st.sampled_from(["utf-8", "cp1252", "iso-8859-1", "ascii"]))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_records_or_a_refusal(data: bytes, encoding: str) -> None:
    try:
        read = read_records(data, encoding=encoding, separator=";")
    except DeliveryError as error:
        assert remedy(error.code)  # noqa: PT017 - either outcome is right
    else:
        assert [record.number for record in read.records] == list(range(1, len(read.records) + 1))

"""What a number format of Excel shows is held against what is stored: where the two differ, the record is set apart."""

from __future__ import annotations

import pytest

from cmvmon.feeds.excel_numbers import SAYS_MORE, Unreadable, kind_of_format, written

SHOWN = {  # a format, and what is read of 5, -5 and 0; None = set apart
    "General": ("5", "-5", "0"),
    "@": ("5", "-5", "0"),
    "0": ("5", "-5", "0"),
    "#,##0.00": ("5", "-5", "0"),
    "+0;-0": ("5", "-5", "0"),
    "0;-0;0;@": ("5", "-5", "0"),
    "0_);(0)": ("5", "-5", "0"),
    "0_);\\(0\\)": ("5", "-5", "0"),
    '0;"-"0': ("5", "-5", "0"),
    "0.00;[Red]-0.00": ("5", "-5", "0"),
    '0" "': ("5", "-5", "0"),
    "0.0E+0": ("5", "-5", "0"),
    "# ?/?": ("5", "-5", "0"),
    "0;0": ("5", None, None),  # shows -5 as 5
    "0.00;[Red]0.00": ("5", None, None),
    "0;": ("5", None, None),
    "0;-0;;@": ("5", None, None),  # shows no zero
    '0;-0;"-"': ("5", None, None),
    '"-"0': (None, None, None),  # shows 5 as -5
    "\\-0": (None, None, None),
    "-0": (None, None, None),
    "(0)": (None, None, None),
    "*-0": (None, None, None),
    '0"."0': (None, None, None),  # shows 50 as 5.0
    "0,": (None, None, None),  # shows thousands
    "0.0,,": (None, None, None),
    "000-00-0000": (None, None, None),
    ";;;": (None, None, None),
    "0;0;0;0;0": (None, None, None),
    '"-"': (None, None, None),
}


def read(stored: str, code: str) -> str | None:
    try:
        return written(stored, kind_of_format(164, code), is_1904=False)
    except Unreadable as error:
        return None if error.code == SAYS_MORE else error.code


@pytest.mark.parametrize("code", SHOWN)
def test_a_number_is_read_only_where_its_format_shows_it_as_it_is(code: str) -> None:
    assert tuple(read(stored, code) for stored in ("5", "-5", "0")) == SHOWN[code]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("[h]:mm", "time"), ("[h]", "time"), ("yyyy\\-mm\\-dd", "date"), ('dd"-"mm"-"yyyy', "date"), ("mm:ss.0", "time")],
)
def test_a_format_of_a_moment_is_one_of_a_moment(code: str, kind: str) -> None:
    assert kind_of_format(164, code) == kind

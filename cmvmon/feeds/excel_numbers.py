"""A number of an Excel cell as text: what is stored there, and never what a format makes of it where that says more.

Rules of this file:
- Excel keeps fifteen digits. A whole number of more has lost some, and is none; a fraction is rounded to fifteen, as Excel shows it.
- A date is a number with a format that shows a date or a time. It is written as ISO 8601: a date alone as a date.
- A format that shows words or signs of its own (`"<"0`, `"-"0`), or the number divided (`0,`), says something that the number does
  not: the cell is none. One that hides the sign of what is below zero (`0;0`) or shows zero as another says so of these alone.
- A format of zeros alone (`00000000`) says how many digits an id has: it is written with them, as it is shown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

from cmvmon.feeds.json_numbers import Number

_DIGITS = 15
_BUILT_IN_DATES = frozenset({14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 34, 35, 36, 50, 51, 52, 53, 54, 55, 56, 57, 58})
_BUILT_IN_TIMES = frozenset({18, 19, 20, 21, 32, 33, 45, 46, 47})
_OF_1900, _OF_1904 = datetime(1899, 12, 30, tzinfo=UTC), datetime(1904, 1, 1, tzinfo=UTC)
_LAST_SERIAL = 2_958_465  # 9999-12-31
_COLOURS = "Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color ?[0-9]+"
_QUIET = re.compile(
    rf'"[\s/.,:TZ-]*"|\\[\s/.,:TZ()-]|_.|\*.|\[(?:\$-[0-9A-F]+|{_COLOURS})\]', re.IGNORECASE
)  # what a date's format shows of its own and says nothing by
_BLANK = re.compile(
    rf'"\s*"|\\\s|_.|\*\s|\[(?:\$-[0-9A-F]+|{_COLOURS})\]', re.IGNORECASE
)  # and a number's: white space
_SIGN = re.compile(r'"([-()])"|\\([-()])')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_STORED = re.compile(r"[+-]?[0-9]{1,320}(?:\.[0-9]{1,320})?(?:[eE][+-]?[0-9]{1,4})?")
_AMOUNT = r"\s*(?:General|(?=[.,]*[0#?])(?:[0#?.\s/]|,(?=[0#?])|E[+-](?=[0#?]))+)\s*"
_ABOVE_ZERO = re.compile(rf"\s*\+?{_AMOUNT}", re.IGNORECASE)
_BELOW_ZERO = re.compile(rf"\s*(?:-{_AMOUNT}|\({_AMOUNT}\)|{_AMOUNT}-)\s*", re.IGNORECASE)
_ZERO = re.compile(_AMOUNT, re.IGNORECASE)
_DATE = re.compile(r"(?:AM/PM|A/P|[ymdhs0.,:/;@\s-])*", re.IGNORECASE)
NO_NUMBER, TOO_LONG, SAYS_MORE = "no_cell", "too_many_digits", "format_says_more"


class Unreadable(Exception):
    """A cell that is no text, number or moment; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of_format(number: int, code: str) -> str:
    """What a number format shows: `number`, `date`, `time`, `zeros <n>`, `above zero` where it shows only what is above zero as it is,
    or `more` where it shows words or signs of its own.

    >>> kind_of_format(0, ""), kind_of_format(14, ""), kind_of_format(164, "dd\\\\-mm\\\\-yyyy hh:mm"), kind_of_format(165, '"<"0')
    ('number', 'date', 'date', 'more')
    """
    if not code:
        return "date" if number in _BUILT_IN_DATES else "time" if number in _BUILT_IN_TIMES else _built_in(number)
    if re.fullmatch("0{2,20}", code):
        return f"zeros {len(code)}"
    of_number = _of_number(code)
    if of_number is not None:
        return of_number
    bare = _QUIET.sub("", _ELAPSED.sub(r"\1", code))
    if _DATE.fullmatch(bare) and re.search("[ymdhs]", bare, re.IGNORECASE):
        return "date" if re.search("[yd]", bare, re.IGNORECASE) else "time"
    return "more"


def _of_number(code: str) -> str | None:
    """`number` or `above zero` for the format of a number, by its sections (above zero; below; zero; text); None for another."""
    if code == "@":
        return "number"
    bare = _SIGN.sub(lambda sign: sign[1] or sign[2], _BLANK.sub("", code))
    above, *others = bare.split(";")
    if '"' in bare or "\\" in bare or len(others) > 3 or not _ABOVE_ZERO.fullmatch(above):
        return None
    is_as_shown = all(kind.fullmatch(section) for kind, section in zip((_BELOW_ZERO, _ZERO), others, strict=False))
    return "number" if is_as_shown else "above zero"


def _built_in(number: int) -> str:
    return "more" if number in (5, 6, 7, 8, 9, 10, 41, 42, 43, 44) else "number"  # percent and money


def written(stored: str, kind: str, *, is_1904: bool) -> str:
    """The text of a stored number under that kind of format. Raises Unreadable."""
    if not _STORED.fullmatch(stored):
        raise Unreadable(NO_NUMBER)
    number = Decimal(stored)
    if number.adjusted() > 300 or number.adjusted() < -300:
        raise Unreadable(NO_NUMBER)
    if kind == "more" or (kind == "above zero" and number <= 0):
        raise Unreadable(SAYS_MORE)
    if kind in ("date", "time"):
        return _moment(number, kind, is_1904=is_1904)
    plain = _plain(number)
    if kind.startswith("zeros "):
        if number < 0 or "." in plain:
            raise Unreadable(SAYS_MORE)
        return plain.zfill(int(kind.removeprefix("zeros ")))
    return Number(plain)


def _plain(number: Decimal) -> str:
    """The number in full, with at most fifteen digits that count."""
    with localcontext() as context:
        context.prec = 400
        is_whole = number == number.to_integral_value()
        if is_whole and abs(number) >= Decimal(10) ** _DIGITS:
            raise Unreadable(TOO_LONG)
        context.prec = _DIGITS
        text = f"{+number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(number: Decimal, kind: str, *, is_1904: bool) -> str:
    """A serial number of days as ISO 8601, to the second as far as it is one."""
    if not 0 <= number < _LAST_SERIAL + 1:
        raise Unreadable(NO_NUMBER)
    if kind == "time" and number < 1:
        return str((_OF_1904 + _to_seconds(number)).time().isoformat())
    if not is_1904 and number < 61:  # Excel counts a 29th of February 1900, which was none
        raise Unreadable(NO_NUMBER)
    moment = (_OF_1904 if is_1904 else _OF_1900) + _to_seconds(number)
    is_day = number == number.to_integral_value() and kind == "date"
    return moment.date().isoformat() if is_day else moment.replace(tzinfo=None).isoformat()  # of no zone: the sender's


def _to_seconds(days: Decimal) -> timedelta:
    """Days as a duration; a float of days is not exact, so that it is rounded to the millisecond."""
    return timedelta(milliseconds=int((days * 86_400_000).to_integral_value()))

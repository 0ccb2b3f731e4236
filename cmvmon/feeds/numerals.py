"""Numbers as laboratories print them: read by declared marks only, written so that they read back the same.

Rule of this file: nothing is guessed. `1.000` has no value until the laboratory file says what its point means.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from cmvmon.feeds.reasons import Rejection

_EXPONENT = r"(?:e[+-]?[0-9]{1,4})?"


@dataclass(frozen=True)
class Marks:
    """The decimal mark and the thousands mark of a laboratory; both None = not declared."""

    decimal: str | None = None
    thousands: str | None = None


@dataclass(frozen=True)
class Printed:
    """A number and the half of its last printed digit: the true value lies within `value` plus or minus `half_step`."""

    value: float
    half_step: float


@lru_cache(maxsize=64)
def _pattern(marks: Marks) -> re.Pattern[str]:
    whole = "[0-9]+"
    if marks.thousands is not None:
        whole = rf"[1-9][0-9]{{0,2}}(?:{re.escape(marks.thousands)}[0-9]{{3}})+|{whole}"
    fraction = "" if marks.decimal is None else rf"(?:{re.escape(marks.decimal)}(?P<fraction>[0-9]+))?"
    return re.compile(rf"(?P<whole>{whole}){fraction}(?P<exponent>{_EXPONENT})")


def read_number(text: str, marks: Marks) -> Printed | Rejection:
    """The number that `text` prints under the declared marks, or why it is none.

    Accepts ASCII digits, thousands in groups of exactly three, one decimal mark, an exponent `e7`. A separator that the
    laboratory file does not declare is `ambiguous_number`; anything else is `malformed_number`, a sign or zero
    `not_positive`, a number too large for a computer `not_finite`.

    >>> read_number("10.000.000", Marks(decimal=",", thousands=".")).value
    10000000.0
    >>> read_number("1.000", Marks()).code
    'ambiguous_number'
    """
    text = text.lower()
    if text.startswith("-"):
        return Rejection("not_positive")
    printed = _read(text, marks)
    if isinstance(printed, Printed) and printed.value <= 0.0:
        return Rejection("not_positive")
    return printed


def read_zero_or_below(text: str, marks: Marks) -> float | None:
    """The number that `text` prints, where it is 0 or below; None where it is another or none.

    >>> read_zero_or_below("-1,00", Marks(decimal=","))
    -1.0
    """
    printed = _read(text.lower().removeprefix("-"), marks)
    if isinstance(printed, Rejection):
        return None
    value = -printed.value if text.startswith("-") else printed.value
    return value if value <= 0.0 else None


def _read(text: str, marks: Marks) -> Printed | Rejection:
    """A number without a sign, zero too."""
    found = _pattern(marks).fullmatch(text)
    if found is None:
        undeclared = {",", ".", "'", " "} - {marks.decimal, marks.thousands}
        is_number_like = re.fullmatch(rf"[0-9][0-9,.' ]*{_EXPONENT}", text) is not None
        ambiguous = is_number_like and any(mark in text for mark in undeclared)
        return Rejection("ambiguous_number" if ambiguous else "malformed_number")
    whole = found["whole"].replace(marks.thousands or "\0", "")
    fraction = (found["fraction"] or "") if marks.decimal is not None else ""
    value = float(f"{whole}.{fraction or '0'}{found['exponent']}")
    if not math.isfinite(value):
        return Rejection("not_finite")
    power = int(found["exponent"][1:] or 0) if found["exponent"] else 0
    return Printed(value, 0.5 * 10.0 ** (power - len(fraction)))


def write_number(value: float, marks: Marks) -> str | None:
    """`value` in the laboratory's marks, with as many digits as it takes to read it back unchanged.

    None when the value has a fraction and the laboratory declares no decimal mark: there is no way to print it.

    >>> write_number(1234.5, Marks(decimal=","))
    '1234,5'
    """
    text = repr(float(value))
    text = text.removesuffix(".0")
    if "." not in text:
        return text
    return None if marks.decimal is None else text.replace(".", marks.decimal)

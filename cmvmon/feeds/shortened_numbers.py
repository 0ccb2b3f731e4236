"""Numbers of patients and samples that a spreadsheet no longer wrote out: several true numbers can then look alike.

    2.40012E+10  2,4e10  1E+05    scientific notation: the last digits are gone
    ="000123"  '000123            the formula or the mark with which a number is held as text
    ########  #N/A  #VALUE!       a column that was too narrow, an error

`1E5` and `26E0123` are left alone: a number may hold a letter, and a spreadsheet writes such a power with a sign or a
fraction.
"""

from __future__ import annotations

import re

import polars as pl

_FORMS = (
    r"[+-]?[0-9]+[.,][0-9]+[eE][+-]?[0-9]+",
    r"[+-]?[0-9]+[eE][+-][0-9]+",
    r"=\"[^\"]*\"",
    r"'[0-9]+",
    r"#+",
    r"#(?:N/A|VALUE!|REF!|NAME\?|NUM!|NULL!|DIV/0!)",
)
_FORM = rf"^\s*(?:{'|'.join(_FORMS)})\s*$"
_SHORTENED = re.compile(_FORM)


def is_shortened(text: str) -> bool:
    """Whether a patient's or a sample's number is written in one of those forms.

    >>> [is_shortened(text) for text in ("2,02603E+11", '="000123"', "202603000001", "26E0123")]
    [True, True, False, False]
    """
    return _SHORTENED.match(text) is not None


def shortened(column: str) -> pl.Expr:
    """`is_shortened` of a text column; false where it is null."""
    return pl.col(column).str.contains(_FORM).fill_null(False)

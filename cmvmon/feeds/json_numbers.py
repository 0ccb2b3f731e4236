"""Numbers of JSON to the letter: as many digits as were sent, in the marks of whoever is to read them."""

from __future__ import annotations


class Number(str):
    """A JSON number as it is written."""

    def __new__(cls, value: object) -> Number:
        return super().__new__(cls, str(value))


def as_written(cell: str, decimal: str | None) -> str:
    """A cell in the marks of a laboratory: a JSON number means what JSON says, whatever marks it uses in text.

    25.000 stays 25 where a point marks thousands. A fraction that can't be written is said, so that it is set apart.

    >>> as_written(Number("2.50"), ","), as_written("2.50", ",")
    ('2,50', '2.50')
    """
    whole, point, fraction = cell.partition(".")
    if not isinstance(cell, Number) or not point or decimal == ".":
        return str(cell)
    if fraction.strip("0") == "":
        return whole
    return f"{whole}{decimal}{fraction}" if decimal is not None else f"{whole} and a fraction of {fraction}"

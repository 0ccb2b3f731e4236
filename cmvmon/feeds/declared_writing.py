"""How a sender writes its files, as a laboratory file and a table file declare it alike: marks, encoding, times."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cmvmon.feeds.numerals import Marks
from cmvmon.feeds.times import fault_of_formats
from cmvmon.feeds.toml_reading import StrictTable

SEPARATORS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "ascii")


def read_zone(top: StrictTable, *, required: bool = True) -> ZoneInfo | None:
    """`time_zone`; None where it is absent, or a fault of `top`."""
    key = top.text("time_zone", required=required)
    if key is None:
        return None
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
        top.fault("time_zone", "is no IANA time zone; give one such as Europe/Amsterdam")
        return None


def read_time_formats(top: StrictTable, *, required: bool = True) -> tuple[str, ...]:
    """`time_formats`; empty where it is absent. Patterns that read one text as two moments are a fault of `top`."""
    formats = top.texts("time_formats", required=required)
    fault = fault_of_formats(formats)
    if fault is not None:
        top.fault("time_formats", fault)
    return formats


def read_marks(top: StrictTable) -> Marks:
    """[numbers]: the decimal mark and the thousands mark; None = not declared."""
    numbers = top.table("numbers")
    marks = Marks(
        numbers.choice("decimal", (".", ","), required=False),
        numbers.choice("thousands", (".", ",", "'", " "), required=False),
    )
    if marks.decimal is not None and marks.decimal == marks.thousands:
        numbers.fault("thousands", "is the decimal mark; a mark can't mean both")
    numbers.finish()
    return marks

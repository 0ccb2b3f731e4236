"""Moments as feeds write them: local times in the feed's zone, or with an offset; always UTC afterwards.

Rule of this file: no part of a moment is filled in. A date without a time, a local time that does not exist and one
that occurred twice are named rejections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

ISO8601 = "iso8601"
HL7 = "hl7"  # HL7 2.5.1, 2.A.22 (DTM): YYYYMMDDHHMM[SS[.S[S[S[S]]]]][+/-ZZZZ]
_PARTS = {
    "Y": "[0-9]{4}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "p": r"[AaPp]\.?[Mm]\.?",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,9}",
    "z": "Z|[+-][0-9]{2}:?[0-9]{2}",
}
_ISO_DATE = "(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
_ISO_TIME = r"(?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,9}))?)?"
_ISO = re.compile(rf"{_ISO_DATE}[Tt ]{_ISO_TIME} ?(?P<z>[Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})?")
_HL7 = re.compile(
    r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?P<H>[0-9]{2})(?P<M>[0-9]{2})"
    r"(?:(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,4}))?)?(?P<z>[+-][0-9]{4})?"
)
_NAMED = {ISO8601: (_ISO, "%Y-%m-%dT%H:%M:%S"), HL7: (_HL7, "%Y%m%d%H%M%S")}  # and a time as each would write it
DAY_NUMBER = r"[1-9][0-9]{4}(?:[.,][0-9]+)?"
"""How Excel stores a moment, as days since 1900: a cell that was not formatted as one shows this."""
_DATE_FIRST = re.compile("(?P<Y>[0-9]{4})(?P<mark>-?)(?P<m>[0-9]{2})(?P=mark)(?P<d>[0-9]{2})(?:[T ].*|[0-9]{2}.*)?")
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")


def as_iso_8601(text: str) -> str:
    """A moment, or a date, as HL7 writes it, in ISO 8601; nothing is filled in. Any other text as it is.

    >>> as_iso_8601("202603010815+0100"), as_iso_8601("20260301"), as_iso_8601("2026")
    ('2026-03-01T08:15+01:00', '2026-03-01', '2026')
    """
    text = text.strip()
    found = _HL7.fullmatch(text)
    if found is None:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and _DATE_ONLY.fullmatch(text) else text
    part = found.groupdict()
    seconds = "" if part["S"] is None else f":{part['S']}" + ("" if part["f"] is None else f".{part['f']}")
    offset = "" if part["z"] is None else f"{part['z'][:3]}:{part['z'][3:]}"
    return f"{part['Y']}-{part['m']}-{part['d']}T{part['H']}:{part['M']}{seconds}{offset}"


def moments_of(texts: Iterable[str]) -> dict[str, datetime] | None:
    """Each text as the moment that it names; None where one names none, or they can't be put in order with each other.

    >>> moments = moments_of(["2026-05-05T13:00:00+02:00", "2026-05-05T11:00:00Z"])
    >>> moments is not None and len(set(moments.values()))
    1
    >>> moments_of(["2026-05-05T13:00:00", "2026-05-05T11:00:00Z"]) is None
    True
    """
    try:
        found = {text: datetime.fromisoformat(text) for text in texts}
    except ValueError:
        return None
    return found if len({moment.tzinfo is None for moment in found.values()}) < 2 else None


def fault_of_format(pattern: str) -> str | None:
    """What is wrong with a time pattern of a laboratory file; None when it can be used.

    Allowed are `iso8601`, `hl7` (20260301081500+0100), and
    patterns of %Y %m %d %H %M %S %f %z, with date, hour and minute each exactly once, or %I and
    %p (AM or PM) in place of %H: nothing that depends on a language (%b) or leaves the century open (%y).
    """
    if pattern in _NAMED:
        return None
    found = re.findall(r"%(.)", pattern)
    unknown = sorted({f"%{c}" for c in found} - {f"%{c}" for c in _PARTS})
    if unknown:
        return f"uses {', '.join(unknown)}; allowed are {' '.join(f'%{c}' for c in _PARTS)}"
    hour = [c for c in found if c in "HIp"]
    if any(found.count(c) != 1 for c in "YmdM") or any(found.count(c) > 1 for c in "Sfz"):
        return "must hold %Y, %m, %d, %H and %M exactly once"
    if sorted(hour) not in (["H"], ["I", "p"]):
        return "must hold %H exactly once, or %I and %p in its place"
    return None


def fault_of_formats(patterns: tuple[str, ...]) -> str | None:
    """What is wrong with the time patterns of one laboratory; None when no text can mean two moments under them."""
    for pattern in patterns:
        fault = fault_of_format(pattern)
        if fault is not None:
            return f"{pattern!r} {fault}"
    probe, zone = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC), ZoneInfo("UTC")
    for pattern in patterns:
        text = probe.strftime(_NAMED[pattern][1] if pattern in _NAMED else pattern)
        readings = {read_time(text, formats=(other,), zone=zone) for other in patterns}
        if len({moment for moment in readings if isinstance(moment, datetime)}) > 1:
            return f"{pattern!r} and another pattern read one text as two moments; keep one of them"
    return None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The pattern, and its date part alone (up to the first part of a time)."""
    if pattern in _NAMED:
        return _NAMED[pattern][0], _DATE_ONLY
    date_part = re.split(r"%[HIMSfzp]", pattern)[0].rstrip(" T,")
    return re.compile(_regex(pattern)), re.compile(_regex(date_part))


def _regex(pattern: str) -> str:
    """A part that directly follows or precedes another has its full width: `%Y%m%d` leaves no choice."""
    pieces = re.split(r"%(.)", pattern)
    text = re.escape(pieces[0])
    for at in range(1, len(pieces), 2):
        glued = (at > 1 and not pieces[at - 1]) or (at + 2 < len(pieces) and not pieces[at + 1])
        part = _PARTS[pieces[at]].replace("{1,2}", "{2}") if glued else _PARTS[pieces[at]]
        text += f"(?P<{pieces[at]}>{part})" + re.escape(pieces[at + 1])
    return text


def read_time(text: str, *, formats: tuple[str, ...], zone: ZoneInfo, hour_24_ends_day: bool = False) -> datetime | str:
    """The moment in UTC that `text` names, or the reason code why it names none.

    A time with an offset needs no zone; one without is local to `zone`. `hour_24_ends_day`: 24:00 is read, as the end of
    its day.

    >>> read_time("2026-03-29 02:30", formats=("iso8601",), zone=ZoneInfo("Europe/Amsterdam"))
    'time_does_not_exist'
    >>> read_time("01-02-2026 10:00", formats=("%d-%m-%Y %H:%M",), zone=ZoneInfo("Europe/Amsterdam")).isoformat()
    '2026-02-01T09:00:00+00:00'
    """
    text = text.strip()
    for pattern in formats:
        found = _compiled(pattern)[0].fullmatch(text)
        if found is not None:
            return _moment(found.groupdict(), zone, hour_24_ends_day=hour_24_ends_day)
    has_date = any(_compiled(pattern)[1].fullmatch(text) for pattern in formats) or _DATE_ONLY.fullmatch(text)
    if has_date:
        return "no_time"
    return "number_as_time" if re.fullmatch(DAY_NUMBER, text) else "malformed_time"


def date_of(text: str, *, formats: Iterable[str]) -> date | None:
    """The day that `text` names, with a time or without: in one of those patterns, or as 1961-05-30 or 19610530; None where it names
    none.

    >>> date_of("30-05-1961", formats=("%d-%m-%Y %H:%M",)), date_of("19610230", formats=())
    (datetime.date(1961, 5, 30), None)
    """
    text = text.strip()
    for regex in (*(one for pattern in formats for one in _compiled(pattern)), _DATE_FIRST):
        found = regex.fullmatch(text)
        if found is not None and {"Y", "m", "d"} <= found.groupdict().keys():
            try:
                return date(int(found["Y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                return None
    return None


def _moment(parts: dict[str, str | None], zone: ZoneInfo, *, hour_24_ends_day: bool) -> datetime | str:
    try:
        hour, minute, second = _hour(parts), int(parts["M"] or 0), int(parts.get("S") or 0)
        microsecond = int((parts.get("f") or "0").ljust(6, "0")[:6])
        ends_day = hour_24_ends_day and (hour, minute, second, microsecond) == (24, 0, 0, 0)
        naive = datetime(  # noqa: DTZ001 - the zone is applied below
            int(parts["Y"] or 0), int(parts["m"] or 0), int(parts["d"] or 0), 0 if ends_day else hour, minute, second,
            microsecond,
        ) + timedelta(days=ends_day)  # fmt: skip
        offset = parts.get("z")
        if offset is None:
            return local_to_utc(naive, zone)
        return naive.replace(tzinfo=_offset(offset)).astimezone(UTC)
    except ValueError:  # month 13, hour 25, an offset of a day: no such moment
        return "malformed_time"
    except OverflowError:  # year 1 or 9999, moved over the end of the calendar by its offset
        return "implausible_date"


def _hour(parts: dict[str, str | None]) -> int:
    """The hour of the day; 12 AM is midnight and 12 PM noon. Raises ValueError for an hour that a half day does not have."""
    half = parts.get("p")
    if half is None:
        return int(parts["H"] or 0)
    hour = int(parts["I"] or 0)
    if not 1 <= hour <= 12:
        raise ValueError("hour of a half day")
    return hour % 12 + (12 if half[0] in "Pp" else 0)


@lru_cache(maxsize=64)
def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise ValueError("offset minutes")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def local_to_utc(naive: datetime, zone: ZoneInfo) -> datetime | str:
    """The moment of a local time, or `time_does_not_exist` or `time_is_ambiguous` where the clock was changed.

    Python moves a time that does not exist by an hour and picks the first of two; both would move a sample.
    """
    first = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return first
    exists = first.astimezone(zone).replace(tzinfo=None) == naive
    return "time_is_ambiguous" if exists else "time_does_not_exist"

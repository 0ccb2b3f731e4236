"""Single values in words: a result, a span of days, a decline, a number of the protocol, the name of a table or of a failure."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import timedelta

from cmvmon.domain import words
from cmvmon.text.beside import decimals, floored, rounded
from cmvmon.text.language import Language

_DAY = timedelta(days=1)


def value_in_words(
    detection: str | None, load: float | None, limit: float | None, language: Language, beside: Collection[float] = ()
) -> str:
    """One result in words: the load with its unit, or what the assay said, with the limit it was below or above.

    Args:
        beside: the lines, in IU/mL, that it is held against.

    >>> from cmvmon.text.language import language
    >>> value_in_words("quantified", 12400.0, 35.0, language("nl"))
    '12.400 IE/ml'
    >>> value_in_words("below_lloq", None, 35.0, language("en"))
    'detected, below quantification limit (<35 IU/mL)'
    """
    if detection == "quantified" and load is not None:
        return language.say("value.load", load=language.load(load, beside))
    if detection in ("below_lloq", "above_uloq") and limit is not None:
        word = language.word("detection", detection)
        return language.say(f"value.{detection}", word=word, limit=language.load(limit))
    return language.word("detection", detection) if detection else language.say("unknown")


def days_in_words(days: float, language: Language, beside: Collection[float] = ()) -> str:
    """A number of days, whole; less than one is said to be so. With decimals where it would be rounded onto a line beside it.

    >>> from cmvmon.text.language import language
    >>> days_in_words(13.9, language("nl")), days_in_words(1.2, language("en")), days_in_words(0.3, language("en"))
    ('14 dagen', '1 day', 'less than a day')
    >>> days_in_words(9.3, language("en"), beside=(9.0,))
    '9.3 days'
    """
    digits = decimals(days, 0, beside)
    if digits:
        return language.say("days.other", n=language.number(days, digits))
    whole = math.floor(rounded(days, 0))
    return language.count("days", whole) if whole else language.say("days.less_than_one")


def full_days_in_words(days: float, language: Language, beside: Collection[float] = ()) -> str:
    """The days that are full; a part of one too where they would be cut off onto a line beside them."""
    return days_in_words(floored(days, decimals(days, 0, beside, floored)), language, beside)


def course_in_words(
    first: tuple[str, float | None],
    last: tuple[str, float | None],
    span: timedelta,
    language: Language,
    *,
    beside: Collection[float] = (),
    change_beside: Collection[float] = (),
) -> str:
    """From one result to a later one of its series, in how many days. Each: what the assay said, and the load.

    Args:
        beside, change_beside: the lines that the loads (IU/mL), and their change in log10, are held against.

    >>> from cmvmon.text.language import language
    >>> course_in_words(("quantified", 368e3), ("quantified", 73.4e3), timedelta(days=20), language("nl"))
    '368.000 → 73.400 IE/ml (−0,7 log10) in 20 dagen'
    >>> course_in_words(("quantified", 900.0), ("not_detected", None), timedelta(days=7), language("en"))
    '900 IU/mL → not detected in 7 days'
    """
    days = days_in_words(span / _DAY, language)
    loads = [load for detection, load in (first, last) if detection == words.QUANTIFIED and load is not None]
    if len(loads) < 2:
        values = (value_in_words(detection, load, None, language, beside) for detection, load in (first, last))
        return language.say("course.values", days=days, **dict(zip(("from_value", "to_value"), values, strict=True)))
    return language.say(
        "course.loads",
        from_load=language.load(loads[0], beside),
        to_load=language.load(loads[1], beside),
        change=change_in_words(loads[0], loads[1], language, change_beside),
        days=days,
    )


def change_in_words(from_load: float, to_load: float, language: Language, beside: Collection[float] = ()) -> str:
    """How far a load moved, in log10, with its sign. `beside`: the lines that a rise or a fall is held against."""
    change = math.log10(to_load) - math.log10(from_load)
    lines = [*beside, *(-line for line in beside)]
    return ("+" if rounded(change, decimals(change, 1, lines)) > 0 else "") + language.log10(change, lines)


def slope_sentence(
    mean: float, low: float, high: float, n: int, language: Language, *, interval: float, beside: Collection[float] = ()
) -> str:
    """A decline in words, or the rise that it is when negative, with its interval and the number of results.

    It is called a decline or a rise only where its whole interval is one.

    Args:
        interval: the probability that the interval holds.
        beside: the lines that a decline is held against.

    >>> from cmvmon.text.language import language
    >>> slope_sentence(0.8, 0.5, 1.1, 4, language("nl"), interval=0.95)
    'Daling 0,8 log10 per week (95%-BI 0,5 tot 1,1; 4 metingen)'
    >>> slope_sentence(-0.3, -0.6, 0.1, 1, language("en"), interval=0.95)
    'Estimated rise 0.3 log10 per week, direction not certain (95% interval −0.1 to 0.6; 1 result)'
    """
    falls = mean >= 0
    ends = (low, high) if falls else (-high, -low)
    lines = [line if falls else -line for line in beside]
    return language.say(
        f"slope.{'falls' if falls else 'rises'}{'' if ends[0] > 0 else '_perhaps'}",
        mean=language.log10(abs(mean), lines),
        interval=language.percent(interval),
        low=language.log10(ends[0], lines),
        high=language.log10(ends[1], lines),
        results=language.count("results", n),
    )


def short(x: float, language: Language, beside: Collection[float] = ()) -> str:
    """A number with no idle decimals: 1, 0.5, 9. `beside`: the lines that it is held against."""
    return language.number(x, 0 if float(x).is_integer() else 1, beside)


def reason_in_words(codes: str, language: Language) -> str:
    """Why something could not be assessed: a rule's reason, or the status of the week that gave no call."""
    return ", ".join(
        language.word("reason" if language.has(f"reason.{code}") else "status", code)
        for code in codes.split(";")
        if code
    )


def table_in_words(table: str | None, language: Language) -> str:
    """What a delivered or computed table holds, in words; its own name where there are none."""
    key = f"table.{table}"
    return language.say(key) if language.has(key) else (table or language.say("unknown"))


def operations_in_words(code: str | None, language: Language) -> str:
    """Why the work stopped, in words. A code that has none is shown as it is: the data team looks it up."""
    key = f"operations.{code}"
    return (
        language.say(key)
        if language.has(key)
        else language.say("operations_code", code=code or language.say("unknown"))
    )

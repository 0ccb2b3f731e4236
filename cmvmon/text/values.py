"""Single values in words: a result, a span of days, a decline, a number of the protocol, the name of a table or of a failure."""

from __future__ import annotations

import math
from datetime import timedelta

from cmvmon.domain import words
from cmvmon.text.language import Language

_DAY = timedelta(days=1)


def value_in_words(detection: str | None, load: float | None, limit: float | None, language: Language) -> str:
    """One result in words: the load with its unit, or what the assay said, with the limit it was below or above.

    >>> from cmvmon.text.language import language
    >>> value_in_words("quantified", 12400.0, 35.0, language("nl"))
    '12.400 IE/ml'
    >>> value_in_words("below_lloq", None, 35.0, language("en"))
    'detected, below quantification limit (<35 IU/mL)'
    """
    if detection == "quantified" and load is not None:
        return language.say("value.load", load=language.load(load))
    if detection in ("below_lloq", "above_uloq") and limit is not None:
        word = language.word("detection", detection)
        return language.say(f"value.{detection}", word=word, limit=language.load(limit))
    return language.word("detection", detection) if detection else language.say("unknown")


def days_in_words(days: float, language: Language) -> str:
    """A number of days, whole; less than one is said to be so.

    >>> from cmvmon.text.language import language
    >>> days_in_words(13.9, language("nl")), days_in_words(1.2, language("en")), days_in_words(0.3, language("en"))
    ('14 dagen', '1 day', 'less than a day')
    """
    whole = math.floor(days + 0.5)
    return language.count("days", whole) if whole else language.say("days.less_than_one")


def course_in_words(
    first: tuple[str, float | None], last: tuple[str, float | None], span: timedelta, language: Language
) -> str:
    """From one result to a later one of its series, in how many days. Each: what the assay said, and the load.

    >>> from cmvmon.text.language import language
    >>> course_in_words(("quantified", 368e3), ("quantified", 73.4e3), timedelta(days=20), language("nl"))
    '368.000 → 73.400 IE/ml (−0,7 log10) in 20 dagen'
    >>> course_in_words(("quantified", 900.0), ("not_detected", None), timedelta(days=7), language("en"))
    '900 IU/mL → not detected in 7 days'
    """
    days = days_in_words(span / _DAY, language)
    loads = [load for detection, load in (first, last) if detection == words.QUANTIFIED and load is not None]
    if len(loads) < 2:
        values = (value_in_words(detection, load, None, language) for detection, load in (first, last))
        return language.say("course.values", days=days, **dict(zip(("from_value", "to_value"), values, strict=True)))
    return language.say(
        "course.loads",
        from_load=language.load(loads[0]),
        to_load=language.load(loads[1]),
        change=change_in_words(loads[0], loads[1], language),
        days=days,
    )


def change_in_words(from_load: float, to_load: float, language: Language) -> str:
    """How far a load moved, in log10, with its sign."""
    change = math.log10(to_load) - math.log10(from_load)
    return ("+" if round(change, 1) > 0 else "") + language.log10(change)


def slope_sentence(mean: float, low: float, high: float, n: int, language: Language, *, interval: float) -> str:
    """A decline in words, or the rise that it is when negative, with its interval and the number of results.

    It is called a decline or a rise only where its whole interval is one.

    Args:
        interval: the probability that the interval holds.

    >>> from cmvmon.text.language import language
    >>> slope_sentence(0.8, 0.5, 1.1, 4, language("nl"), interval=0.95)
    'Daling 0,8 log10 per week (95%-BI 0,5 tot 1,1; 4 metingen)'
    >>> slope_sentence(-0.3, -0.6, 0.1, 1, language("en"), interval=0.95)
    'Estimated rise 0.3 log10 per week, direction not certain (95% interval −0.1 to 0.6; 1 result)'
    """
    falls = mean >= 0
    ends = (low, high) if falls else (-high, -low)
    return language.say(
        f"slope.{'falls' if falls else 'rises'}{'' if ends[0] > 0 else '_perhaps'}",
        mean=language.log10(abs(mean)),
        interval=language.percent(interval),
        low=language.log10(ends[0]),
        high=language.log10(ends[1]),
        results=language.count("results", n),
    )


def short(x: float, language: Language) -> str:
    """A number from the protocol with no idle decimals: 1, 0.5, 9."""
    return language.number(x, 0 if float(x).is_integer() else 1)


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

"""Single values in words: a result, a decline, odds, a number of the protocol, the name of a table or of a failure."""

from __future__ import annotations

from cmvmon.text.language import Language

_ODDS_TO = 1000.0  # beyond, odds are only said to be more. Layout, not a clinical line.


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


def slope_sentence(mean: float, low: float, high: float, n: int, language: Language) -> str:
    """A decline in words, or the rise that it is when negative, with its interval and the number of results.

    >>> from cmvmon.text.language import language
    >>> slope_sentence(0.8, 0.5, 1.1, 4, language("nl"))
    'Daling 0,8 log10 per week (95%-BI 0,5 tot 1,1; 4 metingen)'
    >>> slope_sentence(-0.3, -0.6, 0.1, 1, language("en"))
    'Rise 0.3 log10 per week (95% interval −0.1 to 0.6; 1 result)'
    """
    falls = mean >= 0
    ends = (low, high) if falls else (-high, -low)
    return language.say(
        "slope.fall" if falls else "slope.rise",
        mean=language.log10(abs(mean)),
        low=language.log10(ends[0]),
        high=language.log10(ends[1]),
        results=language.count("results", n),
    )


def odds_in_words(odds: float, language: Language) -> str:
    """Odds without idle decimals; beyond a thousand only that they are more."""
    if odds > _ODDS_TO:
        return f">{language.number(_ODDS_TO, 0)}"
    return language.number(odds, 0) if odds >= 10 else short(odds, language)


def short(x: float, language: Language) -> str:
    """A number from the protocol with no idle decimals: 1, 0.5, 9."""
    return language.number(x, 0 if float(x).is_integer() else 1)


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

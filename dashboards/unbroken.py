"""What is one thing to its reader stays on one line: a date, a number with its unit. Its text is as it was, so that it is copied,
searched for and read aloud as before.

A browser breaks a line at the hyphen of `22-11-2026` and at the blank of `12.400 IE/ml`. Every page goes through here as it is made.
"""

from __future__ import annotations

import re
from functools import cache

from cmvmon.text import codes, language

_DIGITS = {"d": (1, 2), "dd": (2, 2), "M": (1, 2), "MM": (2, 2), "yyyy": (4, 4)}
_PART = re.compile(r"([dMy])\1*|.")
# A drawing has no lines to break, a script no words, and the lines of the results have kept theirs (`kept_whole`).
_LEFT_OUT = re.compile(r'<(?:(svg|script)\b|(table) class="stack results")')


def unbroken(html: str) -> str:
    """The page with a `<span class="w">`, which the style keeps whole, around each date and each number with its unit.

    Args:
        html: a page whose every value is escaped: no `<` or `>` stands in a text or in the value of an attribute.

    >>> unbroken("<body><p title='3 days'>On 22-11-2026: 12.400 IE/ml</p>")
    '<body><p title=\\'3 days\\'>On <span class="w">22-11-2026</span>: <span class="w">12.400 IE/ml</span></p>'
    """
    head, body, rest = html.partition("<body>")
    parts, begun = [head, body], 0
    while (found := _LEFT_OUT.search(rest, begun)) is not None:
        end = rest.find(f"</{found[1] or found[2]}>", found.end())
        end = len(rest) if end < 0 else end
        parts += (_kept(rest[begun : found.start()] + "<"), rest[found.start() + 1 : end])
        begun = end
    return "".join((*parts, _kept(rest[begun:])))


def kept_whole(text: str) -> str:
    """The same of one text, escaped, that stands between two tags: of texts that many pages hold it is asked once.

    >>> kept_whole("300 IE/ml")
    '<span class="w">300 IE/ml</span>'
    """
    return _kept(f"{text}<")[:-1]


def _kept(html: str) -> str:
    return _whole().sub(_in_a_span, html)


def _in_a_span(found: re.Match[str]) -> str:
    return f'<span class="w">{found[0]}</span>'


@cache
def _whole() -> re.Pattern[str]:
    """What is kept whole, of every language: a page cites sentences of others too. It begins with a digit, which is found quickly."""
    spoken = [language(code) for code in codes()]
    dates = {_date(pattern, one.locale) for one in spoken for pattern in (one.date_pattern, one.short_date_pattern)}
    units = {unit for one in spoken for unit in one.units}
    of_dates, of_units = ("|".join(sorted(parts, key=len, reverse=True)) for parts in (dates, map(re.escape, units)))
    begins = r"[0-9](?<![\w.,/-][0-9])"
    # In a text the next angle bracket opens a tag; in a tag it closes one.
    return re.compile(rf"{begins}(?:{of_dates}|[0-9]*(?:[.,][0-9]+)* (?:{of_units}))(?![\w/-])(?=[^<>]*<)")


def _date(pattern: str, locale: str) -> str:
    """What follows the first digit of a date that is written by that CLDR pattern."""
    from babel.dates import get_month_names

    parts = list[str]()
    for found in _PART.finditer(pattern):
        least, most = _DIGITS.get(found[0], (0, 0))
        if most:
            taken = not parts
            parts.append(f"[0-9]{{{least - taken},{most - taken}}}")
        elif found[0] == "MMM":
            months = get_month_names("abbreviated", locale=locale).values()
            parts.append(f"(?:{'|'.join(map(re.escape, months))})")
        else:
            parts.append(re.escape(found[0]))
    return "".join(parts)

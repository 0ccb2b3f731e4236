"""Whether what a sender calls a test sounds like CMV: one that does is never left unread because nobody listed its code.

It decides nothing of what a test is: that says the laboratory file.
"""

from __future__ import annotations

import re

from cmvmon.feeds.value_grammar import fold

# LOINC codes of CMV DNA, quantitative and qualitative, that were seen in public messages and catalogues.
_LOINC = (
    "72493-0", "29604-6", "100675-8", "100676-6", "33006-8", "34720-3", "49349-4", "49347-8", "53763-9", "101816-7",
    "39003-9", "101815-9", "4996-5", "5000-5", "30326-3", "82189-2", "104760-4",
)  # fmt: skip
_VIRUS = (
    "cmv",
    "[cz][iy]tom[eé]gal",
    r"(?:herpes[ -]?vir(?:us|idae)|hhv)[ -]*(?:type?|nr|hominis)?[ .-]*5(?![0-9]|[.,][0-9])",  # human herpesvirus 5
)
_NAMES = re.compile("|".join((*_VIRUS, *(rf"(?<![0-9]){re.escape(c)}(?![0-9])" for c in _LOINC))))


def sounds_like_cmv(text: str) -> bool:
    """Whether it holds the name of the virus or a code of its DNA.

    >>> sounds_like_cmv("CMVK^CMV-DNA kwantitatief^L"), sounds_like_cmv("HHV-5 DNA"), sounds_like_cmv("2345-7^Glucose^LN")
    (True, True, False)
    """
    return _NAMES.search(fold(text)) is not None

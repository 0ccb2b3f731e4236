"""Delivered text as a work list may show it: its shape, and its words only where several patients have them.

What a record holds may be a name in the wrong column. A word that came of three patients is none of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

PATIENTS = 3  # of so many patients a word must have come before it is told
_LONGEST_CODE, _CODE_DIGITS = 12, 3
_LONGEST, _LONGEST_SHOWN = 40, 400  # characters of a shape in a list, and of one that is shown by itself


def shape(text: str, *, longest: int = _LONGEST) -> str:
    """The form of a text without what it says: letters as `a`, digits as `9`, cut after so many characters.

    >>> shape("ca. 500"), shape("J. de Vries 1961"), shape("")
    ('aa. 999', 'a. aa aaaaa 9999', '')
    """
    marks = ("a" if mark.isalpha() else "9" if mark.isnumeric() else mark for mark in text[:longest])
    return "".join(marks) + ("..." if len(text) > longest else "")


def shaped(value: Any, *, known: Iterable[str] = ()) -> Any:
    """A delivered record (parsed JSON) with the shape of every text and number in it; names of members as they are where they
    are `known`, else their shape too, numbered where two have one shape."""
    names = frozenset(known)
    if isinstance(value, Mapping):
        told: dict[str, Any] = {}
        for name, inner in value.items():
            shown = name if name in names else shape(str(name))
            place = 2
            while shown in told:
                shown = f"{shape(str(name))} ({place})"
                place += 1
            told[shown] = shaped(inner, known=names)
        return told
    if isinstance(value, list):
        return [shaped(inner, known=names) for inner in value]
    return value if value is None or isinstance(value, bool) else shape(str(value), longest=_LONGEST_SHOWN)


def told_words(seen: Iterable[tuple[str | None, str]], *, of_patients: int = PATIENTS) -> frozenset[str]:
    """The words that came of so many patients. `seen`: (patient, word); no patient that could be read counts for none.

    A text with a digit in it may be a number, a date or part of an address. It is told only where it has the form of a code of a
    ward, a test or a unit, such as `IC-2`: letters first, at most three digits, and not more digits than letters.

    >>> sorted(told_words((str(n), word) for n in (1, 2, 3) for word in ("pos", "IC-2", "1961", "12-03-1961", "X1234", "A 12")))
    ['IC-2', 'pos']
    >>> sorted(told_words([("1", "IC-2"), ("2", "IC-2"), ("2", "IC-2"), (None, "neg")]))
    []
    """
    patients: dict[str, set[str]] = defaultdict(set)
    for patient, word in seen:
        if patient:
            patients[word].add(patient)
    return frozenset(word for word, of in patients.items() if len(of) >= of_patients and _may_be_told(word))


def _may_be_told(word: str) -> bool:
    n_digits, n_letters = sum(mark.isnumeric() for mark in word), sum(mark.isalpha() for mark in word)
    is_code = len(word) <= _LONGEST_CODE and word[:1].isalpha() and n_digits <= min(_CODE_DIGITS, n_letters)
    return n_digits == 0 or is_code

"""Delivered text as a work list may show it: its shape, and its words only where several patients have them.

What a record holds may be a name in the wrong column. A word that came of three patients is none of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

PATIENTS = 3  # of so many patients a word must have come before it is told
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

    A text with a digit in it is never told: it may be a number, a date or part of an address.

    >>> sorted(told_words([("1", "pos"), ("2", "pos"), ("3", "pos"), ("3", "de Vries"), ("4", "B12"), (None, "neg")]))
    ['pos']
    """
    patients: dict[str, set[str]] = defaultdict(set)
    for patient, word in seen:
        if patient:
            patients[word].add(patient)
    return frozenset(
        word for word, of in patients.items() if len(of) >= of_patients and not any(mark.isnumeric() for mark in word)
    )

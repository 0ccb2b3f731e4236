"""Notes beside a result by which a laboratory takes its value back: the words that it declares, and whether a note has one.

Rule of this file: a note is looked through for declared words, and read for nothing else. No text of it leaves this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from cmvmon.feeds.toml_reading import StrictTable

DOUBTED = "doubted_by_its_note"
_WORD = re.compile(r"[^\W_]+")
Words = tuple[str, ...]


@dataclass(frozen=True)
class DoubtWords:
    """Phrases by which a laboratory takes a value back, each as its words."""

    phrases: frozenset[Words] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.phrases)

    def stand_in(self, note: str) -> bool:
        """Whether a phrase stands in the note, as whole words that follow one another; case, accents and what parts the words
        make no difference.

        >>> declared = DoubtWords(frozenset({("niet", "betrouwbaar"), ("gestold",)}))
        >>> [declared.stand_in(note) for note in ("NIET\\nbetrouwbaar!", "ongestold", "niet erg betrouwbaar")]
        [True, False, False]
        """
        said = words_of(note) if self.phrases else ()
        return any(_follow(phrase, said) for phrase in self.phrases)


NO_DOUBT = DoubtWords()


def words_of(text: str) -> Words:
    """The words of a text, without case and accents.

    >>> words_of("Été: niet-betrouwbaar")
    ('ete', 'niet', 'betrouwbaar')
    """
    parted = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(mark for mark in parted if not unicodedata.combining(mark))
    return tuple(_WORD.findall(plain.casefold()))


def _follow(phrase: Words, said: Words) -> bool:
    n = len(phrase)
    return any(said[start : start + n] == phrase for start in range(len(said) - n + 1))


def read_notes(top: StrictTable, columns: Collection[str], *, has_own_notes: bool) -> DoubtWords:
    """[notes] of a laboratory file. `has_own_notes`: notes have a place of their own in the format, beside any column."""
    table = top.table("notes")
    texts = table.texts("doubt")
    table.finish()
    for text in texts:
        if not any(mark.isalpha() for mark in text):
            table.fault("doubt", f"{text!r} holds no letter; list words by which the laboratory takes a value back")
    if texts and not has_own_notes and "comment" not in columns:
        table.fault("doubt", "is declared, and no column holds notes; name it as `comment` in [columns]")
    return DoubtWords(frozenset(found for text in texts if (found := words_of(text))))

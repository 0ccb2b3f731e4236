"""Whose number it is and how strong its ground, in words: the protocol file writes both in English."""

from __future__ import annotations

import re

from cmvmon.text.language import Language

_FIRST = re.compile(r"[A-Za-z]+")  # how a strength begins: a letter of the scale, or one word


def strength_in_words(strength: str, language: Language) -> str:
    """The strength of evidence: its word in the language, with what the file says where that is more than the word.

    A strength that the language has no word for stays as it is written.

    >>> from cmvmon.text import language
    >>> strength_in_words("P", language("nl")), strength_in_words("L; B in transplantation", language("nl"))
    ('voorstel van dit project (P)', 'lokaal beleid (L; B in transplantation)')
    """
    found = _FIRST.match(strength)
    if found is None or not language.has(f"strength.{found[0]}"):
        return strength
    word = language.word("strength", found[0])
    return word if word == strength else language.say("strength.with_written", word=word, written=strength)


def owner_in_words(owner: str, language: Language) -> str:
    """Who signs a number; as it is written where the language has no word for it."""
    key = f"worklist.owner.{owner}"
    return language.say(key) if language.has(key) else owner

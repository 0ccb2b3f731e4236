"""The sentences of an alert, from the facts of its verdict. States facts and unknowns; orders and diagnoses nothing.

What each sentence is stands in `cmvmon/text/<language>/rules/<code>.toml`; here is how its placeholders are filled.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

from cmvmon.text.formats import Speaker, columns_of
from cmvmon.text.language import Language, MissingWords

_HEADLINE_SENTENCES = 2  # the fact, and what it is compared with
_SHARED = "shared"  # the file of the sentences that more than one rule says


def alert_sentence(
    rule: str, evidence: Mapping[str, Any], language: Language, *, time_zone: str = "UTC", brief: bool = False
) -> str:
    """What is the case, in words, from the evidence of an alert of `rule`.

    Args:
        evidence: the facts of the verdict (its JSON, read). A fact that is null is said to be unknown or left out.
        time_zone: the zone in which dates are written.
        brief: only what is the case and what it is compared with, for a headline.

    Raises:
        MissingWords: the rule has no words, or a fact that a sentence is made from is absent. Names keys only.
    """
    if not language.has(f"rule.{rule}"):
        raise MissingWords(f"cmvmon/text/{language.code}/rules has no file for the rule {rule!r}; add it")
    speaker = Speaker(evidence, language, time_zone)
    try:
        keys = evidence["says"] if "says" in evidence else language.always[rule]
        said = [_filled(_template(rule, key, speaker), speaker) for key in keys]
    except KeyError as error:
        raise MissingWords(f"the evidence of {rule!r} lacks {error.args[0]!r}; the rule must give it") from None
    return " ".join(said[:_HEADLINE_SENTENCES] if brief else said)


def read_by(rule: str, key: str, language: Language) -> frozenset[str]:
    """The facts that the words of a sentence are made from, and the one by which they are chosen. Raises MissingWords."""
    place = _place(rule, key, language)
    by = [language.sentences[f"{place}.by"]] if language.has(f"{place}.by") else []
    written = [text for name, text in language.sentences.items() if name == place or name.startswith(f"{place}.")]
    fields = (field for text in written for field in _fields(text))
    return frozenset(by).union(*(columns_of(name, asked) for name, asked in fields))


def _place(rule: str, key: str, language: Language) -> str:
    for file in (rule, _SHARED):
        place = f"alert.{file}.{key}"
        if language.has(place) or language.has(f"{place}.by"):
            return place
    raise MissingWords(
        f"cmvmon/text/{language.code}/rules/{rule}.toml has no sentence {key!r}; add it, in every language"
    )


def _template(rule: str, key: str, speaker: Speaker) -> str:
    """The words of a sentence; where there are several, those that its fact chooses."""
    place = _place(rule, key, speaker.language)
    if not speaker.language.has(f"{place}.by"):
        return speaker.language.sentences[place]
    chosen = speaker.evidence[speaker.language.sentences[f"{place}.by"]]
    if isinstance(chosen, int | float):
        chosen = "one" if chosen == 1 else "other"
    found = f"{place}.{chosen or 'unknown'}"
    if not speaker.language.has(found):
        raise MissingWords(
            f"the sentence {key!r} of {rule!r} ({speaker.language.code}) has no words for its fact; add them"
        )
    return speaker.language.sentences[found]


def _filled(template: str, speaker: Speaker) -> str:
    parts = []
    for text, name, asked, _ in string.Formatter().parse(template):
        parts += [text, "" if name is None else speaker.written(name, asked or "")]
    return "".join(parts)


def _fields(template: str) -> Iterator[tuple[str, str]]:
    return ((name, asked or "") for _, name, asked, _ in string.Formatter().parse(template) if name is not None)

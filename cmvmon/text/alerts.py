"""The sentences of an alert, from the facts of its verdict. States facts and unknowns; orders and diagnoses nothing.

What each sentence is stands in `cmvmon/text/<language>/rules/<code>.toml`; here is how its placeholders are filled.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from cmvmon.domain import words
from cmvmon.text.formats import Speaker, columns_of
from cmvmon.text.language import Language, MissingWords

_HEADLINE_SENTENCES = 2  # the fact, and the line it is held against
# By whether the patient is ventilated, and whether the kinds that run are on record: what the line on duration says.
_VENTILATED: Mapping[tuple[bool | None, bool], tuple[str, ...]] = {
    (True, True): ("ventilated", "ventilated_by"),
    (True, False): ("ventilated", "kind_unknown"),
    (False, True): ("off_ventilator", "on_mask"),
    (False, False): ("off_ventilator",),
    (None, True): ("ventilation_unknown",),
    (None, False): ("ventilation_unknown",),
}
_SHARED = "shared"  # the file of the sentences that more than one rule says


def alert_title(rule: str, evidence: Mapping[str, Any], language: Language) -> str:
    """What an alert of `rule` found, in a few words: by the first sentence that it says and that has a title of its own.

    Raises MissingWords: the rule has no words.
    """
    said = evidence.get("says") or ()
    found = next((key for key in language.titles.get(rule, ()) if key in said), "otherwise")
    return language.say(f"title.{rule}.{found}")


def alert_sentence(
    rule: str, evidence: Mapping[str, Any], language: Language, *, time_zone: str = "UTC", brief: bool = False
) -> str:
    """What is the case, in words, from the evidence of an alert of `rule`; without what is folded (`alert_details`).

    Args:
        evidence: the facts of the verdict (its JSON, read). A fact that is null is said to be unknown or left out.
        time_zone: the zone in which dates are written.
        brief: only what is the case and what it is compared with, for a headline.

    Raises:
        MissingWords: the rule has no words, or a fact that a sentence is made from is absent. Names keys only.
    """
    folded = language.folded.get(rule, ())
    said = _said(
        rule, [key for key in _keys(rule, evidence, language) if key not in folded], evidence, language, time_zone
    )
    return " ".join(said[:_HEADLINE_SENTENCES] if brief else said)


def alert_details(rule: str, evidence: Mapping[str, Any], language: Language, *, time_zone: str = "UTC") -> str:
    """What an alert of `rule` tells with what it rests on: how probable by the model, how many without a value. May be empty.

    Arguments and errors as `alert_sentence`.
    """
    folded = language.folded.get(rule, ())
    keys = [key for key in _keys(rule, evidence, language) if key in folded]
    return " ".join(_said(rule, keys, evidence, language, time_zone))


def of_stored(
    make: Callable[..., str], rule: str, evidence: Mapping[str, Any], *, language: Language, **how: Any
) -> str:
    """What one of the functions here makes of an alert that was stored, by whatever version; never an error.

    An alert of a rule that is no longer kept, or with the facts of another version, is said to be that: one that can't be
    put into words must not leave everybody without a page.
    """
    try:
        return make(rule, evidence, language, **how)
    except MissingWords:
        return language.say("alert.of_another_version", rule=rule)


def duration_sentence(evidence: Mapping[str, Any], language: Language) -> str:
    """How long treatment has run beside what the guide says, whatever `guide_duration` makes of it; empty off treatment.

    Args:
        evidence: of a verdict of that rule, alert or not.
    """
    if evidence["treatment"] != words.TREATMENT_ON:
        return ""
    keys = (
        "treated",
        "guide",
        *_VENTILATED[evidence["is_ventilated"], evidence["ventilation_kinds"] is not None],
        {True: "below", False: "not_below", None: "below_unknown"}[evidence["leading_is_below"]],
    )
    return " ".join(_said("guide_duration", keys, evidence, language, "UTC"))


def ended_in_words(alert: Mapping[str, Any], language: Language) -> str:
    """Why an alert was resolved or closed: what its rule clears by, and what befell the facts under it, if anything did."""
    cause = language.word("cause", alert["cause"]) if alert["cause"] else ""
    if alert["state"] == "closed" or not language.has(f"cleared.{alert['rule']}"):
        return cause
    cleared = language.word("cleared", alert["rule"])
    return f"{cleared}; {cause}" if cause else cleared


def _keys(rule: str, evidence: Mapping[str, Any], language: Language) -> Iterable[str]:
    """The sentences that an alert says, in order."""
    if not language.has(f"rule.{rule}"):
        raise MissingWords(f"cmvmon/text/{language.code}/rules has no file for the rule {rule!r}; add it")
    if "says" not in evidence and rule not in language.always:
        raise MissingWords(f"the evidence of {rule!r} lacks 'says'; the rule must give it")
    found: Iterable[str] = evidence["says"] if "says" in evidence else language.always[rule]
    return found


def _said(
    rule: str, keys: Collection[str], evidence: Mapping[str, Any], language: Language, time_zone: str
) -> list[str]:
    told = {name for key in (*(evidence.get("says") or ()), *keys) for name in read_by(rule, key, language)}
    speaker = Speaker(evidence, language, time_zone, frozenset(told))
    try:
        return [_filled(_template(rule, key, speaker), speaker) for key in keys]
    except KeyError as error:
        raise MissingWords(f"the evidence of {rule!r} lacks {error.args[0]!r}; the rule must give it") from None


@cache
def read_by(rule: str, key: str, language: Language) -> frozenset[str]:
    """The facts that the words of a sentence are made from, and the one by which they are chosen. Raises MissingWords."""
    place = _place(rule, key, language)
    by = [language.sentences[f"{place}.by"]] if language.has(f"{place}.by") else []
    fields = (field for text in language.under[place] for field in _fields(text))
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
    for text, name, asked, _ in _parsed(template):
        parts += [text, "" if name is None else speaker.written(name, asked or "")]
    return "".join(parts)


def _fields(template: str) -> Iterator[tuple[str, str]]:
    return ((name, asked or "") for _, name, asked, _ in _parsed(template) if name is not None)


@cache  # of sentences that are shipped: as many as there are
def _parsed(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(string.Formatter().parse(template))

"""The words of `cmvmon why` around the names of facts: a condition's small words, and coded values as a reader knows them."""

from __future__ import annotations

import re

from cmvmon.text.language import Language

_BETWEEN = re.compile(r"\b(is known|is one of|and|or|not|days|hours|otherwise)\b")
_CODES = re.compile(
    r"(== |is one of )(\w+(?:, \w+)*)"
)  # what a fact is held against; another fact has no word, and stays
_OF_A_RULE = re.compile(r"\b(?:ground\.(\w+)\.(\w+)|verdict\.(\w+))")  # what another rule said
_VOCABULARIES = (
    "detection",
    "treatment",
    "compartment",
    "result_status",
    "modality",
    "ventilation",
    "verdict",
    "stop_reason",
)


def condition_in_words(says: str, language: Language) -> str:
    """A condition as its rule's file writes it, with its small words and coded values in the language; names of facts stay.

    >>> from cmvmon.text import language
    >>> condition_in_words("not call is known", language("nl"))
    'niet call is bekend'
    >>> condition_in_words("compartment is one of csf, vitreous", language("nl"))
    'compartment is een van liquor, glasvocht'
    """

    def in_words(found: re.Match[str]) -> str:
        return found[1] + ", ".join(code_in_words(code, language) for code in found[2].split(", "))

    says = _CODES.sub(in_words, says)
    says = _BETWEEN.sub(lambda found: language.say(f"why.between.{found[0]}"), says)
    return column_in_words(says, language)


def column_in_words(name: str, language: Language) -> str:
    """A column of the evidence; what another rule said is told as that.

    >>> from cmvmon.text import language
    >>> column_in_words("ground.response.low_fall", language("en")), column_in_words("load", language("en"))
    ('response alerts by low_fall', 'load')
    """

    def told(found: re.Match[str]) -> str:
        rule, ground, judged = found.groups()
        if judged:
            return f"{language.say('why.between.verdict of')} {judged}"
        return f"{rule} {language.say('why.between.fires')} {ground}"

    return _OF_A_RULE.sub(told, name)


def code_in_words(code: str, language: Language) -> str:
    """The word of a coded value, of the first vocabulary that has it; a code without a word as it is.

    >>> from cmvmon.text import language
    >>> code_in_words("csf", language("nl")), code_in_words("UL97", language("nl"))
    ('liquor', 'UL97')
    """
    keys = (f"why.value.{code}", *(f"{vocabulary}.{code}" for vocabulary in _VOCABULARIES))
    return next((language.say(key) for key in keys if language.has(key)), code)

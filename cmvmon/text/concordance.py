"""Whether blood follows another compartment, in one plain sentence with its numbers. States what was shown; advises nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmvmon.domain import words
from cmvmon.protocol import Concordance
from cmvmon.text.language import Language


def concordance_sentence(row: Mapping[str, Any], language: Language, *, policy: Concordance) -> str:
    """What one row of `concordance` comes to: the answer, with n and interval, or how much is lacking.

    *No* is said only where the interval's upper end lies below the protocol's line; between, it was not shown.
    """
    said = {
        "followed": _capital(language.word("compartment", row["followed_compartment"])),
        "compartment": language.word("compartment", row["compartment"]),
    }
    is_unit = row["scope"] == "unit"
    pairs = language.count("concordance.pairs", row["n_pairs"])
    if is_unit:
        patients = language.count("concordance.patients", row["n_patients"])
        pairs = language.say("concordance.pairs_of_patients", pairs=pairs, patients=patients)
    if row["answer"] == words.TOO_FEW_PAIRS:
        sentence = language.say("concordance.too_few", why=_lacking(row, pairs, language, policy), **said)
    else:
        agreement = language.say(
            "concordance.agreement",
            agreeing=language.number(row["n_changes_agreeing"], 0),
            clear=language.number(row["n_changes_clear"], 0),
            interval=language.percent(policy.interval_probability),
            low=language.percent(row["direction_agreement_low"]),
            high=language.percent(row["direction_agreement_high"]),
            pairs=pairs,
        )
        refuted = row["direction_agreement_high"] < policy.follows_agreement
        key = "yes" if row["answer"] == words.FOLLOWS else "no" if refuted else "not_shown"
        sentence = language.say(f"concordance.{key}", agreement=agreement, **said)
    return language.say("concordance.unit", sentence=sentence) if is_unit else sentence


def no_pairs_sentence(compartment: str, followed: str, language: Language, *, policy: Concordance) -> str:
    """The sentence of a patient without any pair.

    >>> from types import SimpleNamespace
    >>> from cmvmon.text.language import language
    >>> no_pairs_sentence("bal", "plasma", language("nl"), policy=SimpleNamespace(patient_min_pairs=6.0))
    'Plasma volgt BAL: niet vastgesteld (te weinig paren: 0 van 6)'
    """
    row = {"scope": "patient", "compartment": compartment, "followed_compartment": followed, "n_pairs": 0}
    return concordance_sentence(row | {"answer": words.TOO_FEW_PAIRS}, language, policy=policy)


def standing_in_sentence(followed: str, compartments: str, language: Language) -> str:
    """That a blood compartment is judged for others (joined by `;`) that have no new result."""
    return language.say(
        "caveat.affected_stands_in",
        followed=_capital(language.word("compartment", followed)),
        compartments=language.words("compartment", compartments),
    )


def _lacking(row: Mapping[str, Any], pairs: str, language: Language, policy: Concordance) -> str:
    """The first of the needed numbers that is not reached: pairs, then patients, then clear changes."""
    is_unit = row["scope"] == "unit"
    needed = policy.unit_min_pairs if is_unit else policy.patient_min_pairs
    if row["n_pairs"] < needed:
        return _of("concordance.lacks_pairs", row["n_pairs"], needed, language)
    if is_unit and row["n_patients"] < policy.unit_min_patients:
        return _of("concordance.lacks_patients", row["n_patients"], policy.unit_min_patients, language)
    fewer = needed - (policy.unit_min_patients if is_unit else 1)
    if is_unit and row["n_changes_clear"] >= fewer:
        n = row["n_patients_clear"]
        return _of("concordance.lacks_patients_clear", n, policy.unit_min_patients, language)
    return f"{_of('concordance.lacks_changes', row['n_changes_clear'], fewer, language)}; {pairs}"


def _of(key: str, n: int, needed: float, language: Language) -> str:
    return language.say(key, n=language.number(n, 0), needed=language.number(needed, 0))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]

"""What is known of the words of laboratories: those of the laboratory files that ship with cmvmon, and some more headers.

A word that two of them use in two meanings is known to none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.units import KINDS
from cmvmon.feeds.value_grammar import fold

_HEADERS = {  # beside those of the shipped files; compared by `fold_header`
    "patient_id": ("patientid", "patient id", "patient", "patientnr", "patientnummer", "patientennummer", "mrn", "pid"),
    "accession_number": (
        "accession", "accession number", "order", "ordernummer", "aanvraagnr", "aanvraagnummer", "monsternummer", "auftragsnummer",
        "labnummer", "sample id",
    ),
    "test": ("test", "testcode", "analyse", "analyt", "bepalingcode", "test code"),
    "specimen": ("specimen", "material", "materiaal", "matrix", "specimen type", "probenart"),
    "assay": ("assay", "method", "methode", "kit"),
    "value": ("value", "result", "uitslag", "resultaat", "ergebnis", "waarde", "wert"),
    "unit": ("unit", "units", "eenheid", "einheit"),
    "comparator": ("comparator", "operator", "teken"),
    "collected_at": ("collected", "collected at", "collection date", "afname", "afnamedatum", "entnahme", "abnahmedatum"),
    "collected_time": ("collection time", "afnametijd", "entnahmezeit"),
    "reported_time": ("report time", "rapporttijd", "autorisatietijd", "befundzeit"),
    "reported_at": ("reported", "reported at", "resulted", "rapportdatum", "befunddatum", "autorisatie", "autorisatiedatum"),
    "result_status": ("status", "result status", "etat"),
    "born_on": ("born on", "birth date", "date of birth", "dob", "geboortedatum", "geburtsdatum", "date de naissance"),
    "comment": ("comment", "remark", "opmerking", "bemerkung", "commentaire"),
}  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """By folded text: our field of a header (`fold_header`), and of each kind of words what a word means (`fold`)."""

    headers: Mapping[str, str]
    specimens: Mapping[str, str]
    units: Mapping[str, str]
    statuses: Mapping[str, str]
    phrases: Mapping[str, str]


def vocabulary(laboratories: Iterable[Laboratory]) -> Vocabulary:
    """What those laboratory files know. Of files of messages the headers are places, and are left out."""
    known = list(laboratories)
    kinds = {unit: kind for kind, unit in KINDS.items()}
    headers = [(header, field) for lab in known if lab.format == "csv" for field, header in lab.columns.items()]
    headers += [(header, field) for field, names in _HEADERS.items() for header in names]
    return Vocabulary(
        _agreed(headers, fold_header),
        _agreed(pair for lab in known for pair in lab.specimens.items()),
        _agreed((text, kinds[unit]) for lab in known for text, unit in lab.grammar.units.items() if unit in kinds),
        _agreed(pair for lab in known if lab.format == "csv" for pair in lab.statuses.items()),
        _agreed(pair for lab in known for pair in lab.grammar.phrases.items()),
    )


def fold_header(text: str) -> str:
    """A header as headers are compared: as `fold`, without accents, and with a blank for whatever joins its words.

    >>> fold_header("Patiëntnummer"), fold_header("Patient_ID"), fold_header("result-status")
    ('patientnummer', 'patient id', 'result status')
    """
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return fold(re.sub(r"[_.:/-]+", " ", letters))


def _agreed(pairs: Iterable[tuple[str, str]], folded: Callable[[str], str] = fold) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for text, meaning in pairs:
        found.setdefault(folded(text), set()).add(meaning)
    return {text: min(meanings) for text, meanings in found.items() if len(meanings) == 1}

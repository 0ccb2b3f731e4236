"""The words of a sample by the kind of column: those that came of three patients or more, and how many others there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmvmon.feeds.drafting.sample import Sample
from cmvmon.feeds.drafting.vocabulary import Vocabulary
from cmvmon.feeds.masking import PATIENTS, told_words
from cmvmon.feeds.patient_ids import fold_id
from cmvmon.feeds.value_grammar import fold

LONGEST_CODE = 40  # characters of the code of a test or an assay
_MOST_WORDS = 60  # of one kind
_BESIDE_WORDS = re.compile(
    r"[<>=≤≥]*\s*(?<![^\W_])[0-9][0-9.,' ]*|[()\[\]]"
)  # what stands between the words of a value
_WORD_FIELDS = ("test", "specimen", "assay", "unit", "result_status", "value")


@dataclass(frozen=True)
class Words:
    """Words of one column: those that may be told with their counts, and how many others there are."""

    told: Mapping[str, int]
    n_others: int


def words_of(sample: Sample, known: Vocabulary) -> dict[str, Words]:
    """The words of each column; a unit that is printed beside the number counts as one of the units."""
    patients = [fold_id(cell) for cell in sample.cells["patient_id"]]
    seen = {of: list(zip(patients, sample.cells[of], strict=True)) for of in _WORD_FIELDS if of in sample.columns}
    parts = [(patient, part) for patient, cell in seen["value"] for part in _BESIDE_WORDS.split(cell)]
    units = [pair for pair in parts if fold(pair[1]) in known.units]
    seen["value"] = [pair for pair in parts if fold(pair[1]) not in known.units]
    if units:
        seen["unit"] = seen.get("unit", []) + units
    return {
        of: _words(pairs, patients=frozenset(patients), are_codes=of in ("test", "assay", "unit"))
        for of, pairs in seen.items()
    }


def _words(pairs: Sequence[tuple[str, str]], *, patients: frozenset[str], are_codes: bool) -> Words:
    """The words that may be told, the commonest first; one that is a patient's number too is none. Codes may hold digits."""
    cells = [(patient, cell.strip()) for patient, cell in pairs]
    counts = Counter(cell for _, cell in cells if any(mark.isalpha() for mark in cell))
    may_be_told = told_words(cells)
    if are_codes:
        having: dict[str, set[str]] = {}
        for patient, cell in cells:
            having.setdefault(cell, set()).add(patient)
        may_be_told |= {cell for cell, of in having.items() if len(of - {""}) >= PATIENTS and len(cell) <= LONGEST_CODE}
    told = [word for word, _ in counts.most_common() if word in may_be_told and fold_id(word) not in patients]
    return Words({word: counts[word] for word in told[:_MOST_WORDS]}, len(counts) - len(told[:_MOST_WORDS]))

"""The order of verdicts: by patient, compartment, subject and rule, what is not known first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.rules.joining import Joined
from cmvmon.rules.rulebook import Rule

_OF_A_SUBJECT = ("patient_id", "compartment", "subject")
ORDER = (*_OF_A_SUBJECT, "rule")
_FEW = 10_000  # verdicts: so many are sorted sooner than counted


def in_order(verdicts: pl.DataFrame, spoken: Sequence[Rule], joined: Joined) -> pl.DataFrame:
    """The verdicts in their order. Of many, subjects are sorted, each once, and not each of their verdicts.

    Args:
        verdicts: rule by rule, of each rule in the order of its subjects.
        spoken: those rules, in that order, each noted in `joined` with the subjects that it spoke of.
    """
    if verdicts.height <= _FEW:
        return verdicts.sort(ORDER, nulls_last=False)
    ranks = _ranks(joined)
    by_code = {code: place for place, code in enumerate(sorted(rule.code for rule in spoken))}
    number = np.concatenate([ranks[rule.code] * len(spoken) + by_code[rule.code] for rule in spoken])
    return verdicts[np.argsort(number, kind="stable")]


def _ranks(joined: Joined) -> dict[str, npt.NDArray[np.int64]]:
    """For each verdict of each rule the place of its subject among all subjects."""
    lists, begins, height = [], {}, 0
    for listed, noted in joined.noted.items():
        first = noted[0][0]
        subjects = joined.subjects(first)
        where = [name for name in _OF_A_SUBJECT[:2] if name in subjects.columns]
        lists.append(subjects.select(where).with_columns(subject=joined.subject_texts(first)))
        begins[listed] = height
        height += subjects.height
    rows = pl.concat(lists, how="diagonal").select(_OF_A_SUBJECT).with_row_index("row")
    rows = rows.sort(_OF_A_SUBJECT, nulls_last=False)
    is_new = rows.select(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in _OF_A_SUBJECT))
    rank = np.empty(height, dtype=np.int64)
    rank[rows["row"].to_numpy()] = np.cumsum(is_new.to_series().fill_null(True).to_numpy())
    found = {}
    for listed, noted in joined.noted.items():
        of_list = rank[begins[listed] :]
        for rule, which in noted:
            n = joined.subjects(rule).height
            found[rule.code] = of_list[:n] if which is None else of_list[:n][which.to_numpy()]
    return found

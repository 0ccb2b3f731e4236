"""Of which rows the conditions of a rule hold: each question is asked once, however many conditions are joined from it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from operator import and_, or_

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.facts.conditions import Always, AnyOf, Condition, Not

Truths = npt.NDArray[np.bool_]


def asked(conditions: Iterable[Condition], frame: pl.DataFrame) -> dict[Condition, Truths]:
    """Of which rows of the frame each of the conditions holds, and each condition that it is joined from.

    Questions are asked of polars in one step; what is joined from them follows by arrays of truth, for a condition is never null.
    Raises polars' ColumnNotFoundError where a column is not there that a condition reads, also of a frame without rows.
    """
    told = tuple(dict.fromkeys(conditions))
    questions = _questions(told)
    if frame.is_empty():  # often: most rules apply to few patients. What they read must be there all the same
        frame.select(sorted({column for condition in told for column in condition.columns}))
        found = [np.zeros(0, dtype=np.bool_)] * len(questions)
    else:
        answers = frame.select(_numbered(questions))
        found = [answer.to_numpy() for answer in answers.iter_columns()]
    holds = dict(zip(questions, found, strict=True))
    for condition in told:
        _join(condition, holds, frame.height)
    return holds


@lru_cache(maxsize=1_000)
def _questions(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Everything that these conditions ask themselves, each once; `otherwise` asks nothing of a row."""
    found = dict.fromkeys(question for condition in conditions for question in condition.questions())
    return tuple(question for question in found if not isinstance(question, Always))


@lru_cache(maxsize=1_000)
def _numbered(questions: tuple[Condition, ...]) -> list[pl.Expr]:
    return [question.expr.alias(str(place)) for place, question in enumerate(questions)]


def _join(condition: Condition, holds: dict[Condition, Truths], height: int) -> Truths:
    if condition not in holds:
        parts = [_join(part, holds, height) for part in condition.parts]
        if isinstance(condition, Always):
            holds[condition] = np.ones(height, dtype=np.bool_)
        elif isinstance(condition, Not):
            holds[condition] = ~parts[0]
        else:
            holds[condition] = reduce(or_ if isinstance(condition, AnyOf) else and_, parts)
    return holds[condition]

"""What need not be computed because it is of nobody: most patients have no drug level, no renal replacement, no genotype.

Judging one patient takes hundreds of small steps over empty tables otherwise: half of the time of one new result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import ProgramError
from cmvmon.facts.fact_table import Facts

_More = ParamSpec("_More")
_Computes = Callable[Concatenate[Facts, _More], pl.DataFrame]


def nobody_without(*tables: RowType) -> Callable[[_Computes[_More]], _Computes[_More]]:
    """Marks a function of facts, and perhaps of frames, that gives no row where one of these delivered tables, or of the frames,
    has none.

    It is then computed once in a process, for its columns. Raises ProgramError where it gave a row all the same. The marked function
    holds these tables as `marked_without`.
    """

    def marked(compute: _Computes[_More]) -> _Computes[_More]:
        of_nobody: dict[object, pl.DataFrame] = {}

        @wraps(compute)
        def asked(facts: Facts, /, *frames: _More.args, **named: _More.kwargs) -> pl.DataFrame:
            given = [frame for frame in frames if isinstance(frame, pl.DataFrame)]
            begun = facts.prepared.begun
            if all(not frame.is_empty() for frame in (*(begun[rows] for rows in tables), *given)):
                return compute(facts, *frames, **named)
            columns = tuple(tuple(frame.schema.items()) for frame in given)
            if columns not in of_nobody:
                found = compute(facts, *frames, **named)
                if not found.is_empty():
                    raise ProgramError(f"{compute.__module__}.{compute.__qualname__} gives a row of nobody")
                of_nobody[columns] = found
            return of_nobody[columns]

        asked.marked_without = tables  # type: ignore[attr-defined]
        return asked

    return marked

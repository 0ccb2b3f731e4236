"""How the series stood before any of their results was corrected or withdrawn, so that it is seen what a laboratory takes back."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cmvmon.domain import words


def before_corrections(versions: pl.DataFrame, steps_of: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame | None:
    """`steps` of the patients of whom a result was corrected or withdrawn, as if none had been; None where none was.

    Args:
        versions: every version of `viral_load_results` that is known.
        steps_of: gives `cmvmon.kinetics.moved.steps.steps` of such versions.
    """
    is_changed = pl.col("result_status").is_in(words.CHANGES_A_RESULT)
    changed = versions.filter(is_changed)
    if changed.is_empty():  # nearly always
        return None
    return steps_of(versions.filter(~is_changed).join(changed, on="patient_id", how="semi"))

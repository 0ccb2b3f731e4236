"""How the series stood before any of their results was corrected or withdrawn, so that it is seen what a laboratory takes back."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.moved_together import WAYS
from cmvmon.kinetics.moved.steps import came_at


def before_corrections(versions: pl.DataFrame, steps_of: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame | None:
    """`steps` of the patients of whom a result was corrected or withdrawn, as if none had been; None where none was.

    Besides, for `up` and `down`, `<way>_corrected_at`: when the first such change came that followed on the result which moved
    (moment, UTC; null: none did).

    Args:
        versions: every version of `viral_load_results` that is known.
        steps_of: gives `cmvmon.kinetics.moved.steps.steps` of such versions.
    """
    is_changed = pl.col("result_status").is_in(words.CHANGES_A_RESULT)
    changed = versions.filter(is_changed)
    if changed.is_empty():  # nearly always
        return None
    before = steps_of(versions.filter(~is_changed).join(changed, on="patient_id", how="semi"))
    for way in WAYS:
        came = changed.select("patient_id", came_at=came_at()).join(before, on="patient_id")
        later = came.filter(pl.col("came_at") >= pl.col(f"{way}_known_at")).group_by("patient_id")
        before = before.join(
            later.agg(pl.col("came_at").min().alias(f"{way}_corrected_at")), on="patient_id", how="left"
        )
    return before

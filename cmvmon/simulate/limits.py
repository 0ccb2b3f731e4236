"""What a simulated value may be: read from the promises of the row types, so that nothing simulated breaks one."""

from __future__ import annotations

from datetime import datetime

from cmvmon.domain.columns import RowType
from cmvmon.domain.constraints import Between, NotBefore


def number_limits(row_type: RowType, column: str) -> tuple[float, float]:
    """Lowest and highest value that the row type promises for a number; infinite where it promises none.

    >>> from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
    >>> number_limits(VIRAL_LOAD_RESULTS, "viral_load_iu_per_ml")
    (0.0, 1000000000000.0)
    """
    low, high = float("-inf"), float("inf")
    for constraint in row_type.column(column).constraints:
        if isinstance(constraint, Between):
            given = [limit for limit in (constraint.above, constraint.at_least) if limit is not None]
            low = max([low, *given])
            high = min(high, high if constraint.at_most is None else constraint.at_most)
    return low, high


def moment_limits(row_type: RowType) -> tuple[datetime, datetime]:
    """Earliest and latest moment that every column of the row type allows.

    Raises ValueError when the row type promises nothing about its moments.
    """
    spans = [c for column in row_type.columns for c in column.constraints if isinstance(c, NotBefore)]
    if not spans:
        raise ValueError(f"{row_type.name} promises nothing about its moments; give one of its columns a NotBefore")
    return max(c.earliest for c in spans), min(c.latest for c in spans)

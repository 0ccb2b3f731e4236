"""The load that a series has reached and not clearly fallen below since: what keeps an alert at a line from coming and going."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import before_in_series, ends_of, last_where, least_later, most_of
from cmvmon.facts.columns import OF_A_SAMPLE, PATIENT_ID, load, named, sample, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points

_NONE = "the latest has no load"
_DAY_US = 86_400_000_000

HELD_LOADS = RowType(
    name="held_loads",
    description="The load that each series that is judged has reached in the last days and not clearly fallen below since. "
    "Conflicting results are left out. No row: the latest has no load.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *sample("held", "the sample that reached it, the last of several", _NONE),
        load(
            "held_at_least_iu_per_ml", "The highest line that was reached and has not clearly been left since.", _NONE
        ),
    ),
)


@fact_table(HELD_LOADS)
def held_loads(facts: Facts) -> pl.DataFrame:
    """Source: rules.md 3.0; docs/decisions/0087."""
    held = facts.shared(held_of_points).select("series", *named("held"), held_at_least_iu_per_ml="held")
    return facts.shared(recent_numbers).select(*SERIES_KEY, "series").join(held, on="series", maintain_order="left")


def held_of_points(facts: Facts) -> pl.DataFrame:
    """`held_of` every point of the series that are judged."""
    return held_of(facts.shared(points), facts)


def held_of(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Of each series whose latest point has a load: `held`, the sample that reached it, and `held_two`, the same of two in a row.

    A line is reached by a load at or above it, at most `[watched] held_within_days` before the latest, and left by one more than
    `held_log10` below it (`held_lower_airway_log10` in the lower airways). The highest line that was reached and not left says of
    every line whether it was: `held` is never less than the latest load, and the same whatever came in which order.

    Args:
        rows: points, sorted by series and moment, or some of them.
    """
    policy = facts.protocol.watched
    found = ends_of(rows)
    at = rows["collected_at"].to_physical().to_numpy()
    one = rows["at_least"].fill_null(0.0).to_numpy()
    two = np.minimum(one, before_in_series(rows, one, first=0.0))
    within = round(policy.held_within_days * _DAY_US)
    lately = np.flatnonzero(np.repeat(at[found.last], found.n_rows) - at <= within)
    rows, one, two = rows[lately], one[lately], two[lately]
    ends = ends_of(rows)
    airway, other = 10.0**policy.held_lower_airway_log10, 10.0**policy.held_log10
    times = np.repeat(np.where(_is_airway(ends.series, facts), airway, other), ends.n_rows)
    held, held_two = (np.fmin(loads, least_later(ends, loads) * times) for loads in (one, two))
    most = most_of(ends, held)
    best = last_where(ends, (held > 0.0) & (held == np.repeat(most, ends.n_rows)))
    of_two = np.repeat(most_of(ends, held_two), ends.n_rows)[best]
    return (
        rows[best]
        .select("series", *OF_A_SAMPLE)
        .with_columns(held=pl.Series(held[best]), held_two=pl.Series(of_two, nan_to_null=True).replace(0.0, None))
    )


def _is_airway(numbers: pl.Series, facts: Facts) -> npt.NDArray[np.bool_]:
    """Whether the series of these numbers, in order, are of the lower airways."""
    known = facts.shared(recent_numbers)
    places = np.searchsorted(known["series"].to_numpy(), numbers.to_numpy())
    return known["compartment"].is_in(compartments.LOWER_RESPIRATORY).to_numpy()[places]

"""Series and compartments whose newest result came from a laboratory of which nothing is heard, though others send."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import numbered_series
from cmvmon.facts.columns import PATIENT_ID, PLACE, moment, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING

_NOT_SILENT = "it is not silent, or the compartment was sampled since with a result of another"

SILENT_SERIES = RowType(
    name="silent_series",
    description="A series of a laboratory that has been silent for longer than its file says.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        moment("series_heard_at", "When the laboratory of the series was last heard of.", _NOT_SILENT),
    ),
)
SILENT_FOLLOW_UP = RowType(
    name="silent_follow_up",
    description="A patient whose newest blood, or newest sample of a leading compartment, was measured by such a laboratory.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment("blood_heard_at", "When the laboratory of the newest blood result was last heard of.", _NOT_SILENT),
        moment(
            "leading_heard_at",
            "The same of the leading compartments that are not blood; of several the last.",
            _NOT_SILENT,
        ),
    ),
)


@fact_table(SILENT_SERIES)
def silent_series(facts: Facts) -> pl.DataFrame:
    """A laboratory's results come by its own feed. Where its feed is silent, a newer result of the series may exist that did not
    come. A sample of the compartment that another laboratory measured, taken since, says that it is followed there.

    Source: rules.md section 5, by laboratory: a proposal of this project.
    """
    return facts.shared(_silent).select(*SERIES_KEY, "series_heard_at")


@fact_table(SILENT_FOLLOW_UP)
def silent_follow_up(facts: Facts) -> pl.DataFrame:
    """Of several matrices of blood the one that was sampled last counts. Source: as above."""
    newest = facts.shared(_silent).filter(pl.col("newest_collected_at") == pl.col("newest_of_place"))
    in_blood = pl.col("compartment").is_in(compartments.BLOOD)
    last_blood = (
        facts.shared(numbered_series)
        .filter(in_blood)
        .group_by("patient_id")
        .agg(last_blood_at=pl.col("newest_collected_at").max())
    )
    blood = (
        newest.filter(in_blood)
        .join(last_blood, on="patient_id")
        .filter(pl.col("newest_collected_at") == pl.col("last_blood_at"))
        .group_by("patient_id")
        .agg(blood_heard_at=pl.col("series_heard_at").max())
    )
    leading = (
        newest.filter(~in_blood)
        .join(facts.of(LEADING).select(PLACE), on=PLACE, how="semi")
        .group_by("patient_id")
        .agg(leading_heard_at=pl.col("series_heard_at").max())
    )
    return blood.join(leading, on="patient_id", how="full", coalesce=True)


def _silent(facts: Facts) -> pl.DataFrame:
    """Series of silent laboratories that nothing newer of their compartment speaks for, with `series_heard_at`, `newest_collected_at`
    and, over all laboratories, `newest_of_place`."""
    silent = facts.prepared.begun.silent_laboratories
    if not silent:  # nearly always
        empty = dict.fromkeys(SERIES_KEY, pl.String) | dict.fromkeys(_MOMENTS, Kind.MOMENT.dtype)
        return pl.DataFrame(schema=empty)
    heard = pl.col("laboratory").replace_strict(dict(silent), default=None, return_dtype=Kind.MOMENT.dtype)
    newest, heard_at = pl.col("newest_collected_at"), pl.col("series_heard_at")
    elsewhere = newest.filter(heard_at.is_null()).max().over(PLACE)
    return (
        facts.shared(numbered_series)
        .with_columns(series_heard_at=heard)
        .with_columns(newest_of_place=newest.max().over(PLACE), elsewhere=elsewhere)
        .filter(heard_at.is_not_null() & (pl.col("elsewhere") <= heard_at).fill_null(True))
        .select(*SERIES_KEY, *_MOMENTS)
    )


_MOMENTS = ("series_heard_at", "newest_collected_at", "newest_of_place")

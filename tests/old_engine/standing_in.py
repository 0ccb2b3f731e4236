"""Blood that stands in for a stated or inferred compartment without a new result: only where it was shown to follow it.

Who would be harmed by a wrong *follows*: a patient whose lung gets worse while plasma falls, and whose lung nobody samples
because the page speaks of plasma. So the blood series is judged under its own name, beside the compartment, which stays
not assessable in sight: a state in blood never clears an alert of another compartment.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.protocol import Protocol

_FACTS = ("n_patients", "n_pairs", "n_changes_clear", "n_changes_agreeing", "direction_agreement_low")
SCHEMA: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "compartment": pl.String(),
    "affected_source": pl.String(),
    "stands_in_for": pl.String(),
    "stands_in_scope": pl.String(),
    "stands_in_n_patients": pl.Int64(),
    "stands_in_n_pairs": pl.Int64(),
    "stands_in_n_changes_clear": pl.Int64(),
    "stands_in_n_changes_agreeing": pl.Int64(),
    "stands_in_direction_agreement_low": pl.Float64(),
}


def standing_in(
    affected: pl.DataFrame,
    *,
    newest: pl.DataFrame,
    concordance: pl.DataFrame,
    protocol: Protocol,
    as_of: datetime,
) -> pl.DataFrame:
    """The blood series that are judged besides, one row each (`SCHEMA`): for which compartments, and on what ground.

    A compartment has no new result when it has no series, or its latest result is older than the protocol's
    `stale_after_days`. Blood stands in only with a result that is not older than that itself: stale blood tells nothing
    newer. Blood follows the compartment when the patient's own pairs show it, in the series of
    blood that is now the newest; else when the unit's do, unless the patient's own pairs are enough and do not, or more
    of her clear changes went apart than together. Of several blood compartments the newest, on a tie plasma, then whole
    blood, then serum. For several compartments at once the numbers are those of the one with the weakest ground.

    Args:
        affected: `patient_id`, `compartment` of the stated and inferred compartments.
        newest: the newest series of each patient and compartment.
        concordance: rows of the table `concordance`.
    """
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    last = newest.select("patient_id", "compartment", affected_collected_at="newest_collected_at")
    stale = pl.duration(hours=24 * protocol.concordance.stale_after_days)
    without_new = (
        affected.filter(~is_blood)
        .select("patient_id", "compartment")
        .join(last, on=["patient_id", "compartment"], how="left")
        .filter(pl.col("affected_collected_at").is_null() | (now - pl.col("affected_collected_at") > stale))
    )
    fresh = now - pl.col("newest_collected_at") <= stale
    blood = newest.filter(is_blood & fresh).rename({"compartment": "followed_compartment"})
    pairs = without_new.join(blood, on="patient_id")
    return _joined(_grounded(pairs, concordance))


def _grounded(pairs: pl.DataFrame, concordance: pl.DataFrame) -> pl.DataFrame:
    """The pairs of a compartment and a blood series for which blood was shown to follow, with the ground."""
    place = ["compartment", "followed_compartment"]
    of_unit = concordance.filter(pl.col("scope") == "unit")
    of_patient = concordance.filter(pl.col("scope") == "patient")
    series = [pl.col(name).alias(f"own_{name}") for name in ("followed_laboratory", "followed_assay")]
    known = pairs.join(
        of_patient.select(
            "patient_id", *place, *series, *(pl.col(n).alias(f"patient_{n}") for n in ("answer", *_FACTS))
        ),
        on=["patient_id", *place],
        how="left",
    ).join(of_unit.select(*place, *(pl.col(n).alias(f"unit_{n}") for n in ("answer", *_FACTS))), on=place, how="left")
    same_series = (pl.col("own_followed_laboratory") == pl.col("laboratory")) & (
        pl.col("own_followed_assay") == pl.col("assay")
    )
    by_patient = ((pl.col("patient_answer") == words.FOLLOWS) & same_series).fill_null(False)
    against = (pl.col("patient_answer") == words.FOLLOWS_NOT) | (
        2 * pl.col("patient_n_changes_agreeing") < pl.col("patient_n_changes_clear")
    )
    by_unit = (pl.col("unit_answer") == words.FOLLOWS).fill_null(False) & ~against.fill_null(False)
    return known.with_columns(
        stands_in_scope=pl.when(by_patient).then(pl.lit("patient")).when(by_unit).then(pl.lit("unit")),
        **{f"stands_in_{n}": pl.when(by_patient).then(f"patient_{n}").otherwise(f"unit_{n}") for n in _FACTS},
    ).filter(pl.col("stands_in_scope").is_not_null())


def _joined(grounded: pl.DataFrame) -> pl.DataFrame:
    """One blood compartment for each compartment of a patient; then one row for each blood compartment."""
    order = pl.Enum(compartments.BLOOD)
    chosen = (
        grounded.with_columns(order=pl.col("followed_compartment").cast(order))
        .sort("patient_id", "compartment", "newest_collected_at", "order", descending=[False, False, True, False])
        .unique(subset=["patient_id", "compartment"], keep="first", maintain_order=True)
        .sort("patient_id", "followed_compartment", "stands_in_direction_agreement_low", "compartment")
    )
    ground = [name for name in SCHEMA if name.startswith("stands_in_") and name != "stands_in_for"]
    return (
        chosen.group_by("patient_id", "followed_compartment", maintain_order=True)
        .agg(pl.col("compartment").sort().str.join(";").alias("stands_in_for"), *(pl.col(n).first() for n in ground))
        .rename({"followed_compartment": "compartment"})
        .with_columns(affected_source=pl.lit("stands_in"))
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    )

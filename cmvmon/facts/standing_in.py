"""Blood that stands in for a stated or inferred compartment without a new result: only where it was shown to follow it.

Who would be harmed by a wrong *follows*: a patient whose lung gets worse while plasma falls, and whose lung nobody samples
because the page speaks of plasma. So the blood series is judged under its own name, beside the compartment, which stays
not assessable in sight: a state in blood never clears an alert of another compartment.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, count, one_of
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING
from cmvmon.facts.newest_series import NEWEST_SERIES

_GROUND = ("n_patients", "n_pairs", "n_changes_clear", "n_changes_agreeing", "direction_agreement_low")
_NO_CHANGE = "no change is clear on both sides"

STANDING_IN = RowType(
    name="standing_in",
    description="Blood that is judged beside a compartment without a new result, and on what ground. Of several such "
    "compartments the numbers are those of the one with the weakest ground.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(),
        Column("stands_in_for", Kind.TEXT, "The compartments that it stands in for, sorted, joined by `;`."),
        one_of("stands_in_scope", words.CONCORDANCE_SCOPE, "Whose pairs show that blood follows."),
        count("stands_in_n_patients", "Patients with at least one pair."),
        count("stands_in_n_pairs", "Pairs of samples taken together."),
        count("stands_in_n_changes_clear", "Changes from one pair to the next beyond noise on both sides."),
        count("stands_in_n_changes_agreeing", "Of those, the ones in one direction."),
        Column(
            "stands_in_direction_agreement_low",
            Kind.NUMBER,
            "Lower end of the interval of their share.",
            null_means=_NO_CHANGE,
            constraints=(Between("stands_in_direction_agreement_low", at_least=0.0, at_most=1.0),),
        ),
    ),
)


@fact_table(STANDING_IN)
def standing_in(facts: Facts) -> pl.DataFrame:
    """The blood series that are judged besides, one row each.

    A compartment has no new result when it has no series, or its latest result is older than `[concordance]
    stale_after_days`. Blood stands in only with a result that is not older than that itself: stale blood tells nothing
    newer. Blood follows the compartment when the patient's own pairs show it, in the series of blood that is now the
    newest; else when the unit's do, unless the patient's own pairs are enough and do not, or more of her clear changes
    went apart than together. Of several blood compartments the newest, on a tie plasma, then whole blood, then serum.
    """
    newest, is_blood = facts.of(NEWEST_SERIES), pl.col("compartment").is_in(compartments.BLOOD)
    stale = pl.duration(hours=24 * facts.protocol.concordance.stale_after_days)
    is_recent = facts.now - pl.col("newest_collected_at") <= stale
    affected = facts.of(LEADING).filter(pl.col("leads_as").is_in([words.STATED, words.INFERRED])).select(PLACE)
    without_new = affected.filter(~is_blood).join(newest.filter(is_recent), on=PLACE, how="anti")
    if without_new.is_empty():
        return STANDING_IN.empty()
    blood = newest.filter(is_blood & is_recent).rename({"compartment": "followed_compartment"})
    grounded = _grounded(without_new.join(blood, on="patient_id"), facts.prepared.concordance)
    return _joined(grounded).join(affected, on=PLACE, how="anti")  # blood that is stated is judged as such


def _grounded(pairs: pl.DataFrame, concordance: pl.DataFrame) -> pl.DataFrame:
    """The pairs of a compartment and a blood series for which blood was shown to follow, with the ground."""
    place = ["compartment", "followed_compartment"]
    of_unit = concordance.filter(pl.col("scope") == "unit")
    of_patient = concordance.filter(pl.col("scope") == "patient")
    series = [pl.col(name).alias(f"own_{name}") for name in ("followed_laboratory", "followed_assay")]
    known = pairs.join(
        of_patient.select(
            "patient_id", *place, *series, *(pl.col(n).alias(f"patient_{n}") for n in ("answer", *_GROUND))
        ),
        on=["patient_id", *place],
        how="left",
    ).join(of_unit.select(*place, *(pl.col(n).alias(f"unit_{n}") for n in ("answer", *_GROUND))), on=place, how="left")
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
        **{f"stands_in_{n}": pl.when(by_patient).then(f"patient_{n}").otherwise(f"unit_{n}") for n in _GROUND},
    ).filter(pl.col("stands_in_scope").is_not_null())


def _joined(grounded: pl.DataFrame) -> pl.DataFrame:
    """One blood compartment for each compartment of a patient; then one row for each blood compartment."""
    ground = ("stands_in_scope", *(f"stands_in_{name}" for name in _GROUND))
    return (
        grounded.with_columns(order=pl.col("followed_compartment").cast(pl.Enum(compartments.BLOOD)))
        .sort("patient_id", "compartment", "newest_collected_at", "order", descending=[False, False, True, False])
        .unique(subset=PLACE, keep="first", maintain_order=True)
        .sort("patient_id", "followed_compartment", "stands_in_direction_agreement_low", "compartment")
        .group_by("patient_id", "followed_compartment", maintain_order=True)
        .agg(pl.col("compartment").sort().str.join(";").alias("stands_in_for"), pl.col(ground).first())
        .rename({"followed_compartment": "compartment"})
    )

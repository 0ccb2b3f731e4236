"""Whether kidney function stayed in one state over a span of time: shared by the facts about levels, no fact table itself.

One state is one row of the table of doses: renal replacement throughout, or none and a steady kidney in one band.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain.kidney_function import (
    CREATININE,
    EGFR,
    FOSCARNET_LABEL,
    KIDNEY_FUNCTION,
    MG_PER_DL,
    ML_PER_MIN,
    STANDARD_SURFACE_M2,
    UMOL_PER_L_OF_ONE_MG_PER_DL,
)
from cmvmon.domain.renal_replacement import CONTINUOUS, RENAL_REPLACEMENT
from cmvmon.facts.columns import by_constant
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.kidney_days import is_kidney_in_doubt
from cmvmon.facts.nobody import nobody_without

STEADY, REPLACED, NOT_STEADY, CHANGED, UNREAD, UNKNOWN = STATES = (
    "steady",
    "renal_replacement",
    "kidney_function_not_steady",
    "kidney_state_changed",
    "kidney_function_unread",
    "kidney_function_unknown",
)
_NO_MODALITY = pl.lit(None, dtype=pl.String)


def kidney_states(facts: Facts, spans: pl.DataFrame) -> pl.DataFrame:
    """For each span (`span`, patient_id, group, from_at, to_at) its `kidney_state`, and `modality` where renal replacement ran.

    Replacement throughout, or none: for so long before and in it; creatinine that did not move; every clearance in one band of
    the group's doses; and a value of no more than some days before both ends. `group` null: bands are not looked at.
    Source: rules.md section 2.
    """
    is_unread = is_kidney_in_doubt(facts, pl.col("from_at"))
    found = spans
    for part in (_replacement(facts, spans), _moved(facts, spans), _values(facts, spans)):
        found = found.join(part, on="span", how="left")
    yes = {
        name: pl.col(name).fill_null(False) for name in ("covers", "overlaps", "is_near", "moved", "bands", "is_known")
    }
    state = (
        pl.when(is_unread)
        .then(pl.lit(UNREAD))
        .when(yes["covers"])
        .then(pl.lit(REPLACED))
        .when(yes["overlaps"])
        .then(pl.lit(CHANGED))
        .when(yes["is_near"] | yes["moved"])
        .then(pl.lit(NOT_STEADY))
        .when(yes["bands"])
        .then(pl.lit(CHANGED))
        .when(yes["is_known"])
        .then(pl.lit(STEADY))
        .otherwise(pl.lit(UNKNOWN))
    )
    return found.select("span", kidney_state=state, modality=pl.when(yes["covers"]).then("modality"))


@nobody_without(RENAL_REPLACEMENT)
def _replacement(facts: Facts, spans: pl.DataFrame) -> pl.DataFrame:
    """Periods that lie no further apart than the protocol says are one; a session of dialysis stands until the next one."""
    after = pl.duration(hours=facts.protocol.exposure.unsteady_after_replacement_h)
    gap = pl.duration(hours=facts.protocol.level_timing.replacement_gap_h)
    stopped, is_continuous = pl.col("stopped_at").fill_null(facts.now), pl.col("modality").is_in(CONTINUOUS)
    rows = (
        facts.prepared.begun[RENAL_REPLACEMENT]
        .with_columns(
            until=pl.when(is_continuous).then(stopped).otherwise(stopped + after), steady_from=stopped + after
        )
        .sort("patient_id", "started_at", "modality")
    )
    begins = pl.col("started_at") > pl.col("until").cum_max().shift(1).over("patient_id") + gap
    periods = (
        rows.with_columns(period=begins.fill_null(True).cum_sum().over("patient_id"))
        .group_by("patient_id", "period")
        .agg(pl.col("started_at").min(), pl.col("until").max(), pl.col("steady_from").max(), pl.col("modality").last())
    )
    overlaps = (pl.col("started_at") <= pl.col("to_at")) & (pl.col("until") >= pl.col("from_at"))
    covers = (pl.col("started_at") <= pl.col("from_at")) & (pl.col("until") >= pl.col("to_at"))
    is_near = (pl.col("started_at") <= pl.col("from_at")) & (pl.col("steady_from") > pl.col("from_at"))
    return (
        spans.join(periods, on="patient_id")
        .with_columns(overlaps=overlaps, covers=covers, is_near=is_near)
        .sort("span", "started_at")
        .group_by("span")
        .agg(
            pl.col("overlaps", "covers", "is_near").any(),
            modality=pl.col("modality").filter(pl.col("covers")).last(),
        )
    )


@nobody_without(KIDNEY_FUNCTION)
def _moved(facts: Facts, spans: pl.DataFrame) -> pl.DataFrame:
    """Whether two values of creatinine, so many hours apart at most, differ by more than the protocol allows."""
    policy = facts.protocol.exposure
    within = pl.duration(hours=policy.creatinine_moved_within_h)
    value = pl.col("kidney_value")
    micromoles = pl.when(pl.col("unit") == MG_PER_DL).then(value * UMOL_PER_L_OF_ONE_MG_PER_DL).otherwise(value)
    rows = (
        facts.prepared.begun[KIDNEY_FUNCTION]
        .filter(pl.col("method") == CREATININE)
        .select("patient_id", at="measured_at", micromoles=micromoles)
    )
    near = spans.join(rows, on="patient_id").filter(
        (pl.col("at") >= pl.col("from_at") - within) & (pl.col("at") <= pl.col("to_at"))
    )
    near = near.select("span", "at", "micromoles")
    moved = (pl.col("micromoles") - pl.col("micromoles_earlier")).abs().round(6) > policy.creatinine_moved_umol_per_l
    return (
        near.join(near, on="span", suffix="_earlier")
        .filter((pl.col("at_earlier") <= pl.col("at")) & (pl.col("at_earlier") >= pl.col("at") - within))
        .group_by("span")
        .agg(moved=moved.any())
    )


@nobody_without(KIDNEY_FUNCTION)
def _values(facts: Facts, spans: pl.DataFrame) -> pl.DataFrame:
    """Whether a value is known at both ends, and whether clearances of one method lie in more than one band."""
    holds, one_day = pl.duration(hours=24 * facts.protocol.exposure.kidney_value_holds_days), pl.duration(hours=24)
    at = pl.col("measured_at")
    surface = by_constant(pl.col("body_surface_m2"), STANDARD_SURFACE_M2)
    value = pl.when(pl.col("method") == EGFR).then(pl.col("kidney_value") * surface).otherwise("kidney_value")
    rows = facts.prepared.begun[KIDNEY_FUNCTION].select(
        "patient_id",
        "method",
        "measured_at",
        value=pl.when(~pl.col("method").is_in([CREATININE, FOSCARNET_LABEL])).then(value),
    )
    near = spans.join(rows, on="patient_id").filter((at > pl.col("from_at") - holds) & (at <= pl.col("to_at")))
    place = pl.lit(None, dtype=pl.Int64)
    for group, table in facts.protocol.doses.items():
        if table.kidney_in == ML_PER_MIN:
            is_here = (pl.col("group") == group) & (at >= pl.col("from_at"))
            place = (
                pl.when(is_here.fill_null(False)).then(table.place_of(pl.col("value"), _NO_MODALITY)).otherwise(place)
            )
    bands = near.with_columns(place=place).group_by("span", "method").agg(n=pl.col("place").drop_nulls().n_unique())
    ends = near.group_by("span").agg(
        is_known=(at > pl.col("to_at") - holds).any() & (at <= pl.col("from_at") + one_day).any()
    )
    return ends.join(bands.group_by("span").agg(bands=(pl.col("n") > 1).any()), on="span", how="left")

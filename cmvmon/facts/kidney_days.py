"""The kidney function that sets the band of each day: shared by the facts about doses, no fact table itself.

A day is 24 hours from the start of the response clock on. Only days that are over are judged.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.kidney_function import (
    COCKCROFT_GAULT,
    CREATININE,
    EGFR,
    FOSCARNET_LABEL,
    KIDNEY_FUNCTION,
    MEASURED,
    MG_PER_DL,
    STANDARD_SURFACE_M2,
    UMOL_PER_L_OF_ONE_MG_PER_DL,
)
from cmvmon.domain.renal_replacement import CONTINUOUS, RENAL_REPLACEMENT
from cmvmon.facts.columns import by_constant
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.treatment import TREATMENT

_OF_A_DAY = ["patient_id", "day"]
_RANK = {EGFR: 0, COCKCROFT_GAULT: 1, FOSCARNET_LABEL: 2, MEASURED: 3}  # of several at one moment the last
TREATED = "treatment"  # the intent of a dose
UNSTEADY, UNREAD = "kidney_function_not_steady", "kidney_function_unread"


def treated_days(facts: Facts) -> pl.DataFrame:
    """Every day that is over of the running response clock of each patient on treatment: `day` from 0, `starts`, `ends`.

    A day is over once what was given on it could have been delivered: the doses of this morning often come tonight, and a day of
    which half was delivered is no day of half a dose. Where doses were last heard of longer than a day ago, the days since are
    days of which nothing is known. Of patients without a dose on record there is none: what they cost would be for nothing.
    """
    with_doses = facts.prepared.begun[DOSES_GIVEN].select("patient_id").unique()
    is_on = pl.col("treatment") == words.TREATMENT_ON
    treated = (
        facts.of(TREATMENT)
        .filter(is_on)
        .select("patient_id", "anchor_at")
        .join(with_doses, on="patient_id", how="semi")
    )
    return _days_since(facts, treated)


def _days_since(facts: Facts, anchors: pl.DataFrame) -> pl.DataFrame:
    """Every day that is over since the `anchor_at` of each patient."""
    one_day = pl.duration(hours=24)
    heard = facts.prepared.begun.last_heard_of(DOSES_GIVEN)
    until = facts.now if heard is None or facts.as_of - heard > timedelta(days=1) else pl.lit(min(heard, facts.as_of))
    n_days = (until - pl.col("anchor_at")).dt.total_seconds() // 86_400
    return (
        anchors.with_columns(day=pl.int_ranges(0, n_days))
        .explode("day", empty_as_null=False)
        .with_columns(starts=pl.col("anchor_at") + pl.col("day") * one_day)
        .with_columns(ends=pl.col("starts") + one_day)
    )


def dosed_days(facts: Facts) -> pl.DataFrame:
    """The treated days, and of who is not on treatment the days of prophylaxis, with `purpose`: `treatment` or `prophylaxis`.

    Prophylaxis counts from its first dose on record, begun anew after a gap that ends a course: what was given at home is not known.
    """
    treated = facts.shared(treated_days).with_columns(purpose=pl.lit(TREATED))
    policy, begun = facts.protocol.response_clock, facts.prepared.begun
    gap = pl.duration(hours=24 * policy.same_course_gap_days)
    is_dose = (pl.col("indication") == words.PROPHYLAXIS) & (pl.col("administered") == GIVEN)
    doses = begun[DOSES_GIVEN].filter(is_dose & pl.col("drug").is_in(list(facts.protocol.drugs)))
    begins = pl.col("given_at") > pl.col("given_at").shift(1).over("patient_id") + gap
    anchors = (
        facts.of(TREATMENT)
        .filter((pl.col("treatment") != words.TREATMENT_ON) & pl.col("has_prophylaxis"))
        .join(doses.select("patient_id", "given_at").sort("patient_id", "given_at"), on="patient_id")
        .sort("patient_id", "given_at")
        .with_columns(spell=begins.fill_null(True).cum_sum().over("patient_id"))
        .filter(pl.col("spell") == pl.col("spell").max().over("patient_id"))
        .group_by("patient_id", maintain_order=True)
        .agg(anchor_at=pl.col("given_at").min())
    )
    return pl.concat([treated, _days_since(facts, anchors).with_columns(purpose=pl.lit(words.PROPHYLAXIS))])


def kidney_days(facts: Facts) -> pl.DataFrame:
    """Of each such day `modality` (renal replacement, null: none), `ml_per_min`, `ml_per_min_per_kg`, and `kidney_unknown`.

    The latest value of the last days counts (`[exposure] kidney_value_holds_days`). Creatinine sets no band, and nothing
    that is computed from it does, until so long after renal replacement, and where it moved: there a clearance that was
    measured since is the only one. A session of dialysis that is not continuous stands for the time until the next one. An
    eGFR is de-indexed by body surface, or sets no band. A clearance is divided by the weight it was computed with, else by
    the dosing weight; what the foscarnet label's formula gives is by weight already. Source: rules.md section 2.
    """
    return kidney_of(facts, facts.shared(dosed_days))


def kidney_of(facts: Facts, days: pl.DataFrame) -> pl.DataFrame:
    """The same of any spans of time that are told apart by patient and `day`, with `starts` and `ends`."""
    with_state = days.join(_replacement(facts, days), on=_OF_A_DAY, how="left", maintain_order="left").join(
        _moved(facts, days), on=_OF_A_DAY, how="left", maintain_order="left"
    )
    unsteady_since = pl.max_horizontal("replaced_until", "moved_since")
    with_state = with_state.with_columns(unsteady_since=unsteady_since)
    found = with_state.join(_values(facts, with_state), on=_OF_A_DAY, how="left", maintain_order="left")
    is_unread = is_kidney_in_doubt(facts, pl.col("ends"))
    is_unsteady = pl.col("unsteady_since").is_not_null() & pl.col("ml_per_min").is_null() & pl.col("modality").is_null()
    return found.with_columns(
        kidney_unknown=pl.when(is_unread).then(pl.lit(UNREAD)).when(is_unsteady).then(pl.lit(UNSTEADY)),
        modality=pl.when(~is_unread).then("modality"),
        ml_per_min=pl.when(~is_unread).then("ml_per_min"),
        ml_per_min_per_kg=pl.when(~is_unread).then("ml_per_min_per_kg"),
    ).select(*days.columns, "modality", "ml_per_min", "ml_per_min_per_kg", "kidney_unknown")


def is_kidney_in_doubt(facts: Facts, at: pl.Expr) -> pl.Expr:
    """Whether a row that could not be used may say something of kidney function at that moment: a value as far as one is looked
    back for, a period of renal replacement for good, since it may run still."""
    begun, policy = facts.prepared.begun, facts.protocol.exposure
    looks_back = pl.duration(hours=max(24 * policy.kidney_value_holds_days, policy.creatinine_moved_within_h))
    is_replaced = pl.col("patient_id").is_in(sorted(begun.unread_of(RENAL_REPLACEMENT)))
    return is_in_doubt(begun, KIDNEY_FUNCTION, at - looks_back) | is_replaced


@nobody_without(RENAL_REPLACEMENT)
def _replacement(facts: Facts, days: pl.DataFrame) -> pl.DataFrame:
    """Of each day the renal replacement that ran in it, until when, where creatinine is still its work, and from when no more."""
    policy = facts.protocol.exposure
    after = pl.duration(hours=policy.unsteady_after_replacement_h)
    holds = pl.duration(hours=24 * policy.kidney_value_holds_days)
    stopped = pl.col("stopped_at").fill_null(facts.now)
    periods = facts.prepared.begun[RENAL_REPLACEMENT].select(
        "patient_id",
        "modality",
        "started_at",
        stopped=stopped,
        runs_until=pl.when(pl.col("modality").is_in(CONTINUOUS)).then(stopped).otherwise(stopped + after),
    )
    near = days.join(periods, on="patient_id").filter(
        (pl.col("started_at") < pl.col("ends")) & (pl.col("stopped") + after + holds > pl.col("starts"))
    )
    runs = pl.col("runs_until") > pl.col("starts")
    is_near = pl.col("stopped") + after > pl.col("starts")
    return (
        near.sort("started_at", "modality")
        .group_by(_OF_A_DAY)
        .agg(
            modality=pl.col("modality").filter(runs).last(),
            replaced_until=pl.min_horizontal("stopped", "ends").filter(is_near).max(),
            steady_from=(pl.col("stopped") + after).max(),
        )
    )


def creatinine_umol_per_l(facts: Facts) -> pl.DataFrame:
    """Every creatinine on record: `patient_id`, `measured_at`, `micromoles` (umol/L), whatever unit it was reported in."""
    micromoles = (
        pl.when(pl.col("unit") == MG_PER_DL)
        .then(pl.col("kidney_value") * UMOL_PER_L_OF_ONE_MG_PER_DL)
        .otherwise("kidney_value")
    )
    return (
        facts.prepared.begun[KIDNEY_FUNCTION]
        .filter(pl.col("method") == CREATININE)
        .select("patient_id", "measured_at", micromoles=micromoles)
    )


@nobody_without(KIDNEY_FUNCTION)
def _moved(facts: Facts, days: pl.DataFrame) -> pl.DataFrame:
    """The days before whose end creatinine moved, with the moment from which only a measured clearance counts."""
    policy = facts.protocol.exposure
    since = pl.col("ends") - pl.duration(hours=policy.creatinine_moved_within_h)
    moved = (pl.col("micromoles").max() - pl.col("micromoles").min()).round(6)
    return (
        days.join(facts.shared(creatinine_umol_per_l), on="patient_id")
        .filter((pl.col("measured_at") >= since) & (pl.col("measured_at") <= pl.col("ends")))
        .group_by(_OF_A_DAY)
        .agg(moved=moved, moved_since=pl.col("measured_at").min())
        .filter(pl.col("moved") > policy.creatinine_moved_umol_per_l)
        .select(*_OF_A_DAY, "moved_since")
    )


@nobody_without(KIDNEY_FUNCTION)
def _values(facts: Facts, days: pl.DataFrame) -> pl.DataFrame:
    """Of each day the latest clearance that may set its band, in mL/min and by weight."""
    holds = pl.duration(hours=24 * facts.protocol.exposure.kidney_value_holds_days)
    surface = by_constant(pl.col("body_surface_m2"), STANDARD_SURFACE_M2)
    is_by_weight = pl.col("method") == FOSCARNET_LABEL
    weights = (
        facts.prepared.begun[DOSES_GIVEN]
        .drop_nulls("dosing_weight_kg")
        .sort("given_at")
        .group_by("patient_id")
        .agg(dosed_by_kg=pl.col("dosing_weight_kg").last())
    )
    weight = pl.coalesce("weight_kg", "dosed_by_kg")
    value = pl.when(pl.col("method") == EGFR).then(pl.col("kidney_value") * surface).otherwise("kidney_value")
    values = (
        facts.prepared.begun[KIDNEY_FUNCTION]
        .filter(pl.col("method") != CREATININE)
        .join(weights, on="patient_id", how="left")
        .select(
            "patient_id",
            "measured_at",
            "method",
            rank=pl.col("method").replace_strict(_RANK, return_dtype=pl.Int64),
            value_by_kg=pl.when(is_by_weight).then("kidney_value").otherwise((value / weight).round(9)),
            value=pl.when(~is_by_weight).then(value),
        )
    )
    is_measured = pl.col("method") == MEASURED
    is_steady = pl.col("unsteady_since").is_null() & (pl.col("measured_at") >= pl.col("steady_from")).fill_null(True)
    may_count = is_steady | (is_measured & (pl.col("measured_at") >= pl.col("unsteady_since")).fill_null(True))
    return (
        days.join(values, on="patient_id")
        .filter(
            (pl.col("measured_at") <= pl.col("ends")) & (pl.col("measured_at") > pl.col("ends") - holds) & may_count
        )
        .sort("measured_at", "rank")
        .group_by(_OF_A_DAY)
        .agg(
            ml_per_min=pl.col("value").drop_nulls().last(),
            ml_per_min_per_kg=pl.col("value_by_kg").drop_nulls().last(),
        )
    )

"""Of each count and value that is watched for toxicity: the newest, and since when a patient on foscarnet has had none."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.laboratory_values import (
    ABOVE,
    BELOW,
    COMPARATORS,
    HAEMOGLOBIN,
    IONISED_CALCIUM,
    LABORATORY_VALUES,
    NEUTROPHILS,
    PLATELETS,
    in_judged_unit,
)
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, first_reason, moment, one_of, yes_no
from cmvmon.facts.dose_days import is_under_age
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.given_lately import given_lately
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.treatment import TREATMENT

CREATININE = "creatinine"  # a clearance is computed from one: any value of kidney function says that it was measured
COUNTS, WITH_FOSCARNET = (NEUTROPHILS, PLATELETS), (IONISED_CALCIUM, CREATININE)
WATCHED = (*COUNTS, *WITH_FOSCARNET)
UNDER_AGE, NO_VALUES, NO_KIDNEY, UNREAD, SILENT, NEVER = UNKNOWN_BECAUSE = (
    "under_age",
    "laboratory_values_never_delivered",
    "kidney_function_never_delivered",
    "value_unread",
    "values_not_known",
    "never_on_record",
)
_FOSCARNET, _GANCICLOVIR = "foscarnet", "ganciclovir"
_NO_COUNT = "it is no count, none is on record, or its limit says otherwise"


def _drugs(name: str, description: str, null_means: str) -> Column:
    return Column(name, Kind.TEXT, f"{description}, sorted, joined by `;`.", null_means=null_means)


TOXICITY = RowType(
    name="toxicity",
    description="The counts and values that are watched for toxicity, of every patient who gets a drug of CMV treatment or ever got "
    "one on record, whatever for, or who may be treated.",
    key=("patient_id", "analyte"),
    columns=(
        PATIENT_ID,
        one_of("analyte", WATCHED, "The count or value."),
        one_of(
            "toxicity_unknown", UNKNOWN_BECAUSE, "Why not all is known of it, the first that holds.", "what came is known"
        ),
        moment("last_value_at", "When the newest value was taken.", "none on record"),
        Column(
            "count_at_least_e9_per_l", Kind.NUMBER, "The least that the newest count can be.", "10^9/L", _NO_COUNT,
            (Between("count_at_least_e9_per_l", at_least=0.0),),
        ),
        Column(
            "count_at_most_e9_per_l", Kind.NUMBER, "The most that it can be.", "10^9/L", _NO_COUNT,
            (Between("count_at_most_e9_per_l", at_least=0.0),),
        ),
        one_of("count_comparator", COMPARATORS, "Whether it lies below or above that.", "it is that, or none is known"),
        moment("foscarnet_since", "Since when foscarnet runs, whatever for.", "it does not"),
        moment("unseen_since_at", "Since when a patient on foscarnet has no value.", "not on foscarnet"),
        Column(
            "haemoglobin_mmol_per_l", Kind.NUMBER, "The newest haemoglobin of the patient.", "mmol/L", "none on record",
            (Between("haemoglobin_mmol_per_l", at_least=0.0),),
        ),
        moment("haemoglobin_at", "When it was taken.", "none on record"),
        yes_no("runs_ganciclovir", "Whether ganciclovir or valganciclovir runs, whatever for."),
        _drugs("prophylactic_drugs", "The drugs of CMV treatment that run as prophylaxis", "none does"),
        _drugs("other_drugs", "Those that run for something else, or for what is not on record", "none does"),
        _drugs("lately_drugs", "Of those that no longer run the one that was given last", "none was given"),
        moment("lately_until_at", "When that one was given last: its course stopped, or its last dose.", "none was given"),
    ),
)  # fmt: skip


@fact_table(TOXICITY, lists="analyte")
def toxicity(facts: Facts) -> pl.DataFrame:
    """The newest value counts, in the unit that is judged. Total calcium is none of them and stands for none.

    On foscarnet a value is missing since the newest one, or since foscarnet began where that is later. A site that
    ever sent an ionised calcium, of anybody, sends them: one that a patient on foscarnet never had is missing. Else it is
    `never_on_record`. Of creatinine any row of
    `kidney_function` counts. Source: rules.md sections 2 and 4.
    """
    treated = facts.of(TREATMENT).filter(pl.col("treatment") != words.TREATMENT_OFF).select("patient_id")
    foscarnet = _foscarnet(facts)
    lately = given_lately(facts)
    grid = (
        pl.concat([treated, lately.select("patient_id")]).unique().join(pl.DataFrame({"analyte": WATCHED}), how="cross")
    )
    found = (
        grid.join(_newest(facts), on=["patient_id", "analyte"], how="left")
        .join(foscarnet, on="patient_id", how="left")
        .join(_haemoglobin(facts), on="patient_id", how="left")
        .join(facts.shared(is_under_age), on="patient_id", how="left")
        .join(lately, on="patient_id", how="left")
        .join(facts.of(TREATMENT).select("patient_id", "running_drugs"), on="patient_id", how="left")
    )
    unseen = pl.max_horizontal("last_value_at", "foscarnet_since")
    return found.with_columns(
        unseen_since_at=pl.when(pl.col("foscarnet_since").is_not_null()).then(unseen),
        toxicity_unknown=_why_unknown(facts),
        runs_ganciclovir=_runs_ganciclovir(facts),
    )


def _newest(facts: Facts) -> pl.DataFrame:
    return pl.concat([_counts(facts), _creatinine(facts)], how="diagonal")


@nobody_without(LABORATORY_VALUES)
def _counts(facts: Facts) -> pl.DataFrame:
    value, sign, exact = pl.col("value"), pl.col("comparator"), pl.col("comparator").is_null()
    is_count = pl.col("analyte").is_in(COUNTS)
    return (
        _values(facts)
        .filter(pl.col("analyte").is_in(WATCHED))
        .sort("patient_id", "analyte", "sampled_at")
        .unique(["patient_id", "analyte"], keep="last", maintain_order=True)
        .select(
            "patient_id",
            "analyte",
            last_value_at="sampled_at",
            count_at_least_e9_per_l=pl.when(is_count).then(pl.when(exact | (sign == ABOVE)).then(value).otherwise(0.0)),
            count_at_most_e9_per_l=pl.when(is_count & (exact | (sign == BELOW))).then(value),
            count_comparator=pl.when(is_count).then(sign),
        )
    )


@nobody_without(KIDNEY_FUNCTION)
def _creatinine(facts: Facts) -> pl.DataFrame:
    rows = facts.prepared.begun[KIDNEY_FUNCTION]
    newest = rows.group_by("patient_id").agg(last_value_at=pl.col("measured_at").max())
    return newest.with_columns(analyte=pl.lit(CREATININE))


def _values(facts: Facts) -> pl.DataFrame:
    judged = in_judged_unit(pl.col("analyte"), pl.col("analyte_value"), pl.col("unit"))
    return facts.prepared.begun[LABORATORY_VALUES].with_columns(value=judged)


@nobody_without(LABORATORY_VALUES)
def _haemoglobin(facts: Facts) -> pl.DataFrame:
    return (
        _values(facts)
        .filter((pl.col("analyte") == HAEMOGLOBIN) & pl.col("comparator").is_null())
        .sort("patient_id", "sampled_at")
        .unique("patient_id", keep="last", maintain_order=True)
        .select("patient_id", haemoglobin_mmol_per_l="value", haemoglobin_at="sampled_at")
    )


@nobody_without(ANTIVIRAL_COURSES)
def _foscarnet(facts: Facts) -> pl.DataFrame:
    """Patients in whom it runs, since when: rows that touch, or lie no further apart than an interruption, are one."""
    drugs = [name for name, drug in facts.protocol.drugs.items() if drug.group == _FOSCARNET]
    rows = facts.prepared.begun[ANTIVIRAL_COURSES].filter(pl.col("drug").is_in(drugs)).sort("patient_id", "started_at")
    gap = pl.duration(hours=facts.protocol.response_clock.interrupted_gap_h)
    until = pl.coalesce("stopped_at", facts.now)
    begins = pl.col("started_at") > until.cum_max().shift(1).over("patient_id") + gap
    runs = rows.with_columns(run=begins.fill_null(True).cum_sum().over("patient_id"))
    last = runs.filter(pl.col("run") == pl.col("run").max().over("patient_id"))
    is_heard = facts.prepared.begun.silent_since(ANTIVIRAL_COURSES) is None  # else it may have stopped since
    is_running = pl.lit(is_heard) & pl.col("stopped_at").is_null().any()
    return last.group_by("patient_id").agg(foscarnet_since=pl.when(is_running).then(pl.col("started_at").min()))


def _runs_ganciclovir(facts: Facts) -> pl.Expr:
    """Whether a drug of that group is among those that run."""
    drugs = [name for name, drug in facts.protocol.drugs.items() if drug.group == _GANCICLOVIR]
    running = pl.concat_str("running_drugs", "prophylactic_drugs", "other_drugs", separator=";", ignore_nulls=True)
    names = running.str.split(";").list
    return pl.any_horizontal(pl.lit(False), *(names.contains(drug) for drug in drugs)).fill_null(False)


def _why_unknown(facts: Facts) -> pl.Expr:
    begun = facts.prepared.begun
    is_creatinine = pl.col("analyte") == CREATININE
    is_count = pl.col("analyte").is_in(COUNTS)
    is_calcium, is_sent = pl.col("analyte") == IONISED_CALCIUM, begun.was_ever_sent(LABORATORY_VALUES, IONISED_CALCIUM)
    no_values, no_kidney = (not begun.was_delivered(rows) for rows in (LABORATORY_VALUES, KIDNEY_FUNCTION))
    unread, kidney_unread = (
        is_in_doubt(begun, rows, pl.col("last_value_at")) for rows in (LABORATORY_VALUES, KIDNEY_FUNCTION)
    )
    silent, kidney_silent = (begun.silent_since(rows) is not None for rows in (LABORATORY_VALUES, KIDNEY_FUNCTION))
    reasons = (
        (UNDER_AGE, pl.col("is_under_age")),
        (NO_VALUES, ~is_creatinine & pl.lit(no_values)),
        (NO_KIDNEY, is_creatinine & pl.lit(no_kidney)),
        (UNREAD, pl.when(is_creatinine).then(kidney_unread).otherwise(unread)),
        (SILENT, pl.when(is_creatinine).then(pl.lit(kidney_silent)).otherwise(pl.lit(silent) & ~is_count)),
        (NEVER, ~is_creatinine & ~(is_calcium & pl.lit(is_sent)) & pl.col("last_value_at").is_null()),
    )
    return first_reason(reasons)

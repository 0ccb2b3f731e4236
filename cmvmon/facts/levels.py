"""The level of a running drug that can be held against its target, or why none can, and whether kidney function asks for one."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.drug_levels import COMPARATORS, DRUG_LEVELS, MG_PER_L, PEAK
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION, MEASURED
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts import kidney_states as kidney
from cmvmon.facts.columns import PATIENT_ID, first_reason, hours_long, moment, one_of, yes_no
from cmvmon.facts.dose_days import is_under_age
from cmvmon.facts.doses_by_day import treatment_doses
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.treatment import TREATMENT, begins_anew, is_treatment
from cmvmon.protocol import levels as targets

UNDER_AGE, UNREAD, NEVER, SILENT, NO_TARGET = OF_THE_PATIENT = (
    "under_age",
    "level_unread",
    "drug_levels_never_delivered",
    "levels_not_known",
    "no_target",
)
STALE, TIMING, NO_DOSES, DOSES_UNREAD, NOT_ONE = OF_A_LEVEL = (
    "level_stale",
    "level_timing_unknown",
    "doses_never_delivered",
    "doses_unread",
    "not_on_one_dose",
)
UNKNOWN_BECAUSE = (*OF_THE_PATIENT, *OF_A_LEVEL, *kidney.STATES[2:])
_LEVEL = ["patient_id", "group", "sampled_at", "drug"]


def _mg_per_l(name: str, description: str, null_means: str) -> Column:
    return Column(name, Kind.NUMBER, description, "mg/L", null_means, (Between(name, at_least=0.0),))


LEVELS = RowType(
    name="levels",
    description="Levels of the drugs that run as treatment, of every patient on treatment.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("has_target", "Whether the protocol has a target of levels for a drug that runs."),
        moment(
            "target_drug_since",
            "Since when the first of the running drugs with a target has run: a drug that is added to it starts nothing.",
            "no such drug runs",
        ),
        yes_no("has_level", "Whether a level of a running drug with a target is on record since the course began."),
        one_of(
            "level_unknown", UNKNOWN_BECAUSE, "Why no level can be judged, the first that holds.", "it can, or none is"
        ),
        Column(
            "level_drug", Kind.TEXT, "The drug of which it is a level, as it is given.", null_means="none is judged"
        ),
        _mg_per_l("level_mg_per_l", "The newest trough that can be judged.", "none can"),
        one_of("level_comparator", COMPARATORS, "Whether it lies below or above that.", "it is that"),
        moment("level_sampled_at", "When the sample was taken.", "none is judged"),
        _mg_per_l("trough_from_mg_per_l", "The least of its target.", "none is judged"),
        _mg_per_l("trough_to_mg_per_l", "The most of its target.", "none is judged"),
        yes_no("is_level_on_replacement", "Whether it was taken on renal replacement."),
        one_of("kidney_state", kidney.STATES, "Kidney function at the moment that is judged."),
        Column(
            "measured_crcl_ml_per_min",
            Kind.NUMBER,
            "The newest clearance measured in urine that still holds.",
            "mL/min",
            "none",
            (Between("measured_crcl_ml_per_min", at_least=0.0),),
        ),
    ),
)


@fact_table(LEVELS)
def levels(facts: Facts) -> pl.DataFrame:
    """A trough is taken within an hour before the next dose: by the times beside it, or by the doses given; never where it is
    stated to be a peak, nor soon after a dose. It is judged after so long on one dose in one kidney state, and while both last.
    The newest of those is told; where there is none, why the newest level is not. Source: rules.md section 4.
    """
    begun = facts.prepared.begun
    treated = facts.of(TREATMENT).filter(pl.col("treatment") == words.TREATMENT_ON)
    asked = facts.shared(_asked)
    told = (
        facts.shared(judged_levels)
        .sort("patient_id", pl.col("why").is_not_null(), "sampled_at", descending=[False, False, True])
        .unique("patient_id", keep="first", maintain_order=True)
    )
    found = (
        treated.select("patient_id")
        .join(told, on="patient_id", how="left")
        .join(_target_drugs(facts, asked), on="patient_id", how="left")
        .join(_kidney_now(facts, treated), on="patient_id", how="left")
        .join(facts.shared(is_under_age), on="patient_id", how="left")
    )
    has_level = pl.col("sampled_at").is_not_null()
    unread = is_in_doubt(begun, DRUG_LEVELS, pl.col("sampled_at"))
    reasons = (
        (UNDER_AGE, pl.col("is_under_age").fill_null(False)),
        (NO_TARGET, pl.col("has_target").is_null()),
        (UNREAD, unread),
        (NEVER, pl.lit(not begun.was_delivered(DRUG_LEVELS))),
        (SILENT, ~has_level & pl.lit(begun.silent_since(DRUG_LEVELS) is not None)),
    )
    why = first_reason(reasons, otherwise=pl.col("why"))
    is_told = has_level & why.is_null()
    return found.with_columns(
        has_target=pl.col("has_target").fill_null(False),
        has_level=has_level,
        level_unknown=why,
        level_drug=pl.when(is_told).then("given_drug"),
        level_mg_per_l=pl.when(is_told).then("level_value"),
        level_comparator=pl.when(is_told).then("comparator"),
        level_sampled_at=pl.when(is_told).then("sampled_at"),
        trough_from_mg_per_l=pl.when(is_told).then("trough_from"),
        trough_to_mg_per_l=pl.when(is_told).then("trough_to"),
        is_level_on_replacement=is_told & pl.col("modality").is_not_null(),
    )


def _group(facts: Facts) -> pl.Expr:
    """The group of the drug of a row; null of a drug that the protocol does not list."""
    groups = {name: drug.group for name, drug in facts.protocol.drugs.items()}
    return pl.col("drug").replace_strict(groups, default=None, return_dtype=pl.String)


def _asked(facts: Facts) -> pl.DataFrame:
    """The running groups of drugs that have a target: patient_id, group, course_started_at."""
    treated = facts.of(TREATMENT).filter(pl.col("treatment") == words.TREATMENT_ON)
    return (
        treated.select("patient_id", "course_started_at", drug=pl.col("running_drugs").str.split(";"))
        .explode("drug")
        .with_columns(group=_group(facts))
        .filter(pl.col("group").is_in(list(facts.protocol.levels)))
        .select("patient_id", "group", "course_started_at")
        .unique()
    )


def _target_drugs(facts: Facts, asked: pl.DataFrame) -> pl.DataFrame:
    """Of each patient in `asked`: has_target, and target_drug_since. Rows of one group of drugs that follow one another within
    `same_course_gap_days` are one: neither a change of dose, nor ganciclovir to valganciclovir, starts it anew."""
    of_one = ("patient_id", "group")
    rows = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .filter(is_treatment(facts))
        .select("patient_id", "started_at", "stopped_at", group=_group(facts))
        .join(asked.select(of_one), on=of_one)
        .sort(*of_one, "started_at")
    )
    since = rows.filter(begins_anew(facts, of_one)).group_by(of_one).agg(since=pl.col("started_at").max())
    return (
        asked.join(since, on=of_one, how="left")
        .group_by("patient_id")
        .agg(has_target=pl.lit(True), target_drug_since=pl.col("since").min())
    )


@nobody_without(DRUG_LEVELS)
def judged_levels(facts: Facts) -> pl.DataFrame:
    """Every level since the course began, with its target, the drug that was given, and `why` it can't be judged."""
    asked = facts.shared(_asked)
    timing, begun = facts.protocol.level_timing, facts.prepared.begun
    rows = begun[DRUG_LEVELS].with_columns(group=_group(facts))
    rows = rows.join(asked, on=["patient_id", "group"]).filter(pl.col("sampled_at") >= pl.col("course_started_at"))
    rows = rows.sort(_LEVEL).with_row_index("span")
    at_sample = kidney.kidney_states(
        facts, rows.select("span", "patient_id", "group", from_at="sampled_at", to_at="sampled_at")
    )
    rows = rows.join(at_sample.select("span", "modality"), on="span", how="left", maintain_order="left")
    days = (
        pl.when(pl.col("modality").is_not_null())
        .then(timing.one_dose_on_replacement_days)
        .otherwise(timing.one_dose_days)
    )
    rows = rows.with_columns(from_at=pl.col("sampled_at") - pl.duration(hours=24 * days), to_at=facts.now)
    states = kidney.kidney_states(facts, rows.select("span", "patient_id", "group", "from_at", "to_at"))
    rows = rows.join(states.select("span", "kidney_state"), on="span", how="left").join(
        _doses_around(facts, rows), on="span", how="left"
    )
    rows = _with_targets(facts, rows)
    usual, share = pl.col("usual_h"), timing.same_interval_share
    since = hours_long(pl.col("sampled_at") - pl.max_horizontal("last_dose_at", "dose_before_at"))
    left = hours_long(pl.min_horizontal("next_dose_at", "dose_after_at") - pl.col("sampled_at"))
    is_trough = (
        (pl.col("level_kind") != PEAK).fill_null(True)
        & (left.round(6) <= timing.trough_within_h).fill_null(False)
        & (since >= usual * (1 - share)).fill_null(True)
    )
    is_one = pl.col("is_one_dose").fill_null(False) & (since <= usual * (1 + share)).fill_null(False)
    doses_unread = pl.col("patient_id").is_in(sorted(begun.unread_of(DOSES_GIVEN)))
    is_one_state = pl.col("kidney_state").is_in([kidney.STEADY, kidney.REPLACED])
    reasons = (
        (NO_TARGET, pl.col("trough_from").is_null()),
        (STALE, (facts.now - pl.col("sampled_at")) > pl.duration(hours=24 * timing.level_holds_days)),
        (TIMING, ~is_trough),
        (NO_DOSES, pl.lit(not begun.was_delivered(DOSES_GIVEN))),
        (DOSES_UNREAD, doses_unread),
        (NOT_ONE, ~is_one),
        (pl.col("kidney_state"), ~is_one_state),
    )
    return rows.with_columns(why=first_reason(reasons)).drop("kidney_state")


def _doses_around(facts: Facts, rows: pl.DataFrame) -> pl.DataFrame:
    """Of each level the doses just before and after it, and whether one dose was given from `from_at` until now.

    One dose: of one drug, in one amount, at one interval, the first of them at `from_at` or before. A missed dose is a gap.
    """
    timing = facts.protocol.level_timing
    doses = (
        facts.shared(treatment_doses)
        .filter(pl.col("administered") == GIVEN)
        .select("patient_id", "group", "given_at", "dose_mg", given_drug="drug")
    )
    both = rows.select("span", "patient_id", "group", "sampled_at", "from_at").join(doses, on=["patient_id", "group"])
    at, first = pl.col("given_at"), pl.col("first_at")
    both = both.with_columns(first_at=at.filter(at <= pl.col("from_at")).max().over("span"))
    both = both.sort("span", "given_at", "given_drug").with_columns(gap_h=hours_long(at.diff().over("span")))
    counted, gap = at >= first, pl.col("gap_h").filter(at > first)
    dose, share = pl.col("dose_mg").filter(counted), timing.same_interval_share
    usual = gap.median()
    started = hours_long((pl.col("from_at") - first).first())
    is_one = (
        (pl.col("given_drug").filter(counted).n_unique() == 1)
        & (dose.max() <= dose.min() * (1 + timing.same_dose_share))
        & (gap.max() <= usual * (1 + share))
        & (gap.min() >= usual * (1 - share))
        & (started <= usual * (1 + share))
    )
    return both.group_by("span").agg(
        dose_before_at=at.filter(at < pl.col("sampled_at")).max(),
        dose_after_at=at.filter(at >= pl.col("sampled_at")).min(),
        given_drug=pl.col("given_drug").filter(counted).last(),
        usual_h=usual,
        is_one_dose=is_one,
    )


def _with_targets(facts: Facts, rows: pl.DataFrame) -> pl.DataFrame:
    """Targets are in mg/L: a level in umol/L has none, for as which salt its mass would count is not on record."""
    low = high = pl.lit(None, dtype=pl.Float64)
    for group, table in facts.protocol.levels.items():
        for row in table.rows:
            if row.purpose != targets.TREATMENT:
                continue
            modality = pl.col("modality")
            is_here = modality.is_in(list(row.replacement)).fill_null(False) if row.replacement else modality.is_null()
            is_here &= (pl.col("group") == group) & (pl.col("unit") == MG_PER_L)
            low = pl.when(is_here).then(pl.lit(row.trough_from_mg_per_l)).otherwise(low)
            high = pl.when(is_here).then(pl.lit(row.trough_to_mg_per_l)).otherwise(high)
    return rows.with_columns(trough_from=low, trough_to=high)


def _kidney_now(facts: Facts, treated: pl.DataFrame) -> pl.DataFrame:
    """Kidney function at this moment: its state, and the newest clearance measured in urine that still holds."""
    no_group = pl.lit(None, dtype=pl.String)
    spans = treated.select("patient_id", group=no_group, from_at=facts.now, to_at=facts.now).with_row_index("span")
    states = spans.select("span", "patient_id").join(kidney.kidney_states(facts, spans), on="span")
    holds = pl.duration(hours=24 * facts.protocol.exposure.kidney_value_holds_days)
    measured = (
        facts.prepared.begun[KIDNEY_FUNCTION]
        .filter((pl.col("method") == MEASURED) & (pl.col("measured_at") > facts.now - holds))
        .sort("patient_id", "measured_at")
        .group_by("patient_id")
        .agg(measured_crcl_ml_per_min=pl.col("kidney_value").last())
    )
    return states.select("patient_id", "kidney_state").join(measured, on="patient_id", how="left")

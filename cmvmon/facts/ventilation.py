"""On which day of ventilation a patient is, and whether oxygenation has improved since its first days."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.oxygenation import KPA, MMHG_OF_ONE_KPA, OXYGENATION
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.facts.columns import PATIENT_ID, count, moment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

NEVER, NOT_MEASURED = UNKNOWN_BECAUSE = ("oxygenation_never_delivered", "oxygenation_not_measured")
_NOT_VENTILATED = "not ventilated, or not known"
_NOT_BOTH = "no ratio of those days, or not ventilated"


def _ratio(name: str, description: str) -> Column:
    return Column(name, Kind.NUMBER, description, "mmHg", _NOT_BOTH, (Between(name, at_least=0.0),))


VENTILATION = RowType(
    name="ventilation",
    description="The period of invasive ventilation that runs, and PaO2/FiO2 in it.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment("ventilated_since", "When the period of invasive ventilation that runs began.", _NOT_VENTILATED),
        yes_no(
            "is_kind_on_record", "Whether the kind of ventilation is on record for all of that period.", _NOT_VENTILATED
        ),
        count("ventilation_day", "Which day of it this is; its first 24 hours are day 1.", _NOT_VENTILATED),
        _ratio("early_pao2_fio2_mmhg", "The median PaO2/FiO2 of its first days ([sampling])."),
        _ratio("late_pao2_fio2_mmhg", "The median of the days around day 7, as far as they are measured."),
        Column(
            "pao2_fio2_change_percent",
            Kind.NUMBER,
            "By how much the second lies above the first, to a thousandth.",
            "%",
            _NOT_BOTH,
            (Between("pao2_fio2_change_percent", at_least=-100.0),),
        ),
        one_of("oxygenation_unknown", UNKNOWN_BECAUSE, "Why there is no change of PaO2/FiO2.", "there is one"),
    ),
)


@fact_table(VENTILATION)
def ventilation(facts: Facts) -> pl.DataFrame:
    """Periods that lie at most `[sampling] same_ventilation_h` apart are one: a tube that was put back, a transfer. Those of a
    kind that is not invasive by `[ventilation]` are left out; one of which the kind is not on record counts, and is told as
    such. Both units give the same change. Source: rules.md 3.1."""
    policy = facts.protocol.sampling
    running = _running(facts)
    day = (pl.col("measured_at") - pl.col("ventilated_since")).dt.total_days() + 1
    is_early = day.is_between(1, policy.early_to_day)
    is_late = day.is_between(policy.late_from_day, policy.late_to_day)
    in_mmhg = pl.col("pao2_fio2_ratio") * pl.when(pl.col("ratio_unit") == KPA).then(MMHG_OF_ONE_KPA).otherwise(1.0)
    medians = (
        facts.prepared.begun[OXYGENATION]
        .join(running, on="patient_id")
        .filter(pl.col("measured_at") >= pl.col("ventilated_since"))
        .group_by("patient_id")
        .agg(
            early_pao2_fio2_mmhg=in_mmhg.filter(is_early).median(),
            late_pao2_fio2_mmhg=in_mmhg.filter(is_late).median(),
        )
    )
    change = 100.0 * (pl.col("late_pao2_fio2_mmhg") / pl.col("early_pao2_fio2_mmhg") - 1.0)
    why = NOT_MEASURED if facts.prepared.begun.was_delivered(OXYGENATION) else NEVER
    return (
        facts.of(PATIENTS)
        .select("patient_id")
        .join(running, on="patient_id", how="left")
        .join(medians, on="patient_id", how="left")
        .with_columns(
            ventilation_day=(facts.now - pl.col("ventilated_since")).dt.total_days() + 1,
            pao2_fio2_change_percent=change.round(3),
            oxygenation_unknown=pl.when(change.is_null()).then(pl.lit(why)),
        )
    )


def _running(facts: Facts) -> pl.DataFrame:
    """Since when each patient with a running period in an open stay is ventilated invasively; nobody, where the feeds are silent."""
    begun = facts.prepared.begun
    within = pl.duration(hours=facts.protocol.sampling.same_ventilation_h)
    until = pl.coalesce("ventilation_stopped_at", "discharged_at", facts.now)
    known_until = until.cum_max().over("patient_id").shift(1).over("patient_id")
    began_anew = (pl.col("ventilation_started_at") - known_until > within).fill_null(True)
    is_running = pl.col("ventilation_stopped_at").is_null() & pl.col("discharged_at").is_null()
    is_invasive = pl.col("ventilation_kind").is_in(list(facts.protocol.ventilation.invasive)).fill_null(True)
    return (
        begun[ICU_STAYS]
        .filter(
            pl.col("ventilation_started_at").is_not_null() & is_invasive & pl.lit(begun.silent_since(ICU_STAYS) is None)
        )
        .sort("patient_id", "ventilation_started_at", "stay_id")
        .with_columns(period=began_anew.cum_sum().over("patient_id"), is_running=is_running)
        .group_by("patient_id", "period")
        .agg(
            ventilated_since=pl.col("ventilation_started_at").min(),
            is_running=pl.col("is_running").any(),
            is_kind_on_record=pl.col("ventilation_kind").is_not_null().all(),
        )
        .filter("is_running")
        .sort("patient_id", "period")
        .unique("patient_id", keep="last", maintain_order=True)
        .select("patient_id", "ventilated_since", "is_kind_on_record")
    )

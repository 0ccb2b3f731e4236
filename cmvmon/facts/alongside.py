"""What stands beneath the load on one time axis: the kidney's band of each dose, drug levels, kidney function. No rule reads it.

Never delivered, not readable and none on record stay three things (`LANES_UNKNOWN`).
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.drug_levels import COMPARATORS, DRUG_LEVELS, KINDS
from cmvmon.domain.drug_levels import UNITS as LEVEL_UNITS
from cmvmon.domain.kidney_function import (
    CREATININE,
    KIDNEY_FUNCTION,
    METHODS,
    MG_PER_DL,
    UMOL_PER_L,
    UMOL_PER_L_OF_ONE_MG_PER_DL,
)
from cmvmon.domain.kidney_function import UNITS as KIDNEY_UNITS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.facts.beside import NEVER, SILENT, UNREAD
from cmvmon.facts.columns import PATIENT_ID, moment, one_of, yes_no
from cmvmon.facts.dose_days import WHY_UNKNOWN, drug_days
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.levels import judged_levels
from cmvmon.facts.patients import PATIENTS

LANES = (ANTIVIRAL_COURSES, DOSES_GIVEN, ICU_STAYS, DRUG_LEVELS, KIDNEY_FUNCTION)
_DRUG = Column("drug", Kind.TEXT, "The drug.")
_NO_TARGET = "the level is of no running drug with a target"


def _number(name: str, description: str, unit: str, null_means: str = "") -> Column:
    return Column(name, Kind.NUMBER, description, unit, null_means, (Between(name, at_least=0.0),))


DOSE_BANDS = RowType(
    name="dose_bands",
    description="Days of a drug that follow one another in one band of kidney function, of the running response clock.",
    key=("patient_id", "drug", "from_at"),
    columns=(
        PATIENT_ID,
        _DRUG,
        moment("from_at", "When the first of these days begins."),
        moment("to_at", "When the last of them ends."),
        Column("band", Kind.TEXT, "The band of the table of doses.", null_means="`band_unknown` says why"),
        Column("kidney_in", Kind.TEXT, "The unit of the band.", null_means="no band, or that of renal replacement"),
        yes_no("is_on_replacement", "Whether renal replacement sets the dose."),
        one_of("band_unknown", WHY_UNKNOWN, "Why there is no band.", "there is one"),
    ),
)
LEVELS_TAKEN = RowType(
    name="levels_taken",
    description="Every level of a drug on record.",
    key=("patient_id", "drug", "sampled_at"),
    columns=(
        PATIENT_ID,
        _DRUG,
        moment("sampled_at", "When the sample was taken."),
        _number("level_value", "The level.", "as `unit` says"),
        one_of("unit", LEVEL_UNITS, "Its unit."),
        one_of("comparator", COMPARATORS, "Whether it lies below or above that.", "it is that"),
        one_of("level_kind", KINDS, "What the sample is stated to be.", "not stated"),
        yes_no("is_judged_trough", "Whether it is a trough that can be held against a target."),
        _number("trough_from_mg_per_l", "The least of the target of its drug.", "mg/L", _NO_TARGET),
        _number("trough_to_mg_per_l", "The most.", "mg/L", _NO_TARGET),
    ),
)
KIDNEY_VALUES = RowType(
    name="kidney_values",
    description="Every value of kidney function on record; creatinine in umol/L.",
    key=("patient_id", "method", "measured_at"),
    columns=(
        PATIENT_ID,
        one_of("method", METHODS, "How it was found."),
        moment("measured_at", "When the sample was taken."),
        _number("kidney_value", "The value.", "as `unit` says"),
        one_of("unit", KIDNEY_UNITS, "Its unit."),
    ),
)
LANES_UNKNOWN = RowType(
    name="lanes_unknown",
    description="Of which of these tables not everything is known of a patient, and why.",
    key=("patient_id", "table_name"),
    columns=(
        PATIENT_ID,
        one_of("table_name", tuple(rows.name for rows in LANES), "The delivered table."),
        one_of("unknown_because", (NEVER, UNREAD, SILENT), "The first that holds."),
        moment("heard_at", "When the table was last heard of, where it is silent since.", "it is not silent"),
    ),
)


def dose_bands(facts: Facts) -> pl.DataFrame:
    """The bands that the doses of each day are held against (`drug_days`), days that follow one another as one row.

    Source: rules.md section 2; the page shows the band beside the dose, whether or not a rule judges the day.
    """
    of_drug = ["patient_id", "drug"]
    tables = facts.protocol.doses
    kidney_in = {drug: table.kidney_in for drug, table in tables.items()}
    why = pl.coalesce("kidney_unknown", "unknown_because", pl.lit("kidney_function_unknown"))
    days = (
        facts.shared(drug_days)
        .sort("patient_id", "drug", "day")
        .with_columns(
            is_on_replacement=pl.col("band").is_not_null() & pl.col("modality").is_not_null(),
            band_unknown=pl.when(pl.col("band").is_null()).then(why),
        )
    )
    same = pl.struct("band", "is_on_replacement", "band_unknown")
    begins = (same != same.shift(1).over(of_drug)) | (pl.col("day") != pl.col("day").shift(1).over(of_drug) + 1)
    found = (
        days.with_columns(run=begins.fill_null(True).cum_sum().over(of_drug))
        .group_by(*of_drug, "run", maintain_order=True)
        .agg(
            pl.col("band", "is_on_replacement", "band_unknown").first(),
            from_at=pl.col("ends").min() - pl.duration(hours=24),
            to_at=pl.col("ends").max(),
        )
    )
    unit = pl.col("drug").replace_strict(kidney_in, default=None, return_dtype=pl.String)
    has_unit = pl.col("band").is_not_null() & ~pl.col("is_on_replacement")
    return DOSE_BANDS.conform(found.with_columns(kidney_in=pl.when(has_unit).then(unit)))


def levels_taken(facts: Facts) -> pl.DataFrame:
    """Every level, with what the rule on levels makes of those of the running course."""
    of_level = ["patient_id", "drug", "sampled_at"]
    judged = facts.shared(judged_levels).select(
        *of_level,
        is_judged_trough=pl.col("why").is_null(),
        trough_from_mg_per_l="trough_from",
        trough_to_mg_per_l="trough_to",
    )
    rows = facts.prepared.begun[DRUG_LEVELS].join(judged.unique(of_level), on=of_level, how="left")
    return LEVELS_TAKEN.conform(rows.with_columns(pl.col("is_judged_trough").fill_null(False)))


def kidney_values(facts: Facts) -> pl.DataFrame:
    """Every value of kidney function; creatinine in umol/L, whatever unit it came in."""
    is_other = (pl.col("method") == CREATININE) & (pl.col("unit") == MG_PER_DL)
    micromoles = pl.col("kidney_value") * UMOL_PER_L_OF_ONE_MG_PER_DL
    rows = facts.prepared.begun[KIDNEY_FUNCTION]
    return KIDNEY_VALUES.conform(
        rows.with_columns(
            kidney_value=pl.when(is_other).then(micromoles.round(6)).otherwise("kidney_value"),
            unit=pl.when(is_other).then(pl.lit(UMOL_PER_L)).otherwise("unit"),
        )
    )


def lanes_unknown(facts: Facts) -> pl.DataFrame:
    """Of every patient the tables that never came, of which a row can't be read, or whose feeds are silent."""
    begun, ids = facts.prepared.begun, facts.of(PATIENTS).select("patient_id")
    parts = []
    for rows in LANES:
        silent = begun.silent_since(rows)
        why = (
            pl.when(pl.lit(not begun.was_delivered(rows)))
            .then(pl.lit(NEVER))
            .when(pl.col("patient_id").is_in(sorted(begun.unread_of(rows))))
            .then(pl.lit(UNREAD))
            .when(pl.lit(silent is not None))
            .then(pl.lit(SILENT))
        )
        heard = pl.lit(silent, dtype=pl.Datetime("us", "UTC"))
        parts.append(ids.with_columns(table_name=pl.lit(rows.name), unknown_because=why, heard_at=heard))
    return LANES_UNKNOWN.conform(pl.concat(parts).filter(pl.col("unknown_because").is_not_null()))


ALONGSIDE = (dose_bands, levels_taken, kidney_values, lanes_unknown)

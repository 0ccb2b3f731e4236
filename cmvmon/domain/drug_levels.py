"""The delivered table `drug_levels`: one measured level of an antiviral drug, with its unit and the doses around the sample."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import BetweenInUnit, OneOfWhen
from cmvmon.domain.constraints import Between, Matches, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

MG_PER_L, UMOL_PER_L = UNITS = ("mg/L", "umol/L")
TROUGH, PEAK, UNKNOWN_KIND = KINDS = ("trough", "peak", "unknown")
BELOW, ABOVE = COMPARATORS = ("<", ">")
_GANCICLOVIR = ("ganciclovir", "valganciclovir")


def _plausible(at_least: float, at_most: float, drugs: tuple[str, ...], unit: str) -> BetweenInUnit:
    # Beyond these a level is one of another unit (ug/L, mg/mL, mmol/L): no clinical line. A level that could not be measured
    # is delivered as the assay's limit with `<`, never as zero.
    return BetweenInUnit("level_value", at_least, at_most, "drug", drugs, "unit", (unit,), "level_of_another_unit")


DRUG_LEVELS = RowType(
    name="drug_levels",
    description="One measured level of an antiviral drug in blood.",
    key=("patient_id", "drug", "sampled_at"),
    columns=(
        PATIENT_ID,
        Column(
            "drug",
            Kind.TEXT,
            "Which drug was measured, by generic name, in any case.",
            constraints=(Matches("drug", r"\s*\S(?:.*\S)?\s*", "is not blank", "missing_drug"),),
            any_case=True,
        ),
        Column("sampled_at", Kind.MOMENT, "When the sample was taken.", "UTC", constraints=(NotBefore("sampled_at"),)),
        Column(
            "level_value",
            Kind.NUMBER,
            "The level, in the unit beside it; with `comparator` the limit that it is below or above.",
            "as `unit` says",
            constraints=(Between("level_value", above=0.0, at_most=100_000.0),),
        ),
        Column("unit", Kind.TEXT, "The unit of the level.", constraints=(OneOf("unit", UNITS),)),
        Column(
            "comparator",
            Kind.TEXT,
            "Whether the level is below (`<`) or above (`>`) the value.",
            null_means="the value is the level",
            constraints=(OneOf("comparator", COMPARATORS),),
        ),
        Column(
            "level_kind",
            Kind.TEXT,
            "What the sample is stated to be; `unknown` = stated not to be known.",
            null_means="not stated, as `unknown`",
            constraints=(OneOf("level_kind", KINDS),),
        ),
        Column(
            "last_dose_at",
            Kind.MOMENT,
            "When the dose before the sample was given.",
            "UTC",
            "not known: doses given say it, where they are delivered",
            (NotBefore("last_dose_at"),),
        ),
        Column(
            "next_dose_at",
            Kind.MOMENT,
            "When the dose after the sample was due, or given.",
            "UTC",
            "not known: doses given say it, where they are delivered",
            (NotBefore("next_dose_at"),),
        ),
        *RECEIVED,
    ),
    across=(
        OneOfWhen("unit", (MG_PER_L,), "drug", _GANCICLOVIR, "unit_of_another_drug"),
        _plausible(0.01, 60.0, _GANCICLOVIR, MG_PER_L),
        _plausible(0.5, 500.0, ("foscarnet",), MG_PER_L),
        _plausible(5.0, 4_000.0, ("foscarnet",), UMOL_PER_L),
        Ordered("last_dose_at", "sampled_at", "last_dose_after_sample"),
        Ordered("sampled_at", "next_dose_at", "next_dose_before_sample"),
    ),
)

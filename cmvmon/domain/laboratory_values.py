"""The delivered table `laboratory_values`: counts and chemistry of blood, and QTc, each with its unit. Creatinine: `kidney_function`.

Only what a rule or the patient page reads, or rules.md section 2 names as an input. Dutch and American units; one table says
what each is in the unit that is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import BetweenInUnit, OneOfWhen
from cmvmon.domain.constraints import Between, NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

NEUTROPHILS, PLATELETS, LYMPHOCYTES, HAEMOGLOBIN, IONISED_CALCIUM, TOTAL_CALCIUM, IGG = _BLOOD = (
    "neutrophils",
    "platelets",
    "lymphocytes",
    "haemoglobin",
    "ionised_calcium",
    "total_calcium",
    "igg",
)
POTASSIUM, MAGNESIUM, PHOSPHATE, QTC = _BESIDE_FOSCARNET = ("potassium", "magnesium", "phosphate", "qtc")
ANALYTES = (*_BLOOD, *_BESIDE_FOSCARNET)
BELOW, ABOVE = COMPARATORS = ("<", ">")
E9_PER_L, K_PER_UL, PER_UL, MMOL_PER_L, G_PER_DL, MG_PER_DL, G_PER_L, MEQ_PER_L, MS = UNITS = (
    "10^9/L",
    "K/uL",
    "/uL",
    "mmol/L",
    "g/dL",
    "mg/dL",
    "g/L",
    "mEq/L",
    "ms",
)
# Molar masses: standard atomic weights (IUPAC). A charge of two makes two mEq of a mmol, of one one.
_MG_PER_DL_OF_ONE_MMOL_PER_L_CALCIUM = 4.008  # 40.08 g/mol
_MG_PER_DL_OF_ONE_MMOL_PER_L_MAGNESIUM = 2.4305  # 24.305 g/mol
_MG_PER_DL_OF_ONE_MMOL_PER_L_PHOSPHATE = 3.0974  # as phosphorus, which is what mg/dL means there: 30.974 g/mol
_G_PER_DL_OF_ONE_MMOL_PER_L_HAEMOGLOBIN = 1.6114  # of one chain, 16,114 g/mol
_COUNTS = {E9_PER_L: 1.0, K_PER_UL: 1.0, PER_UL: 0.001}
_CALCIUM = {MMOL_PER_L: 1.0, MG_PER_DL: 1.0 / _MG_PER_DL_OF_ONE_MMOL_PER_L_CALCIUM}
IN_JUDGED_UNIT: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        NEUTROPHILS: _COUNTS,
        PLATELETS: _COUNTS,
        LYMPHOCYTES: _COUNTS,
        HAEMOGLOBIN: {MMOL_PER_L: 1.0, G_PER_DL: 1.0 / _G_PER_DL_OF_ONE_MMOL_PER_L_HAEMOGLOBIN},
        IONISED_CALCIUM: _CALCIUM,
        TOTAL_CALCIUM: _CALCIUM,
        IGG: {G_PER_L: 1.0, MG_PER_DL: 0.01},
        POTASSIUM: {MMOL_PER_L: 1.0, MEQ_PER_L: 1.0},
        MAGNESIUM: {MMOL_PER_L: 1.0, MG_PER_DL: 1.0 / _MG_PER_DL_OF_ONE_MMOL_PER_L_MAGNESIUM, MEQ_PER_L: 0.5},
        PHOSPHATE: {MMOL_PER_L: 1.0, MG_PER_DL: 1.0 / _MG_PER_DL_OF_ONE_MMOL_PER_L_PHOSPHATE},
        QTC: {MS: 1.0},
    }
)
"""By analyte and unit, how many of the unit that is judged (the first of the analyte) one of it is."""
# Beyond these a value is one of another unit, or of the other calcium: no clinical line. A count of none is a count.
_PLAUSIBLE: tuple[tuple[tuple[str, ...], tuple[str, ...], float, float, bool], ...] = (
    ((NEUTROPHILS,), (E9_PER_L, K_PER_UL), 0.0, 100.0, False),
    ((NEUTROPHILS,), (PER_UL,), 10.0, 100_000.0, True),
    ((PLATELETS,), (E9_PER_L, K_PER_UL), 0.0, 3_000.0, False),
    ((PLATELETS,), (PER_UL,), 1_000.0, 3_000_000.0, True),
    ((LYMPHOCYTES,), (E9_PER_L, K_PER_UL), 0.0, 500.0, False),
    ((LYMPHOCYTES,), (PER_UL,), 10.0, 500_000.0, True),
    ((HAEMOGLOBIN,), (MMOL_PER_L,), 1.0, 15.0, False),
    ((HAEMOGLOBIN,), (G_PER_DL,), 1.6, 24.0, False),
    ((IONISED_CALCIUM,), (MMOL_PER_L,), 0.3, 2.0, False),
    ((IONISED_CALCIUM,), (MG_PER_DL,), 1.2, 8.0, False),
    ((TOTAL_CALCIUM,), (MMOL_PER_L,), 1.4, 5.0, False),
    ((TOTAL_CALCIUM,), (MG_PER_DL,), 5.6, 20.0, False),
    ((IGG,), (G_PER_L,), 0.2, 100.0, False),
    ((IGG,), (MG_PER_DL,), 20.0, 10_000.0, False),
    ((POTASSIUM,), (MMOL_PER_L, MEQ_PER_L), 1.0, 15.0, False),
    # The units of magnesium and phosphate overlap in size: a wrong unit shows only where no such value exists in it.
    ((MAGNESIUM,), (MMOL_PER_L,), 0.1, 8.0, False),
    ((MAGNESIUM,), (MG_PER_DL,), 0.25, 20.0, False),
    ((MAGNESIUM,), (MEQ_PER_L,), 0.2, 16.0, False),
    ((PHOSPHATE,), (MMOL_PER_L,), 0.05, 8.0, False),
    ((PHOSPHATE,), (MG_PER_DL,), 0.15, 25.0, False),
    ((QTC,), (MS,), 200.0, 900.0, False),  # 0.46 is one in seconds
)

LABORATORY_VALUES = RowType(
    name="laboratory_values",
    description="One count or value of blood chemistry, or QTc. Creatinine stands in `kidney_function`.",
    key=("patient_id", "analyte", "sampled_at"),
    columns=(
        PATIENT_ID,
        Column(
            "analyte",
            Kind.TEXT,
            "What was measured. Neutrophils: the absolute count. Ionised and total calcium are two. QTc by whatever formula.",
            constraints=(OneOf("analyte", ANALYTES),),
        ),
        Column(
            "sampled_at", Kind.MOMENT, "When sampled; of QTc, recorded.", "UTC", constraints=(NotBefore("sampled_at"),)
        ),
        Column(
            "analyte_value",
            Kind.NUMBER,
            "The value, in the unit beside it; with `comparator` the limit that it is below or above.",
            "as `unit` says",
            constraints=(Between("analyte_value", at_least=0.0, at_most=3_000_000.0),),
        ),
        Column("unit", Kind.TEXT, "The unit of the value.", constraints=(OneOf("unit", UNITS),)),
        Column(
            "comparator",
            Kind.TEXT,
            "Whether the value is below (`<`) or above (`>`) what is delivered.",
            null_means="the value is what is delivered",
            constraints=(OneOf("comparator", COMPARATORS),),
        ),
        *RECEIVED,
    ),
    across=(
        *(
            OneOfWhen("unit", tuple(units), "analyte", (analyte,), "unit_of_another_analyte")
            for analyte, units in IN_JUDGED_UNIT.items()
        ),
        *(
            BetweenInUnit(
                "analyte_value", low, high, "analyte", analytes, "unit", units, "analyte_value_of_another_unit", or_zero
            )
            for analytes, units, low, high, or_zero in _PLAUSIBLE
        ),
    ),
)


def in_judged_unit(analyte: pl.Expr, value: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """The value in the unit that is judged, to a millionth; null for a unit that the analyte does not have.

    Counts in 10^9/L, haemoglobin, calcium, potassium, magnesium and phosphate in mmol/L, IgG in g/L, QTc in ms. Source:
    rules.md section 2.

    >>> row = {"a": ["haemoglobin", "neutrophils"], "v": [8.0, 500.0], "u": ["g/dL", "/uL"]}
    >>> pl.DataFrame(row).select(in_judged_unit(pl.col("a"), pl.col("v"), pl.col("u")).round(1))["v"].to_list()
    [5.0, 0.5]
    """
    factor = pl.lit(None, dtype=pl.Float64)
    for name, units in IN_JUDGED_UNIT.items():
        for one, times in units.items():
            factor = pl.when((analyte == name) & (unit == one)).then(pl.lit(times)).otherwise(factor)
    return (value * factor).round(6)

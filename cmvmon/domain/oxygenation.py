"""The delivered table `oxygenation`: the ratio of arterial oxygen tension to inspired fraction, with its unit."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import BetweenWhen
from cmvmon.domain.constraints import Between, NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

MMHG, KPA = UNITS = ("mmHg", "kPa")
MMHG_OF_ONE_KPA = 7.50062

OXYGENATION = RowType(
    name="oxygenation",
    description="One PaO2/FiO2 ratio.",
    key=("patient_id", "measured_at"),
    columns=(
        PATIENT_ID,
        Column("measured_at", Kind.MOMENT, "When the blood was drawn.", "UTC", constraints=(NotBefore("measured_at"),)),
        Column(
            "pao2_fio2_ratio",
            Kind.NUMBER,
            "PaO2 over FiO2, FiO2 as a fraction of one.",
            "as `ratio_unit` says",
            constraints=(Between("pao2_fio2_ratio", at_least=0.0, at_most=800.0),),
        ),
        Column("ratio_unit", Kind.TEXT, "The unit of the ratio.", constraints=(OneOf("ratio_unit", UNITS),)),
        *RECEIVED,
    ),
    # Beyond these a ratio is one of another unit, or FiO2 was a percentage: no clinical line.
    across=(
        BetweenWhen("pao2_fio2_ratio", 20.0, 800.0, "ratio_unit", (MMHG,), "ratio_of_another_unit"),
        BetweenWhen("pao2_fio2_ratio", 2.5, 107.0, "ratio_unit", (KPA,), "ratio_of_another_unit"),
    ),
)

"""The delivered table `kidney_function`: one value of kidney function, with how it was found and in which unit."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import BetweenWhen, OneOfWhen
from cmvmon.domain.constraints import Between, NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

MEASURED, COCKCROFT_GAULT, FOSCARNET_LABEL, EGFR, CREATININE = METHODS = (
    "measured_urinary_crcl",
    "cockcroft_gault",
    "foscarnet_label",
    "egfr_per_1_73_m2",
    "creatinine",
)
ML_PER_MIN, ML_PER_MIN_PER_KG, PER_1_73_M2, UMOL_PER_L, MG_PER_DL = UNITS = (
    "mL/min",
    "mL/min/kg",
    "mL/min/1.73m2",
    "umol/L",
    "mg/dL",
)
UMOL_PER_L_OF_ONE_MG_PER_DL = 88.42
"""Of creatinine, 113.12 g/mol."""
STANDARD_SURFACE_M2 = 1.73
_FIT: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((MEASURED, COCKCROFT_GAULT), (ML_PER_MIN,)),
    ((FOSCARNET_LABEL,), (ML_PER_MIN_PER_KG,)),
    ((EGFR,), (PER_1_73_M2,)),
    ((CREATININE,), (UMOL_PER_L, MG_PER_DL)),
)
# Beyond these a value is one of another unit: no clinical line.
_PLAUSIBLE = (
    (0.0, 400.0, (ML_PER_MIN, PER_1_73_M2)),
    (0.0, 10.0, (ML_PER_MIN_PER_KG,)),
    (10.0, 3_000.0, (UMOL_PER_L,)),
    (0.1, 35.0, (MG_PER_DL,)),
)

KIDNEY_FUNCTION = RowType(
    name="kidney_function",
    description="One value of kidney function, with the method by which it was found.",
    key=("patient_id", "method", "measured_at"),
    columns=(
        PATIENT_ID,
        Column(
            "method",
            Kind.TEXT,
            "How it was found: creatinine clearance measured in urine or by Cockcroft-Gault, the foscarnet label's own "
            "formula, an eGFR by body surface, or creatinine alone.",
            constraints=(OneOf("method", METHODS),),
        ),
        Column(
            "measured_at", Kind.MOMENT, "When the sample was taken.", "UTC", constraints=(NotBefore("measured_at"),)
        ),
        Column(
            "kidney_value",
            Kind.NUMBER,
            "The value, in the unit beside it.",
            "as `unit` says",
            constraints=(Between("kidney_value", at_least=0.0, at_most=3_000.0),),
        ),
        Column("unit", Kind.TEXT, "The unit of the value.", constraints=(OneOf("unit", UNITS),)),
        Column(
            "weight_kg",
            Kind.NUMBER,
            "The weight that it was computed with.",
            "kg",
            "none was used, or not known",
            (Between("weight_kg", at_least=20.0, at_most=400.0),),
        ),
        Column(
            "body_surface_m2",
            Kind.NUMBER,
            "Body surface, by which an eGFR is de-indexed.",
            "m2",
            "not known: an eGFR sets no band",
            (Between("body_surface_m2", at_least=0.5, at_most=3.5),),
        ),
        *RECEIVED,
    ),
    across=(
        *(OneOfWhen("unit", units, "method", methods, "unit_of_another_method") for methods, units in _FIT),
        *(
            BetweenWhen("kidney_value", low, high, "unit", units, "kidney_value_of_another_unit")
            for low, high, units in _PLAUSIBLE
        ),
    ),
)

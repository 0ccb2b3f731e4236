"""The delivered table `hsv_results`: PCR for herpes simplex virus, which may lie behind what looks like CMV in a lung."""

from __future__ import annotations

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

VIRUSES = ("hsv_1", "hsv_2", "hsv")
DETECTED, NOT_DETECTED, FAILED = RESULTS = ("detected", "not_detected", "failed")

HSV_RESULTS = RowType(
    name="hsv_results",
    description="One PCR for herpes simplex virus in one sample.",
    key=("patient_id", "compartment", "virus", "collected_at"),
    columns=(
        PATIENT_ID,
        Column("compartment", Kind.TEXT, "What was sampled.", constraints=(OneOf("compartment", compartments.NAMES),)),
        Column(
            "virus",
            Kind.TEXT,
            "Which virus; `hsv` = a test that does not tell the two apart.",
            constraints=(OneOf("virus", VIRUSES),),
        ),
        Column(
            "collected_at", Kind.MOMENT, "When the sample was taken.", "UTC", constraints=(NotBefore("collected_at"),)
        ),
        Column(
            "pcr_result",
            Kind.TEXT,
            "What was found; `failed` = the test gave no answer (inhibited, too little material).",
            constraints=(OneOf("pcr_result", RESULTS),),
        ),
        *RECEIVED,
    ),
)

"""The delivered table `renal_replacement`: dialysis and haemofiltration, from when to when."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

CONTINUOUS = ("cvvh", "cvvhd", "cvvhdf")
MODALITIES = (*CONTINUOUS, "intermittent_haemodialysis", "sustained_low_efficiency_dialysis")
ANTICOAGULANTS = ("citrate", "heparin", "other", "none")

RENAL_REPLACEMENT = RowType(
    name="renal_replacement",
    description="One period of renal replacement: continuous, or one session of dialysis.",
    key=("patient_id", "modality", "started_at"),
    columns=(
        PATIENT_ID,
        Column("modality", Kind.TEXT, "Which kind.", constraints=(OneOf("modality", MODALITIES),)),
        Column("started_at", Kind.MOMENT, "When it started.", "UTC", constraints=(NotBefore("started_at"),)),
        Column("stopped_at", Kind.MOMENT, "When it stopped.", "UTC", "still running", (NotBefore("stopped_at"),)),
        Column(
            "effluent_ml_per_h",
            Kind.NUMBER,
            "Effluent: dialysate, filtrate and fluid removed.",
            "mL/h",
            "not known",
            (Between("effluent_ml_per_h", above=0.0, at_most=20_000.0),),
        ),
        Column(
            "anticoagulant",
            Kind.TEXT,
            "What keeps the circuit open; `none` = stated none.",
            null_means="not known",
            constraints=(OneOf("anticoagulant", ANTICOAGULANTS),),
        ),
        *RECEIVED,
    ),
    across=(Ordered("started_at", "stopped_at", "replacement_stopped_before_started"),),
)

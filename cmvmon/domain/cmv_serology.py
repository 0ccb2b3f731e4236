"""The delivered table `cmv_serology`: whether a patient, or the donor, carried CMV before, by antibody or as stated."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

RECIPIENT, DONOR = OF_WHOM = ("recipient", "donor")
IGG, IGM, STATEMENT = TESTS = ("igg", "igm", "statement")
POSITIVE, NEGATIVE, EQUIVOCAL = RESULTS = ("positive", "negative", "equivocal")
IMMUNOGLOBULIN, TRANSFUSION, NEITHER = GIVEN_BEFORE = ("immunoglobulin", "transfusion", "neither")

CMV_SEROLOGY = RowType(
    name="cmv_serology",
    description="One antibody test against CMV, or a statement of serostatus, of the patient or of the donor.",
    key=("patient_id", "of_whom", "test", "sampled_at"),
    columns=(
        PATIENT_ID,
        Column(
            "of_whom",
            Kind.TEXT,
            "Of the patient (`recipient`, without a transplantation too), or of the patient's donor.",
            constraints=(OneOf("of_whom", OF_WHOM),),
        ),
        Column(
            "test",
            Kind.TEXT,
            "Which antibody; `statement` = serostatus as a letter or registry states it.",
            constraints=(OneOf("test", TESTS),),
        ),
        Column("sampled_at", Kind.MOMENT, "When sampled, or stated.", "UTC", constraints=(NotBefore("sampled_at"),)),
        Column("serology_result", Kind.TEXT, "What was found.", constraints=(OneOf("serology_result", RESULTS),)),
        Column(
            "given_before",
            Kind.TEXT,
            "What was given shortly before that can bring antibody of others; `neither` = stated that neither was.",
            null_means="not known",
            constraints=(OneOf("given_before", GIVEN_BEFORE),),
        ),
        *RECEIVED,
    ),
)

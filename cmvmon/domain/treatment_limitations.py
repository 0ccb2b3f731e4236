"""The delivered table `treatment_limitations`: what was agreed not to do any more, from when to when."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

NO_FURTHER_TESTS, COMFORT_CARE = ENDS_FOLLOW_UP = ("no_further_tests", "comfort_care")
"""Under these nobody samples; who is not to be resuscitated or intubated is treated and followed as before."""
LIMITATIONS = ("no_resuscitation", "no_intubation", "no_escalation", *ENDS_FOLLOW_UP)

TREATMENT_LIMITATIONS = RowType(
    name="treatment_limitations",
    description="One limit to treatment that was agreed, from when it was stated.",
    key=("patient_id", "limitation", "stated_at"),
    columns=(
        PATIENT_ID,
        Column("limitation", Kind.TEXT, "Which limit.", constraints=(OneOf("limitation", LIMITATIONS),)),
        Column("stated_at", Kind.MOMENT, "When it was stated.", "UTC", constraints=(NotBefore("stated_at"),)),
        Column("ended_at", Kind.MOMENT, "When it ended.", "UTC", "it still holds", (NotBefore("ended_at"),)),
        *RECEIVED,
    ),
    across=(Ordered("stated_at", "ended_at", "ended_before_stated"),),
)

"""The delivered table `host_status`: what a patient's defence against CMV is, as it was stated."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless
from cmvmon.domain.constraints import Between, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

HIV_AIDS = "hiv_aids"
IMMUNOCOMPETENT = "previously_immunocompetent"
COVID_19, ARDS = "covid_19", "ards"
SOLID_ORGAN = "solid_organ_transplant"
IMMUNOCOMPROMISING = (SOLID_ORGAN, "stem_cell_transplant", "chemotherapy", "immunosuppression", HIV_AIDS)
CONDITIONS = (
    *IMMUNOCOMPROMISING,
    IMMUNOCOMPETENT,
    COVID_19,
    ARDS,
    "sepsis",
    "burns",
)

HOST_STATUS = RowType(
    name="host_status",
    description="One condition that bears on a patient's defence against CMV, from when it was stated.",
    key=("patient_id", "condition", "stated_at"),
    columns=(
        PATIENT_ID,
        Column("condition", Kind.TEXT, "What was stated.", constraints=(OneOf("condition", CONDITIONS),)),
        Column("stated_at", Kind.MOMENT, "When it was stated.", "UTC", constraints=(NotBefore("stated_at"),)),
        Column("ended_at", Kind.MOMENT, "When it ended.", "UTC", "it still holds", (NotBefore("ended_at"),)),
        Column(
            "cd4_cells_per_ul",
            Kind.NUMBER,
            "The CD4 count that was stated with HIV or AIDS, per microlitre (the same number as 10^6 per litre).",
            "cells/uL",
            "not HIV or AIDS, or not known",
            (Between("cd4_cells_per_ul", at_least=0.0, at_most=1e4),),
        ),
        Column("source", Kind.TEXT, "Where it was stated, in the sender's words.", null_means="not said"),
        *RECEIVED,
    ),
    across=(
        NullUnless("cd4_cells_per_ul", "condition", (HIV_AIDS,)),
        Ordered("stated_at", "ended_at", "ended_before_stated"),
    ),
)


def is_part_of_a_cell() -> pl.Expr:
    """Whether `cd4_cells_per_ul` is less than one cell and not none: a count in 10^9/L, which would read as a patient without defence.

    No promise of the table: what was stored before it was asked would stop a night, and nobody could mend it.
    """
    cd4 = pl.col("cd4_cells_per_ul")
    return (cd4 > 0.0) & (cd4 < 1.0)

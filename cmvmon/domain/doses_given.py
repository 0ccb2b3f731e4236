"""The delivered table `doses_given`: each antiviral dose as it was given, or missed."""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import BetweenWhen, NullUnless, Requires
from cmvmon.domain.constraints import Between, Matches, NotBefore, OneOf
from cmvmon.domain.dose_amounts import LOOKS_LIKE_ANOTHER_UNIT, MG
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

GIVEN, MISSED = ADMINISTERED = ("given", "missed")

DOSES_GIVEN = RowType(
    name="doses_given",
    description="One antiviral dose that was given, or that was due and was missed.",
    key=("patient_id", "drug", "given_at"),
    columns=(
        PATIENT_ID,
        Column(
            "drug",
            Kind.TEXT,
            "Generic name, in any case. One that the protocol does not list is kept as unclassified.",
            constraints=(Matches("drug", r"\s*\S(?:.*\S)?\s*", "is not blank", "missing_drug"),),
            any_case=True,
        ),
        Column(
            "indication",
            Kind.TEXT,
            "Why it is given.",
            null_means="not known: the dose counts for no treatment",
            constraints=(OneOf("indication", words.INDICATION),),
        ),
        Column("administered", Kind.TEXT, "Whether it was given.", constraints=(OneOf("administered", ADMINISTERED),)),
        Column(
            "given_at",
            Kind.MOMENT,
            "When it was given; of one that was missed, when it was due.",
            "UTC",
            constraints=(NotBefore("given_at"),),
        ),
        Column(
            "dose_mg",
            Kind.NUMBER,
            "The amount that was given: the whole dose, not by body weight.",
            "mg",
            "it was missed",
            (Between("dose_mg", above=0.0, at_most=1e5),),
        ),
        Column("route", Kind.TEXT, "How it was given: iv, oral, enteral, ...", null_means="not known", any_case=True),
        Column(
            "dosing_weight_kg",
            Kind.NUMBER,
            "The weight that the pharmacy doses by.",
            "kg",
            "not known: a dose by weight can't be held against a band",
            (Between("dosing_weight_kg", at_least=20.0, at_most=400.0),),
        ),
        *RECEIVED,
    ),
    across=(
        Requires("dose_mg", "administered", (GIVEN,)),
        NullUnless("dose_mg", "administered", (GIVEN,)),
        *(
            BetweenWhen("dose_mg", low, high, "drug", drugs, LOOKS_LIKE_ANOTHER_UNIT)
            for drugs, (low, high) in MG.items()
        ),
    ),
)

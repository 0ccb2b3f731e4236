"""The table that says when one more sample would probably settle an open call."""

from __future__ import annotations

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between, OneOf, Ordered

NEXT_SAMPLE = RowType(
    name="next_sample",
    description="When one more sample would probably settle the open call of one series. Information, never an order.",
    key=("patient_id", "compartment", "laboratory", "assay"),
    columns=(
        Column("patient_id", Kind.TEXT, "The patient."),
        Column(
            "compartment",
            Kind.TEXT,
            "The compartment of the series.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column("laboratory", Kind.TEXT, "The laboratory of the series."),
        Column("assay", Kind.TEXT, "The assay of the series."),
        Column("anchor_at", Kind.MOMENT, "Start of the response clock.", "UTC"),
        Column("as_of", Kind.MOMENT, "The moment from which the days are counted.", "UTC"),
        Column(
            "next_sample_at",
            Kind.MOMENT,
            "The first day on which one more sample reaches the protocol's probability of a decisive call.",
            "UTC",
            "no day that is tried reaches it",
        ),
        Column(
            "probability_decisive",
            Kind.NUMBER,
            "Probability that the call would be met or not_met with a sample then; without such a day, the best day's.",
            constraints=(Between("probability_decisive", at_least=0.0, at_most=1.0),),
        ),
        Column(
            "call_if_not_detected",
            Kind.TEXT,
            "The call on that day if the sample came back not detected.",
            null_means="there would be no call, or the limits do not say what not detected means",
            constraints=(OneOf("call_if_not_detected", words.CALL),),
        ),
        Column("protocol_version", Kind.TEXT, "The signed clinical policy that gave every number."),
    ),
    across=(Ordered("as_of", "next_sample_at", "next_sample_before_as_of", strict=True),),
)

"""The delivered table `samples_ordered`: samples for CMV PCR that were asked for, and what became of them."""

from __future__ import annotations

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless, Requires
from cmvmon.domain.constraints import NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

ORDERED, COLLECTED, RESULTED, CANCELLED, NOT_FEASIBLE = STATES = (
    "ordered",
    "collected",
    "resulted",
    "cancelled",
    "not_feasible",
)
_TAKEN = (COLLECTED, RESULTED)

SAMPLES_ORDERED = RowType(
    name="samples_ordered",
    description="One order of a sample for CMV PCR, or the statement that one can't be taken, as it stands now.",
    key=("patient_id", "order_number"),
    columns=(
        PATIENT_ID,
        Column("order_number", Kind.TEXT, "The number of the order; of the note, where it is a statement alone."),
        Column(
            "compartment",
            Kind.TEXT,
            "What is to be sampled.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column(
            "ordered_at",
            Kind.MOMENT,
            "When it was asked for, or stated.",
            "UTC",
            constraints=(NotBefore("ordered_at"),),
        ),
        Column(
            "state",
            Kind.TEXT,
            "What became of it; `not_feasible` = somebody stated that it can't be taken.",
            constraints=(OneOf("state", STATES),),
        ),
        Column("collected_at", Kind.MOMENT, "When it was taken.", "UTC", "not taken", (NotBefore("collected_at"),)),
        Column("stated_at", Kind.MOMENT, "When that state was stated.", "UTC", "not said", (NotBefore("stated_at"),)),
        Column("stated_by", Kind.TEXT, "By whom, in the sender's words.", null_means="not said"),
        *RECEIVED,
    ),
    across=(
        Requires("collected_at", "state", (COLLECTED,)),
        NullUnless("collected_at", "state", _TAKEN),
        Ordered("ordered_at", "stated_at", "state_stated_before_ordered"),
    ),
)

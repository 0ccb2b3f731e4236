"""The delivered table `patient_movements`: admissions, transfers and discharges as they were stated, and what took them back."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless, Requires
from cmvmon.domain.constraints import Between, Matches, NotBefore, OneOf
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

MOVES = ADMISSION, TRANSFER, DISCHARGE = ("admission", "transfer", "discharge")
CANCELS = {f"cancelled_{move}": move for move in MOVES}
"""What takes a movement back -> which one."""
RESTATED = "restated"
"""The visit was stated whole: what was recorded of it before holds no longer, and what was stated with it does."""
UNITS = ICU, ELSEWHERE = ("icu", "elsewhere")

PATIENT_MOVEMENTS = RowType(
    name="patient_movements",
    description="One statement that a patient came, was moved or left, or that such a statement was wrong. From them the stays "
    "on the ICU are made that nobody delivers as such.",
    key=("patient_id", "visit_number", "movement", "stated_at", "moved_at"),
    columns=(
        PATIENT_ID,
        Column(
            "visit_number",
            Kind.TEXT,
            "The visit to the hospital, as the hospital numbers it.",
            constraints=(Matches("visit_number", r"\s*\S(?:.*\S)?\s*", "is not blank", "missing_visit_number"),),
        ),
        Column(
            "movement",
            Kind.TEXT,
            "What happened, or what was taken back.",
            constraints=(OneOf("movement", (*MOVES, *CANCELS, RESTATED)),),
        ),
        Column(
            "stated_at",
            Kind.MOMENT,
            "When it was recorded; by it statements are put in order.",
            "UTC",
            constraints=(NotBefore("stated_at"),),
        ),
        Column(
            "moved_at",
            Kind.MOMENT,
            "When the patient moved; of what takes a movement back, when that one had been.",
            "UTC",
            "of what takes one back: the last of its kind is meant; of a visit stated whole: always",
            (NotBefore("moved_at"),),
        ),
        Column(
            "unit",
            Kind.TEXT,
            "Where the patient is from then on: on the ICU or elsewhere.",
            null_means="no admission or transfer",
            constraints=(OneOf("unit", UNITS),),
        ),
        Column("ward", Kind.TEXT, "The ward.", null_means="not said"),
        Column("bed", Kind.TEXT, "The bed.", null_means="not said"),
        Column(
            "n_movements",
            Kind.NUMBER,
            "Of a visit stated whole: how many movements were stated with it. While fewer are known it does not hold.",
            "movements",
            null_means="a single movement",
            constraints=(Between("n_movements", 0, 1000),),
        ),
        *RECEIVED,
    ),
    across=(
        Requires("moved_at", "movement", MOVES),
        Requires("unit", "movement", (ADMISSION, TRANSFER)),
        Requires("n_movements", "movement", (RESTATED,)),
        NullUnless("n_movements", "movement", (RESTATED,)),
    ),
)

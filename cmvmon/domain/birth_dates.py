"""The delivered table `birth_dates`: when a patient was born. Doses of children are not judged."""

from __future__ import annotations

from datetime import timedelta

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import NotBefore, a_date
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

ZONES_DIFFER = timedelta(days=1)
"""How far apart the days of one moment are told at most: a date has no zone of its own."""
BIRTH_DATES = RowType(
    name="birth_dates",
    description="The date of birth of one patient. It stands in a table of its own: a stay has several rows, and one who was "
    "not admitted has none.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        Column(
            "born_on",
            Kind.TEXT,
            "The date of birth, such as 1961-05-30.",
            constraints=(a_date("born_on"),),
        ),
        Column("stated_at", Kind.MOMENT, "When it was stated.", "UTC", constraints=(NotBefore("stated_at"),)),
        *RECEIVED,
    ),
)

"""The delivered table `birth_dates`: when a patient was born. Doses of children are not judged."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Matches, NotBefore
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

_ANY = "(?:0|1|2|3|4|5|6|7|8|9)"
_FROM_1 = "(?:1|2|3|4|5|6|7|8|9)"
_TO_29 = f"(?:0{_FROM_1}|1{_ANY}|2{_ANY})"
_LONG = f"(?:01|03|05|07|08|10|12)-(?:{_TO_29}|30|31)"
_SHORT = f"(?:04|06|09|11)-(?:{_TO_29}|30)"

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
            constraints=(
                Matches(
                    "born_on",
                    f"(?:19|20){_ANY}{_ANY}-(?:{_LONG}|{_SHORT}|02-{_TO_29})",
                    "is a date such as 1961-05-30, of this century or the last",
                    "malformed_born_on",
                ),
            ),
        ),
        Column("stated_at", Kind.MOMENT, "When it was stated.", "UTC", constraints=(NotBefore("stated_at"),)),
        *RECEIVED,
    ),
)

"""Whether a patient has left, and whether by death."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import DEATHS, DOUBTS, when_back, when_left
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.who_died import deaths_on_record
from cmvmon.facts.columns import PATIENT_ID, moment, one_of, yes_no
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

STAYS = RowType(
    name="stays",
    description="Whether a patient is still on the ward, and whether one is known to have died.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no(
            "is_discharged",
            "Known to have left: every stay on record has ended, and none that came since could not be read; or has died.",
        ),
        moment(
            "left_at",
            "When the last of these stays ended.",
            "a stay is open, none is on record, or one that came since could not be read",
        ),
        yes_no("has_died", "A death is on record, and nothing speaks against it. No = not known to have died."),
        one_of(
            "death_doubt",
            DOUBTS,
            "Why a death on record does not hold: signs of life come after it, or nobody stated when and a stay is open.",
            "it holds, or none is on record",
        ),
    ),
)


@fact_table(STAYS)
def stays(facts: Facts) -> pl.DataFrame:
    """A patient without a stay on record is not known to have left, nor is one of whom a stay or a movement came since and could
    not be read: she may lie there again. A death ends the stay, whether or not its end was stated."""
    begun = facts.prepared.begun
    is_known = ~is_in_doubt(begun, ICU_STAYS, pl.col("left_at"))
    ended = when_left(begun[ICU_STAYS]).with_columns(left_at=pl.when(is_known).then("left_at"))
    ended = ended.with_columns(is_discharged=pl.col("left_at").is_not_null())
    told = deaths_on_record({**begun.tables, DEATHS.name: begun[DEATHS]})
    died = told.filter(pl.col("doubt").is_null())["patient_id"].implode()
    return (
        facts.of(PATIENTS)
        .select("patient_id")
        .join(ended, on="patient_id", how="left")
        .join(told.select("patient_id", death_doubt="doubt"), on="patient_id", how="left")
        .with_columns(has_died=pl.col("patient_id").is_in(died))
        .with_columns(is_discharged=pl.col("is_discharged").fill_null(False) | pl.col("has_died"))
        .select(*STAYS.schema)
    )


def back_since(facts: Facts) -> dict[str, datetime]:
    """When each patient who had left came in last; nobody who never left before."""
    return dict(when_back(facts.prepared.begun[ICU_STAYS]).iter_rows())

"""On treatment, and no blood result for more than nine days.

Watches the time since the last blood result of any matrix (plasma, whole blood, serum) of a patient on treatment: without
it the response can't be judged, and the absence of an alert would read as an answer. Silent before day 7 of the course
and after discharge.

Clear when a blood result lies within nine days, before day 7, when not on treatment, or when discharged. Not assessable
when it is unknown whether the patient is treated.

Why: weekly follow-up is the transplant guidelines' custom (Kotton 2018, AST 2019). Not to be read as neglect: the feed
may be silent, which the ward page says on its first line.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from tests.old_engine.rule import Rule


def _has_recent_blood(stanza: RuleStanza) -> pl.Expr:
    age = pl.col("as_of") - pl.col("last_blood_collected_at")
    return (age <= pl.duration(hours=24 * stanza["overdue_after_days"])).fill_null(False)


def _is_early(stanza: RuleStanza) -> pl.Expr:
    elapsed = pl.col("as_of") - pl.col("course_started_at")
    return (elapsed < pl.duration(hours=24 * stanza["not_before_day"])).fill_null(False)


def _fires(stanza: RuleStanza) -> pl.Expr:
    on_treatment = pl.col("treatment") == words.TREATMENT_ON
    return on_treatment & ~_clears(stanza)


def _clears(stanza: RuleStanza) -> pl.Expr:
    treated_early = (pl.col("treatment") == words.TREATMENT_ON) & _is_early(stanza)
    return (
        _has_recent_blood(stanza)
        | treated_early
        | (pl.col("treatment") == words.TREATMENT_OFF)
        | pl.col("is_discharged")
    )


def _evidence(_: RuleStanza) -> dict[str, pl.Expr]:
    return {
        "course_started_at": pl.col("course_started_at"),
        "days_since_blood_result": pl.col("days_since_blood_result"),
        "discharged": pl.col("is_discharged"),
        "last_blood_collected_at": pl.col("last_blood_collected_at"),
        "treatment": pl.col("treatment"),
    }


RULE = Rule(
    code="no_follow_up",
    subject="patient",
    needs=frozenset({"overdue_after_days", "not_before_day"}),
    applies=lambda: pl.col("is_first_of_patient"),
    fires=_fires,
    clears=_clears,
    tier=lambda _: pl.lit(2),
    reason=lambda _: pl.lit("treatment_unknown"),
    evidence=_evidence,
    leaflet=__doc__ or "",
)

"""Results that stood and stand no more: withdrawn by the laboratory, or given to another patient; and how long they stood."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import OneOf
from cmvmon.domain.replaced import said_before
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import is_usable, with_confirmed
from cmvmon.facts.columns import PATIENT_ID, moment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table

_KEY = ("patient_id", "result_id")
_HOW = (words.WITHDRAWN, words.MOVED)
_UNTOLD = "neither when it was received nor when it was reported is known"

TAKEN_BACK = RowType(
    name="taken_back",
    description="A result of blood, BAL, CSF or vitreous fluid that stood for this patient, and was withdrawn or given to another "
    "patient since.",
    key=_KEY,
    columns=(
        PATIENT_ID,
        Column("result_id", Kind.TEXT, "The result."),
        one_of("taken_back_how", _HOW, "Withdrawn, or moved to another patient."),
        Column(
            "taken_back_compartment",
            Kind.TEXT,
            "The compartment that it was of.",
            constraints=(OneOf("taken_back_compartment", compartments.NAMES),),
        ),
        moment("taken_back_collected_at", "When its sample was collected.", "several times were told of it"),
        moment("in_use_since", "When the first version that could be judged came in, or was reported.", _UNTOLD),
        moment("taken_back_at", "When the version that ended it came in, or was reported.", _UNTOLD),
        yes_no(
            "was_answered_for",
            "Whether somebody acknowledged an alert that rested on it, or read it back.",
            "what persons answered is not known: these tables come from no store",
        ),
        yes_no("stands_again", "Whether it stands again for this patient."),
        yes_no("has_another_result", "Whether another result of a sample taken at that moment stands."),
        yes_no("is_reissued", "Whether one of these says the same: the result came back under another number."),
    ),
)


@fact_table(TAKEN_BACK, lists="sample")
def taken_back(facts: Facts) -> pl.DataFrame:
    """Receipt here counts before the report time of the laboratory: what was seen here stood from then on, until then. A result
    that was withdrawn, reinstated and withdrawn again stood from its first version to the last withdrawal. One that only stood as
    preliminary was never judged, and has no row. One that stands again has: whoever was told of it is told that, too."""
    versions = facts.prepared.begun[VIRAL_LOAD_RESULTS]
    ends = pl.col("result_status").is_in(words.CHANGES_A_RESULT)
    changed = versions.filter(ends).select(pl.col("result_id").unique())
    if changed.is_empty():
        return TAKEN_BACK.empty()
    mine = with_confirmed(versions.join(changed, on="result_id", how="semi"))
    gone = said_before(mine).filter(pl.col("fate").is_in(_HOW)).with_columns(stands_again=pl.lit(False))
    told = pl.concat([gone, _standing_again(facts, mine)], how="diagonal").filter(
        pl.col("was_compartment").is_in(list(compartments.WATCHED))
    )
    return (
        told.join(_how_long(mine, told), on=_KEY)
        .filter(
            ~pl.col("stands_again") | (pl.col("in_use_since") < pl.col("taken_back_at"))
        )  # else it came to him from another
        .join(_of_that_sample(facts, told), on=_KEY, how="left")
        .select(
            *_KEY,
            "in_use_since",
            "taken_back_at",
            _was_answered_for(facts),
            "stands_again",
            pl.col("has_another_result", "is_reissued").fill_null(False),
            taken_back_how="fate",
            taken_back_compartment="was_compartment",
            taken_back_collected_at="was_collected_at",
        )
    )


def _was_answered_for(facts: Facts) -> pl.Expr:
    answered = facts.prepared.begun.answered
    found = (
        pl.lit(None, dtype=pl.Boolean)
        if answered is None
        else pl.col("result_id").is_in(answered["result_id"].implode())
    )
    return found.alias("was_answered_for")


def _standing_again(facts: Facts, versions: pl.DataFrame) -> pl.DataFrame:
    """Results that stand, and of which an earlier version was a withdrawal, or of another patient."""
    stands = facts.prepared.results.filter(~pl.col("is_conflicting")).select(
        *_KEY, was_compartment="compartment", was_collected_at="collected_at", stands_again=pl.lit(True)
    )
    others = versions.select("result_id", "result_status", of_patient="patient_id")
    is_away = is_usable() & (pl.col("of_patient") != pl.col("patient_id"))
    return (
        stands.join(others, on="result_id")
        .filter((pl.col("result_status") == words.WITHDRAWN) | is_away)
        .with_columns(fate=pl.when(is_away).then(pl.lit(words.MOVED)).otherwise(pl.lit(words.WITHDRAWN)))
        .drop("result_status", "of_patient")
        .unique(_KEY, keep="first", maintain_order=True)
    )


def _how_long(versions: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """When each of these came to stand, and when it was taken back; none that could never be judged."""
    known_at = pl.coalesce("received_at", "reported_at")
    is_his = pl.col("patient_id") == pl.col("of_patient")
    is_withdrawal = pl.col("result_status") == words.WITHDRAWN
    is_end = pl.when(pl.col("fate") == words.WITHDRAWN).then(is_withdrawal).otherwise(is_usable() & ~is_his)
    stood = is_usable() & is_his
    return (
        versions.join(told.select("result_id", "fate", of_patient="patient_id"), on="result_id")
        .group_by("of_patient", "result_id")
        .agg(
            has_stood=stood.any(),
            in_use_since=known_at.filter(stood).min(),
            taken_back_at=pl.coalesce(
                known_at.filter(is_end & (known_at >= known_at.filter(stood).max())).min(),
                known_at.filter(is_end).max(),
            ),
        )
        .filter("has_stood")
        .select("result_id", "in_use_since", "taken_back_at", patient_id="of_patient")
    )


def _of_that_sample(facts: Facts, gone: pl.DataFrame) -> pl.DataFrame:
    """Of each result that is gone and whose sample another result stands for: whether one says the same."""
    here = ("patient_id", "was_compartment", "was_collected_at")
    there = ("patient_id", "compartment", "collected_at")
    others = facts.prepared.results.filter(~pl.col("is_conflicting")).select(
        *there, "detection", "viral_load_iu_per_ml"
    )
    says_the_same = [pl.col(name).eq_missing(pl.col(f"was_{name}")) for name in ("detection", "viral_load_iu_per_ml")]
    return (
        gone.join(others, left_on=here, right_on=there)
        .group_by(_KEY)
        .agg(has_another_result=pl.lit(True), is_reissued=pl.all_horizontal(says_the_same).any())
    )

"""The last two results of a series are below the limit of quantification.

Watches the newest series of each compartment. A state, told inside the report: it names its compartment, and a state in
plasma never resolves an alert on BAL. Clear when either of the last two has a load (quantified, or above range). Not
assessable with fewer than two results, or when the values of one of the two conflict.

Why: in VICTOR suppression at day 7, 14 or 21 went with faster resolution of disease after transplantation. Not to be read
as cured, nor as virus absent: "not detected" does not exclude virus below the limit of detection.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from tests.old_engine.rule import Rule

_BELOW = [words.NOT_DETECTED, words.BELOW_LLOQ]


def _is_readable() -> pl.Expr:
    return (pl.col("n_series_results") >= 2) & ~pl.col("last_two_conflict")


def _fires(_: RuleStanza) -> pl.Expr:
    return _is_readable() & pl.col("latest_detection").is_in(_BELOW) & pl.col("previous_detection").is_in(_BELOW)


def _clears(_: RuleStanza) -> pl.Expr:
    return _is_readable() & ~(pl.col("latest_detection").is_in(_BELOW) & pl.col("previous_detection").is_in(_BELOW))


def _evidence(_: RuleStanza) -> dict[str, pl.Expr]:
    return {
        "compartment": pl.col("compartment"),
        "last_two_conflict": pl.col("last_two_conflict"),
        "latest_collected_at": pl.col("latest_collected_at"),
        "latest_detection": pl.col("latest_detection"),
        "n_results": pl.col("n_series_results"),
        "previous_collected_at": pl.col("previous_collected_at"),
        "previous_detection": pl.col("previous_detection"),
        "result_ids": pl.concat_list("previous_result_id", "latest_result_id"),
    }


RULE = Rule(
    code="suppressed",
    subject="series",
    needs=frozenset(),
    applies=lambda: (
        pl.col("laboratory").is_not_null() | (~pl.col("patient_has_series") & pl.col("compartment").is_null())
    ),
    fires=_fires,
    clears=_clears,
    tier=lambda _: pl.lit(3),
    reason=lambda _: (
        pl.when(pl.col("last_two_conflict"))
        .then(pl.lit("conflicting_values"))
        .otherwise(pl.lit("fewer_than_two_results"))
    ),
    evidence=_evidence,
    leaflet=__doc__ or "",
)

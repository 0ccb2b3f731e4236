"""A load in BAL in the last week while no treatment drug runs.

Watches the latest BAL result of the last seven days. While the host is not an input, every quantified BAL (or one above
range) of an untreated patient alerts, and the evidence says whether it stands at the ward's local line. A treatment drug
counts when it was given with treatment intent in the last 72 hours; prophylaxis, letermovir and aciclovir do not count.
Bronchial wash and tracheal aspirate are not BAL and are not read here.

Clear when that BAL has no quantified load, or when a treatment drug ran in the last 72 hours. Not assessable without a
BAL in seven days, when its values conflict, or when it is unknown whether the patient is treated.

Why: guide G11 and G13. Not to be read as CMV pneumonia: published cut-offs run from about 100 to over 500,000 IU/mL, and
none was validated by histology in previously immunocompetent ICU patients.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from tests.old_engine.rule import Rule


def _is_recent(stanza: RuleStanza) -> pl.Expr:
    age = pl.col("as_of") - pl.col("latest_collected_at")
    return (age <= pl.duration(hours=24 * stanza["within_days"])).fill_null(False)


def _is_readable(stanza: RuleStanza) -> pl.Expr:
    return _is_recent(stanza) & ~pl.col("latest_is_conflicting").fill_null(True)


def _has_load() -> pl.Expr:
    return pl.col("latest_detection").is_in([words.QUANTIFIED, words.ABOVE_ULOQ])


def _fires(stanza: RuleStanza) -> pl.Expr:
    return _is_readable(stanza) & _has_load() & (pl.col("treatment") == words.TREATMENT_OFF)


def _clears(stanza: RuleStanza) -> pl.Expr:
    return (_is_readable(stanza) & ~_has_load()) | (pl.col("treatment") == words.TREATMENT_ON)


def _reason(stanza: RuleStanza) -> pl.Expr:
    return (
        pl.when(~_is_recent(stanza))
        .then(pl.lit("no_bal_in_7_days"))
        .when(~_is_readable(stanza))
        .then(pl.lit("conflicting_values"))
        .otherwise(pl.lit("treatment_unknown"))
    )


def _is_at_local_line(stanza: RuleStanza) -> pl.Expr:
    """Null where it can't be told: no load, or one above a range that ends below the line."""
    reaches = pl.col("latest_lower_iu_per_ml") >= stanza["local_line_iu_per_ml"]
    return pl.when(reaches | (pl.col("latest_detection") == words.QUANTIFIED)).then(reaches)


def _evidence(stanza: RuleStanza) -> dict[str, pl.Expr]:
    return {
        "at_local_line": _is_at_local_line(stanza),
        "collected_at": pl.col("latest_collected_at"),
        "detection": pl.col("latest_detection"),
        "host": pl.lit("unknown"),
        "is_conflicting": pl.col("latest_is_conflicting"),
        "result_id": pl.col("latest_result_id"),
        "treatment": pl.col("treatment"),
        "viral_load_iu_per_ml": pl.col("latest_viral_load_iu_per_ml"),
    }


RULE = Rule(
    code="bal_at_local_line",
    subject="series",
    needs=frozenset({"local_line_iu_per_ml", "within_days"}),
    applies=lambda: pl.col("compartment") == "bal",
    fires=_fires,
    clears=_clears,
    tier=lambda _: pl.lit(2),
    reason=_reason,
    evidence=_evidence,
    leaflet=__doc__ or "",
)

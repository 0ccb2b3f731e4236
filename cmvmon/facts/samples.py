"""The last two results of the newest series of a compartment, and a first low load after two without."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, count, load, sample, yes_no
from cmvmon.facts.conditions import fact
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.points import points_of

_NONE = "there is no such result"


def _result(which: str) -> tuple[Column, ...]:
    said = f"the {which} result"
    return (
        *sample(which, said, _NONE),
        load(f"{which}_at_least_iu_per_ml", f"What the load of {said} is at least.", f"{_NONE}, or no lower limit"),
        load(f"{which}_at_most_iu_per_ml", f"What the load of {said} is at most.", f"{_NONE}, or no upper limit"),
        yes_no(f"{which}_is_conflicting", f"Whether {said} came with two values under one number.", _NONE),
    )


SAMPLES = RowType(
    name="samples",
    description="The last two results of the newest series of a compartment, conflicting ones too.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(),
        count("n_series_results", "Results of the series that do not conflict."),
        *_result("latest"),
        *_result("previous"),
        yes_no("last_two_conflict", "Whether one of the last two came with two values under one number."),
        load(
            "first_positive_iu_per_ml",
            "What the latest load is at most, where it comes right after two sample times below the limit of "
            "quantification, whatever the treatment.",
            "the latest is below that limit, or one of the two before it is not, or there are not two",
        ),
    ),
)


@fact_table(SAMPLES)
def samples(facts: Facts) -> pl.DataFrame:
    """A sample with two results counts as two here, and as one time for a first low load."""
    series = facts.prepared.results.join(facts.of(NEWEST_SERIES), on=SERIES_KEY, how="semi")
    return _last_two(series).join(_first_positives(series), on=PLACE, how="left")


def _last_two(series: pl.DataFrame) -> pl.DataFrame:
    load, detection = pl.col("viral_load_iu_per_ml"), pl.col("detection")
    is_quantified = detection == words.QUANTIFIED
    facts = {name: pl.col(name) for name in ("collected_at", "detection", "viral_load_iu_per_ml", "result_id")} | {
        "at_least_iu_per_ml": pl.when(is_quantified)
        .then(load)
        .when(detection == words.ABOVE_ULOQ)
        .then("uloq_iu_per_ml"),
        "at_most_iu_per_ml": pl.when(is_quantified)
        .then(load)
        .when(detection.is_in([words.NOT_DETECTED, words.BELOW_LLOQ]))
        .then(pl.coalesce("lloq_iu_per_ml", "lod_iu_per_ml")),
        "is_conflicting": pl.col("is_conflicting"),
    }
    before = {name: fact.slice(-2, 1).filter(pl.len() > 1).first() for name, fact in facts.items()}
    return (
        series.sort("collected_at", "result_id")
        .group_by(PLACE)
        .agg(
            *(fact.last().alias(f"latest_{name}") for name, fact in facts.items()),
            *(fact.alias(f"previous_{name}") for name, fact in before.items()),
            n_series_results=(~pl.col("is_conflicting")).sum(),
            last_two_conflict=pl.col("is_conflicting").tail(2).any(),
        )
    )


def _first_positives(series: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("is_below").slice(-3, 2)
    is_first = ~pl.col("is_below").last() & before.all() & (pl.len() > 2)
    return (
        points_of(series.filter(~pl.col("is_conflicting")))
        .sort(*PLACE, "collected_at")
        .group_by(PLACE, maintain_order=True)
        .agg(first_positive_iu_per_ml=pl.when(is_first).then(pl.col("at_most").last()))
    )


_LOADS, _BELOW = (words.QUANTIFIED, words.ABOVE_ULOQ), (words.NOT_DETECTED, words.BELOW_LLOQ)
latest_is_load = fact("latest_detection").is_in(_LOADS)
latest_is_below = fact("latest_detection").is_in(_BELOW)
previous_is_below = fact("previous_detection").is_in(_BELOW)
LATEST, PREVIOUS = (
    tuple(fact(f"{which}_{name}") for name in ("collected_at", "detection", "viral_load_iu_per_ml"))
    for which in ("latest", "previous")
)

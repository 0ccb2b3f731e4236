"""The last two results of a series, and a first low load after two without."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, RowType
from cmvmon.domain.interval import BELOW, at_least_iu_per_ml, at_most_iu_per_ml
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of
from cmvmon.facts.columns import PATIENT_ID, count, days, days_long, load, sample, series, yes_no
from cmvmon.facts.conditions import Value, fact, truth
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points, recent_results

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
    description="The last two results of a series that is judged, conflicting ones too.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        count("n_series_results", "Results of the series that do not conflict."),
        *_result("latest"),
        *_result("previous"),
        days("days_since_latest", "Days from the latest sample to the moment that is judged, to a thousandth."),
        yes_no("last_two_conflict", "Whether one of the last two came with two values under one number."),
        yes_no(
            "last_two_contradict",
            "Whether the last two were taken so close together and lie so far apart that they can't both be right.",
        ),
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
    numbers = facts.shared(recent_numbers).select(*SERIES_KEY, "series")
    found = numbers.join(_last_two(facts.shared(recent_results)), on="series", maintain_order="left")
    age = days_long(facts.now - pl.col("latest_collected_at"))
    found = found.with_columns(days_since_latest=age, last_two_contradict=_contradict(facts))
    return found.join(_first_positives(facts.shared(points)), on="series", how="left", maintain_order="left")


def _contradict(facts: Facts) -> pl.Expr:
    """By their reported limits, `[watched] contradict_log10` apart within `contradict_within_h`; at different minutes."""
    policy = facts.protocol.watched
    apart = pl.col("latest_collected_at") - pl.col("previous_collected_at")
    is_close = (apart > pl.duration(hours=0)) & (apart <= pl.duration(hours=policy.contradict_within_h))
    up = pl.col("latest_at_least_iu_per_ml").log10() - pl.col("previous_at_most_iu_per_ml").log10()
    down = pl.col("previous_at_least_iu_per_ml").log10() - pl.col("latest_at_most_iu_per_ml").log10()
    is_far = (up.round(9) > policy.contradict_log10).fill_null(False) | (
        down.round(9) > policy.contradict_log10
    ).fill_null(False)
    return is_close.fill_null(False) & is_far & ~pl.col("last_two_conflict")


def _last_two(results: pl.DataFrame) -> pl.DataFrame:
    told = results.select(
        "collected_at",
        "detection",
        "viral_load_iu_per_ml",
        "result_id",
        "is_conflicting",
        at_least_iu_per_ml=at_least_iu_per_ml(),
        at_most_iu_per_ml=at_most_iu_per_ml(),
    )
    ends = ends_of(results)
    n_conflicting = results.filter("is_conflicting").group_by("series").agg(n_conflicting=pl.len())
    return (
        pl.concat(
            [
                pl.DataFrame({"series": ends.series, "n_rows": ends.n_rows}),
                told.select(pl.all().gather(ends.back(0)).name.prefix("latest_")),
                told.select(pl.all().gather(ends.back(1)).name.prefix("previous_")),
            ],
            how="horizontal",
        )
        .join(n_conflicting, on="series", how="left", maintain_order="left")
        .with_columns(
            n_series_results=pl.col("n_rows") - pl.col("n_conflicting").fill_null(0).cast(pl.Int64),
            last_two_conflict=pl.col("latest_is_conflicting") | pl.col("previous_is_conflicting").fill_null(False),
        )
    )


def _first_positives(points: pl.DataFrame) -> pl.DataFrame:
    ends = ends_of(points)
    latest, one_before, two_before = (pl.col("is_below").gather(ends.back(steps)) for steps in range(3))
    is_first = (~latest & one_before & two_before).fill_null(False)
    at_most = pl.when(is_first).then(pl.col("at_most").gather(ends.back(0)))
    return ends.series.to_frame().hstack(points.select(at_most.alias("first_positive_iu_per_ml")))


_LOADS = (words.QUANTIFIED, words.ABOVE_ULOQ)
latest_is_load = fact("latest_detection").is_in(_LOADS)
DETECTED = (words.BELOW_LLOQ, *_LOADS)
latest_is_detected = fact("latest_detection").is_in(DETECTED)
latest_is_below = fact("latest_detection").is_in(BELOW)
previous_is_below = fact("previous_detection").is_in(BELOW)
both_below = latest_is_below & previous_is_below & ~truth("last_two_conflict")


def told_of(which: str) -> tuple[Value, ...]:
    """What a sentence tells of one sample: when, what the assay said, and the load."""
    return tuple(fact(f"{which}_{name}") for name in ("collected_at", "detection", "viral_load_iu_per_ml"))


LATEST, PREVIOUS = told_of("latest"), told_of("previous")

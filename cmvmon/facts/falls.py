"""How far a load has fallen under treatment, from the sample that it is held against to the latest one: as reported.

Three spans of one series: since the response clock began (another drug begins it again), since the course began, and
lately. Where treatment began before the first sample, a later one stands in: no baseline is a weaker answer, not silence.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of, least_of
from cmvmon.facts.columns import (
    OF_A_SAMPLE,
    PATIENT_ID,
    days,
    days_long,
    load,
    log10,
    named,
    one_of,
    sample,
    series,
    weeks_long,
)
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points
from cmvmon.facts.treatment import TREATMENT

_NONE = "there is no such sample"
_UNBOUNDED = f"{_NONE}, or it can't be told: below a limit, or above range"
_RANK_US = 2**58  # a rank counts for more than any time apart, in microseconds
_POINT = (*OF_A_SAMPLE, "at_least", "at_most")

FALLS = RowType(
    name="falls",
    description="From which sample to which a load fell under treatment, and how far. No row: not on treatment, or no sample "
    "since the course began. Conflicting results are left out.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *sample("fall_to", "the latest sample", _NONE),
        load("fall_to_at_least_iu_per_ml", "What its load is at least.", f"{_NONE}, or below the limit"),
        load("fall_to_at_most_iu_per_ml", "What its load is at most.", f"{_NONE}, or above range"),
        *sample("fall_from", "the sample that the response is held against", _NONE),
        one_of("fall_from_is", words.FALL_FROM, "What that sample is.", _NONE),
        log10("fall_at_least_log10", "How far the load fell from there at least.", _UNBOUNDED),
        log10("fall_at_most_log10", "How far it fell at most.", _UNBOUNDED),
        Column(
            "fall_at_most_log10_per_week",
            Kind.NUMBER,
            "The same for each week between the two.",
            "log10 per week",
            _UNBOUNDED,
            (Between("fall_at_most_log10_per_week", at_least=-1e6, at_most=1e6),),
        ),
        days(
            "interrupted_days",
            "Days between the two on which no treatment drug ran, of gaps that interrupt the course.",
            _NONE,
        ),
        log10(
            "peak_fall_at_least_log10",
            "How far the load fell at least from the highest sample of the first week.",
            _UNBOUNDED,
        ),
        log10("peak_rise_log10", "How far the load stands at least above that sample.", _UNBOUNDED),
        log10("peak_rise_before_log10", "The same of the sample before the latest.", _UNBOUNDED),
        *sample(
            "course_from",
            "the sample that the whole course is held against, whatever drugs came after the first",
            _NONE,
        ),
        log10("course_fall_at_most_log10", "How far the load fell from there at most.", _UNBOUNDED),
        *sample("lately_from", "the last sample before the last weeks", _NONE),
        log10("lately_fall_at_least_log10", "How far the load fell from there at least.", _UNBOUNDED),
        log10("lately_fall_at_most_log10", "How far it fell at most.", _UNBOUNDED),
    ),
)


@fact_table(FALLS)
def falls(facts: Facts) -> pl.DataFrame:
    """Held against: the baseline of the clock (`[response_clock]`, as for the weeks); without one, the earliest sample
    since then that is at least `judged_from_days` older than the latest (`stands_in`). Whatever lies between two samples,
    a long gap too, they are a pair. *Lately* ends `lately_days` before the latest sample, less what ends a week
    (`[decline] week_end_within_h`), and so does the first week. Falls are rounded to 1e-9. Source: rules.md sections 1 and 3.0.
    """
    on = facts.of(TREATMENT).filter(pl.col("treatment") == words.TREATMENT_ON)
    clocks = on.select("patient_id", "course_started_at", "anchor_at")
    numbers = facts.shared(recent_numbers).select(*SERIES_KEY, "series").join(clocks, on="patient_id")
    known = facts.shared(points).join(
        numbers.select("series", "patient_id", "course_started_at", "anchor_at"), on="series", maintain_order="left"
    )
    to = known[ends_of(known).last].filter(pl.col("collected_at") >= pl.col("course_started_at"))
    earlier = known.join(to.select("series", to_at="collected_at"), on="series", maintain_order="left")
    earlier = earlier.filter(pl.col("collected_at") < pl.col("to_at"))
    held = _held_against(facts, earlier, "anchor_at", "fall")
    between = pl.col("fall_to_collected_at") - pl.col("fall_from_collected_at")
    return (
        numbers.join(to.select("series", *named("fall_to", _POINT)), on="series")
        .join(held, on="series", how="left")
        .join(_held_against(facts, earlier, "course_started_at", "course"), on="series", how="left")
        .join(_lately(facts, earlier), on="series", how="left")
        .join(_first_week_peak(facts, earlier, held), on="series", how="left")
        .join(_one_before(earlier), on="series", how="left")
        .join(_interrupted(facts, to, held), on="series", how="left")
        .with_columns(
            *_from_peak(),
            *(expr for which in ("fall", "course", "lately") for expr in _fall(which)),
            fall_to_at_least_iu_per_ml="fall_to_at_least",
            fall_to_at_most_iu_per_ml="fall_to_at_most",
            fall_from_is="fall_is",
            interrupted_days=pl.when(pl.col("fall_from_collected_at").is_not_null()).then(
                pl.col("interrupted_days").fill_null(0.0)
            ),
        )
        .with_columns(fall_at_most_log10_per_week=pl.col("fall_at_most_log10") / weeks_long(between))
    )


def _interrupted(facts: Facts, to: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Days of each series between its two samples that lie in a gap of its course, one row a series with any."""
    gaps = (
        facts.prepared.clocks.select("patient_id", "course_started_at", "gap_starts", "gap_ends")
        .unique(["patient_id", "course_started_at"])
        .explode("gap_starts", "gap_ends")
        .drop_nulls("gap_starts")
    )
    spans = to.select("series", "patient_id", "course_started_at", to_at="collected_at").join(
        held.select("series", from_at="fall_from_collected_at"), on="series"
    )
    shared = pl.min_horizontal("gap_ends", "to_at") - pl.max_horizontal("gap_starts", "from_at")
    return (
        spans.join(gaps, on=["patient_id", "course_started_at"])
        .with_columns(shared=shared)
        .filter(pl.col("shared") > pl.duration(hours=0))
        .group_by("series")
        .agg(interrupted_days=days_long(pl.col("shared").sum()))
    )


def _fall(which: str) -> list[pl.Expr]:
    """How far at least and at most, by the reported limits of both ends."""
    prefix = which if which == "fall" else f"{which}_fall"
    high, low = pl.col(f"{which}_from_at_most").log10(), pl.col(f"{which}_from_at_least").log10()
    return [
        (low - pl.col("fall_to_at_most").log10()).round(9).alias(f"{prefix}_at_least_log10"),
        (high - pl.col("fall_to_at_least").log10()).round(9).alias(f"{prefix}_at_most_log10"),
    ]


def _held_against(facts: Facts, earlier: pl.DataFrame, clock: str, which: str) -> pl.DataFrame:
    """Of the samples before the latest the one that a clock is held against, one row a series."""
    policy = facts.protocol.response_clock
    since = pl.col("collected_at") - pl.col(clock)
    stands_in_from = pl.col("to_at") - pl.col("collected_at") >= pl.duration(hours=24 * policy.judged_from_days)
    rank = (
        pl.when(
            (since >= -pl.duration(hours=policy.baseline_before_h))
            & (since <= pl.duration(hours=policy.baseline_after_h))
        )
        .then(0)
        .when((since < pl.duration(hours=0)) & (since >= -pl.duration(hours=24 * policy.early_baseline_before_days)))
        .then(1)
        .when((since > pl.duration(hours=0)) & (since <= pl.duration(hours=24 * policy.late_baseline_after_days)))
        .then(2)
        .when((since > pl.duration(hours=0)) & stands_in_from)
        .then(3)
    )
    ranked = earlier.with_columns(rank=rank)
    # Of several the earlier one: they come sorted by moment, and each moment is one point.
    found = least_of(
        ranked, ranked.select(pl.col("rank").cast(pl.Int64) * _RANK_US + since.abs().cast(pl.Int64)).to_series()
    )
    is_baseline = pl.col("rank") < 3
    what = pl.when(is_baseline).then(pl.lit(words.BASELINE)).otherwise(pl.lit(words.STANDS_IN)).alias(f"{which}_is")
    return found.select("series", *named(f"{which}_from", _POINT), what)


def _first_week_peak(facts: Facts, earlier: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Of the samples from the baseline to the end of the first week of the clock the highest, one row a series."""
    policy = facts.protocol
    baseline = held.filter(pl.col("fall_is") == words.BASELINE).select("series", baseline_at="fall_from_collected_at")
    until = pl.duration(hours=24 * policy.response_clock.peak_within_days + policy.decline.week_end_within_h)
    within = (pl.col("collected_at") >= pl.col("baseline_at")) & (pl.col("collected_at") - pl.col("anchor_at") <= until)
    known = earlier.join(baseline, on="series", maintain_order="left")
    week = known.filter(within & pl.col("at_least").is_not_null())
    highest = week.filter(pl.col("at_least") == pl.col("at_least").max().over("series"))
    return highest[ends_of(highest).last].select("series", peak_at_least="at_least", peak_at_most="at_most")


def _one_before(earlier: pl.DataFrame) -> pl.DataFrame:
    """Of the samples before the latest the last, one row a series."""
    return earlier[ends_of(earlier).last].select("series", before_at_least="at_least")


def _from_peak() -> list[pl.Expr]:
    """How far the latest stands below the peak of the first week, and the last two above it, at least."""
    peak = pl.col("peak_at_most").log10()
    apart = {
        "peak_fall_at_least_log10": pl.col("peak_at_least").log10() - pl.col("fall_to_at_most").log10(),
        "peak_rise_log10": pl.col("fall_to_at_least").log10() - peak,
        "peak_rise_before_log10": pl.col("before_at_least").log10() - peak,
    }
    return [expr.round(9).alias(name) for name, expr in apart.items()]


def _lately(facts: Facts, earlier: pl.DataFrame) -> pl.DataFrame:
    """Of the samples before the last weeks the latest, one row a series."""
    policy = facts.protocol
    span = pl.duration(hours=24 * policy.response_clock.lately_days - policy.decline.week_end_within_h)
    before = earlier.filter(pl.col("to_at") - pl.col("collected_at") >= span)
    return before[ends_of(before).last].select("series", *named("lately_from", _POINT))


FALL_IDS = tuple(f"{which}_result_id" for which in ("course_from", "fall_from", "lately_from", "fall_to"))

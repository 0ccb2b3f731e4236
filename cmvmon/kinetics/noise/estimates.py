"""What a laboratory's own results say of its noise: from repeats of one sample, and from the scatter within series.

Both become differences that have mean 0 and variance sigma^2 when nothing but the assay scatters; one estimator serves
both. Repeats leave out what taking a sample adds; the scatter within series holds it, and every real change besides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, median

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.interval import log10_of
from cmvmon.domain.series import SERIES_KEY

METHOD_VERSION = "noise-1"
REPEATS, RESIDUALS = "repeats", "residuals"
SOURCES = (REPEATS, RESIDUALS)
EVERY_LEVEL, NEAR_LLOQ, ABOVE = "all", "near_lloq", "above"
LEVELS = (EVERY_LEVEL, NEAR_LLOQ, ABOVE)
NEAR_LLOQ_WITHIN_LOG10 = 0.5  # half a log above the LLOQ divides the two levels
# With 20 degrees of freedom the 95 % interval runs from 0.77 to 1.44 times sigma: about as far as a sigma may be wrong
# before the intervals and calls that rest on it suffer (kinetics.md section 2). With fewer it says too little.
FEWEST_DEGREES_OF_FREEDOM = 20.0
# Three results of a series stand for one line only over a short time. Twice a week fits the first; weekly the second.
SPANS_DAYS = (10.0, 15.0)
_DAY_US = 86_400_000_000
_TAIL = 0.025  # of a 95 % interval
_OF_MEDIAN = 1.0 / NormalDist().inv_cdf(0.75)  # median |difference| -> sigma, for normal noise
_MEDIAN_EFFICIENCY = 0.3675  # of that, against the root mean square, for normal noise (Rousseeuw & Croux 1993)

_TURNS = ("started_at", "stopped_at")
_GROUP = ("laboratory", "assay", "compartment")
_NUMBERS = ("sigma_log10", "low_log10", "high_log10")
SCHEMA: Mapping[str, pl.DataType] = {
    **{name: pl.String() for name in (*_GROUP, "level", "source", "status")},
    **{name: pl.Int64() for name in ("n", "n_patients")},
    "degrees_of_freedom": pl.Float64(),
    **{name: pl.Float64() for name in _NUMBERS},
    **{f"resistant_{name}": pl.Float64() for name in _NUMBERS},
    "in_use_log10": pl.Float64(),
    "holds_in_use": pl.Boolean(),
    "span_days": pl.Float64(),
    "lloq_iu_per_ml": pl.Float64(),
}


def noise_estimates(results: pl.DataFrame, courses: pl.DataFrame | None = None) -> pl.DataFrame:
    """Sigma of every laboratory, assay and compartment, by level and source, each with its 95 % interval.

    Args:
        results: current, usable rows of `viral_load_results`, one per result_id, in any order, with `is_conflicting`
            and `sigma_log10` (the noise now in use; null = none).
        courses: rows of `antiviral_courses`: a residual over the start or stop of one is not used, since the load is
            expected to turn there. None = not known: such turns then count as scatter.

    Sources:
        repeats     two or more results of one sample (same series and collected_at), all quantified
        residuals   three consecutive samples of a series, all quantified, in at most 10 days (15 where that leaves too
                    few): how far the middle one lies from the line of its neighbours, scaled to one result's variance
    Levels: `all`; `near_lloq` and `above`: a mean below, or from, half a log above the LLOQ.

    Returns one row each, sorted, of `SCHEMA`:
        status: `ok`, or `too_few` (fewer than 20 degrees of freedom): then every estimate is null.
        n, n_patients: differences used and patients they came from. degrees_of_freedom: n for repeats; for residuals
            fewer, since neighbouring ones share results.
        sigma_log10, low_, high_log10: root mean square of the differences; interval by chi-square.
        resistant_..: the same from the median of their size, which a few real changes or mix-ups hardly move.
        in_use_log10: what the same differences would scatter by the noise now in use; null where a result has none.
        span_days: the longest time between the first and the third result; null for repeats.
        lloq_iu_per_ml: the LLOQ of that assay and compartment; null where several held, or none is known.
        holds_in_use: whether the interval holds it: the plain one for repeats, the resistant one for residuals.
    Only quantified results are used, which makes sigma near the LLOQ look smaller than it is. Residuals hold biological
    change and the scatter of sampling besides the assay's: an upper bound for the assay. Repeats of one sample leave
    out the sampling. The same rows give the same bits in any order.
    """
    samples = _samples(results)
    rows: list[dict[str, object]] = []
    steady = _with_next_turn(samples, courses)
    repeats, spans = _repeats(samples), {days: _residuals(steady, days) for days in SPANS_DAYS}
    for key in samples.select(_GROUP).unique().sort(_GROUP).iter_rows():
        of_group = pl.all_horizontal(pl.col(name) == value for name, value in zip(_GROUP, key, strict=True))
        by_span = {days: found.filter(of_group) for days, found in spans.items()}
        span = next((days for days, found in by_span.items() if _is_enough(_freedom(found))), SPANS_DAYS[-1])
        for source, found in ((REPEATS, repeats.filter(of_group)), (RESIDUALS, by_span[span])):
            rows += [
                dict(zip(_GROUP, key, strict=True))
                | {"level": level, "source": source, "span_days": span if source == RESIDUALS else None}
                | {"lloq_iu_per_ml": _only_one(results.filter(of_group)["lloq_iu_per_ml"])}
                | _estimate(part, is_resistant=source == RESIDUALS)
                for level, part in _by_level(found)
            ]
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def _samples(results: pl.DataFrame) -> pl.DataFrame:
    """One row per sample, in order: its results `y` (log10, by result_id), their mean and variance in use.

    `is_whole`: every result of it is quantified and may be used.
    """
    value, lloq = log10_of("viral_load_iu_per_ml"), log10_of("lloq_iu_per_ml")
    is_usable = (pl.col("detection") == words.QUANTIFIED) & value.is_not_null() & ~pl.col("is_conflicting")
    noise = pl.col("sigma_log10")
    sampled = (
        results.sort(*SERIES_KEY, "collected_at", "result_id")
        .with_columns(y=value, noise=pl.when(noise.is_finite()).then(noise**2), is_usable=is_usable, lloq=lloq)
        .group_by(*SERIES_KEY, "collected_at", maintain_order=True)
        .agg("y", "noise", is_whole=pl.col("is_usable").all(), lloq=pl.col("lloq").max())
    )
    all_known = pl.col("noise").list.eval(pl.element().is_not_null()).list.all()
    return sampled.with_columns(
        mean=pl.col("y").list.mean(),
        r=pl.col("y").list.len().cast(pl.Float64),
        variance_in_use=pl.when(all_known).then(pl.col("noise").list.mean()),
    ).sort(*SERIES_KEY, "collected_at")


def _repeats(samples: pl.DataFrame) -> pl.DataFrame:
    """The differences within samples: r results give r - 1 independent ones (Helmert), each of variance sigma^2."""
    whole = samples.filter(pl.col("is_whole") & (pl.col("r") > 1)).with_row_index("sample")
    long = whole.explode("y", empty_as_null=False, keep_nulls=False)
    k = pl.int_range(pl.len()).over("sample").cast(pl.Float64)
    before = (pl.col("y").cum_sum().over("sample") - pl.col("y")) / k
    return (
        long.with_columns(k=k, difference=(pl.col("y") - before) * (k / (k + 1.0)).sqrt())
        .filter(pl.col("k") > 0)
        .select(
            *_GROUP,
            "patient_id",
            "difference",
            above_lloq=pl.col("mean") - pl.col("lloq"),
            in_use=pl.col("variance_in_use"),
            shared=pl.lit(0.0),
        )
    )


def _with_next_turn(samples: pl.DataFrame, courses: pl.DataFrame | None) -> pl.DataFrame:
    """The samples with `turn_at`: when a course of that patient next starts or stops, later than the sample."""
    if courses is None:
        return samples.with_columns(turn_at=pl.lit(None, pl.Datetime("us", "UTC")))
    turns = pl.concat(
        [courses.select("patient_id", turn_at=pl.col(end).cast(pl.Datetime("us", "UTC"))) for end in _TURNS]
    )
    return (
        samples.sort("collected_at")
        .join_asof(
            turns.drop_nulls().unique().sort("turn_at"),
            left_on="collected_at",
            right_on="turn_at",
            by="patient_id",
            strategy="forward",
            coalesce=False,
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .sort(*SERIES_KEY, "collected_at")
    )


def _residuals(samples: pl.DataFrame, span_days: float) -> pl.DataFrame:
    """The scaled residual of each middle sample, with the squared correlations to those that share samples with it.

    e = y2 - (1-w) y1 - w y3,  w = (t2-t1)/(t3-t1);  difference = e / sqrt((1-w)^2/r1 + 1/r2 + w^2/r3)
    """
    time = pl.col("collected_at").cast(pl.Int64)

    def at(column: str | pl.Expr, steps: int) -> pl.Expr:
        value = pl.col(column) if isinstance(column, str) else column
        return pl.when(pl.col("series").shift(-steps) == pl.col("series")).then(value.shift(-steps))

    width = at(time, 2) - time
    is_used = (
        pl.all_horizontal(at("is_whole", step).fill_null(False) for step in range(3))
        & (width <= round(span_days * _DAY_US))
        & (pl.col("turn_at").is_null() | (pl.col("turn_at") >= at("collected_at", 2)))
    )  # fmt: skip
    w = (at(time, 1) - time) / width
    numbered = samples.with_columns(series=pl.struct(SERIES_KEY).rle_id())  # the samples stand in order of their series
    scaled = numbered.with_columns(is_used=is_used.fill_null(False), w=w).with_columns(
        norm=((1.0 - pl.col("w")) ** 2 / pl.col("r") + 1.0 / at("r", 1) + pl.col("w") ** 2 / at("r", 2)).sqrt()
    )
    parts = scaled.with_columns(
        c1=(pl.col("w") - 1.0) / pl.col("norm"), c2=1.0 / pl.col("norm"), c3=-pl.col("w") / pl.col("norm")
    )
    next_one = pl.col("c2") * at("c1", 1) / at("r", 1) + pl.col("c3") * at("c2", 1) / at("r", 2)
    one_after = pl.col("c3") * at("c1", 2) / at("r", 2)

    def squared(shared: pl.Expr, steps: int) -> pl.Expr:
        return pl.when(at("is_used", steps).fill_null(False)).then(2.0 * shared**2).otherwise(0.0)

    def combined(column: str, *, power: int) -> pl.Expr:
        return sum(
            (pl.col(f"c{i + 1}") ** power * at(column, i) for i in range(1, 3)), pl.col("c1") ** power * pl.col(column)
        )

    mean = (pl.col("mean") + at("mean", 1) + at("mean", 2)) / 3.0
    variance = pl.col("variance_in_use") / pl.col("r")
    lloq = pl.max_horizontal("lloq", at("lloq", 1), at("lloq", 2))
    return (
        parts.with_columns(variance=variance)
        .with_columns(
            difference=combined("mean", power=1),
            in_use=combined("variance", power=2),
            above_lloq=mean - lloq,
            shared=squared(next_one, 1) + squared(one_after, 2),
        )
        .filter("is_used")
        .select(*_GROUP, "patient_id", "difference", "above_lloq", "in_use", "shared")
    )


def _only_one(limits: pl.Series) -> float | None:
    known = limits.unique()
    return float(known[0]) if known.len() == 1 and known.null_count() == 0 else None


def _by_level(found: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    near = pl.col("above_lloq") < NEAR_LLOQ_WITHIN_LOG10
    return [(EVERY_LEVEL, found), (NEAR_LLOQ, found.filter(near)), (ABOVE, found.filter(~near))]


def _freedom(found: pl.DataFrame) -> float:
    """Effective degrees of freedom (Satterthwaite): n^2 over the sum of all squared correlations."""
    n = found.height
    return n * n / (n + math.fsum(found["shared"])) if n else 0.0


def _is_enough(freedom: float) -> bool:
    return freedom >= FEWEST_DEGREES_OF_FREEDOM


def _estimate(found: pl.DataFrame, *, is_resistant: bool) -> dict[str, object]:
    freedom = _freedom(found)
    told: dict[str, object] = {
        "status": "ok" if _is_enough(freedom) else "too_few",
        "n": found.height,
        "n_patients": found["patient_id"].n_unique(),
        "degrees_of_freedom": freedom,
    }
    if not _is_enough(freedom):
        return told
    differences = found["difference"].to_list()
    in_use = None
    if found["in_use"].null_count() == 0:
        in_use = math.sqrt(math.fsum(found["in_use"]) / found.height)
    plain = _with_interval(math.sqrt(math.fsum(d * d for d in differences) / found.height), freedom)
    resistant = _with_interval(_OF_MEDIAN * median(map(abs, differences)), _MEDIAN_EFFICIENCY * freedom)
    _, low, high = resistant if is_resistant else plain
    return (
        told
        | dict(zip(_NUMBERS, plain, strict=True))
        | {f"resistant_{name}": value for name, value in zip(_NUMBERS, resistant, strict=True)}
        | {"in_use_log10": in_use, "holds_in_use": None if in_use is None else low <= in_use <= high}
    )


def _with_interval(sigma: float, freedom: float) -> Sequence[float]:
    low, high = (sigma * math.sqrt(freedom / chi_square_quantile(p, freedom)) for p in (1.0 - _TAIL, _TAIL))
    return sigma, low, high


def chi_square_quantile(probability: float, freedom: float) -> float:
    """The quantile of chi-square, by Wilson & Hilferty 1931; within 2 % from 7 degrees of freedom on, within 0.3 % from 20.

    >>> round(chi_square_quantile(0.975, 20.0), 1)
    34.2
    """
    spread = 2.0 / (9.0 * freedom)
    return freedom * (1.0 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)) ** 3

"""Open questions -> the table `next_sample`: the first day on which one more sample would probably settle the call."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.interval import log10_of
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.inputs.codes import NO_CALL
from cmvmon.kinetics.inputs.limits import with_limits
from cmvmon.kinetics.next_sample.outcomes import Outcomes
from cmvmon.kinetics.weeks.weekly_decline import KernelInput, bank_of, gap_table, kernel_input
from cmvmon.protocol import Protocol

_COURSE = (*SERIES_KEY, "anchor_at")
_LIMITED = (words.NOT_DETECTED, words.BELOW_LLOQ, words.ABOVE_ULOQ)


def next_sample(
    results: pl.DataFrame, clocks: pl.DataFrame, weekly: pl.DataFrame, *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """When one more sample would probably settle the call of each series whose latest call is `indeterminate`.

    For each day after `as_of` the bank foretells the result of a sample taken then, its noise included: what it may be
    (quantified at any load, not detected, below the LLOQ, above the ULOQ), how probable each is, and what would then be
    called at that moment, by the rules of `weekly_decline`. The sample is one of the series' latest kind: its limits and
    its noise.

    Args:
        results, clocks: as `weekly_decline` takes them. weekly: what it gave for them at this `as_of`.

    Returns:
        `next_sample`, sorted by its key. No row: a series whose latest call is another or none; by the method `line`, which
        foretells no change; whose course is over, so that no day belongs to its weeks. next_sample_at is null where no
        day reaches the protocol's probability; probability_decisive and call_if_not_detected are then the best day's.

    Raises:
        ProtocolError: the protocol's priors were not read, and a series is asked for.
    Source: [next_sample] of the protocol. Information, never an order: that a sample is worth taking is not said.
    """
    asked = _asked(weekly)
    if asked.is_empty():
        return NEXT_SAMPLE.empty()
    of_asked = results.join(asked.select(SERIES_KEY).unique(), on=SERIES_KEY, how="semi")
    given = kernel_input(of_asked, clocks, protocol=protocol, as_of=as_of, method="bank")
    if given.starts.is_empty():
        return NEXT_SAMPLE.empty()
    from cmvmon.kinetics.next_sample import outlook  # compiles: only who fits pays

    policy = protocol.next_sample
    day, is_reached, probability, call = outlook.next_samples(
        given.rows,
        given.clocks,
        gap_table(clocks),
        _outcomes(given, of_asked, asked),
        bank_of(protocol, "bank"),
        given.policy,
        int(policy.candidate_days),
        policy.probability,
    )
    at = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    found = given.starts.select(_COURSE).with_columns(
        day=pl.Series(day),
        is_reached=pl.Series(is_reached),
        probability_decisive=pl.Series(probability),
        call_if_not_detected=pl.Series(call).replace_strict(
            {NO_CALL: None, **dict(enumerate(words.CALL))}, return_dtype=pl.String
        ),
    )
    return NEXT_SAMPLE.conform(
        found.filter(pl.col("day") > 0).with_columns(
            as_of=at,
            next_sample_at=pl.when("is_reached").then(at + pl.duration(days="day")),
            protocol_version=pl.lit(protocol.version_with_priors),
        )
    ).sort(NEXT_SAMPLE.key)


def _asked(weekly: pl.DataFrame) -> pl.DataFrame:
    """Series and anchor of each series whose latest call, by the bank, is open."""
    latest = (
        weekly.sort(*_COURSE, "treatment_week")
        .group_by(SERIES_KEY, maintain_order=True)
        .last()
        .filter((pl.col("call") == words.INDETERMINATE) & (pl.col("method") == "bank"))
    )
    return latest.select(_COURSE)


def _outcomes(given: KernelInput, results: pl.DataFrame, asked: pl.DataFrame) -> Outcomes:
    """What a sample of each clock's series may report, from its latest row: limits and noise stay as they were."""
    last = given.starts["stop"].to_numpy() - 1
    sigma = given.rows.sigma[last]
    n = len(last)
    limits = results.select("result_id", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")
    latest = (
        pl.DataFrame({"result_id": given.result_ids[last], "sigma_log10": sigma})
        .with_row_index("clock")
        .join(limits.unique("result_id"), on="result_id", how="left", maintain_order="left")
        .with_columns(viral_load_iu_per_ml=pl.lit(None, pl.Float64), is_conflicting=pl.lit(False))
    )
    shape = (n, len(words.DETECTION))
    number = {name: np.zeros(shape) for name in ("fit_lo", "fit_hi", "reported_lo", "reported_hi")}
    is_possible = np.zeros(shape, dtype=np.bool_)
    for state in _LIMITED:
        reported = with_limits(latest.with_columns(detection=pl.lit(state))).sort("clock")
        code = words.DETECTION.index(state)
        for name, column in number.items():
            column[:, code] = reported[name].fill_null(float("nan")).to_numpy()
        is_possible[:, code] = (reported["fault"] == 0).to_numpy()
    lowest = np.where(is_possible[:, 0], number["fit_hi"][:, 0], -np.inf)
    lloq = latest.select(log10_of("lloq_iu_per_ml")).to_series().fill_null(float("nan")).to_numpy()
    uloq = latest.select(log10_of("uloq_iu_per_ml")).to_series().fill_null(float("inf")).to_numpy()
    wanted = given.starts.join(asked.with_columns(is_asked=True), on=_COURSE, how="left", maintain_order="left")
    return Outcomes(
        is_asked=wanted["is_asked"].fill_null(False).to_numpy() & np.isfinite(sigma),
        sigma=sigma,
        lloq=np.where(np.isnan(lloq), lowest, lloq),
        uloq=uloq,
        is_possible=is_possible,
        **number,
    )

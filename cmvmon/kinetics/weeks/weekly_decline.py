"""Results and response clocks -> the table `weekly_decline`, by one line or by the bank of lines."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.compartments import NAMES
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.bank.lines import STATE_COLUMNS, bank_numbers
from cmvmon.kinetics.inputs.arrays import Bank, Clocks, Rows
from cmvmon.kinetics.inputs.codes import BANK, FOREVER, LINE, NUMBERS, WEEK_US, WHOLE, Policy, reason_text
from cmvmon.kinetics.line.fit import prior_numbers
from cmvmon.kinetics.numerics.lanes import room_for
from cmvmon.kinetics.weeks.sorted_rows import sorted_rows
from cmvmon.kinetics.weeks.spread import spread_weeks
from cmvmon.protocol import Protocol
from cmvmon.protocol.trajectory_priors import TrajectoryLine

VERSIONS = {"line": "line-3", "bank": "bank-2"}  # by method; another number for the same rows is another version
_MOMENT = pl.Datetime("us", "UTC")
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


def weekly_decline(
    results: pl.DataFrame, clocks: pl.DataFrame, *, protocol: Protocol, as_of: datetime, method: str = "bank"
) -> pl.DataFrame:
    """One row per series, anchor and treatment week: how fast the load falls, observed and estimated, and the call.

    Args:
        results: usable rows of `viral_load_results` (`current_results`), one per result_id, in any order, with
            is_conflicting (lacking: false) and sigma_log10 (null or lacking: the protocol's for the compartment).
            Rows collected after `as_of` are not used.
        clocks: as `treatment_courses` gives them. A patient without a clock has no row.
        as_of: the moment judged, with its time zone.
        method: `bank` (change-point lines) or `line` (one straight line).

    Returns:
        `weekly_decline`, sorted by its key. A series has the weeks 1 to K of each anchor, K being the last that holds a
        result and begins before the next anchor and the end of the course; without such a week it has no row. Null: see
        `status` and `reason`; probability_rebound and odds_non_responder are always null in the method `line`.

    Raises:
        ValueError: a method that is neither.
        ProtocolError: the method `bank` under a protocol whose priors were not read.
    Source: kinetics.md sections 2 and 4. A row depends on its own series and patient only; the same rows give the same
    bits in whatever order or company they come.
    """
    given = kernel_input(results, clocks, protocol=protocol, as_of=as_of, method=method)
    return estimated_from(given, clocks, protocol)


def estimated_from(given: KernelInput, clocks: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    """The same from rows and clocks that are ready for the kernels: a page draws its trajectory from them too."""
    if given.starts.is_empty():
        return WEEKLY_DECLINE.empty()
    numbers, whole = _kernel(given, clocks, protocol)
    return _table(numbers, whole, given, protocol, given.method)


@dataclass(frozen=True)
class KernelInput:
    """The rows and clocks of a call, sorted, as arrays; `starts` names the clocks, `result_ids` the rows."""

    rows: Rows
    clocks: Clocks
    policy: Policy
    starts: pl.DataFrame
    result_ids: pl.Series
    method: str

    def of(self, patients: Collection[str]) -> KernelInput:
        """The clocks of these patients alone; the rows stay as they are."""
        chosen = self.starts["patient_id"].is_in(sorted(patients))
        clocks = Clocks(*(column[chosen.to_numpy()] for column in self.clocks))
        return replace(self, clocks=clocks, starts=self.starts.filter(chosen))


def kernel_input(
    results: pl.DataFrame, clocks: pl.DataFrame, *, protocol: Protocol, as_of: datetime, method: str
) -> KernelInput:
    """Arguments of `weekly_decline` as its kernels take them; raises as it does."""
    if method not in VERSIONS:
        raise ValueError(f"the method is {method!r}; known are {', '.join(VERSIONS)}")
    moment = pl.lit(as_of).cast(_MOMENT)
    rows, series, result_ids = sorted_rows(results.filter(pl.col("collected_at") <= moment), clocks, protocol)
    starts = series.join(_clock_numbers(clocks), on="patient_id", how="inner", maintain_order="left_right")
    return KernelInput(rows, _starts(starts), _policy(protocol, as_of, method), starts, result_ids, method)


def _clock_numbers(clocks: pl.DataFrame) -> pl.DataFrame:
    """The clocks sorted, with `anchor` and `until` in microseconds and the place of their gaps in the gap table."""
    until = pl.min_horizontal("next_anchor_at", "course_ended_at").cast(pl.Int64).fill_null(FOREVER)
    n_gaps = pl.col("gap_starts").list.len().cast(pl.Int64).fill_null(0)
    return _sorted(clocks).select(
        "patient_id",
        "anchor_at",
        anchor=pl.col("anchor_at").cast(_MOMENT).cast(pl.Int64),
        until=until,
        gap_start=n_gaps.cum_sum() - n_gaps,
        gap_stop=n_gaps.cum_sum(),
    )


def _sorted(clocks: pl.DataFrame) -> pl.DataFrame:
    return clocks.sort("patient_id", "anchor_at")


def gap_table(clocks: pl.DataFrame) -> npt.NDArray[np.int64]:
    gaps = _sorted(clocks).select(
        pl.col(name).explode(empty_as_null=False, keep_nulls=False).cast(_MOMENT).cast(pl.Int64)
        for name in ("gap_starts", "gap_ends")
    )
    return np.ascontiguousarray(gaps.to_numpy().reshape(-1, 2).astype(np.int64))


def _kernel(
    given: KernelInput, clocks: pl.DataFrame, protocol: Protocol
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    priors = np.array([prior_numbers(_joint(protocol, name)) for name in NAMES])
    windows = np.array([prior_numbers(_window(protocol, name)) for name in NAMES])
    bank = bank_of(protocol, given.method)
    return spread_weeks(given.rows, given.clocks, gap_table(clocks), (priors, windows), bank, given.policy)


def _joint(protocol: Protocol, compartment: str) -> tuple[list[float], list[list[float]]]:
    prior = protocol.prior_of(compartment)
    a, d = prior.intercept_sd_log10, prior.decline_sd_log10_per_week
    between = prior.correlation * a * d
    mean = [prior.intercept_mean_log10, prior.decline_mean_log10_per_week]
    return mean, [[a * a, between], [between, d * d]]


def _window(protocol: Protocol, compartment: str) -> tuple[list[float], list[list[float]]]:
    prior, decline = protocol.prior_of(compartment), protocol.decline
    a, d = decline.window_intercept_sd_log10, prior.decline_sd_log10_per_week
    return [decline.window_intercept_mean_log10, prior.decline_mean_log10_per_week], [[a * a, 0.0], [0.0, d * d]]


def _starts(starts: pl.DataFrame) -> Clocks:
    prior = starts["compartment"].replace_strict({name: code for code, name in enumerate(NAMES)}, return_dtype=pl.Int64)
    columns = {name: starts[name].to_numpy() for name in ("start", "stop", "anchor", "until", "gap_start", "gap_stop")}
    return Clocks(**columns, prior=prior.to_numpy())


def bank_of(protocol: Protocol, method: str) -> Bank:
    """The lines of every compartment, padded to one number of lines; one idle line each for the method `line`."""
    if method == "bank":
        lines = tuple(protocol.trajectory_lines_of(name) for name in NAMES)
        alarms = [protocol.alarm_of(name).probability_rebound for name in NAMES]
    else:
        lines, alarms = ((),) * len(NAMES), [math.inf] * len(NAMES)
    table = _line_table(lines).copy()
    most = table.shape[1]
    return Bank(
        lines=table,
        rebound_alarm=np.array(alarms),
        state=np.empty((most, STATE_COLUMNS)),
        room=np.empty((4, most)),
        mixture=np.empty(room_for(most)),
        guess=np.empty(4),
    )


@lru_cache(maxsize=4)
def _line_table(lines: tuple[tuple[TrajectoryLine, ...], ...]) -> npt.NDArray[np.float64]:
    """Worked out once for a protocol: it takes longer than a patient's weeks."""
    most = max(1, *(len(one) for one in lines))
    return np.array([bank_numbers(one, at_least=most) for one in lines])


def _policy(protocol: Protocol, as_of: datetime, method: str) -> Policy:
    decline, clock = protocol.decline, protocol.response_clock
    tail = (1.0 - decline.interval_probability) / 2.0
    return Policy(
        target=decline.target_log10_per_week,
        met=decline.met_probability,
        not_met=decline.not_met_probability,
        tail=tail,
        z=-NormalDist().inv_cdf(tail),
        growth=decline.growth_before_anchor_log10_per_week,
        growth_sd=decline.growth_before_anchor_sd_log10_per_week,
        too_close_us=round(decline.too_close_days * _DAY_US),
        week_end_us=round(decline.week_end_within_h * _HOUR_US),
        new_segment_us=round(decline.new_segment_gap_days * _DAY_US),
        baseline_before_us=round(clock.baseline_before_h * _HOUR_US),
        baseline_after_us=round(clock.baseline_after_h * _HOUR_US),
        early_from_us=round(clock.early_baseline_before_days * _DAY_US),
        late_until_us=round(clock.late_baseline_after_days * _DAY_US),
        as_of_us=pl.Series([as_of]).cast(_MOMENT).cast(pl.Int64).item(),
        window_mean=decline.window_intercept_mean_log10,
        window_sd=decline.window_intercept_sd_log10,
        method=BANK if method == "bank" else LINE,
    )


def _table(
    numbers: npt.NDArray[np.float64],
    whole: npt.NDArray[np.int64],
    given: KernelInput,
    protocol: Protocol,
    method: str,
) -> pl.DataFrame:
    """The kernel's numbers in the words of the table; NaN becomes null."""
    codes = pl.DataFrame({name: whole[i] for i, name in enumerate(WHOLE)})
    named = given.starts.select(*SERIES_KEY, "anchor_at")[codes["clock"]]
    reasons = {bits: reason_text(bits) for bits in codes["reason"].unique()}
    week_start = (pl.col("treatment_week") - 1) * pl.duration(microseconds=WEEK_US) + pl.col("anchor_at")
    table = pl.concat([named, codes.drop("clock")], how="horizontal").with_columns(
        *(pl.Series(name, numbers[i]).fill_nan(None) for i, name in enumerate(NUMBERS)),
        *_rests_on(codes, given),
        week_start=week_start,
        week_end=week_start + pl.duration(microseconds=WEEK_US),
        status=pl.col("status").replace_strict(dict(enumerate(words.STATUS)), return_dtype=pl.String),
        call=pl.col("call").replace_strict(dict(enumerate(words.CALL)), default=None, return_dtype=pl.String),
        reason=pl.col("reason").replace_strict(reasons, return_dtype=pl.String),
        method=pl.lit(method),
        method_version=pl.lit(VERSIONS[method]),
        protocol_version=pl.lit(protocol.version_with_priors),
    )
    return WEEKLY_DECLINE.conform(table)


def _rests_on(codes: pl.DataFrame, given: KernelInput) -> tuple[pl.Series, ...]:
    """Which rows the mean decline of each week rests on: the first and last of a run of the series' rows."""
    first, last = (codes[f"{end}_row"].replace(-1, None) for end in ("first", "last"))
    anchor = pl.Series(given.clocks.anchor)[codes["clock"]]
    begun = pl.Series(given.rows.time)[first]
    baseline = codes["n_results"] == last - first + 1  # no long gap: the estimate counts from the anchor
    since = begun.zip_with(~baseline, anchor).cast(_MOMENT).rename("estimated_since")
    return (
        since,
        given.result_ids[first].rename("first_result_id"),
        given.result_ids[last].rename("last_result_id"),
        (last - first + 1).fill_null(0).rename("n_used"),
    )

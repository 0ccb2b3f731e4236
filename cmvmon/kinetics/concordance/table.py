"""Does blood follow another compartment? Pairs of samples -> the table `concordance`, by patient and for the unit.

The name says that it crosses compartments. Loads of two compartments are never compared with each other: only the order
and the direction of change within each side are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.results import CONCORDANCE
from cmvmon.kinetics.concordance import lag
from cmvmon.kinetics.concordance.rows import Row, patient_rows, unit_row
from cmvmon.kinetics.concordance.sample_pairs import Paired, sample_pairs
from cmvmon.kinetics.concordance.tally import Sums
from cmvmon.kinetics.numerics import rank_correlation
from cmvmon.protocol import Protocol

Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

# What `concordance` reads of `viral_load_results`; `is_conflicting` and `sigma_log10` too, where the frame has them.
READS = (
    "patient_id",
    "compartment",
    "laboratory",
    "assay",
    "collected_at",
    "result_id",
    "detection",
    "viral_load_iu_per_ml",
    "lod_iu_per_ml",
    "lloq_iu_per_ml",
    "uloq_iu_per_ml",
)
_US_PER_DAY = 86_400_000_000
_SAME = 1e-9  # log10: a limit that noise must not exceed is not missed by the last bit of a logarithm


def concordance(results: pl.DataFrame, *, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """Whether blood follows each other compartment: one row per patient who has both, and one for the unit.

    Pairs: see `sample_pairs`. From one pair to the next of the same patient, not further apart than a new segment
    begins, each side goes up, goes down, or overlaps with itself. A change is *clear* when the gap between its two
    intervals exceeds what noise alone would reach with the protocol's probability; a change that is not clear on both
    sides is undetermined: counted, and no agreement. Censored values are intervals throughout.

        direction_agreement   clear changes in one direction / clear changes
        signed_agreement      the same over changes that are clear on one side at least, the other side by its direction
        rank_correlation      Kendall's tau-b over pairs of pairs of one patient; for the unit, summed over patients

    Interval of the agreement: Clopper-Pearson. For the unit with the effective number of changes n / D, where the design
    effect D is the largest of 1, the one estimated from the scatter between patients, and 1 + (m - 1) rho with m the
    weighted mean number of changes of a patient and rho the protocol's least correlation within a patient.

    The answer is `plasma_follows` when there are enough pairs, enough clear changes (as many as the least number of
    pairs could give), the interval's lower end reaches the protocol's line, and two guards hold. The lower end of
    signed_agreement reaches the line too: a lung that stands still while blood falls is mostly undetermined, and must not
    be left out of the count. And the agreement lies beyond chance by the protocol's least value of
    (share - by chance) / (1 - by chance): under treatment nearly everything falls, so that unrelated courses agree most
    of the time (not asked where every clear change of both sides has one direction: there is nothing to tell apart).
    With enough of both and one of these not reached, `plasma_does_not_follow`: it was not shown to follow. Else
    `too_few_pairs`.

    Args:
        results: usable rows of `viral_load_results`, one per result_id, in any order (columns: `READS`). Rows collected
            after `as_of` are not used.

    Returns:
        `concordance`, sorted by its key, the unit's rows last. Rows of a patient depend on that patient only.
    Source: guide G20; rules.md section 1. The numbers of the protocol are a proposal.
    """
    paired = paired_samples(results, protocol=protocol, as_of=as_of)
    if paired.sides.is_empty():
        return CONCORDANCE.empty()
    sums = sums_of(paired, protocol)
    rows: list[Row] = []
    places = paired.sides.select("compartment", "followed_compartment").with_row_index("side")
    for (compartment, followed), of_place in sorted(
        places.group_by("compartment", "followed_compartment"), key=lambda part: (str(part[0][0]), str(part[0][1]))
    ):
        sides = of_place["side"].sort().to_numpy().astype(np.int64)
        if sums.n_pairs[sides].any():
            place: Row = {"compartment": compartment, "followed_compartment": followed}
            rows.append(place | unit_row(sides, sums, protocol))
    of_unit = CONCORDANCE.conform(pl.DataFrame(rows, infer_schema_length=None, schema=CONCORDANCE.schema))
    of_unit = of_unit.with_columns(protocol_version=pl.lit(protocol.version))
    return pl.concat([rows_of_patients(paired, sums, protocol), of_unit]).sort(*CONCORDANCE.key, nulls_last=True)


def paired_samples(results: pl.DataFrame, *, protocol: Protocol, as_of: datetime) -> Paired:
    """The pairs of samples of the results that `concordance` uses."""
    known = set(results.columns)
    light = results.filter(pl.col("collected_at") <= pl.lit(as_of).cast(pl.Datetime("us", "UTC"))).select(
        *READS, *(name for name in ("is_conflicting", "sigma_log10") if name in known)
    )
    return sample_pairs(light, protocol=protocol)


def rows_of_patients(paired: Paired, sums: Sums, protocol: Protocol) -> pl.DataFrame:
    """The rows of the patients, in the order of the sides."""
    names = ("patient_id", "compartment", "followed_compartment", "laboratory", "assay")
    sides = paired.sides.select(*names, "followed_laboratory", "followed_assay")
    told = CONCORDANCE.conform(sides.hstack(patient_rows(sums, protocol)))
    return told.with_columns(protocol_version=pl.lit(protocol.version))


@dataclass(frozen=True)
class _Steps:
    """From one pair to the next: the pairs' places, and on each side the direction and whether noise is excluded."""

    first: Whole
    second: Whole
    side: Whole
    other: Whole
    blood: Whole
    other_clear: Truths
    blood_clear: Truths


def sums_of(paired: Paired, protocol: Protocol) -> Sums:
    lo, hi = (paired.samples[name].to_numpy() for name in ("reported_lo", "reported_hi"))
    n_sides = paired.sides.height
    is_number = lo == hi
    steps = _steps(paired, protocol)
    clear = steps.other_clear & steps.blood_clear
    alike = steps.other == steps.blood
    signed = (steps.other_clear | steps.blood_clear) & (steps.other != 0) & (steps.blood != 0)

    def count(sides: Whole) -> Whole:
        return np.bincount(sides, minlength=n_sides).astype(np.int64)

    right, usable = _rightness(paired, steps, protocol)
    return Sums(
        n_pairs=count(paired.side),
        n_quantified=count(paired.side[is_number[paired.other] & is_number[paired.blood]]),
        n_changes=count(steps.side),
        n_clear=count(steps.side[clear]),
        n_agreeing=count(steps.side[clear & alike]),
        n_blood_up=count(steps.side[clear & (steps.blood > 0)]),
        n_other_up=count(steps.side[clear & (steps.other > 0)]),
        n_signed=count(steps.side[signed]),
        n_signed_agreeing=count(steps.side[signed & alike]),
        pair_side=paired.side,
        items=rank_correlation.comparisons(
            paired.side, (lo[paired.other], hi[paired.other]), (lo[paired.blood], hi[paired.blood])
        ),
        lag_side=steps.side[usable],
        lag_right=right[usable],
    )


def _steps(paired: Paired, protocol: Protocol) -> _Steps:
    """The changes: consecutive pairs of one side, later in both compartments, with no new segment between them."""
    when = paired.samples["collected_us"].to_numpy()
    same = paired.side[1:] == paired.side[:-1]
    apart = [when[places][1:] - when[places][:-1] for places in (paired.other, paired.blood)]
    longest = protocol.decline.new_segment_gap_days * _US_PER_DAY
    first = np.flatnonzero(same & (apart[0] > 0) & (apart[1] > 0) & (apart[0] <= longest) & (apart[1] <= longest))
    other, other_clear = _direction(paired, paired.other[first], paired.other[first + 1], protocol)
    blood, blood_clear = _direction(paired, paired.blood[first], paired.blood[first + 1], protocol)
    return _Steps(first, first + 1, paired.side[first], other, blood, other_clear, blood_clear)


def _direction(paired: Paired, first: Whole, second: Whole, protocol: Protocol) -> tuple[Whole, Truths]:
    """Direction (+1 up, -1 down, 0 overlap) from one sample to a later one of its series, and whether it is clear."""
    lo, hi, sigma = (paired.samples[name].to_numpy() for name in ("reported_lo", "reported_hi", "sigma_log10"))
    sign = rank_correlation.order(lo[first], hi[first], lo[second], hi[second]).astype(np.int64)
    gap = np.where(sign > 0, lo[second] - hi[first], np.where(sign < 0, lo[first] - hi[second], -np.inf))
    z = NormalDist().inv_cdf((1 + protocol.concordance.change_probability) / 2)
    reach = z * np.sqrt(sigma[first] ** 2 + sigma[second] ** 2)
    return sign, gap > reach + _SAME  # noise that is not known (NaN) makes nothing clear


def _rightness(paired: Paired, steps: _Steps, protocol: Protocol) -> tuple[Truths, Truths]:
    """For each change: at which shifts blood changed alike, and whether it can be read at all of them."""
    lo, hi = (paired.samples[name].to_numpy() for name in ("reported_lo", "reported_hi"))
    seconds = paired.samples["collected_us"].to_numpy() // 1_000_000
    starts, stops = (paired.sides[name].to_numpy() for name in ("followed_start", "followed_stop"))
    of_side = np.repeat(np.arange(len(starts)), stops - starts)
    place = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)])
    trajectories = lag.Trajectories(of_side, seconds[place], np.where(lo == hi, lo, np.nan)[place])
    right, readable = lag.rightness(
        trajectories,
        steps.side,
        seconds[paired.other[steps.first]],
        seconds[paired.other[steps.second]],
        steps.other,
        longest=round(protocol.concordance.longest_lag_days),
        gap_days=protocol.decline.new_segment_gap_days,
    )
    return right, readable & steps.other_clear
